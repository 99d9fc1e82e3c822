"""Pad and CenterCropPad: elements added at the ends of axes, or cut off."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from inferon.errors import InvalidModel
from inferon.frontends.onnx.call import Call, Refused, Table
from inferon.frontends.onnx.operators.picking import picked
from inferon.frontends.onnx.operators.sliding import check_size
from inferon.ir.node import Node
from inferon.ir.shape import Dim
from inferon.ir.values import Array, storage
from inferon.ops import build as b
from inferon.ops.base import require

_WIDTHS_BECAME_AN_INPUT = 11
"""Opset in which ``pads`` and ``value`` became inputs of Pad."""


def _reflected(places: Array, length: int) -> Array:
    period = max(1, 2 * (length - 1))
    inside = places % period
    return np.minimum(inside, period - inside) if length > 1 else np.zeros_like(places)


def _wrapped(places: Array, length: int) -> Array:
    return places % length


def _at_edges(places: Array, length: int) -> Array:
    return np.clip(places, 0, length - 1)


_BEYOND: dict[str, Callable[[Array, int], Array]] = {
    "edge": _at_edges,
    "reflect": _reflected,
    "wrap": _wrapped,
}
"""Where an element beyond the ends is taken from."""


def _pad(call: Call) -> Node:
    x = call.node(0)
    mode = call.text("mode", "constant")
    if mode != "constant" and mode not in _BEYOND:
        raise InvalidModel(f"layer {call.layer.label}: mode is {mode!r}")
    if call.opset < _WIDTHS_BECAME_AN_INPUT:
        widths = call.integers("pads") or ()
        number = np.array(call.number("value", 0.0), storage(x.type.element))
        fill = b.constant(number, x.type.element)
    else:
        widths, fill = call.numbers(1, "pads"), _fill(call, x)
    axes = call.numbers(3, "axes") if call.has(3) else tuple(range(x.type.rank))
    require(len(widths) == 2 * len(axes), "{} does not pad {}", widths, x.type)
    for position, each in enumerate(axes):
        axis = call.axis(each, x.type.rank)
        ends = widths[position], widths[position + len(axes)]
        x = padded(x, axis, *ends, fill) if mode == "constant" else _beyond(x, axis, *ends, mode)
    return x


def _fill(call: Call, x: Node) -> Node:
    if call.has(2):
        return b.reshape(call.node(2), ())
    return b.constant(np.zeros((), storage(x.type.element)), x.type.element)


def padded(x: Node, axis: int, before: int, after: int, fill: Node) -> Node:
    """Pad one axis with a number; a negative width cuts."""
    if before == after == 0:
        return x
    length = _length(x, axis)
    start, cut = max(0, -before), max(0, -before) + max(0, -after)
    require(cut <= length, "cuts {} of {} elements", cut, length)
    inside = b.slice_(x, axis, start, length - cut)
    return b.pad(inside, axis, max(0, before), max(0, after), fill)


def _beyond(x: Node, axis: int, before: int, after: int, mode: str) -> Node:
    """Go on beyond the ends of one axis with its own elements; a negative width cuts."""
    if before == after == 0:
        return x
    length = _length(x, axis)
    require(length >= 1 and before + length + after >= 1, "{} has too few elements", x.type)
    check_size([before + length + after])
    return picked(x, axis, _BEYOND[mode](np.arange(-before, length + after), length))


def _length(x: Node, axis: int) -> int:
    length = x.type.shape[axis]
    if isinstance(length, Dim):
        raise Refused(
            f"a Pad of the run-time size {length.name}", "a fixed size for that dimension"
        )
    return length


def _center_crop_pad(call: Call) -> Node:
    """Cut or pad with zeros on both sides; of an odd number, the larger half is behind."""
    x = call.node(0)
    wanted = call.numbers(1, "shape")
    axes = call.integers("axes") or tuple(range(x.type.rank))
    require(len(wanted) == len(axes), "{} is no shape for the axes {}", wanted, axes)
    zero = b.constant(np.zeros((), storage(x.type.element)), x.type.element)
    for each, size in zip(axes, wanted, strict=True):
        axis = call.axis(each, x.type.rank)
        if x.type.shape[axis] == size:
            continue
        more = size - _length(x, axis)
        before = more // 2 if more > 0 else -(-more // 2)
        x = padded(x, axis, before, more - before, zero)
    return x


TABLE: Table = {
    "Pad": _pad,
    "CenterCropPad": _center_crop_pad,
}
