"""Floating point from its definition: exact fractions, rounded to the nearest, ties to even.

Slow, one number at a time, and independent of the machine's arithmetic (but for NaN and
infinities, where IEEE-754 leaves no rounding to do).
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

PRECISION = {4: 24, 8: 53}
"""Significant bits, by the size in bytes."""
LARGEST_EXPONENT = {4: 128, 8: 1024}
"""Finite numbers are below two to this power."""


def rounded(x: Fraction, dtype: Any, zero: float = 0.0) -> float:
    """Return the nearest number of a float type; ``zero`` has the sign of a result of zero."""
    size = np.dtype(dtype).itemsize
    if x == 0:
        return math.copysign(0.0, zero)
    magnitude = abs(x)
    exponent = magnitude.numerator.bit_length() - magnitude.denominator.bit_length()
    if magnitude < Fraction(2) ** exponent:
        exponent -= 1  # now 2**exponent <= magnitude < 2**(exponent + 1)
    exponent = max(exponent, 2 - LARGEST_EXPONENT[size])  # below, steps get no finer
    step = Fraction(2) ** (exponent - PRECISION[size] + 1)
    result = round(magnitude / step) * step  # Python rounds a Fraction's tie to even
    if result >= Fraction(2) ** LARGEST_EXPONENT[size]:
        return math.inf if x > 0 else -math.inf
    return math.copysign(float(result), 1 if x > 0 else -1)


def add(a: float, b: float, dtype: Any) -> float:
    if not (math.isfinite(a) and math.isfinite(b)):
        return a + b
    both_minus = math.copysign(1, a) < 0 and math.copysign(1, b) < 0
    return rounded(Fraction(a) + Fraction(b), dtype, -0.0 if both_minus else 0.0)


def multiply(a: float, b: float, dtype: Any) -> float:
    if not (math.isfinite(a) and math.isfinite(b)):
        return a * b
    sign = math.copysign(1, a) * math.copysign(1, b)
    result = rounded(Fraction(a) * Fraction(b), dtype, sign)
    return math.copysign(result, sign)


def divide(a: float, b: float, dtype: Any) -> float:
    sign = math.copysign(1, a) * math.copysign(1, b)
    if math.isnan(a) or math.isnan(b) or (a == b == 0) or (math.isinf(a) and math.isinf(b)):
        return math.nan
    if b == 0 or math.isinf(a):
        return math.copysign(math.inf, sign)
    if math.isinf(b):
        return math.copysign(0.0, sign)
    return math.copysign(rounded(Fraction(a) / Fraction(b), dtype, sign), sign)


def fused(a: float, b: float, c: float, dtype: Any) -> float:
    """Return a * b + c, rounded once."""
    if not all(map(math.isfinite, (a, b, c))):
        return a * b + c if not math.isinf(c) or math.isnan(a * b) else _infinite(a, b, c)
    product_minus = math.copysign(1, a) * math.copysign(1, b) < 0
    both_minus = product_minus and math.copysign(1, c) < 0
    return rounded(Fraction(a) * Fraction(b) + Fraction(c), dtype, -0.0 if both_minus else 0.0)


def _infinite(a: float, b: float, c: float) -> float:
    """Return a * b + c for an infinite c: NaN only where the product is the other infinity."""
    product_is_infinite = math.isinf(a) or math.isinf(b)
    sign = math.copysign(1, a) * math.copysign(1, b)
    return math.nan if product_is_infinite and sign != math.copysign(1, c) else c


def square_root(a: float, dtype: Any) -> float:
    """Return the nearest float to the root, found between integers: isqrt of a scaled fraction."""
    if a == 0 or math.isnan(a) or a == math.inf:
        return a
    if a < 0:
        return math.nan
    scale = 1 << 1200  # the root of a float is then an integer of more bits than any float has
    root = math.isqrt(int(Fraction(a) * scale * scale))
    exact = root * root == Fraction(a) * scale * scale
    sticky = Fraction(0) if exact else Fraction(1, 2)  # the rest of the root, below all bits
    return rounded((root + sticky) / scale, dtype)
