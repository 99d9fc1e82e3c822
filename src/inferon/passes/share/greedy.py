"""Greedy sharing: the pattern that saves most becomes a value of its own, again and again.

This is two-term common subexpression elimination (Hartley 1996; Hosangadi, Fallah and Kastner
2006), on coefficients in place of fixed digits.  A row of terms of depths ``d`` fits into a tree
of depth ``D`` exactly if the sum of ``2**d`` is at most ``2**D``; what is left of that is the
row's room, and a pattern of values of unequal depth takes some of it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import NamedTuple

from inferon.passes.share.digits import Digit, canonical, removable, removable_pairs, weight
from inferon.passes.share.draft import Draft, Term
from inferon.passes.share.patterns import Counts, Pattern, Row, pattern_of


class Place(NamedTuple):
    """Where a pattern occurs: the digit of its first value there."""

    row: int
    position: int
    sign: int


class Greedy:
    """The search: a draft, the rows that it still has to sum, and the patterns in them."""

    def __init__(self, draft: Draft, rows: list[Row], room: list[int] | None) -> None:
        """Start; rows are changed; `room` is that of each row, None for any depth."""
        self.draft = draft
        self.rows = rows
        self._counts = Counts(rows)
        self._room = room
        self._heap: list[tuple[int, int, int]] = []
        self._prices: dict[int, int] = {}

    def run(self) -> None:
        """Share until no pattern occurs twice."""
        for key in self._counts.repeated():
            self._push(key, self._counts.of(key))
        while self._heap:
            _, key, promised = heapq.heappop(self._heap)
            count = self._counts.of(key)
            if count < promised:
                self._push(key, count)
                continue
            pattern = pattern_of(key)
            places = list(self._places(pattern))
            if len(places) < promised and self._is_beaten(key, len(places)):
                self._push(key, len(places))
            elif len(places) > 1:
                for added in self._extract(pattern, places):
                    self._push(added, self._counts.of(added))

    def _entry(self, key: int, count: int) -> tuple[int, int, int]:
        """Return what the heap sorts by: most saved first, then the oldest values."""
        price = self._prices.get(key)
        if price is None:
            price = self._prices[key] = max(1, self.draft.luts(*_terms(*pattern_of(key))))
        return (1 - count) * price, key, count

    def _push(self, key: int, count: int) -> None:
        if count > 1:
            heapq.heappush(self._heap, self._entry(key, count))

    def _is_beaten(self, key: int, count: int) -> bool:
        return count < 2 or (bool(self._heap) and self._heap[0] < self._entry(key, count))

    def _places(self, pattern: Pattern) -> Iterator[Place]:
        """Yield places that do not exclude each other and for which their rows have room."""
        first, second, *_ = pattern
        users = self._counts.users
        taken = 0 if first == second else self._imbalance(first, second)
        for number in sorted(users[first] & users[second]):
            row = self.rows[number]
            most = None if self._room is None or not taken else self._room[number] // taken
            found = _within if first == second else _between
            for count, (position, sign) in enumerate(found(row, pattern)):
                if most is not None and count >= most:
                    break
                yield Place(number, position, sign)

    def _imbalance(self, first: int, second: int) -> int:
        depths = self.draft.depths
        return abs((1 << depths[first]) - (1 << depths[second]))

    def _extract(self, pattern: Pattern, places: list[Place]) -> dict[int, None]:
        """Make the pattern a value, put it in its places, and return the patterns that appear."""
        first, second, shift, minus = pattern
        one, other = _terms(first, second, shift, minus)
        total = self.draft.join(one, other)
        added: dict[int, None] = {}
        for number in sorted({place.row for place in places}):
            row = self.rows[number]
            new = {first: row[first], second: row[second], total.value: 0}
            for _, position, sign in (place for place in places if place.row == number):
                new[first] -= sign << position
                new[second] -= (-sign if minus else sign) << (position + shift)
                new[total.value] += (sign * total.sign) << (position - one.shift)
            for value, coefficient in new.items():
                added.update(dict.fromkeys(self._change(number, value, coefficient)))
        return added

    def _change(self, number: int, value: int, coefficient: int) -> list[int]:
        """Give a value another coefficient in a row, and keep the row's room."""
        if self._room is not None:
            gone = weight(self.rows[number].get(value, 0)) - weight(coefficient)
            self._room[number] += gone << self.draft.depths[value]
        return self._counts.change(number, value, coefficient)


def terms(row: Row) -> list[Term]:
    """Return the digits of a row."""
    return [
        Term(value, position, sign)
        for value, number in sorted(row.items())
        for position, sign in canonical(number)
    ]


def _terms(first: int, second: int, shift: int, minus: bool) -> tuple[Term, Term]:
    """Return both sides of a pattern, the lower one without a shift."""
    return Term(first, max(0, -shift), 1), Term(second, max(0, shift), -1 if minus else 1)


def _between(row: Row, pattern: Pattern) -> Iterator[Digit]:
    """Yield where a row holds a pattern of two values: the digit of the first."""
    first, second, shift, minus = pattern
    one, other = row[first], row[second]
    found = True
    while found:
        partners = set(removable(other))
        found = False
        for position, sign in removable(one):
            partner = position + shift, -sign if minus else sign
            if partner in partners:
                yield position, sign
                one -= sign << position
                other -= partner[1] << partner[0]
                found = True
                break


def _within(row: Row, pattern: Pattern) -> Iterator[Digit]:
    """Yield where a row holds a pattern of two digits of one value: the lower one."""
    value, _, shift, minus = pattern
    number = row[value]
    found = True
    while found:
        found = False
        for (position, sign), (high, high_sign) in removable_pairs(number):
            if high - position == shift and (high_sign != sign) == minus:
                yield position, sign
                number -= (sign << position) + (high_sign << high)
                found = True
                break
