"""Blocks of pixels and channels: DepthToSpace, SpaceToDepth, Col2Im."""

from __future__ import annotations

from math import prod

import numpy as np

from inferon.errors import InvalidModel
from inferon.frontends.onnx.call import Call, Table, fixed_shape
from inferon.frontends.onnx.operators.sliding import check_size, stated_sliding
from inferon.frontends.onnx.room import make_room
from inferon.ir.node import Node
from inferon.ir.values import Array
from inferon.ops import build as b
from inferon.ops.base import require


def _mode(call: Call) -> str:
    mode = call.text("mode", "DCR")
    if mode not in ("DCR", "CRD"):
        raise InvalidModel(f"layer {call.layer.label}: mode is {mode!r}")
    return mode


def _block(call: Call, x: Node) -> int:
    size = call.integer("blocksize", 0)
    require(x.type.rank == 4 and size >= 1, "takes images and blocks, not {} and {}", x.type, size)
    return size


def _depth_to_space(call: Call) -> Node:
    x, mode = call.node(0), _mode(call)
    size = _block(call, x)
    count, channels, height, width = fixed_shape(x, "DepthToSpace")
    require(channels % size**2 == 0, "{} channels are no blocks of {}", channels, size)
    depth = channels // size**2
    if mode == "DCR":
        apart = b.reshape(x, (count, size, size, depth, height, width))
        apart = b.transpose(apart, (0, 3, 4, 1, 5, 2))
    else:
        apart = b.reshape(x, (count, depth, size, size, height, width))
        apart = b.transpose(apart, (0, 1, 4, 2, 5, 3))
    return b.reshape(apart, (count, depth, height * size, width * size))


def _space_to_depth(call: Call) -> Node:
    x, mode = call.node(0), _mode(call)
    size = _block(call, x)
    count, depth, height, width = fixed_shape(x, "SpaceToDepth")
    require(height % size == width % size == 0, "{} is no blocks of {}", x.type, size)
    apart = b.reshape(x, (count, depth, height // size, size, width // size, size))
    order = (0, 3, 5, 1, 2, 4) if mode == "DCR" else (0, 1, 3, 5, 2, 4)
    shape = (count, depth * size**2, height // size, width // size)
    return b.reshape(b.transpose(apart, order), shape)


def _col2im(call: Call) -> Node:
    """Add overlapping blocks to an image, one axis after the other."""
    x = call.node(0)
    image, kernel = call.numbers(1, "image shape"), call.numbers(2, "block shape")
    s = stated_sliding(call, kernel, len(image))
    check_size([sum(each) for each in zip(image, s.before, s.after, strict=True)])
    room = zip(image, s.before, s.after, s.spans, s.strides, strict=True)
    blocks = [(size + front + back - span) // by + 1 for size, front, back, span, by in room]
    require(min(blocks) >= 1, "blocks of {} do not fit into {}", kernel, image)
    fits = x.type.rank == 3
    count, rows, columns = fixed_shape(x, "Col2Im") if fits else (0, 0, 0)
    fits &= rows % prod(kernel) == 0 and columns == prod(blocks)
    require(fits, "{} is no columns of blocks {} in {}", x.type, kernel, image)
    value = b.reshape(x, (count, rows // prod(kernel), *kernel, *blocks))
    axes = zip(image, s.before, s.strides, s.dilations, strict=True)
    for done, (size, front, by, gap) in enumerate(axes):
        value = _overlapped(value, 2 + done, 2 + len(image), size, front, (by, gap))
    return value


def _overlapped(
    x: Node, axis: int, places: int, size: int, front: int, steps: tuple[int, int]
) -> Node:
    """Add the elements of axes ``axis`` (within a block) and ``places`` (of blocks) to one axis.

    Element k of block p belongs to place ``p * stride + k * dilation - front`` of the image.  The
    sum over all that meet there is a gather from a row that ends with a zero.
    """
    stride, dilation = steps
    rest = [each for each in range(x.type.rank) if each not in (axis, places)]
    order = [*rest[:axis], axis, places, *rest[axis:]]
    moved = b.transpose(x, order)
    kernel, blocks = fixed_shape(moved, "Col2Im")[axis : axis + 2]
    lead, tail = moved.type.shape[:axis], moved.type.shape[axis + 2 :]
    row = b.pad(b.reshape(moved, (*lead, kernel * blocks, *tail)), axis, 0, 1)
    places_of = np.arange(blocks) * stride + np.arange(kernel)[:, None] * dilation - front
    met = _members(places_of.ravel(), size)
    return b.sum_(b.gather(row, b.constant(met), axis), [axis + 1])


def _members(places: Array, size: int) -> Array:
    """Return which elements lie at each place below ``size``, in their order; else one too many.

    Parameters
    ----------
    places : of the elements, in any order; those outside are left out
    """
    inside = np.flatnonzero((places >= 0) & (places < size))
    order = inside[np.argsort(places[inside], kind="stable")]
    at = places[order]
    number = np.bincount(at, minlength=size)
    make_room((size, int(number.max())), "a table of overlaps")
    table = np.full((size, max(1, int(number.max()))), len(places))
    table[at, np.arange(len(at)) - (np.cumsum(number) - number)[at]] = order
    return table


TABLE: Table = {
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
    "Col2Im": _col2im,
}
