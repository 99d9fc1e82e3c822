"""Adder graphs as wires: how a solved product with a constant matrix is built."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from inferon.ir.node import Node
from inferon.ir.values import Array
from inferon.ops import arithmetic
from inferon.passes.share import AdderGraph, InputRange, Operand, share
from inferon.passes.unroll.wiring import Wiring, number


@dataclass(frozen=True, slots=True)
class Sharing:
    """How products with constant matrices become adders.

    Attributes
    ----------
    extra_depth : adders that an output may be deeper than it must; None is for least area
    """

    extra_depth: int | None = 2


@dataclass(slots=True)
class Adders:
    """Builds products of whole numbers, and remembers how each matrix was solved."""

    wiring: Wiring
    sharing: Sharing
    _solved: dict[object, AdderGraph] = field(default_factory=dict)

    def sums(
        self, matrix: Array, leaves: Sequence[Node], constants: Sequence[int], origin: str
    ) -> list[Node]:
        """Return ``matrix`` times whole numbers plus constants, one wire for each row."""
        added = [row for row, value in enumerate(constants) if value]
        unit = np.eye(len(constants), dtype=int).astype(object)[:, added]
        whole = np.concatenate([matrix, unit], axis=1)
        wires = [*leaves, *(number(constants[row]) for row in added)]
        ranges = tuple(InputRange(*self.wiring.interval(leaf)) for leaf in wires)
        graph = self._solution(whole, ranges)
        for adder in graph.adders:
            wires.append(self._added(adder.left, adder.right, wires, origin))
        return [self._taken(each, wires, origin) for each in graph.outputs]

    def _solution(self, matrix: Array, ranges: tuple[InputRange, ...]) -> AdderGraph:
        key = (matrix.shape, tuple(matrix.flat), ranges)
        if key not in self._solved:
            self._solved[key] = share(matrix, ranges, self.sharing.extra_depth)
        return self._solved[key]

    def _added(self, left: Operand, right: Operand, wires: list[Node], origin: str) -> Node:
        """Return the sum or difference of two operands."""
        a, b = (self.wiring.shifted(wires[each.value], each.shift) for each in (left, right))
        return self.wiring.apply(_SUB if right.negative else _ADD, a, b, origin=origin)

    def _taken(self, output: Operand | None, wires: list[Node], origin: str) -> Node:
        if output is None:
            return number(0)
        wire = wires[output.value]
        if output.negative:
            wire = self._negated(wire, origin)
        return self.wiring.shifted(wire, output.shift)

    def _negated(self, wire: Node, origin: str) -> Node:
        """Return ``-wire``: a difference is turned round."""
        if wire.op == _SUB:
            return self.wiring.apply(_SUB, *wire.inputs[::-1], origin=origin)
        return self.wiring.apply(_NEG, wire, origin=origin)


_ADD, _SUB, _NEG = arithmetic.Add(), arithmetic.Sub(), arithmetic.Neg()
