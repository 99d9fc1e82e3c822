"""Splits of a sample into training, validation and test jets that share no collision.

Two jets of one collision look alike (same radiation, same pT); one in training and the other in
the test would make the test too kind.  The part of a jet is a hash of its event id, so it depends
on no other jet, no order and no random number library.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inferon.errors import UsageError

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class EventSplit:
    """Three boolean masks over the jets of a sample; every jet is in exactly one."""

    train: BoolArray
    validation: BoolArray
    test: BoolArray


def split_by_event(
    event_id: NDArray[np.int64], *, train: float = 0.7, validation: float = 0.1, seed: int = 0
) -> EventSplit:
    """Assign every collision to training, validation or test.

    Parameters
    ----------
    event_id : shape (N,)
        Jets with the same number stay together.
    train, validation : fractions of the collisions, on average; the rest is for the test
    seed : another number gives another split

    Raises
    ------
    UsageError
        The fractions are negative or exceed 1.
    """
    if train < 0.0 or validation < 0.0 or train + validation > 1.0:
        raise UsageError(f"train={train} and validation={validation} are no parts of a whole")
    place = _uniform(event_id, seed)
    in_train = place < train
    in_validation = ~in_train & (place < train + validation)
    return EventSplit(in_train, in_validation, ~in_train & ~in_validation)


def _uniform(event_id: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """Hash each id to [0, 1): the finalizer of SplitMix64 (G. L. Steele et al., OOPSLA 2014)."""
    golden_gamma = 0x9E3779B97F4A7C15
    offset = np.uint64((seed + 1) * golden_gamma % 2**64)
    word = event_id.astype(np.uint64) * np.uint64(golden_gamma) + offset
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    word = word ^ (word >> np.uint64(31))
    return (word >> np.uint64(11)).astype(np.float64) * 2.0**-53
