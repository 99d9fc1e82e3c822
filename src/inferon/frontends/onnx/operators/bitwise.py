"""Operators on the bits of ints."""

from __future__ import annotations

from collections.abc import Callable

from inferon.frontends.onnx.call import Call, Operator, Refused, Table, scalar_constant
from inferon.ir.node import Node
from inferon.ir.types import Int
from inferon.ops import build as b
from inferon.ops.base import require


def _binary(function: Callable[[Node, Node], Node]) -> Operator:
    return lambda call: function(call.node(0), call.node(1))


def _not(call: Call) -> Node:
    x = call.node(0)
    element = _int(x)
    return b.bit_xor(x, -1 if element.signed else element.highest)


def _int(x: Node) -> Int:
    element = x.type.element
    require(isinstance(element, Int), "takes ints, not {}", element)
    assert isinstance(element, Int)
    return element


def _shift(call: Call) -> Node:
    """Return x shifted by y bits; by a negative number or all bits only its sign is left."""
    x, y, direction = call.node(0), call.node(1), call.text("direction", "")
    if direction not in ("LEFT", "RIGHT"):
        raise Refused(f"BitShift with direction={direction!r}", "direction='LEFT'")
    shift = b.shift_left if direction == "LEFT" else b.shift_right
    element = _int(x)
    shape = b.broadcast_shapes(x.type.shape, y.type.shape)
    x = b.broadcast(x, shape)
    by = scalar_constant(y)
    nothing = b.constant_like(x, 0)
    sign = b.shift_right(x, element.bits - 1) if element.signed else nothing
    left = sign if direction == "RIGHT" else nothing
    if by is not None:
        return shift(x, int(by)) if 0 <= by < element.bits else left
    y = b.broadcast(y, shape)
    shifted = _by_digits(x, y, shift, element.bits)
    inside = b.and_(b.less_equal(0, y), b.less(y, element.bits))
    return b.select(inside, shifted, left)


def _by_digits(x: Node, y: Node, shift: Callable[[Node, int], Node], bits: int) -> Node:
    """Return x shifted by the binary digits of y, one after the other."""
    step = 1
    while step < bits:
        x = b.select(b.equal(b.bit_and(y, step), 0), x, shift(x, step))
        step *= 2
    return x


TABLE: Table = {
    "BitShift": _shift,
    "BitwiseAnd": _binary(b.bit_and),
    "BitwiseOr": _binary(b.bit_or),
    "BitwiseXor": _binary(b.bit_xor),
    "BitwiseNot": _not,
}
