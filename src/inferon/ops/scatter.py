"""Elements written at places chosen at run time: the inverse of gather, and message passing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import prod

import numpy as np

from inferon.ir.shape import Tensor, largest
from inferon.ir.types import Bool, Element, Fixed, Int
from inferon.ir.values import Array, storage
from inferon.ops import mantissa
from inferon.ops.base import Primitive, require


class Combine(Enum):
    """What becomes of an element ``a`` that an update ``b`` meets."""

    REPLACE = "b"
    ADD = "a + b"
    MUL = "a * b"
    MIN = "the smaller, by `Min`: NaN is kept"
    MAX = "the larger, by `Max`: NaN is kept"

    def of(self, a: Array, b: Array) -> Array:
        """Return the elements after their updates."""
        match self:
            case Combine.REPLACE:
                return b
            case Combine.ADD:
                return np.add(a, b)
            case Combine.MUL:
                return np.multiply(a, b)
            case Combine.MIN:
                return np.where((a < b) | (a != a), a, b)  # NaN differs from itself
            case Combine.MAX:
                return np.where((a > b) | (a != a), a, b)


@dataclass(frozen=True, slots=True)
class Scatter(Primitive):
    """Elements of one axis updated by index; the first ``batch`` axes belong together.

    The inputs are ``x``, an index as `Gather` takes it, and updates of the shape that `Gather`
    would give.  Beginning with ``x``, for every place ``i..`` of the index in row-major order,

    ``result[b.., p.., index[b.., i..], q..] = combine(itself, updates[b.., p.., i.., q..])``.

    So the order of the updates is the order of the sum that an element becomes, and of several
    that replace it the last one wins.  A negative index counts from the end; an update whose index
    is still outside is dropped.
    """

    axis: int
    combine: Combine = Combine.REPLACE
    batch: int = 0

    def infer(self, *inputs: Tensor) -> Tensor:
        require(len(inputs) == 3, "takes 3 inputs, not {}", len(inputs))
        x, index, updates = inputs
        require(isinstance(index.element, Int), "the index is {}, not an int", index.element)
        require(0 <= self.batch <= self.axis < x.rank, "{} does not fit {}", self, x)
        shared = self.batch <= index.rank and x.shape[: self.batch] == index.shape[: self.batch]
        require(shared, "the first {} axes of {} and {} differ", self.batch, x, index)
        size = x.shape[self.axis]
        require(isinstance(size, int), "cannot scatter to the run-time size {}", size)
        own = index.shape[self.batch :]
        shape = (*x.shape[: self.axis], *own, *x.shape[self.axis + 1 :])
        require(updates.shape == shape, "the updates are {}, not of shape {}", updates, shape)
        most = prod(largest(each) for each in own)
        return Tensor(x.shape, self._element(x.element, updates.element, most))

    def _element(self, x: Element, updates: Element, most: int) -> Element:
        """Return the type of an element that up to ``most`` updates meet."""
        if self.combine is not Combine.REPLACE:
            require(not isinstance(x, Bool), "{} takes numbers, not bool", self)
        if isinstance(x, Fixed) and isinstance(updates, Fixed):
            require(self.combine is not Combine.MUL, "a product of fixed point has no one type")
            if self.combine is Combine.ADD:
                require(x.fraction == updates.fraction, "steps differ: {}, {}", x, updates)
                low = x.lowest + most * min(0, updates.lowest)
                high = x.highest + most * max(0, updates.highest)
                return mantissa.from_ends([low, high], x.fraction)
        require(x == updates, "element types differ: {} and {}", x, updates)
        return x

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        x, updates = args[0], args[2]
        if isinstance(out.element, Fixed):
            x, updates = (mantissa.stored(each, out.element) for each in (x, updates))
        result = self.scattered(x, args[1], updates)
        return result.astype(storage(out.element)) if isinstance(out.element, Fixed) else result

    def real(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        return self.scattered(*args)

    def scattered(self, x: Array, index: Array, updates: Array) -> Array:
        """Return the updated array: one place of the index after the other, all slices at once."""
        batches = prod(x.shape[: self.batch + 1])
        before, size = prod(x.shape[self.batch + 1 : self.axis + 1]), x.shape[self.axis + 1]
        behind = prod(x.shape[self.axis + 2 :])
        places = prod(index.shape[self.batch + 1 :])
        result = x.reshape(batches, before, size, behind).copy()
        where = targets(index, size).reshape(batches, places)
        given = updates.reshape(batches, before, places, behind)
        for place in range(places):
            (met,) = np.nonzero(where[:, place] >= 0)
            to = where[met, place]
            result[met, :, to] = self.combine.of(result[met, :, to], given[met, :, place])
        return result.reshape(x.shape)


def targets(index: Array, size: int) -> Array:
    """Return where each index points along an axis (int64), and -1 for those outside of it."""
    if index.dtype == np.uint64:  # above the largest i64 it would become negative
        index = np.minimum(index, np.uint64(size))
    where = index.astype(np.int64)
    where = np.where(where < 0, where + size, where)
    return np.where((where >= 0) & (where < size), where, -1)
