"""What rounding, ends, comparisons, selection and casts do to values on grids."""

from __future__ import annotations

import numpy as np

from inferon.ir.node import Node, Op
from inferon.ir.types import Bool, Float, Int
from inferon.ops import activation, arithmetic, convert, logic
from inferon.ops import build as b
from inferon.ops.base import Primitive
from inferon.ops.evaluation import evaluate
from inferon.ops.quantization import BipolarQuant, ToWhole, Whole
from inferon.passes.exact.arithmetics import scaled
from inferon.passes.exact.dyadic import (
    grid,
    grid_of_numbers,
    made,
)
from inferon.passes.exact.operands import (
    Values,
    float_constant,
    is_rim,
    is_zero,
    number_array,
    on_grid,
    on_rim,
    rule,
    together,
)
from inferon.passes.exact.rounding import above, below, settled, sign_of
from inferon.passes.exact.value import (
    Grid,
    NotExact,
    Numbers,
    Pending,
    Plain,
    Rim,
    Value,
)


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
    if isinstance(op, logic.Less) and isinstance(a, Rim) and is_zero(c):
        return Plain(sign_of(a))
    if isinstance(op, logic.LessEqual) and isinstance(c, Rim) and is_zero(a):
        return Plain(made(logic.Not(), sign_of(c)))
    return None


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
    return scaled(grid_of_numbers(signs, 2, "constants"), scale.array.astype(np.float64))


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
