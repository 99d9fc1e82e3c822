"""The rounding error of each primitive: running error analysis on the values at hand.

N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed. (2002), section 3.3 (running
error analysis) and lemma 3.1 (``gamma``).  Names: ``error`` is what the inputs bring, ``size`` a
magnitude that includes its error, ``unit`` half an ULP of 1.
"""

from __future__ import annotations

from math import ceil, log2, prod

import numpy as np

from inferon.analysis.ball import Ball, Decision, Step, once, rule, walk
from inferon.analysis.signs import never_negative
from inferon.errors import InvalidGraph
from inferon.ir.node import Op
from inferon.ir.types import Bool, Fixed, Float, Int
from inferon.ir.values import Array, storage
from inferon.ops import (
    arithmetic,
    bits,
    convert,
    dot,
    elementary,
    elementary_inverse,
    indexing,
    logic,
    loop,
    movement,
    power,
    reduction,
    structure,
    table,
)
from inferon.ops.base import Elementary

MEANT_BITS = 12
"""A constant of a decomposition with so few bits (0.5, 3, 1/8) is meant as it is written."""

FLOAT32_DIGITS = 24
"""Integers of so many bits are float32 numbers."""


def gamma(roundings: int, unit: float) -> float:
    """Return the relative error of so many roundings in a row: ``n u / (1 - n u)``."""
    return roundings * unit / (1.0 - roundings * unit) if roundings * unit < 1.0 else np.inf


def times(size: Array, error: Array) -> Array:
    """Return ``size * error``, where no error times anything is no error."""
    return np.where(error == 0.0, 0.0, size * error)


# ---------------------------------------------------------------------- values and movement


@rule.register
def _input(op: structure.Input, step: Step) -> Ball:
    raise InvalidGraph(f"input {op.name} was given no value", node=step.node, rule="bound")


@rule.register
def _const(op: structure.Const, step: Step) -> Ball:
    exact = Ball.exact(step.value())
    if not (step.context.composite and isinstance(step.element, Float)):
        return exact
    fraction = np.frexp(exact.value.astype(np.float64))[0] * 2.0**MEANT_BITS
    meant = (fraction == np.rint(fraction)) | ~np.isfinite(exact.value)
    return Ball(exact.value, np.where(meant, 0.0, step.unit * np.abs(exact.value)))


def _moved(op: Op, step: Step) -> Ball:
    """Errors move as values do."""
    return Ball(step.value(), step.real(*(each.error for each in step.inputs)))


for _kind in (
    *(movement.Reshape, movement.Transpose, movement.Broadcast, movement.Slice),
    *(movement.Concat, movement.Pad, movement.Window),
):
    rule.register(_kind, _moved)


# --------------------------------------------------------------------------------- arithmetic


@rule.register(arithmetic.Add)
@rule.register(arithmetic.Sub)
def _sum_of_two(op: Op, step: Step) -> Ball:
    a, b = step.inputs
    return step.rounded(step.value(), a.error + b.error)


@rule.register
def _mul(op: arithmetic.Mul, step: Step) -> Ball:
    a, b = step.inputs
    value = step.value()
    # infinity times what cannot be 0 or turn its sign
    certain = np.isinf(value.astype(np.float64)) & (a.error + b.error < np.inf)
    for each in (a, b):
        certain = certain & (np.abs(each.value.astype(np.float64)) > each.error)
    return step.rounded(value, np.where(certain, 0.0, _product_error(a, b)))


def _product_error(a: Ball, b: Ball) -> Array:
    """Return ``|a| e_b + (|b| + e_b) e_a``."""
    return times(np.abs(a.value.astype(np.float64)), b.error) + times(b.magnitude, a.error)


@rule.register
def _fma(op: arithmetic.Fma, step: Step) -> Ball:
    a, b, c = step.inputs
    error = _product_error(a, b) + c.error
    if not step.context.accuracy.strict_order:  # the product may be rounded on its own
        product = step.rounded(a.value * b.value, np.zeros(()))
        error = error + np.where(np.isfinite(product.value), product.error, 0.0)
    return step.rounded(step.value(), error)


@rule.register
def _div(op: arithmetic.Div, step: Step) -> Ball:
    a, b = step.inputs
    value = step.value()
    if not isinstance(step.element, Float):
        return Ball(value, a.error + b.error)
    smallest = np.abs(b.value) - b.error
    error = (a.error + times(np.abs(value), b.error)) / smallest
    # 0 / 0 is NaN; x / 0 is undecided: errors say nothing about the sign of a zero
    at_zero = np.where((b.error == 0.0) & (a.magnitude == 0.0), 0.0, np.inf)
    error = np.where(smallest > 0.0, np.where(a.error + b.error == 0.0, 0.0, error), at_zero)
    if not step.context.accuracy.strict_order:  # it may multiply by a rounded reciprocal
        error = error + np.where(np.isfinite(value), step.unit * np.abs(value), 0.0)
    return step.rounded(value, error)


@rule.register(arithmetic.Max)
@rule.register(arithmetic.Min)
def _extreme(op: Op, step: Step) -> Ball:
    value = step.value()
    return Ball(value, _between(value, *_ends(step), np.maximum(*(x.error for x in step.inputs))))


def _ends(step: Step) -> tuple[Array, Array]:
    """Return the values of an increasing operator at the low and the high ends of its inputs."""
    low = step.real(*(each.value - each.error for each in step.inputs))
    high = step.real(*(each.value + each.error for each in step.inputs))
    return low, high


def _between(value: Array, low: Array, high: Array, otherwise: Array) -> Array:
    """Return the distance of the value from the farther end, or ``otherwise`` at infinities."""
    distance = np.maximum(high - value, value - low)
    return np.where(np.isfinite(value.astype(np.float64)), distance, otherwise)


@rule.register(arithmetic.Neg)
@rule.register(arithmetic.Abs)
def _sign(op: Op, step: Step) -> Ball:
    return Ball(step.value(), step.inputs[0].error)


@rule.register
def _sqrt(op: arithmetic.Sqrt, step: Step) -> Ball:
    value, (low, high) = step.value(), _ends(step)
    if never_negative(step.node.inputs[0]):
        low = np.where(np.isnan(low) & ~np.isnan(value), 0.0, low)
    return step.rounded(*_increasing(value, low, high))


@rule.register(arithmetic.Floor)
@rule.register(arithmetic.RoundEven)
def _whole(op: Op, step: Step) -> Ball:
    return Ball(step.value(), _undecided_between(*_ends(step)))


def _undecided_between(low: Array, high: Array) -> Array:
    """Return infinity where the ends of a jump differ."""
    same = (low == high) | (np.isnan(low) & np.isnan(high))
    return np.where(same, 0.0, np.inf)


def _increasing(value: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """Return a value and the distance of its ends, which must agree where it is not finite."""
    agree = ((low == value) & (high == value)) | (np.isnan(low) & np.isnan(high) & np.isnan(value))
    distance = np.maximum(high - value, value - low)
    return value, np.where(agree, 0.0, np.where(np.isfinite(value), distance, np.inf))


# ------------------------------------------------------------------------ elementary functions


def _ends_of_function(op: Elementary, step: Step) -> tuple[Array, Array, Array]:
    """Return the exact function of a value and of the ends of its ball."""
    (x,) = step.inputs
    return op.exact(x.value), op.exact(x.value - x.error), op.exact(x.value + x.error)


@rule.register(elementary.Exp)
@rule.register(elementary.Expm1)
@rule.register(elementary.Log)
@rule.register(elementary.Log1p)
@rule.register(elementary.Tanh)
@rule.register(elementary.Sinh)
@rule.register(elementary.Sigmoid)
@rule.register(elementary.Erf)
@rule.register(elementary_inverse.Asin)
@rule.register(elementary_inverse.Atan)
@rule.register(elementary_inverse.Asinh)
@rule.register(elementary_inverse.Acosh)
@rule.register(elementary_inverse.Atanh)
def _increasing_function(op: Elementary, step: Step) -> Ball:
    return _computed(op, step, *_increasing(*_ends_of_function(op, step)))


@rule.register
def _falling_function(op: elementary_inverse.Acos, step: Step) -> Ball:
    value, low, high = _ends_of_function(op, step)
    return _computed(op, step, *_increasing(value, high, low))


@rule.register
def _even_function(op: elementary.Cosh, step: Step) -> Ball:
    """From |x| it rises by more than it falls."""
    (x,) = step.inputs
    value = op.exact(x.value)
    return _computed(op, step, *_increasing(value, value, op.exact(x.magnitude)))


@rule.register
def _decay(op: elementary.Decay, step: Step) -> Ball:
    (x,) = step.inputs  # its magnitude counts: the larger, the smaller the result
    near = np.maximum(np.abs(x.value) - x.error, 0.0)
    return _computed(
        op, step, *_increasing(op.exact(x.value), op.exact(x.magnitude), op.exact(near))
    )


@rule.register
def _wave(op: elementary.Trigonometric, step: Step) -> Ball:
    (x,) = step.inputs
    value = op.exact(x.value)
    limit = op.limit_in(step.element)
    reach = np.where(x.magnitude <= limit, np.minimum(x.error, 2.0), np.inf)
    error = np.where(np.isnan(value) & np.isfinite(x.error), 0.0, reach)
    return _computed(op, step, value, error)


@rule.register
def _tangent(op: elementary.Tan, step: Step) -> Ball:
    """Increase from pole to pole; between the ends there must be none."""
    (x,) = step.inputs
    value, low, high = _ends_of_function(op, step)
    one_branch = np.floor((x.value - x.error) / np.pi - 0.5) == np.floor(
        (x.value + x.error) / np.pi - 0.5
    )
    decided = one_branch & (low <= high) & (x.magnitude <= op.limit_in(step.element))
    _, error = _increasing(value, low, high)
    undefined = np.isnan(value) & np.isfinite(x.error)
    return _computed(op, step, value, np.where(undefined, 0.0, np.where(decided, error, np.inf)))


@rule.register
def _power(op: power.RealPower, step: Step) -> Ball:
    """Follow the ends of both: monotonic on each side of base 0, in either operand alone."""
    x, y = step.inputs
    value = op.exact(x.value, y.value)
    lows, highs = (np.asarray(sign * x.error + x.value) for sign in (-1.0, 1.0))
    zero = np.where((lows < 0.0) & (highs > 0.0), 0.0, x.value)
    corners = [
        op.exact(base, y.value + sign * y.error)
        for base in (lows, zero, highs)
        for sign in (-1.0, 1.0)
    ]
    _, error = _increasing(value, np.minimum.reduce(corners), np.maximum.reduce(corners))
    decided = (lows > 0.0) | (y.error == 0.0)
    undefined = np.isnan(value) & np.isfinite(x.error) & (y.error == 0.0) & (highs < 0.0)
    return _computed(op, step, value, np.where(undefined, 0.0, np.where(decided, error, np.inf)))


def _computed(op: Elementary, step: Step, value: Array, error: Array) -> Ball:
    """Return the ball of a function within so many ULP; one is ``2 u |value|`` at most."""
    for each in step.inputs:  # an infinite error stands for a NaN, too
        error = np.where(np.isinf(each.error), np.inf, error)
    function = step.context.accuracy.of(op, step.element)
    size = np.abs(value) + error
    own = function.ulp * (2.0 * step.unit * size + step.tiny) + function.absolute
    return Ball(value, error + np.where(np.isfinite(value), own, 0.0))


# ----------------------------------------------------------------------- reductions, products


@rule.register
def _sum(op: reduction.Sum, step: Step) -> Ball:
    (x,) = step.inputs
    axes = tuple(axis + 1 for axis in op.axes)
    error = x.error.sum(axis=axes)
    if not isinstance(step.element, Float):
        return Ball(step.value(), error)
    number = prod(x.value.shape[axis] for axis in axes)
    depth = number - 1
    if step.context.accuracy.strict_order:
        depth = min(depth, ceil(number / op.strands) - 1 + int(log2(op.strands)))
    value = x.value.sum(axis=axes)
    size = x.magnitude.sum(axis=axes)
    return _accumulated(step, value, error, size, max(0, depth), number, products=False)


def _accumulated(
    step: Step, value: Array, error: Array, size: Array, depth: int, number: int, products: bool
) -> Ball:
    """Return the ball of a sum of ``number`` terms with magnitudes that add up to ``size``.

    ``depth`` roundings lie on the way of each term.  In any order, too, no part of the sum exceeds
    that of the positive or that of the negative terms, ``(size + |value|) / 2`` at most; each of
    the additions rounds one such part, and products may have been rounded before.
    """
    assert isinstance(step.element, Float)
    part = 0.5 * (size + np.abs(value) + error)
    by_parts = gamma(number, step.unit) * part + gamma(2, step.unit) * size * products
    own = np.minimum(gamma(depth, step.unit) * size, by_parts)
    own = own + np.where(size > 0.0, number * step.tiny * products, 0.0)
    largest = float(np.finfo(storage(step.element)).max)
    own = np.where(size > largest, np.inf, own)  # a part of the sum may overflow
    return Ball(value, error + np.where(np.isfinite(value), own, 0.0))


@rule.register(reduction.ReduceMax)
@rule.register(reduction.ReduceMin)
def _extreme_of_many(op: reduction.Reduction, step: Step) -> Ball:
    value = step.value()
    axes = tuple(axis + 1 for axis in op.axes)
    return Ball(
        value, _between(value, *_ends(step), step.inputs[0].error.max(axis=axes, initial=0.0))
    )


@rule.register
def _dot(op: dot.Dot, step: Step) -> Ball:
    a, b = (once(each) for each in step.inputs)
    sizes = np.abs(a.value.astype(np.float64)), np.abs(b.value.astype(np.float64))
    error = np.zeros((1,) * (step.node.type.rank + 1))
    if b.error.any():
        error = error + step.real(sizes[0], b.error)
    if a.error.any():
        error = error + step.real(a.error, sizes[1] + b.error)
    if not isinstance(step.element, Float):
        value = step.value()
        return Ball(value, np.broadcast_to(error, value.shape))
    number = prod(a.value.shape[a.value.ndim - op.contract :])
    depth = number
    if step.context.accuracy.strict_order:
        depth = min(number, ceil(number / op.strands) + int(log2(op.strands)))
    value = step.real(a.value, b.value)
    size = step.real(a.magnitude, b.magnitude)
    return _accumulated(step, value, error, size, depth, number, products=True)


# ------------------------------------------------------------------- comparisons and selection


@rule.register
def _compare(op: logic.Comparison, step: Step) -> Ball:
    a, b = step.inputs
    value = step.value()
    if step.node.inputs[0] == step.node.inputs[1]:  # a test for NaN
        return Ball(value, np.where(np.isinf(a.error), np.inf, 0.0))
    reach = a.error + b.error
    gap = np.abs(a.value.astype(np.float64) - b.value.astype(np.float64))
    doubt = (reach > 0.0) & ((gap <= reach) | np.isinf(reach))
    if not step.context.composite:
        _report(step, gap, doubt)
    return Ball(value, np.where(doubt, np.inf, 0.0))


def _report(step: Step, gap: Array, doubt: Array) -> None:
    events = gap.shape[0]
    margin = gap.reshape(events, -1).min(axis=1, initial=np.inf)
    undecided = np.asarray(doubt.reshape(events, -1).any(axis=1))
    label = f"{step.node.op.spelling()} {step.node.origin}".strip()
    step.context.decisions.append(Decision(label, margin, undecided))


@rule.register(logic.And)
@rule.register(logic.Or)
@rule.register(logic.Not)
def _truth(op: Op, step: Step) -> Ball:
    # the lowest and the highest outcome, as doubtful inputs take both values; Not turns them
    doubts = [each.error > 0.0 for each in step.inputs]
    low = step.real(*(x.value & ~doubt for x, doubt in zip(step.inputs, doubts, strict=True)))
    high = step.real(*(x.value | doubt for x, doubt in zip(step.inputs, doubts, strict=True)))
    return Ball(step.value(), np.where(low == high, 0.0, np.inf))


@rule.register
def _select(op: logic.Select, step: Step) -> Ball:
    """Where the condition is undecided both branches must meet, and the ball holds both."""
    condition, a, b = step.inputs
    chosen, other = step.value(), step.real(~condition.value, a.value, b.value)
    error = np.where(condition.value, a.error, b.error)
    beside = np.where(condition.value, b.error, a.error)
    doubt = condition.error > 0.0
    gap = np.abs(chosen.astype(np.float64) - other.astype(np.float64))
    gap = np.where(chosen == other, 0.0, gap)
    union = np.where(gap <= error + beside, np.maximum(error, gap + beside), np.inf)
    return Ball(chosen, np.where(doubt, union, error))


# ------------------------------------------------------------------ integers, conversions, tables


@rule.register(bits.IntBinary)
@rule.register(bits.Shift)
@rule.register(table.Table)
def _certain(op: Op, step: Step) -> Ball:
    return Ball(step.value(), sum((each.error for each in step.inputs), np.zeros(())))


@rule.register
def _bitcast(op: bits.Bitcast, step: Step) -> Ball:
    (x,) = step.inputs
    stored = x.value.astype(storage(step.node.inputs[0].type.element))
    certain = (x.error == 0.0) & (stored == x.value) & (stored != 0)  # a zero may have any sign
    return Ball(step.real(stored), np.where(certain, 0.0, np.inf))


@rule.register
def _cast(op: convert.Cast, step: Step) -> Ball:
    (x,) = step.inputs
    source = step.node.inputs[0].type.element
    value = step.value()
    if not isinstance(op.to, Float):
        if not isinstance(source, Float):
            return Ball(value, x.error)
        if isinstance(op.to, Bool):
            return Ball(
                value, np.where((np.abs(x.value) <= x.error) & (x.error > 0.0), np.inf, 0.0)
            )
        return Ball(value, _undecided_between(*_ends(step)))
    return Ball(value, x.error) if _holds(op.to, source) else step.rounded(value, x.error)


def _holds(to: Float, source: object) -> bool:
    """Return whether the float type has every value of the source, judged by its width."""
    if isinstance(source, Float):
        return source.bits <= to.bits
    width = 1 if isinstance(source, Bool) else 0
    if isinstance(source, Fixed):
        width = source.width
    if isinstance(source, Int):
        width = source.bits
    return width <= (FLOAT32_DIGITS if to.bits == 32 else 53)


@rule.register
def _quantize(op: convert.Quantize, step: Step) -> Ball:
    (x,) = step.inputs
    value = step.value()
    if not isinstance(step.node.inputs[0].type.element, Float):
        return Ball(value, x.error)
    low, high = _ends(step)
    narrow = x.error < 2.0 ** (-op.to.fraction - 1)  # or wrapping could come around to the same
    same = (low == value) & (high == value) & narrow
    return Ball(value, np.where(same | (x.error == 0.0), 0.0, np.inf))


# ---------------------------------------------------------------------------- choices of elements


@rule.register
def _gather(op: indexing.Gather, step: Step) -> Ball:
    x, index = step.inputs
    value = step.value()
    error = step.real(x.error, index.value)
    between = [1] * (op.axis - op.batch)
    behind = [1] * (x.value.ndim - op.axis - 2)
    own = index.error.shape
    doubt = index.error.reshape(*own[: op.batch + 1], *between, *own[op.batch + 1 :], *behind)
    return Ball(value, np.where(doubt > 0.0, np.inf, error))


@rule.register
def _top_k(op: indexing.TopK, step: Step) -> Ball:
    # a place is certain if no element before it or in it can trade with one behind
    (x,) = step.inputs
    value = step.value()
    size = x.value.shape[-1]
    order = indexing.TopK(size, op.largest).reference(step.node.type, (), x.value)
    sign = 1.0 if op.largest else -1.0
    ranked = sign * np.take_along_axis(x.value.astype(np.float64), order, axis=-1)
    error = np.take_along_axis(x.error, order, axis=-1)
    # elements without an error may tie: the lower index wins everywhere
    low = np.where(error > 0.0, np.nextafter(ranked - error, -np.inf), ranked)
    high = np.where(error > 0.0, np.nextafter(ranked + error, np.inf), ranked)
    ahead = np.minimum.accumulate(low, axis=-1)[..., :-1]
    behind = np.flip(np.maximum.accumulate(np.flip(high, -1), axis=-1), -1)[..., 1:]
    exact = np.broadcast_to((x.error == 0.0).all(axis=-1, keepdims=True), ahead.shape)
    turns = ~((ahead > behind) | ((ahead == behind) & np.isfinite(ahead)) | exact)[..., : op.k]
    _report(step, (ranked[..., :-1] - ranked[..., 1:])[..., : op.k], turns)
    edge = np.zeros((*turns.shape[:-1], 1), np.bool_)
    after = np.concatenate([turns, edge], axis=-1)[..., : op.k]
    before = np.concatenate([edge, turns], axis=-1)[..., : op.k]
    return Ball(value, np.where(after | before, np.inf, 0.0))


# ------------------------------------------------------------------------------------------- loops


@rule.register(loop.Fold)
@rule.register(loop.Scan)
def _loop(op: loop.Loop, step: Step) -> Ball:
    states = _states(op, step)
    if isinstance(op, loop.Fold):
        return states[-1]
    value = np.stack([each.value for each in states[1:]], axis=1)
    return Ball(value, np.stack([each.error for each in states[1:]], axis=1))


def _states(op: loop.Loop, step: Step) -> list[Ball]:
    """Return the first state and the state after each step."""
    first, *rest = step.inputs
    sequences, shared = rest[: op.sequences], rest[op.sequences :]
    states = [first]
    for i in range(sequences[0].value.shape[1]):
        elements = [Ball(each.value[:, i], each.error[:, i]) for each in sequences]
        known = dict(zip(op.body.inputs, [states[-1], *elements, *shared], strict=True))
        (state,) = op.body.outputs
        states.append(walk((state,), known, step.context)[state].spread(first.value.shape[0]))
    return states
