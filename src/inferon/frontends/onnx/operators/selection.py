"""Elements that a condition selects: NonZero, Compress, Unique.

All three scatter: an element that is selected goes to the place that the number of selected ones
before it tells, and one that is not goes nowhere.  See `Counted` for what comes out.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from inferon.frontends.onnx.call import (
    Call,
    Counted,
    Result,
    Table,
    Value,
    constant,
    constant_array,
    fixed_shape,
)
from inferon.frontends.onnx.folding import computed
from inferon.frontends.onnx.operators.cumulative import running_sum
from inferon.frontends.onnx.room import make_room
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import BOOL, INT64, Bool, Int
from inferon.ir.values import storage
from inferon.ops import build as b
from inferon.ops.base import require
from inferon.ops.scatter import Combine


@dataclass(frozen=True, slots=True)
class Selection:
    """Which of some elements count.

    Attributes
    ----------
    place : int64 (elements,): the number of selected elements before each; of one that is not
        selected a place behind the last
    count : int64 scalar: the number of selected elements
    size : how many may be selected at most
    """

    place: Node
    count: Node
    size: int

    @classmethod
    def of(cls, condition: Node, most: int | None = None) -> Selection:
        """Return the selection of a bool vector, of which at most so many are true."""
        (size,) = fixed_shape(condition, "a selection")
        size = size if most is None else min(size, most)
        sums = running_sum(b.cast(condition, INT64), 0)
        count = b.squeeze(b.slice_(sums, 0, fixed_shape(sums, "a selection")[0] - 1, 1), 0)
        return cls(b.select(condition, b.sub(sums, 1), size), count, size)

    def taken(self, x: Node, axis: int) -> Counted:
        """Return the selected elements of an axis in their order."""
        shape = (*x.type.shape[:axis], self.size, *x.type.shape[axis + 1 :])
        zero = b.constant(np.zeros((), storage(x.type.element)), x.type.element)
        value = b.scatter_(b.broadcast(zero, shape), self.place, x, axis)
        return Counted(value, axis, self.count)


def nonzero(x: Node) -> Node:
    """Return which elements are not zero; NaN is not."""
    return x if isinstance(x.type.element, Bool) else b.cast(x, BOOL)


def _non_zero(call: Call) -> Value:
    x = call.node(0)
    shape = fixed_shape(x, "NonZero")
    require(len(shape) > 0, "takes at least one axis")
    array = computed(x) if prod(shape) else np.zeros(shape)
    if array is not None:
        return constant(np.stack(np.nonzero(array)).astype(np.int64))
    make_room((len(shape), prod(shape)), "a table of places")
    places = np.stack(np.unravel_index(np.arange(prod(shape)), shape)).astype(np.int64)
    return Selection.of(nonzero(b.reshape(x, (prod(shape),)))).taken(b.constant(places), 1)


def _compress(call: Call) -> Value:
    x, condition = call.node(0), call.node(1)
    shape = fixed_shape(x, "Compress")
    if call.given("axis") is None:
        x, axis, shape = b.reshape(x, (prod(shape),)), 0, (prod(shape),)
    else:
        axis = call.axis(call.integer("axis", 0), x.type.rank)
    (size,) = fixed_shape(condition, "Compress")
    require(size <= shape[axis], "{} conditions for {}", size, x.type)
    array = constant_array(condition) if size else np.zeros(0)
    if array is not None and not array.any():
        return b.slice_(x, axis, 0, 0)
    if array is not None:
        return b.gather(x, b.constant(np.flatnonzero(array)), axis)
    return Selection.of(condition).taken(b.slice_(x, axis, 0, size), axis)


# ------------------------------------------------------------------------------------------ Unique


def _unique(call: Call) -> Result:
    """Group equal slices by sorting; NaN equals NaN here, as it does for the standard."""
    x = call.node(0)
    shape = fixed_shape(x, "Unique")
    if call.given("axis") is None:
        x, axis, shape = b.reshape(x, (prod(shape),)), 0, (prod(shape),)
    else:
        axis = call.axis(call.integer("axis", 0), x.type.rank)
    require(prod(shape) > 0, "takes at least one element, not {}", x.type)
    slices = b.transpose(x, [axis, *(each for each in range(len(shape)) if each != axis)])
    rows = b.reshape(slices, (shape[axis], prod(shape) // max(1, shape[axis])))
    groups = _Groups.of(rows)
    if not call.integer("sorted", 1):
        groups = groups.by_first_member()
    first = groups.firsts
    count = groups.selection.count
    # what is past the count is a copy of the first slice, which becomes zeros
    known = b.less(b.constant(np.arange(shape[axis])), count)
    known = b.reshape(known, tuple(n if i == axis else 1 for i, n in enumerate(shape)))
    value = b.gather(x, first, axis)
    zero = b.constant(np.zeros((), storage(x.type.element)), x.type.element)
    value = b.select(b.broadcast(known, shape), value, b.broadcast(zero, shape))
    return (
        Counted(value, axis, count),
        Counted(first, 0, count),
        groups.group,
        Counted(groups.sizes, 0, count),
    )


@dataclass(frozen=True, slots=True)
class _Groups:
    """Equal rows of a matrix, in groups.

    Attributes
    ----------
    selection : which rows, in the order of the groups, are the first of their group
    firsts : int64 (rows,): for each group its first row, then zeros
    group : int64 (rows,): the group of each row
    sizes : int64 (rows,): the number of rows in each group, then zeros
    """

    selection: Selection
    firsts: Node
    group: Node
    sizes: Node

    @classmethod
    def of(cls, rows: Node) -> _Groups:
        """Return the groups, the smallest row first."""
        number = fixed_shape(rows, "Unique")[0]
        order = _sorted(rows)
        ranked = b.gather(rows, order, 0)
        before = b.slice_(ranked, 0, 0, number - 1)
        changed = _differs(before, b.slice_(ranked, 0, 1, number - 1))
        return cls.split(order, b.concat([b.constant(np.ones(1, np.bool_)), changed], 0))

    @classmethod
    def split(cls, order: Node, begins: Node) -> _Groups:
        """Return the groups of rows in an order in which some begin a group."""
        (number,) = fixed_shape(order, "Unique")
        selection = Selection.of(begins)
        none = b.broadcast(b.constant(np.zeros((), np.int64)), (number,))
        group_of_ranked = b.sub(running_sum(b.cast(begins, INT64), 0), 1)
        one = b.broadcast(b.constant(np.ones((), np.int64)), (number,))
        return cls(
            selection,
            b.scatter_(none, selection.place, order, 0),
            b.scatter_(none, order, group_of_ranked, 0),
            b.scatter_(none, group_of_ranked, one, 0, Combine.ADD),
        )

    def by_first_member(self) -> _Groups:
        """Return the same groups in the order of their first rows."""
        (number,) = fixed_shape(self.group, "Unique")
        # rows of one group are ranked alike, by its first row, and a stable sort keeps their order
        rank = b.gather(self.firsts, self.group, 0)
        order = b.top_k(rank, number, largest=False)
        ranked = b.gather(rank, order, 0)
        before = b.slice_(ranked, 0, 0, number - 1)
        changed = _differs(b.expand(before, 1), b.expand(b.slice_(ranked, 0, 1, number - 1), 1))
        return _Groups.split(order, b.concat([b.constant(np.ones(1, np.bool_)), changed], 0))


def _differs(a: Node, c: Node) -> Node:
    """Return which rows of two matrices differ."""
    same = b.equal(a, c)
    if not isinstance(a.type.element, Bool | Int):
        nan = b.and_(b.not_(b.equal(a, a)), b.not_(b.equal(c, c)))
        same = b.or_(same, nan)
    return b.equal(b.reduce_min(b.cast(same, INT64), [1]), 0)


def _sorted(rows: Node) -> Node:
    """Return the rows' order by their first column, equal ones by the next: stable sorts."""
    number, width = fixed_shape(rows, "Unique")
    if isinstance(rows.type.element, Bool):
        rows = b.cast(rows, INT64)
    if width == 1:
        return b.top_k(b.reshape(rows, (number,)), number, largest=False)
    columns = b.slice_(b.transpose(rows, (1, 0)), 0, width - 1, width, -1)
    order = b.input_("order", (number,), INT64)
    column = b.input_("column", (number,), rows.type.element)
    ranked = b.top_k(b.gather(column, order, 0), number, largest=False)
    body = Graph("sort", (order, column), (b.gather(order, ranked, 0),), ("next",))
    return b.fold(body, b.constant(np.arange(number)), [columns])


TABLE: Table = {
    "NonZero": _non_zero,
    "Compress": _compress,
    "Unique": _unique,
}
