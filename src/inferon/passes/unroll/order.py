"""Sorting: comparator networks that carry each element's index.

A comparator orders two *keys*: the element with its index behind its lowest bit, so that no two
keys are equal, the lower index wins among equal elements, and one comparison does both::

    smallest first: key = element & index          largest first: key = element & ~index

The network is Batcher's odd-even merge sort [K. E. Batcher, Sorting networks and their
applications, AFIPS 1968], without the comparators that the first k places do not need: for k = 1
what is left is a tree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from inferon.ir.node import Node
from inferon.ir.types import Fixed
from inferon.ir.values import Array
from inferon.ops import arithmetic
from inferon.ops.convert import Quantize
from inferon.ops.indexing import TopK
from inferon.ops.mantissa import Overflow, Rounding
from inferon.passes.unroll.lower import lower
from inferon.passes.unroll.step import Step
from inferon.passes.unroll.wiring import constant, fixed, number

Comparator = tuple[int, int]
"""Two places; the better key goes to the first."""


def comparators(size: int, first: int) -> tuple[Comparator, ...]:
    """Return the network that brings the ``first`` best of ``size`` keys to the first places."""
    needed, kept = set(range(first)), []
    for a, b in reversed(list(_merge_sort(size))):
        if a in needed or b in needed:
            needed |= {a, b}
            kept.append((a, b))
    return tuple(reversed(kept))


def _merge_sort(size: int) -> Iterator[Comparator]:
    """Yield Batcher's comparators; places behind the last stand for keys that never move."""
    run = 1
    while run < size:
        distance = run
        while distance:
            for start in range(distance % run, size - distance, 2 * distance):
                for a in range(start, min(start + distance, size - distance)):
                    if a // (2 * run) == (a + distance) // (2 * run):
                        yield a, a + distance
            distance //= 2
        run *= 2


@dataclass(frozen=True, slots=True)
class Ranking:
    """Keys in order.

    Attributes
    ----------
    keys : the best ones, the best first
    fraction : of the elements; what a key has behind it is the index
    index_bits : how many bits that is
    largest : whether the index is inverted
    """

    keys: tuple[Node, ...]
    fraction: int
    index_bits: int
    largest: bool

    def indices(self, step: Step) -> list[Node]:
        """Return the index of each key."""
        bits = self.index_bits
        if not bits:
            return [number(0) for _ in self.keys]
        low = Quantize(Fixed(False, bits, -self.fraction), Rounding.FLOOR, Overflow.WRAP)
        found = []
        for key in self.keys:
            index = step.wiring.shifted(step.apply(low, key), self.fraction + bits)
            inverse = number((1 << bits) - 1)
            found.append(step.apply(_SUB, inverse, index) if self.largest else index)
        return found

    def elements(self, step: Step) -> list[Node]:
        """Return the element of each key."""
        return [self._element(key, step) for key in self.keys]

    def _element(self, key: Node, step: Step) -> Node:
        """Return a key without the index behind it; one with an index of zero may have none."""
        index_bits = fixed(key).fraction - self.fraction
        if index_bits <= 0:
            return key
        low, high = (end >> index_bits for end in step.wiring.interval(key))
        return step.apply(Quantize(Fixed.holding(low, high, self.fraction)), key)


def ranked(op: TopK, wires: Sequence[Node], step: Step) -> Ranking:
    """Return the best of some wires."""
    bits = (len(wires) - 1).bit_length()
    fraction = max(fixed(each).fraction for each in wires)
    last = (1 << bits) - 1 if op.largest else 0
    keys = list(wires)
    for i in range(len(keys) if bits else 0):
        index = constant(last ^ i, Fixed(False, bits, -fraction))
        keys[i] = step.apply(_ADD, keys[i], index)
    better, worse = (_MAX, _MIN) if op.largest else (_MIN, _MAX)
    for a, b in comparators(len(keys), op.k):
        keys[a], keys[b] = (step.apply(each, keys[a], keys[b]) for each in (better, worse))
    return Ranking(tuple(keys[: op.k]), fraction, bits, op.largest)


_ADD, _SUB, _MAX, _MIN = arithmetic.Add(), arithmetic.Sub(), arithmetic.Max(), arithmetic.Min()


@lower.register
def _top_k(op: TopK, step: Step) -> Array:
    (wires,) = step.inputs
    rows = wires.reshape(-1, wires.shape[-1])
    made = np.empty((len(rows), op.k), object)
    for i, row in enumerate(rows):
        made[i] = ranked(op, list(row), step).indices(step)
    return made.reshape(step.shape)


def sorted_elements(op: TopK, wires: Array, step: Step) -> Array:
    """Return what gathering with the indices of a sort gives: the keys hold it already."""
    rows = wires.reshape(-1, wires.shape[-1])
    made = np.empty((len(rows), op.k), object)
    for i, row in enumerate(rows):
        made[i] = ranked(op, list(row), step).elements(step)
    return made.reshape(step.shape)
