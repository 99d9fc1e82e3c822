"""Grids of whole numbers times a power of two, chosen so that rounding to them loses least."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inferon.ir.values import Array
from inferon.ops.mantissa import Rounding

MOST_CUT_BITS = 5
"""So many bits of the range may be cut off where that makes the rest finer."""

MOST_NUMBERS = 1 << 17
"""An error is measured on so many numbers at most, evenly spread: its own error is below 1 %."""

FINER_BITS = 3
"""The grid of one weight is finer than that of its tensor by so many bits at most.

The accumulator grows with it, and weights below are small beside their neighbors."""

EMPTY_FRACTION = 0
"""Bits behind the point of a grid that only zeros lie on."""


@dataclass(frozen=True, slots=True, eq=False)
class BinaryGrid:
    """The numbers ``m * 2**-fraction`` for every ``width``-bit whole number ``m``.

    Attributes
    ----------
    signed : whether m may be below zero
    width : bits
    fraction : int64; one for all elements, or an array that broadcasts to them
    """

    signed: bool
    width: int
    fraction: Array

    @property
    def lowest(self) -> int:
        """The smallest whole number."""
        return -(1 << self.width - 1) if self.signed else 0

    @property
    def highest(self) -> int:
        """The largest whole number."""
        return (1 << self.width - self.signed) - 1

    @property
    def finest(self) -> int:
        """The most bits behind the point."""
        return int(self.fraction.max())

    @property
    def step(self) -> Array:
        """The distance of neighbors."""
        return np.asarray(np.ldexp(1.0, -self.fraction))

    def whole(self, numbers: Array, rounding: Rounding) -> Array:
        """Return the whole numbers of the nearest values, before they are cut."""
        scaled = np.ldexp(numbers.astype(np.float64), self.fraction)
        return np.rint(scaled) if rounding is Rounding.HALF_EVEN else np.floor(scaled + 0.5)

    def held(self, numbers: Array, rounding: Rounding) -> Array:
        """Return the values that stand for numbers."""
        whole = np.clip(self.whole(numbers, rounding), self.lowest, self.highest)
        return np.asarray(np.ldexp(whole, -self.fraction))


def fitted(
    numbers: Array, width: int, rounding: Rounding, *, signed: bool | None = None
) -> BinaryGrid:
    """Return the grid of one step with the smallest mean square error on some numbers.

    Parameters
    ----------
    numbers : finite
    width : bits
    signed : by default where a number is below zero
    """
    sample = thinned(numbers.ravel().astype(np.float64))
    below = bool(numbers.size) and bool(numbers.min() < 0) if signed is None else signed
    tried = candidates(numbers, width, signed=below)
    errors = [np.mean((each.held(sample, rounding) - sample) ** 2) for each in tried]
    return tried[int(np.argmin(errors))]


def candidates(numbers: Array, width: int, *, signed: bool) -> list[BinaryGrid]:
    """Return the grid that cuts nothing off, and finer ones."""
    largest = float(np.abs(numbers).max(initial=0.0))
    wide = BinaryGrid(signed, width, np.array(EMPTY_FRACTION))
    if largest == 0.0:
        return [wide]
    whole = max(1, wide.highest)
    coarsest = int(np.floor(np.log2(whole / largest)))
    return [
        BinaryGrid(signed, width, np.array(coarsest + more)) for more in range(MOST_CUT_BITS + 1)
    ]


def fitted_along(
    numbers: Array, width: int, rounding: Rounding, axes: tuple[int, ...]
) -> BinaryGrid:
    """Return a grid with a step for each place along some axes."""
    rows = np.moveaxis(numbers, axes, range(len(axes)))
    sizes = rows.shape[: len(axes)]
    flat = rows.reshape(int(np.prod(sizes)), -1)
    fractions = np.array([fitted(row, width, rounding, signed=True).finest for row in flat])
    shape = [size if axis in axes else 1 for axis, size in enumerate(numbers.shape)]
    return BinaryGrid(True, width, fractions.reshape(shape))


def fitted_each(numbers: Array, width: int, rounding: Rounding) -> BinaryGrid:
    """Return a grid with a step for each number: as fine as its size allows."""
    shared = fitted(numbers, width, rounding, signed=True).finest
    size = np.where(numbers == 0, 1.0, np.abs(numbers.astype(np.float64)))
    whole = max(1, (1 << width - 1) - 1)
    fraction = np.floor(np.log2(whole / size)).astype(np.int64)
    kept = np.where(numbers == 0, shared, np.minimum(fraction, shared + FINER_BITS))
    return BinaryGrid(True, width, kept)


def thinned(numbers: Array) -> Array:
    """Return at most `MOST_NUMBERS` of them, evenly spread."""
    stride = -(-numbers.size // MOST_NUMBERS)
    return numbers[::stride] if stride > 1 else numbers
