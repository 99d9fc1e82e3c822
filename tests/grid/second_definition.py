"""A second, stupid definition of fixed-point arithmetic, on exact fractions, one value at a time.

It shares nothing with the package but the names of types and modes.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import numpy.typing as npt

from inferon.ir.node import Node
from inferon.ir.shape import Tensor
from inferon.ir.types import Element, Fixed
from inferon.ops import build
from inferon.ops.evaluation import evaluate
from inferon.ops.mantissa import Overflow, Rounding

Array = npt.NDArray[Any]


class OutOfRangeError(Exception):
    """A value left a type that promised to hold it."""


def step(fixed: Fixed) -> Fraction:
    return Fraction(2) ** (fixed.integer - fixed.width)


def mantissas(fixed: Fixed) -> range:
    """All of a small type, by the number of patterns that its bits have."""
    patterns = 2**fixed.width
    return range(-patterns // 2, patterns // 2) if fixed.signed else range(patterns)


def values(fixed: Fixed) -> list[Fraction]:
    return [m * step(fixed) for m in mantissas(fixed)]


@cache
def rounded(x: Fraction, mode: Rounding) -> int:
    """Choose between the two integers around ``x``."""
    below = x.numerator // x.denominator
    if x == below:
        return below
    above = below + 1
    toward_zero, away = (below, above) if x > 0 else (above, below)
    if mode is Rounding.FLOOR:
        return below
    if mode is Rounding.TOWARD_ZERO:
        return toward_zero
    if x - below != above - x:
        return below if x - below < above - x else above
    even = below if below % 2 == 0 else above
    ties = {
        Rounding.HALF_UP: above,
        Rounding.HALF_DOWN: below,
        Rounding.HALF_AWAY: away,
        Rounding.HALF_TOWARD_ZERO: toward_zero,
        Rounding.HALF_EVEN: even,
    }
    return ties[mode]


def confined(m: int, to: Fixed, mode: Overflow) -> int:
    """Bring an integer into the mantissas of a type."""
    allowed = mantissas(to)
    low, high = allowed[0], allowed[-1]
    if mode is Overflow.SATURATE_SYMMETRIC and to.signed:
        low = -high
    if mode is Overflow.WRAP:
        return low + (m - low) % (1 << to.width)
    if low <= m <= high:
        return m
    if mode is Overflow.ERROR:
        raise OutOfRangeError
    if mode is Overflow.SATURATE_ZERO:
        return 0
    return low if m < low else high


def quantized(x: Fraction, to: Fixed, rounding: Rounding, overflow: Overflow) -> int:
    """Return the mantissa."""
    return confined(rounded(x / step(to), rounding), to, overflow)


def narrowest(numbers: list[Fraction], unit: Fraction) -> Fixed:
    """Return the narrowest type of a step that holds all numbers, by trying the widths in turn."""
    for width in range(1, 200):
        for signed in (False, True):
            fixed = Fixed(signed, width, 0)
            low, high = mantissas(fixed)[0] * unit, mantissas(fixed)[-1] * unit
            if low <= min(numbers) and max(numbers) <= high:
                fraction = unit.denominator.bit_length() - unit.numerator.bit_length()
                return Fixed(signed, width, width - fraction)
    raise AssertionError("no type of less than 200 bits")


def needs_step(numbers: list[Fraction], unit: Fraction) -> bool:
    """Return whether a step twice as coarse would lose one of the numbers."""
    return any((x / (2 * unit)).denominator != 1 for x in numbers)


def apply(op: Any, *inputs: tuple[Array, Element]) -> tuple[Tensor, Array]:
    """Return type and value of one operator on arrays whose first axis is the events."""
    nodes = [
        build.input_(f"x{i}", array.shape[1:], element)
        for i, (array, element) in enumerate(inputs)
    ]
    node = Node(op, tuple(nodes))
    known = {each: array for each, (array, _) in zip(nodes, inputs, strict=True)}
    return node.type, evaluate((node,), known, {})[node]
