"""Indexing, scatter, reductions of random shapes against ONNX Runtime, bit for bit (8 s).

Floats are small whole numbers, so that sums and products are exact in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.load import load
from tests.absent import needs_tool
from tests.differential.cpp_pack import BUILDS, check
from tests.differential.onnx_oracle import Array, run

SEEDS = range(10)
KINDS = (np.float32, np.float64, np.int32, np.int64)

Rng = np.random.Generator
Drawn = tuple[dict[str, Array], dict[str, Array], dict[str, Any]]
"""Inputs, constants, attributes."""


def numbers(rng: Rng, shape: tuple[int, ...], dtype: Any = None) -> Array:
    return np.asarray(rng.integers(-4, 5, shape).astype(dtype or KINDS[int(rng.integers(4))]))


def shape_of(rng: Rng, least: int = 1, most: int = 4) -> tuple[int, ...]:
    return tuple(int(each) for each in rng.integers(1, 6, rng.integers(least, most + 1)))


def axis_of(rng: Rng, rank: int) -> int:
    return int(rng.integers(-rank, rank))


def gather(rng: Rng) -> Drawn:
    x = numbers(rng, shape_of(rng))
    axis = axis_of(rng, x.ndim)
    size = x.shape[axis]
    return {"x": x, "i": rng.integers(-size, size, shape_of(rng, 0, 2))}, {}, {"axis": axis}


def gather_elements(rng: Rng) -> Drawn:
    x = numbers(rng, shape_of(rng))
    axis = axis_of(rng, x.ndim)
    shape = [int(rng.integers(1, n + 1)) for n in x.shape]
    shape[axis] = int(rng.integers(1, 7))
    size = x.shape[axis]
    return {"x": x, "i": rng.integers(-size, size, shape)}, {}, {"axis": axis}


def tuples(rng: Rng, sizes: tuple[int, ...], lead: tuple[int, ...]) -> Array:
    width = int(rng.integers(1, len(sizes) + 1))
    return np.stack([rng.integers(-n, n, lead) for n in sizes[:width]], axis=-1)


def gather_nd(rng: Rng) -> Drawn:
    x = numbers(rng, shape_of(rng, 2, 4))
    batch = int(rng.integers(0, x.ndim))
    lead = (*x.shape[:batch], *shape_of(rng, 0, 2))
    return {"x": x, "i": tuples(rng, x.shape[batch:], lead)}, {}, {"batch_dims": batch}


def scatter_elements(rng: Rng) -> Drawn:
    given, _, how = gather_elements(rng)
    reduction = str(rng.choice(["none", "add", "mul", "min", "max"]))
    x, axis = given["x"], how["axis"]
    index = given["i"]
    if reduction == "none":  # ONNX leaves open which of several updates wins
        others = np.moveaxis(index, axis, -1).shape[:-1]
        line = rng.permutation(x.shape[axis])[: index.shape[axis]]
        index = np.moveaxis(np.broadcast_to(line, (*others, len(line))), -1, axis)
    return (
        {"x": x, "i": index, "u": numbers(rng, index.shape, x.dtype)},
        {},
        {**how, "reduction": reduction},
    )


def scatter_nd(rng: Rng) -> Drawn:
    x = numbers(rng, shape_of(rng, 1, 4))
    reduction = str(rng.choice(["add", "mul", "min", "max"]))
    index = tuples(rng, x.shape, shape_of(rng, 1, 2))
    shape = (*index.shape[:-1], *x.shape[index.shape[-1] :])
    return {"x": x, "i": index, "u": numbers(rng, shape, x.dtype)}, {}, {"reduction": reduction}


def top_k(rng: Rng) -> Drawn:
    x = numbers(rng, shape_of(rng))
    axis = axis_of(rng, x.ndim)
    k = np.array([rng.integers(1, x.shape[axis] + 1)])
    return {"x": x}, {"k": k}, {"axis": axis, "largest": int(rng.integers(2))}


def best(rng: Rng) -> Drawn:
    x = numbers(rng, shape_of(rng), np.float32)
    how = {"keepdims": int(rng.integers(2)), "select_last_index": int(rng.integers(2))}
    return {"x": x}, {}, {"axis": axis_of(rng, x.ndim), **how}


def one_hot(rng: Rng) -> Drawn:
    index = rng.integers(-7, 8, shape_of(rng, 1, 3))
    values = numbers(rng, (2,), np.float32)
    how = {"axis": axis_of(rng, index.ndim + 1)}
    return {"i": index}, {"depth": np.array([5]), "values": values}, how


def running(rng: Rng) -> Drawn:
    x = numbers(rng, shape_of(rng))
    how = {"exclusive": int(rng.integers(2)), "reverse": int(rng.integers(2))}
    return {"x": x}, {"axis": np.array(axis_of(rng, x.ndim))}, how


def reverse_sequence(rng: Rng) -> Drawn:
    x = numbers(rng, shape_of(rng, 2, 4), np.float32)
    time = int(rng.integers(2))
    lengths = rng.integers(1, x.shape[time] + 1, x.shape[1 - time])
    return {"x": x, "lengths": lengths}, {}, {"time_axis": time, "batch_axis": 1 - time}


def slices(rng: Rng) -> Drawn:
    x = numbers(rng, tuple(each + 4 for each in shape_of(rng)))
    axis = axis_of(rng, x.ndim)
    step = int(rng.choice([-3, -2, -1, 1, 2, 5]))
    first, last = (0, 3) if step > 0 else (-1, -x.shape[axis] - 9)
    last = int(rng.choice([2**62, last])) if step > 0 else last
    constants = {"start": [first], "end": [last], "axes": [axis], "step": [step]}
    return {"x": x}, {name: np.array(value) for name, value in constants.items()}, {}


def reduced(rng: Rng) -> Drawn:
    x = numbers(rng, shape_of(rng))
    x = np.where(x == 0, 1, x).astype(x.dtype)
    chosen = rng.permutation(x.ndim)[: int(rng.integers(0, x.ndim + 1))]
    how = {"keepdims": int(rng.integers(2)), "noop_with_empty_axes": int(rng.integers(2))}
    return {"x": x}, {"axes": chosen.astype(np.int64)} if chosen.size else {}, how


DRAW: dict[str, Callable[[Rng], Drawn]] = {
    "Gather": gather,
    "GatherElements": gather_elements,
    "GatherND": gather_nd,
    "ScatterElements": scatter_elements,
    "ScatterND": scatter_nd,
    "TopK": top_k,
    "ArgMax": best,
    "ArgMin": best,
    "OneHot": one_hot,
    "CumSum": running,
    "ReverseSequence": reverse_sequence,
    "Slice": slices,
    "ReduceSum": reduced,
    "ReduceProd": reduced,
    "ReduceMax": reduced,
    "ReduceMin": reduced,
    "ReduceL1": reduced,
    "ReduceSumSquare": reduced,
}


def cases(op: str) -> Iterator[tuple[onnx.ModelProto, dict[str, Array]]]:
    """Yield models of one layer, each with an event."""
    for seed in SEEDS:
        inputs, constants, how = DRAW[op](np.random.default_rng([seed, len(op)]))
        outputs = ["y", "places"] if op == "TopK" else ["y"]
        node = helper.make_node(op, [*inputs, *constants], outputs, op.lower(), **how)
        given = [
            helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
            for n, a in inputs.items()
        ]
        kind = next(iter(inputs.values())).dtype
        if op in ("ArgMax", "ArgMin", "OneHot"):
            kind = constants["values"].dtype if op == "OneHot" else np.dtype(np.int64)
        kinds = [kind, np.dtype(np.int64)][: len(outputs)]
        results = [
            helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(k), None)
            for n, k in zip(outputs, kinds, strict=True)
        ]
        weights = [onnx.numpy_helper.from_array(a, n) for n, a in constants.items()]
        graph = helper.make_graph([node], op.lower(), given, results, weights)
        opsets = [helper.make_opsetid("", 18)]
        yield helper.make_model(graph, opset_imports=opsets, ir_version=8), inputs


@pytest.mark.parametrize("op", DRAW)
def test_random_shapes_give_the_numbers_of_onnx_runtime(op: str) -> None:
    for made, event in cases(op):
        graph = load(made, batch_axis=None)
        expected = run(made, event)
        found = interpret(graph, {name: array[None] for name, array in event.items()})
        for ours, theirs in zip(found, expected, strict=True):
            assert ours[0].dtype == theirs.dtype
            assert ours[0].shape == theirs.shape
            assert ours[0].tolist() == theirs.tolist(), helper.printable_node(made.graph.node[0])


@needs_tool("g++")
def test_random_shapes_in_cpp() -> None:
    graphs: list[Graph] = []
    for op in DRAW:
        graphs += [load(made, batch_axis=None) for made, _ in list(cases(op))[:4]]
    check(graphs, BUILDS[0])
