"""Pools: the largest, the mean or a norm of each window, or of a whole image.

Channels do not see each other, so (N, C, S..) are N * C channels of one image.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from inferon.frontends.onnx.call import Call, Operator, Refused, Result, Table, fixed_shape
from inferon.frontends.onnx.limits import MAX_BATCH_ELEMENTS
from inferon.frontends.onnx.operators.reductions import mean
from inferon.frontends.onnx.operators.sliding import (
    Sizes,
    Sliding,
    image_sizes,
    kernel_attribute,
    sliding_over,
    stated_sliding,
)
from inferon.frontends.onnx.room import make_room
from inferon.ir.node import Node
from inferon.ir.values import storage
from inferon.ops import build as b
from inferon.ops.base import require
from inferon.ops.convolution import AveragePool, LpPool, MaxPool, MaxPoolIndex, Pool, p_norm


def _per_channel(op: Pool, x: Node) -> Node:
    count, channels, *sizes = fixed_shape(x, "a pool")
    value = b.apply(op, b.reshape(x, (count * channels, *sizes)))
    make_room((*value.type.shape, *op.kernel), "windows", MAX_BATCH_ELEMENTS)
    return b.reshape(value, (count, channels, *value.type.shape[1:]))


def _pool_sliding(call: Call) -> tuple[Sliding, Sizes]:
    """Return how the window slides, and what ``ceil_mode`` adds behind the padding.

    With ``auto_pad`` there is nothing to round (MaxPool-22).  A window that would begin in the
    padding behind the image is dropped.
    """
    sizes = image_sizes(call.node(0), call.layer.op)
    s = sliding_over(call, sizes, kernel_attribute(call))
    none = (0,) * len(sizes)
    if not call.integer("ceil_mode", 0) or call.text("auto_pad", "NOTSET") != "NOTSET":
        return s, none
    beyond = []
    axes = zip(sizes, s.strides, s.spans, s.before, s.after, strict=True)
    for size, stride, span, front, back in axes:
        room = size + front + back - span
        windows = -(-room // stride) + 1
        if (windows - 1) * stride >= size + front:
            windows -= 1
        beyond.append(max(0, (windows - 1) * stride - room))
    after = tuple(pad + more for pad, more in zip(s.after, beyond, strict=True))
    return replace(s, after=after), tuple(beyond)


def _max_pool(call: Call) -> Result:
    x = call.node(0)
    s, _ = _pool_sliding(call)
    numbers = s.kernel, s.strides, s.before, s.after, s.dilations
    value = _per_channel(MaxPool(*numbers), x)
    order = call.integer("storage_order", 0)
    if not any(call.layer.outputs[1:]):
        return value
    return value, _index(_per_channel(MaxPoolIndex(*numbers), x), x, order)


def _index(place: Node, x: Node, order: int) -> Node:
    """Return places in an image as places in (N, C, S..); ``order`` 1 counts columns first."""
    count, channels, *sizes = fixed_shape(x, "MaxPool")
    number = prod(sizes)
    if order:  # the fastest spatial axis is the first one
        columns = np.arange(number).reshape(sizes[::-1]).T.ravel()
        place = b.gather(b.constant(columns), place, 0)
    first = number * np.arange(count * channels)
    return b.add(place, b.constant(first.reshape(count, channels, *[1] * len(sizes))))


def _average_pool(call: Call) -> Node:
    s, beyond = _pool_sliding(call)
    counted = bool(call.integer("count_include_pad", 0))
    numbers = s.kernel, s.strides, s.before, s.after, s.dilations
    tail = beyond if counted and any(beyond) else ()
    return _per_channel(AveragePool(*numbers, counted, tail), call.node(0))


def _lp_pool(call: Call) -> Node:
    s, _ = _pool_sliding(call)
    op = LpPool(s.kernel, s.strides, s.before, s.after, s.dilations, _order(call))
    return _per_channel(op, call.node(0))


def _order(call: Call) -> int:
    p = call.integer("p", 2)
    if not 1 <= p <= _LARGEST_ORDER:
        raise Refused(f"a norm of order {p}", f"1 to {_LARGEST_ORDER}")
    return p


_LARGEST_ORDER = 16
"""Powers are products: of higher ones, small values lose everything in float32."""


def _global_pool(*, largest: bool) -> Operator:
    def operator(call: Call) -> Node:
        x = call.node(0)
        axes = tuple(range(2, x.type.rank))
        return b.reduce_max(x, axes, keep=True) if largest else mean(x, axes, True)

    return operator


def _global_lp_pool(call: Call) -> Node:
    x = call.node(0)
    return p_norm(x, range(2, x.type.rank), _order(call), keep=True)


def _max_unpool(call: Call) -> Node:
    """Write each value back to its place; the rest is 0.

    Places count in the image that the attributes describe; ``output_shape`` adds to its ends.
    """
    x, index = call.node(0), call.node(1)
    require(x.type.shape == index.type.shape, "{} and {} differ", x.type, index.type)
    pooled = image_sizes(x, "MaxUnpool")
    s = stated_sliding(call, kernel_attribute(call), len(pooled))
    axes = zip(pooled, s.strides, s.kernel, s.before, s.after, strict=True)
    sizes = [(size - 1) * by + k - low - high for size, by, k, low, high in axes]
    require(min(sizes) >= 1, "its pads leave an image of {}", sizes)
    shape = (*fixed_shape(x, "MaxUnpool")[:2], *sizes)
    zero = b.constant(np.zeros((), storage(x.type.element)), x.type.element)
    number = prod(fixed_shape(x, "MaxUnpool"))
    places, values = b.reshape(index, (number,)), b.reshape(x, (number,))
    nothing = b.broadcast(zero, (prod(shape),))
    value = b.reshape(b.scatter_(nothing, places, values, 0), shape)
    if call.has(2):
        wanted = call.numbers(2, "output shape")
        require(len(wanted) == len(shape), "{} has other axes than {}", wanted, value.type)
        for axis, (size, to) in enumerate(zip(sizes, wanted[2:], strict=True), start=2):
            require(to >= size, "an image of {} does not fit into {}", sizes, wanted)
            value = b.pad(value, axis, 0, to - size)
    return value


TABLE: Table = {
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "LpPool": _lp_pool,
    "GlobalAveragePool": _global_pool(largest=False),
    "GlobalMaxPool": _global_pool(largest=True),
    "GlobalLpPool": _global_lp_pool,
    "MaxUnpool": _max_unpool,
}
