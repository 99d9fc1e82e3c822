"""Convolution and pooling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from inferon.errors import InvalidModel
from inferon.frontends.onnx.call import Call, Operator, Refused, Table, fixed_shape
from inferon.frontends.onnx.reductions import mean
from inferon.ir.node import Node
from inferon.ops import build as b
from inferon.ops.base import require
from inferon.ops.convolution import AveragePool, Conv, MaxPool

MAX_IMAGES = 256
"""Images in one value: each becomes a convolution of its own; more make a program too long."""


def each_image(x: Node, function: Callable[[Node], Node]) -> Node:
    """Return the function of each element of axis 0, stacked."""
    images = x.type.shape[0]
    if not isinstance(images, int) or images > MAX_IMAGES:
        raise Refused(
            f"{images} images in one event",
            f"at most {MAX_IMAGES}, or the batch as the leading axis",
        )
    parts = [b.expand(function(b.squeeze(b.slice_(x, 0, i, 1), 0)), 0) for i in range(images)]
    return b.concat(parts, 0)


@dataclass(frozen=True, slots=True)
class Sliding:
    """How a kernel slides over the spatial axes."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    dilations: tuple[int, ...]


def _sliding(call: Call, x: Node, kernel: tuple[int, ...]) -> Sliding:
    """Return the attributes that Conv and the poolings share."""
    sizes = fixed_shape(x, call.layer.op)[2:]
    axes = len(sizes)
    if not 1 <= axes <= 2:
        raise Refused(f"{call.layer.op} over {axes} axes", "one or two spatial axes")
    strides = call.integers("strides") or (1,) * axes
    dilations = call.integers("dilations") or (1,) * axes
    pads = call.integers("pads") or (0,) * (2 * axes)
    lengths = (len(kernel), len(strides), len(dilations), len(pads))
    positive = min((*kernel, *strides, *dilations)) >= 1 and min(pads) >= 0
    require(
        lengths == (axes, axes, axes, 2 * axes) and positive,
        "its kernel, strides or pads do not fit {}",
        x.type,
    )
    sliding = Sliding(kernel, strides, pads[:axes], pads[axes:], dilations)
    return _automatic(call, sliding, sizes)


def _automatic(call: Call, s: Sliding, sizes: tuple[int, ...]) -> Sliding:
    mode = call.text("auto_pad", "NOTSET")
    if mode == "NOTSET":
        return s
    zero = (0,) * len(sizes)
    if mode == "VALID":
        return Sliding(s.kernel, s.strides, zero, zero, s.dilations)
    if mode not in ("SAME_UPPER", "SAME_LOWER"):
        raise InvalidModel(f"layer {call.layer.label}: auto_pad is {mode!r}")
    wanted = [-(-size // stride) for size, stride in zip(sizes, s.strides, strict=True)]
    spans = [(k - 1) * d + 1 for k, d in zip(s.kernel, s.dilations, strict=True)]
    total = [
        max(0, (n - 1) * stride + span - size)
        for n, stride, span, size in zip(wanted, s.strides, spans, sizes, strict=True)
    ]
    small, large = tuple(t // 2 for t in total), tuple(t - t // 2 for t in total)
    before, after = (small, large) if mode == "SAME_UPPER" else (large, small)
    return Sliding(s.kernel, s.strides, before, after, s.dilations)


def _conv(call: Call) -> Node:
    x, w = call.node(0), call.node(1)
    require(
        x.type.rank >= 3 and w.type.rank == x.type.rank, "{} and {} do not fit", x.type, w.type
    )
    kernel = fixed_shape(w, "Conv")[2:]
    stated = call.integers("kernel_shape")
    require(
        stated is None or stated == kernel,
        "kernel_shape {} differs from the weights {}",
        stated,
        w.type,
    )
    s = _sliding(call, x, kernel)
    op = Conv(s.strides, s.before, s.after, s.dilations, call.integer("group", 1))
    value = each_image(x, lambda image: b.apply(op, image, w))
    if not call.has(2):
        return value
    return b.add(value, b.reshape(call.node(2), (w.type.shape[0], *[1] * len(kernel))))


def _kernel(call: Call) -> tuple[int, ...]:
    kernel = call.integers("kernel_shape")
    if not kernel:
        raise InvalidModel(f"layer {call.layer.label}: {call.layer.op} has no kernel_shape")
    return kernel


def _rounded_up(call: Call, s: Sliding, sizes: tuple[int, ...]) -> Sliding:
    """Lengthen the padding so that ``ceil_mode`` finds its last window.

    A window that would begin in the padding behind the image is dropped.
    """
    if not call.integer("ceil_mode", 0):
        return s
    after = []
    for axis, size in enumerate(sizes):
        span = (s.kernel[axis] - 1) * s.dilations[axis] + 1
        room = size + s.before[axis] + s.after[axis] - span
        windows = -(-room // s.strides[axis]) + 1
        if (windows - 1) * s.strides[axis] >= size + s.before[axis]:
            windows -= 1
        after.append(s.after[axis] + max(0, (windows - 1) * s.strides[axis] - room))
    return Sliding(s.kernel, s.strides, s.before, tuple(after), s.dilations)


def _max_pool(call: Call) -> Node:
    call.only("storage_order", 0)
    if any(call.layer.outputs[1:]):
        raise Refused("the indices of MaxPool", "the values only")
    x = call.node(0)
    require(x.type.rank >= 3, "takes images, not {}", x.type)
    s = _rounded_up(call, _sliding(call, x, _kernel(call)), fixed_shape(x, "MaxPool")[2:])
    op = MaxPool(s.kernel, s.strides, s.before, s.after, s.dilations)
    return each_image(x, lambda image: b.apply(op, image))


def _average_pool(call: Call) -> Node:
    x = call.node(0)
    require(x.type.rank >= 3, "takes images, not {}", x.type)
    plain = _sliding(call, x, _kernel(call))
    s = _rounded_up(call, plain, fixed_shape(x, "AveragePool")[2:])
    counted = bool(call.integer("count_include_pad", 0))
    if counted and s != plain:
        raise Refused("AveragePool with ceil_mode and count_include_pad", "ceil_mode=0")
    op = AveragePool(s.kernel, s.strides, s.before, s.after, s.dilations, counted)
    return each_image(x, lambda image: b.apply(op, image))


def _global_pool(*, largest: bool) -> Operator:
    def operator(call: Call) -> Node:
        x = call.node(0)
        axes = tuple(range(2, x.type.rank))
        return b.reduce_max(x, axes, keep=True) if largest else mean(x, axes, True)

    return operator


TABLE: Table = {
    "Conv": _conv,
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "GlobalAveragePool": _global_pool(largest=False),
    "GlobalMaxPool": _global_pool(largest=True),
}
