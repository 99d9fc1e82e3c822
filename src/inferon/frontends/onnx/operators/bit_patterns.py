"""The bits of a value as its own type has them in memory: what BitCast reads and writes.

A narrow value is held in a wider type, whose bits are others.  Scaled by 2**(bias - 127), a narrow
float has its own exponent in the float32's field, and its fraction in the highest bits below.
"""

from __future__ import annotations

from inferon.frontends.onnx.narrow import NARROW, Narrow
from inferon.ir.node import Node
from inferon.ir.types import FLOAT32, INT32, Bool, Element, Float, Int
from inferon.ops import build as b
from inferon.ops.base import require
from inferon.ops.rounding import Layout, RoundTo, RoundToPower, WrapTo

_BIAS, _FRACTION = 127, 23
"""Of float32."""

_UINT8 = Int(False, 8)


def width_bits(element: Element, narrow: int | None) -> int:
    """Return the bits of an element type, or of the narrower one that it holds."""
    if narrow is not None:
        return NARROW[narrow].bits
    if isinstance(element, Bool):
        return 8
    require(isinstance(element, Float | Int), "{} has no bits in memory", element)
    assert isinstance(element, Float | Int)
    return element.bits


def pattern(x: Node, narrow: int | None) -> Node:
    """Return the bits of a value as an int without sign; below a byte they are the low ones."""
    element = x.type.element
    if narrow is None:
        if isinstance(element, Bool):
            return b.cast(x, _UINT8)
        return _same_bits(x, Int(False, width_bits(element, None)))
    kind = NARROW[narrow]
    if isinstance(kind.back, WrapTo):
        return b.bit_and(_same_bits(x, _UINT8), (1 << kind.bits) - 1)
    code = _power_code(x) if isinstance(kind.back, RoundToPower) else _float_code(x, kind)
    return b.cast(code, Int(False, max(8, kind.bits)))


def from_pattern(code: Node, held: Element, narrow: int | None) -> Node:
    """Return the value of such bits."""
    if narrow is None:
        return b.cast(code, held) if isinstance(held, Bool) else _same_bits(code, held)
    kind = NARROW[narrow]
    if isinstance(kind.back, WrapTo):
        return b.apply(kind.back, _same_bits(code, held))
    wide = b.cast(code, INT32)
    return _power(wide) if isinstance(kind.back, RoundToPower) else _float(wide, kind)


def _same_bits(x: Node, to: Element) -> Node:
    return x if x.type.element == to else b.bitcast(x, to)


def _layout(kind: Narrow) -> Layout:
    assert isinstance(kind.back, RoundTo)
    return kind.back.to.value


def _codes_of_specials(kind: Narrow) -> tuple[int, int]:
    """Return the magnitudes' codes of infinity and NaN; without them that of the largest value."""
    layout, ones = _layout(kind), (1 << kind.bits - 1) - 1
    infinity = ones >> layout.fraction << layout.fraction
    if layout.infinite:
        return infinity, infinity | 1 << layout.fraction - 1
    return ones, ones if layout.signed_zero else 1 << kind.bits - 1


def _float_code(x: Node, kind: Narrow) -> Node:
    layout, bits = _layout(kind), b.bitcast(x, INT32)
    scaled = b.bitcast(b.mul(b.absolute(x), 2.0 ** (layout.bias - _BIAS)), INT32)
    code = b.shift_right(scaled, _FRACTION - layout.fraction)
    infinity, nan = _codes_of_specials(kind)
    if layout.infinite:
        code = b.select(b.equal(b.absolute(x), float("inf")), infinity, code)
    sign = b.select(b.less(bits, 0), b.constant_like(bits, 1 << kind.bits - 1), 0)
    code = b.bit_or(code, sign)
    return b.select(b.equal(x, x), code, nan) if layout.nan else code


def _float(code: Node, kind: Narrow) -> Node:
    layout = _layout(kind)
    magnitude = b.bit_and(code, (1 << kind.bits - 1) - 1)
    shifted = b.bitcast(b.shift_left(magnitude, _FRACTION - layout.fraction), FLOAT32)
    size = b.mul(shifted, 2.0 ** (_BIAS - layout.bias))
    infinity, nan = _codes_of_specials(kind)
    if layout.infinite:
        size = b.select(b.equal(magnitude, infinity), float("inf"), size)
        size = b.select(b.less(infinity, magnitude), float("nan"), size)
    elif layout.nan and layout.signed_zero:
        size = b.select(b.equal(magnitude, nan), float("nan"), size)
    value = b.select(b.equal(code, magnitude), size, b.neg(size))
    return value if layout.signed_zero else b.select(b.equal(code, nan), float("nan"), value)


def _power_code(x: Node) -> Node:
    """Return the exponent's field: 0 of the subnormal 2**-127, all ones of NaN."""
    return b.bit_and(b.shift_right(b.bitcast(x, INT32), _FRACTION), 0xFF)


def _power(code: Node) -> Node:
    value = b.bitcast(b.shift_left(code, _FRACTION), FLOAT32)
    value = b.select(b.equal(code, 0), 2.0**-127, value)
    return b.select(b.equal(code, 0xFF), float("nan"), value)
