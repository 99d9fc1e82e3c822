"""Real jets and a small network for the tests of the training loop."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from inferon.physics.jets import Jets
from inferon.physics.sample import shipped_jets

QUICK = """
title: Tiny MLP
tagger: mlp
shape: {hidden: [8]}
schedule: {epochs: 3, batch: 64}
exporter: torchscript
"""
"""Trained and exported in a tenth of a second."""


@cache
def few_jets() -> Jets:
    """The first 1,500 shipped jets."""
    return shipped_jets().select(np.arange(1500))


def tiny(folder: Path, text: str = QUICK) -> str:
    """Write settings of the user's own; returns their path."""
    path = folder / "tiny.yaml"
    path.write_text(text)
    return str(path)
