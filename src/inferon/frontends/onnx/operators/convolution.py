"""Convolution, forward and transposed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod

from inferon.frontends.onnx.call import Call, Refused, Table
from inferon.frontends.onnx.operators.sliding import (
    Sizes,
    Sliding,
    check_size,
    halves,
    image_sizes,
    kernel_of_weights,
    padding_mode,
    sliding_over,
    stated_sliding,
)
from inferon.ir.node import Node
from inferon.ops import build as b
from inferon.ops.base import require
from inferon.ops.convolution import Conv, ConvTranspose, phases

_ALONE, _NOTHING = (1,), (0,)
"""Stride, dilation or kernel of an axis that a kernel does not cover, and its padding."""


def over_images(x: Node, w: Node, apply: Callable[[Node, Node, Sizes, Sizes], Node]) -> Node:
    """Return a convolution of images (N, C, S..).

    One image loses its axis; of several, N becomes a spatial axis, over which the kernel has size
    1, so that all of them are rows of one product.

    Parameters
    ----------
    x, w : images, and weights of rank 2 + len(S)
    apply : the convolution of (C, S..), given the numbers 1 and 0 to put before those of S..
    """
    if x.type.shape[0] == 1:
        return b.expand(apply(b.squeeze(x, 0), w, (), ()), 0)
    order = (1, 0, *range(2, x.type.rank))
    value = apply(b.transpose(x, order), b.expand(w, 2), _ALONE, _NOTHING)
    return b.transpose(value, order)


def biased(value: Node, bias: Node) -> Node:
    """Add one number for each channel of (N, C, S..)."""
    channels = value.type.shape[1]
    require(bias.type.shape == (channels,), "the bias {} does not fit {}", bias.type, value.type)
    return b.add(value, b.reshape(bias, (channels, *[1] * (value.type.rank - 2))))


def _checked(x: Node, w: Node) -> tuple[Node, Node]:
    fits = x.type.rank >= 3 and w.type.rank == x.type.rank
    require(fits, "{} and {} do not fit", x.type, w.type)
    return x, w


def _conv(call: Call) -> Node:
    value = convolved(call, call.node(0), call.node(1))
    return biased(value, call.node(2)) if call.has(2) else value


def convolved(call: Call, x: Node, w: Node) -> Node:
    """Return a convolution by the attributes of a layer, without its bias."""
    x, w = _checked(x, w)
    s = sliding_over(call, image_sizes(x, "Conv"), kernel_of_weights(call, w))
    groups = call.integer("group", 1)

    def of_image(image: Node, weights: Node, one: Sizes, none: Sizes) -> Node:
        pads = (*none, *s.before), (*none, *s.after)
        op = Conv((*one, *s.strides), *pads, (*one, *s.dilations), groups)
        return b.apply(op, image, weights)

    return over_images(x, w, of_image)


def _conv_transpose(call: Call) -> Node:
    x, w = _checked(call.node(0), call.node(1))
    s, extra = _widening(call, image_sizes(x, "ConvTranspose"), kernel_of_weights(call, w))
    _check_phases(s)
    groups = call.integer("group", 1)

    def of_image(image: Node, weights: Node, one: Sizes, none: Sizes) -> Node:
        pads = (*none, *s.before), (*none, *s.after), (*none, *extra)
        op = ConvTranspose((*one, *s.strides), *pads, (*one, *s.dilations), groups)
        return b.apply(op, image, weights)

    value = over_images(x, w, of_image)
    return biased(value, call.node(2)) if call.has(2) else value


def _widening(call: Call, sizes: Sizes, kernel: Sizes) -> tuple[Sliding, Sizes]:
    """Return how the kernel slides, and what is added behind the result.

    ``output_shape`` and ``auto_pad`` only say how much is cut off on each side (ConvTranspose-22).
    """
    s = stated_sliding(call, kernel, len(sizes))
    check_size([size * by for size, by in zip(sizes, s.strides, strict=True)])
    extra = call.integers("output_padding") or (0,) * len(sizes)
    wanted = call.integers("output_shape")
    mode = padding_mode(call)
    fits = len(extra) == len(sizes) == len(wanted or sizes)
    require(fits and min(extra) >= 0, "output_padding {} or output_shape {}", extra, wanted)
    if mode == "VALID" and wanted is None:
        zero = (0,) * len(sizes)
        return replace(s, before=zero, after=zero), extra
    if mode == "NOTSET" and wanted is None:
        return s, extra
    if wanted is None:
        wanted = tuple(size * stride for size, stride in zip(sizes, s.strides, strict=True))
    numbers = zip(sizes, s.strides, s.spans, extra, wanted, strict=True)
    cut = tuple((size - 1) * by + span + more - to for size, by, span, more, to in numbers)
    before, after = halves(tuple(max(0, each) for each in cut), mode)
    longer = tuple(more + max(0, -each) for more, each in zip(extra, cut, strict=True))
    return replace(s, before=before, after=after), longer


MAX_STRIDE = 1024
"""Each position of a stride may see taps of its own: they are listed at import."""

MAX_PHASES = 256
"""Each set of taps is a convolution of its own; more make a program too long."""


def _check_phases(s: Sliding) -> None:
    """Refuse strides that split a transposed convolution into too many convolutions."""
    if max(s.strides) > MAX_STRIDE:
        raise Refused(f"a stride of {max(s.strides)}", f"at most {MAX_STRIDE}")
    axes = zip(s.kernel, s.strides, s.before, s.dilations, strict=True)
    number = prod(len(phases(*each)) for each in axes)
    if number > MAX_PHASES:
        raise Refused(f"a ConvTranspose of {number} phases", "a dilation of 1")


TABLE: Table = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
}
