"""Operators on ints of every width, at the ends of their types and on small numbers (2 s).

The oracle is Python's ints, reduced to the width as two's complement is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from onnx import helper

from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.values import Array
from inferon.load import load

DTYPES = (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64)
each_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.__name__)


def operands(dtype: Any) -> tuple[Array, Array]:
    """Return pairs of the ends, of small numbers (all shifts) and of some more."""
    info = np.iinfo(dtype)
    drawn = np.random.default_rng(info.bits).integers(info.min, info.max, 20, dtype, endpoint=True)
    small = range(max(int(info.min), -8), 9)
    ends = [int(info.min), int(info.min) + 1, int(info.max) - 1, int(info.max)]
    left = np.array([*drawn.tolist(), *small, *ends], dtype)
    right = np.unique(np.concatenate([left, np.arange(10, 66).astype(dtype)]))
    pairs = np.meshgrid(left, right)
    return pairs[0].ravel(), pairs[1].ravel()


def graph_of(op: str, dtype: Any, operands: int, size: int, **attributes: Any) -> Graph:
    """Return the graph of a model with one layer."""
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    names = [f"x{i}" for i in range(operands)]
    shapes = [[size], [size if op != "Clip" else 1], [1]]
    inputs = [
        helper.make_tensor_value_info(name, kind, shape)
        for name, shape in zip(names, shapes, strict=False)
    ]
    output = helper.make_tensor_value_info("y", kind, [size])
    node = helper.make_node(op, names, ["y"], **attributes)
    opsets = [helper.make_opsetid("", 28)]
    model = helper.make_model(
        helper.make_graph([node], op, inputs, [output]), opset_imports=opsets
    )
    return load(model, batch_axis=None)


def computed(op: str, dtype: Any, *arrays: Array, **attributes: Any) -> Array:
    graph = graph_of(op, dtype, len(arrays), 1, **attributes)
    return interpret(graph, [array[:, None] for array in arrays])[0][:, 0]


def wrapped(value: int, dtype: Any) -> int:
    info = np.iinfo(dtype)
    return (value - int(info.min)) % (1 << info.bits) + int(info.min)


def expect(op: str, dtype: Any, oracle: Callable[[int, int], int], **attributes: Any) -> None:
    x, y = operands(dtype)
    expected = [wrapped(oracle(a, c), dtype) for a, c in zip(x.tolist(), y.tolist(), strict=True)]
    assert computed(op, dtype, x, y, **attributes).tolist() == expected


def truncated(a: int, c: int) -> int:
    """Return a / c toward zero; 0 where c is 0."""
    return 0 if c == 0 else abs(a) // abs(c) * (1 if (a < 0) == (c < 0) else -1)


@each_dtype
def test_division_by_zero_and_of_the_lowest(dtype: Any) -> None:
    expect("Div", dtype, truncated)


@each_dtype
@pytest.mark.parametrize("fmod", [0, 1])
def test_remainder(dtype: Any, fmod: int) -> None:
    def oracle(a: int, c: int) -> int:
        if c == 0:
            return a
        return a - c * truncated(a, c) if fmod else a % c

    expect("Mod", dtype, oracle, fmod=fmod)


@each_dtype
@pytest.mark.parametrize("direction", ["LEFT", "RIGHT"])
def test_shift_by_any_number(dtype: Any, direction: str) -> None:
    bits = np.iinfo(dtype).bits

    def oracle(a: int, by: int) -> int:
        if not 0 <= by < bits:
            return -1 if direction == "RIGHT" and a < 0 else 0
        return a >> by if direction == "RIGHT" else a << by

    expect("BitShift", dtype, oracle, direction=direction)


@each_dtype
def test_bits(dtype: Any) -> None:
    expect("BitwiseAnd", dtype, lambda a, c: a & c)
    expect("BitwiseOr", dtype, lambda a, c: a | c)
    expect("BitwiseXor", dtype, lambda a, c: a ^ c)
    x, _ = operands(dtype)
    assert computed("BitwiseNot", dtype, x).tolist() == [wrapped(~a, dtype) for a in x.tolist()]


@each_dtype
def test_wraparound(dtype: Any) -> None:
    expect("Add", dtype, lambda a, c: a + c)
    expect("Sub", dtype, lambda a, c: a - c)
    expect("Mul", dtype, lambda a, c: a * c)
    expect("Max", dtype, max)
    expect("Min", dtype, min)


@each_dtype
def test_signs(dtype: Any) -> None:
    x, _ = operands(dtype)
    numbers = x.tolist()
    assert computed("Sign", dtype, x).tolist() == [(a > 0) - (a < 0) for a in numbers]
    assert computed("Abs", dtype, x).tolist() == [wrapped(abs(a), dtype) for a in numbers]
    if np.iinfo(dtype).min < 0:
        assert computed("Neg", dtype, x).tolist() == [wrapped(-a, dtype) for a in numbers]


@each_dtype
def test_clip_at_run_time(dtype: Any) -> None:
    """The ends are inputs; where they cross, the upper one counts."""
    x, y = operands(dtype)
    x, y, z = x[::37], y[::37], np.roll(x, 11)[::37]
    triples = zip(x.tolist(), y.tolist(), z.tolist(), strict=True)
    expected = [min(max(a, low), high) for a, low, high in triples]
    assert computed("Clip", dtype, x, y, z).tolist() == expected
