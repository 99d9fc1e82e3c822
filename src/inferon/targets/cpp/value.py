"""Values while a graph is fused: terms that may wait for a product, and their movements."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import numpy as np

from inferon.ir.node import Op
from inferon.ir.types import Element
from inferon.ops import movement
from inferon.ops.dot import Dot
from inferon.targets.cpp.region import Leaf, Term, leaves, replaced
from inferon.targets.cpp.view import Buffer, View, axis_order, dense, moved, reshaped


@dataclass(frozen=True, slots=True)
class Pending:
    """A product of a layer that waits for the term that its user adds to its registers."""

    left: View
    right: View
    op: Dot
    shape: tuple[int, ...]
    element: Element
    origin: str


@dataclass(frozen=True, slots=True)
class Value:
    """A term over a shape.

    With a pending product, ``turns`` lead from the product's shape to the value's.  ``origin`` is
    the layer that computes the term: whoever needs it in memory may be another one.
    """

    term: Term
    shape: tuple[int, ...]
    pending: Pending | None = None
    turns: tuple[tuple[Op, tuple[int, ...]], ...] = ()
    origin: str = ""

    @property
    def base(self) -> tuple[int, ...]:
        """The shape over which the term runs."""
        return self.pending.shape if self.pending else self.shape

    def waits_like(self, other: Value) -> bool:
        """Whether both wait for the same product, turned in the same way."""
        return self.pending is other.pending and self.turns == other.turns


def moved_value(value: Value, op: Op, shape: tuple[int, ...]) -> Value | None:
    """Return the value with a movement applied to every leaf, or None where one needs a copy."""
    if any(moved(leaf.view, op, shape) is None for leaf in leaves(value.term)):
        return None

    def change(view: View) -> View:
        result = moved(view, op, shape)
        assert result is not None
        return result

    return Value(replaced(value.term, change), shape)


def pulled(value: Value, carrier: Value) -> Value | None:
    """Return a value over the carrier's product, the carrier's turns undone on every leaf."""
    shapes = [carrier.base, *(shape for _, shape in carrier.turns)]
    for (op, _), before in zip(reversed(carrier.turns), reversed(shapes[:-1]), strict=True):
        undone = _undone(value, op, before)
        if undone is None:
            return None
        value = undone
    return value


def _undone(value: Value, op: Op, before: tuple[int, ...]) -> Value | None:
    """Return a value as it was before a turn; None where that needs a copy."""
    match op:
        case movement.Transpose(order=order):
            back = movement.Transpose(tuple(int(i) for i in np.argsort(order)))
            return moved_value(value, back, before)
        case movement.Window(axis=axis):  # leaves gaps out: only what repeats has values there
            if any(v.view.strides[axis] or v.view.strides[-1] for v in leaves(value.term)):
                return None
            term = replaced(
                value.term, lambda v: replace(v, shape=before, strides=v.strides[: len(before)])
            )
            return Value(term, before)
        case _:
            return moved_value(value, movement.Reshape(before), before)


def lanes_fit(carrier: Value, terms: tuple[Term, ...]) -> bool:
    """Whether the columns of the product are one axis for every operand of its term."""
    assert carrier.pending is not None
    p = carrier.pending
    rows = len(p.left.shape) - p.op.contract
    columns = prod(p.shape[rows:])
    views = [leaf.view for term in terms for leaf in leaves(term)]
    return all(reshaped(view, (*p.shape[:rows], columns)) is not None for view in views)


def like_operands(term: Term, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return dense strides in the order of axes of the operand that covers most axes."""
    best = max(leaves(term), key=lambda leaf: sum(s != 0 for s in leaf.view.strides), default=None)
    if best is None:
        return dense(shape)
    order = axis_order(best.view.strides, shape)
    strides = [0] * len(shape)
    step = 1
    for axis in reversed(order):
        strides[axis] = step
        step *= shape[axis]
    return tuple(strides)


def swapped(left: View, right: View, op: Dot) -> tuple[View, View]:
    """Return both operands exchanged: (batch, columns, inner) and (batch, inner, rows)."""
    batch, free, lead = op.batch, len(left.shape) - op.contract, op.batch + op.contract
    columns = (*range(batch), *range(lead, len(right.shape)), *range(batch, lead))
    rows = (*range(batch), *range(free, len(left.shape)), *range(batch, free))
    return _turned(right, columns), _turned(left, rows)


def _turned(view: View, order: tuple[int, ...]) -> View:
    shape = tuple(view.shape[axis] for axis in order)
    return replace(view, shape=shape, strides=tuple(view.strides[axis] for axis in order))


def in_memory(buffer: Buffer, shape: tuple[int, ...]) -> Value:
    """Return a whole buffer as a value, in row-major order."""
    return Value(Leaf(View(buffer, shape, dense(shape))), shape)
