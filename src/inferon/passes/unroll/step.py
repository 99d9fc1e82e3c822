"""A tensor on its way to wires."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from inferon.errors import Gap, Unsupported
from inferon.ir.node import Node, Op
from inferon.ir.shape import static
from inferon.ir.types import Fixed
from inferon.ir.values import Array
from inferon.ops import logic
from inferon.ops.convert import Quantize
from inferon.ops.mantissa import Overflow, Rounding
from inferon.passes.unroll.adders import Adders
from inferon.passes.unroll.wiring import Wiring, constant


@dataclass(frozen=True, slots=True)
class Step:
    """A tensor that becomes wires, and what is known by then."""

    node: Node
    wires: Mapping[Node, Array]
    wiring: Wiring
    adders: Adders

    @property
    def inputs(self) -> list[Array]:
        """The wires of the operands."""
        return [self.wires[each] for each in self.node.inputs]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the result."""
        return static(self.node.type.shape, "firmware")

    def apply(self, op: Op, *wires: Node) -> Node:
        """Return one scalar."""
        return self.wiring.apply(op, *wires, origin=self.node.origin)

    def elementwise(self, op: Op, *arrays: Array) -> Array:
        """Return an operator on every element."""
        made = np.empty(arrays[0].size, object)
        for i, wires in enumerate(zip(*(array.flat for array in arrays), strict=True)):
            made[i] = self.apply(op, *wires)
        return made.reshape(arrays[0].shape)

    def bit(self, wire: Node, place: int) -> Node:
        """Return one bit of a whole number as a truth value, the lowest at place 0."""
        one = Quantize(Fixed(False, 1, place + 1), Rounding.FLOOR, Overflow.WRAP)
        return self.is_set(self.apply(one, wire))

    def is_set(self, bit: Node) -> Node:
        """Return whether a number of one bit is not zero."""
        zero = constant(0, bit.type.element)
        return self.apply(_LESS, zero, bit)

    def gap(self, what: str, hint: str = "") -> Unsupported:
        """Return the error that this operator has no wires."""
        return Unsupported([Gap(self.node.origin or self.node.op.spelling(), what, hint)])


_LESS = logic.Less()
