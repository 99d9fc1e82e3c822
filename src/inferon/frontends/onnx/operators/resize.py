"""Resize and Upsample: axis by axis, each element a mean of a few of the original."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import reduce
from math import floor

import numpy as np

from inferon.errors import InvalidModel
from inferon.frontends.onnx.call import Call, Refused, Table, fixed_shape, is_float
from inferon.frontends.onnx.operators.interpolation import (
    COORDINATES,
    HALF,
    ROUNDINGS,
    Axis,
    Filter,
    coordinates,
    meant,
    nearest,
    outside,
    taps,
)
from inferon.frontends.onnx.operators.picking import picked
from inferon.frontends.onnx.operators.sliding import check_size
from inferon.ir.node import Node
from inferon.ir.shape import Dim
from inferon.ir.types import FLOAT32
from inferon.ir.values import Array
from inferon.ops import build as b
from inferon.ops.base import require

Axes = dict[int, Axis]


def _resize(call: Call) -> Node:
    mode = _choice(call, "mode", ("nearest", "linear", "cubic"))
    if call.opset < 11:  # Resize-10 and Upsample have no coordinates to choose
        axes = _scaled(call.node(0), _all_axes(call), _scales(call, 1))
        return _interpolated(call.node(0), axes, mode, "asymmetric", "floor", Filter())
    where = _choice(call, "coordinate_transformation_mode", COORDINATES)
    rounding = _choice(call, "nearest_mode", ROUNDINGS)
    a = float(meant(call.number("cubic_coeff_a", -0.75)))
    antialias = bool(call.integer("antialias", 0))
    excluded = bool(call.integer("exclude_outside", 0))
    beyond = call.number("extrapolation_value", 0.0)
    how = Filter(a if mode == "cubic" else None, antialias, excluded)
    axes = _axes(call, where)
    value = _interpolated(call.node(0), axes, mode, where, rounding, how)
    if where == "tf_crop_and_resize":
        value = _extrapolated(value, axes, where, beyond)
    return value


def _upsample(call: Call) -> Node:
    mode = _choice(call, "mode", ("nearest", "linear"))
    if call.opset < 9:
        scales = call.given("scales")
        numbers = scales if isinstance(scales, tuple) else ()
        fractions = [meant(each) for each in numbers]
    else:
        fractions = _scales(call, 1)
    axes = _scaled(call.node(0), _all_axes(call), fractions)
    return _interpolated(call.node(0), axes, mode, "asymmetric", "floor", Filter())


def _choice(call: Call, name: str, allowed: tuple[str, ...]) -> str:
    value = call.text(name, allowed[0])
    if value not in allowed:
        raise InvalidModel(f"layer {call.layer.label}: {name} is {value!r}")
    return value


# -------------------------------------------------------------------------------------- sizes


def _all_axes(call: Call) -> tuple[int, ...]:
    return tuple(range(call.node(0).type.rank))


def _scales(call: Call, position: int) -> list[Fraction]:
    scales = call.array(position, "scale").ravel()
    require(bool((np.isfinite(scales) & (scales > 0)).all()), "scales of {}", scales)
    return [meant(float(each)) for each in scales]


def _axes(call: Call, where: str) -> Axes:
    """Return the axes that are resized, from scales or sizes."""
    x = call.node(0)
    listed = call.integers("axes")
    chosen = _all_axes(call) if listed is None else listed
    chosen = tuple(call.axis(each, x.type.rank) for each in chosen)
    policy = _choice(call, "keep_aspect_ratio_policy", ("stretch", "not_larger", "not_smaller"))
    # an empty tensor stands for an input that is not given, as the first opsets had it
    if call.has(2) and call.node(2).type.shape != (0,):
        axes = _scaled(x, chosen, _scales(call, 2))
    else:
        axes = _sized(call, chosen, policy)
    if where != "tf_crop_and_resize":
        return axes
    roi = [meant(float(each)) for each in call.array(1, "region of interest").ravel()]
    require(len(roi) == 2 * len(chosen), "{} is no region of {} axes", roi, len(chosen))
    ends = zip(chosen, roi, roi[len(chosen) :], strict=False)
    regions = {axis: (start, end) for axis, start, end in ends}
    cropped = {}
    for axis, each in axes.items():
        start, end = regions[axis]
        size = each.size
        if call.has(2) and call.node(2).type.shape != (0,):
            size = floor(each.length * (end - start) * each.scale)
        cropped[axis] = replace(each, start=start, end=end, size=size)
    return cropped


def _scaled(x: Node, chosen: tuple[int, ...], scales: list[Fraction]) -> Axes:
    require(len(scales) == len(chosen), "{} scales for {} axes", len(scales), len(chosen))
    axes = {}
    for axis, scale in zip(chosen, scales, strict=True):
        length = x.type.shape[axis]
        if isinstance(length, Dim):
            if scale != 1:
                raise Refused(f"a Resize of the run-time size {length.name}", "a fixed size")
            continue
        axes[axis] = Axis(length, floor(length * scale), scale)
    return axes


def _sized(call: Call, chosen: tuple[int, ...], policy: str) -> Axes:
    x = call.node(0)
    sizes = call.sizes(3, "size")
    require(len(sizes) == len(chosen), "{} sizes for {} axes", len(sizes), len(chosen))
    pairs = {}
    for axis, size in zip(chosen, sizes, strict=True):
        length = x.type.shape[axis]
        if isinstance(length, Dim) or isinstance(size, Dim):
            if length != size:
                raise Refused(f"a Resize of the run-time size {length}", "a fixed size")
            continue
        require(length >= 1 and size >= 1, "{} is resized to {}", x.type, sizes)
        pairs[axis] = (length, size)
    ratios = {axis: Fraction(size, length) for axis, (length, size) in pairs.items()}
    if policy == "stretch" or not ratios:
        return {axis: Axis(*pairs[axis], ratios[axis]) for axis in pairs}
    common = min(ratios.values()) if policy == "not_larger" else max(ratios.values())
    return {
        axis: Axis(length, floor(common * length + HALF), common)
        for axis, (length, _) in pairs.items()
    }


# ------------------------------------------------------------------------------------- elements


def _interpolated(x: Node, axes: Axes, mode: str, where: str, rounding: str, how: Filter) -> Node:
    """Return every axis resized, the last one first."""
    element = x.type.element
    for each in axes.values():
        require(each.length >= 1 and each.size >= 1, "an axis of {} to {}", each.length, each.size)
    untouched = [
        size for i, size in enumerate(x.type.shape) if i not in axes and isinstance(size, int)
    ]
    check_size([*untouched, *(max(each.size, each.length) for each in axes.values())])
    if mode != "nearest" and not is_float(x):  # the standard leaves the rounding of ints open
        x = b.cast(x, FLOAT32)
    for axis in sorted(axes, reverse=True):
        at = coordinates(axes[axis], where)
        if mode == "nearest":
            x = picked(x, axis, nearest(axes[axis], at, rounding))
        else:
            x = weighted(x, axis, *taps(axes[axis], at, how))
    return b.cast(x, element)


MOST_TAPS = 4
"""Sums of up to so many terms are written out, as a chain of fma; longer ones are sums."""


def weighted(x: Node, axis: int, places: Array, weights: Array) -> Node:
    """Return sums of elements of an axis: ``sum over n of weights[i, n] * x[places[i, n]]``."""
    after = [1] * (x.type.rank - axis - 1)
    number = places.shape[1]
    if number > MOST_TAPS:
        check_size([*fixed_shape(x, "Resize")[:axis], *places.shape, *x.type.shape[axis + 1 :]])  # type: ignore[list-item]
        terms = b.gather(x, b.constant(places), axis)
        factors = b.constant(weights.reshape(*weights.shape, *after), x.type.element)
        return b.sum_(b.mul(terms, factors), [axis + 1])
    if number == 1 and (weights == 1.0).all():
        return picked(x, axis, places[:, 0])
    columns = [
        (
            picked(x, axis, places[:, n]),
            b.constant(weights[:, n].reshape(-1, *after), x.type.element),
        )
        for n in range(number)
    ]
    first, *others = columns
    return reduce(lambda total, each: b.fma(each[0], each[1], total), others, b.mul(*first))


def _extrapolated(x: Node, axes: Axes, where: str, value: float) -> Node:
    """Put a number where the coordinate of any axis lies outside of the original."""
    mask = np.zeros((1,) * x.type.rank, np.bool_)
    for axis, each in axes.items():
        shape = [1] * x.type.rank
        shape[axis] = each.size
        mask = mask | outside(each, coordinates(each, where)).reshape(shape)
    if not mask.any():
        return x
    return b.select(b.broadcast(b.constant(mask), x.type.shape), value, x)


TABLE: Table = {
    "Resize": _resize,
    "Upsample": _upsample,
}
