"""Normalizations: softmax, and the shifts and scales by a mean and a variance.

A variance is the mean of the squared distances from the mean, never the difference of two means,
which cancels.  Where a row shares one divisor, its reciprocal is taken once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inferon.ir.node import Node
from inferon.ops import build as b
from inferon.ops.base import Composite, require
from inferon.ops.elementary import Decay, Log


@dataclass(frozen=True, slots=True)
class Softmax(Composite):
    """``exp(x - max) / sum(exp(x - max))`` over one axis."""

    axis: int

    def decompose(self, *inputs: Node) -> Node:
        return b.div(*self.parts(*inputs))

    def parts(self, x: Node) -> tuple[Node, Node]:
        """Return dividend and divisor: the powers, and their sum with the axis as size 1."""
        power = b.apply(Decay(), _below_largest(x, self.axis))
        return power, b.sum_(power, [self.axis], keep=True)


@dataclass(frozen=True, slots=True)
class LogSoftmax(Composite):
    """``x - max - log(sum(exp(x - max)))`` over one axis."""

    axis: int

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        below = _below_largest(x, self.axis)
        total = b.sum_(b.apply(Decay(), below), [self.axis], keep=True)
        return b.sub(below, b.apply(Log(), total))


@dataclass(frozen=True, slots=True)
class LayerNorm(Composite):
    """``(x - mean) / sqrt(variance + epsilon) * scale + bias`` over the last ``axes`` axes.

    Inputs: x, scale, and maybe bias; the last two have the shape of those axes or broadcast to it.
    """

    axes: int = 1
    epsilon: float = 1e-5

    def decompose(self, *inputs: Node) -> Node:
        x, scale, *bias = inputs
        normal = _standardized(x, _last(x, self.axes), self.epsilon)
        return b.fma(normal, scale, bias[0]) if bias else b.mul(normal, scale)


@dataclass(frozen=True, slots=True)
class RmsNorm(Composite):
    """``x / sqrt(mean(x**2) + epsilon) * scale`` over the last ``axes`` axes.

    Inputs: x, scale.
    """

    axes: int = 1
    epsilon: float = 1e-5

    def decompose(self, *inputs: Node) -> Node:
        x, scale = inputs
        square = b.mean(b.mul(x, x), _last(x, self.axes), keep=True)
        return b.mul(b.mul(x, _inverse_root(square, self.epsilon)), scale)


@dataclass(frozen=True, slots=True)
class BatchNorm(Composite):
    """``x * factor + offset`` with ``factor = scale / sqrt(variance + epsilon)``.

    Inputs: x, and the vectors scale, bias, mean and variance along ``axis``; ``offset = bias -
    mean * factor``.  Factor and offset are constants of a trained model: one fma an element.
    """

    axis: int = 0
    epsilon: float = 1e-5

    def decompose(self, *inputs: Node) -> Node:
        x, scale, bias, mean, variance = inputs
        factor = b.div(scale, b.sqrt(b.add(variance, self.epsilon)))
        offset = b.sub(bias, b.mul(mean, factor))
        return b.fma(x, along(factor, self.axis, x), along(offset, self.axis, x))


@dataclass(frozen=True, slots=True)
class InstanceNorm(Composite):
    """Each channel by its own mean and variance.  Inputs: x (C, S..), scale (C), bias (C)."""

    epsilon: float = 1e-5

    def decompose(self, *inputs: Node) -> Node:
        x, scale, bias = inputs
        normal = _standardized(x, range(1, x.type.rank), self.epsilon)
        return b.fma(normal, along(scale, 0, x), along(bias, 0, x))


@dataclass(frozen=True, slots=True)
class GroupNorm(Composite):
    """Groups of channels by their mean and variance.  Inputs: x (C, S..), scale, bias (C)."""

    groups: int
    epsilon: float = 1e-5

    def decompose(self, *inputs: Node) -> Node:
        x, scale, bias = inputs
        channels, *spatial = x.type.shape
        require(isinstance(channels, int), "the channels of {} have a run-time size", x.type)
        assert isinstance(channels, int)
        even = self.groups >= 1 and channels % self.groups == 0
        require(even, "{} groups do not divide {} channels", self.groups, channels)
        grouped = b.reshape(x, (self.groups, channels // self.groups, *spatial))
        normal = _standardized(grouped, range(1, grouped.type.rank), self.epsilon)
        return b.fma(b.reshape(normal, x.type.shape), along(scale, 0, x), along(bias, 0, x))


def along(vector: Node, axis: int, like: Node) -> Node:
    """Return a vector as a tensor that broadcasts to ``like`` and varies along one of its axes."""
    require(vector.type.rank == 1, "{} is no vector", vector.type)
    require(0 <= axis < like.type.rank, "{} has no axis {}", like.type, axis)
    fits = vector.type.shape[0] == like.type.shape[axis]
    require(fits, "{} does not fit axis {} of {}", vector.type, axis, like.type)
    return b.reshape(vector, (*vector.type.shape, *[1] * (like.type.rank - axis - 1)))


def _last(x: Node, axes: int) -> range:
    require(1 <= axes <= x.type.rank, "{} does not have {} axes to normalize", x.type, axes)
    return range(x.type.rank - axes, x.type.rank)


def _below_largest(x: Node, axis: int) -> Node:
    """Return ``x - max``; a NaN stays where it is: the sum of powers takes it to all elements."""
    require(0 <= axis < x.type.rank, "{} has no axis {}", x.type, axis)
    return b.sub(x, b.largest_number(x, [axis], keep=True))


def _standardized(x: Node, axes: Sequence[int], epsilon: float) -> Node:
    """Return ``(x - mean) / sqrt(variance + epsilon)``."""
    centered = b.sub(x, b.mean(x, axes, keep=True))
    variance = b.mean(b.mul(centered, centered), axes, keep=True)
    return b.mul(centered, _inverse_root(variance, epsilon))


def _inverse_root(x: Node, epsilon: float) -> Node:
    return b.div(1.0, b.sqrt(b.add(x, epsilon)))
