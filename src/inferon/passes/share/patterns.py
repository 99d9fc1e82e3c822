"""Which sums of two terms occur often: counted once, then kept right through every change.

A pattern is ``a +- b * 2**shift`` of two values.  An output is a row of coefficients, one for each
value that it uses, and holds the pattern once for every two removable digits with that distance
and those signs.  Coefficients are not fixed strings of digits, so all shortest forms of a number
count: ``3 * a`` holds ``a + 2 * a`` and ``4 * a - a``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from inferon.passes.share.digits import Digit, removable, removable_pairs, weight

_VALUE_BITS = 24
_SHIFT_BITS = 12
_SHIFT_ZERO = 1 << (_SHIFT_BITS - 1)
_VALUE_MASK = (1 << _VALUE_BITS) - 1


class Pattern(NamedTuple):
    """``first + second * 2**shift``, or the difference; `first` is not after `second`."""

    first: int
    second: int
    shift: int
    minus: bool


def _pair_key(first: int, second: int) -> int:
    return (((first << _VALUE_BITS) | second) << (_SHIFT_BITS + 1)) + 2 * _SHIFT_ZERO


def pattern_of(key: int) -> Pattern:
    """Return the pattern that a number stands for."""
    minus = bool(key & 1)
    shift = ((key >> 1) & ((1 << _SHIFT_BITS) - 1)) - _SHIFT_ZERO
    values = key >> (_SHIFT_BITS + 1)
    return Pattern(values >> _VALUE_BITS, values & _VALUE_MASK, shift, minus)


Row = dict[int, int]
"""The coefficient of each value that an output uses; none of them is zero."""


def load(row: Row, depths: Sequence[int]) -> int:
    """Return the sum of ``2**depth`` over the digits of a row: ``2**D`` fit into depth ``D``."""
    return sum(weight(number) << depths[value] for value, number in row.items())


class Counts:
    """How often each pattern occurs in all rows; patterns are numbers here, for speed."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        self.users: dict[int, set[int]] = {}
        self._count: dict[int, int] = {}
        for number, row in enumerate(rows):
            before: Row = {}
            for value, coefficient in sorted(row.items()):
                self._more(_between(value, removable(coefficient), before))
                self._more(_within(value, coefficient))
                before[value] = coefficient
                self.users.setdefault(value, set()).add(number)

    def repeated(self) -> list[int]:
        """Return every pattern that occurs more than once."""
        return [key for key, count in self._count.items() if count > 1]

    def of(self, key: int) -> int:
        """Return how often a pattern occurs: some of these places may exclude each other."""
        return self._count.get(key, 0)

    def change(self, number: int, value: int, new: int) -> list[int]:
        """Give a value another coefficient in a row, and return the patterns that this adds."""
        row = self.rows[number]
        old = row.get(value, 0)
        if old == new:
            return []
        had, has = removable(old), removable(new)
        self._fewer(_between(value, [each for each in had if each not in has], row))
        self._fewer(_within(value, old))
        added = _between(value, [each for each in has if each not in had], row)
        added += _within(value, new)
        self._more(added)
        users = self.users.setdefault(value, set())
        if new:
            row[value] = new
            users.add(number)
        else:
            del row[value]
            users.discard(number)
        return added

    def _more(self, keys: Iterable[int]) -> None:
        count = self._count
        for key in keys:
            count[key] = count.get(key, 0) + 1

    def _fewer(self, keys: Iterable[int]) -> None:
        count = self._count
        for key in keys:
            left = count[key] - 1
            if left:
                count[key] = left
            else:
                del count[key]


def _between(value: int, digits: Iterable[Digit], row: Row) -> list[int]:
    """Return the patterns of some digits of one value with all digits of a row's other values."""
    keys: list[int] = []
    append = keys.append
    mine = tuple(digits)
    if not mine:
        return keys
    for other, coefficient in row.items():
        if other < value:
            base = _pair_key(other, value)
            for position, sign in removable(coefficient):
                for my_position, my_sign in mine:
                    append(base + 2 * (my_position - position) + (sign != my_sign))
        elif other > value:
            base = _pair_key(value, other)
            for position, sign in removable(coefficient):
                for my_position, my_sign in mine:
                    append(base + 2 * (position - my_position) + (sign != my_sign))
    return keys


def _within(value: int, coefficient: int) -> list[int]:
    """Return the patterns of two digits of one coefficient."""
    base = _pair_key(value, value)
    return [
        base + 2 * (high - low) + (low_sign != high_sign)
        for (low, low_sign), (high, high_sign) in removable_pairs(coefficient)
    ]
