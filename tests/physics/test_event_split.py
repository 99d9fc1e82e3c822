"""Splits keep the jets of one collision together and have the fractions asked for."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from inferon.errors import UsageError
from inferon.physics.event_split import split_by_event
from inferon.physics.sample import shipped_jets


def test_every_jet_is_in_one_part_and_every_collision_too() -> None:
    event_id = shipped_jets().event_id
    split = split_by_event(event_id)
    parts = [split.train, split.validation, split.test]
    assert (np.sum(parts, axis=0) == 1).all()
    collisions = [set(event_id[part].tolist()) for part in parts]
    assert not collisions[0] & collisions[1]
    assert not collisions[0] & collisions[2]
    assert not collisions[1] & collisions[2]


def test_fractions() -> None:
    """100,000 consecutive ids: the fractions are right within 4 binomial standard errors."""
    split = split_by_event(np.arange(100_000), train=0.6, validation=0.15, seed=3)
    for part, fraction in ((split.train, 0.6), (split.validation, 0.15), (split.test, 0.25)):
        error = sqrt(fraction * (1 - fraction) / 100_000)
        assert abs(part.mean() - fraction) < 4 * error


def test_classes_are_split_alike() -> None:
    jets = shipped_jets()
    train = split_by_event(jets.event_id).train
    for label in range(5):
        # About 2,000 collisions of two jets a class: the error is 0.7 * 0.3 / 2000, rooted.
        assert abs(train[jets.label == label].mean() - 0.7) < 4 * sqrt(0.21 / 2000)


def test_the_part_of_a_jet_depends_on_its_id_and_the_seed_alone() -> None:
    event_id = np.arange(1000, dtype=np.int64)
    whole = split_by_event(event_id).test
    assert (split_by_event(event_id[::-7]).test == whole[::-7]).all()
    assert (split_by_event(event_id, seed=1).test != whole).any()


def test_published_value_of_the_hash() -> None:
    """SplitMix64 from state 0 yields 0xE220A8397B1DCDAF first (the reference program's output)."""
    place = 0xE220A8397B1DCDAF / 2**64
    event_id = np.zeros(1, dtype=np.int64)
    assert split_by_event(event_id, train=place + 1e-9, validation=0.0).train[0]
    assert not split_by_event(event_id, train=place - 1e-9, validation=0.0).train[0]


@pytest.mark.parametrize(("train", "validation"), [(-0.1, 0.5), (0.5, -0.1), (0.7, 0.4)])
def test_impossible_fractions(train: float, validation: float) -> None:
    with pytest.raises(UsageError, match="no parts of a whole"):
        split_by_event(np.arange(3), train=train, validation=validation)
