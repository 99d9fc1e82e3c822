"""Equality in bits, and the first place where it fails."""

from __future__ import annotations

import numpy as np
import pytest

from inferon.analysis.compare import first_difference, same_bits


def test_nan_equals_nan_of_any_payload() -> None:
    payload = np.array([0x7FC00001, 0xFFC00000], np.uint32).view(np.float32)
    assert first_difference(np.full(2, np.nan, np.float32), payload) is None


def test_minus_zero_is_not_zero() -> None:
    found = first_difference(np.array([[0.0, 0.0]]), np.array([[0.0, -0.0]]))
    assert found is not None
    assert (found.event, found.index, found.places, found.size) == (0, (1,), 1, 2)


def test_nan_is_not_a_number() -> None:
    assert not same_bits(np.array([np.nan]), np.array([np.inf]))[0]


def test_neighbors_differ_and_the_message_shows_every_bit() -> None:
    one = np.ones((3, 2, 2), np.float32)
    other = one.copy()
    other[1, 0, 1] = np.nextafter(np.float32(1), np.float32(2))
    other[2] = 0
    found = first_difference(one, other)
    assert found is not None
    assert str(found) == (
        "event 1, index (0, 1): expected 1.0 (0x1.0000000000000p+0), "
        "got 1.0000001192092896 (0x1.0000020000000p+0) (5 of 12 values differ)"
    )


def test_wide_mantissas_are_compared_whole() -> None:
    wide = np.array([1 << 80], object)
    assert first_difference(wide, wide + 0) is None
    found = first_difference(wide, wide + 1)
    assert found is not None
    assert found.got == (1 << 80) + 1


def test_strided_arrays_are_compared_by_value() -> None:
    x = np.arange(12.0).reshape(3, 4)
    assert first_difference(x.T, x.T.copy()) is None


@pytest.mark.parametrize("other", [np.zeros(3), np.zeros(2, np.float32)])
def test_other_shapes_and_dtypes_have_no_first_place(other: np.ndarray) -> None:
    with pytest.raises(ValueError, match="cannot compare"):
        first_difference(np.zeros(2), other)
