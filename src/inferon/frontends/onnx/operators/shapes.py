"""Operators that move elements or compute with shapes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from math import prod

import numpy as np

from inferon.frontends.onnx.call import Call, Refused, Result, Sizes, Table, Value
from inferon.ir.node import Node
from inferon.ir.shape import Dim, Shape, Size
from inferon.ir.values import Array
from inferon.ops import build as b
from inferon.ops.base import require
from inferon.ops.structure import Const


def _identity(call: Call) -> Value:
    return call.any_value(0)


def _reshape(call: Call) -> Value:
    value = call.value(0)
    target = list(call.sizes(1, "shape"))
    if isinstance(value, Sizes):
        require(len(target) <= 1, "a shape is reshaped to {}", target)
        return Sizes(value.sizes, scalar=not target)
    if not call.integer("allowzero", 0):
        for axis, size in enumerate(target):
            if size == 0:
                require(
                    axis < value.type.rank, "{} copies an axis that {} lacks", target, value.type
                )
                target[axis] = value.type.shape[axis]
    shape = tuple(_rebound(call, value, target))
    return b.reshape(value, filled(value.type.shape, shape))


def _rebound(call: Call, value: Node, target: list[Size]) -> list[Size]:
    """Replace a batch that was baked into a constant shape: its first size grows with it."""
    change = call.rebinding
    first = target[0] if target else None
    if change is None or isinstance(value.op, Const) or not isinstance(first, int) or first < 1:
        return target
    scaled = [first * change.batch // change.fixed, *target[1:]]
    if -1 in target:
        return scaled if first % change.fixed == 0 else target
    numbers = [size for size in (*value.type.shape, *target) if isinstance(size, int)]
    if len(numbers) < value.type.rank + len(target):
        return target
    wanted = prod(size for size in value.type.shape if isinstance(size, int))
    stale = prod(size for size in target if isinstance(size, int))
    return scaled if stale * change.batch == wanted * change.fixed else target


def filled(given: Shape, target: Shape) -> Shape:
    """Return the target with -1 replaced by what is left of the given shape."""
    if -1 not in target:
        return target
    have, want = Counter(_dims(given)), Counter(_dims(target))
    rest = list((have - want).elements())
    numbers = prod(size for size in given if isinstance(size, int))
    others = prod(size for size in target if isinstance(size, int) and size != -1)
    require(
        others > 0 and numbers % others == 0 and not want - have,
        "{} does not fill {}",
        given,
        target,
    )
    if rest and (len(rest) > 1 or numbers != others):
        raise Refused(
            f"a Reshape that merges the run-time size {rest[0].name}",
            "a fixed size for that dimension",
        )
    missing: Size = rest[0] if rest else numbers // others
    require(list(target).count(-1) == 1, "{} has two unknown sizes", target)
    return tuple(missing if size == -1 else size for size in target)


def _dims(shape: Shape) -> list[Dim]:
    return [size for size in shape if isinstance(size, Dim)]


def _flatten(call: Call) -> Node:
    x = call.node(0)
    axis = call.integer("axis", 1)
    axis = axis if axis == x.type.rank else call.axis(axis, x.type.rank)
    lead, rest = x.type.shape[:axis], x.type.shape[axis:]
    return b.reshape(x, (_extent(lead), _extent(rest)))


def _extent(shape: Shape) -> Size:
    """Return the size of several axes in one."""
    dims = _dims(shape)
    number = prod(size for size in shape if isinstance(size, int))
    if len(dims) == 1 and number == 1:
        return dims[0]
    if dims:
        raise Refused(
            f"a Flatten that merges the run-time size {dims[0].name}",
            "a fixed size for that dimension",
        )
    return number


def _transpose(call: Call) -> Node:
    x = call.node(0)
    order = call.integers("perm")
    return b.transpose(x, tuple(reversed(range(x.type.rank))) if order is None else order)


def _squeeze(call: Call) -> Value:
    value = call.value(0)
    if isinstance(value, Sizes):
        require(len(value.sizes) == 1, "a shape of {} sizes is squeezed", len(value.sizes))
        return Sizes(value.sizes, scalar=True)
    shape = value.type.shape
    axes = call.axes_input(1, value.type.rank, 13)
    if axes is None:  # all axes of size 1, but not the batch, which is 1 only by chance
        guide = call.guides[0] if call.guides and call.guides[0] is not None else shape
        axes = tuple(
            axis for axis, sizes in enumerate(zip(shape, guide, strict=True)) if sizes == (1, 1)
        )
    require(
        all(shape[axis] == 1 for axis in axes), "axes {} of {} are not of size 1", axes, value.type
    )
    return b.reshape(value, tuple(size for axis, size in enumerate(shape) if axis not in axes))


def _unsqueeze(call: Call) -> Value:
    value = call.value(0)
    rank = 0 if isinstance(value, Sizes) else value.type.rank
    added = call.numbers(1, "axes") if call.opset >= 13 else (call.integers("axes") or ())
    axes = call.axes(added, rank + len(added))
    require(len(axes) == len(added), "the axes {} are not all different", added)
    if isinstance(value, Sizes):
        require(value.scalar and axes == (0,), "a shape gets the axes {}", axes)
        return Sizes(value.sizes)
    sizes = iter(value.type.shape)
    shape = tuple(1 if axis in axes else next(sizes) for axis in range(rank + len(axes)))
    return b.reshape(value, shape)


def _expand(call: Call) -> Node:
    x = call.node(0)
    target = call.sizes(1, "shape")
    return b.broadcast(x, b.broadcast_shapes(x.type.shape, target))


def _tile(call: Call) -> Node:
    x = call.node(0)
    repeats = call.numbers(1, "repeats")
    require(
        len(repeats) == x.type.rank and min(repeats, default=1) >= 0,
        "{} does not tile {}",
        repeats,
        x.type,
    )
    for axis, number in enumerate(repeats):
        size = x.type.shape[axis]
        if size == 1:
            x = b.broadcast(x, (*x.type.shape[:axis], number, *x.type.shape[axis + 1 :]))
        elif number != 1:
            x = _repeated(x, axis, number)
    return x


def _repeated(x: Node, axis: int, number: int) -> Node:
    size = x.type.shape[axis]
    if isinstance(size, Dim):
        raise Refused(
            f"a Tile of the run-time size {size.name}", "a fixed size for that dimension"
        )
    before, after = x.type.shape[:axis], x.type.shape[axis + 1 :]
    wide = b.broadcast(b.reshape(x, (*before, 1, size, *after)), (*before, number, size, *after))
    return b.reshape(wide, (*before, number * size, *after))


def _concat(call: Call) -> Value:
    if any(isinstance(each, Sizes) for each in call.operands):
        sizes = [size for i in range(len(call.operands)) for size in call.sizes(i, "size")]
        call.ignore("axis")
        return Sizes(tuple(sizes))
    nodes = call.nodes()
    require(bool(nodes), "joins nothing")
    axis = call.axis(call.integer("axis", 0), nodes[0].type.rank)
    parts = [node for node in nodes if node.type.shape[axis : axis + 1] != (0,)]
    return b.concat(parts or nodes, axis)


def _split(call: Call) -> Result:
    x = call.node(0)
    axis = call.axis(call.integer("axis", 0), x.type.rank)
    length = x.type.shape[axis]
    if isinstance(length, Dim):
        raise Refused(
            f"a Split of the run-time size {length.name}", "a fixed size for that dimension"
        )
    sizes = _split_sizes(call, length)
    parts = len(call.layer.outputs)
    require(len(sizes) == parts, "{} sizes of {} parts", len(sizes), parts)
    require(sum(sizes) == length and min(sizes) >= 0, "{} does not split {}", sizes, x.type)
    starts = accumulate(sizes[:-1], initial=0)
    return [b.slice_(x, axis, start, size) for start, size in zip(starts, sizes, strict=True)]


def _split_sizes(call: Call, length: int) -> tuple[int, ...]:
    if call.opset < 13:
        listed = call.integers("split")
    else:
        listed = call.numbers(1, "split") if call.has(1) else None
    if listed is not None:
        return listed
    number = len(call.layer.outputs)
    stated = call.integer("num_outputs", number)
    require(stated == number, "num_outputs is {}, with {} outputs", stated, number)
    size = -(-length // number)
    return tuple(min(size, length - size * i) for i in range(number))


def _slice(call: Call) -> Value:
    value = call.value(0)
    starts, ends = call.numbers(1, "start"), call.numbers(2, "end")
    steps = call.numbers(4, "step") if call.has(4) else (1,) * len(starts)
    axes = call.numbers(3, "axis") if call.has(3) else tuple(range(len(starts)))
    require(len(starts) == len(ends) == len(steps) == len(axes), "its inputs differ in length")
    if isinstance(value, Sizes):
        return Sizes(value.sizes[starts[0] : ends[0] : steps[0]])
    for start, end, step, axis in zip(starts, ends, steps, axes, strict=True):
        value = _sliced(value, call.axis(axis, value.type.rank), start, end, step)
    return value


def _sliced(x: Node, axis: int, start: int, end: int, step: int) -> Node:
    length = x.type.shape[axis]
    require(step != 0, "a step of 0")
    if isinstance(length, Dim):
        if start == 0 and step == 1 and end >= length.max:
            return x
        raise Refused(
            f"a Slice of the run-time size {length.name}", "a fixed size for that dimension"
        )
    chosen = range(*_bounds(start, end, step, length))
    return b.slice_(x, axis, chosen.start if len(chosen) else 0, len(chosen), step)


def _bounds(start: int, end: int, step: int, length: int) -> tuple[int, int, int]:
    """Return what ``range`` takes: Python's slice, but an end far below zero means all the way."""
    stop = None if step < 0 and end < -length else end
    return slice(start, stop, step).indices(length)


def _shape(call: Call) -> Value:
    value = call.value(0)
    if isinstance(value, Sizes):
        return b.constant([len(value.sizes)])
    sizes = value.type.shape[_part(call, value.type.rank)]
    if any(isinstance(size, Dim) for size in sizes):
        return Sizes(sizes)
    return b.constant(_int64(sizes))


def _part(call: Call, rank: int) -> slice:
    end = call.given("end")
    return slice(call.integer("start", 0), None if end is None else call.integer("end", rank))


def _int64(sizes: Sequence[Size]) -> Array:
    return np.array(sizes, np.int64)


def _size(call: Call) -> Value:
    extent = _extent(call.node(0).type.shape)
    if isinstance(extent, Dim):
        return Sizes((extent,), scalar=True)
    return b.constant(np.int64(extent))


TABLE: Table = {
    "Identity": _identity,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Transpose": _transpose,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Expand": _expand,
    "Tile": _tile,
    "Concat": _concat,
    "Split": _split,
    "Slice": _slice,
    "Shape": _shape,
    "Size": _size,
}
