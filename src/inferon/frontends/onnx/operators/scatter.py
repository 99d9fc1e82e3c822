"""Elements updated by index: ScatterElements, ScatterND, and Scatter as it was called at first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from inferon.frontends.onnx.call import Call, Refused, Table, fixed_shape
from inferon.frontends.onnx.operators.indexing import columns, flat_places, unrepeated
from inferon.ir.node import Node
from inferon.ir.types import BOOL, Bool, Int
from inferon.ops import build as b
from inferon.ops.base import require
from inferon.ops.scatter import Combine

_COMBINE = {
    "none": Combine.REPLACE,
    "add": Combine.ADD,
    "mul": Combine.MUL,
    "min": Combine.MIN,
    "max": Combine.MAX,
}

_BYTE = Int(False, 8)

_OF_TRUTHS = {Combine.ADD: Combine.MAX, Combine.MUL: Combine.MIN}
"""A sum of truth values is their largest, a product their smallest."""


def _combine(call: Call) -> Combine:
    name = call.text("reduction", "none")
    if name not in _COMBINE:
        raise Refused(
            f"{call.layer.op} with reduction={name!r}", "one of none, add, mul, min, max"
        )
    return _COMBINE[name]


def _scattered(
    x: Node, index: Node, updates: Node, axis: int, combine: Combine, batch: int = 0
) -> Node:
    """Return `Scatter`; truth values that meet each other do so as numbers."""
    if combine is Combine.REPLACE or not isinstance(x.type.element, Bool):
        return b.scatter_(x, index, updates, axis, combine, batch=batch)
    numbers = b.cast(x, _BYTE), index, b.cast(updates, _BYTE)
    combine = _OF_TRUTHS.get(combine, combine)
    return b.cast(b.scatter_(*numbers, axis, combine, batch=batch), BOOL)


def _scatter_elements(call: Call) -> Node:
    """Rows of updates where the index only repeats itself, as in message passing."""
    x, index, updates = call.node(0), call.node(1), call.node(2)
    rank = x.type.rank
    require(rank == index.type.rank, "ranks differ: {} and {}", x.type, index.type)
    require(index.type.shape == updates.type.shape, "{} for {}", updates.type, index.type)
    axis = call.axis(call.integer("axis", 0), rank)
    combine = _combine(call)
    reached = fixed_shape(index, call.layer.op)
    others = [each for each in range(rank) if each != axis]
    thin = unrepeated(index)
    shared = [each for each in others if thin.type.shape[each] == reached[each]]
    slices = [each for each in others if each not in shared]
    order = [*shared, axis, *slices]

    def within(part: Node) -> Node:
        """Update a part whose other axes are as long as those of the index."""
        moved = b.transpose(part, order)
        where = columns(thin, [*shared, axis])
        new = b.transpose(updates, order)
        value = _scattered(moved, where, new, len(shared), combine, len(shared))
        return b.transpose(value, [order.index(each) for each in range(rank)])

    return _at_the_beginning(x, [(each, reached[each]) for each in others], within)


def _at_the_beginning(
    x: Node, sizes: Sequence[tuple[int, int]], change: Callable[[Node], Node]
) -> Node:
    """Return ``x`` with the first so many elements of some axes changed, and the others kept."""
    if not sizes:
        return change(x)
    (axis, size), *rest = sizes
    length = fixed_shape(x, "ScatterElements")[axis]
    require(size <= length, "{} updates for {} elements of axis {}", size, length, axis)
    if size == length:
        return _at_the_beginning(x, rest, change)
    changed = _at_the_beginning(b.slice_(x, axis, 0, size), rest, change)
    return b.concat([changed, b.slice_(x, axis, size, length - size)], axis)


def _scatter_nd(call: Call) -> Node:
    """Flatten the indexed axes, and the index with their strides."""
    x, index, updates = call.node(0), call.node(1), call.node(2)
    sizes = fixed_shape(x, "ScatterND")
    where, width = flat_places(index, sizes, outside_is_dropped=True)
    flat = b.reshape(x, (prod(sizes[:width]), *sizes[width:]))
    return b.reshape(_scattered(flat, where, updates, 0, _combine(call)), sizes)


TABLE: Table = {
    "Scatter": _scatter_elements,
    "ScatterElements": _scatter_elements,
    "ScatterND": _scatter_nd,
}
