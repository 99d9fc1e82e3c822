"""Sums, maxima and minima over axes, in one order that is the graph's, not the machine's.

The reduced elements are taken in row-major order.  Element ``k`` goes to strand ``k mod strands``;
each strand is a chain that begins with the operator's identity; the strands are joined by halves,
``s[i] = s[i] + s[i + n/2]``, until one is left.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import numpy as np

from inferon.ir.shape import Shape, Tensor, largest
from inferon.ir.types import Fixed, Float, Int
from inferon.ir.values import Array, storage
from inferon.ops import mantissa
from inferon.ops.base import Primitive, require, same


def is_power_of_two(number: int) -> bool:
    """Return whether the number is 1, 2, 4, 8, ..."""
    return number >= 1 and number & (number - 1) == 0


@dataclass(frozen=True, slots=True)
class Reduction(Primitive):
    """Base of the reductions; ``axes`` are dropped from the shape."""

    axes: tuple[int, ...]
    strands: int

    @abstractmethod
    def identity(self, element: Float | Int) -> float | int:
        """Return the value that a chain begins with."""

    @abstractmethod
    def combine(self, a: Array, b: Array) -> Array:
        """Return the next link of a chain."""

    @abstractmethod
    def fixed(self, element: Fixed, number: int) -> Fixed:
        """Return the type of the reduction of ``number`` elements."""

    def infer(self, *inputs: Tensor) -> Tensor:
        value = same(inputs, 1)
        require(
            isinstance(value.element, Float | Int | Fixed), "takes numbers, not {}", value.element
        )
        ordered = tuple(sorted(set(self.axes))) == self.axes
        require(bool(self.axes) and ordered, "the axes {} are not increasing", self.axes)
        require(
            all(0 <= axis < value.rank for axis in self.axes), "{} lacks axes {}", value, self.axes
        )
        require(is_power_of_two(self.strands), "the strands are {}, no power of two", self.strands)
        kept: Shape = tuple(s for axis, s in enumerate(value.shape) if axis not in self.axes)
        element = value.element
        if isinstance(element, Fixed):
            number = 1
            for axis in self.axes:
                number *= largest(value.shape[axis])
            element = self.fixed(element, number)
        return Tensor(kept, element)

    def _rows(self, x: Array) -> Array:
        """Return the array with the reduced elements as its first axis."""
        moved = np.moveaxis(x, [axis + 1 for axis in self.axes], range(len(self.axes)))
        number = prod(moved.shape[: len(self.axes)])
        return moved.reshape(number, *moved.shape[len(self.axes) :])

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        rows = self._rows(args[0])
        if isinstance(out.element, Fixed):
            return self._exact(mantissa.stored(rows, out.element), out.element)
        assert isinstance(out.element, Float | Int)
        start = np.array(self.identity(out.element), storage(out.element))
        strands = [np.full(rows.shape[1:], start) for _ in range(self.strands)]
        for k, row in enumerate(rows):
            strands[k % self.strands] = self.combine(strands[k % self.strands], row)
        return joined(strands, self.combine)

    def _exact(self, rows: Array, element: Fixed) -> Array:
        total: Array = rows[0]
        for row in rows[1:]:
            total = self.combine(total, row)
        return total.astype(storage(element))


def joined(strands: list[Array], combine: Callable[[Array, Array], Array]) -> Array:
    """Join strands by halves until one is left."""
    while len(strands) > 1:
        half = len(strands) // 2
        strands = [combine(a, b) for a, b in zip(strands[:half], strands[half:], strict=True)]
    return strands[0]


@dataclass(frozen=True, slots=True)
class Sum(Reduction):
    """The sum over the axes; the sum of nothing is -0 on floats."""

    def identity(self, element: Float | Int) -> float | int:
        return -0.0 if isinstance(element, Float) else 0

    def combine(self, a: Array, b: Array) -> Array:
        return np.add(a, b)

    def fixed(self, element: Fixed, number: int) -> Fixed:
        ends = [element.lowest * number, element.highest * number]
        return mantissa.from_ends([*ends, 0] if number == 0 else ends, element.fraction)

    def _exact(self, rows: Array, element: Fixed) -> Array:
        return np.asarray(rows.sum(axis=0)).astype(storage(element))


@dataclass(frozen=True, slots=True)
class ReduceMax(Reduction):
    """The largest over the axes, by `Max`: NaN is kept."""

    def identity(self, element: Float | Int) -> float | int:
        return -np.inf if isinstance(element, Float) else element.lowest

    def combine(self, a: Array, b: Array) -> Array:
        return np.where((a > b) | (a != a), a, b)  # NaN differs from itself

    def fixed(self, element: Fixed, number: int) -> Fixed:
        require(number > 0, "nothing has no largest element")
        return element


@dataclass(frozen=True, slots=True)
class LargestNumber(ReduceMax):
    """The largest over the axes of what is a number; -infinity where nothing is."""

    def combine(self, a: Array, b: Array) -> Array:
        return np.where(a < b, b, a)  # a chain begins with a number: none of its links is NaN


@dataclass(frozen=True, slots=True)
class ReduceMin(Reduction):
    """The smallest over the axes, by `Min`: NaN is kept."""

    def identity(self, element: Float | Int) -> float | int:
        return np.inf if isinstance(element, Float) else element.highest

    def combine(self, a: Array, b: Array) -> Array:
        return np.where((a < b) | (a != a), a, b)  # NaN differs from itself

    def fixed(self, element: Fixed, number: int) -> Fixed:
        require(number > 0, "nothing has no smallest element")
        return element
