"""Elementary functions of float32 and float64 as short programs of IEEE operations.

exp, log, their forms near zero, sigmoid, erf, and the hyperbolic and trigonometric functions;
elementary_inverse.py has the inverses.  The square root is a primitive, the reciprocal 1 / x is a
division, and both are exactly rounded.  Every operation is exactly rounded or works on bits, so an
interpreter and a target that follow the same program return the same bits by construction.  No
tables in memory, no branches: each function is a straight line for SIMD lanes.

A program is the same for both formats except where float64 has subnormal results that float32
gives up for speed; elementary_format.py has the polynomials, and steps that several functions
share are in elementary_steps.py.

The bound ``ulp`` of each function was checked on all 2**32 float32 (benchmarks/elementary/
exhaustive.json has the maxima, tests/full/test_elementary_exhaustive.py repeats the count), and
``ulp64`` on samples of float64 that benchmarks/elementary/double.json counts.

An ULP is the distance of the two floats around the exact result; among the subnormals, their step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from inferon.ir.node import Node
from inferon.ir.shape import Tensor
from inferon.ir.types import FLOAT64, Element, Float
from inferon.ir.values import Array
from inferon.ops.base import Elementary, require, same
from inferon.ops.build import (
    absolute,
    add,
    bit_and,
    constant_like,
    div,
    equal,
    fma,
    less,
    less_equal,
    maximum,
    minimum,
    mul,
    neg,
    select,
    shift_left,
    shift_right,
    sub,
)
from inferon.ops.elementary_format import DOUBLE, SINGLE, format_of
from inferon.ops.elementary_steps import (
    angle_reduced,
    bits,
    exp2_of_product,
    exp_inside,
    exp_moderate,
    exp_near_zero,
    exp_reduced,
    exp_wide,
    exponent_of,
    flip_sign,
    float_of,
    keep_sign_of,
    log_at_ends,
    log_of_parts,
    log_one_plus,
    negative,
    no_more_than,
    odd,
    polynomial,
    power_of_two,
    quarter_wave,
    sign_of,
    sine_and_cosine_with_rests,
    split,
    with_sign_of,
)

NUMERICS_VERSION = 2
"""Raised whenever a change may move a bit of any result that the version before had."""


DECAY_END = -88.0
"""About -127 ln 2: the bits that `exp_moderate` makes for 2**-127 in float32 are those of 0."""


@dataclass(frozen=True, slots=True)
class RealFunction(Elementary):
    """Base of the functions here: elementwise on float32 or float64.

    Attributes
    ----------
    ulp, ulp64 : largest distance from the exact result, in units in the last place
    limit, limit64 : largest magnitude of x for which that holds
    smallest : where the exact result is smaller in magnitude, that in float32 is 0
    """

    limit: ClassVar[float] = math.inf
    limit64: ClassVar[float] = math.inf
    smallest: ClassVar[float] = 0.0

    def infer(self, *inputs: Tensor) -> Tensor:
        out = same(inputs, 1)
        fits = isinstance(out.element, Float)
        require(fits, "takes f32 or f64, not {}: cast it first", out.element)
        return out

    def limit_in(self, element: Element) -> float:
        """Return the largest magnitude in a format for which the bound holds."""
        return self.limit64 if element == DOUBLE.element else self.limit

    def smallest_in(self, element: Element) -> float:
        """Return the magnitude below which a result in a format may be 0."""
        return self.smallest if element == SINGLE.element else 0.0


# ------------------------------------------------------------------------ exponentials, logarithms


@dataclass(frozen=True, slots=True)
class Exp(RealFunction):
    """e to the power x; infinity where it rounds to that, and in float32 0 below 2**-126."""

    ulp: ClassVar[float] = 0.9
    ulp64: ClassVar[float] = 0.9
    smallest: ClassVar[float] = SINGLE.smallest_normal

    @staticmethod
    def exact(x: Array) -> Array:
        return np.exp(x)

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        if x.type.element == FLOAT64:
            return exp_wide(x)
        count, _, r = exp_reduced(x, SINGLE.rounder)
        exponent = shift_left(bits(count), SINGLE.mantissa_bits)
        scaled = float_of(add(bits(exp_near_zero(r)), exponent))
        finite = select(less_equal(x, SINGLE.highest_exp), scaled, add(x, math.inf))
        return select(less(x, SINGLE.lowest_exp), 0.0, finite)  # NaN + infinity is NaN


@dataclass(frozen=True, slots=True)
class Decay(RealFunction):
    """e to the power -abs(x), of which nothing is too large: what softmax takes of distances.

    In float32 0 below 2**-126.5, and subnormal down to that.
    """

    ulp: ClassVar[float] = 0.9
    ulp64: ClassVar[float] = 0.9
    smallest: ClassVar[float] = 2.0**-126.5

    @staticmethod
    def exact(x: Array) -> Array:
        return np.asarray(np.exp(-np.abs(x)))

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        return decay(x)


def decay(x: Node) -> Node:
    """Return e^-|x|."""
    below = negative(x)
    if x.type.element == FLOAT64:
        return exp_wide(below)
    return exp_moderate(select(less(below, DECAY_END), DECAY_END, below))


@dataclass(frozen=True, slots=True)
class Expm1(RealFunction):
    """e to the power x, less 1, without cancellation near 0; odd about the sign of 0."""

    ulp: ClassVar[float] = 1.5
    ulp64: ClassVar[float] = 1.9

    @staticmethod
    def exact(x: Array) -> Array:
        return np.expm1(x)

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        format = format_of(x)
        inside = minimum(maximum(x, -format.exp_reach), format.exp_reach)
        count, _, r = exp_reduced(inside, format.rounder)
        less_one = fma(mul(r, r), polynomial(r, format.exp), r)  # e^r - 1
        # 2^n = a b in two steps that are in range: b (a (e^r - 1) + (a - 1/b))
        n = sub(bits(count), format.rounder_bits)
        half = shift_right(n, 1)
        rest = sub(n, half)
        a, b, inverse = (power_of_two(each) for each in (half, rest, neg(rest)))
        return keep_sign_of(x, mul(fma(a, less_one, sub(a, inverse)), b))


@dataclass(frozen=True, slots=True)
class Log(RealFunction):
    """The natural logarithm; -infinity at 0, NaN below."""

    ulp: ClassVar[float] = 0.95
    ulp64: ClassVar[float] = 0.87

    @staticmethod
    def exact(x: Array) -> Array:
        return np.log(x)

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        format = format_of(x)
        subnormal = less(x, format.smallest_normal)
        normal = select(subnormal, mul(x, 2.0**format.mantissa_bits), x)
        exponent_bits, mantissa = split(normal)
        shift = select(subnormal, constant_like(x, -float(format.mantissa_bits)), 0.0)
        exponent = exponent_of(exponent_bits, shift)
        return log_at_ends(x, log_of_parts(exponent, sub(mantissa, 1.0)))


@dataclass(frozen=True, slots=True)
class Log1p(RealFunction):
    """The logarithm of 1 + x, accurate near 0; -infinity at -1, NaN below; -0 stays -0."""

    ulp: ClassVar[float] = 1.05
    ulp64: ClassVar[float] = 0.87

    @staticmethod
    def exact(x: Array) -> Array:
        return np.log1p(x)

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        return keep_sign_of(x, log_one_plus(x))


@dataclass(frozen=True, slots=True)
class Sigmoid(RealFunction):
    """1 / (1 + exp(-x)); in float32 0 where that is below 2**-126.5."""

    ulp: ClassVar[float] = 1.65
    ulp64: ClassVar[float] = 1.7
    smallest: ClassVar[float] = 2.0**-126.5

    @staticmethod
    def exact(x: Array) -> Array:
        small = np.exp(-np.abs(x))
        return np.asarray(np.where(x < 0, small, 1.0) / (1.0 + small))

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        small = decay(x)
        # small / (1 + small) left of 0 and 1 / (1 + small) right of it are both start - start * q
        # with q = small / (1 + small): the rounding errors of q count less in a correction
        start = select(less(x, 0.0), small, 1.0)
        return fma(start, div(small, sub(-1.0, small)), start)


@dataclass(frozen=True, slots=True)
class Erf(RealFunction):
    """The error function; odd, and -0 stays -0."""

    ulp: ClassVar[float] = 1.1
    ulp64: ClassVar[float] = 1.1

    @staticmethod
    def exact(x: Array) -> Array:
        return np.asarray(np.vectorize(math.erf, otypes=[np.float64])(x))

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        format = format_of(x)
        magnitude = absolute(x)
        series = polynomial(mul(magnitude, magnitude), format.erf)
        near_zero = fma(series, magnitude, magnitude)
        inside = no_more_than(magnitude, format.erf_one)
        far = sub(1.0, exp2_of_product(polynomial(inside, format.erfc), inside))
        is_far = less_equal(format.erf_split, magnitude)
        return with_sign_of(x, select(is_far, far, near_zero))  # NaN is not far


# ------------------------------------------------------------------------ hyperbolic functions


@dataclass(frozen=True, slots=True)
class Tanh(RealFunction):
    """The hyperbolic tangent; odd, and -0 stays -0."""

    ulp: ClassVar[float] = 1.25
    ulp64: ClassVar[float] = 1.25

    @staticmethod
    def exact(x: Array) -> Array:
        return np.tanh(x)

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        format = format_of(x)
        magnitude = absolute(x)
        near_zero = odd(magnitude, format.tanh)
        inside = no_more_than(magnitude, format.tanh_one)
        far = sub(1.0, div(2.0, add(exp_inside(add(inside, inside)), 1.0)))
        is_far = less_equal(format.tanh_split, magnitude)
        return with_sign_of(x, select(is_far, far, near_zero))  # NaN is not far


@dataclass(frozen=True, slots=True)
class Sinh(RealFunction):
    """The hyperbolic sine; odd, and -0 stays -0."""

    ulp: ClassVar[float] = 1.7
    ulp64: ClassVar[float] = 1.7

    @staticmethod
    def exact(x: Array) -> Array:
        return np.sinh(x)

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        magnitude = absolute(x)
        half_power = exp_wide(magnitude, halvings=1)
        far = sub(half_power, div(0.25, half_power))  # (e^x - e^-x) / 2
        near_zero = odd(magnitude, format_of(x).sinh)
        return with_sign_of(x, select(less(magnitude, 1.0), near_zero, far))


@dataclass(frozen=True, slots=True)
class Cosh(RealFunction):
    """The hyperbolic cosine."""

    ulp: ClassVar[float] = 1.42
    ulp64: ClassVar[float] = 1.37

    @staticmethod
    def exact(x: Array) -> Array:
        return np.cosh(x)

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        half_power = exp_wide(absolute(x), halvings=1)
        return add(half_power, div(0.25, half_power))


# ------------------------------------------------------------------------ trigonometric functions


@dataclass(frozen=True, slots=True)
class Trigonometric(RealFunction):
    """Base of sin, cos and tan.

    The bound holds up to the limit on both sides of 0, where neighboring floats are 1/4 apart.
    Beyond it an angle is taken as 0: sin is 0 with the sign of x, cos is 1, and their squares
    still sum to 1.  Infinities give NaN.
    """

    ulp: ClassVar[float] = 1.41
    ulp64: ClassVar[float] = 1.25
    limit: ClassVar[float] = SINGLE.largest_angle
    limit64: ClassVar[float] = DOUBLE.largest_angle


@dataclass(frozen=True, slots=True)
class Sin(Trigonometric):
    """The sine of an angle in radians; odd, and -0 stays -0."""

    @staticmethod
    def exact(x: Array) -> Array:
        return np.sin(x)

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        quarter, r, error = angle_reduced(absolute(x))
        return flip_sign(quarter_wave(quarter, r, error), sign_of(x))


@dataclass(frozen=True, slots=True)
class Cos(Trigonometric):
    """The cosine of an angle in radians."""

    @staticmethod
    def exact(x: Array) -> Array:
        return np.cos(x)

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        quarter, r, error = angle_reduced(absolute(x))
        return quarter_wave(add(quarter, 1), r, error)  # cos(x) = sin(x + pi/2)


@dataclass(frozen=True, slots=True)
class Tan(Trigonometric):
    """The tangent of an angle in radians; odd, and -0 stays -0."""

    ulp: ClassVar[float] = 1.45
    ulp64: ClassVar[float] = 1.25

    @staticmethod
    def exact(x: Array) -> Array:
        return np.tan(x)

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        quarter, r, error = angle_reduced(absolute(x))
        one_quarter = bit_and(quarter, 1)
        even = equal(one_quarter, 0)
        sine, cosine = sine_and_cosine_with_rests(r, error)
        above = tuple(select(even, s, c) for s, c in zip(sine, cosine, strict=True))
        below = tuple(select(even, c, s) for s, c in zip(sine, cosine, strict=True))
        # tan(r + pi/2) = -cos(r) / sin(r)
        negative = shift_left(one_quarter, format_of(x).element.bits - 1)
        return flip_sign(flip_sign(_quotient(above, below), negative), sign_of(x))


def _quotient(above: tuple[Node, ...], below: tuple[Node, ...]) -> Node:
    """Return a quotient of numbers and their rests, corrected by what the first guess leaves."""
    inverse = div(1.0, below[0])
    guess = mul(above[0], inverse)
    rest = add(fma(neg(guess), below[0], above[0]), fma(neg(guess), below[1], above[1]))
    return fma(rest, inverse, guess)
