"""The jets of one run: opened, checked once, and split into training, validation and test.

Needs no torch, so that reports can find the test jets of a run in the same way.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inferon.errors import DataError
from inferon.physics.event_split import split_by_event
from inferon.physics.jets import Jets
from inferon.physics.loaders import open_jets
from inferon.physics.sample import shipped_jets

SHIPPED = "shipped"
"""What stands for the path of the sample that comes with Inferon."""

UNIT_FACTOR = sqrt(1000.0)
"""Energy over momentum beyond which one of them is not in GeV: halfway, in the logarithm, between
1 (all but the slowest particles) and 1000 (MeV for GeV)."""

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class JetSample:
    """A sample and the three parts that a run makes of it.

    Attributes
    ----------
    jets : all jets, also those that fail matching or containment
    path : as the user named it
    train, validation, test : shape (N,)
        Clean jets of each part; a collision lies in one part only.
    test_all : shape (N,)
        All jets of the test's collisions.
    """

    jets: Jets
    path: str
    train: BoolArray
    validation: BoolArray
    test: BoolArray
    test_all: BoolArray

    @cached_property
    def sha256(self) -> str:
        """Hash of the content: what the file states of itself, or of the arrays."""
        return sample_sha256(self.jets)


def open_sample(path: str) -> Jets:
    """Open a sample of any layout, or the shipped one, and check every jet once.

    Raises
    ------
    DataError
        The file is no sample, or a jet in it is none: the row, and what to do.
    """
    jets = shipped_jets() if path == SHIPPED else open_jets(path)
    check_jets(jets, path)
    return jets


def split_sample(
    jets: Jets, path: str, *, train: float, validation: float, seed: int
) -> JetSample:
    """Split a sample by collision.

    Parameters
    ----------
    jets : the whole sample
    path : where it is from
    train, validation : fractions of the collisions; the rest is for the test
    seed : another number gives another split

    Raises
    ------
    DataError
        When a part has no jet of some class.
    """
    split = split_by_event(jets.event_id, train=train, validation=validation, seed=seed)
    clean = jets.is_clean
    parts = {
        "train": split.train & clean,
        "validation": split.validation & clean,
        "test": split.test & clean,
    }
    for part, chosen in parts.items():
        counts = np.bincount(jets.label[chosen], minlength=len(jets.class_names))
        for name, count in zip(jets.class_names, counts, strict=True):
            if not count:
                raise DataError(
                    f"{path} has {len(jets)} jets, which leave no {name} jet for the {part} part; "
                    "take a larger sample, or other fractions"
                )
    return JetSample(jets, path, **parts, test_all=split.test)


def sample_sha256(jets: Jets) -> str:
    """Return the hash of a sample's content: that of its card, or of what the taggers read."""
    if jets.card is not None and jets.card.content_sha256:
        return jets.card.content_sha256
    digest = hashlib.sha256()
    for name in ("constituents", "label", "event_id", "features", "is_matched", "is_contained"):
        array = getattr(jets, name)
        if array is not None:
            digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def check_jets(jets: Jets, path: str) -> None:
    """Refuse jets that no tagger can learn from.

    Raises
    ------
    DataError
        The first row that is wrong, and what to do about it.
    """
    if len(jets) == 0:
        raise DataError(f"{path} has no jets")
    raw = jets.constituents
    pt = raw[:, :, 0]
    _refuse(path, ~np.isfinite(raw).all(axis=(1, 2)), "holds NaN or infinity", "repair or drop it")
    _refuse(path, (pt < 0.0).any(axis=1), "has a particle of negative pT", "repair or drop it")
    _refuse(path, ~(pt > 0.0).any(axis=1), "has no particles", "leave such jets out")
    _refuse(
        path,
        (pt[:, 1:] > pt[:, :-1]).any(axis=1),
        "is not sorted by falling pT",
        "sort its particles, padding last",
    )
    _refuse(path, _has_mixed_units(raw), "has energy and pT in different units", "give GeV")
    if jets.features is not None:
        finite = np.isfinite(jets.features).all(axis=1)
        _refuse(path, ~finite, "has a high-level feature that is not finite", "repair or drop it")
    _check_labels(jets, path)


def _check_labels(jets: Jets, path: str) -> None:
    classes = len(jets.class_names)
    if jets.label.ndim != 1 or jets.label.dtype.kind not in "iu":
        raise DataError(
            f"{path}: labels are {jets.label.dtype} of shape {jets.label.shape}; one class "
            "number a jet is needed (of one-hot labels: label.argmax(axis=1))"
        )
    wrong = (jets.label < 0) | (jets.label >= classes)
    _refuse(path, wrong, f"has a label outside 0 to {classes - 1}", "number the classes from 0")


def _has_mixed_units(raw: NDArray[np.float32]) -> BoolArray:
    """Compare energy with |p| = pT cosh(eta), summed over each jet."""
    pt, eta, energy = (raw[:, :, column].astype(np.float64) for column in (0, 1, 3))
    momentum = (pt * np.cosh(eta)).sum(axis=1)
    total = energy.sum(axis=1)
    mixed: BoolArray = (total > momentum * UNIT_FACTOR) | (total * UNIT_FACTOR < momentum)
    return mixed


def _refuse(path: str, wrong: Any, what: str, remedy: str) -> None:
    if wrong.any():
        count = int(np.count_nonzero(wrong))
        others = f" (and {count - 1} other jets)" if count > 1 else ""
        raise DataError(f"{path}: jet {int(wrong.argmax())}{others} {what}; {remedy}")
