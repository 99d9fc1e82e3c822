"""Convolutions and pools: windows over padded axes, then one product or one reduction.

Values are (C, S..), S.. being the spatial axes.  A window is a view, so nothing is copied; the
product contracts (C, K..), with the positions P.. as its rows and the output channels as its
columns: the right operand is then a constant matrix, and its rows fill SIMD lanes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import numpy as np

from inferon.ir.node import Node
from inferon.ir.shape import static
from inferon.ir.types import Bool, Fixed, Float
from inferon.ops import build as b
from inferon.ops.base import Composite, require

Sizes = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Conv(Composite):
    """``y[o, p] = sum over c, k of w[o, c, k] * x[c, p * stride - before + k * dilation]``.

    Inputs: x (C, S..), zero outside; w (O, C / groups, K..).  Value: (O, P..),
    without bias.  Group g of the output channels sees group g of the input channels.
    """

    strides: Sizes
    pads_before: Sizes
    pads_after: Sizes
    dilations: Sizes
    groups: int = 1

    def decompose(self, *inputs: Node) -> Node:
        x, w = inputs
        channels, *spatial = static(x.type.shape, "the input of a convolution")
        out, fan_in, *kernel = static(w.type.shape, "the weights of a convolution")
        require(len(kernel) == len(spatial), "{} does not fit {}", w.type, x.type)
        even = self.groups >= 1 and out % self.groups == 0 and fan_in * self.groups == channels
        require(even, "{} groups do not fit {} and {}", self.groups, x.type, w.type)
        padded = _padded(x, self.pads_before, self.pads_after, 0)
        views = _windows(padded, tuple(kernel), self.strides, self.dilations)
        positions = views.type.shape[1 : 1 + len(kernel)]
        grouped = b.reshape(views, (self.groups, fan_in, *views.type.shape[1:]))
        weights = b.reshape(w, (self.groups, out // self.groups, fan_in, *kernel))
        return b.reshape(self._product(grouped, weights), (out, *positions))

    def _product(self, views: Node, weights: Node) -> Node:
        """Multiply (G, C/G, P.., K..) and (G, O/G, C/G, K..) to (G, O/G, P..)."""
        rank = (views.type.rank - 2) // 2
        positions, kernel = range(2, 2 + rank), range(2 + rank, 2 + 2 * rank)
        if weights.type.shape[1] == 1:  # one channel a group: the positions have to fill the lanes
            columns = b.transpose(views, (0, 1, *kernel, *positions))
            return b.product(weights, columns, batch=1, contract=1 + rank)
        left = b.transpose(views, (0, *positions, 1, *kernel))
        right = b.transpose(weights, (0, *range(2, 3 + rank), 1))
        if self.groups == 1:
            left, right = b.squeeze(left, 0), b.squeeze(right, 0)
            result = b.expand(b.product(left, right, contract=1 + rank), 0)
        else:
            result = b.product(left, right, batch=1, contract=1 + rank)
        return b.transpose(result, (0, 1 + rank, *range(1, 1 + rank)))


@dataclass(frozen=True, slots=True)
class Pool(Composite):
    """Base of the pools over windows of (C, S..)."""

    kernel: Sizes
    strides: Sizes
    pads_before: Sizes
    pads_after: Sizes
    dilations: Sizes


@dataclass(frozen=True, slots=True)
class MaxPool(Pool):
    """The largest in each window; outside of the input nothing is; NaN stays."""

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        padded = _padded(x, self.pads_before, self.pads_after, _lowest(x))
        views = _windows(padded, self.kernel, self.strides, self.dilations)
        return b.reduce_max(views, range(x.type.rank, views.type.rank))


@dataclass(frozen=True, slots=True)
class AveragePool(Pool):
    """The mean of each window's elements of the input; with ``count_pad`` zeros outside count."""

    count_pad: bool = False

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        padded = _padded(x, self.pads_before, self.pads_after, 0)
        views = _windows(padded, self.kernel, self.strides, self.dilations)
        total = b.sum_(views, range(x.type.rank, views.type.rank))
        if self.count_pad or not any((*self.pads_before, *self.pads_after)):
            return b.div(total, float(math.prod(self.kernel)))
        counts = self._counts(static(x.type.shape[1:], "the input of a pool"))
        return b.div(total, b.constant(counts, x.type.element))

    def _counts(self, spatial: Sizes) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        """Return how many elements of the input each window holds."""
        pads = self.pads_before, self.pads_after
        axes = zip(spatial, self.kernel, self.strides, *pads, self.dilations, strict=True)
        inside = [_inside(*axis) for axis in axes]
        counts = [math.prod(each) for each in product(*inside)]
        return np.array(counts, np.float64).reshape([len(each) for each in inside])


def global_average(x: Node) -> Node:
    """Return the mean of each channel of (C, S..), with the spatial axes kept as 1."""
    return b.mean(x, range(1, x.type.rank), keep=True)


def global_max(x: Node) -> Node:
    """Return the largest of each channel of (C, S..), with the spatial axes kept as 1."""
    return b.reduce_max(x, range(1, x.type.rank), keep=True)


def _inside(
    length: int, kernel: int, stride: int, before: int, after: int, dilation: int
) -> list[int]:
    """Return for each position of one axis how many elements of the window are in the input."""
    starts = range(-before, length + after - dilation * (kernel - 1), stride)
    return [sum(0 <= s + k * dilation < length for k in range(kernel)) for s in starts]


def _padded(x: Node, before: Sizes, after: Sizes, fill: Node | int) -> Node:
    require(len(before) == len(after) == x.type.rank - 1, "{} needs other pads", x.type)
    for axis, (front, back) in enumerate(zip(before, after, strict=True), start=1):
        x = b.pad(x, axis, front, back, fill)
    return x


def _windows(x: Node, kernel: Sizes, strides: Sizes, dilations: Sizes) -> Node:
    """Return (C, P.., K..)."""
    fits = len(kernel) == len(strides) == len(dilations) == x.type.rank - 1
    require(fits, "{} needs {} sizes, strides and dilations", x.type, x.type.rank - 1)
    axes = enumerate(zip(kernel, strides, dilations, strict=True), start=1)
    for axis, (size, stride, dilation) in axes:
        x = b.window(x, axis, size, stride, dilation)
    return x


def _lowest(x: Node) -> Node:
    """Return the value that never is the largest."""
    element = x.type.element
    require(not isinstance(element, Bool), "takes numbers, not {}", element)
    assert not isinstance(element, Bool)
    lowest = -math.inf if isinstance(element, Float) else element.lowest
    if isinstance(element, Fixed):
        return b.constant(np.array(lowest), element)
    return b.constant_like(b.input_("like", (), element), lowest)
