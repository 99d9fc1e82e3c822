"""Generated jets of other settings: detector, pileup, tune B; what changes and what must not."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from inferon.physics import jet_generation
from inferon.physics.high_level_features import FEATURE_NAMES
from inferon.physics.jet_chunk import ChunkSpec, command
from inferon.physics.jet_setting import JET_SETTINGS
from inferon.physics.jets import Jets
from inferon.physics.sample import load_jets
from tests.absent import needs_package

pytestmark = needs_package("pythia8mc", "fastjet", "h5py")

SOURCE_PATH = {**os.environ, "PYTHONPATH": str(Path(jet_generation.__file__).parents[2])}

Z_LABEL = 3
PLAIN = ChunkSpec(label=Z_LABEL, index=0, jets=60, seed=8)
PILEUP = 40.0


def make(spec: ChunkSpec, path: Path) -> Jets:
    subprocess.run(command(spec, path), check=True, capture_output=True, env=SOURCE_PATH)
    return load_jets(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("settings")


@pytest.fixture(scope="module")
def plain(folder: Path) -> Jets:
    return make(PLAIN, folder / "plain.h5")


@pytest.fixture(scope="module")
def detected(folder: Path) -> Jets:
    return make(replace(PLAIN, detector=True), folder / "detected.h5")


@pytest.fixture(scope="module")
def piled_up(folder: Path) -> Jets:
    return make(replace(PLAIN, pileup=PILEUP), folder / "piled-up.h5")


def groomed_mass(jets: Jets) -> NDArray[np.float32]:
    assert jets.features is not None
    column: NDArray[np.float32] = jets.features[:, FEATURE_NAMES.index("mass")]
    return column


def same_jets(first: Jets, second: Jets) -> tuple[Jets, Jets]:
    """The jets that both samples have: of one collision, in one direction."""
    pairs = [
        (i, j)
        for i in range(len(first))
        for j in np.flatnonzero(second.event_id == first.event_id[i])
        if abs(second.eta[j] - first.eta[i]) < 0.2 and abs(second.phi[j] - first.phi[i]) < 0.2
    ]
    ours, theirs = np.array(pairs).T
    return first.select(ours), second.select(theirs)


def test_a_detector_sees_the_same_collisions(plain: Jets, detected: Jets) -> None:
    """The jet's pT is smeared by a few percent, and its mass does not move away from the Z.

    A photon or hadron that is smeared off its mass shell would add tens of GeV.
    """
    before, after = same_jets(plain, detected)
    assert len(before) > 50
    assert detected.title == "Pythia 8 jets, detector A"
    change = after.pt_gev / before.pt_gev - 1.0
    assert 0.005 < float(change.std()) < 0.05
    near_z = np.abs(groomed_mass(before) - 91.2) < 10.0
    shift = np.median(groomed_mass(after)[near_z] - groomed_mass(before)[near_z])
    assert abs(float(shift)) < 4.0


def test_a_detector_knows_few_kinds_of_particles(plain: Jets, detected: Jets) -> None:
    assert plain.pdg_id is not None
    assert detected.pdg_id is not None
    assert {321, 2112, 2212} <= set(np.abs(plain.pdg_id).ravel().tolist())
    assert set(np.abs(detected.pdg_id).ravel().tolist()) <= {0, 11, 13, 22, 130, 211}


def test_smearing_is_seeded(folder: Path, detected: Jets) -> None:
    again = make(replace(PLAIN, detector=True), folder / "again.h5")
    assert (folder / "again.h5").read_bytes() == (folder / "detected.h5").read_bytes()
    assert len(again) == len(detected)


def test_pileup_adds_neutral_particles_and_mass(plain: Jets, piled_up: Jets) -> None:
    """Soft neutral particles all over the jet: its mass grows more than its groomed mass."""
    before, after = same_jets(plain, piled_up)
    assert len(before) > 50
    assert after.title == "Pythia 8 jets, no detector, pileup 40"
    assert float(np.median(after.mass_gev - before.mass_gev)) > 5.0
    near_z = np.abs(groomed_mass(before) - 91.2) < 10.0
    groomed = np.median(groomed_mass(after)[near_z] - groomed_mass(before)[near_z])
    assert float(groomed) < float(np.median(after.mass_gev - before.mass_gev))
    assert float(np.median(after.pt_gev / before.pt_gev)) > 1.0


def test_setting_b_has_a_tune_of_its_own(folder: Path, plain: Jets) -> None:
    """Collisions of another tune, from the same seed, are others; both are on the card."""
    other = make(replace(PLAIN, jets=5, setting="B"), folder / "b.h5")
    assert other.card is not None
    assert plain.card is not None
    assert other.title == "Pythia 8 jets (A14 NNPDF), no detector"
    assert other.card.recipe.tune_title == JET_SETTINGS["B"].tune_title
    assert "Tune:pp = 21" in other.card.classes[0].settings
    assert "Tune:pp = 14" in plain.card.classes[0].settings
    assert not np.array_equal(other.pt_gev[:4], plain.pt_gev[:4])
