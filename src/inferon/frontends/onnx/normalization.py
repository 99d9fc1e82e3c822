"""Softmax and the normalizations."""

from __future__ import annotations

from math import prod

import numpy as np

from inferon.frontends.onnx.call import Call, Operator, Refused, Table, fixed_shape
from inferon.frontends.onnx.reductions import mean
from inferon.ir.node import Node
from inferon.ir.shape import Shape
from inferon.ir.values import storage
from inferon.ops import build as b
from inferon.ops.base import require
from inferon.ops.normalization import BatchNorm, LayerNorm, LogSoftmax, RmsNorm, Softmax


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


def _full(x: Node, shape: Shape, number: float, given: Node | None) -> Node:
    """Return a scale or bias of a shape; a constant number where none is given."""
    if given is not None:
        return b.broadcast(given, shape)
    return b.broadcast(b.constant(np.array(number, storage(x.type.element))), shape)


def _no_further_results(call: Call) -> None:
    if any(call.layer.outputs[1:]):
        raise Refused(f"the second result of {call.layer.op}", "the first result only")


def _layer_norm(call: Call) -> Node:
    call.only("stash_type", 1)
    _no_further_results(call)
    x = call.node(0)
    axis = call.axis(call.integer("axis", -1), x.type.rank)
    trailing = x.type.shape[axis:]
    scale = _full(x, trailing, 1.0, call.node(1))
    bias = _full(x, trailing, 0.0, call.node(2) if call.has(2) else None)
    return b.apply(LayerNorm(len(trailing), call.number("epsilon", 1e-5)), x, scale, bias)


def _rms_norm(call: Call) -> Node:
    call.only("stash_type", 1)
    x = call.node(0)
    axis = call.axis(call.integer("axis", -1), x.type.rank)
    trailing = x.type.shape[axis:]
    scale = _full(x, trailing, 1.0, call.node(1))
    return b.apply(RmsNorm(len(trailing), call.number("epsilon", 1e-5)), x, scale)


def _batch_norm(call: Call) -> Node:
    call.ignore("momentum", "spatial")
    if call.opset >= 14:
        call.only("training_mode", 0)
    _no_further_results(call)
    x = call.node(0)
    require(x.type.rank >= 2, "takes at least two axes")
    return b.apply(
        BatchNorm(1, call.number("epsilon", 1e-5)), x, *(call.node(i) for i in range(1, 5))
    )


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
    value = _normalized(x, tuple(range(2, x.type.rank)), call.number("epsilon", 1e-5))
    return _per_channel(value, call.node(1), call.node(2))


def _group_norm(call: Call) -> Node:
    call.only("stash_type", 1)
    x, scale, bias = call.node(0), call.node(1), call.node(2)
    sizes, groups = fixed_shape(x, "GroupNormalization"), call.integer("num_groups", 1)
    require(
        x.type.rank >= 3 and groups >= 1 and sizes[1] % groups == 0,
        "{} groups of {}",
        groups,
        x.type,
    )
    grouped = b.reshape(x, (sizes[0], groups, sizes[1] // groups, *sizes[2:]))
    axes = tuple(range(2, grouped.type.rank))
    value = b.reshape(_normalized(grouped, axes, call.number("epsilon", 1e-5)), x.type.shape)
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


TABLE: Table = {
    "Softmax": _softmax(Softmax),
    "LogSoftmax": _softmax(LogSoftmax),
    "LayerNormalization": _layer_norm,
    "RMSNormalization": _rms_norm,
    "BatchNormalization": _batch_norm,
    "InstanceNormalization": _instance_norm,
    "GroupNormalization": _group_norm,
    "LpNormalization": _lp_norm,
}
