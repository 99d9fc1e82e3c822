"""Elements chosen at run time: gather and top-k."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inferon.ir.shape import Tensor
from inferon.ir.types import INT64, Fixed, Float, Int
from inferon.ir.values import Array
from inferon.ops.base import Primitive, require, same


@dataclass(frozen=True, slots=True)
class Gather(Primitive):
    """Elements of one axis by index; the first ``batch`` axes belong together in both inputs.

    ``result[b.., p.., i.., q..] = x[b.., p.., index[b.., i..], q..]``: the axis is replaced by the
    index's own axes. A negative index counts from the end; one that is still outside is moved to
    the nearest end.
    """

    axis: int
    batch: int = 0

    def infer(self, *inputs: Tensor) -> Tensor:
        require(len(inputs) == 2, "takes 2 inputs, not {}", len(inputs))
        x, index = inputs
        require(isinstance(index.element, Int), "the index is {}, not an int", index.element)
        require(0 <= self.batch <= self.axis < x.rank, "{} does not fit {}", self, x)
        shared = self.batch <= index.rank and x.shape[: self.batch] == index.shape[: self.batch]
        require(shared, "the first {} axes of {} and {} differ", self.batch, x, index)
        size = x.shape[self.axis]
        require(isinstance(size, int), "cannot gather from the run-time size {}: may be 0", size)
        require(size != 0, "cannot gather from an empty axis: {}", x)
        shape = (*x.shape[: self.axis], *index.shape[self.batch :], *x.shape[self.axis + 1 :])
        return Tensor(shape, x.element)

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        x, index = args
        size = x.shape[self.axis + 1]
        if index.dtype == np.uint64:  # above the largest i64 it would become negative
            index = np.minimum(index, np.uint64(size - 1))
        where = index.astype(np.int64)
        where = np.clip(np.where(where < 0, where + size, where), 0, size - 1)
        lead = x.shape[: self.batch + 1]
        flat = x.reshape(-1, *x.shape[self.batch + 1 :])
        rows = where.reshape(flat.shape[0], -1)
        axis = self.axis - self.batch
        front = np.moveaxis(flat, axis + 1, 1)
        picked = np.moveaxis(front[np.arange(len(flat))[:, None], rows], 1, axis + 1)
        return picked.reshape(*lead, *_tail(self, x, index))


def _tail(op: Gather, x: Array, index: Array) -> tuple[int, ...]:
    """Return the sizes behind the shared axes; both arrays carry the axis of events."""
    between = x.shape[op.batch + 1 : op.axis + 1]
    return (*between, *index.shape[op.batch + 1 :], *x.shape[op.axis + 2 :])


@dataclass(frozen=True, slots=True)
class TopK(Primitive):
    """Indices (i64) of the ``k`` largest or smallest elements of the last axis, best first.

    Of equal values the lowest index comes first; NaN counts as larger than all numbers; -0 equals
    +0.
    """

    k: int
    largest: bool = True

    def infer(self, *inputs: Tensor) -> Tensor:
        x = same(inputs, 1)
        require(isinstance(x.element, Float | Int | Fixed), "takes numbers, not {}", x.element)
        require(x.rank >= 1, "takes at least one axis")
        size = x.shape[-1]
        require(not isinstance(size, int) or 0 < self.k <= size, "{} does not fit {}", self, x)
        require(isinstance(size, int), "the axis has the run-time size {}", size)
        return Tensor((*x.shape[:-1], self.k), INT64)

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        (x,) = args
        nan = x != x  # NaN differs from itself
        order = np.argsort(np.where(nan, np.zeros_like(x), x), axis=-1, kind="stable")
        if self.largest:  # a stable descending order: ranks among equals must not turn around
            flipped = np.flip(x, axis=-1)
            clean = np.where(
                flipped != flipped, np.zeros_like(x), flipped
            )  # NaN differs from itself
            order = x.shape[-1] - 1 - np.flip(np.argsort(clean, axis=-1, kind="stable"), axis=-1)
        last = np.take_along_axis(nan, order, axis=-1)
        place = np.argsort(~last if self.largest else last, axis=-1, kind="stable")
        return np.take_along_axis(order, place, axis=-1)[..., : self.k].astype(np.int64)
