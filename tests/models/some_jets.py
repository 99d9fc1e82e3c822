"""Jets for the tests of taggers: raw constituents drawn at random, and taggers small enough."""

from __future__ import annotations

from dataclasses import replace
from math import pi
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from inferon.models.jets.catalog import CATALOG, build
from inferon.models.jets.tagger import Tagger

CLASS_NAMES = ("q", "g", "W", "Z", "t")

NO_PARTICLES = "mlp"
"""The tagger that reads the 16 features, and no particles."""

PARTICLE_TAGGERS = tuple(name for name in CATALOG if name != NO_PARTICLES)

Array = NDArray[np.float64]


def some_jets(count: int, slots: int, *, seed: int = 0, smallest: int = 3) -> Array:
    """Draw jets of at least ``smallest`` particles within 0.8 of axes in all directions.

    Returns
    -------
    shape (count, slots, 4)
        pT [GeV], eta, phi [rad], energy [GeV]; highest pT first, zero padded; the first jet
        is full.
    """
    rng = np.random.default_rng(seed)
    pt = np.sort(rng.exponential(40.0, (count, slots)) + 0.5, axis=1)[:, ::-1]
    eta = rng.uniform(-1.5, 1.5, (count, 1)) + rng.normal(0.0, 0.2, (count, slots))
    phi = rng.uniform(-pi, pi, (count, 1)) + rng.normal(0.0, 0.2, (count, slots))
    mass = rng.choice([0.0, 0.1396, 0.4937], (count, slots))  # photon, pion, kaon [GeV]
    energy = np.sqrt((pt * np.cosh(eta)) ** 2 + mass**2)
    jets = np.stack([pt, eta, in_range(phi), energy], axis=2)
    jets[np.arange(slots) >= multiplicities(rng, count, slots, smallest)[:, None]] = 0.0
    return jets


def multiplicities(
    rng: np.random.Generator, count: int, slots: int, smallest: int
) -> NDArray[np.int64]:
    """Draw numbers of particles; the first is the largest possible."""
    numbers = rng.integers(smallest, slots + 1, count)
    numbers[0] = slots
    return numbers


def in_range(phi: Array) -> Array:
    """Bring azimuths [rad] into [-pi, pi]."""
    return phi - 2.0 * pi * np.rint(phi / (2.0 * pi))


SIZES: dict[str, dict[str, Any]] = {
    "jedi-net": {"hidden": 20},
    "particlenet": {"neighbors": 5, "blocks": ((16, 16, 16), (32, 32, 32)), "dense": 32},
    "gravnet": {"neighbors": 5, "blocks": 2, "hidden": (32, 32, 32), "outputs": 16},
    "part": {"embedding": (32, 64, 32), "pair": (16, 16), "heads": 4, "blocks": 1},
    "mixer": {"channels": 32, "particle_hidden": 16, "channel_hidden": 64, "layers": 2},
}
"""Sizes of the taggers that take long as published."""


def small(name: str, slots: int) -> Tagger:
    """Make a tagger of the catalog for so many particles, in evaluation mode."""
    torch.manual_seed(1)
    shape: Any = replace(CATALOG[name].shape(), **SIZES.get(name, {}))
    if name != NO_PARTICLES:
        shape = replace(shape, constituents=slots)
    tagger = build(name, shape, CLASS_NAMES)
    tagger.eval()
    return tagger
