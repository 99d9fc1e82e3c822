"""Quantization as training frameworks write it: values on a grid, carried by floats.

``(clip(round(x / scale + zero), low, high) - zero) * scale``.  These composites say that a value
lies on a grid; `inferon.passes.exact` turns the grid into fixed point.  Front-ends leave them
unfolded, also on constants, because a folded weight no longer says which grid it came from.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from inferon.ir.node import Node
from inferon.ir.types import INT32, Int
from inferon.ops import build as b
from inferon.ops.base import Composite, require


class ToWhole(Enum):
    """How a number becomes a whole one."""

    HALF_EVEN = "nearest, ties to even"
    HALF_UP = "nearest, ties toward plus infinity"
    HALF_AWAY = "nearest, ties away from zero"
    HALF_TOWARD_ZERO = "nearest, ties toward zero"
    FLOOR = "toward minus infinity"
    CEIL = "toward plus infinity"
    TOWARD_ZERO = "toward zero"
    AWAY = "away from zero"


@dataclass(frozen=True, slots=True)
class Whole(Composite):
    """A float rounded to a whole number; NaN and infinities stay."""

    mode: ToWhole = ToWhole.HALF_EVEN

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        match self.mode:
            case ToWhole.HALF_EVEN:
                return b.round_even(x)
            case ToWhole.HALF_UP:
                return _half_up(x)
            case ToWhole.FLOOR:
                return b.floor(x)
            case ToWhole.CEIL:
                return _ceil(x)
            case ToWhole.TOWARD_ZERO:
                return b.select(b.less(x, 0.0), _ceil(x), b.floor(x))
            case ToWhole.AWAY:
                return b.select(b.less(x, 0.0), b.floor(x), _ceil(x))
            case _:
                return self._nearest(x)

    def _nearest(self, x: Node) -> Node:
        """Round the magnitude: what lies behind its point is exact, so 0.49999997 stays below."""
        size = b.absolute(x)
        whole = b.floor(size)
        rest = b.sub(size, whole)
        up = b.less_equal(0.5, rest) if self.mode is ToWhole.HALF_AWAY else b.less(0.5, rest)
        nearest = b.add(whole, b.select(up, b.constant_like(x, 1.0), 0.0))
        return b.select(b.less(x, 0.0), b.neg(nearest), nearest)


def _half_up(x: Node) -> Node:
    """Round the rest above the floor: ``floor(x + 0.5)`` would round the sum first."""
    whole = b.floor(x)
    up = b.less_equal(0.5, b.sub(x, whole))
    return b.add(whole, b.select(up, b.constant_like(x, 1.0), 0.0))


def _ceil(x: Node) -> Node:
    return b.neg(b.floor(b.neg(x)))


@dataclass(frozen=True, slots=True)
class OnGrid(Composite):
    """Base of the operators whose value is a whole number times a scale."""


@dataclass(frozen=True, slots=True)
class Dequantize(OnGrid):
    """``(q - zero) * scale``: ONNX DequantizeLinear; the difference is exact.

    Inputs: q and zero, ints of one type; scale, a float.  All have one shape.
    """

    def decompose(self, *inputs: Node) -> Node:
        q, scale, zero = inputs
        require(isinstance(q.type.element, Int), "takes ints, not {}", q.type)
        steps = b.sub(_wide(q), _wide(zero))
        return b.mul(b.cast(steps, scale.type.element), scale)


def _wide(x: Node) -> Node:
    """Return ints of 32 bits or more, in which the difference of two narrow ones is exact."""
    element = x.type.element
    return b.cast(x, INT32) if isinstance(element, Int) and element.bits < 32 else x


@dataclass(frozen=True, slots=True)
class IntQuant(OnGrid):
    """``(clip(whole(x / scale + zero), low, high) - zero) * scale``: QONNX IntQuant.

    QONNX cuts before it rounds.  The ends are whole numbers, so either order gives the same.
    Inputs: x, scale, zero, low, high; floats of one shape.
    """

    mode: ToWhole = ToWhole.HALF_EVEN

    def decompose(self, *inputs: Node) -> Node:
        x, scale, zero, low, high = inputs
        whole = b.apply(Whole(self.mode), b.add(b.div(x, scale), zero))
        inside = b.minimum(b.maximum(whole, low), high)
        return b.mul(b.sub(inside, zero), scale)


@dataclass(frozen=True, slots=True)
class BipolarQuant(OnGrid):
    """``x >= 0 ? scale : -scale``: QONNX BipolarQuant."""

    def decompose(self, *inputs: Node) -> Node:
        x, scale = inputs
        one = b.constant_like(x, 1.0)
        return b.mul(b.select(b.less_equal(0.0, x), one, -1.0), scale)
