"""Equality in bits: NaN in the same places with any payload, and -0 is not +0."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inferon.ir.values import Array


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place where two arrays (events, ...) differ.

    Attributes
    ----------
    event : position on the first axis
    index : position on the other axes
    expected, got : the two values, as Python numbers
    places : in how many places the arrays differ
    size : the number of elements of one array
    """

    event: int
    index: tuple[int, ...]
    expected: bool | int | float
    got: bool | int | float
    places: int
    size: int

    def __str__(self) -> str:
        where = f"event {self.event}, index {self.index}" if self.index else f"event {self.event}"
        values = f"expected {spelled(self.expected)}, got {spelled(self.got)}"
        return f"{where}: {values} ({self.places} of {self.size} values differ)"


def spelled(value: bool | int | float) -> str:
    """Return a number for a message: floats also in hexadecimal, where every bit shows."""
    return f"{value!r} ({value.hex()})" if isinstance(value, float) else repr(value)


def same_bits(expected: Array, got: Array) -> Array:
    """Return where two arrays of one dtype and shape hold the same number.

    Floats are equal when their bits are, or when both are NaN.
    """
    if expected.dtype.kind != "f":
        return np.asarray(expected == got, np.bool_)
    bits = f"i{expected.dtype.itemsize}"
    left, right = np.ascontiguousarray(expected), np.ascontiguousarray(got)
    return np.asarray((left.view(bits) == right.view(bits)) | (np.isnan(left) & np.isnan(right)))


def first_difference(expected: Array, got: Array) -> Difference | None:
    """Return the first place where two arrays differ, or None where they agree in bits.

    Parameters
    ----------
    expected, got : arrays (events, ...) of one dtype and shape

    Raises
    ------
    ValueError
        When dtypes or shapes differ: then there is no first place.
    """
    if expected.shape != got.shape or expected.dtype != got.dtype:
        left, right = f"{expected.dtype}{expected.shape}", f"{got.dtype}{got.shape}"
        raise ValueError(f"cannot compare {left} with {right}: give arrays of one dtype and shape")
    return first_place(expected, got, ~same_bits(expected, got))


def first_place(expected: Array, got: Array, wrong: Array) -> Difference | None:
    """Return the first place where ``wrong`` is true, or None where it never is."""
    places = int(np.count_nonzero(wrong))
    if not places:
        return None
    position = tuple(int(i) for i in np.unravel_index(int(np.argmax(wrong)), wrong.shape))
    return Difference(
        event=position[0] if position else 0,
        index=position[1:],
        expected=_number(expected[position]),
        got=_number(got[position]),
        places=places,
        size=expected.size,
    )


def _number(value: object) -> bool | int | float:
    plain = value.item() if isinstance(value, np.generic) else value
    assert isinstance(plain, bool | int | float)
    return plain
