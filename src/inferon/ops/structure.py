"""Where values come from: inputs and constants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inferon.errors import InvalidGraph
from inferon.ir.shape import Tensor
from inferon.ir.types import Element, Float
from inferon.ir.values import Array, Values
from inferon.ops.base import Primitive, require


@dataclass(frozen=True, slots=True)
class Input(Primitive):
    """A value that the caller hands over, under a name."""

    name: str
    type: Tensor

    def infer(self, *inputs: Tensor) -> Tensor:
        require(not inputs, "an input has no inputs")
        return self.type

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        raise InvalidGraph(f"input {self.name} was given no value", rule="interpret")


@dataclass(frozen=True, slots=True)
class Const(Primitive):
    """A value that is the same for every event."""

    values: Values
    element: Element

    def infer(self, *inputs: Tensor) -> Tensor:
        require(not inputs, "a constant has no inputs")
        self.values.check(self.element)
        return Tensor(self.values.array.shape, self.element)

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        return self.values.array[None]

    def real(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        value = self.values.array[None]  # sums of constants are real numbers too
        return value.astype(np.float64) if isinstance(self.element, Float) else value
