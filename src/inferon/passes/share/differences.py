"""Rows as what they add to another row, where that is shorter.

Among many rows of few bits some are near each other.  A minimum spanning tree over all rows, whose
lengths are signed digits, finds them (Gustafsson 2007); what is left of each row is shared as
usual.  Within a depth bound a row may only lean on one that is ready early enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inferon.passes.share.graph import Array
from inferon.passes.share.patterns import Row, load

_MOST = 1 << 58
"""Three times the difference of two numbers below this fits int64."""

_ONES = np.array([byte.bit_count() for byte in range(256)], dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Lean:
    """The row that another one starts from, and with which sign."""

    row: int
    sign: int


@dataclass(frozen=True, slots=True)
class Plan:
    """How to sum the rows.

    Attributes
    ----------
    rows : what each row adds to the one that it leans on
    leans : None where a row stands alone
    order : every row after the one that it leans on
    bounds : the depth that each row must not exceed; None for any
    """

    rows: list[Row]
    leans: list[Lean | None]
    order: list[int]
    bounds: list[int] | None

    def room(self, depths: Sequence[int]) -> list[int] | None:
        """Return what each row leaves of its tree, in parts of an input without depth."""
        bounds = self.bounds
        if bounds is None:
            return None
        return [
            (1 << bounds[row]) - load(terms, depths) - ((1 << bounds[lean.row]) if lean else 0)
            for row, (terms, lean) in enumerate(zip(self.rows, self.leans, strict=True))
        ]


def alone(rows: list[Row], bound: int | None) -> Plan:
    """Return the plan in which every row stands alone."""
    bounds = None if bound is None else [bound] * len(rows)
    return Plan([dict(row) for row in rows], [None] * len(rows), list(range(len(rows))), bounds)


def differences(rows: list[Row], depths: Sequence[int], bound: int | None) -> Plan | None:
    """Return the plan of the least digits, or None where rows are as short alone.

    Parameters
    ----------
    rows : coefficients of inputs
    depths : of the inputs
    bound : the depth that no row exceeds, or None
    """
    if any(abs(number) >= _MOST for row in rows for number in row.values()):
        return None
    tree = _Tree(rows, depths, bound)
    return tree.plan() if any(tree.leans) else None


class _Tree:
    """Prim's algorithm: the row that is cheapest to add to the tree comes next."""

    def __init__(self, rows: list[Row], depths: Sequence[int], bound: int | None) -> None:
        self._matrix = _dense(rows, len(depths))
        self._depths = depths
        self._bound = bound
        self.leans: list[Lean | None] = [None] * len(rows)
        self._rows = [dict(row) for row in rows]
        self._least = [_least_depth(load(row, depths)) for row in rows]
        self._cost = _weights(self._matrix)
        self._order: list[int] = []
        waiting = list(range(len(rows)))
        while waiting:
            row = min(waiting, key=lambda each: (self._cost[each], each))
            waiting.remove(row)
            self._order.append(row)
            self._offer(row, waiting)

    def _offer(self, row: int, waiting: list[int]) -> None:
        """Let each waiting row lean on this one if that saves digits and is in time."""
        if not waiting:
            return
        for sign in (1, -1):
            rest = self._matrix[waiting] - sign * self._matrix[row]
            costs = _weights(rest)
            for place, other in enumerate(waiting):
                cost = costs[place] + 1
                if cost >= self._cost[other]:
                    continue
                left = {
                    value: number for value, number in enumerate(rest[place].tolist()) if number
                }
                least = _least_depth(load(left, self._depths) + (1 << self._least[row]))
                if self._bound is None or least <= self._bound:
                    self._cost[other], self._least[other] = cost, least
                    self._rows[other], self.leans[other] = left, Lean(row, sign)

    def plan(self) -> Plan:
        return Plan(self._rows, self.leans, self._order, self._bounds())

    def _bounds(self) -> list[int] | None:
        """Return when each row has to be ready: those that lean on it wait for it."""
        if self._bound is None:
            return None
        bounds = [self._bound] * len(self._rows)
        for row in reversed(self._order):
            lean = self.leans[row]
            if lean:
                left = (1 << bounds[row]) - load(self._rows[row], self._depths)
                bounds[lean.row] = min(bounds[lean.row], left.bit_length() - 1)
        return bounds


def _least_depth(parts: int) -> int:
    return max(0, parts - 1).bit_length()


def _dense(rows: list[Row], columns: int) -> Array:
    matrix = np.zeros((len(rows), columns), dtype=np.int64)
    for row, line in zip(rows, matrix, strict=True):
        for value, number in row.items():
            line[value] = number
    return matrix


def _weights(matrix: Array) -> list[int]:
    """Return the signed digits of each row: the bits in which a number and its triple differ."""
    size = np.abs(matrix)
    octets = np.ascontiguousarray((3 * size) ^ size).view(np.uint8)
    return [int(count) for count in _ONES[octets].sum(axis=1, dtype=np.int64)]
