"""Integers of machine types: wires of fixed point without a fraction, wrapped where needed.

The wires of an integer tensor are exact, and as narrow as their intervals; `confined` brings those
back that may be outside of the type.
"""

from __future__ import annotations

import numpy as np

from inferon.ir.node import Node
from inferon.ir.types import Bool, Element, Fixed, Int
from inferon.ir.values import Array
from inferon.ops import arithmetic, bits, logic
from inferon.ops.convert import Cast, Quantize
from inferon.ops.mantissa import Overflow, Rounding
from inferon.passes.unroll.linear import sums
from inferon.passes.unroll.lower import lower
from inferon.passes.unroll.step import Step
from inferon.passes.unroll.wiring import number, wire_type


def confined(wires: Array, step: Step) -> Array:
    """Return the wires of an integer tensor inside its type: the high bits are dropped."""
    element = wire_type(step.node.type.element)
    assert isinstance(element, Fixed)
    return step.elementwise(Quantize(element, Rounding.FLOOR, Overflow.WRAP), wires)


@lower.register
def _cast(op: Cast, step: Step) -> Array:
    (wires,) = step.inputs
    source = step.node.inputs[0].type.element
    if source == op.to or (isinstance(source, Int) and isinstance(op.to, Int)):
        return wires
    return _filled([_between(source, op.to, wire, step) for wire in wires.flat], wires)


def _between(source: Element, to: Element, wire: Node, step: Step) -> Node:
    if isinstance(source, Bool):
        return step.apply(logic.Select(), wire, number(1), number(0))
    assert isinstance(to, Bool)
    return step.apply(logic.Not(), step.apply(logic.Equal(), wire, number(0)))


@lower.register
def _shift(op: bits.ShiftLeft | bits.ShiftRight, step: Step) -> Array:
    """Return integers with the binary point moved, and what lies behind it cut."""
    (wires,) = step.inputs
    if isinstance(op, bits.ShiftLeft):
        return _filled([step.wiring.shifted(wire, op.bits) for wire in wires.flat], wires)
    element = wire_type(step.node.type.element)
    moved = [step.wiring.shifted(wire, -op.bits) for wire in wires.flat]
    return step.elementwise(Quantize(element), _filled(moved, wires))  # type: ignore[arg-type]


@lower.register
def _bitwise(op: bits.BitAnd | bits.BitOr | bits.BitXor, step: Step) -> Array:
    a, b = step.inputs
    pairs = zip(a.flat, b.flat, strict=True)
    return _filled([_of_bits(op, x, y, step) for x, y in pairs], a)


def _of_bits(op: bits.IntBinary, x: Node, y: Node, step: Step) -> Node:
    """Return the sum of the bits of the result; the highest becomes the sign when it wraps."""
    element = step.node.type.element
    assert isinstance(element, Int)
    places = []
    for place in range(element.bits):
        a, b = (step.bit(each, place) for each in (x, y))
        both = _truth(op, a, b, step)
        places.append(step.apply(logic.Select(), both, number(1 << place), number(0)))
    return sums(np.array([places], object), step)[0]  # type: ignore[no-any-return]


def _truth(op: bits.IntBinary, a: Node, b: Node, step: Step) -> Node:
    match op:
        case bits.BitAnd():
            return step.apply(logic.And(), a, b)
        case bits.BitOr():
            return step.apply(logic.Or(), a, b)
    return step.apply(logic.Not(), step.apply(logic.Equal(), a, b))


def _filled(made: list[Node], like: Array) -> Array:
    """Return wires in the shape of others."""
    array = np.empty(len(made), object)
    array[:] = made
    return array.reshape(like.shape)


NO_WIRES = {
    arithmetic.Div: ("firmware does not divide integers", "a shift, or a table of the reciprocal"),
    bits.Bitcast: ("the bits of a machine type have no wires", "a cast"),
}
"""Operators on machine types that firmware refuses, with what helps."""
