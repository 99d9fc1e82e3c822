"""Elementary functions of float32 as short programs of IEEE operations.

exp, log, tanh, sigmoid, erf, sin and cos; the square root is a primitive, the reciprocal 1 / x is
a division, and both are exactly rounded.  Every operation is exactly rounded or works on bits, so
an interpreter and a target that follow the same program return the same bits by construction.  No
tables, no branches, at most one division: each function is a straight line for SIMD lanes.

The polynomials are minimax fits of our own, made by benchmarks/elementary/fit.py, which prints
their errors and, with ``--check``, compares them with the numbers here.  Other constants are
roundings of the number in the comment.  The bound ``ulp`` of each function was checked on all
2**32 inputs: benchmarks/elementary/exhaustive.json has the maxima, and
tests/full/test_elementary_exhaustive.py repeats the count.

An ULP is the distance of the two float32 around the exact result, 2**-149 among the subnormals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from inferon.ir.node import Node
from inferon.ir.shape import Tensor
from inferon.ir.types import Float, Int
from inferon.ir.values import Array
from inferon.ops.base import Elementary, require, same
from inferon.ops.build import (
    absolute,
    add,
    bit_and,
    bit_or,
    bit_xor,
    bitcast,
    cast,
    constant_like,
    div,
    equal,
    fma,
    less,
    less_equal,
    mul,
    neg,
    select,
    shift_left,
    sub,
)

NUMERICS_VERSION = 1
"""Raised whenever a change may move a bit of any result below."""

FLOAT32 = Float(32)
INT32 = Int(True, 32)

SIGN_BIT = -(2**31)
EXPONENT_AND_SIGN = -(2**23)
SMALLEST_NORMAL = 2.0**-126
MANTISSA_BITS = 23

ROUNDER = 1.5 * 2.0**23
"""x + ROUNDER has x, rounded to an integer (ties to even), in its low bits: up to 2**22."""

# ln 2 = 0.69314718055994530941..., rounded to 24 bits, and what is left
LN2_HIGH, LN2_LOW = 0.6931472, -1.9046542e-09
LOG2_E = 1.442695  # 1 / ln 2
LOWEST_EXP = -87.33654  # the smallest float32 above ln(2**-126) = -87.336544750...
HIGHEST_EXP = 88.72283  # the largest float32 below ln(2**128) = 88.722839111...

# fit.py exp: e^r = 1 + r + r^2 p(r), |r| <= ln(2)/2; relative error 2^-28.2
EXP = (0.49999994, 0.16666517, 0.041668102, 0.008369192, 0.001383887)

# fit.py log: ln(1 + f) = f + f^2 p(f), |f| <= 1/3; relative error 2^-26.7
LOG = (
    *(-0.5, 0.3333321, -0.24999718, 0.20010747, -0.16682304),
    *(0.14001161, -0.12167167, 0.1400476, -0.12948914),
)
TWO_THIRDS_BITS = 0x3F2AAAAB  # the bits of 2/3 as a float32

# fit.py tanh: tanh(x) = x + x^3 p(x^2), |x| <= TANH_SPLIT; relative error 2^-26.2
TANH = (-0.33333212, 0.13329625, -0.05359535, 0.02019273, -0.005233587)
TANH_SPLIT = 0.6875  # beyond it the rounding errors of the quotient are below those of the result
TANH_ONE = 9.010913  # artanh(1 - 2**-25) = 9.0109133...: beyond it the nearest float32 is 1

# fit.py erf: erf(x) = x + x p(x^2), |x| <= ERF_SPLIT; relative error 2^-25.8
ERF = (0.12837915, -0.3761249, 0.1128173, -0.026762916, 0.0049872524, -0.0005958971)
# fit.py erfc: erfc(x) = exp(x p(x)), ERF_SPLIT <= x <= ERF_ONE; absolute error 2^-28.4
ERFC = (-1.1285107, -0.6357311, -0.10524443, 0.022878457, -0.0032112703, 0.00021352763)
ERF_SPLIT = 0.925  # where both are equally good
ERF_ONE = 3.92  # erfc(3.9192...) = 2**-25: beyond it the nearest float32 is 1

# pi/2 = 1.57079632679489661923132169163975..., rounded to 24 bits, what is left, and again
HALF_PI = (1.5707964, -4.371139e-08, -1.7151245e-15)
TWO_OVER_PI = 0.63661975  # 2/pi = 0.636619772...
# fit.py sin: sin(r) = r + r^3 p(r^2), |r| <= 1.22 pi/4; relative error 2^-31.7
SIN = (-0.16666667, 0.008333359, -0.00019843955, 2.7384858e-06)
# fit.py cos: cos(r) = 1 + r^2 p(r^2), |r| <= 1.22 pi/4; relative error 2^-29.7
COS = (-0.49999997, 0.041666415, -0.0013882116, 2.4072817e-05)


@dataclass(frozen=True, slots=True)
class Float32Function(Elementary):
    """Base of the functions here: elementwise on float32.

    Attributes
    ----------
    ulp : largest distance from the exact result, in units in the last place
    limit : largest magnitude of x for which that holds
    smallest : where the exact result is smaller in magnitude, the result is 0
    """

    limit: ClassVar[float] = math.inf
    smallest: ClassVar[float] = 0.0

    def infer(self, *inputs: Tensor) -> Tensor:
        out = same(inputs, 1)
        require(out.element == FLOAT32, "takes f32, not {}: cast it first", out.element)
        return out


@dataclass(frozen=True, slots=True)
class Exp(Float32Function):
    """e to the power x; 0 where that is below 2**-126, and infinity where it rounds to 2**128."""

    ulp: ClassVar[float] = 0.9
    smallest: ClassVar[float] = SMALLEST_NORMAL

    @staticmethod
    def exact(x: Array) -> Array:
        return np.exp(x)

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        count, power = _exp_reduced(x, ROUNDER)
        exponent = shift_left(_bits(count), MANTISSA_BITS)
        scaled = _float(add(_bits(power), exponent))
        finite = select(less_equal(x, HIGHEST_EXP), scaled, add(x, math.inf))  # NaN + inf is NaN
        return select(less(x, LOWEST_EXP), 0.0, finite)


@dataclass(frozen=True, slots=True)
class Log(Float32Function):
    """The natural logarithm; -infinity at 0, NaN below."""

    ulp: ClassVar[float] = 0.95

    @staticmethod
    def exact(x: Array) -> Array:
        return np.log(x)

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        subnormal = less(x, SMALLEST_NORMAL)
        normal = select(subnormal, mul(x, 2.0**23), x)
        bits = _bits(normal)
        # normal = 2**exponent * mantissa, with mantissas around 1: no cancellation near x = 1
        exponent_bits = bit_and(sub(bits, TWO_THIRDS_BITS), EXPONENT_AND_SIGN)
        mantissa = _float(sub(bits, exponent_bits))
        shift = select(subnormal, constant_like(x, -23.0), 0.0)
        exponent = fma(cast(exponent_bits, FLOAT32), 2.0**-23, shift)
        f = sub(mantissa, 1.0)
        finite = fma(exponent, LN2_HIGH, fma(mul(f, f), _polynomial(f, LOG), f))
        not_positive = select(equal(x, 0.0), constant_like(x, -math.inf), math.nan)
        number = select(less(0.0, x), finite, not_positive)
        return select(less(x, math.inf), number, x)  # infinity and NaN stay


@dataclass(frozen=True, slots=True)
class Sigmoid(Float32Function):
    """1 / (1 + exp(-x)); 0 where that is below 2**-126."""

    ulp: ClassVar[float] = 1.65
    smallest: ClassVar[float] = SMALLEST_NORMAL

    @staticmethod
    def exact(x: Array) -> Array:
        small = np.exp(-np.abs(x))
        return np.asarray(np.where(x < 0, small, 1.0) / (1.0 + small))

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        magnitude = absolute(x)
        small = select(less(-LOWEST_EXP, magnitude), 0.0, _exp_moderate(neg(magnitude)))
        # small / (1 + small) left of 0 and 1 / (1 + small) right of it are both start - start * q
        # with q = small / (1 + small): the rounding errors of q count less in a correction
        start = select(less(x, 0.0), small, 1.0)
        return fma(start, div(small, sub(-1.0, small)), start)


@dataclass(frozen=True, slots=True)
class Tanh(Float32Function):
    """The hyperbolic tangent; odd, and -0 stays -0."""

    ulp: ClassVar[float] = 1.25

    @staticmethod
    def exact(x: Array) -> Array:
        return np.tanh(x)

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        magnitude = absolute(x)
        square = mul(magnitude, magnitude)
        near_zero = fma(mul(square, magnitude), _polynomial(square, TANH), magnitude)
        quotient = div(2.0, add(_exp_moderate(add(magnitude, magnitude)), 1.0))
        far = select(less(TANH_ONE, magnitude), 1.0, sub(1.0, quotient))
        return _with_sign_of(x, select(less(magnitude, TANH_SPLIT), near_zero, far))


@dataclass(frozen=True, slots=True)
class Erf(Float32Function):
    """The error function; odd, and -0 stays -0."""

    ulp: ClassVar[float] = 1.1

    @staticmethod
    def exact(x: Array) -> Array:
        return np.asarray(np.vectorize(math.erf, otypes=[np.float64])(x))

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        magnitude = absolute(x)
        near_zero = fma(_polynomial(mul(magnitude, magnitude), ERF), magnitude, magnitude)
        complement = _exp_moderate(mul(_polynomial(magnitude, ERFC), magnitude))
        far = select(less(ERF_ONE, magnitude), 1.0, sub(1.0, complement))
        return _with_sign_of(x, select(less(magnitude, ERF_SPLIT), near_zero, far))


@dataclass(frozen=True, slots=True)
class Trigonometric(Float32Function):
    """Base of sin and cos.

    The bound holds up to ``limit`` on both sides of 0, where neighboring float32 are 1/4 apart.
    Beyond it an angle is taken as 0: sin is 0 with the sign of x, cos is 1, and their squares
    still sum to 1.  Infinities give NaN.
    """

    ulp: ClassVar[float] = 1.41
    limit: ClassVar[float] = 2.0**22


@dataclass(frozen=True, slots=True)
class Sin(Trigonometric):
    """The sine of an angle in radians; odd, and -0 stays -0."""

    @staticmethod
    def exact(x: Array) -> Array:
        return np.sin(x)

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        quarter, r, error = _angle_reduced(absolute(x))
        return _flip_sign(_quarter_wave(quarter, r, error), bit_and(_bits(x), SIGN_BIT))


@dataclass(frozen=True, slots=True)
class Cos(Trigonometric):
    """The cosine of an angle in radians."""

    @staticmethod
    def exact(x: Array) -> Array:
        return np.cos(x)

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        quarter, r, error = _angle_reduced(absolute(x))
        return _quarter_wave(add(quarter, 1), r, error)  # cos(x) = sin(x + pi/2)


def _bits(x: Node) -> Node:
    return bitcast(x, INT32)


def _float(bits: Node) -> Node:
    return bitcast(bits, FLOAT32)


def _with_sign_of(x: Node, magnitude: Node) -> Node:
    return _float(bit_or(_bits(magnitude), bit_and(_bits(x), SIGN_BIT)))


def _flip_sign(x: Node, sign_bit: Node) -> Node:
    return _float(bit_xor(_bits(x), sign_bit))


def _polynomial(x: Node, coefficients: tuple[float, ...]) -> Node:
    """Return c[0] + c[1] x + c[2] x^2 ... by Horner's rule, one fma for each step."""
    value = fma(coefficients[-1], x, coefficients[-2])
    for each in coefficients[-3::-1]:
        value = fma(value, x, each)
    return value


def _exp_reduced(x: Node, rounder: float) -> tuple[Node, Node]:
    """Return rounder + n, and e^(x - n ln 2), for n the integer nearest to x / ln 2."""
    count = fma(x, LOG2_E, rounder)
    n = sub(count, rounder)
    r = fma(n, -LN2_LOW, fma(n, -LN2_HIGH, x))
    return count, fma(fma(_polynomial(r, EXP), r, 1.0), r, 1.0)


def _exp_moderate(x: Node) -> Node:
    """Return e^x for -126 ln 2 <= x <= 127 ln 2 and NaN for NaN; elsewhere it has no meaning.

    Cheaper than `Exp`: the rounder carries the bias of the exponent, so that the low bits of
    n + rounder, shifted up, are the float 2**n.
    """
    count, power = _exp_reduced(x, ROUNDER + 127.0)
    return mul(power, _float(shift_left(_bits(count), MANTISSA_BITS)))


def _angle_reduced(magnitude: Node) -> tuple[Node, Node, Node]:
    """Return n in the low bits of an int, and r and a small error with x = n pi/2 + r + error.

    n is an integer near x / (pi/2), and abs(r) is below 1.22 pi/4: TWO_OVER_PI is rounded, which
    moves n by up to 0.11 where x is near the limit.
    """
    nothing = mul(magnitude, 0.0)  # NaN for infinity and NaN
    x = select(less_equal(magnitude, Trigonometric.limit), magnitude, nothing)
    count = fma(x, TWO_OVER_PI, ROUNDER)
    n = sub(count, ROUNDER)
    high, middle, low = HALF_PI
    first = fma(n, -high, x)  # exact: below 2 and, where n > 0, a multiple of 2**-24
    step = mul(n, middle)
    r = sub(first, step)
    lost_in_r = sub(sub(first, r), step)  # exact: ``first`` is a multiple of the last bit of step
    lost_in_step = fma(n, -middle, step)  # exact
    return _bits(count), r, fma(n, -low, add(lost_in_r, lost_in_step))


def _quarter_wave(quarter: Node, r: Node, error: Node) -> Node:
    """Return sin(quarter pi/2 + r + error); where that is a cosine, the error does not matter."""
    square = mul(r, r)
    sine = add(r, fma(mul(r, square), _polynomial(square, SIN), error))
    cosine = fma(_polynomial(square, COS), square, 1.0)
    even = equal(bit_and(quarter, 1), 0)
    return _flip_sign(select(even, sine, cosine), shift_left(bit_and(quarter, 2), 30))
