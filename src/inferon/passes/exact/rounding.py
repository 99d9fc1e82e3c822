"""Where bits are lost: a rounding with its range becomes one `Quantize`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from inferon.ir.node import Node
from inferon.ir.types import Fixed
from inferon.ir.values import Array
from inferon.ops import arithmetic, logic
from inferon.ops.convert import Quantize
from inferon.ops.mantissa import Overflow, Rounding
from inferon.ops.quantization import ToWhole
from inferon.passes.exact.dyadic import GUARD_BITS, array_of, at_step, constant, grid, made
from inferon.passes.exact.value import Grid, NotExact, Pending, Rim, is_power_of_two, uniform

_ROUNDING = {
    ToWhole.HALF_EVEN: Rounding.HALF_EVEN,
    ToWhole.HALF_UP: Rounding.HALF_UP,
    ToWhole.HALF_AWAY: Rounding.HALF_AWAY,
    ToWhole.HALF_TOWARD_ZERO: Rounding.HALF_TOWARD_ZERO,
    ToWhole.FLOOR: Rounding.FLOOR,
    ToWhole.TOWARD_ZERO: Rounding.TOWARD_ZERO,
}


def above(x: Pending, low: Array) -> Pending:
    """Return the rounding cut from below at whole numbers."""
    high = None if x.high is None else np.maximum(x.high, low)
    return replace(x, low=low if x.low is None else np.maximum(x.low, low), high=high)


def below(x: Pending, high: Array) -> Pending:
    """Return the rounding cut from above at whole numbers."""
    low = None if x.low is None else np.minimum(x.low, high)
    return replace(x, high=high if x.high is None else np.minimum(x.high, high), low=low)


def settled(x: Pending) -> Grid:
    """Return the rounded value: `Quantize`, and what its type does not cut off by itself."""
    if x.mode is ToWhole.CEIL:
        return _opposite(settled(_mirrored(x)))
    if x.mode is ToWhole.AWAY:
        return _away(x)
    source, fraction = _source(x.source)
    reach = _reach(x.source)
    ends = _ends(x, reach)
    to = Fixed.holding(*ends, fraction)
    inside = reach is not None and reach[0] >= to.lowest and reach[1] <= to.highest
    symmetric = to.signed and ends == (-to.highest, to.highest)
    cut = Overflow.SATURATE_SYMMETRIC if symmetric else Overflow.SATURATE
    how = Overflow.WRAP if inside and not symmetric else cut
    node = made(Quantize(to, _ROUNDING[x.mode], how), source)
    node = _cut(node, x, reach, (-to.highest if symmetric else to.lowest, to.highest))
    unit = 2.0**-fraction
    return grid(node, np.array(1 / unit), ends[0] * unit, ends[1] * unit)


def _source(source: Grid | Rim) -> tuple[Node, int]:
    """Return what is rounded, and the bits behind the point that stay.

    Where the step is a power of two the value is rounded at another place behind its point; else
    it is brought to step 1.
    """
    if isinstance(source, Rim):
        return _of_input(source.node)
    scale = source.scale
    if scale is not None and is_power_of_two(scale):
        return source.node, int(np.frexp(scale)[1]) - 1
    return at_step(source, np.ones(()), 2.0**-GUARD_BITS).node, 0


def _of_input(node: Node) -> tuple[Node, int]:
    """Return an input before its division by a power of two below 1, which loses nothing."""
    if isinstance(node.op, arithmetic.Div):
        by = array_of(node.inputs[1])
        scale = None if by is None else uniform(by)
        if scale is not None and is_power_of_two(scale) and SMALLEST_SCALE <= scale <= 1:
            return node.inputs[0], 1 - int(np.frexp(scale)[1])
    return node, 0


SMALLEST_SCALE = 2.0**-64
"""Inputs are not thought to have steps below it: 2**64 steps overflow every type."""


def _reach(source: Grid | Rim) -> tuple[int, int] | None:
    """Return the whole numbers between which every rounded value lies, if they are known."""
    if isinstance(source, Rim):
        return None
    steps = float(source.step.min()), float(source.step.max())
    ends = [end * step for end in (source.low, source.high) for step in steps]
    slack = 2.0**-GUARD_BITS
    return int(np.floor(min(ends) - slack)), int(np.ceil(max(ends) + slack))


def _ends(x: Pending, reach: tuple[int, int] | None) -> tuple[int, int]:
    """Return the range of the result."""
    if reach is None and (x.low is None or x.high is None):
        raise NotExact("an input that is rounded without ends", "a quantizer with a bit width")
    low = int(x.low.min()) if x.low is not None else None
    high = int(x.high.max()) if x.high is not None else None
    if reach is None:
        assert low is not None
        assert high is not None
        return low, high
    lowest = reach[0] if low is None else max(reach[0], low)
    highest = reach[1] if high is None else min(reach[1], high)
    if lowest > highest:  # everything is cut
        edge = low if low is not None and reach[1] < low else high
        assert edge is not None
        return edge, edge
    return lowest, highest


def _cut(node: Node, x: Pending, reach: tuple[int, int] | None, kept: tuple[int, int]) -> Node:
    """Cut off what the type holds and the range does not."""
    fixed = node.type.element
    assert isinstance(fixed, Fixed)
    shape = node.type.shape
    lowest = kept[0] if reach is None else max(kept[0], reach[0])
    highest = kept[1] if reach is None else min(kept[1], reach[1])
    if x.low is not None and lowest < x.low.max():
        node = made(arithmetic.Max(), node, constant(x.low, fixed.fraction, shape))
    if x.high is not None and highest > x.high.min():
        node = made(arithmetic.Min(), node, constant(x.high, fixed.fraction, shape))
    return node


def _mirrored(x: Pending) -> Pending:
    """Return the rounding of -x toward minus infinity, with the range turned around."""
    low = None if x.high is None else -x.high
    high = None if x.low is None else -x.low
    return Pending(_minus(x.source), ToWhole.FLOOR, low, high)


def _minus(source: Grid | Rim) -> Grid | Rim:
    if not isinstance(source, Rim):
        return _opposite(source)
    node, minus = source.node, arithmetic.Neg()
    if isinstance(node.op, arithmetic.Div):  # the quotient's sign is the dividend's
        x, by = node.inputs
        return Rim(Node(node.op, (Node(minus, (x,)), by)))
    return Rim(Node(minus, (node,)))


def _opposite(x: Grid) -> Grid:
    return grid(made(arithmetic.Neg(), x.node), x.step, -x.high, -x.low)


def _away(x: Pending) -> Grid:
    """Round down below zero and up above it."""
    down = settled(replace(x, mode=ToWhole.FLOOR))
    up = settled(replace(x, mode=ToWhole.CEIL))
    sign = sign_of(x.source)
    node = made(logic.Select(), sign, down.node, up.node)
    return grid(node, down.step, min(down.low, up.low), max(down.high, up.high))


def sign_of(source: Grid | Rim) -> Node:
    """Return whether a value is below zero."""
    node = source.node
    if isinstance(source, Rim):
        node = made(Quantize(Fixed(True, 1, 1), Rounding.FLOOR, Overflow.SATURATE), node)
    zero = constant(np.array(0), 0, node.type.shape)
    return made(logic.Less(), node, zero)
