"""Whole numbers as few signed digits: ``7 = 8 - 1``.

The canonical form (CSD) has the fewest digits that are not zero.  Others have as few:
``3 = 4 - 1 = 2 + 1``.  Nothing here prefers one of them.  A digit is *removable* where taking it
away leaves a number of one digit fewer, so ``3`` has the removable digits 4, 2, 1 and -1.
"""

from __future__ import annotations

from functools import lru_cache

Digit = tuple[int, int]
"""A position and a sign: the number ``sign * 2**position``."""

Pair = tuple[Digit, Digit]
"""Two digits of one number, the lower position first."""

_KNOWN = 1 << 16
"""As many numbers are remembered: every weight of 16 bits."""


@lru_cache(maxsize=_KNOWN)
def canonical(number: int) -> tuple[Digit, ...]:
    """Return the digits of the canonical form, the lowest position first; none for zero."""
    digits = []
    position = 0
    while number:
        if number & 1:
            sign = 2 - (number & 3)
            number -= sign
            digits.append((position, sign))
        number >>= 1
        position += 1
    return tuple(digits)


def weight(number: int) -> int:
    """Return the smallest count of signed digits that make the number."""
    # 3n - n has a bit wherever the canonical form has a digit.
    return ((3 * number) ^ number).bit_count() if number >= 0 else weight(-number)


@lru_cache(maxsize=_KNOWN)
def removable(number: int) -> tuple[Digit, ...]:
    """Return every digit without which the number has one digit fewer."""
    fewer = weight(number) - 1
    return tuple(
        (position, sign)
        for position in range(abs(number).bit_length() + 1)
        for sign in (1, -1)
        if weight(number - (sign << position)) == fewer
    )


@lru_cache(maxsize=_KNOWN)
def removable_pairs(number: int) -> tuple[Pair, ...]:
    """Return every two digits, of two positions, without which it has two digits fewer."""
    return tuple(
        (low, high)
        for low in removable(number)
        for high in removable(number - (low[1] << low[0]))
        if low[0] < high[0]
    )
