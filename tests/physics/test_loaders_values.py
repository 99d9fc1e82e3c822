"""Each published layout gives back the jets that were written into it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from inferon.physics.high_level_features import FEATURE_NAMES
from inferon.physics.jet_classes import CLASS_NAMES
from inferon.physics.jets import Jets
from inferon.physics.loaders import Wanted, open_jets
from tests.absent import needs_package
from tests.physics import published_layouts as layouts
from tests.physics.published_layouts import Particle, four_momentum, jets_of_particles

ROUND = 2.0**-21
"""Stored components carry 2**-24 of themselves, at most three enter a value, which is rounded to
float32 once more: below 2**-22 of pT and energy, and below 2**-21 of an angle up to 4."""

TeV = jets_of_particles(12, 800.0, 1200.0, most=40)
MASSIVE = jets_of_particles(12, 510.0, 540.0, most=40, mass=0.13957)


def assert_same(
    jets: Jets, truth: list[list[Particle]], *, turn: bool = False, phi_of: int | None = None
) -> None:
    """``turn``: the azimuth of each jet is 0; ``phi_of``: it is that of so many particles."""
    assert len(jets) == len(truth)
    for number, particles in enumerate(truth):
        pt, eta, _, mass = four_momentum(particles)
        phi = four_momentum(particles[:phi_of])[2]
        kept = particles[: jets.constituents.shape[1]]
        got = jets.constituents[number].astype(np.float64)
        assert (got[len(kept) :] == 0.0).all()
        for (got_pt, got_eta, got_phi, got_energy), each in zip(got, kept, strict=False):
            energy = each.cartesian[3]
            assert abs(got_pt - each.pt) <= ROUND * each.pt
            assert abs(got_eta - each.eta) <= ROUND
            angle = got_phi - each.phi + (phi if turn else 0.0)
            assert abs(np.angle(np.exp(1j * angle))) <= 2 * ROUND  # the jet's own phi, too
            assert -np.pi - ROUND <= got_phi <= np.pi + ROUND
            assert abs(got_energy - energy) <= 2 * ROUND * energy  # cosh of a rounded eta
        assert abs(jets.pt_gev[number] - pt) <= ROUND * pt
        assert abs(jets.eta[number] - eta) <= ROUND
        assert abs(np.angle(np.exp(1j * (jets.phi[number] - (0.0 if turn else phi))))) <= ROUND
        energy = sum(each.cartesian[3] for each in particles)
        assert abs(jets.mass_gev[number] - mass) <= ROUND * energy**2 / mass  # m^2 = E^2 - p^2
    assert jets.constituents.dtype == np.float32
    assert jets.label.dtype == np.int8
    assert jets.event_id.tolist() == list(range(len(truth)))


@needs_package("uproot")
@pytest.mark.parametrize("tree", ["tree", "Events"])
def test_jetclass(tmp_path: Path, tree: str) -> None:
    truth = jets_of_particles(12, 600.0, 900.0, most=40)
    path = layouts.write_jetclass(tmp_path / "TTBar_000.root", layouts.jetclass(truth, 8), tree)
    jets = open_jets(path)
    assert_same(jets, truth)
    assert jets.constituents.shape == (12, 128, 4)
    assert jets.class_names == (
        "QCD",
        "Hbb",
        "Hcc",
        "Hgg",
        "H4q",
        "Hqql",
        "Zqq",
        "Wqq",
        "Tbqq",
        "Tbl",
    )
    assert jets.label.tolist() == [8] * 12
    assert jets.title == "JetClass"
    assert jets.card is None


@needs_package("h5py")
@pytest.mark.parametrize(("name", "width"), [("w.hdf5", 30), ("w150.hdf5", 150)])
def test_jetnet(tmp_path: Path, name: str, width: int) -> None:
    """With 30 particles the jets lose some, and keep their published pT, eta and mass."""
    path = layouts.write_hdf5(tmp_path / name, layouts.jetnet(TeV, width))
    jets = open_jets(path)
    assert_same(jets, TeV, turn=True)
    assert jets.constituents.shape == (12, width, 4)
    assert [jets.class_names[label] for label in jets.label] == ["W"] * 12


@needs_package("h5py")
@pytest.mark.parametrize("width", [30, 50, 100, 150])
def test_hls4ml_jets(tmp_path: Path, width: int) -> None:
    """The class order of the file is g, q, w, z, t, ours q, g, W, Z, t; nothing may mix them."""
    classes = ["g", "q", "w", "z", "t", "g"] * 2
    datasets = layouts.hls4ml(TeV, classes, width)
    jets = open_jets(layouts.write_hdf5(tmp_path / "jetImage_7_0_10000.h5", datasets))
    assert_same(jets, TeV, phi_of=width)
    assert jets.constituents.shape == (12, width, 4)
    assert jets.class_names == CLASS_NAMES
    assert [jets.class_names[label].lower() for label in jets.label] == classes
    assert jets.pdg_id is None
    assert jets.features is not None
    assert jets.features.shape == (12, len(FEATURE_NAMES))
    in_file = datasets["jets"][:, list(layouts.HLS4ML_FEATURE_COLUMNS)]
    assert (jets.features == in_file.astype(np.float32)).all()


@needs_package("h5py")
def test_hls4ml_jets_with_a_column_of_pdg_codes(tmp_path: Path) -> None:
    datasets = layouts.hls4ml(TeV, ["t"] * 12, 50, with_codes=True)
    jets = open_jets(layouts.write_hdf5(tmp_path / "jets.h5", datasets))
    assert jets.pdg_id is not None
    assert (jets.pdg_id == np.where(jets.constituents[:, :, 0] > 0.0, 211, 0)).all()


@needs_package("h5py")
@pytest.mark.parametrize("compression", [None, "gzip"])
def test_top_tagging(tmp_path: Path, compression: str | None) -> None:
    truth = jets_of_particles(12, 555.0, 645.0, most=60)
    label = [0, 1, 1, 0, 1, 0] * 2
    frame = layouts.top_tagging(truth, label)
    jets = open_jets(layouts.write_frame(tmp_path / "train.h5", frame, compression=compression))
    assert_same(jets, truth)
    assert jets.constituents.shape == (12, 200, 4)
    assert jets.class_names == ("QCD", "top")
    assert jets.label.tolist() == label


@needs_package("h5py")
def test_top_tagging_columns_are_found_by_name(tmp_path: Path) -> None:
    """Python 2 pickled byte strings; another order of columns is no error, it says so itself."""
    truth = jets_of_particles(5, 555.0, 645.0, most=10)
    frame = layouts.top_tagging(truth, [0, 1, 0, 1, 0])
    order = np.random.default_rng(1).permutation(804)
    frame.names[0] = [frame.names[0][place] for place in order]
    frame.blocks[0] = frame.blocks[0][:, order]
    assert_same(open_jets(layouts.write_frame(tmp_path / "val.h5", frame)), truth)


@needs_package("h5py")
def test_top_tagging_without_names_is_read_in_the_published_order(tmp_path: Path) -> None:
    import h5py

    truth = jets_of_particles(5, 555.0, 645.0, most=10)
    path = layouts.write_frame(tmp_path / "t.h5", layouts.top_tagging(truth, [0, 1, 0, 1, 0]))
    with h5py.File(path, "r+") as file:
        for block in (0, 1):
            del file["table/table"].attrs[f"values_block_{block}_kind"]
    assert_same(open_jets(path), truth)


@needs_package("hdf5plugin")
def test_top_tagging_compressed_with_blosc(tmp_path: Path) -> None:
    import hdf5plugin  # type: ignore[import-not-found, unused-ignore]

    truth = jets_of_particles(5, 555.0, 645.0, most=10)
    frame = layouts.top_tagging(truth, [0, 1, 0, 1, 0])
    path = layouts.write_frame(tmp_path / "t.h5", frame, **hdf5plugin.Blosc())
    assert_same(open_jets(path), truth)


def quark_gluon_integers(arrays: dict[str, np.ndarray]) -> None:
    arrays["y"] = arrays["y"].astype(np.int64)


def quark_gluon_one_hot(arrays: dict[str, np.ndarray]) -> None:
    arrays["y"] = np.eye(2, dtype=np.int32)[arrays["y"].astype(np.int64)]


@pytest.mark.parametrize(
    "labels", [lambda arrays: None, quark_gluon_integers, quark_gluon_one_hot]
)
def test_quark_gluon(tmp_path: Path, labels: Callable[[dict[str, np.ndarray]], None]) -> None:
    """Massive particles: the file has rapidities, and energies follow from the PDG codes."""
    label = [0, 1, 1, 0, 1, 0] * 2
    arrays = layouts.quark_gluon(MASSIVE, label, -211)
    labels(arrays)
    jets = open_jets(layouts.write_npz(tmp_path / "QG_jets_1.npz", arrays))
    assert_same(jets, MASSIVE)
    assert jets.class_names == ("g", "q")
    assert jets.label.tolist() == label
    assert jets.pdg_id is not None
    assert (jets.pdg_id == np.where(jets.constituents[:, :, 0] > 0.0, -211, 0)).all()


def test_particles_in_any_order_are_sorted_by_pt(tmp_path: Path) -> None:
    arrays = layouts.quark_gluon(MASSIVE, [0, 1] * 6, 211)
    arrays["X"][::2, :, 3] *= np.arange(arrays["X"].shape[1]) % 2 * 2 - 1  # codes follow
    sorted_jets = open_jets(layouts.write_npz(tmp_path / "sorted.npz", arrays))
    arrays["X"] = arrays["X"][:, np.random.default_rng(2).permutation(arrays["X"].shape[1])]
    shuffled = open_jets(layouts.write_npz(tmp_path / "shuffled.npz", arrays))
    assert (shuffled.constituents == sorted_jets.constituents).all()
    assert np.array_equal(np.asarray(shuffled.pdg_id), np.asarray(sorted_jets.pdg_id))
    assert (np.diff(shuffled.constituents[:, :, 0], axis=1) <= 0.0).all()


def test_whole_jets_hold_the_particles_that_are_not_kept(tmp_path: Path) -> None:
    path = layouts.write_npz(tmp_path / "QG.npz", layouts.quark_gluon(MASSIVE, [1] * 12, 211))
    few, many = open_jets(path, Wanted(constituents=2)), open_jets(path, Wanted(constituents=99))
    assert_same(few, MASSIVE)
    assert_same(many, MASSIVE)
    assert few.constituents.shape == (12, 2, 4)
    assert many.constituents.shape == (12, 99, 4)
    assert few.pdg_id is not None
    assert few.pdg_id.shape == (12, 2)
