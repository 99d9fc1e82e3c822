"""Inverses of the trigonometric and hyperbolic functions, as programs like those of elementary.py.

Near 0 each is an odd polynomial; elsewhere an identity leads to a small argument of that same
polynomial (asin, acos, atan) or to the logarithm (asinh, acosh, atanh).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from inferon.ir.node import Node
from inferon.ir.values import Array
from inferon.ops.build import (
    absolute,
    add,
    bit_xor,
    constant_like,
    div,
    fma,
    less,
    mul,
    neg,
    select,
    sqrt,
    sub,
)
from inferon.ops.elementary import RealFunction
from inferon.ops.elementary_format import format_of
from inferon.ops.elementary_steps import (
    exponent_of,
    flip_sign,
    log_at_ends,
    log_of_parts,
    log_one_plus,
    odd,
    polynomial,
    sign_of,
    split,
    with_sign_of,
)

TAN_3_8_PI = 2.414213562373095
"""tan(3 pi / 8) = 1 + sqrt(2): beyond it the argument of atan is inverted."""

HUGE = 2.0**28
"""For x this large, sqrt(x**2 + 1) and x are the same float64."""


def _arc(magnitude: Node) -> tuple[Node, Node, Node]:
    """Return whether x < 1/2, and two parts of asin(x) then, of asin(sqrt((1 - x) / 2)) else."""
    near = less(magnitude, 0.5)
    square = select(near, mul(magnitude, magnitude), fma(magnitude, -0.5, 0.5))
    root = select(near, magnitude, sqrt(square))
    series = polynomial(square, format_of(magnitude).asin)
    return near, root, mul(mul(square, root), series)


@dataclass(frozen=True, slots=True)
class Asin(RealFunction):
    """The inverse of sin, from -pi/2 to pi/2; NaN beyond 1; -0 stays -0."""

    ulp: ClassVar[float] = 1.25
    ulp64: ClassVar[float] = 1.15

    @staticmethod
    def exact(x: Array) -> Array:
        return np.arcsin(x)

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        near, arc, rest = _arc(absolute(x))
        high, middle, _ = format_of(x).half_pi
        # asin(x) = pi/2 - 2 asin(sqrt((1 - x) / 2))
        first = fma(arc, -2.0, high)
        lost = fma(arc, -2.0, sub(high, first))
        far = add(first, add(lost, fma(rest, -2.0, middle)))
        return with_sign_of(x, select(near, add(arc, rest), far))


@dataclass(frozen=True, slots=True)
class Acos(RealFunction):
    """The inverse of cos, from 0 to pi; NaN beyond 1."""

    ulp: ClassVar[float] = 1.15
    ulp64: ClassVar[float] = 1.15

    @staticmethod
    def exact(x: Array) -> Array:
        return np.arccos(x)

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        format = format_of(x)
        near, root, rest = _arc(absolute(x))
        arc = add(root, rest)
        high, middle, _ = format.half_pi
        # pi/2 - asin(x) near 0, 2 arc on the right, pi - 2 arc on the left
        beyond = select(less(x, 0.0), constant_like(x, 2.0), 0.0)
        quarters = select(near, 1.0, beyond)
        sign = sign_of(x)
        sign = bit_xor(sign, select(near, constant_like(sign, 0), format.sign_bit))
        taken = flip_sign(select(near, arc, add(arc, arc)), sign)
        return fma(quarters, high, fma(quarters, middle, neg(taken)))


@dataclass(frozen=True, slots=True)
class Atan(RealFunction):
    """The inverse of tan, from -pi/2 to pi/2; -0 stays -0."""

    ulp: ClassVar[float] = 1.5
    ulp64: ClassVar[float] = 1.43

    @staticmethod
    def exact(x: Array) -> Array:
        return np.arctan(x)

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        format = format_of(x)
        magnitude = absolute(x)
        near, far = less(magnitude, 0.5), less(TAN_3_8_PI, magnitude)
        # atan(x) = pi/4 + atan((x - 1) / (x + 1)) = pi/2 + atan(-1 / x)
        above = select(near, magnitude, select(far, -1.0, sub(magnitude, 1.0)))
        below = select(near, 1.0, select(far, magnitude, add(magnitude, 1.0)))
        quarters = select(near, 0.0, select(far, constant_like(x, 1.0), 0.5))
        t = div(above, below)
        square = mul(t, t)
        high, middle, _ = format.half_pi
        rest = fma(mul(square, t), polynomial(square, format.atan), mul(quarters, middle))
        return with_sign_of(x, fma(quarters, high, add(t, rest)))


@dataclass(frozen=True, slots=True)
class Asinh(RealFunction):
    """The inverse of sinh; -0 stays -0."""

    ulp: ClassVar[float] = 1.4
    ulp64: ClassVar[float] = 1.4

    @staticmethod
    def exact(x: Array) -> Array:
        return np.arcsinh(x)

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        magnitude = absolute(x)
        huge = less(HUGE, magnitude)  # there asinh(x) = ln(x) + ln 2
        square = fma(magnitude, magnitude, 1.0)
        root = sqrt(square)
        u = select(huge, magnitude, add(root, magnitude))
        # the roundings of the root and of the sum, as a part of u: the root is off by the rest of
        # its square / (2 root)
        twice = add(root, root)
        lost = fma(add(sub(root, u), magnitude), twice, fma(neg(root), root, square))
        lost = select(huge, 0.0, div(lost, mul(twice, u)))
        exponent_bits, mantissa = split(u)
        n = exponent_of(exponent_bits, select(huge, constant_like(x, 1.0), 0.0))
        far = log_at_ends(u, log_of_parts(n, sub(mantissa, 1.0), lost))
        near_zero = odd(magnitude, format_of(x).asinh)
        return with_sign_of(x, select(less(magnitude, 0.5), near_zero, far))


@dataclass(frozen=True, slots=True)
class Acosh(RealFunction):
    """The inverse of cosh, not negative; NaN below 1."""

    ulp: ClassVar[float] = 2.1
    ulp64: ClassVar[float] = 1.95

    @staticmethod
    def exact(x: Array) -> Array:
        return np.arccosh(x)

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        huge = less(HUGE, x)  # there acosh(x) = ln(x) + ln 2
        above_one = sub(x, 1.0)
        root = sqrt(fma(above_one, above_one, add(above_one, above_one)))  # of x^2 - 1
        u_less_one = select(huge, above_one, add(above_one, root))
        value = log_one_plus(u_less_one, select(huge, constant_like(x, 1.0), 0.0))
        return select(less(x, 1.0), math.nan, value)


@dataclass(frozen=True, slots=True)
class Atanh(RealFunction):
    """The inverse of tanh; infinite at 1 and -1, NaN beyond; -0 stays -0."""

    ulp: ClassVar[float] = 1.4
    ulp64: ClassVar[float] = 1.4

    @staticmethod
    def exact(x: Array) -> Array:
        return np.arctanh(x)

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        magnitude = absolute(x)
        u = div(add(magnitude, 1.0), sub(1.0, magnitude))
        exponent_bits, mantissa = split(u)
        log = log_at_ends(u, log_of_parts(exponent_of(exponent_bits), sub(mantissa, 1.0)))
        near_zero = odd(magnitude, format_of(x).atanh)
        return with_sign_of(x, select(less(magnitude, 0.5), near_zero, mul(log, 0.5)))
