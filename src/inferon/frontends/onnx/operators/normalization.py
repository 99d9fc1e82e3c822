"""Softmax and the normalizations."""

from __future__ import annotations

from math import prod

import numpy as np

from inferon.frontends.onnx.call import Call, Operator, Refused, Result, Table, fixed_shape
from inferon.frontends.onnx.operators.reductions import mean
from inferon.frontends.onnx.room import make_room
from inferon.ir.node import Node
from inferon.ir.shape import Shape
from inferon.ir.types import FLOAT32, FLOAT64, Element
from inferon.ops import build as b
from inferon.ops.base import require
from inferon.ops.elementary import Exp, Log
from inferon.ops.normalization import BatchNorm, LayerNorm, LogSoftmax, RmsNorm, Softmax

_EPSILON, _MOMENTUM, _NEIGHBORS_WEIGH = (float(np.float32(each)) for each in (1e-5, 0.9, 1e-4))
"""Defaults of the standard, as the float32 that an attribute is: it matters to float64."""


def _softmax(kind: type[Softmax] | type[LogSoftmax]) -> Operator:
    def operator(call: Call) -> Node:
        x = call.node(0)
        if call.opset >= 13:
            axis = call.axis(call.integer("axis", -1), x.type.rank)
            return b.apply(kind(axis), x)
        axis = call.axis(
            call.integer("axis", 1), x.type.rank
        )  # until opset 12: all axes from this one on
        if axis == x.type.rank - 1:
            return b.apply(kind(axis), x)
        sizes = fixed_shape(x, call.layer.op)
        flat = b.reshape(x, (prod(sizes[:axis]), prod(sizes[axis:])))
        return b.reshape(b.apply(kind(1), flat), x.type.shape)

    return operator


def _stage(call: Call) -> Element:
    """Return the precision of the statistics; what is half as wide is computed in float32."""
    number = call.integer("stash_type", 1)
    if number not in _STAGES:
        raise Refused(f"{call.layer.op} with stash_type={number}", "stash_type=1")
    return _STAGES[number]


_STAGES: dict[int, Element] = {1: FLOAT32, 10: FLOAT32, 11: FLOAT64, 16: FLOAT32}
"""ONNX data types of ``stash_type``."""


def _inverse_deviation(centered: Node, axes: tuple[int, ...], epsilon: float) -> Node:
    variance = mean(b.mul(centered, centered), axes, True)
    return b.div(1.0, b.sqrt(b.add(variance, epsilon)))


def _trailing_axes(call: Call, x: Node) -> tuple[int, ...]:
    return tuple(range(call.axis(call.integer("axis", -1), x.type.rank), x.type.rank))


def _layer_norm(call: Call) -> Result:
    """Return the normalized values, the means, and the inverse standard deviations."""
    x, epsilon = call.node(0), call.number("epsilon", _EPSILON)
    axes = _trailing_axes(call, x)
    wide = b.cast(x, _stage(call))
    middle = mean(wide, axes, True)
    inverse = _inverse_deviation(b.sub(wide, middle), axes, epsilon)
    given = [call.node(i) for i in (1, 2) if call.has(i)]
    trailing = x.type.shape[axes[0] :]
    if wide is x and all(_fits(each, trailing) for each in given):
        given = [b.broadcast(each, trailing) for each in given]
        return b.apply(LayerNorm(len(axes), epsilon), x, *given), middle, inverse
    scale, *bias = given
    y = b.mul(b.cast(b.mul(b.sub(wide, middle), inverse), x.type.element), scale)
    return b.add(y, bias[0]) if bias else y, middle, inverse


def _fits(x: Node, trailing: Shape) -> bool:
    """Return whether a scale or bias is the same for all rows."""
    return x.type.rank <= len(trailing)


def _rms_norm(call: Call) -> Node:
    x, scale, epsilon = call.node(0), call.node(1), call.number("epsilon", _EPSILON)
    axes = _trailing_axes(call, x)
    trailing = x.type.shape[axes[0] :]
    wide = b.cast(x, _stage(call))
    if wide is x and scale.type.element == x.type.element and _fits(scale, trailing):
        return b.apply(RmsNorm(len(axes), epsilon), x, b.broadcast(scale, trailing))
    root = b.sqrt(b.add(mean(b.mul(wide, wide), axes, True), epsilon))
    normal = b.cast(b.cast(b.div(wide, root), x.type.element), scale.type.element)
    return b.mul(normal, scale)


def _batch_norm(call: Call) -> Result:
    call.ignore("spatial")
    x = call.node(0)
    flat = x if x.type.rank > 1 else b.expand(x, 1)  # a vector has one channel
    statistics = [b.cast(call.node(i), x.type.element) for i in range(1, 5)]
    epsilon, momentum = call.number("epsilon", _EPSILON), call.number("momentum", _MOMENTUM)
    if call.opset < 14 or not call.integer("training_mode", 0):
        _no_further_results(call)
        return b.reshape(b.apply(BatchNorm(1, epsilon), flat, *statistics), x.type.shape)
    scale, bias, *running = statistics
    axes = tuple(axis for axis in range(flat.type.rank) if axis != 1)
    middle = mean(flat, axes, True)
    centered = b.sub(flat, middle)
    variance = mean(b.mul(centered, centered), axes, True)
    current = [b.reshape(each, scale.type.shape) for each in (middle, variance)]
    normal = b.div(centered, b.sqrt(b.add(variance, epsilon)))
    moved = (
        b.cast(b.add(b.mul(old, momentum), b.mul(new, 1.0 - momentum)), call.node(i).type.element)
        for i, old, new in zip((3, 4), running, current, strict=True)
    )
    return b.reshape(_per_channel(normal, scale, bias), x.type.shape), *moved


def _no_further_results(call: Call) -> None:
    if any(call.layer.outputs[1:]):
        raise Refused(f"the second result of {call.layer.op}", "the first result only")


def _normalized(x: Node, axes: tuple[int, ...], epsilon: float) -> Node:
    """Return (x - mean) / sqrt(variance + epsilon) over axes."""
    centered = b.sub(x, mean(x, axes, True))
    variance = mean(b.mul(centered, centered), axes, True)
    return b.div(centered, b.sqrt(b.add(variance, epsilon)))


def _per_channel(x: Node, scale: Node, bias: Node) -> Node:
    shape = (x.type.shape[1], *[1] * (x.type.rank - 2))
    return b.add(b.mul(x, b.reshape(scale, shape)), b.reshape(bias, shape))


def _instance_norm(call: Call) -> Node:
    x = call.node(0)
    require(x.type.rank >= 3, "takes at least three axes")
    value = _normalized(x, tuple(range(2, x.type.rank)), call.number("epsilon", _EPSILON))
    return _per_channel(value, call.node(1), call.node(2))


def _group_norm(call: Call) -> Node:
    x, scale, bias = call.node(0), call.node(1), call.node(2)
    sizes, groups = fixed_shape(x, "GroupNormalization"), call.integer("num_groups", 1)
    fits = x.type.rank >= 2 and groups >= 1 and sizes[1] % groups == 0
    require(fits, "{} groups of {}", groups, x.type)
    wide = b.cast(x, _stage(call)) if call.opset >= 21 else x
    grouped = b.reshape(wide, (sizes[0], groups, sizes[1] // groups, *sizes[2:]))
    axes = tuple(range(2, grouped.type.rank))
    value = b.reshape(_normalized(grouped, axes, call.number("epsilon", _EPSILON)), x.type.shape)
    value = b.cast(value, x.type.element)
    if call.opset < 21:  # scale and bias were for each group
        scale, bias = (_spread(each, sizes[1] // groups) for each in (scale, bias))
    return _per_channel(value, scale, bias)


def _spread(x: Node, times: int) -> Node:
    groups = x.type.shape[0]
    wide = b.broadcast(b.expand(x, 1), (groups, times))
    return b.reshape(wide, (prod(fixed_shape(wide, "GroupNormalization")),))


def _lp_norm(call: Call) -> Node:
    x = call.node(0)
    axis = call.axis(call.integer("axis", -1), x.type.rank)
    call.only("p", 2, 1)
    first = call.integer("p", 2) == 1
    norm = b.sum_(b.absolute(x) if first else b.mul(x, x), [axis], keep=True)
    norm = norm if first else b.sqrt(norm)
    return b.div(x, b.select(b.equal(norm, 0.0), 1.0, norm))  # zeros stay zeros


_MEAN_VARIANCE_EPSILON = 1e-9
"""What the standard's function body of MeanVarianceNormalization adds to the deviation."""


def _mean_variance_norm(call: Call) -> Node:
    x = call.node(0)
    axes = call.axes(call.integers("axes") or (0, 2, 3), x.type.rank)
    centered = b.sub(x, mean(x, axes, True))
    deviation = b.sqrt(mean(b.mul(centered, centered), axes, True))
    return b.div(centered, b.add(deviation, _MEAN_VARIANCE_EPSILON))


def _local_response_norm(call: Call) -> Node:
    """Divide by a power of the sum of squares over neighboring channels (Krizhevsky 2012, 3.3)."""
    x, size = call.node(0), call.integer("size", 0)
    require(x.type.rank >= 2 and size >= 1, "{} channels of {}", size, x.type)
    most = fixed_shape(x, "LRN")[1] - 1  # there are no more channels on either side
    before, behind = min((size - 1) // 2, most), min(size // 2, most)
    make_room((*x.type.shape, before + 1 + behind), "neighbors")
    padded = b.pad(b.mul(x, x), 1, before, behind, 0.0)
    total = b.sum_(b.window(padded, 1, before + 1 + behind), [x.type.rank])
    base = b.add(
        b.mul(total, call.number("alpha", _NEIGHBORS_WEIGH) / size), call.number("bias", 1.0)
    )
    return b.div(x, _power(base, call.number("beta", 0.75)))


def _power(base: Node, exponent: float) -> Node:
    """Return a power of a positive number; roots where it is a number of quarters up to 1."""
    root = b.sqrt(base)
    roots = {0.25: b.sqrt(root), 0.5: root, 0.75: b.mul(root, b.sqrt(root)), 1.0: base}
    return roots.get(exponent) or b.apply(Exp(), b.mul(b.apply(Log(), base), exponent))


TABLE: Table = {
    "Softmax": _softmax(Softmax),
    "LogSoftmax": _softmax(LogSoftmax),
    "LayerNormalization": _layer_norm,
    "RMSNormalization": _rms_norm,
    "BatchNormalization": _batch_norm,
    "InstanceNormalization": _instance_norm,
    "GroupNormalization": _group_norm,
    "LpNormalization": _lp_norm,
    "MeanVarianceNormalization": _mean_variance_norm,
    "LRN": _local_response_norm,
}
