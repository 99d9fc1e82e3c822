"""Tables: any unary function of a narrow fixed-point value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inferon.ir.shape import Tensor
from inferon.ir.types import Element, Fixed
from inferon.ir.values import Array, Values
from inferon.ops.base import Primitive, require, same

MAX_INDEX_BITS = 16
"""A table has at most 2**16 entries: past that, narrow the value or split the function first."""


@dataclass(frozen=True, slots=True)
class Table(Primitive):
    """The entry of each value; entry 0 belongs to the lowest mantissa of the input's type."""

    entries: Values
    element: Element

    def infer(self, *inputs: Tensor) -> Tensor:
        value = same(inputs, 1)
        require(isinstance(value.element, Fixed), "takes fixed point, not {}", value.element)
        assert isinstance(value.element, Fixed)
        width = value.element.width
        require(width <= MAX_INDEX_BITS, "an index of {} bits is above the bound of 16", width)
        size = self.entries.array.shape
        require(
            size == (1 << width,),
            "an input of {} bits needs {} entries, not {}",
            width,
            1 << width,
            size,
        )
        self.entries.check(self.element)
        return Tensor(value.shape, self.element)

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        source = types[0].element
        assert isinstance(source, Fixed)
        return np.asarray(self.entries.array[args[0] - source.lowest])
