"""What a value of a quantized model is on its way to integers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inferon.ir.node import Node
from inferon.ir.types import Fixed
from inferon.ir.values import Array
from inferon.ops.quantization import ToWhole


class NotExact(Exception):
    """A layer that stays float: becomes a `Gap` with the layer's name."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Fixed-point numbers times a step: the value is ``node * step + offset``.

    Attributes
    ----------
    node : of fixed point
    step : float64 of the node's shape, above zero, without rounding wherever scales are float32
    low, high : bounds of ``node``, without the step
    offset : constants that were added and wait for their place; so those of a layer and of its
        normalization become one, and nothing between them is rounded
    """

    node: Node
    step: Array
    low: float
    high: float
    offset: Array | None = None

    @property
    def fixed(self) -> Fixed:
        """The type of the node."""
        element = self.node.type.element
        assert isinstance(element, Fixed)
        return element

    @property
    def resolution(self) -> float:
        """The distance of two values of the node."""
        return 2.0**-self.fixed.fraction

    @property
    def scale(self) -> float | None:
        """The step where it is the same for all elements, else None."""
        return uniform(self.step)


@dataclass(frozen=True, slots=True, eq=False)
class Rim:
    """A float made of inputs by movement and arithmetic with constants; not yet quantized."""

    node: Node


@dataclass(frozen=True, slots=True, eq=False)
class Pending:
    """A rounding that waits for its range: the ends are whole numbers, or None."""

    source: Grid | Rim
    mode: ToWhole
    low: Array | None = None
    high: Array | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """Constants of any element type."""

    array: Array


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A float function of a narrow fixed-point value, one entry for each value of its type."""

    index: Grid
    entries: Array


@dataclass(frozen=True, slots=True, eq=False)
class Plain:
    """Ints and truth values: exact as they are."""

    node: Node


@dataclass(frozen=True, slots=True, eq=False)
class Lost:
    """Behind a layer that stays float."""


Value = Grid | Rim | Pending | Numbers | Curve | Plain | Lost


def uniform(array: Array) -> float | None:
    """Return the one number of an array, or None where there are several."""
    if array.size == 0:
        return None
    first = array.reshape(-1)[0] if array.size == 1 else array.flat[0]
    return float(first) if bool(np.all(array == first)) else None


def is_power_of_two(number: float) -> bool:
    """Return whether a number is 2**k for a whole k."""
    return bool(np.isfinite(number)) and number > 0 and float(np.frexp(number)[0]) == 0.5
