"""The result: inputs, adders in order, and which value each output is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inferon.passes.share.cost import Interval, adder_luts

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class InputRange:
    """The whole numbers that an input takes, and how late it comes.

    Attributes
    ----------
    low, high : the ends, both included
    depth : adders in front of it
    """

    low: int
    high: int
    depth: int = 0

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"an input from {self.low} to {self.high} takes no value")
        if self.depth < 0:
            raise ValueError(f"{self.depth} adders in front of an input: give 0 or more")


@dataclass(frozen=True, slots=True)
class Operand:
    """An earlier value times ``2**shift``, with a sign.

    Attributes
    ----------
    value : inputs count from 0, adders follow in their order
    shift : 0 or more
    negative : whether the value is subtracted
    """

    value: int
    shift: int
    negative: bool


@dataclass(frozen=True, slots=True)
class Adder:
    """The sum of two operands; only the right one is ever negative."""

    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class AdderGraph:
    """A product with a constant matrix, as adders.

    Attributes
    ----------
    inputs : what each input takes
    adders : in an order in which each needs earlier values only
    outputs : a shifted value, perhaps to be negated; None is zero
    """

    inputs: tuple[InputRange, ...]
    adders: tuple[Adder, ...]
    outputs: tuple[Operand | None, ...]

    def evaluate(self, x: Array) -> Array:
        """Return the product, exactly, as Python's whole numbers.

        Parameters
        ----------
        x : (inputs,) or (inputs, events)
        """
        values = list(np.asarray(x).astype(object))
        for adder in self.adders:
            values.append(_of(values, adder.left) + _of(values, adder.right))
        zero = np.zeros(np.shape(x)[1:], dtype=object)
        outputs = [zero if each is None else _of(values, each) for each in self.outputs]
        return np.array(outputs, dtype=object).reshape(len(outputs), *np.shape(x)[1:])

    def intervals(self) -> tuple[Interval, ...]:
        """Return the ends of every value, inputs first: both ends are reached."""
        return tuple(zip(*self._ends(), strict=True)) if self.inputs else ()

    def _ends(self) -> tuple[list[int], list[int]]:
        unit = [
            tuple(int(i == j) for i in range(len(self.inputs))) for j in range(len(self.inputs))
        ]
        rows = [np.array(row, dtype=object) for row in unit]
        for adder in self.adders:
            rows.append(_of(rows, adder.left) + _of(rows, adder.right))
        low = np.array([each.low for each in self.inputs], dtype=object)
        high = np.array([each.high for each in self.inputs], dtype=object)
        lows = [int(np.minimum(row * low, row * high).sum()) for row in rows]
        highs = [int(np.maximum(row * low, row * high).sum()) for row in rows]
        return lows, highs

    def depths(self) -> tuple[int, ...]:
        """Return how many adders lie on the longest way to each value, inputs first."""
        depths = [each.depth for each in self.inputs]
        for adder in self.adders:
            depths.append(1 + max(depths[adder.left.value], depths[adder.right.value]))
        return tuple(depths)

    @property
    def depth(self) -> int:
        """The longest way to an output, in adders; 0 where every output is zero."""
        depths = self.depths()
        return max((depths[each.value] for each in self.outputs if each), default=0)

    @property
    def luts(self) -> int:
        """Look-up tables of all adders, by the model of `inferon.passes.share.cost`."""
        return sum(self.adder_luts())

    def adder_luts(self) -> Iterator[int]:
        """Yield the look-up tables of each adder."""
        ends = self.intervals()
        results = ends[len(self.inputs) :]
        for adder, result in zip(self.adders, results, strict=True):
            left, right = adder.left, adder.right
            yield adder_luts(
                ends[left.value],
                left.shift,
                ends[right.value],
                right.shift,
                right.negative,
                result,
            )


def _of(values: list[Any], operand: Operand) -> Any:
    scaled = values[operand.value] * (1 << operand.shift)
    return -scaled if operand.negative else scaled
