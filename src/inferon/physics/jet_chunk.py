"""One chunk of jets: one class, one seed, one process of its own.

``generate_jets`` runs this file as a program, ``python -m inferon.physics.jet_chunk SPEC FILE``,
once per chunk.  A chunk depends on nothing but its specification, so the jets are the same for any
number of processes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from inferon.errors import OutputError
from inferon.physics.detector import detect
from inferon.physics.high_level_features import high_level_features
from inferon.physics.jet_card import ClassTally, JetCard, Recipe
from inferon.physics.jet_classes import CLASS_NAMES, JET_CLASSES, JET_CUTS, JetClass
from inferon.physics.jet_setting import JET_SETTINGS
from inferon.physics.jets import Jets
from inferon.physics.particles import Particles
from inferon.physics.pileup import POOL_COLLISIONS, Pileup
from inferon.physics.sample import save_jets
from inferon.physics.sample_layout import on_grid
from inferon.physics.truth_matching import TruthMatch, truth_match

if TYPE_CHECKING:
    from inferon.physics.jet_clustering import Jet

GENERATOR_VERSION = 2
"""Raised whenever the same seed gives other jets.  Version 2 has the collisions of version 1, and
more about each jet."""

EVENTS_PER_CHUNK_MAX = 10**6
CHUNKS_PER_CLASS_MAX = 10**6

_PYTHIA_SEEDS = 900_000_000
"""Pythia takes seeds from 1 to this."""


class _Stream(IntEnum):
    """Random numbers that must not depend on each other."""

    PILEUP_EVENTS = 1
    PILEUP = 2
    DETECTOR = 3


@dataclass(frozen=True, slots=True)
class ChunkSpec:
    """What a chunk holds.

    Attributes
    ----------
    label : class index
    index : number of the chunk within its class
    jets : clean jets to make
    seed : the user's seed
    setting : name in ``JET_SETTINGS``
    detector : whether the setting's detector sees the particles
    pileup : mean number of collisions overlaid
    constituents : particles stored per jet
    matched_only : leave out jets that are not clean
    """

    label: int
    index: int
    jets: int
    seed: int
    setting: str = "A"
    detector: bool = False
    pileup: float = 0.0
    constituents: int = 64
    matched_only: bool = False

    @property
    def jet_class(self) -> JetClass:
        """The class to make."""
        return JET_CLASSES[self.label]

    @property
    def tune(self) -> tuple[str, ...]:
        """Pythia 8 settings of the shower."""
        return JET_SETTINGS[self.setting].tune

    @property
    def pythia_seed(self) -> int:
        """A seed of its own for every (seed, class, chunk)."""
        return _pythia_seed(np.random.SeedSequence((self.seed, self.label, self.index)))

    def sequence(self, stream: int) -> np.random.SeedSequence:
        """Return the start of another stream of random numbers of this chunk."""
        return np.random.SeedSequence((self.seed, self.label, self.index, stream))

    @property
    def first_event_id(self) -> int:
        """Event ids of this chunk start here and overlap with no other chunk's."""
        return (self.label * CHUNKS_PER_CLASS_MAX + self.index) * EVENTS_PER_CHUNK_MAX

    @property
    def recipe(self) -> Recipe:
        """The recipe that this installation would follow."""
        setting = JET_SETTINGS[self.setting]
        return Recipe(
            generator_version=GENERATOR_VERSION,
            pythia=version("pythia8mc"),
            fastjet=version("fastjet"),
            seed=self.seed,
            setting=setting.name,
            tune_title=setting.tune_title,
            detector=setting.detector if self.detector else None,
            pileup=self.pileup,
            matched_only=self.matched_only,
            constituents=self.constituents,
            cuts=JET_CUTS,
        )


@dataclass(frozen=True, slots=True)
class _Row:
    """A jet of the chunk, with its collision and how it agrees with its label."""

    jet: Jet
    event_id: int
    match: TruthMatch


def make_chunk(spec: ChunkSpec) -> Jets:
    """Generate, cluster and match until the chunk has its clean jets.

    Parameters
    ----------
    spec : what to make

    Raises
    ------
    ToolError
        Pythia 8 refuses the settings or fails.
    """
    from inferon.physics.jet_clustering import leading_jets
    from inferon.physics.pythia_events import generate_events

    rows: list[_Row] = []
    events = clean = 0
    see = _observer(spec)
    for event in generate_events(spec.jet_class, spec.tune, JET_CUTS, spec.pythia_seed):
        for jet in leading_jets(see(event.particles), JET_CUTS):
            axis = (jet.rapidity, jet.phi)
            match = truth_match(axis, event.truth, spec.jet_class, JET_CUTS)
            rows.append(_Row(jet, spec.first_event_id + events, match))
            clean += match.is_clean
        events += 1
        if clean >= spec.jets:
            break
    kept = _kept(rows, spec)
    tally = ClassTally(
        name=spec.jet_class.name,
        settings=spec.jet_class.settings(spec.tune),
        events=events,
        jets_in_cuts=len(rows),
        jets_matched=sum(row.match.is_matched for row in rows),
        jets_clean=clean,
        jets_kept=len(kept),
    )
    return _as_jets(kept, spec, JetCard(spec.recipe, (tally,)))


def _observer(spec: ChunkSpec) -> Callable[[Particles], Particles]:
    """Return what happens to the particles of a collision before they are clustered."""
    detector = JET_SETTINGS[spec.setting].detector if spec.detector else None
    detector_random = np.random.default_rng(spec.sequence(_Stream.DETECTOR))
    pileup = _pileup(spec) if spec.pileup else None

    def see(particles: Particles) -> Particles:
        if pileup is not None:
            particles = pileup.overlaid(particles)
        return particles if detector is None else detect(particles, detector, detector_random)

    return see


def _pileup(spec: ChunkSpec) -> Pileup:
    from inferon.physics.pythia_events import minimum_bias

    collisions = minimum_bias(spec.tune, _pythia_seed(spec.sequence(_Stream.PILEUP_EVENTS)))
    random = np.random.default_rng(spec.sequence(_Stream.PILEUP))
    return Pileup(list(islice(collisions, POOL_COLLISIONS)), spec.pileup, random)


def _pythia_seed(sequence: np.random.SeedSequence) -> int:
    return 1 + int(sequence.generate_state(1)[0]) % _PYTHIA_SEEDS


def _kept(rows: Sequence[_Row], spec: ChunkSpec) -> list[_Row]:
    """Return the jets up to the last clean one that was asked for."""
    clean = [place for place, row in enumerate(rows) if row.match.is_clean]
    until = rows[: clean[spec.jets - 1] + 1]
    return [row for row in until if row.match.is_clean or not spec.matched_only]


def _as_jets(rows: Sequence[_Row], spec: ChunkSpec, card: JetCard) -> Jets:
    padded = [_padded(row.jet, spec.constituents) for row in rows]
    jets = [row.jet for row in rows]
    return Jets(
        title=card.title,
        class_names=CLASS_NAMES,
        constituents=np.stack([constituents for constituents, _ in padded]),
        label=np.full(len(rows), spec.label, dtype=np.int8),
        event_id=np.array([row.event_id for row in rows], dtype=np.int64),
        pt_gev=np.array([jet.pt_gev for jet in jets], dtype=np.float32),
        eta=np.array([jet.eta for jet in jets], dtype=np.float32),
        phi=np.array([jet.phi for jet in jets], dtype=np.float32),
        mass_gev=np.array([jet.mass_gev for jet in jets], dtype=np.float32),
        features=np.array([high_level_features(jet.constituents) for jet in jets], np.float32),
        pdg_id=np.stack([pdg_id for _, pdg_id in padded]),
        is_matched=np.array([row.match.is_matched for row in rows], dtype=np.bool_),
        is_contained=np.array([row.match.is_contained for row in rows], dtype=np.bool_),
        card=card,
    )


def _padded(jet: Jet, count: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return the leading constituents as they are stored, shape (count, 4), and their codes."""
    columns = np.zeros((count, 4))
    pdg_id = np.zeros(count, dtype=np.int32)
    stored = min(count, len(jet.constituents))
    columns[:stored, :3] = jet.constituents[:stored, :3]
    columns[:stored, 3] = jet.constituent_mass_gev[:stored]
    pdg_id[:stored] = jet.constituent_pdg_id[:stored]
    return on_grid(*columns.T), pdg_id


def command(spec: ChunkSpec, path: Path) -> list[str]:
    """Build the command line that makes a chunk in a process of its own."""
    return [sys.executable, "-m", "inferon.physics.jet_chunk", json.dumps(asdict(spec)), str(path)]


def main(arguments: list[str]) -> int:
    """Make the chunk that the command line asks for; return the exit code."""
    spec, path = arguments
    try:
        save_jets(path, make_chunk(ChunkSpec(**json.loads(spec))))
    except OutputError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
