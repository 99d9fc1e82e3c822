"""Scalars built one by one: what is constant is computed now, what changes nothing is left out.

Wires may be narrower, or have another binary point, than the tensor's type says: every operator of
fixed point takes operands of any type, and only the value counts.  `typed` brings a wire to a type
where one is demanded: before a table, and at an output.
"""

from __future__ import annotations

import numpy as np

from inferon.analysis.interval import Interval, Intervals
from inferon.ir.node import Node, Op
from inferon.ir.shape import Tensor
from inferon.ir.types import BOOL, Bool, Element, Fixed, Int
from inferon.ir.values import Values, storage
from inferon.ops import arithmetic, logic
from inferon.ops.base import Primitive
from inferon.ops.convert import Quantize
from inferon.ops.mantissa import Overflow
from inferon.ops.structure import Const


class Wiring:
    """Makes scalar nodes, and knows the interval of each."""

    def __init__(self) -> None:
        self.intervals = Intervals()

    def interval(self, wire: Node) -> Interval:
        """Return lowest and highest mantissa."""
        return self.intervals.of(wire)

    def apply(self, op: Op, *wires: Node, origin: str = "") -> Node:
        """Return an operator on wires, or what has the same value and is simpler."""
        same = self._same(op, wires)
        if same is not None:
            return same
        if wires and all(isinstance(each.op, Const) for each in wires):
            return _computed(op, wires)
        made = Node(op, wires, origin)
        low, high = self.interval(made)
        return constant(low, made.type.element) if low == high else made

    def _same(self, op: Op, wires: tuple[Node, ...]) -> Node | None:
        """Return the operand that an operator passes on as it is, if there is one."""
        match op:
            case arithmetic.Max() | arithmetic.Min():
                return self._winner(op, *wires)
            case logic.Select():
                low, high = self.interval(wires[0])
                if low != high:
                    return wires[1] if wires[1] == wires[2] else None
                return wires[1] if low else wires[2]
            case logic.And() | logic.Or():
                return self._decided(op, *wires)
            case arithmetic.Add() | arithmetic.Sub():
                return wires[0] if _is_zero(wires[1]) else None
            case Quantize():
                return wires[0] if self._fits(op, wires[0]) else None
        return None

    def _decided(self, op: Op, a: Node, b: Node) -> Node | None:
        """Return the operand that a truth value is, where the other one is known."""
        for known, other in ((a, b), (b, a)):
            low, high = self.interval(known)
            if low == high:
                passes = low == 1 if isinstance(op, logic.And) else low == 0
                return other if passes else known
        return None

    def _winner(self, op: Op, a: Node, b: Node) -> Node | None:
        """Return the operand that always is the larger, or the smaller."""
        fraction = max(fixed(a).fraction, fixed(b).fraction)
        (al, ah), (bl, bh) = (self._aligned(each, fraction) for each in (a, b))
        if al >= bh:
            return a if isinstance(op, arithmetic.Max) else b
        if bl >= ah:
            return b if isinstance(op, arithmetic.Max) else a
        return None

    def _aligned(self, wire: Node, fraction: int) -> Interval:
        shift = fraction - fixed(wire).fraction
        low, high = self.interval(wire)
        return low << shift, high << shift

    def _fits(self, op: Quantize, wire: Node) -> bool:
        """Return whether a quantizer changes no value of a wire."""
        to = op.to
        if fixed(wire).fraction > to.fraction:
            return False
        symmetric = to.signed and op.overflow is Overflow.SATURATE_SYMMETRIC
        low, high = self._aligned(wire, to.fraction)
        return (-to.highest if symmetric else to.lowest) <= low and high <= to.highest

    def typed(self, wire: Node, element: Element) -> Node:
        """Return a wire of exactly this type; the type holds every value of the wire."""
        element = wire_type(element)
        if wire.type.element == element:
            return wire
        assert isinstance(element, Fixed)
        if isinstance(wire.op, Const):
            mantissa = _exactly(value_of(wire), element.fraction - fixed(wire).fraction)
            return constant(mantissa, element, narrow=False)
        return Node(Quantize(element), (wire,), wire.origin)

    def shifted(self, wire: Node, bits: int) -> Node:
        """Return ``wire * 2**bits``: the same bits with the binary point elsewhere."""
        if wire.op == _MUL and _is_power(wire.inputs[1]):
            bits -= fixed(wire.inputs[1]).fraction
            wire = wire.inputs[0]
        if bits == 0:
            return wire
        if isinstance(wire.op, Const):
            element = fixed(wire)
            moved = Fixed(element.signed, element.width, element.integer + bits)
            return constant(int(wire.op.values.array), moved)
        power = constant(1, Fixed(False, 1, 1 + bits))
        return Node(_MUL, (wire, power), wire.origin)


_MUL = arithmetic.Mul()


def fixed(wire: Node) -> Fixed:
    """Return the type of a wire that is a number."""
    element = wire.type.element
    assert isinstance(element, Fixed), wire
    return element


def wire_type(element: Element) -> Element:
    """Return the type of the wires of a tensor: integers are fixed point without a fraction."""
    return (
        Fixed(element.signed, element.bits, element.bits) if isinstance(element, Int) else element
    )


def number(value: int) -> Node:
    """Return a whole number as a constant."""
    return constant(value, Fixed(False, 1, 1))


def constant(mantissa: int, element: Element, *, narrow: bool = True) -> Node:
    """Return a constant; with ``narrow`` of the narrowest type with the element's binary point."""
    if isinstance(element, Bool):
        return Node(Const(Values(np.array(bool(mantissa))), BOOL))
    element = wire_type(element)
    assert isinstance(element, Fixed)
    own = Fixed.holding(mantissa, mantissa, element.fraction) if narrow else element
    return Node(Const(Values(np.array(mantissa, storage(own))), own))


def value_of(wire: Node) -> int:
    """Return the mantissa of a constant."""
    assert isinstance(wire.op, Const)
    return int(wire.op.values.array)


def _exactly(mantissa: int, shift: int) -> int:
    """Return ``mantissa * 2**shift``, of which nothing is lost."""
    if shift >= 0:
        return mantissa << shift
    assert not mantissa % (1 << -shift), (mantissa, shift)
    return mantissa >> -shift


def _computed(op: Op, wires: tuple[Node, ...]) -> Node:
    """Return the constant that an operator makes of constants."""
    assert isinstance(op, Primitive)
    types = tuple(each.type for each in wires)
    out: Tensor = op.infer(*types)
    arrays = [each.op.values.array[None] for each in wires if isinstance(each.op, Const)]
    return constant(int(op.reference(out, types, *arrays)[0]), out.element)


def _is_zero(wire: Node) -> bool:
    return isinstance(wire.op, Const) and value_of(wire) == 0


def _is_power(wire: Node) -> bool:
    return isinstance(wire.op, Const) and value_of(wire) == 1
