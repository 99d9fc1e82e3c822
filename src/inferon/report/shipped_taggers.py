"""The jet taggers that ship with Inferon, and the jets that had no part in their training."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from inferon.errors import DataError
from inferon.physics.event_split import split_by_event
from inferon.physics.sample import Jets

TITLES = (("jets_mlp", "MLP"), ("jets_deepsets", "Deep Sets"))
"""File names, and what the networks are called in tables and figures."""


@dataclass(frozen=True, slots=True)
class ShippedTagger:
    """One shipped model, with what its training log says.

    Attributes
    ----------
    name : file name without its ending
    title : for tables and figures
    path : the ONNX file
    constituents : leading constituents of a jet that it takes
    sample_sha256 : of the sample that it was trained on
    train, validation, seed : the split into training, validation and test jets
    """

    name: str
    title: str
    path: Path
    constituents: int
    sample_sha256: str
    train: float
    validation: float
    seed: int

    def test_jets(self, jets: Jets) -> Jets:
        """Return the jets that had no part in training or selection.

        Raises
        ------
        DataError
            When the sample is not the one that the tagger was trained on.
        """
        if jets.card.content_sha256 != self.sample_sha256:
            raise DataError(
                f"{self.name} was trained on another sample: its test jets are unknown"
            )
        split = split_by_event(
            jets.event_id, train=self.train, validation=self.validation, seed=self.seed
        )
        return jets.select(split.test)


def shipped_taggers() -> tuple[ShippedTagger, ...]:
    """Return the taggers that ship with Inferon."""
    folder = Path(str(files("inferon"))) / "data" / "models"
    return tuple(_tagger(folder, name, title) for name, title in TITLES)


def _tagger(folder: Path, name: str, title: str) -> ShippedTagger:
    log = json.loads((folder / f"{name}.json").read_text())
    split = log["split"]
    return ShippedTagger(
        name,
        title,
        folder / f"{name}.onnx",
        log["shape"]["constituents"],
        log["sample_sha256"],
        split["train"],
        split["validation"],
        split["seed"],
    )
