"""One chunk of jets: one class, one seed, one process of its own.

``generate_jets`` runs this file as a program, ``python -m inferon.physics.jet_chunk SPEC FILE``,
once per chunk.  A chunk depends on nothing but its specification, so the jets are the same for any
number of processes.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from inferon.physics.jet_card import ClassTally, JetCard, Recipe
from inferon.physics.jet_classes import JET_CLASSES, JET_CUTS, JetClass
from inferon.physics.sample import Jets, save_jets

GENERATOR_VERSION = 1
"""Raised whenever the same seed gives other jets."""

CONSTITUENTS = 32
"""Particles stored per jet: they carry most of the pT, and 20,000 such jets fit in a few
megabytes."""

EVENTS_PER_CHUNK_MAX = 10**6
CHUNKS_PER_CLASS_MAX = 10**6

_PYTHIA_SEEDS = 900_000_000
"""Pythia takes seeds from 1 to this."""


@dataclass(frozen=True, slots=True)
class ChunkSpec:
    """What a chunk holds.

    Attributes
    ----------
    label : class index
    index : number of the chunk within its class
    jets : jets to make
    seed : the user's seed
    matched_only : leave out jets that fail the truth matching
    """

    label: int
    index: int
    jets: int
    seed: int
    matched_only: bool

    @property
    def jet_class(self) -> JetClass:
        """The class to make."""
        return JET_CLASSES[self.label]

    @property
    def pythia_seed(self) -> int:
        """A seed of its own for every (seed, class, chunk)."""
        words = np.random.SeedSequence((self.seed, self.label, self.index)).generate_state(1)
        return 1 + int(words[0]) % _PYTHIA_SEEDS

    @property
    def first_event_id(self) -> int:
        """Event ids of this chunk start here and overlap with no other chunk's."""
        return (self.label * CHUNKS_PER_CLASS_MAX + self.index) * EVENTS_PER_CHUNK_MAX

    @property
    def recipe(self) -> Recipe:
        """The recipe that this installation would follow."""
        return Recipe(
            generator_version=GENERATOR_VERSION,
            pythia=version("pythia8mc"),
            fastjet=version("fastjet"),
            seed=self.seed,
            matched_only=self.matched_only,
            constituents=CONSTITUENTS,
            cuts=JET_CUTS,
        )


def make_chunk(spec: ChunkSpec) -> Jets:
    """Generate, cluster and match until the chunk is full.

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
    from inferon.physics.truth_matching import is_matched

    rows = []
    events = in_cuts = matched_jets = 0
    for event in generate_events(spec.jet_class, JET_CUTS, spec.pythia_seed):
        for jet in leading_jets(event.momenta_gev, JET_CUTS):
            axis = (jet.rapidity, jet.phi)
            matched = is_matched(axis, event.truth, spec.jet_class, JET_CUTS)
            in_cuts += 1
            matched_jets += matched
            if matched or not spec.matched_only:
                rows.append((jet, spec.first_event_id + events, matched))
        events += 1
        if len(rows) >= spec.jets:
            break
    rows = rows[: spec.jets]
    tally = ClassTally(
        name=spec.jet_class.name,
        settings=spec.jet_class.settings,
        events=events,
        jets_in_cuts=in_cuts,
        jets_matched=matched_jets,
        jets_kept=len(rows),
    )
    constituents = np.zeros((len(rows), CONSTITUENTS, 3), dtype=np.float32)
    for row, (jet, _, _) in zip(constituents, rows, strict=True):
        leading = jet.constituents[:CONSTITUENTS]
        row[: len(leading)] = leading
    return Jets(
        constituents=constituents,
        label=np.full(len(rows), spec.label, dtype=np.int8),
        event_id=np.array([event_id for _, event_id, _ in rows], dtype=np.int64),
        pt_gev=np.array([jet.pt_gev for jet, _, _ in rows], dtype=np.float32),
        eta=np.array([jet.eta for jet, _, _ in rows], dtype=np.float32),
        phi=np.array([jet.phi for jet, _, _ in rows], dtype=np.float32),
        mass_gev=np.array([jet.mass_gev for jet, _, _ in rows], dtype=np.float32),
        matched=np.array([matched for _, _, matched in rows], dtype=np.bool_),
        card=JetCard(spec.recipe, (tally,)),
    )


def command(spec: ChunkSpec, path: Path) -> list[str]:
    """Build the command line that makes a chunk in a process of its own."""
    return [sys.executable, "-m", "inferon.physics.jet_chunk", json.dumps(asdict(spec)), str(path)]


def main(arguments: list[str]) -> None:
    """Make the chunk that the command line asks for."""
    spec, path = arguments
    save_jets(path, make_chunk(ChunkSpec(**json.loads(spec))))


if __name__ == "__main__":
    main(sys.argv[1:])
