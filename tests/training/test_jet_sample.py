"""The jets of a run: checked once, split by collision, the same for all taggers of one seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from inferon.errors import DataError
from inferon.physics.jets import Jets
from inferon.training.jet_sample import check_jets, sample_sha256, split_sample
from tests.absent import require_package
from tests.training.few_jets import few_jets

require_package("h5py")


def with_constituent(row: int, place: int, column: int, value: float) -> Jets:
    raw = few_jets().constituents.copy()
    raw[row, place, column] = value
    return replace(few_jets(), constituents=raw)


def swapped() -> Jets:
    raw = few_jets().constituents.copy()
    raw[7, [0, 5]] = raw[7, [5, 0]]
    return replace(few_jets(), constituents=raw)


def emptied() -> Jets:
    raw = few_jets().constituents.copy()
    raw[[3, 9]] = 0.0
    return replace(few_jets(), constituents=raw)


def in_mev() -> Jets:
    raw = few_jets().constituents.copy()
    raw[4:, :, 3] *= 1000.0
    return replace(few_jets(), constituents=raw)


def with_label(value: int) -> Jets:
    label = few_jets().label.copy()
    label[11] = value
    return replace(few_jets(), label=label)


def one_hot() -> Jets:
    return replace(few_jets(), label=np.eye(5, dtype=np.int8)[few_jets().label])


def without_feature() -> Jets:
    features = few_jets().features
    assert features is not None
    features = features.copy()
    features[8, 2] = np.inf
    return replace(few_jets(), features=features)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: with_constituent(5, 1, 2, np.nan), "jet 5 holds NaN or infinity; repair"),
        (lambda: with_constituent(5, 31, 0, -1.0), "jet 5 has a particle of negative pT; repair"),
        (emptied, r"jet 3 \(and 1 other jets\) has no particles; leave such jets out"),
        (swapped, "jet 7 is not sorted by falling pT; sort its particles"),
        (in_mev, r"jet 4 \(and 1495 other jets\) has energy and pT in different units; give GeV"),
        (without_feature, "jet 8 has a high-level feature that is not finite"),
        (lambda: with_label(5), "jet 11 has a label outside 0 to 4"),
        (lambda: with_label(-1), "jet 11 has a label outside 0 to 4"),
        (one_hot, r"labels are int8 of shape \(1500, 5\).*label\.argmax\(axis=1\)"),
        (lambda: few_jets().select(np.arange(0)), "has no jets"),
    ],
)
def test_a_jet_that_is_none_is_named(make: Callable[[], Jets], said: str) -> None:
    with pytest.raises(DataError, match=f"^my.h5.*{said}"):
        check_jets(make(), "my.h5")


def test_real_jets_pass() -> None:
    check_jets(few_jets(), "shipped")


def flagged() -> Jets:
    """A third of the jets unmatched, another third not contained, in turns."""
    third = np.arange(len(few_jets())) % 3
    return replace(few_jets(), is_matched=third != 0, is_contained=third != 1)


def test_parts_share_no_collision_and_hold_clean_jets_only() -> None:
    jets = flagged()
    sample = split_sample(jets, "x", train=0.6, validation=0.2, seed=3)
    parts = (sample.train, sample.validation, sample.test)
    events = [set(jets.event_id[part].tolist()) for part in parts]
    assert not events[0] & events[1]
    assert not events[0] & events[2]
    assert not events[1] & events[2]
    assert np.array_equal(np.sum(parts, axis=0), jets.is_clean)
    assert np.array_equal(sample.test_all & jets.is_clean, sample.test)
    assert 2.5 * sample.test.sum() < sample.test_all.sum() < 3.5 * sample.test.sum()


def test_another_seed_gives_other_parts() -> None:
    one, other = (
        split_sample(few_jets(), "x", train=0.6, validation=0.2, seed=seed) for seed in (1, 2)
    )
    assert not np.array_equal(one.test, other.test)


def test_a_part_without_a_class_is_refused() -> None:
    with pytest.raises(DataError, match=r"x has 12 jets, which leave no . jet for the train part"):
        split_sample(few_jets().select(np.arange(12)), "x", train=0.1, validation=0.8, seed=1)


def test_the_hash_is_of_the_content() -> None:
    jets = replace(few_jets(), card=None)
    same = replace(jets, title="another title", constituents=jets.constituents.copy())
    assert sample_sha256(same) == sample_sha256(jets)
    other = jets.label.copy()
    other[-1] = (other[-1] + 1) % 5
    assert sample_sha256(replace(jets, label=other)) != sample_sha256(jets)
    assert few_jets().card is not None
    assert sample_sha256(few_jets()) == few_jets().card.content_sha256  # type: ignore[union-attr]
