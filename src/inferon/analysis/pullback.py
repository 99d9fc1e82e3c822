"""Derivatives: how a small change of a value's inputs changes a result, for each primitive.

``pull(op, step, value, slope)`` takes the slope of some result with respect to an operator's value
(events, *shape) and returns the slopes with respect to its inputs: the chain rule, backward.
"""

from __future__ import annotations

import math
from functools import singledispatch
from math import prod

import numpy as np

from inferon.analysis.ball import Step, once
from inferon.errors import InvalidGraph
from inferon.ir.node import Op
from inferon.ir.values import Array
from inferon.ops import (
    arithmetic,
    convert,
    dot,
    elementary,
    elementary_inverse,
    indexing,
    logic,
    movement,
    power,
    reduction,
)
from inferon.ops.scatter import Combine, Scatter

Slopes = tuple[Array | None, ...]
"""One array for each input; None for an input on which nothing depends smoothly."""


@singledispatch
def pull(op: Op, step: Step, value: Array, slope: Array) -> Slopes:
    """Return the slopes with respect to the inputs of an operator."""
    raise InvalidGraph(f"{op.spelling()} has no derivative", node=step.node, rule="bound")


def has_derivative(op: Op) -> bool:
    """Return whether `pull` knows the operator."""
    if isinstance(op, Scatter) and op.combine is Combine.MUL:
        return False  # the product of all other factors would cost one walk for each
    return pull.dispatch(type(op)) is not pull.dispatch(object)


def chain(slope: Array, derivative: Array) -> Array:
    """Return the product, and 0 for what does not count, even at a pole."""
    return np.where(slope == 0.0, 0.0, slope * derivative)


# --------------------------------------------------------------------------------- arithmetic


@pull.register
def _add(op: arithmetic.Add, step: Step, value: Array, slope: Array) -> Slopes:
    return slope, slope


@pull.register
def _sub(op: arithmetic.Sub, step: Step, value: Array, slope: Array) -> Slopes:
    return slope, -slope


@pull.register
def _mul(op: arithmetic.Mul, step: Step, value: Array, slope: Array) -> Slopes:
    a, b = step.inputs
    return chain(slope, b.value), chain(slope, a.value)


@pull.register
def _fma(op: arithmetic.Fma, step: Step, value: Array, slope: Array) -> Slopes:
    a, b, _ = step.inputs
    return chain(slope, b.value), chain(slope, a.value), slope


@pull.register
def _div(op: arithmetic.Div, step: Step, value: Array, slope: Array) -> Slopes:
    by = chain(slope, 1.0 / step.inputs[1].value)
    return by, chain(-by, value)


@pull.register(arithmetic.Max)
@pull.register(arithmetic.Min)
def _extreme(op: Op, step: Step, value: Array, slope: Array) -> Slopes:
    first = step.inputs[0].value == value
    return np.where(first, slope, 0.0), np.where(first, 0.0, slope)


@pull.register
def _neg(op: arithmetic.Neg, step: Step, value: Array, slope: Array) -> Slopes:
    return (-slope,)


@pull.register
def _abs(op: arithmetic.Abs, step: Step, value: Array, slope: Array) -> Slopes:
    return (slope * np.sign(step.inputs[0].value),)


@pull.register
def _sqrt(op: arithmetic.Sqrt, step: Step, value: Array, slope: Array) -> Slopes:
    return (chain(slope, 0.5 / value),)


@pull.register(arithmetic.Floor)
@pull.register(arithmetic.RoundEven)
def _steps(op: Op, step: Step, value: Array, slope: Array) -> Slopes:
    return (None,)


# ------------------------------------------------------------------------ elementary functions


@pull.register
def _exp(op: elementary.Exp, step: Step, value: Array, slope: Array) -> Slopes:
    return (chain(slope, value),)


@pull.register
def _decay(op: elementary.Decay, step: Step, value: Array, slope: Array) -> Slopes:
    return (chain(slope, -np.sign(step.inputs[0].value) * value),)


@pull.register
def _log(op: elementary.Log, step: Step, value: Array, slope: Array) -> Slopes:
    return (chain(slope, 1.0 / step.inputs[0].value),)


@pull.register
def _tanh(op: elementary.Tanh, step: Step, value: Array, slope: Array) -> Slopes:
    return (chain(slope, 1.0 - value * value),)


@pull.register
def _sigmoid(op: elementary.Sigmoid, step: Step, value: Array, slope: Array) -> Slopes:
    return (chain(slope, value * (1.0 - value)),)


@pull.register
def _erf(op: elementary.Erf, step: Step, value: Array, slope: Array) -> Slopes:
    (x,) = step.inputs
    return (chain(slope, (2.0 / math.sqrt(math.pi)) * np.exp(-x.value * x.value)),)


@pull.register
def _sin(op: elementary.Sin, step: Step, value: Array, slope: Array) -> Slopes:
    return (chain(slope, np.cos(step.inputs[0].value)),)


@pull.register
def _cos(op: elementary.Cos, step: Step, value: Array, slope: Array) -> Slopes:
    return (chain(-slope, np.sin(step.inputs[0].value)),)


@pull.register
def _expm1(op: elementary.Expm1, step: Step, value: Array, slope: Array) -> Slopes:
    return (chain(slope, 1.0 + value),)


@pull.register
def _log1p(op: elementary.Log1p, step: Step, value: Array, slope: Array) -> Slopes:
    return (chain(slope, 1.0 / (1.0 + step.inputs[0].value)),)


@pull.register
def _sinh(op: elementary.Sinh, step: Step, value: Array, slope: Array) -> Slopes:
    return (chain(slope, np.cosh(step.inputs[0].value)),)


@pull.register
def _cosh(op: elementary.Cosh, step: Step, value: Array, slope: Array) -> Slopes:
    return (chain(slope, np.sinh(step.inputs[0].value)),)


@pull.register
def _tan(op: elementary.Tan, step: Step, value: Array, slope: Array) -> Slopes:
    return (chain(slope, 1.0 + value * value),)


@pull.register
def _asin(op: elementary_inverse.Asin, step: Step, value: Array, slope: Array) -> Slopes:
    return (chain(slope, 1.0 / np.cos(value)),)


@pull.register
def _acos(op: elementary_inverse.Acos, step: Step, value: Array, slope: Array) -> Slopes:
    return (chain(slope, -1.0 / np.sin(value)),)


@pull.register
def _acosh(op: elementary_inverse.Acosh, step: Step, value: Array, slope: Array) -> Slopes:
    return (chain(slope, 1.0 / np.sinh(value)),)


@pull.register
def _atanh(op: elementary_inverse.Atanh, step: Step, value: Array, slope: Array) -> Slopes:
    (x,) = step.inputs
    return (chain(slope, 1.0 / (1.0 - x.value * x.value)),)


@pull.register
def _power(op: power.RealPower, step: Step, value: Array, slope: Array) -> Slopes:
    x, y = (each.value for each in step.inputs)
    return chain(slope, y * op.exact(x, y - 1.0)), chain(slope, value * np.log(np.abs(x)))


@pull.register
def _atan(op: elementary_inverse.Atan, step: Step, value: Array, slope: Array) -> Slopes:
    return (chain(slope, np.cos(value) ** 2),)


@pull.register
def _asinh(op: elementary_inverse.Asinh, step: Step, value: Array, slope: Array) -> Slopes:
    return (chain(slope, 1.0 / np.cosh(value)),)


# ------------------------------------------------------------------------ reductions, products


@pull.register
def _sum(op: reduction.Sum, step: Step, value: Array, slope: Array) -> Slopes:
    kept = np.expand_dims(slope, tuple(axis + 1 for axis in op.axes))
    return (np.broadcast_to(kept, (len(slope), *step.inputs[0].value.shape[1:])),)


@pull.register(reduction.ReduceMax)
@pull.register(reduction.ReduceMin)
def _extreme_of_many(op: reduction.Reduction, step: Step, value: Array, slope: Array) -> Slopes:
    axes = tuple(axis + 1 for axis in op.axes)
    here = step.inputs[0].value == np.expand_dims(value, axes)
    share = here / np.maximum(1, here.sum(axis=axes, keepdims=True))
    return (share * np.expand_dims(slope, axes),)


@pull.register
def _dot(op: dot.Dot, step: Step, value: Array, slope: Array) -> Slopes:
    a, b = step.inputs
    left, right = op.matrices(once(a).value, once(b).value)
    product = slope.reshape(len(slope), left.shape[1], left.shape[2], right.shape[3])
    to_left = np.matmul(product, np.swapaxes(right, 2, 3))
    shape = (len(slope), *a.value.shape[1:])
    if once(b).value.shape[0] == 1 and not b.error.any():  # a constant: nobody asks
        return to_left.reshape(shape), None
    to_right = np.matmul(np.swapaxes(left, 2, 3), product)
    return to_left.reshape(shape), to_right.reshape(len(slope), *b.value.shape[1:])


# ---------------------------------------------------------------------------- choices, movement


@pull.register
def _select(op: logic.Select, step: Step, value: Array, slope: Array) -> Slopes:
    condition = step.inputs[0].value
    return None, np.where(condition, slope, 0.0), np.where(condition, 0.0, slope)


@pull.register
def _cast(op: convert.Cast, step: Step, value: Array, slope: Array) -> Slopes:
    return (slope if step.inputs[0].value.dtype.kind == "f" else None,)


@pull.register
def _reshape(op: movement.Reshape, step: Step, value: Array, slope: Array) -> Slopes:
    return (slope.reshape(len(slope), *step.inputs[0].value.shape[1:]),)


@pull.register
def _transpose(op: movement.Transpose, step: Step, value: Array, slope: Array) -> Slopes:
    return (np.transpose(slope, (0, *(int(axis) + 1 for axis in np.argsort(op.order)))),)


@pull.register(movement.Broadcast)
@pull.register(movement.Slice)
@pull.register(movement.Concat)
@pull.register(movement.Pad)
@pull.register(movement.Window)
def _moved(op: Op, step: Step, value: Array, slope: Array) -> Slopes:
    """Move numbers instead of values: they say where each element came from."""
    shapes = [each.value.shape[1:] for each in step.inputs]
    ends = np.cumsum([0, *(prod(shape) for shape in shapes)])
    places = [
        np.arange(start, start + prod(shape)).reshape(1, *shape)
        for start, shape in zip(ends, shapes, strict=False)
    ]
    total = collected(step.real(*places), slope, int(ends[-1]))
    parts = np.split(total, ends[1:-1], axis=1)
    return tuple(
        part.reshape(len(slope), *shape) for part, shape in zip(parts, shapes, strict=True)
    )


@pull.register
def _gather(op: indexing.Gather, step: Step, value: Array, slope: Array) -> Slopes:
    x, index = step.inputs
    shape = x.value.shape[1:]
    places = np.broadcast_to(np.arange(prod(shape)).reshape(1, *shape), x.value.shape)
    source = step.real(places, index.value)
    return collected(source, slope, prod(shape)).reshape(len(slope), *shape), None


def collected(source: Array, slope: Array, size: int) -> Array:
    """Add each slope to the place where its element came from; return (events, size)."""
    events = len(slope)
    flat = np.broadcast_to(source, slope.shape).reshape(events, -1)
    flat = flat + size * np.arange(events)[:, None]
    counts = np.bincount(flat.ravel(), weights=slope.ravel(), minlength=events * size)
    return counts.reshape(events, size)
