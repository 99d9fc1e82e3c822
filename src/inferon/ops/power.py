"""Powers with any base and exponent: IEEE 754-2019 ``pow`` on floats, wraparound on ints.

On floats ``x**y`` is ``exp(y ln|x|)``.  An error of the logarithm is multiplied by y ln|x|, up to
745, so it is computed with twice the bits: as an unevaluated sum of two float64 (T. J. Dekker, "A
floating-point technique for extending the available precision", Numer. Math. 18 (1971) 224).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.shape import Tensor
from inferon.ir.types import FLOAT64, Float, Int
from inferon.ir.values import Array
from inferon.ops import build as b
from inferon.ops.base import Composite, Elementary, require, same
from inferon.ops.elementary_format import DOUBLE
from inferon.ops.elementary_steps import (
    exp_reduced,
    exponent_of,
    flip_sign,
    polynomial,
    sign_of,
    split,
    times_power,
)

Pair = tuple[Node, Node]
"""A number as an unevaluated sum: the float64 nearest to it, and what is left."""

THIRD: tuple[float, float] = (0.3333333333333333, 1.850371707708594e-17)
"""1/3, rounded to 53 bits, and what is left."""

HUGE_EXPONENT = 2.0**70
"""|ln x| is 0 or above 2**-54: with exponents from 2**64 on, every power is 0, 1 or infinite."""

LARGEST_REST = 2.0**-40
"""Above the low part of any exponent y ln|x| whose power is neither 0 nor infinite."""


@dataclass(frozen=True, slots=True)
class Power(Composite):
    """Elementwise ``base ** exponent`` in the type of the base.

    Inputs: base and exponent, floats or ints of any widths, of one shape.

    - Float base: `RealPower` in float64, rounded to the type of the base; so a float32 is within
      0.5001 ULP.  An int exponent beyond 2**53 is rounded first.
    - Int base and int exponent: wraps around.  A negative exponent gives the quotient 1 / base**n
      toward zero, which is 0 except for the bases 1 and -1 (and 1 / 0 is 0).
    - Int base and float exponent: `RealPower` in float64, cast back: toward zero, saturated.
    """

    def decompose(self, *inputs: Node) -> Node:
        base, exponent = inputs
        for each in inputs:
            fits = isinstance(each.type.element, Float | Int)
            require(fits, "takes floats and ints, not {}", each.type.element)
        if isinstance(base.type.element, Int) and isinstance(exponent.type.element, Int):
            return _whole_power(base, exponent)
        wide = (b.cast(each, FLOAT64) for each in inputs)
        return b.cast(b.apply(RealPower(), *wide), base.type.element)


@dataclass(frozen=True, slots=True)
class RealPower(Elementary):
    """``x ** y`` in float64 with the special values of IEEE 754-2019, section 9.2.1, ``pow``.

    1 where y is 0 or x is 1, even beside a NaN; the power of -1 with an infinite exponent is 1;
    NaN for a finite negative x where y is no integer; odd integers keep the sign of x.
    """

    operands: ClassVar[tuple[str, ...]] = ("x", "y")
    ulp64: ClassVar[float] = 0.9

    @staticmethod
    def exact(x: Array, y: Array) -> Array:
        return np.asarray(np.power(x, y))

    def infer(self, *inputs: Tensor) -> Tensor:
        out = same(inputs, 2)
        require(out.element == FLOAT64, "takes f64, not {}: cast it first", out.element)
        return out

    def decompose(self, *inputs: Node) -> Node:
        x, y = inputs
        magnitude = b.absolute(x)
        size = _exponential(_product(_clipped(y, HUGE_EXPONENT), _logarithm(magnitude)))
        grows = b.select(b.less(1.0, magnitude), b.less(0.0, y), b.less(y, 0.0))
        pole = b.or_(b.equal(magnitude, 0.0), b.equal(magnitude, math.inf))
        size = b.select(pole, b.select(grows, b.constant_like(x, math.inf), 0.0), size)
        half = b.mul(y, 0.5)
        whole = b.equal(b.floor(y), y)
        odd = b.and_(whole, b.not_(b.equal(b.floor(half), half)))
        sign = sign_of(x)
        value = flip_sign(size, b.select(odd, sign, b.constant_like(sign, 0)))
        real = b.or_(b.not_(b.and_(b.less(x, 0.0), b.less(-math.inf, x))), whole)
        number = b.and_(b.equal(x, x), b.equal(y, y))
        value = b.select(b.and_(real, number), value, math.nan)
        return b.select(b.or_(b.equal(y, 0.0), b.equal(x, 1.0)), 1.0, value)


def _clipped(x: Node, largest: float) -> Node:
    return b.minimum(b.maximum(x, -largest), largest)


def _logarithm(x: Node) -> Pair:
    """Return ln x for x > 0, finite; the relative error is below 2**-63."""
    subnormal = b.less(x, DOUBLE.smallest_normal)
    normal = b.select(subnormal, b.mul(x, 2.0**DOUBLE.mantissa_bits), x)
    exponent_bits, mantissa = split(normal)
    shift = b.select(subnormal, b.constant_like(x, -float(DOUBLE.mantissa_bits)), 0.0)
    n = exponent_of(exponent_bits, shift)
    s = _quotient(b.sub(mantissa, 1.0))
    high, low = _inverse_tangent(s)
    return _sum(_product(n, _constant(x, DOUBLE.ln2)), (b.add(high, high), b.add(low, low)))


def _quotient(f: Node) -> Pair:
    """Return s = f / (2 + f), for which ln(1 + f) = 2 artanh(s)."""
    below = b.add(f, 2.0)
    below_low = b.sub(f, b.sub(below, 2.0))
    s = b.div(f, below)
    rest = b.fma(b.neg(s), below_low, b.fma(b.neg(s), below, f))
    return s, b.div(rest, below)


def _inverse_tangent(s: Pair) -> Pair:
    """Return artanh(s) = s + s z (1/3 + z q(z)), z = s^2, for |s| <= 1/5."""
    high, low = s
    z = b.mul(high, high)
    z_low = b.fma(b.add(high, high), low, b.fma(high, high, b.neg(z)))
    q = polynomial(z, DOUBLE.log_tail)
    third, third_low = THIRD
    w = b.fma(z, q, third)
    w_low = b.add(b.fma(z_low, q, b.fma(z, q, b.sub(third, w))), third_low)
    series = _times(_times((z, z_low), (w, w_low)), s)
    return _sum(s, series)


def _constant(like: Node, parts: tuple[float, float]) -> Pair:
    return b.constant_like(like, parts[0]), b.constant_like(like, parts[1])


def _sum(larger: Pair, smaller: Pair) -> Pair:
    """Return a sum; the first is 0 or larger in magnitude than the second."""
    total = b.add(larger[0], smaller[0])
    lost = b.add(b.sub(larger[0], total), smaller[0])
    return total, b.add(lost, b.add(larger[1], smaller[1]))


def _product(a: Node, c: Pair) -> Pair:
    high = b.mul(a, c[0])
    return high, b.fma(a, c[1], b.fma(a, c[0], b.neg(high)))


def _times(a: Pair, c: Pair) -> Pair:
    high, low = _product(a[0], c)
    return high, b.fma(a[1], c[0], low)


def _exponential(x: Pair) -> Node:
    """Return e^x: subnormal, 0 and infinite where it has to be."""
    high = _clipped(x[0], DOUBLE.exp_reach)
    low = _clipped(x[1], LARGEST_REST)
    count, n, _ = exp_reduced(high, DOUBLE.rounder)
    ln2, ln2_low = DOUBLE.ln2
    reduced, rest = b.fma(n, -ln2, high), b.fma(n, -ln2_low, low)  # the first is exact
    r = b.add(reduced, rest)
    lost = b.add(b.sub(reduced, r), rest)
    above_one = b.add(r, b.fma(b.mul(r, r), polynomial(r, DOUBLE.exp), lost))
    return times_power(b.add(above_one, 1.0), count)


# ------------------------------------------------------------------------------------- integers


def _whole_power(base: Node, exponent: Node) -> Node:
    """Return a power of ints: squares and products, one step for each bit of the exponent."""
    shape, element, counter = base.type.shape, base.type.element, exponent.type.element
    assert isinstance(counter, Int)
    highest = counter.bits - 1 - counter.signed
    masks = b.constant(np.array([1 << bit for bit in range(highest, -1, -1)]), counter)
    power, factor = (b.input_(name, shape, element) for name in ("power", "base"))
    mask, bits = b.input_("mask", (), counter), b.input_("exponent", shape, counter)
    square = b.mul(power, power)
    chosen = b.select(b.equal(b.bit_and(bits, mask), 0), square, b.mul(square, factor))
    body = Graph("square_and_multiply", (power, mask, factor, bits), (chosen,), ("next",))
    result = b.fold(body, b.constant_like(base, 1), [masks], [base, exponent])
    if not counter.signed:
        return result
    one = b.constant_like(base, 1)
    odd = b.equal(b.bit_and(exponent, 1), 1)
    inverse = b.select(b.equal(base, 1), one, 0)
    if isinstance(element, Int) and element.signed:
        inverse = b.select(b.equal(base, -1), b.select(odd, b.neg(one), 1), inverse)
    return b.select(b.less(exponent, 0), inverse, result)
