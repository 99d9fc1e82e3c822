"""Cast, CastLike and BitCast between all element types of numbers, narrow ones included."""

from __future__ import annotations

from inferon.frontends.onnx.call import Call, Refused, Sizes, Table, Value
from inferon.frontends.onnx.narrow import NARROW
from inferon.frontends.onnx.operators.bit_patterns import from_pattern, pattern, width_bits
from inferon.frontends.onnx.tensors import held_in, type_name
from inferon.ir.node import Node
from inferon.ir.types import FLOAT32, INT32, INT64, Element, Float, Int
from inferon.ops import build as b
from inferon.ops.rounding import RoundTo, RoundToPower, Toward, WrapTo, sticky_float64


def _cast(call: Call) -> Value:
    number = call.integer("to", 0)
    value = call.value(0)
    if not isinstance(value, Sizes):
        return _converted(call, number)
    call.ignore("saturate", "round_mode")
    if held_in(number) != INT64:
        raise Refused(f"a run-time size as {type_name(number)}", "a fixed size for that dimension")
    return value


def _cast_like(call: Call) -> Node:
    like = call.narrow_type(1)
    if like is not None:
        return _converted(call, like)
    call.ignore("saturate", "round_mode")
    return b.cast(call.node(0), call.node(1).type.element)


def _converted(call: Call, number: int) -> Node:
    """Return the input as the element type of that number."""
    x, held = call.node(0), held_in(number)
    saturate, mode = bool(call.integer("saturate", 1)), call.text("round_mode", "up")
    if held is None:
        raise Refused(f"a Cast to {type_name(number)}", "float32")
    if number not in NARROW:
        return b.cast(x, held)
    if call.narrow_type(0) == number:
        return x
    if mode not in _TOWARD:
        raise Refused(f"a Cast with round_mode={mode!r}", "round_mode='up'")
    back = NARROW[number].back
    if isinstance(back, WrapTo):
        return b.apply(back, _as_byte(x, held))
    if isinstance(back, RoundToPower):
        return b.apply(RoundToPower(_TOWARD[mode], saturate), _as_float(x))
    return b.apply(RoundTo(back.to, saturate), _as_float(x))


_TOWARD = {each.value: each for each in Toward}


def _as_byte(x: Node, held: Element) -> Node:
    """Return the low byte of a whole number; a float is cut to an int first."""
    return b.cast(b.cast(x, INT32) if isinstance(x.type.element, Float) else x, held)


_FLOAT32_BITS = 16
"""Ints of so many bits are float32 numbers; longer ones need a float64."""


def _as_float(x: Node) -> Node:
    """Return a number as a float that rounds to a narrow one as the number itself would."""
    element = x.type.element
    if isinstance(element, Float):
        return x
    if isinstance(element, Int) and element.bits > _FLOAT32_BITS:
        return sticky_float64(x)
    return b.cast(x, FLOAT32)


def _bit_cast(call: Call) -> Node:
    x, kind, number = call.node(0), call.narrow_type(0), call.integer("to", 0)
    held = held_in(number)
    if held is None:
        raise Refused(f"a BitCast to {type_name(number)}", "float32")
    target = number if number in NARROW else None
    widths = width_bits(x.type.element, kind), width_bits(held, target)
    if widths[0] != widths[1]:
        raise Refused(
            f"a BitCast from {widths[0]} bits to {widths[1]}", "a type of the same width"
        )
    return from_pattern(pattern(x, kind), held, target)


TABLE: Table = {"Cast": _cast, "CastLike": _cast_like, "BitCast": _bit_cast}
