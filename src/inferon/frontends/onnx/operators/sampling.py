"""GridSample and AffineGrid: an image seen through a field of places (Spatial Transformers)."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from inferon.errors import InvalidModel
from inferon.frontends.onnx.call import Call, Refused, Table, fixed_shape, is_float
from inferon.frontends.onnx.operators import between
from inferon.frontends.onnx.operators.sliding import check_size
from inferon.ir.node import Node
from inferon.ir.types import FLOAT32
from inferon.ir.values import Array
from inferon.ops import build as b
from inferon.ops.base import require

_MODES: dict[str, Callable[..., Node]] = {
    "nearest": between.nearest,
    **{"linear": between.linear, "bilinear": between.linear},
    **{"cubic": between.cubic, "bicubic": between.cubic},
}
"""With the spellings up to opset 19."""


def _grid_sample(call: Call) -> Node:
    x, grid = call.node(0), call.node(1)
    mode = call.text("mode", "linear")
    padding = call.text("padding_mode", "zeros")
    aligned = bool(call.integer("align_corners", 0))
    if mode not in _MODES or padding not in ("zeros", "border", "reflection"):
        label = call.layer.label
        raise InvalidModel(f"layer {label}: mode is {mode!r}, padding_mode {padding!r}")
    axes = x.type.rank - 2
    fits = axes >= 1 and grid.type.rank == x.type.rank and grid.type.shape[-1] == axes
    require(fits, "{} does not sample {}", grid.type, x.type)
    sizes = fixed_shape(x, "GridSample")[2:]
    last = grid.type.rank - 1
    places = []
    for axis, size in enumerate(sizes):  # the grid's first number belongs to the last axis
        at = b.squeeze(b.slice_(grid, last, axes - 1 - axis, 1), last)
        place = _denormalized(at, size, aligned=aligned)
        if mode == "nearest":  # rounded before it is reflected
            place = b.round_even(place)
        places.append(_bounded(place, size, padding, aligned=aligned))
    element = x.type.element
    image = x if is_float(x) else b.cast(x, FLOAT32)
    if image.type.element != grid.type.element:
        raise Refused(f"GridSample of {x.type.element} at {grid.type.element}", "one float type")

    def inside(place: Node, size: int) -> Node:
        return _bounded(place, size, padding, aligned=aligned)

    value = _MODES[mode](image, places, inside, zeros=padding == "zeros")
    return b.cast(value, element)


def _denormalized(n: Node, size: int, *, aligned: bool) -> Node:
    """Return coordinates from numbers in [-1, 1]; rounded as ONNX Runtime and torch do."""
    if aligned:
        return b.mul(b.mul(b.add(n, 1.0), 0.5), float(size - 1))
    return b.mul(b.sub(b.mul(b.add(n, 1.0), float(size)), 1.0), 0.5)


def _bounded(x: Node, size: int, padding: str, *, aligned: bool) -> Node:
    """Bring coordinates outside of the image back to where the mode finds its elements."""
    if padding == "zeros":
        return x
    low, high = (0.0, float(size - 1)) if aligned else (-0.5, size - 0.5)
    outside = b.or_(b.less(x, low), b.less(high, x))
    if padding == "border" or low == high:
        return b.select(outside, between.clipped(x, size), x)
    return b.select(outside, _reflected(x, low, high), x)


def _reflected(x: Node, low: float, high: float) -> Node:
    """Return coordinates mirrored at both ends as often as it takes."""
    width = high - low
    distance = b.absolute(b.sub(x, low))
    turns = b.floor(b.div(distance, width))
    rest = b.sub(distance, b.mul(turns, width))
    half = b.mul(turns, 0.5)
    even = b.equal(half, b.floor(half))
    return b.select(even, b.add(rest, low), b.sub(high, rest))


def _affine_grid(call: Call) -> Node:
    """Multiply the constant places of an image of the wanted size with the matrices."""
    theta, (_, _, *sizes) = call.node(0), call.numbers(1, "size")
    axes = len(sizes)
    fits = axes in (2, 3) and theta.type.shape[1:] == (axes, axes + 1)
    require(fits and min(sizes) >= 1, "{} does not fit the size {}", theta.type, sizes)
    check_size([*sizes, axes + 1])
    aligned = bool(call.integer("align_corners", 0))
    lines = [_line(size, aligned=aligned) for size in sizes]
    mesh = np.meshgrid(*lines, indexing="ij")[::-1]  # x comes first, and belongs to the last axis
    places = np.stack([*(each.ravel() for each in mesh), np.ones(prod(sizes))], axis=1)
    value = b.product(b.constant(places, theta.type.element), b.transpose(theta, (2, 0, 1)))
    return b.reshape(b.transpose(value, (1, 0, 2)), (theta.type.shape[0], *sizes, axes))


def _line(size: int, *, aligned: bool) -> Array:
    """Return the centers of pixels in [-1, 1], whose ends are centers or edges of pixels."""
    if aligned:
        return np.linspace(-1.0, 1.0, size) if size > 1 else np.zeros(1)
    return (2.0 * np.arange(size) + 1.0) / size - 1.0


TABLE: Table = {
    "GridSample": _grid_sample,
    "AffineGrid": _affine_grid,
}
