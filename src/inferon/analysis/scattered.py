"""The rounding errors of `Scatter`, and its derivative.

An element that meets ``n`` updates goes through ``n`` roundings in a row; the other forms choose
among values and round nothing.  Sources as in `inferon.analysis.rules`.
"""

from __future__ import annotations

import numpy as np

from inferon.analysis.ball import Ball, Step, rule
from inferon.analysis.pullback import Slopes, collected, pull
from inferon.ir.types import Float
from inferon.ir.values import Array, storage
from inferon.ops.scatter import Combine, Scatter, targets


@rule.register
def _scatter(op: Scatter, step: Step) -> Ball:
    index = step.inputs[1]
    value = step.value()
    error = _error(op, step, value)
    if not index.error.any():
        return Ball(value, error)
    own = index.error.reshape(*index.error.shape[: op.batch + 1], -1)
    doubt = (own > 0.0).any(axis=-1)
    doubt = doubt.reshape(*doubt.shape, *[1] * (value.ndim - doubt.ndim))
    return Ball(value, np.where(doubt, np.inf, error))


def _error(op: Scatter, step: Step, value: Array) -> Array:
    x, index, updates = step.inputs
    if op.combine is Combine.REPLACE:
        return _with(op.combine, op, x.error, index.value, updates.error)
    if op.combine in (Combine.MIN, Combine.MAX):
        low = step.real(x.value - x.error, index.value, updates.value - updates.error)
        high = step.real(x.value + x.error, index.value, updates.value + updates.error)
        largest = _with(Combine.MAX, op, x.error, index.value, updates.error)
        distance = np.maximum(high - value, value - low)
        return np.where(np.isfinite(value.astype(np.float64)), distance, largest)
    size = step.real(x.magnitude, index.value, updates.magnitude)
    inherited = _with(Combine.ADD, op, x.error, index.value, updates.error)
    if not isinstance(step.element, Float):
        return inherited
    nothing, ones = np.zeros(x.value.shape), np.ones(updates.value.shape)
    number = _with(Combine.ADD, op, nothing, index.value, ones)
    by_rounding = number * step.unit / np.maximum(1.0 - number * step.unit, 0.0)  # gamma
    reached = size
    own = by_rounding * size
    if op.combine is Combine.MUL:
        first, factors = (np.abs(each.value.astype(np.float64)) for each in (x, updates))
        inherited = size - step.real(first, index.value, factors)
        # a partial product that is subnormal is off by `tiny`, which later factors may enlarge
        reached = step.real(np.maximum(first, 1.0), index.value, np.maximum(updates.magnitude, 1))
        own = own + number * step.tiny * reached
    limit = float(np.finfo(storage(step.element)).max)
    own = np.where((reached > limit) & (number > 0), np.inf, own)  # a partial result may overflow
    return inherited + np.where(np.isfinite(value.astype(np.float64)), own, 0.0)


def _with(combine: Combine, op: Scatter, x: Array, index: Array, updates: Array) -> Array:
    """Return other numbers scattered in the same way."""
    return Scatter(op.axis, combine, op.batch).scattered(x, index, updates)


@pull.register
def _slopes(op: Scatter, step: Step, value: Array, slope: Array) -> Slopes:
    """Send each slope to where the element came from; equal extremes share it."""
    x, index, updates = step.inputs
    if op.combine is Combine.ADD:
        return slope, None, taken(op, slope, index.value)
    if op.combine is Combine.REPLACE:
        size = int(np.prod(x.value.shape[1:]))
        number = size + int(np.prod(updates.value.shape[1:]))
        places = np.broadcast_to(np.arange(number), (len(slope), number))
        kept = places[:, :size].reshape(x.value.shape)
        new = places[:, size:].reshape(updates.value.shape)
        total = collected(_with(op.combine, op, kept, index.value, new), slope, number)
        return (
            total[:, :size].reshape(x.value.shape),
            None,
            total[:, size:].reshape(updates.value.shape),
        )
    best = np.broadcast_to(value, x.value.shape)  # it may be of one event
    here = (x.value == best).astype(np.float64)
    there = (updates.value == taken(op, best, index.value)).astype(np.float64)
    share = slope / np.maximum(1.0, _with(Combine.ADD, op, here, index.value, there))
    return here * share, None, there * taken(op, share, index.value)


def taken(op: Scatter, x: Array, index: Array) -> Array:
    """Return for each update the element that it meets, and 0 where it is dropped."""
    size = x.shape[op.axis + 1]
    where = targets(index, size)
    batches = int(np.prod(x.shape[: op.batch + 1]))
    before = int(np.prod(x.shape[op.batch + 1 : op.axis + 1]))
    rows = x.reshape(batches, before, size, -1)
    flat = where.reshape(batches, 1, -1, 1)
    found = np.take_along_axis(rows, np.maximum(flat, 0), axis=2)
    shape = (*x.shape[: op.axis + 1], *index.shape[op.batch + 1 :], *x.shape[op.axis + 2 :])
    return np.where(flat >= 0, found, 0.0).reshape(shape)
