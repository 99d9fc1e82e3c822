"""Operators that only move elements: reshape, transpose, broadcast, slice, concat, pad, window."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import prod

import numpy as np

from inferon.ir.shape import Dim, Shape, Tensor, show
from inferon.ir.values import Array
from inferon.ops.base import Primitive, require, same


def _extent(shape: Shape) -> tuple[int, Counter[Dim]]:
    """Split a shape's element count into its number and its named sizes."""
    number = prod(size for size in shape if isinstance(size, int))
    return number, Counter(size for size in shape if isinstance(size, Dim))


@dataclass(frozen=True, slots=True)
class Reshape(Primitive):
    """The same elements in row-major order under another shape."""

    shape: Shape

    def infer(self, *inputs: Tensor) -> Tensor:
        value = same(inputs, 1)
        fits = _extent(value.shape) == _extent(self.shape)
        require(fits, "{} does not fill {}", value, show(self.shape))
        return Tensor(self.shape, value.element)

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        (x,) = args
        sizes: dict[Dim, int] = {
            size: x.shape[axis + 1]
            for axis, size in enumerate(types[0].shape)
            if isinstance(size, Dim)
        }
        target = [sizes[size] if isinstance(size, Dim) else size for size in self.shape]
        return x.reshape(x.shape[0], *target)


@dataclass(frozen=True, slots=True)
class Transpose(Primitive):
    """The axes in another order: axis ``i`` of the result is axis ``order[i]`` of the input."""

    order: tuple[int, ...]

    def infer(self, *inputs: Tensor) -> Tensor:
        value = same(inputs, 1)
        require(
            sorted(self.order) == list(range(value.rank)),
            "{} does not order {}",
            self.order,
            value,
        )
        return Tensor(tuple(value.shape[axis] for axis in self.order), value.element)

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        return np.transpose(args[0], (0, *(axis + 1 for axis in self.order)))


@dataclass(frozen=True, slots=True)
class Broadcast(Primitive):
    """Repetition: axes of size 1, and new leading axes, take the sizes of ``shape``."""

    shape: Shape

    def infer(self, *inputs: Tensor) -> Tensor:
        value = same(inputs, 1)
        require(value.rank <= len(self.shape), "{} has more axes than {}", value, show(self.shape))
        trailing = self.shape[len(self.shape) - value.rank :]
        for size, target in zip(value.shape, trailing, strict=True):
            require(size in (1, target), "{} does not broadcast to {}", value, show(self.shape))
        return Tensor(self.shape, value.element)

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        # run-time sizes are not known here: the interpreter resolves them in `out`
        (x,) = args
        lead = len(self.shape) - types[0].rank
        target = tuple(size for size in out.shape if isinstance(size, int))
        return np.broadcast_to(
            x.reshape(x.shape[0], *[1] * lead, *x.shape[1:]), (x.shape[0], *target)
        )


@dataclass(frozen=True, slots=True)
class Slice(Primitive):
    """``size`` elements ``start, start + step, ...`` of one axis; a negative step reverses."""

    axis: int
    start: int
    size: int
    step: int = 1

    def infer(self, *inputs: Tensor) -> Tensor:
        value = same(inputs, 1)
        require(0 <= self.axis < value.rank, "{} has no axis {}", value, self.axis)
        length = value.shape[self.axis]
        require(isinstance(length, int), "an axis of run-time size cannot be sliced: {}", value)
        assert isinstance(length, int)
        last = self.start + (self.size - 1) * self.step
        inside = self.size == 0 or (0 <= self.start < length and 0 <= last < length)
        require(self.size >= 0 and self.step != 0 and inside, "{} is outside {}", self, value)
        shape = (*value.shape[: self.axis], self.size, *value.shape[self.axis + 1 :])
        return Tensor(shape, value.element)

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        where = self.start + self.step * np.arange(self.size)
        return np.take(args[0], where, axis=self.axis + 1)


@dataclass(frozen=True, slots=True)
class Concat(Primitive):
    """The inputs one behind the other along an axis."""

    axis: int

    def infer(self, *inputs: Tensor) -> Tensor:
        require(len(inputs) > 0, "takes at least one input")
        first = inputs[0]
        require(0 <= self.axis < first.rank, "{} has no axis {}", first, self.axis)
        total = 0
        for each in inputs:
            require(each.element == first.element, "element types differ: {} and {}", first, each)
            require(each.rank == first.rank, "ranks differ: {} and {}", first, each)
            for axis in range(first.rank):
                agrees = axis == self.axis or each.shape[axis] == first.shape[axis]
                require(agrees, "shapes differ off axis {}: {} and {}", self.axis, first, each)
            size = each.shape[self.axis]
            require(
                isinstance(size, int), "an axis of run-time size cannot be concatenated: {}", each
            )
            total += size if isinstance(size, int) else 0
        shape = (*first.shape[: self.axis], total, *first.shape[self.axis + 1 :])
        return Tensor(shape, first.element)

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        return np.concatenate(args, axis=self.axis + 1)


@dataclass(frozen=True, slots=True)
class Pad(Primitive):
    """One axis of the first input, longer by ``before`` and ``after`` copies of a scalar."""

    axis: int
    before: int
    after: int

    def infer(self, *inputs: Tensor) -> Tensor:
        require(len(inputs) == 2, "takes 2 inputs, not {}", len(inputs))
        value, fill = inputs
        require(
            fill == Tensor((), value.element),
            "the fill is {}, not a scalar {}",
            fill,
            value.element,
        )
        require(0 <= self.axis < value.rank, "{} has no axis {}", value, self.axis)
        length = value.shape[self.axis]
        fits = isinstance(length, int) and self.before >= 0 and self.after >= 0
        require(fits, "cannot pad {} by {} and {}", value, self.before, self.after)
        assert isinstance(length, int)
        size = length + self.before + self.after
        return Tensor(
            (*value.shape[: self.axis], size, *value.shape[self.axis + 1 :]), value.element
        )

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        x, fill = args
        axis = self.axis + 1
        parts = []
        for size, value in ((self.before, fill), (None, x), (self.after, fill)):
            if size is None:
                parts.append(x)
            else:
                shape = (*x.shape[:axis], size, *x.shape[axis + 1 :])
                parts.append(np.broadcast_to(value.reshape(-1, *[1] * (x.ndim - 1)), shape))
        return np.concatenate(parts, axis=axis)


@dataclass(frozen=True, slots=True)
class Window(Primitive):
    """A sliding view: an axis becomes positions, a new last axis the ``size`` elements of each.

    Element ``j`` at position ``i`` is element ``i * stride + j * dilation`` of the input's axis.
    """

    axis: int
    size: int
    stride: int = 1
    dilation: int = 1

    def infer(self, *inputs: Tensor) -> Tensor:
        value = same(inputs, 1)
        require(0 <= self.axis < value.rank, "{} has no axis {}", value, self.axis)
        length = value.shape[self.axis]
        span = self.dilation * (self.size - 1) + 1
        require(min(self.size, self.stride, self.dilation) >= 1, "{} needs positive numbers", self)
        require(isinstance(length, int) and length >= span, "{} is wider than {}", self, value)
        assert isinstance(length, int)
        positions = (length - span) // self.stride + 1
        shape = (*value.shape[: self.axis], positions, *value.shape[self.axis + 1 :], self.size)
        return Tensor(shape, value.element)

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        (x,) = args
        axis = self.axis + 1
        positions = out.shape[self.axis]
        assert isinstance(positions, int)
        parts = [
            np.take(x, self.dilation * j + self.stride * np.arange(positions), axis=axis)
            for j in range(self.size)
        ]
        return np.stack(parts, axis=-1)
