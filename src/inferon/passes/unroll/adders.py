"""Adder graphs as wires: how a solved product with a constant matrix is built."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from inferon.analysis.interval import Interval
from inferon.errors import UsageError
from inferon.ir.node import Node
from inferon.ir.values import Array
from inferon.ops import arithmetic
from inferon.ops.structure import Const
from inferon.passes.share import AdderGraph, InputRange, Operand, share
from inferon.passes.unroll.wiring import Wiring, number


@dataclass(frozen=True, slots=True)
class Sharing:
    """How products become adders.

    Attributes
    ----------
    extra_depth : adders that an output of a constant matrix may be deeper than it must; None sets
        no bound. Depth costs clocks, and saves a percent or two of the tables
        (benchmarks/adder_sharing.py)
    multiplier_bits : a product of two wires is a multiplier, which synthesis puts into a DSP
        block, where both have so many bits, and adders where one has fewer. Yosys takes a block
        for products of 9 bits and more, which two wires of 5 bits have
    """

    extra_depth: int | None = 0
    multiplier_bits: int = 5

    def __post_init__(self) -> None:
        if self.extra_depth is not None and self.extra_depth < 0:
            raise UsageError(f"an extra depth of {self.extra_depth}: give 0 or more, or None")
        if self.multiplier_bits < 0:
            raise UsageError(f"multipliers from {self.multiplier_bits} bits on: give 0 or more")


@dataclass(slots=True)
class Adders:
    """Builds products of whole numbers, and remembers how each matrix was solved."""

    wiring: Wiring
    sharing: Sharing
    _solved: dict[object, tuple[AdderGraph, tuple[Interval, ...]]] = field(default_factory=dict)

    def sums(
        self, matrix: Array, leaves: Sequence[Node], constants: Sequence[int], origin: str
    ) -> list[Node]:
        """Return ``matrix`` times whole numbers plus constants, one wire for each row."""
        added = [row for row, value in enumerate(constants) if value]
        unit = np.eye(len(constants), dtype=int).astype(object)[:, added]
        whole = np.concatenate([matrix, unit], axis=1)
        wires = [*leaves, *(number(constants[row]) for row in added)]
        ranges = tuple(InputRange(*self.wiring.interval(leaf)) for leaf in wires)
        graph, intervals = self._solution(whole, ranges)
        for adder in graph.adders:
            wire = self._added(adder.left, adder.right, wires, origin)
            if not isinstance(wire.op, Const):
                self.wiring.intervals.learn(wire, intervals[len(wires)])
            wires.append(wire)
        return [self._taken(each, wires, origin) for each in graph.outputs]

    def _solution(
        self, matrix: Array, ranges: tuple[InputRange, ...]
    ) -> tuple[AdderGraph, tuple[Interval, ...]]:
        """Return an adder graph with the exact interval of each of its values."""
        key = (matrix.shape, tuple(matrix.flat), ranges)
        if key not in self._solved:
            graph = share(matrix, ranges, self.sharing.extra_depth)
            self._solved[key] = graph, graph.intervals()
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
