"""Narrow numbers inside wider ones: rounding to float16, float8 ..., wrapping to int4.

The language has no narrow types.  A narrow value is *held* in a float32 (or int8, uint8), which
has all values of the narrow type and more; these operators bring a value back into the narrow set.
float32 has more than twice the digits of float16, so a sum, difference, product, quotient or root
that is rounded to float32 and then to float16 is rounded as if once (S. A. Figueroa, "When is
double rounding innocuous?", SIGNUM Newsletter 30 (1995) 21: 24 >= 2 * 11 + 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from inferon.ir.node import Node
from inferon.ir.types import FLOAT32, Float, Int
from inferon.ops import build as b
from inferon.ops.base import Composite, require


@dataclass(frozen=True, slots=True)
class Layout:
    """What a narrow binary float can be.

    Attributes
    ----------
    fraction : bits behind the point of a normal number
    bias : of the exponent; numbers below 2**(1 - bias) are subnormal
    largest : finite value
    infinite : it has infinities
    nan : it has a NaN
    signed_zero : it has -0
    """

    fraction: int
    bias: int
    largest: float
    infinite: bool
    nan: bool
    signed_zero: bool


class MiniFloat(Enum):
    """The narrow floats of ONNX (onnx.proto, ``TensorProto.DataType``)."""

    FLOAT16 = Layout(10, 15, 65504.0, True, True, True)
    """IEEE 754 binary16."""
    BFLOAT16 = Layout(7, 127, (2 - 2.0**-7) * 2.0**127, True, True, True)
    """The upper half of a float32."""
    FLOAT8E4M3FN = Layout(3, 7, 448.0, False, True, True)
    """P. Micikevicius et al., arXiv:2209.05433; NaN where infinity and NaN would be."""
    FLOAT8E4M3FNUZ = Layout(3, 8, 240.0, False, True, False)
    """B. Noune et al., arXiv:2206.02915; NaN where -0 would be."""
    FLOAT8E5M2 = Layout(2, 15, 57344.0, True, True, True)
    """P. Micikevicius et al., arXiv:2209.05433."""
    FLOAT8E5M2FNUZ = Layout(2, 16, 57344.0, False, True, False)
    """B. Noune et al., arXiv:2206.02915; NaN where -0 would be."""
    FLOAT4E2M1 = Layout(1, 1, 6.0, False, False, True)
    """OCP Microscaling Formats 1.0, section 5.3.3."""


@dataclass(frozen=True, slots=True)
class _Wide:
    """The layout of the float that is rounded."""

    bits: int
    fraction: int
    bias: int

    @property
    def int_(self) -> Int:
        return Int(True, self.bits)

    @property
    def magnitude(self) -> int:
        """All bits but the sign."""
        return (1 << self.bits - 1) - 1


_WIDE = {32: _Wide(32, 23, 127), 64: _Wide(64, 52, 1023)}


def _wide(x: Node) -> _Wide:
    element = x.type.element
    require(isinstance(element, Float), "takes floats, not {}", element)
    assert isinstance(element, Float)
    return _WIDE[element.bits]


@dataclass(frozen=True, slots=True)
class RoundTo(Composite):
    """The nearest value of a narrow float, ties to even, as float32.

    Beyond the largest value: that value when ``saturate`` holds or there is neither infinity nor
    NaN, else infinity, else NaN.  IEEE's types (float16, bfloat16) never saturate.  A NaN stays;
    FLOAT4E2M1 has none and takes -0, as the reference of the ONNX standard does.
    """

    to: MiniFloat
    saturate: bool = True

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        wide, layout = _wide(x), self.to.value
        bits = b.bitcast(x, wide.int_)
        magnitude = b.bit_and(bits, wide.magnitude)
        size = self._confined(_nearest(magnitude, x, layout), layout)
        value = _signed(size, bits, wide, x)
        if not layout.signed_zero:
            value = b.select(b.equal(size, 0.0), 0.0, value)
        value = b.select(b.equal(x, x), value, x if layout.nan else -0.0)  # NaN is not itself
        return b.cast(value, FLOAT32)

    def _confined(self, size: Node, layout: Layout) -> Node:
        """Return a magnitude that is not beyond the type."""
        above = b.less(layout.largest, size)
        half = self.to in (MiniFloat.FLOAT16, MiniFloat.BFLOAT16)
        if not half and (self.saturate or not layout.nan):
            return b.select(above, layout.largest, size)
        return b.select(above, float("inf") if layout.infinite else float("nan"), size)


def _nearest(magnitude: Node, x: Node, layout: Layout) -> Node:
    """Return the magnitude with as many digits as the type has; its exponent is not bounded."""
    wide = _wide(x)
    drop = wide.fraction - layout.fraction
    odd = b.bit_and(b.shift_right(magnitude, drop), 1)
    carried = b.add(b.add(magnitude, (1 << drop - 1) - 1), odd)
    near = b.bitcast(b.shift_left(b.shift_right(carried, drop), drop), x.type.element)
    if layout.bias == wide.bias:  # subnormals of both are spaced alike: the bits above are right
        return near
    size = b.bitcast(magnitude, x.type.element)
    steps = layout.bias - 1 + layout.fraction  # a subnormal is a multiple of 2**-steps
    subnormal = b.mul(b.round_even(b.mul(size, 2.0**steps)), 2.0**-steps)
    return b.select(b.less(size, 2.0 ** (1 - layout.bias)), subnormal, near)


def _signed(size: Node, bits: Node, wide: _Wide, x: Node) -> Node:
    sign = b.bit_and(bits, wide.int_.lowest)
    return b.bitcast(b.bit_or(b.bitcast(size, wide.int_), sign), x.type.element)


class Toward(Enum):
    """The power of two that a number between two of them becomes (ONNX Cast, ``round_mode``)."""

    UP = "up"
    DOWN = "down"
    NEAREST = "nearest"


_SMALLEST_POWER = 2.0**-127
_LARGEST_POWER = 2.0**127


@dataclass(frozen=True, slots=True)
class RoundToPower(Composite):
    """A power of two, 2**-127 to 2**127 or NaN, as float32: FLOAT8E8M0, a scale of MX formats.

    The type has no sign: the sign is dropped.  Zero and magnitudes below the range become 2**-127;
    those above it 2**127 when ``saturate`` holds, else NaN; infinity and NaN become NaN (the
    reference of the ONNX standard).  The mean of two powers goes up with NEAREST.
    """

    toward: Toward = Toward.UP
    saturate: bool = True

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        wide = _wide(x)
        magnitude = b.bit_and(b.bitcast(x, wide.int_), wide.magnitude)
        carry = {
            Toward.UP: (1 << wide.fraction) - 1,
            Toward.NEAREST: 1 << wide.fraction - 1,
            Toward.DOWN: 0,
        }
        kept = b.bit_and(b.add(magnitude, carry[self.toward]), -1 << wide.fraction)
        size, near = b.absolute(x), b.bitcast(kept, x.type.element)
        if wide.bits == 32:  # 2**-127 is a subnormal, whose bits do not round as normal ones do
            near = b.select(b.less(size, 2.0**-126), self._subnormal(size), near)
        near = b.select(b.less(near, _SMALLEST_POWER), _SMALLEST_POWER, near)
        above = b.less(_LARGEST_POWER, near)
        near = b.select(above, _LARGEST_POWER if self.saturate else float("nan"), near)
        near = b.select(b.less(size, float("inf")), near, float("nan"))  # false for NaN
        return b.cast(near, FLOAT32)

    def _subnormal(self, size: Node) -> Node:
        """Return 2**-126 or 2**-127 for a magnitude below 2**-126."""
        border = {
            Toward.UP: b.less(_SMALLEST_POWER, size),
            Toward.NEAREST: b.less_equal(1.5 * _SMALLEST_POWER, size),
            Toward.DOWN: b.less(size, 0.0),  # nowhere
        }
        return b.select(border[self.toward], b.constant_like(size, 2.0**-126), _SMALLEST_POWER)


@dataclass(frozen=True, slots=True)
class WrapTo(Composite):
    """The low bits of an int8 or uint8, with their sign: int4, uint4, int2, uint2."""

    bits: int

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        element = x.type.element
        require(isinstance(element, Int), "takes ints, not {}", element)
        assert isinstance(element, Int)
        require(0 < self.bits < element.bits, "{} has no {} low bits", element, self.bits)
        unused = element.bits - self.bits
        return b.shift_right(b.shift_left(x, unused), unused)


def sticky_float64(x: Node) -> Node:
    """Return an int as a float64 that rounds to a narrow float as the int itself would.

    Above 2**53 a 64-bit int is no float64.  There its last 12 bits become one that is set when any
    of them is (rounding to odd), which leaves 52 digits: far more than a narrow float has.
    """
    element = x.type.element
    if not isinstance(element, Int) or element.bits < 64:
        return b.cast(x, Float(64))
    low = b.bit_and(x, (1 << 12) - 1)
    odd = b.select(b.equal(low, 0), x, b.bit_or(b.sub(x, low), 1 << 11))
    exact = b.less(x, 1 << 53)
    if element.signed:
        exact = b.and_(exact, b.less(-1 << 53, x))
    return b.cast(b.select(exact, x, odd), Float(64))
