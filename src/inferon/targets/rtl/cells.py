"""How each scalar operator is spelled in signals; `inferon.targets.rtl.quantizing` has the rest.

A sum of mantissas with different binary points adds only where both have bits::

    a = aaaaaaa        the low bits of a pass through,
    b =   bbbb000      the sum is as wide as what is left
"""

from __future__ import annotations

from functools import singledispatch

from inferon.errors import InvalidGraph
from inferon.ir.node import Node, Op
from inferon.ir.types import Fixed
from inferon.ops import arithmetic, logic
from inferon.ops.convert import Quantize
from inferon.ops.structure import Const
from inferon.ops.table import Table
from inferon.targets.rtl.draft import Draft
from inferon.targets.rtl.netlist import (
    Bits,
    Choice,
    Compared,
    Gate,
    Gated,
    Joined,
    Literal,
    Lookup,
    Product,
    Ref,
    Relation,
    Slice,
    Sum,
)
from inferon.targets.rtl.quantizing import quantized
from inferon.targets.rtl.wire import Wire, bits_of, extended


@singledispatch
def cell(op: Op, node: Node, draft: Draft) -> Wire:
    """Return the wire of a scalar, after adding what computes it to the draft."""
    raise InvalidGraph(f"no cell computes {op.spelling()}", node=node, rule="netlist")


@cell.register
def _const(op: Const, node: Node, draft: Draft) -> Wire:
    low, _ = draft.interval(node)
    return Wire(None, low, low, draft.fraction(node))


@cell.register
def _add(op: arithmetic.Add, node: Node, draft: Draft) -> Wire:
    a, b = draft.operands(node)
    if a.fraction < b.fraction:
        a, b = b, a  # b is the one that begins higher
    return draft.wire(node, _sum(a, b, draft.width(node), subtract=False, draft=draft))


@cell.register
def _sub(op: arithmetic.Sub, node: Node, draft: Draft) -> Wire:
    a, b = draft.operands(node)
    width = draft.width(node)
    if a.fraction >= b.fraction:
        return draft.wire(node, _sum(a, b, width, subtract=True, draft=draft))
    whole = shifted(a, b.fraction - a.fraction, width)
    return draft.wire(node, Sum(whole, b.extended(width), subtract=True))


def _sum(a: Wire, b: Wire, width: int, *, subtract: bool, draft: Draft) -> Bits | Sum:
    """Return a + b or a - b where b has no bits below ``a.fraction - b.fraction``."""
    low = a.fraction - b.fraction
    high = width - low
    if not low:
        return _apart(Sum(a.extended(width), b.extended(width), subtract), draft)
    if high < 1:  # what b changes is outside of the result's interval
        return a.extended(width)
    if a.low >= 0 and a.high < 1 << low and not subtract:  # b has no bit where a has one
        return Joined((b.extended(high), a.extended(low)))
    above = Sum(a.extended(high, low), b.extended(high), subtract)
    return Joined((draft.named(above), a.extended(low)))


def _apart(total: Sum, draft: Draft) -> Bits | Sum:
    """Return a sum that synthesis does not melt into the sums that it reads.

    Yosys makes one sum of many operands from sums of equal width, which costs half as many tables
    again.  A zero below both operands keeps them apart; it costs nothing.
    """
    if not (isinstance(total.a, Ref) or isinstance(total.b, Ref)):
        return total
    zero = Literal(0, 1)
    wide = Sum(Joined((total.a, zero)), Joined((total.b, zero)), total.subtract)
    return Slice(draft.named(wide).signal, 1, total.width)


def shifted(wire: Wire, bits: int, width: int) -> Bits:
    """Return ``mantissa * 2**bits`` in so many bits."""
    if wire.signal is None:
        return Literal(wire.low << bits, width)
    if bits == 0:
        return wire.extended(width)
    if bits >= width:  # of a choice whose other side is small: this one is taken where it is zero
        return Literal(0, width)
    return Joined((wire.extended(width - bits), Literal(0, bits)))


@cell.register
def _neg(op: arithmetic.Neg, node: Node, draft: Draft) -> Wire:
    (a,) = draft.operands(node)
    width = draft.width(node)
    return draft.wire(node, Sum(Literal(0, width), a.extended(width), subtract=True))


@cell.register
def _abs(op: arithmetic.Abs, node: Node, draft: Draft) -> Wire:
    (a,) = draft.operands(node)
    width = draft.width(node)
    if not a.signed:
        return draft.wire(node, a.extended(width))
    minus = draft.named(Sum(Literal(0, width), a.extended(width), subtract=True))
    return draft.wire(node, Choice(sign(a), minus, a.extended(width)))


def sign(wire: Wire) -> Slice:
    """Return the bit that says that a wire is negative."""
    return Slice(wire.held, wire.held.width - 1, 1)


@cell.register
def _mul(op: arithmetic.Mul, node: Node, draft: Draft) -> Wire:
    a, b = draft.operands(node)
    for constant, other in ((a, b), (b, a)):
        if constant.signal is None and constant.low == 1:  # moves the binary point
            return Wire(other.signal, other.low, other.high, a.fraction + b.fraction)
    width = draft.width(node)
    x, y = (Ref(draft.signal(each)) for each in (a, b))
    return draft.wire(node, Product(x, y, width))


@cell.register
def _comparison(op: logic.Comparison, node: Node, draft: Draft) -> Wire:
    a, b = draft.operands(node)
    if isinstance(op, logic.Less) and _is_zero(a) and (b.low, b.high) == (0, 1):
        return Wire(b.signal, 0, 1, 0)  # a bit itself
    relation = {
        logic.Less: Relation.LESS,
        logic.LessEqual: Relation.LESS_EQUAL,
        logic.Equal: Relation.EQUAL,
    }[type(op)]
    return draft.wire(node, compared(relation, a, b))


def _is_zero(wire: Wire) -> bool:
    return wire.signal is None and wire.low == 0


def compared(relation: Relation, a: Wire, b: Wire) -> Compared:
    """Return whether a relation holds, with the binary points brought together."""
    fraction = max(a.fraction, b.fraction)
    shifts = [fraction - each.fraction for each in (a, b)]
    ends = [
        end << s for each, s in zip((a, b), shifts, strict=True) for end in (each.low, each.high)
    ]
    width, signed = bits_of(min(ends), max(ends))
    left, right = (shifted(each, s, width) for each, s in zip((a, b), shifts, strict=True))
    return Compared(relation, left, right, signed)


@cell.register
def _extreme(op: arithmetic.Max | arithmetic.Min, node: Node, draft: Draft) -> Wire:
    a, b = draft.operands(node)
    a_below = draft.bit(compared(Relation.LESS, a, b))
    a_wins = isinstance(op, arithmetic.Min)
    return draft.wire(node, _either(node, draft, a_below, *((a, b) if a_wins else (b, a))))


@cell.register
def _select(op: logic.Select, node: Node, draft: Draft) -> Wire:
    condition, a, b = draft.operands(node)
    if a.signal is None and a.low == 1 and a.fraction == draft.fraction(node) and _is_zero(b):
        return Wire(condition.signal, 0, 1, a.fraction)  # the condition as a number
    return draft.wire(node, _either(node, draft, Ref(draft.signal(condition)), a, b))


def _either(node: Node, draft: Draft, condition: Bits, a: Wire, b: Wire) -> Choice:
    width, fraction = draft.width(node), draft.fraction(node)
    left, right = (shifted(each, fraction - each.fraction, width) for each in (a, b))
    return Choice(condition, left, right)


@cell.register
def _truth(op: logic.Truth, node: Node, draft: Draft) -> Wire:
    gates = {logic.And: Gate.AND, logic.Or: Gate.OR, logic.Not: Gate.NOT}
    bits = tuple(Ref(draft.signal(each)) for each in draft.operands(node))
    return draft.wire(node, Gated(gates[type(op)], bits))


@cell.register
def _table(op: Table, node: Node, draft: Draft) -> Wire:
    (index,) = draft.operands(node)
    source = node.inputs[0].type.element
    assert isinstance(source, Fixed)
    signal = index.held
    width = draft.width(node)
    entries = [0] * (1 << signal.width)
    for mantissa in range(index.low, index.high + 1):
        place = mantissa % len(entries)
        entries[place] = int(op.entries.array[mantissa - source.lowest]) % (1 << width)
    rom = draft.rom(tuple(entries), width, signal.width)
    return draft.wire(node, Lookup(rom, extended(signal, signal.width)))


@cell.register
def _quantize(op: Quantize, node: Node, draft: Draft) -> Wire:
    (x,) = draft.operands(node)
    return quantized(op, x, node, draft)
