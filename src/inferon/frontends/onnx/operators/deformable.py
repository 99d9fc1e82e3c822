"""DeformConv: a convolution whose taps are moved by numbers of the event (Dai et al. 2017)."""

from __future__ import annotations

from math import prod

import numpy as np

from inferon.frontends.onnx.call import Call, Table, fixed_shape
from inferon.frontends.onnx.operators import between
from inferon.frontends.onnx.operators.convolution import biased
from inferon.frontends.onnx.operators.sliding import Sizes, Sliding, image_sizes, kernel_of_weights
from inferon.frontends.onnx.operators.sliding import sliding_over as sliding
from inferon.ir.node import Node
from inferon.ir.values import Array
from inferon.ops import build as b
from inferon.ops.base import require


def _deform_conv(call: Call) -> Node:
    x, w = call.node(0), call.node(1)
    sizes, kernel = image_sizes(x, "DeformConv"), kernel_of_weights(call, w)
    require(len(kernel) == len(sizes), "{} and {} do not fit", x.type, w.type)
    s = sliding(call, sizes, kernel)
    taps = _moved_taps(call, s, sizes)  # (N, C, taps, places)
    value = _product(taps, w, call.integer("group", 1))
    count, out = value.type.shape[:2]
    value = b.reshape(value, (count, out, *_result_sizes(s, sizes)))
    return biased(value, call.node(3)) if call.has(3) else value


def _result_sizes(s: Sliding, sizes: Sizes) -> Sizes:
    axes = zip(sizes, s.before, s.after, s.spans, s.strides, strict=True)
    return tuple((size + low + high - span) // by + 1 for size, low, high, span, by in axes)


def _moved_taps(call: Call, s: Sliding, sizes: Sizes) -> Node:
    """Return what each tap sees at each place, by linear interpolation, times the mask."""
    x, offset = call.node(0), call.node(2)
    count, channels = fixed_shape(x, "DeformConv")[:2]
    groups = call.integer("offset_group", 1)
    require(groups >= 1 and channels % groups == 0, "{} groups of {}", groups, x.type)
    places = _result_sizes(s, sizes)
    axes, number = len(sizes), prod(s.kernel)
    shape = (count, groups * number * axes, *places)
    require(offset.type.shape == shape, "the offsets are {}, not {}", offset.type, shape)
    moves = b.reshape(offset, (count * groups, number, axes, prod(places)))
    coordinates = []
    for axis in range(axes):
        move = b.squeeze(b.slice_(moves, 2, axis, 1), 2)
        still = b.constant(_places_of_taps(s, places, axis), x.type.element)
        coordinates.append(b.add(still, move))
    images = b.reshape(x, (count * groups, channels // groups, *sizes))
    seen = between.linear(images, coordinates, lambda place, _: place, zeros=True)
    if call.has(4):
        wanted = (count, groups * number, *places)
        mask = call.node(4)
        require(mask.type.shape == wanted, "the mask is {}, not {}", mask.type, wanted)
        seen = b.mul(seen, b.reshape(mask, (count * groups, 1, number, prod(places))))
    return b.reshape(seen, (count, channels, number, prod(places)))


def _places_of_taps(s: Sliding, places: Sizes, axis: int) -> Array:
    """Return one coordinate of every tap at every place, (taps, places), before it is moved."""
    starts = np.arange(places[axis]) * s.strides[axis] - s.before[axis]
    steps = np.arange(s.kernel[axis]) * s.dilations[axis]
    shape = [1] * len(places)
    shape[axis] = -1
    of_places = np.broadcast_to(starts.reshape(shape), places).ravel()
    of_taps = np.broadcast_to(steps.reshape(shape), s.kernel).ravel()
    return of_taps[:, None] + of_places[None, :]


def _product(taps: Node, w: Node, groups: int) -> Node:
    """Contract channels and taps (N, C, K, P) with weights (O, C / groups, K..): (N, O, P)."""
    count, channels, number, places = fixed_shape(taps, "DeformConv")
    out, fan_in = fixed_shape(w, "DeformConv")[:2]
    even = groups >= 1 and out % groups == 0 and fan_in * groups == channels
    require(even, "{} groups do not fit {}", groups, w.type)
    left = b.reshape(w, (groups, out // groups, fan_in, number))
    right = b.reshape(taps, (count, groups, fan_in, number, places))
    value = b.product(left, b.transpose(right, (1, 2, 3, 0, 4)), batch=1, contract=2)
    return b.transpose(b.reshape(value, (out, count, places)), (1, 0, 2))


TABLE: Table = {
    "DeformConv": _deform_conv,
}
