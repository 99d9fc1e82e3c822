"""MatMul and Gemm in all ranks and types, a step of Adam, against numpy; C++ agrees (7 s)."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from inferon.analysis.bound import agreement
from inferon.errors import Unsupported
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.load import load
from tests.differential.cpp_pack import BUILDS, Pack, check
from tests.differential.onnx_oracle import Array

Shape = tuple[int, ...]


def model(op: str, arrays: dict[str, Array], domain: str = "", **attributes: Any) -> Graph:
    """Return one layer whose inputs have the types and shapes of arrays, as one event."""
    value = helper.make_tensor_value_info
    kinds = {name: helper.np_dtype_to_tensor_dtype(x.dtype) for name, x in arrays.items()}
    last = kinds[[*arrays][-1]]
    inputs = [value(name, kinds[name], x.shape) for name, x in arrays.items()]
    results = [f"y{i}" for i in range(attributes.pop("results", 1))]
    outputs = [value(name, last, None) for name in results]
    node = helper.make_node(op, [*arrays], results, domain=domain, **attributes)
    graph = helper.make_graph([node], op.lower(), inputs, outputs)
    opsets = [helper.make_opsetid("", 13), *([helper.make_opsetid(domain, 1)] if domain else [])]
    made: onnx.ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    return load(made, batch_axis=None)


def numbers(seed: int, shape: Shape, dtype: str) -> Array:
    """Return numbers over the whole range of an integer type, or normal ones."""
    rng = np.random.default_rng(seed)
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return rng.standard_normal(shape).astype(kind)
    ends = np.iinfo(kind)
    return rng.integers(ends.min, ends.max, shape, dtype=kind, endpoint=True)


RANKS = [
    ((3, 4), (4, 5)),
    ((4,), (4,)),
    ((4,), (4, 5)),
    ((4,), (2, 4, 5)),
    ((3, 4), (4,)),
    ((2, 3, 4), (4,)),
    ((2, 3, 4), (4, 5)),
    ((3, 4), (2, 4, 5)),
    ((2, 1, 3, 4), (6, 4, 5)),
]
TYPES = ("float64", "int32", "int64", "uint32", "uint64")
MATRICES = [(*RANKS[0], dtype) for dtype in TYPES] + [(*ranks, "int32") for ranks in RANKS]


@cache
def products() -> tuple[tuple[Graph, dict[str, Array]], ...]:
    """Return the matrix products and their operands."""
    found = []
    for left, right, dtype in MATRICES:
        arrays = {"a": numbers(1, left, dtype), "b": numbers(2, right, dtype)}
        found.append((model("MatMul", arrays), arrays))
    return tuple(found)


@pytest.mark.parametrize("case", range(len(MATRICES)), ids=lambda i: str(MATRICES[i]))
def test_a_matrix_product_is_that_of_numpy(case: int) -> None:
    """Integers wrap around, as numpy's do; floats keep their bound."""
    graph, arrays = products()[case]
    feed = {name: array[None] for name, array in arrays.items()}
    wanted = np.matmul(*arrays.values())
    (y,) = interpret(graph, feed)
    assert y.dtype == wanted.dtype
    assert y[0].shape == wanted.shape
    if wanted.dtype.kind == "f":
        agreement(graph, feed, (wanted[None],))
    else:
        assert (y[0] == wanted).all()


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("bias", [(3, 5), (5,), (3, 1), ()], ids=str)
def test_a_gemm_scales_and_turns_its_operands(dtype: str, bias: Shape) -> None:
    shapes = {"a": (4, 3), "b": (5, 4), "c": bias}
    arrays = {n: numbers(i, shape, dtype) for i, (n, shape) in enumerate(shapes.items())}
    graph = model("Gemm", arrays, transA=1, transB=1, alpha=3.0, beta=2.0)
    feed = {name: array[None] for name, array in arrays.items()}
    a, b, c = arrays.values()
    three, two = np.array([3, 2], dtype)
    with np.errstate(over="ignore"):
        wanted = (a.T @ b.T) * three + c * two
    (y,) = interpret(graph, feed)
    if dtype == "float64":
        agreement(graph, feed, (wanted[None],))
    else:
        assert (y[0] == wanted).all()


def test_a_gemm_without_its_bias_does_not_look_at_it() -> None:
    arrays = {"a": numbers(1, (2, 3), "float32"), "b": numbers(2, (3, 4), "float32")}
    feed = {name: array[None] for name, array in arrays.items()}
    (wanted,) = interpret(model("Gemm", arrays), feed)
    bias = np.full((2, 4), np.nan, np.float32)
    (found,) = interpret(model("Gemm", {**arrays, "c": bias}, beta=0.0), {**feed, "c": bias[None]})
    assert (found == wanted).all()


def test_a_gemm_of_integers_takes_whole_factors_only() -> None:
    arrays = {"a": numbers(1, (2, 3), "int32"), "b": numbers(2, (3, 4), "int32")}
    with pytest.raises(Unsupported, match=r"Gemm of i32 with the factor 0\.5"):
        model("Gemm", arrays, alpha=0.5)


def test_products_have_their_bits_in_cpp() -> None:
    check(Pack(tuple(graph for graph, _ in products()), events=8), BUILDS[0])


ADAM = {"alpha": 0.95, "beta": 0.999, "epsilon": 1e-7, "norm_coefficient": 0.01}


@pytest.mark.parametrize("count", [0, 1, 2, 1000, 2**40])
def test_a_step_of_adam_is_corrected_for_its_count(count: int) -> None:
    """The formula of the standard in float64 is the oracle."""
    dtype = "float64"
    x, g, v = (numbers(seed, (4,), dtype) for seed in range(3))
    h = np.abs(numbers(4, (4,), dtype))
    arrays = {"r": np.array(0.1), "t": np.array(count), "x": x, "g": g, "v": v, "h": h}
    graph = model("Adam", arrays, "ai.onnx.preview.training", results=3, **ADAM)
    feed = {name: np.asarray(array)[None] for name, array in arrays.items()}
    alpha, beta, epsilon, norm = (float(np.float32(each)) for each in ADAM.values())
    regular = norm * x + g
    v_new = alpha * v + (1.0 - alpha) * regular
    h_new = beta * h + (1.0 - beta) * regular * regular
    rate = 0.1 * np.sqrt(1.0 - beta**count) / (1.0 - alpha**count) if count else 0.1
    x_new = x - rate * v_new / (np.sqrt(h_new) + epsilon)
    agreement(graph, feed, (x_new[None], v_new[None], h_new[None]))
