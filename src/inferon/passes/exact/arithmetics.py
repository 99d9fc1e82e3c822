"""What sums, products and reductions do to values on grids."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from inferon.ir.node import Node, Op
from inferon.ir.types import Fixed, Float
from inferon.ir.values import Array
from inferon.ops import arithmetic, reduction
from inferon.ops.base import Primitive
from inferon.ops.dot import Dot
from inferon.passes.exact.curve import MAX_ENTRY_BITS
from inferon.passes.exact.dyadic import (
    array_of,
    grid,
    grid_of_numbers,
    guard,
    level,
    made,
    times,
)
from inferon.passes.exact.operands import (
    Values,
    is_rim,
    is_zero,
    number_array,
    on_grid,
    on_rim,
    rule,
    together,
)
from inferon.passes.exact.value import (
    Grid,
    NotExact,
    Numbers,
    Rim,
    Value,
    is_power_of_two,
    uniform,
)


@rule.register(arithmetic.Add)
@rule.register(arithmetic.Sub)
def _add(op: Primitive, node: Node, values: Values) -> Value | None:
    if is_zero(values[1]):
        return values[0]
    if is_rim(values):
        return on_rim(op, values)
    if any(isinstance(each, Rim) for each in values):
        return None
    back = _undone(op, values) or _shifted(op, node, values)
    if back is not None:
        return back
    a, c = together(values)
    sign = -1 if isinstance(op, arithmetic.Sub) else 1
    ends = (c.low, c.high) if sign == 1 else (-c.high, -c.low)
    return grid(made(op, a.node, c.node), a.step, a.low + ends[0], a.high + ends[1])


def _shifted(op: Primitive, node: Node, values: Values) -> Grid | None:
    """Return a computed float value plus a constant, which waits."""
    numbers = [number_array(each) for each in values]
    for x, number, other in zip(values, reversed(numbers), numbers, strict=True):
        if number is None or other is not None or not isinstance(node.type.element, Float):
            continue
        if not np.all(np.isfinite(number)):
            raise NotExact("a constant that is not finite", "finite numbers")
        grid_ = x if isinstance(x, Grid) else on_grid(x)
        minus = isinstance(op, arithmetic.Sub)
        if minus and x is values[1]:  # a constant less a value
            grid_ = scaled(grid_, np.array(-1.0))
        added = -number if minus and x is values[0] else number
        before = 0.0 if grid_.offset is None else grid_.offset
        return replace(grid_, offset=np.asarray(before + added.astype(np.float64)))
    return None


def _undone(op: Op, values: Values) -> Grid | None:
    """Return what a constant was added to, where this takes it away again: a zero point."""
    x, number = values[0], number_array(values[1])
    if not isinstance(x, Grid) or number is None or not isinstance(op, arithmetic.Sub):
        return None
    if not isinstance(x.node.op, arithmetic.Add):
        return None
    constant_ = x.node.inputs[1]
    added, fixed = array_of(constant_), constant_.type.element
    if added is None or not isinstance(fixed, Fixed):
        return None
    if not np.array_equal(np.ldexp(added.astype(np.float64), -fixed.fraction) * x.step, number):
        return None
    low, high = float(number.min()) / x.step.min(), float(number.max()) / x.step.min()
    return grid(x.node.inputs[0], x.step, x.low - max(low, high), x.high - min(low, high))


@rule.register(arithmetic.Mul)
def _mul(op: Primitive, node: Node, values: Values) -> Value | None:
    if is_rim(values):
        return on_rim(op, values)
    numbers = [each.array if isinstance(each, Numbers) else None for each in values]
    for number, other in zip(numbers, reversed(values), strict=True):
        if number is not None:
            return scaled(_unshifted(other), number.astype(np.float64))
    a, c = (on_grid(each) for each in values)
    return grid(made(op, a.node, c.node), a.step * c.step)


def _unshifted(value: Value) -> Grid:
    """Return an operand whose constant may go on waiting."""
    return value if isinstance(value, Grid) else on_grid(value)


def scaled(x: Grid, factor: Array) -> Grid:
    """Multiply the step and the waiting constant."""
    scaled = _scaled_steps(replace(x, offset=None), factor)
    return scaled if x.offset is None else replace(scaled, offset=x.offset * factor)


def _scaled_steps(x: Grid, factor: Array) -> Grid:
    """Multiply the step; signs and zeros, which no step has, are multiplied on the grid."""
    if not np.all(np.isfinite(factor)):
        raise NotExact("a factor that is not finite", "finite numbers")
    one = uniform(factor)
    if one is not None and is_power_of_two(one) and array_of(x.node) is not None:
        return grid(times(x, factor, guard(x)), x.step, x.low * one, x.high * one)
    size = np.where(factor == 0, 1.0, np.abs(factor))
    sign = np.sign(factor)
    if np.all(sign == 1):
        return Grid(x.node, x.step * size, x.low, x.high)
    if np.all(sign == -1):
        node = made(arithmetic.Neg(), x.node)
        return grid(node, x.step * size, -x.high, -x.low)
    return grid(times(x, sign, guard(x)), x.step * size)


@rule.register(arithmetic.Div)
def _div(op: Primitive, node: Node, values: Values) -> Value | None:
    if is_rim(values) and isinstance(values[0], Rim):
        return on_rim(op, values)
    number = number_array(values[1])
    if number is None or not isinstance(node.type.element, Float):
        return None
    if np.any(number == 0):
        raise NotExact("a division by zero", "other numbers")
    return scaled(_unshifted(values[0]), 1.0 / number.astype(np.float64))


@rule.register(arithmetic.Fma)
def _fma(op: Primitive, node: Node, values: Values) -> Value | None:
    product = _mul(arithmetic.Mul(), node, values[:2])
    return None if product is None else _add(arithmetic.Add(), node, (product, values[2]))


@rule.register(arithmetic.Neg)
def _neg(op: Primitive, node: Node, values: Values) -> Value | None:
    if is_rim(values):
        return on_rim(op, values)
    x = on_grid(values[0])
    return grid(made(op, x.node), x.step, -x.high, -x.low)


@rule.register(arithmetic.Abs)
def _abs(op: Primitive, node: Node, values: Values) -> Value | None:
    x = on_grid(values[0])
    return grid(made(op, x.node), x.step, 0.0, max(abs(x.low), abs(x.high)))


@rule.register(reduction.Sum)
def _sum(op: reduction.Sum, node: Node, values: Values) -> Value | None:
    x = level(on_grid(values[0]), op.axes)
    return grid(made(op, x.node), _kept(x, op.axes))


@rule.register(reduction.ReduceMax)
@rule.register(reduction.ReduceMin)
def _extreme(op: reduction.Reduction, node: Node, values: Values) -> Value | None:
    x = level(on_grid(values[0]), op.axes)
    return grid(made(op, x.node), _kept(x, op.axes), x.low, x.high)


def _kept(x: Grid, axes: tuple[int, ...]) -> Array:
    """Return the step without axes along which it is the same."""
    return np.asarray(x.step.min(axis=axes))


@rule.register(Dot)
def _dot(op: Dot, node: Node, values: Values) -> Value | None:
    left, right = (_factor(each) for each in values)
    inner = tuple(range(left.step.ndim - op.contract, left.step.ndim))
    left = level(left, inner)
    right = level(right, tuple(range(op.batch, op.batch + op.contract)))
    rows = left.step.min(axis=inner)
    columns = right.step.min(axis=tuple(range(op.batch, op.batch + op.contract)))
    lead, m, n = op.batch, rows.ndim - op.batch, columns.ndim - op.batch
    spread = columns.reshape((*columns.shape[:lead], *[1] * m, *columns.shape[lead:]))
    step = rows.reshape((*rows.shape, *[1] * n)) * spread
    return grid(made(op, left.node, right.node), step)


def _factor(value: Value) -> Grid:
    """Return an operand of a product; weights may be numbers that few bits hold."""
    if isinstance(value, Numbers):
        return grid_of_numbers(value.array, MAX_ENTRY_BITS, "its weights")
    return on_grid(value)
