"""Fixed-point values as integers: binary points, rounding, overflow, types of results."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

import numpy as np

from inferon.errors import InvalidGraph
from inferon.ir.types import Fixed
from inferon.ir.values import Array, storage


class Rounding(Enum):
    """How a value between two steps becomes one of them [``ap_fixed`` and ``ac_fixed`` name]."""

    FLOOR = "toward minus infinity [AP_TRN, AC_TRN]"
    TOWARD_ZERO = "toward zero [AP_TRN_ZERO, AC_TRN_ZERO]"
    HALF_UP = "nearest, ties toward plus infinity [AP_RND, AC_RND]"
    HALF_DOWN = "nearest, ties toward minus infinity [AP_RND_MIN_INF, AC_RND_MIN_INF]"
    HALF_AWAY = "nearest, ties away from zero [AP_RND_INF, AC_RND_INF]"
    HALF_TOWARD_ZERO = "nearest, ties toward zero [AP_RND_ZERO, AC_RND_ZERO]"
    HALF_EVEN = "nearest, ties to the even mantissa [AP_RND_CONV, AC_RND_CONV]"


class Overflow(Enum):
    """What becomes of a value outside the type [``ap_fixed`` and ``ac_fixed`` name]."""

    WRAP = "drop the high bits [AP_WRAP, AC_WRAP]"
    SATURATE = "the nearest end of the range [AP_SAT, AC_SAT]"
    SATURATE_ZERO = "zero [AP_SAT_ZERO, AC_SAT_ZERO]"
    SATURATE_SYMMETRIC = (
        "the nearest end of the range without the lowest value [AP_SAT_SYM, AC_SAT_SYM]"
    )
    ERROR = "an error of the interpreter: the model promises that it does not happen"


def stored(mantissa: Array, *fixed: Fixed) -> Array:
    """Return mantissas in a dtype that holds all of the types."""
    wide = any(storage(each).kind == "O" for each in fixed)
    return mantissa.astype(object) if wide else mantissa.astype(np.int64)


def shift_left(mantissa: Array, bits: int) -> Array:
    """Return ``mantissa * 2**bits``, ``bits >= 0``; exact in a dtype that holds it."""
    return mantissa * (1 << bits) if bits else mantissa


def aligned(mantissa: Array, source: Fixed, target: Fixed) -> Array:
    """Return mantissas of ``source`` with the binary point of ``target``, not coarser."""
    return shift_left(stored(mantissa, source, target), target.fraction - source.fraction)


def from_ends(ends: list[int], fraction: int) -> Fixed:
    """Return the narrowest type of step ``2**-fraction`` that holds all of the mantissas."""
    return Fixed.holding(min(ends), max(ends), fraction)


def common_fraction(*fixed: Fixed) -> int:
    """Return the finer of the steps."""
    return max(each.fraction for each in fixed)


def ends(fixed: Fixed, fraction: int) -> tuple[int, int]:
    """Return the ends of the range with the binary point at ``fraction``, not coarser."""
    shift = fraction - fixed.fraction
    return fixed.lowest << shift, fixed.highest << shift


def rounded(mantissa: Array, bits: int, rounding: Rounding) -> Array:
    """Return ``mantissa / 2**bits`` as an integer, for ``bits >= 1``."""
    floor = mantissa >> bits
    rest = mantissa - (floor << bits)
    half = 1 << (bits - 1)
    return floor + _ROUND_UP[rounding](mantissa, floor, rest, half).astype(floor.dtype)


_ROUND_UP: dict[Rounding, Callable[[Array, Array, Array, int], Array]] = {
    Rounding.FLOOR: lambda m, f, r, h: r < 0,
    Rounding.TOWARD_ZERO: lambda m, f, r, h: (m < 0) & (r > 0),
    Rounding.HALF_UP: lambda m, f, r, h: r >= h,
    Rounding.HALF_DOWN: lambda m, f, r, h: r > h,
    Rounding.HALF_AWAY: lambda m, f, r, h: (r > h) | ((r == h) & (m > 0)),
    Rounding.HALF_TOWARD_ZERO: lambda m, f, r, h: (r > h) | ((r == h) & (m < 0)),
    Rounding.HALF_EVEN: lambda m, f, r, h: (r > h) | ((r == h) & ((f & 1) == 1)),
}


def confined(mantissa: Array, to: Fixed, overflow: Overflow) -> Array:
    """Return mantissas inside ``to``."""
    low, high = to.lowest, to.highest
    if overflow is Overflow.WRAP:
        return ((mantissa - low) & ((1 << to.width) - 1)) + low
    outside = (mantissa < low) | (mantissa > high)
    if overflow is Overflow.SATURATE:
        return np.clip(mantissa, low, high)
    if overflow is Overflow.SATURATE_ZERO:
        return np.where(outside, 0, mantissa)
    if overflow is Overflow.SATURATE_SYMMETRIC:
        return np.clip(mantissa, -high, high) if to.signed else np.clip(mantissa, low, high)
    if outside.any():
        worst = mantissa[outside].ravel()[0]
        raise InvalidGraph(
            f"mantissa {worst} left {to}, which the model promised to avoid", rule="overflow"
        )
    return mantissa
