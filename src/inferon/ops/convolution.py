"""Convolutions and pools: windows over padded axes, then one product or one reduction.

Values are (C, S..), S.. being the spatial axes.  A window is a view, so nothing is copied; the
product contracts (C, K..), with the positions P.. as its rows and the output channels as its
columns: the right operand is then a constant matrix, and its rows fill SIMD lanes.

A transposed convolution is a few convolutions, one for the output positions that see the same
taps: no zeros are multiplied, so the count of products is the smallest, and an infinity reaches
nothing but what the definition lets it reach.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from inferon.ir.node import Node
from inferon.ir.shape import static
from inferon.ir.types import Bool, Fixed, Float
from inferon.ops import build as b
from inferon.ops.base import Composite, require
from inferon.ops.elementary import Exp, Log

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
class Phase:
    """Neighboring output positions of one stride whose taps lie on the same inputs.

    Output ``stride * q + r`` of one axis, with r among ``residues``, is the sum over j of
    ``w[taps[r][j]] * x[q + first + j * dilation]``.
    """

    residues: int
    taps: tuple[Sizes, ...]
    first: int
    dilation: int

    @property
    def reach(self) -> int:
        """How many inputs lie between the first and the last tap, both counted."""
        return (len(self.taps[0]) - 1) * self.dilation + 1


def phases(kernel: int, stride: int, before: int, dilation: int) -> list[Phase]:
    """Return the phases of one axis of a transposed convolution, in order; some have no taps."""
    spread = dilation // math.gcd(stride, dilation)

    def taps(residue: int) -> tuple[int, Sizes]:
        """Return the place of the first input, and the taps from there on."""
        place = residue + before
        found = tuple(k for k in range(kernel) if (place - k * dilation) % stride == 0)[::-1]
        return ((place - found[0] * dilation) // stride if found else 0), found

    found = []
    for (first, _), run in groupby(map(taps, range(stride)), lambda each: (each[0], len(each[1]))):
        rows = tuple(row for _, row in run)
        found.append(Phase(len(rows), rows, first, spread))
    return found


@dataclass(frozen=True, slots=True)
class ConvTranspose(Composite):
    """``y[o, q] = sum over c, k of w[c, o, k] * x[c, p]``, ``q = p * stride - before + k * dil``.

    Inputs: x (C, S..); w (C, O / groups, K..).  Value: (O, Q..), without bias, with
    ``Q = (S - 1) * stride + dilation * (K - 1) + 1 - before - after + extra``.  Source:
    ConvTranspose of the ONNX standard, opset 22.
    """

    strides: Sizes
    pads_before: Sizes
    pads_after: Sizes
    extra: Sizes
    dilations: Sizes
    groups: int = 1

    def decompose(self, *inputs: Node) -> Node:
        x, w = inputs
        channels, *spatial = static(x.type.shape, "the input of a convolution")
        fan_in, columns, *kernel = static(w.type.shape, "the weights of a convolution")
        require(len(kernel) == len(spatial), "{} does not fit {}", w.type, x.type)
        even = self.groups >= 1 and fan_in == channels and channels % self.groups == 0
        require(even, "{} groups do not fit {} and {}", self.groups, x.type, w.type)
        sizes = self._sizes(tuple(spatial), tuple(kernel))
        grouped = b.reshape(w, (self.groups, channels // self.groups, columns, *kernel))
        forward = b.transpose(grouped, (0, 2, 1, *range(3, 3 + len(kernel))))
        out = self.groups * columns
        weights = b.reshape(forward, (out, channels // self.groups, *kernel))
        numbers = zip(kernel, self.strides, self.pads_before, self.dilations, strict=True)
        longest = zip(sizes, self.strides, strict=True)
        value = self._joined(x, weights, [phases(*each) for each in numbers], (), sizes)
        result = b.reshape(value, (out, *(-(-size // by) * by for size, by in longest)))
        for axis, size in enumerate(sizes, start=1):
            result = b.slice_(result, axis, 0, size)
        return result

    def _sizes(self, spatial: Sizes, kernel: Sizes) -> Sizes:
        axes = zip(spatial, kernel, self.strides, self.dilations, strict=True)
        whole = [(size - 1) * by + (k - 1) * gap + 1 for size, k, by, gap in axes]
        ends = zip(whole, self.pads_before, self.pads_after, self.extra, strict=True)
        sizes = tuple(size - front - back + more for size, front, back, more in ends)
        require(min(sizes) >= 1, "{} leaves the sizes {}", self, sizes)
        return sizes

    def _joined(
        self, x: Node, w: Node, axes: list[list[Phase]], chosen: tuple[Phase, ...], sizes: Sizes
    ) -> Node:
        """Return (O, Q0, stride0, Q1, stride1 ..) from the phases of the axes still to choose."""
        axis = len(chosen)
        if axis == len(axes):
            return self._phase(x, w, chosen, sizes)
        parts = [self._joined(x, w, axes, (*chosen, each), sizes) for each in axes[axis]]
        return b.concat(parts, 2 + 2 * axis)

    def _phase(self, x: Node, w: Node, chosen: tuple[Phase, ...], sizes: Sizes) -> Node:
        """Return (O, Q0, residues0, Q1, residues1 ..) of one phase for each axis."""
        rank, out = len(chosen), static(w.type.shape, "the weights of a convolution")[0]
        steps = [-(-size // by) for size, by in zip(sizes, self.strides, strict=True)]
        residues = [each.residues for each in chosen]
        if not all(each.taps[0] for each in chosen):
            nothing = b.constant_like(b.input_("like", (), x.type.element), 0)
            pairs = zip(steps, residues, strict=True)
            return b.broadcast(nothing, (out, *(size for pair in pairs for size in pair)))
        for axis, (phase, size) in enumerate(zip(chosen, steps, strict=True), start=1):
            x = _reached(x, axis, phase.first, size - 1 + phase.reach)
            w = b.gather(w, b.constant(np.array(phase.taps)), 2 * axis)
        spread = (0, *range(2, 2 + 2 * rank, 2), 1, *range(3, 3 + 2 * rank, 2))
        wide = b.transpose(w, spread)  # (O, residues.., C, taps..)
        several = b.reshape(wide, (out * math.prod(residues), *wide.type.shape[1 + rank :]))
        ones, none = (1,) * rank, (0,) * rank
        conv = Conv(ones, none, none, tuple(each.dilation for each in chosen), self.groups)
        value = b.reshape(b.apply(conv, x, several), (out, *residues, *steps))
        pairs_of_axes = zip(range(1 + rank, 1 + 2 * rank), range(1, 1 + rank), strict=True)
        return b.transpose(value, (0, *(axis for pair in pairs_of_axes for axis in pair)))


def _reached(x: Node, axis: int, first: int, size: int) -> Node:
    """Return elements ``first, first + 1, ...`` of an axis with zeros beyond both ends."""
    (length,) = static(x.type.shape[axis : axis + 1], "the input of a convolution")
    start, stop = max(0, first), min(length, first + size)
    if start >= stop:
        nothing = b.constant_like(b.input_("like", (), x.type.element), 0)
        return b.broadcast(nothing, (*x.type.shape[:axis], size, *x.type.shape[axis + 1 :]))
    inside = b.slice_(x, axis, start, stop - start)
    return b.pad(inside, axis, start - first, first + size - stop)


@dataclass(frozen=True, slots=True)
class Pool(Composite):
    """Base of the pools over windows of (C, S..)."""

    kernel: Sizes
    strides: Sizes
    pads_before: Sizes
    pads_after: Sizes
    dilations: Sizes

    def _windows(self, padded: Node) -> Node:
        return _windows(padded, self.kernel, self.strides, self.dilations)


@dataclass(frozen=True, slots=True)
class MaxPool(Pool):
    """The largest in each window; outside of the input nothing is; NaN stays."""

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        views = self._windows(_padded(x, self.pads_before, self.pads_after, _lowest(x)))
        return b.reduce_max(views, range(x.type.rank, views.type.rank))


@dataclass(frozen=True, slots=True)
class MaxPoolIndex(Pool):
    """Where the largest of each window is: its row-major place (i64) in S...

    Of equal values the first is taken, and a NaN counts as the largest; the padding never does.
    """

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        spatial = static(x.type.shape[1:], "the input of a pool")
        beyond = np.iinfo(np.int64).max
        places = b.constant(np.arange(math.prod(spatial)).reshape(1, *spatial))
        around = self.pads_before, self.pads_after
        views = self._windows(_padded(x, *around, _lowest(x)))
        where = self._windows(_padded(places, *around, beyond))
        window = tuple(range(x.type.rank, views.type.rank))
        largest = b.reduce_max(views, window)
        shape = (*largest.type.shape, *[1] * len(window))
        chosen = b.equal(views, b.reshape(largest, shape))
        if isinstance(x.type.element, Float):
            chosen = b.or_(chosen, b.not_(b.equal(views, views)))  # NaN differs from itself
        places_of_all = b.broadcast(where, views.type.shape)
        return b.reduce_min(b.select(chosen, places_of_all, beyond), window)


@dataclass(frozen=True, slots=True)
class AveragePool(Pool):
    """The mean of each window's elements of the input; with ``count_pad`` zeros outside count.

    Attributes
    ----------
    count_pad : the padding counts as elements
    beyond : of ``pads_after``, how many elements never count: they only complete the last window
    """

    count_pad: bool = False
    beyond: Sizes = ()

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        views = self._windows(_padded(x, self.pads_before, self.pads_after, 0))
        total = b.sum_(views, range(x.type.rank, views.type.rank))
        padded = any((*self.pads_before, *self.pads_after))
        if not padded or (self.count_pad and not any(self.beyond)):
            return b.div(total, float(math.prod(self.kernel)))
        counts = self._counts(static(x.type.shape[1:], "the input of a pool"))
        return b.div(total, b.constant(counts, x.type.element))

    def _counts(self, spatial: Sizes) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        """Return how many elements of each window count."""
        beyond = self.beyond or (0,) * len(spatial)
        axes = zip(
            *(spatial, self.kernel, self.strides, self.dilations),
            *(self.pads_before, self.pads_after, beyond),
            strict=True,
        )
        counts = np.ones((), np.float64)
        for size, kernel, stride, dilation, before, after, more in axes:
            low, high = (-before, size + after - more) if self.count_pad else (0, size)
            starts = np.arange(-before, size + after - dilation * (kernel - 1), stride)
            first, stop = (-((starts - end) // dilation) for end in (low, high))  # rounded up
            inside = np.clip(stop, 0, kernel) - np.clip(first, 0, kernel)
            counts = np.multiply.outer(counts, inside)
        return counts


@dataclass(frozen=True, slots=True)
class LpPool(Pool):
    """The p-norm of each window: the p-th root of the sum of ``abs(x)**p``; outside is 0."""

    p: int = 2

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        views = self._windows(_padded(x, self.pads_before, self.pads_after, 0))
        return p_norm(views, range(x.type.rank, views.type.rank), self.p)


def p_norm(x: Node, axes: Sequence[int], p: int, *, keep: bool = False) -> Node:
    """Return the p-th root of the sum of ``abs(x)**p`` over axes.

    The root is a square root as often as p can be halved, then ``exp(log(sum) / q)``.
    """
    require(p >= 1, "a norm of order {}", p)
    magnitude = b.absolute(x)
    total = b.sum_(_whole_power(magnitude, p), axes, keep=keep)
    while p % 2 == 0:
        total, p = b.sqrt(total), p // 2
    if p == 1:
        return total
    return b.apply(Exp(), b.div(b.apply(Log(), total), float(p)))


def _whole_power(x: Node, exponent: int) -> Node:
    if exponent == 1:
        return x
    half = _whole_power(x, exponent // 2)
    square = b.mul(half, half)
    return b.mul(square, x) if exponent % 2 else square


def global_average(x: Node) -> Node:
    """Return the mean of each channel of (C, S..), with the spatial axes kept as 1."""
    return b.mean(x, range(1, x.type.rank), keep=True)


def global_max(x: Node) -> Node:
    """Return the largest of each channel of (C, S..), with the spatial axes kept as 1."""
    return b.reduce_max(x, range(1, x.type.rank), keep=True)


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
