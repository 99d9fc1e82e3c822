"""Operands of the rules: brought onto grids, to one scale, or left at the rim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import singledispatch

import numpy as np

from inferon.ir.node import Node, Op
from inferon.ir.types import Bool, Fixed, Int
from inferon.ir.values import Array
from inferon.ops import arithmetic, convert, logic
from inferon.ops import build as b
from inferon.passes.exact.curve import MAX_ENTRY_BITS
from inferon.passes.exact.dyadic import (
    aligned,
    array_of,
    at_step,
    constant,
    constant_at,
    grid,
    grid_of_numbers,
    guard,
    made,
)
from inferon.passes.exact.rounding import settled
from inferon.passes.exact.value import (
    Grid,
    NotExact,
    Numbers,
    Pending,
    Plain,
    Rim,
    Value,
    is_power_of_two,
    uniform,
)

Values = Sequence[Value]


@singledispatch
def rule(op: Op, node: Node, values: Values) -> Value | None:
    """Return the value of a node from those of its inputs; None where there is no rule."""
    return None


def number_array(value: Value) -> Array | None:
    """Return an operand that is constant as numbers, also where it is a constant on a grid."""
    if isinstance(value, Numbers):
        return value.array
    if isinstance(value, Grid) and value.offset is None:
        mantissas = array_of(value.node)
        if mantissas is not None:
            return np.asarray(mantissas.astype(np.float64) * value.resolution * value.step)
    return None


def on_grid(value: Value) -> Grid:
    """Return an operand as a grid."""
    if isinstance(value, Grid):
        return value if value.offset is None else _with_offset(value)
    if isinstance(value, Pending):
        return settled(value)
    if isinstance(value, Plain):
        return _of_ints(value.node)
    if isinstance(value, Numbers):
        return grid_of_numbers(value.array, MAX_ENTRY_BITS, "constants")
    if isinstance(value, Rim):
        raise NotExact("its input is not quantized", "exact(..., inputs={name: Fixed(...)})")
    raise NotExact(
        "its input is a function that is not quantized", "a quantizer before this layer"
    )


def _with_offset(value: Grid) -> Grid:
    """Return a grid to which its constant has been added."""
    assert value.offset is not None
    x = replace(value, offset=None)
    if _is_whole_number(value.offset):
        x = _at_one(x)
    c = constant_at(value.offset, x)
    return grid(made(arithmetic.Add(), x.node, c.node), x.step, x.low + c.low, x.high + c.high)


def _of_ints(node: Node) -> Grid:
    element = node.type.element
    if isinstance(element, Bool):
        shape = node.type.shape
        ends = [constant(np.array(each), 0, shape) for each in (1, 0)]
        return grid(Node(logic.Select(), (node, *ends)), np.ones(()))
    if not isinstance(element, Int):
        raise NotExact(f"values of {element}", "integers")
    to = Fixed(element.signed, element.bits, element.bits)
    return grid(made(convert.Quantize(to), node), np.ones(()))


def together(values: Values) -> list[Grid]:
    """Return operands on one common step."""
    known = [number_array(each) for each in values]
    computed = [each for each, array in zip(values, known, strict=True) if array is None]
    if not computed:
        computed = [each for each in values if isinstance(each, Grid)]  # wide weights and an end
    if not computed:
        return aligned(*(on_grid(each) for each in values))
    like = on_grid(computed[0])
    if any(_is_whole_number(array) for array in known):
        like = _at_one(like)
    grids = [
        like
        if each is computed[0]
        else on_grid(each)
        if array is None
        else constant_at(array, like)
        for each, array in zip(values, known, strict=True)
    ]
    return aligned(*grids)


def _is_whole_number(array: Array | None) -> bool:
    """Return whether constants are whole numbers, as zero points are, and not just 0."""
    return array is not None and bool(array.any()) and bool(np.all(array == np.rint(array)))


def _at_one(x: Grid) -> Grid:
    """Return a grid on which whole numbers are exact: a zero point must not be rounded."""
    if x.scale is not None and is_power_of_two(x.scale):
        return x
    return at_step(x, np.ones(()), guard(x) * float(x.step.min()))


def is_rim(values: Values) -> bool:
    """Return whether operands are inputs on their way to a quantizer, and constants."""
    rims = [isinstance(each, Rim) for each in values]
    return any(rims) and all(
        rim or isinstance(each, Numbers) for rim, each in zip(rims, values, strict=True)
    )


def on_rim(op: Op, values: Values) -> Rim:
    """Return a float operator on the rim."""
    return Rim(Node(op, tuple(_rim_node(each) for each in values)))


def _rim_node(value: Value) -> Node:
    if isinstance(value, Rim):
        return value.node
    assert isinstance(value, Numbers)
    return float_constant(value.array)


def float_constant(array: Array) -> Node:
    """Return a constant of a machine type, one number written once."""
    one = uniform(array) if array.dtype.kind == "f" else None
    if one is None or array.ndim == 0:
        return b.constant(array)
    return b.broadcast(b.constant(np.array(one, array.dtype)), array.shape)


def is_zero(value: Value) -> bool:
    """Return whether a value is a constant of zeros."""
    array = number_array(value)
    return array is not None and not array.any()
