"""``Quantize`` in signals: the bits that stay, one that rounds up, and the ends of the range.

::

    x = iiiifffff      drop the low bits: toward minus infinity
            h          the first dropped bit: a half
             sss       the others: whether it is more than a half
"""

from __future__ import annotations

import numpy as np

from inferon.ir.node import Node
from inferon.ops.convert import Quantize
from inferon.ops.mantissa import Overflow, Rounding, rounded
from inferon.targets.rtl.draft import Draft
from inferon.targets.rtl.netlist import (
    AllOf,
    AnyOf,
    Bits,
    Choice,
    Compared,
    Gate,
    Gated,
    Joined,
    Literal,
    Ref,
    Relation,
    Slice,
    Sum,
)
from inferon.targets.rtl.wire import Wire, bits_of


def quantized(op: Quantize, x: Wire, node: Node, draft: Draft) -> Wire:
    """Return the wire of a quantized value."""
    drop = x.fraction - op.to.fraction
    steps = _rounded(op.rounding, x, drop, draft) if drop > 0 else _refined(x, -drop, draft)
    return _confined(op, steps, node, draft)


def _refined(x: Wire, bits: int, draft: Draft) -> Wire:
    """Return a wire with more bits behind its binary point."""
    if not bits:
        return x
    low, high = x.low << bits, x.high << bits
    width = bits_of(low, high)[0]
    value = Joined((x.extended(width - bits), Literal(0, bits)))
    return draft.between(value, low, high, x.fraction + bits)


def _rounded(rounding: Rounding, x: Wire, drop: int, draft: Draft) -> Wire:
    """Return a wire without its ``drop`` lowest bits."""
    low, high = (int(end) for end in rounded(np.array([x.low, x.high], object), drop, rounding))
    width = bits_of(low, high)[0]
    up = _rounds_up(rounding, x, drop, draft)
    kept = x.extended(width, drop)
    value = kept if up is None else Sum(kept, _alone(up, width))
    return draft.between(value, low, high, x.fraction - drop)


def _rounds_up(rounding: Rounding, x: Wire, drop: int, draft: Draft) -> Bits | None:
    """Return the bit that is added; None where there is none."""
    negative = _negative(x)
    half = _bit(x, drop - 1)
    tie: Bits | None
    match rounding:
        case Rounding.FLOOR:
            return None
        case Rounding.HALF_UP:
            return half
        case Rounding.TOWARD_ZERO:
            return None if negative is None else _all(draft, negative, _any(x, drop, draft))
        case Rounding.HALF_DOWN:
            tie = None
        case Rounding.HALF_AWAY:
            if negative is None:
                return half
            tie = draft.bit(Gated(Gate.NOT, (negative,)))
        case Rounding.HALF_TOWARD_ZERO:
            tie = negative
        case Rounding.HALF_EVEN:
            tie = _bit(x, drop)
    more = _any(x, drop - 1, draft) if drop > 1 else None
    conditions = [each for each in (more, tie) if each is not None]
    if not conditions:
        return Literal(0, 1)
    either = draft.bit(Gated(Gate.OR, tuple(conditions))) if len(conditions) > 1 else conditions[0]
    return _all(draft, half, either)


def _alone(bit: Bits, width: int) -> Bits:
    """Return a number of one bit."""
    return Joined((Literal(0, width - 1), bit)) if width > 1 else bit


def _negative(x: Wire) -> Bits | None:
    return Slice(x.held, x.held.width - 1, 1) if x.signed else None


def _bit(x: Wire, place: int) -> Bits:
    """Return a bit of the mantissa; above its width it is the sign."""
    if place < x.held.width:
        return Slice(x.held, place, 1)
    return _negative(x) or Literal(0, 1)


def _any(x: Wire, number: int, draft: Draft) -> Bits:
    """Return whether any of the lowest bits is set."""
    width = min(number, x.held.width)
    return draft.bit(AnyOf(Slice(x.held, 0, width)))


def _all(draft: Draft, *bits: Bits) -> Bits:
    return draft.bit(Gated(Gate.AND, bits))


# ---------------------------------------------------------------------------------------- overflow


def _confined(op: Quantize, x: Wire, node: Node, draft: Draft) -> Wire:
    """Return a wire inside the type."""
    to = op.to
    lowest = to.lowest
    if op.overflow is Overflow.SATURATE_SYMMETRIC and to.signed:
        lowest = -to.highest
    if lowest <= x.low and x.high <= to.highest:
        return Wire(x.signal, x.low, x.high, to.fraction)
    width = draft.width(node)
    if op.overflow in (Overflow.WRAP, Overflow.ERROR):
        return draft.wire(node, x.extended(width))
    zero = op.overflow is Overflow.SATURATE_ZERO
    value: Bits | Choice = x.extended(width)
    if x.high > to.highest:
        end = Literal(0 if zero else to.highest, width)
        value = Choice(_above(x, to.highest, draft), end, x.extended(width))
    if x.low < lowest:
        inside = draft.named(value) if isinstance(value, Choice) else value
        value = Choice(_below(x, lowest, draft), Literal(0 if zero else lowest, width), inside)
    return draft.wire(node, value)


def _above(x: Wire, highest: int, draft: Draft) -> Bits:
    """Return whether a wire is above ``2**n - 1``: positive, with a higher bit set."""
    places = highest.bit_length()
    top = x.held.width - x.signed
    high = Slice(x.held, places, top - places)
    any_high = draft.bit(AnyOf(high)) if high.width > 1 else high
    negative = _negative(x)
    if negative is None:
        return any_high
    positive = draft.bit(Gated(Gate.NOT, (negative,)))
    return _all(draft, positive, any_high)


def _below(x: Wire, lowest: int, draft: Draft) -> Bits:
    """Return whether a wire is below the lowest value, which mostly is 0 or ``-2**n``."""
    sign = Slice(x.held, x.held.width - 1, 1)
    if lowest == 0:
        return sign
    if -lowest & (-lowest - 1):  # a symmetric end is no power of two
        end = Literal(lowest, x.held.width)
        return draft.bit(Compared(Relation.LESS, Ref(x.held), end, signed=True))
    places = (-lowest).bit_length() - 1
    high = Slice(x.held, places, x.held.width - 1 - places)
    inside = draft.bit(AllOf(high))
    return _all(draft, sign, draft.bit(Gated(Gate.NOT, (inside,))))
