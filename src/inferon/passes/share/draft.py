"""An adder graph while it grows: each value with its coefficients, its ends and its depth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from inferon.passes.share.cost import Interval, adder_luts
from inferon.passes.share.graph import Adder, AdderGraph, Array, InputRange, Operand

_SAFE = 1 << 62
"""Sums of products below this size are right in int64."""


class Term(NamedTuple):
    """``sign * value * 2**shift`` with a sign of 1 or -1."""

    value: int
    shift: int
    sign: int


class Draft:
    """Values by number, inputs first; adders are appended and never change."""

    def __init__(self, inputs: Sequence[InputRange], largest: int) -> None:
        """Start without adders; no coefficient will be larger than `largest`."""
        self.inputs = tuple(inputs)
        self._largest = largest
        size = max((max(abs(each.low), abs(each.high)) for each in inputs), default=0)
        kind = np.int64 if 4 * largest * (size + 1) * len(inputs) < _SAFE else object
        self._low = np.array([each.low for each in inputs], dtype=kind)
        self._high = np.array([each.high for each in inputs], dtype=kind)
        self._rows: list[Array] = list(np.eye(len(inputs), dtype=np.int64).astype(kind))
        self.ends: list[Interval] = [(each.low, each.high) for each in inputs]
        self.depths = [each.depth for each in inputs]
        self.adders: list[Adder] = []

    def empty(self) -> Draft:
        """Return a draft of the same inputs without adders."""
        return Draft(self.inputs, self._largest)

    def join(self, one: Term, other: Term) -> Term:
        """Append the adder of two terms and return its result.

        The result's sign is free, so that it is chosen: a difference subtracts the operand with
        the higher shift, which leaves the lower bits of the other one as they are.
        """
        base = min(one.shift, other.shift)
        minus = one.sign != other.sign
        swap = (one.shift, one.value) > (other.shift, other.value)
        left, right = (other, one) if swap else (one, other)
        self.adders.append(
            Adder(
                Operand(left.value, left.shift - base, False),
                Operand(right.value, right.shift - base, minus),
            )
        )
        row = self._scaled(left, base) + self._scaled(right, base) * (-1 if minus else 1)
        self._rows.append(row)
        one_end, other_end = row * self._low, row * self._high
        ends = np.minimum(one_end, other_end).sum(), np.maximum(one_end, other_end).sum()
        self.ends.append((int(ends[0]), int(ends[1])))
        self.depths.append(1 + max(self.depths[left.value], self.depths[right.value]))
        return Term(len(self.ends) - 1, base, left.sign)

    def _scaled(self, term: Term, base: int) -> Array:
        return self._rows[term.value] * (1 << (term.shift - base))

    def load(self, term: Term) -> int:
        """Return which part of a tree a term takes: ``2**D`` fit into one of depth ``D``."""
        return 1 << self.depths[term.value]

    def luts(self, one: Term, other: Term) -> int:
        """Return about what the adder of two terms costs: its result is not looked at."""
        left, right = (other, one) if one.shift > other.shift else (one, other)
        ends = self.ends[left.value], self.ends[right.value]
        minus = left.sign != right.sign
        return adder_luts(ends[0], left.shift, ends[1], right.shift, minus, None)

    def graph(self, outputs: Sequence[Term | None]) -> AdderGraph:
        """Return the graph with these outputs."""
        operands = tuple(
            each and Operand(each.value, each.shift, each.sign < 0) for each in outputs
        )
        return AdderGraph(self.inputs, tuple(self.adders), operands)
