"""Elements chosen by index: Gather and its relatives, TopK, ArgMax."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from inferon.frontends.onnx.call import (
    Call,
    Operator,
    Result,
    Sizes,
    Table,
    Value,
    constant_array,
    fixed_shape,
)
from inferon.frontends.onnx.room import make_room
from inferon.ir.node import Node
from inferon.ir.shape import Dim
from inferon.ir.types import INT64
from inferon.ops import build as b
from inferon.ops.base import require
from inferon.ops.movement import Broadcast


def _gather(call: Call) -> Value:
    value = call.value(0)
    if isinstance(value, Sizes):
        call.ignore("axis")
        index = call.array(1, "index")
        require(
            bool((np.abs(index) < len(value.sizes) + (index < 0)).all()),
            "an index outside of a shape",
        )
        return Sizes(tuple(value.sizes[i] for i in index.ravel().tolist()), scalar=index.ndim == 0)
    axis = call.axis(call.integer("axis", 0), value.type.rank)
    return _part(value, call.node(1), axis) or b.gather(value, call.node(1), axis)


def _part(x: Node, index: Node, axis: int) -> Node | None:
    """Return a slice where the index is a constant range: cheaper, and easier to read."""
    chosen, size = constant_array(index), x.type.shape[axis]
    if chosen is None or chosen.ndim > 1 or chosen.size == 0 or isinstance(size, Dim):
        return None
    require(
        bool(((chosen >= -size) & (chosen < size)).all()),
        "an index is outside of axis {} of {}",
        axis,
        x.type,
    )
    where = np.where(chosen < 0, chosen + size, chosen).astype(np.int64).ravel()
    if constant_array(x) is not None or (np.diff(where) != 1).any():
        return None
    part = b.slice_(x, axis, int(where[0]), where.size)
    return b.squeeze(part, axis) if chosen.ndim == 0 else part


def _gather_elements(call: Call) -> Node:
    """Gather, as far as the operands only repeat themselves.

    Axes on which the index repeats carry whole slices; those on which the data repeat belong to
    the index.
    """
    data, index = call.node(0), call.node(1)
    rank = data.type.rank
    require(rank == index.type.rank, "ranks differ: {} and {}", data.type, index.type)
    axis = call.axis(call.integer("axis", 0), rank)
    out = fixed_shape(index, "GatherElements")
    for other in range(rank):
        if other != axis and data.type.shape[other] != out[other]:
            data = b.slice_(data, other, 0, out[other])
    thin_data, thin_index = unrepeated(data), unrepeated(index)
    others = [each for each in range(rank) if each != axis]
    repeats_index = {
        each for each in others if thin_index.type.shape[each] == 1 and out[each] != 1
    }
    repeats_data = {
        each for each in others if thin_data.type.shape[each] == 1 and each not in repeats_index
    }
    repeats_data -= {each for each in others if out[each] == 1}
    shared = [each for each in others if each not in repeats_index and each not in repeats_data]
    slices, own = sorted(repeats_index), sorted(repeats_data)
    x = columns(thin_data, [*shared, axis, *slices])
    where = columns(thin_index, [*shared, *own, axis])
    # x: (shared, axis, slices); where: (shared, own, axis); result: (shared, own, axis, slices)
    value = b.gather(x, where, len(shared), batch=len(shared))
    order = [*shared, *own, axis, *slices]
    value = b.transpose(value, [order.index(each) for each in range(rank)])
    return b.broadcast(value, out)


def unrepeated(x: Node) -> Node:
    """Return what a value repeats, with size 1 on the axes of repetition."""
    if not isinstance(x.op, Broadcast):
        return x
    inner = x.inputs[0]
    return b.reshape(inner, (1,) * (x.type.rank - inner.type.rank) + inner.type.shape)


def columns(x: Node, axes: list[int]) -> Node:
    """Return some axes in an order; the others are of size 1 and are dropped."""
    rest = [axis for axis in range(x.type.rank) if axis not in axes]
    x = b.transpose(x, [*rest, *axes])
    return b.reshape(x, x.type.shape[len(rest) :])


def flat_places(
    index: Node, sizes: Sequence[int], *, outside_is_dropped: bool = False
) -> tuple[Node, int]:
    """Return where a tuple index points once the axes that it indexes are one, and their number.

    Each part of the tuple that is outside of its axis goes to the nearest end, as in `Gather`; or
    the whole tuple points outside, which `Scatter` drops.
    """
    width = index.type.shape[-1] if index.type.rank else 0
    fits = isinstance(width, int) and 1 <= width <= len(sizes)
    require(fits, "{} does not index {}", index.type, sizes)
    assert isinstance(width, int)
    if width == 1:
        return b.reshape(index, index.type.shape[:-1]), 1
    where, inside = None, None
    for position, size in enumerate(sizes[:width]):
        part = b.cast(b.slice_(index, index.type.rank - 1, position, 1), INT64)
        part = b.reshape(part, part.type.shape[:-1])
        part = b.select(b.less(part, 0), b.add(part, size), part)
        near = b.minimum(b.maximum(part, 0), size - 1)
        scaled = b.mul(near, prod(sizes[position + 1 : width]))
        where = scaled if where is None else b.add(where, scaled)
        here = b.equal(part, near)
        inside = here if inside is None else b.and_(inside, here)
    assert where is not None
    assert inside is not None
    return (b.select(inside, where, prod(sizes[:width])) if outside_is_dropped else where), width


def _gather_nd(call: Call) -> Node:
    """Flatten the indexed axes, and the index with their strides."""
    x, index = call.node(0), call.node(1)
    batch = call.integer("batch_dims", 0)
    sizes = fixed_shape(x, "GatherND")
    require(0 <= batch < min(x.type.rank, index.type.rank), "{} batch axes", batch)
    where, width = flat_places(index, sizes[batch:])
    one = (prod(sizes[batch : batch + width]),)
    flat = b.reshape(x, (*sizes[:batch], *one, *sizes[batch + width :]))
    return b.gather(flat, where, batch, batch=batch)


def _last(x: Node, axis: int) -> tuple[Node, list[int]]:
    """Return the tensor with an axis moved to the end, and the order that moves it back."""
    order = [each for each in range(x.type.rank) if each != axis] + [axis]
    return b.transpose(x, order), [order.index(each) for each in range(x.type.rank)]


def _top_k(call: Call) -> Result:
    x = call.node(0)
    axis = call.axis(call.integer("axis", -1), x.type.rank)
    call.ignore("sorted")  # any order is allowed without it
    k = call.numbers(1, "k")
    require(len(k) == 1, "takes one k, not {}", len(k))
    moved, back = _last(x, axis)
    index = b.top_k(moved, k[0], largest=bool(call.integer("largest", 1)))
    values = b.gather(moved, index, moved.type.rank - 1, batch=moved.type.rank - 1)
    return b.transpose(values, back), b.transpose(index, back)


def _arg(*, largest: bool) -> Operator:
    def operator(call: Call) -> Node:
        x = call.node(0)
        axis = call.axis(call.integer("axis", 0), x.type.rank)
        moved, back = _last(x, axis)
        if call.integer("select_last_index", 0):  # the first one from the end
            size = fixed_shape(moved, call.layer.op)[-1]
            turned = b.slice_(moved, moved.type.rank - 1, size - 1, size, -1)
            index = b.sub(size - 1, b.top_k(turned, 1, largest=largest))
        else:
            index = b.top_k(moved, 1, largest=largest)
        index = b.transpose(index, back)
        return index if call.integer("keepdims", 1) else b.squeeze(index, axis)

    return operator


def _one_hot(call: Call) -> Node:
    """Compare the index, from the end where negative, with every place; outside, with none."""
    index, values = call.node(0), call.node(2)
    depth = call.numbers(1, "depth")[0]
    axis = call.axis(call.integer("axis", -1), index.type.rank + 1)
    require(depth >= 1 and values.type.shape == (2,), "takes a depth and two values")
    make_room((depth, *index.type.shape), "a OneHot")
    index = b.cast(index, INT64)
    index = b.expand(b.select(b.less(index, 0), b.add(index, depth), index), axis)
    steps = b.reshape(b.constant(np.arange(depth)), (depth, *[1] * (index.type.rank - 1 - axis)))
    off, on = (b.reshape(b.slice_(values, 0, i, 1), ()) for i in (0, 1))
    chosen = b.equal(index, steps)
    return b.select(
        chosen, b.broadcast(on, chosen.type.shape), b.broadcast(off, chosen.type.shape)
    )


def _reverse_sequence(call: Call) -> Node:
    """Read each sequence backward as far as its length says, the rest as it stands."""
    x, lengths = call.node(0), call.node(1)
    time = call.axis(call.integer("time_axis", 0), x.type.rank)
    batch = call.axis(call.integer("batch_axis", 1), x.type.rank)
    require(time != batch, "the axes of time and batch are both {}", time)
    order = [batch, time, *(each for each in range(x.type.rank) if each not in (batch, time))]
    moved = b.transpose(x, order)
    sequences, steps = fixed_shape(moved, "ReverseSequence")[:2]
    require(lengths.type.shape == (sequences,), "{} for {} sequences", lengths.type, sequences)
    step = b.broadcast(b.constant(np.arange(steps)), (sequences, steps))
    length = b.expand(b.cast(lengths, INT64), 1)
    where = b.select(b.less(step, length), b.sub(b.sub(length, 1), step), step)
    turned = b.gather(moved, where, 1, batch=1)
    return b.transpose(turned, [order.index(each) for each in range(x.type.rank)])


TABLE: Table = {
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "GatherND": _gather_nd,
    "TopK": _top_k,
    "ArgMax": _arg(largest=True),
    "ArgMin": _arg(largest=False),
    "OneHot": _one_hot,
    "ReverseSequence": _reverse_sequence,
}
