"""RoiAlign: a fixed number of bins over regions of an image (He et al. 2017, Mask R-CNN)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from itertools import product
from math import prod

import numpy as np

from inferon.errors import InvalidModel
from inferon.frontends.onnx.call import Call, Refused, Table, fixed_shape
from inferon.frontends.onnx.operators.sliding import check_size
from inferon.ir.node import Node
from inferon.ir.types import INT64
from inferon.ops import build as b
from inferon.ops.base import require


@dataclass(frozen=True, slots=True)
class Taps:
    """The two elements around each point of one axis, (R, n): places and weights."""

    places: tuple[Node, Node]
    weights: tuple[Node, Node]


def _roi_align(call: Call) -> Node:
    x, rois, images = call.node(0), call.node(1), call.node(2)
    require(x.type.rank == 4 and rois.type.rank == 2, "{} has no {}", x.type, rois.type)
    require(rois.type.shape[1:] == (4,), "regions are {}", rois.type)
    largest = _mode(call)
    shifted = _is_shifted(call)
    points = call.integer("sampling_ratio", 0)
    if points == 0:
        raise Refused(
            "RoiAlign with a number of points that depends on the region", "sampling_ratio=2"
        )
    bins = call.integer("output_height", 1), call.integer("output_width", 1)
    require(min(*bins, points) >= 1, "{} bins of {} points", bins, points)
    count, channels, *sizes = fixed_shape(x, "RoiAlign")
    regions = fixed_shape(rois, "RoiAlign")[0]
    check_size([regions, channels, prod(bins), points**2])
    scaled = b.mul(rois, call.number("spatial_scale", 1.0))
    scaled = b.sub(scaled, 0.5) if shifted else scaled
    taps = [
        _taps(scaled, axis, size, (number, points), at_least_one=not shifted)
        for axis, size, number in zip((1, 0), sizes, bins, strict=True)
    ]
    terms = _terms(x, taps, b.reshape(images, (regions, 1, 1)) if count > 1 else None)
    value = reduce(b.maximum if largest else b.add, terms)
    value = b.reshape(value, (channels, regions, bins[0], points, bins[1], points))
    whole = b.reduce_max(value, (3, 5)) if largest else b.mean(value, (3, 5))
    return b.transpose(whole, (1, 0, 2, 3))


def _mode(call: Call) -> bool:
    mode = call.text("mode", "avg")
    if mode not in ("avg", "max"):
        raise InvalidModel(f"layer {call.layer.label}: mode is {mode!r}")
    return mode == "max"


def _is_shifted(call: Call) -> bool:
    """Return whether pixel centers lie at halves; before opset 16 they did not."""
    name = "coordinate_transformation_mode"
    mode = call.text(name, "half_pixel" if call.opset >= 16 else "output_half_pixel")
    if mode not in ("half_pixel", "output_half_pixel"):
        raise InvalidModel(f"layer {call.layer.label}: {name} is {mode!r}")
    return mode == "half_pixel"


def _taps(
    rois: Node, column: int, size: int, counts: tuple[int, int], *, at_least_one: bool
) -> Taps:
    """Return what the points of one axis see: each bin has its points, evenly spaced.

    A point more than one element outside sees nothing; one nearer than that sees the end.
    """
    bins, points = counts
    start, end = b.slice_(rois, 1, column, 1), b.slice_(rois, 1, column + 2, 1)
    length = b.sub(end, start)
    width = b.div(b.maximum(length, 1.0) if at_least_one else length, float(bins))
    steps = (np.arange(bins)[:, None] + (np.arange(points) + 0.5) / points).reshape(1, -1)
    at = b.fma(width, b.constant(steps, rois.type.element), start)
    seen = b.and_(b.less_equal(-1.0, at), b.less_equal(at, float(size)))
    at = b.maximum(at, 0.0)
    last = float(size - 1)
    low = b.minimum(b.floor(at), last)
    part = b.select(b.less(low, last), b.sub(at, low), 0.0)
    weights = b.sub(1.0, part), part
    below = b.cast(low, INT64)
    places = below, b.minimum(b.add(below, 1), size - 1)
    return Taps(places, (b.select(seen, weights[0], 0.0), b.select(seen, weights[1], 0.0)))


def _terms(x: Node, taps: list[Taps], images: Node | None) -> list[Node]:
    """Return the four weighted corners of every point, (C, R, points of y, points of x)."""
    count, channels, height, width = fixed_shape(x, "RoiAlign")
    flat = b.reshape(b.transpose(x, (1, 0, 2, 3)), (channels, count * height * width))
    rows, columns = taps
    terms = []
    for i, j in product(range(2), range(2)):
        row, column = b.expand(rows.places[i], 2), b.expand(columns.places[j], 1)
        index = b.add(b.mul(row, width), column)
        if images is not None:
            inside = b.minimum(b.maximum(b.cast(images, INT64), 0), count - 1)
            index = b.add(index, b.mul(inside, height * width))
        weight = b.mul(b.expand(rows.weights[i], 2), b.expand(columns.weights[j], 1))
        terms.append(b.mul(b.gather(flat, index, 1), weight))
    return terms


TABLE: Table = {
    "RoiAlign": _roi_align,
}
