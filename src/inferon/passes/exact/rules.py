"""What each operator does to values on grids: one rule for each family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import singledispatch

import numpy as np

from inferon.ir.node import Node, Op
from inferon.ir.types import Bool, Fixed, Float, Int
from inferon.ir.values import Array, storage
from inferon.ops import activation, arithmetic, convert, indexing, logic, movement, reduction
from inferon.ops import build as b
from inferon.ops.base import Primitive
from inferon.ops.dot import Dot
from inferon.ops.evaluation import evaluate
from inferon.ops.quantization import BipolarQuant, ToWhole, Whole
from inferon.passes.exact.curve import MAX_ENTRY_BITS, tabulated
from inferon.passes.exact.dyadic import (
    aligned,
    array_of,
    at_step,
    constant,
    constant_at,
    grid,
    grid_of_numbers,
    guard,
    level,
    made,
    one_type,
    shaped,
    times,
)
from inferon.passes.exact.rounding import above, below, settled, sign_of
from inferon.passes.exact.value import (
    Curve,
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


# ---------------------------------------------------------------------------------------- operands


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


# ---------------------------------------------------------------------------------------- movement


MOVEMENT = (
    movement.Reshape,
    movement.Transpose,
    movement.Broadcast,
    movement.Slice,
    movement.Window,
)


@rule.register(movement.Reshape)
@rule.register(movement.Transpose)
@rule.register(movement.Broadcast)
@rule.register(movement.Slice)
@rule.register(movement.Window)
def _move(op: Primitive, node: Node, values: Values) -> Value | None:
    (x,) = values
    if isinstance(x, Rim):
        return on_rim(op, values)
    x = on_grid(x)
    return grid(made(op, x.node), shaped(op, x), x.low, x.high)


@rule.register(movement.Concat)
def _concat(op: movement.Concat, node: Node, values: Values) -> Value | None:
    if is_rim(values):
        return on_rim(op, values)
    grids = [on_grid(each) for each in values]
    nodes = one_type([each.node for each in grids])
    step = np.concatenate([each.step for each in grids], op.axis)
    ends = min(each.low for each in grids), max(each.high for each in grids)
    return grid(Node(op, tuple(nodes)), step, *ends)


@rule.register(movement.Pad)
def _pad(op: movement.Pad, node: Node, values: Values) -> Value | None:
    if is_rim(values):
        return on_rim(op, values)
    x, fill = on_grid(values[0]), number_array(values[1])
    if fill is None:
        raise NotExact("padding with a computed number", "padding with a constant")
    widths = [(0, 0)] * x.step.ndim
    widths[op.axis] = (op.before, op.after)
    step = np.pad(x.step, widths, mode="edge")
    filling = _filling(x, float(fill.reshape(-1)[0]))
    nodes = one_type([x.node, filling.node])
    return grid(Node(op, tuple(nodes)), step, min(x.low, filling.low), max(x.high, filling.high))


def _filling(x: Grid, number: float) -> Grid:
    """Return the scalar around a value; nothing is lower than minus infinity."""
    scalar = np.ones(()) if x.scale is None else np.array(x.scale)
    if number == -np.inf:
        lowest = constant(np.array(x.fixed.lowest), x.fixed.fraction, ())
        return grid(lowest, scalar)
    if number != 0 and x.scale is None:
        raise NotExact("padding with a number where scales differ", "padding with 0")
    like = grid(constant(np.array(0), x.fixed.fraction, ()), scalar)
    return constant_at(np.array(number), like)


@rule.register(indexing.Gather)
def _gather(op: indexing.Gather, node: Node, values: Values) -> Value | None:
    index = values[1]
    if isinstance(index, Numbers):
        index = Plain(float_constant(index.array))
    if not isinstance(index, Plain):
        raise NotExact("indices that are computed from quantized values", "integer indices")
    x = on_grid(values[0])
    x = level(x, tuple(range(x.step.ndim)))
    result = Node(op, (x.node, index.node))
    return grid(result, np.array(x.scale or 1.0), x.low, x.high)


@rule.register(indexing.TopK)
def _top_k(op: indexing.TopK, node: Node, values: Values) -> Value | None:
    x = on_grid(values[0])
    return Plain(Node(op, (level(x, (x.step.ndim - 1,)).node,)))


# ------------------------------------------------------------------------------ sums and products


@rule.register(arithmetic.Add)
@rule.register(arithmetic.Sub)
def _add(op: Primitive, node: Node, values: Values) -> Value | None:
    if _is_zero(values[1]):
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
            grid_ = _scaled(grid_, np.array(-1.0))
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
            return _scaled(_unshifted(other), number.astype(np.float64))
    a, c = (on_grid(each) for each in values)
    return grid(made(op, a.node, c.node), a.step * c.step)


def _unshifted(value: Value) -> Grid:
    """Return an operand whose constant may go on waiting."""
    return value if isinstance(value, Grid) else on_grid(value)


def _scaled(x: Grid, factor: Array) -> Grid:
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
    return _scaled(_unshifted(values[0]), 1.0 / number.astype(np.float64))


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


# ----------------------------------------------------------------------- rounding, ends, choice


@rule.register(arithmetic.RoundEven)
def _round_even(op: Primitive, node: Node, values: Values) -> Value | None:
    return _rounding(values[0], ToWhole.HALF_EVEN)


@rule.register(arithmetic.Floor)
def _floor(op: Primitive, node: Node, values: Values) -> Value | None:
    return _rounding(values[0], ToWhole.FLOOR)


@rule.register(Whole)
def _whole(op: Whole, node: Node, values: Values) -> Value | None:
    return _rounding(values[0], op.mode)


def _rounding(value: Value, mode: ToWhole) -> Value | None:
    if isinstance(value, Numbers):
        whole = b.constant(value.array)
        root = Node(Whole(mode), (whole,))
        return grid_of_numbers(np.asarray(evaluate((root,), {}, {})[root][0]), 62, "constants")
    if isinstance(value, Rim | Pending | Grid | Plain):
        return Pending(value if isinstance(value, Rim) else on_grid(value), mode)
    return None


@rule.register(arithmetic.Max)
@rule.register(arithmetic.Min)
def _extremes(op: Primitive, node: Node, values: Values) -> Value | None:
    lower = isinstance(op, arithmetic.Max)
    for x, other in (values, tuple(reversed(values))):
        ends = number_array(other)
        if ends is None:
            continue
        if np.all(ends == (-np.inf if lower else np.inf)):
            return x
        if isinstance(x, Pending) and np.all(ends == np.rint(ends)) and np.isfinite(ends).all():
            return above(x, ends) if lower else below(x, ends)
    if is_rim(values):
        return on_rim(op, values)
    if any(isinstance(each, Rim) for each in values):
        return None
    a, c = together(values)
    choose = max if lower else min
    low, high = choose(a.low, c.low), choose(a.high, c.high)
    return grid(made(op, a.node, c.node), a.step, low, high)


@rule.register(activation.Relu)
def _relu(op: Op, node: Node, values: Values) -> Value | None:
    (x,) = values
    zero = np.zeros(tuple(int(str(size)) for size in node.type.shape), np.float32)
    return _extremes(arithmetic.Max(), node, (x, Numbers(zero)))


@rule.register(activation.Clip)
def _clip(op: activation.Clip, node: Node, values: Values) -> Value | None:
    x: Value | None = values[0]
    shape = tuple(int(str(size)) for size in node.type.shape)
    for end, kind in ((op.low, arithmetic.Max()), (op.high, arithmetic.Min())):
        if np.isfinite(end) and x is not None:
            x = _extremes(kind, node, (x, Numbers(np.full(shape, end, np.float32))))
    return x


@rule.register(logic.Comparison)
def _compare(op: logic.Comparison, node: Node, values: Values) -> Value | None:
    if any(isinstance(each, Rim) for each in values):
        return _sign(op, values)
    a, c = together(values)
    return Plain(made(op, a.node, c.node))


def _sign(op: logic.Comparison, values: Values) -> Value | None:
    """Return ``x < 0`` and ``0 <= x`` of an input: its sign is one bit."""
    a, c = values
    if isinstance(op, logic.Less) and isinstance(a, Rim) and _is_zero(c):
        return Plain(sign_of(a))
    if isinstance(op, logic.LessEqual) and isinstance(c, Rim) and _is_zero(a):
        return Plain(made(logic.Not(), sign_of(c)))
    return None


def _is_zero(value: Value) -> bool:
    array = number_array(value)
    return array is not None and not array.any()


@rule.register(logic.Select)
def _select(op: Primitive, node: Node, values: Values) -> Value | None:
    condition = values[0]
    if isinstance(condition, Numbers):
        condition = Plain(float_constant(condition.array))
    if not isinstance(condition, Plain):
        return None
    branches = list(values[1:])
    if all(isinstance(each, Numbers) for each in branches):
        branches = [on_grid(each) for each in branches]
    a, c = together(branches)
    result = made(op, condition.node, a.node, c.node)
    return grid(result, a.step, min(a.low, c.low), max(a.high, c.high))


@rule.register(BipolarQuant)
def _bipolar(op: BipolarQuant, node: Node, values: Values) -> Value | None:
    """Give weights their signs; for values that are computed the decomposition serves."""
    x, scale = values
    if not isinstance(x, Numbers) or not isinstance(scale, Numbers):
        return None
    signs = np.where(x.array >= 0, 1.0, -1.0)
    return _scaled(grid_of_numbers(signs, 2, "constants"), scale.array.astype(np.float64))


# -------------------------------------------------------------------------------------- conversion


@rule.register(convert.Cast)
def _cast(op: convert.Cast, node: Node, values: Values) -> Value | None:
    (x,) = values
    if isinstance(x, Rim):
        return on_rim(op, values) if isinstance(op.to, Float) else None
    if isinstance(op.to, Bool):
        return None
    x = on_grid(x)
    if isinstance(op.to, Float):
        return x
    if not _is_whole(x):
        x = settled(Pending(x, ToWhole.TOWARD_ZERO))
    assert isinstance(op.to, Int)
    return x


def _is_whole(x: Grid) -> bool:
    """Return whether every value is a whole number."""
    unit = x.resolution * x.step
    return bool(np.all(unit == np.rint(unit)))


def stays_inside(node: Node, x: Grid) -> None:
    """Raise where machine integers would wrap around or be cut."""
    element = node.type.element
    if not isinstance(element, Int):
        return
    ends = [end * step for end in (x.low, x.high) for step in (x.step.min(), x.step.max())]
    if min(ends) < element.lowest or max(ends) > element.highest:
        raise NotExact(f"integers that may leave {element}", "a clip before the cast")


# ------------------------------------------------------------------------------------------ others


def by_rule(node: Node, values: Values) -> Value | None:
    """Return a node's value by its rule, or as a table; None where neither is possible."""
    if isinstance(node.op, Primitive) and all(
        isinstance(each, Plain | Numbers) for each in values
    ):
        known = _of_machine_types(node, values)
        if known is not None:
            return known
    if not any(isinstance(each, Curve) for each in values):
        found = _by_own_rule(node, values)
        return found if found is not None else tabulated(node, values)
    if isinstance(node.op, MOVEMENT) and isinstance(values[0], Curve):
        index = _move(node.op, node, (values[0].index,))
        assert isinstance(index, Grid)
        return Curve(index, values[0].entries)
    return tabulated(node, values)


def _by_own_rule(node: Node, values: Values) -> Value | None:
    """Return what the operator's rule gives; constants that fit no grid stay numbers."""
    try:
        return rule(node.op, node, values)
    except NotExact:
        arrays = [number_array(each) for each in values]
        if any(array is None for array in arrays) or not isinstance(node.op, Primitive):
            raise
        kinds = [storage(each.type.element) for each in node.inputs]
        pairs = zip(arrays, kinds, strict=True)
        return _computed(node, [Numbers(a.astype(kind)) for a, kind in pairs if a is not None])


def _of_machine_types(node: Node, values: Values) -> Value | None:
    """Return ints and truth values as they are; constants are computed."""
    if all(isinstance(each, Numbers) for each in values):
        return _computed(node, values)
    floats = [node, *(each.node for each in values if isinstance(each, Plain))]
    arrays = [each.array for each in values if isinstance(each, Numbers)]
    if any(isinstance(each.type.element, Float) for each in floats) or any(
        array.dtype.kind == "f" for array in arrays
    ):
        return None
    inputs = [
        each.node if isinstance(each, Plain) else float_constant(each.array)
        for each in values
        if isinstance(each, Plain | Numbers)
    ]
    return Plain(Node(node.op, tuple(inputs)))


def _computed(node: Node, values: Values) -> Value:
    """Return a constant; one that has been rounded to whole numbers is on a grid."""
    arrays = [each.array[None] for each in values if isinstance(each, Numbers)]
    types = tuple(each.type for each in node.inputs)
    assert isinstance(node.op, Primitive)
    array = np.asarray(node.op.reference(node.type, types, *arrays))[0]
    whole = isinstance(node.op, arithmetic.RoundEven | arithmetic.Floor)
    whole |= isinstance(node.op, convert.Cast) and not isinstance(
        node.inputs[0].type.element, Float
    )
    if whole and array.dtype.kind == "f" and np.isfinite(array).all():
        return grid_of_numbers(array, 62, "constants")
    return Numbers(array)
