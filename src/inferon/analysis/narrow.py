"""The error of rounding to a narrow type.

Rounding is monotone.  So what lies between two ends is rounded to something between what the ends
are rounded to, and where both become the same, the result is certain: that is the rigorous rule.
For slopes, ``|R(a) - R(b)| <= |a - b| + stride``: errors pass, and one stride is added.
"""

from __future__ import annotations

import numpy as np

from inferon.analysis.ball import Ball, Step, rule
from inferon.analysis.pullback import Slopes, pull
from inferon.ir.values import Array
from inferon.ops.rounding import RoundTo, RoundToPower


@rule.register(RoundTo)
@rule.register(RoundToPower)
def _rounded(op: RoundTo | RoundToPower, step: Step) -> Ball:
    (x,) = step.inputs
    value = step.value()
    ends = (x.value - x.error, x.value + x.error)
    reached = [step.real(end) for end in ends]
    if not step.context.accuracy.strict_order:  # it may keep more digits between two layers
        reached.extend(ends)
    return Ball(value, np.maximum.reduce([_distance(value, each) for each in reached]))


def _distance(value: Array, other: Array) -> Array:
    same = (value == other) | (np.isnan(value) & np.isnan(other))
    distance = np.abs(value - other)
    return np.where(same, 0.0, np.where(np.isnan(distance), np.inf, distance))


def stride(op: RoundTo | RoundToPower, value: Array) -> Array:
    """Return at least the distance of a value's narrow neighbors; infinity near the overflow."""
    size = np.abs(value)
    if isinstance(op, RoundToPower):
        return size
    layout = op.to.value
    step = 2.0**-layout.fraction * size + 2.0 ** (1 - layout.bias - layout.fraction)
    return np.where(size + step > layout.largest, np.inf, step)


@pull.register(RoundTo)
@pull.register(RoundToPower)
def _through(op: RoundTo | RoundToPower, step: Step, value: Array, slope: Array) -> Slopes:
    return (slope,)
