"""Reductions over axes: sums share adders, extremes are trees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from inferon.ir.values import Array
from inferon.ops import arithmetic
from inferon.ops.reduction import ReduceMax, ReduceMin, Sum
from inferon.passes.unroll.linear import sums
from inferon.passes.unroll.lower import lower
from inferon.passes.unroll.step import Step

T = TypeVar("T")


@lower.register
def _sum(op: Sum, step: Step) -> Array:
    return sums(_rows(op.axes, step.inputs[0]), step)


@lower.register
def _largest(op: ReduceMax | ReduceMin, step: Step) -> Array:
    pair = arithmetic.Max() if isinstance(op, ReduceMax) else arithmetic.Min()
    rows = _rows(op.axes, step.inputs[0])
    flat = rows.reshape(-1, rows.shape[-1])
    made = np.empty(len(flat), object)
    for i, row in enumerate(flat):
        made[i] = halved(list(row), lambda a, b: step.apply(pair, a, b))
    return made.reshape(rows.shape[:-1])


def _rows(axes: tuple[int, ...], wires: Array) -> Array:
    """Return the wires with the reduced elements as the last axis."""
    kept = [axis for axis in range(wires.ndim) if axis not in axes]
    shape = [wires.shape[axis] for axis in kept]
    number = int(np.prod([wires.shape[axis] for axis in axes]))
    return np.transpose(wires, (*kept, *axes)).reshape(*shape, number)


def halved(values: Sequence[T], pair: Callable[[T, T], T]) -> T:
    """Return what neighbors become, until one is left: a tree of least depth, in order."""
    left = list(values)
    while len(left) > 1:
        pairs = zip(left[::2], left[1::2], strict=False)
        left = [pair(a, b) for a, b in pairs] + left[len(left) // 2 * 2 :]
    return left[0]
