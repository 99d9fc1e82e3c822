"""Samples survive the way to a file and back; anything else is refused with one clear error."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferon.errors import DataError, ExtraMissing, OutputError
from inferon.physics.high_level_features import FEATURE_NAMES
from inferon.physics.jet_card import ClassTally, JetCard, Recipe
from inferon.physics.jet_classes import CLASS_NAMES, JET_CLASSES, JET_CUTS
from inferon.physics.jet_setting import JET_SETTINGS
from inferon.physics.jets import Jets
from inferon.physics.particles import PDG_MASS_GEV
from inferon.physics.sample import load_jets, save_jets
from inferon.physics.sample_layout import (
    COLUMNS,
    content_sha256,
    on_grid,
    raw_constituents,
    stored_columns,
)
from tests.absent import needs_package, require_package

pytestmark = needs_package("h5py")

SETTING = JET_SETTINGS["B"]
CARD = JetCard(
    Recipe(2, "8.317.2", "3.5.2.0", 3, "B", "A14", SETTING.detector, 20.0, True, 4, JET_CUTS),
    (ClassTally("q", JET_CLASSES[0].settings(SETTING.tune), 10, 8, 7, 6, 5),),
)
ARRAYS = (
    "constituents", "label", "event_id", "pt_gev", "eta", "phi", "mass_gev", "features", "pdg_id",
    "is_matched", "is_contained",
)  # fmt: skip


def some_jets(seed: int = 0, jets: int = 5, particles: int = 4) -> Jets:
    """Jets of pions, photons and protons with any momenta, the last slot free."""
    random = np.random.default_rng(seed)
    codes = np.array([211, -211, 22, 2212])
    pdg_id = random.choice(codes, (jets, particles)).astype(np.int32)
    pt = -np.sort(-random.uniform(0.5, 1600.0, (jets, particles)), axis=1)
    eta = random.uniform(-3.0, 3.0, (jets, particles))
    phi = random.uniform(-np.pi, np.pi, (jets, particles))
    mass = np.vectorize(PDG_MASS_GEV.get)(np.abs(pdg_id))
    energy = np.hypot(pt * np.cosh(eta), mass)
    constituents = np.stack([pt, eta, phi, energy], axis=-1).astype(np.float32)
    constituents[:, -1], pdg_id[:, -1] = 0.0, 0
    numbers = random.uniform(-2.0, 2.0, (4, jets)).astype(np.float32)
    return Jets(
        title=CARD.title,
        class_names=CLASS_NAMES,
        constituents=constituents,
        label=random.integers(0, 5, jets).astype(np.int8),
        event_id=random.integers(0, 2**40, jets),
        pt_gev=numbers[0],
        eta=numbers[1],
        phi=numbers[2],
        mass_gev=numbers[3],
        features=random.uniform(0.0, 1.0, (jets, 16)).astype(np.float32),
        pdg_id=pdg_id,
        is_matched=random.random(jets) < 0.5,
        is_contained=random.random(jets) < 0.5,
        card=CARD,
    )


def assert_same(first: Jets, second: Jets) -> None:
    assert first.card == second.card
    assert (first.title, first.class_names) == (second.title, second.class_names)
    for name in ARRAYS:
        one, other = getattr(first, name), getattr(second, name)
        if one is None:
            assert other is None
            continue
        assert one.dtype == other.dtype
        assert (one == other).all()


def test_round_trip_returns_what_save_returned(tmp_path: Path) -> None:
    saved = save_jets(tmp_path / "jets.h5", some_jets())
    assert_same(saved, load_jets(tmp_path / "jets.h5"))


@given(st.integers(0, 10_000))
def test_saving_again_changes_no_value(seed: int) -> None:
    with TemporaryDirectory() as folder:
        once = save_jets(Path(folder) / "once.h5", some_jets(seed))
        twice = save_jets(Path(folder) / "twice.h5", once)
        thrice = save_jets(Path(folder) / "thrice.h5", twice)
        assert np.array_equal(once.constituents, twice.constituents)
        assert (Path(folder) / "twice.h5").read_bytes() == (
            Path(folder) / "thrice.h5"
        ).read_bytes()
        assert_same(twice, thrice)


def test_a_sample_that_knows_less_of_its_jets(tmp_path: Path) -> None:
    """What others publish may lack truth, codes and features; the labels are theirs."""
    jets = replace(
        some_jets(), class_names=("QCD", "a", "b", "c", "d"), features=None, pdg_id=None,
        is_matched=None, is_contained=None, card=None, title="Theirs",
    )  # fmt: skip
    saved = save_jets(tmp_path / "jets.h5", jets)
    assert_same(saved, load_jets(tmp_path / "jets.h5"))
    assert saved.is_clean.all()


@given(st.integers(0, 10_000))
def test_rounding_stays_within_its_bounds(seed: int) -> None:
    jets = some_jets(seed)
    with TemporaryDirectory() as folder:
        rounded = save_jets(Path(folder) / "jets.h5", jets).constituents
    raw = jets.constituents.astype(np.float64)
    assert (np.abs(rounded[..., 0] - raw[..., 0]) <= 2.0**-11 * raw[..., 0]).all()
    assert (np.abs(rounded[..., 1:3] - raw[..., 1:3]) <= 2.0**-14).all()
    # E^2 = p^2 + m^2, p = pT cosh(eta): pT moves by 2^-11, and cosh(eta) by |tanh(eta)| 2^-14 of
    # itself; the mass that float32 tells (p^2 known to 6 roundings of 2^-24) by less still.
    bound = (1 + 2.0**-11) * (1 + 2.0**-14 + 2.0**-28) - 1 + 6 * 2.0**-24
    assert (np.abs(rounded[..., 3] - raw[..., 3]) <= bound * raw[..., 3]).all()
    assert (np.diff(rounded[..., 0], axis=1) <= 0.0).all()


def test_known_particles_keep_their_mass() -> None:
    """A sample made on the grid needs no masses besides the kinds, however fast the particles."""
    codes = np.array([list(PDG_MASS_GEV)], dtype=np.int32)
    masses = np.array([list(PDG_MASS_GEV.values())])
    pt = np.linspace(900.0, 1.0, codes.size)[None]
    constituents = on_grid(pt, np.full(pt.shape, 1.3), np.full(pt.shape, -3.0), masses)
    zeros = np.zeros(1, dtype=np.float32)
    jets = Jets(
        "", ("q",), constituents, np.zeros(1, np.int8), np.zeros(1, np.int64),
        zeros, zeros, zeros, zeros, pdg_id=codes,
    )  # fmt: skip
    stored = stored_columns(jets)
    assert "constituents/mass" not in stored
    assert np.array_equal(raw_constituents(stored), constituents)
    # Without the kinds, and for a particle of another mass, the masses are stored.
    assert "constituents/mass" in stored_columns(replace(jets, pdg_id=None))
    jets.constituents[0, -1, 3] *= 1.5
    heavier = stored_columns(jets)
    assert "constituents/mass" in heavier
    bound = 2.0**-10 * jets.constituents[..., 3]  # the mass, to 2^-11, is most of that energy
    assert (np.abs(raw_constituents(heavier)[..., 3] - jets.constituents[..., 3]) <= bound).all()


def test_every_dataset_has_a_unit_and_a_description(tmp_path: Path) -> None:
    h5py = require_package("h5py")
    save_jets(tmp_path / "jets.h5", some_jets())
    with h5py.File(tmp_path / "jets.h5") as file:
        found: dict[str, Any] = {}
        file.visititems(lambda name, item: found.update({name: item}))
        datasets = {name: item for name, item in found.items() if isinstance(item, h5py.Dataset)}
        assert sorted(datasets) == sorted(column.path for column in COLUMNS)
        for dataset in datasets.values():
            assert dataset.attrs["unit"]
            assert dataset.attrs["description"]
        assert tuple(datasets["jets/features"].attrs["names"]) == FEATURE_NAMES
        assert JetCard.from_json(file.attrs["card"]).recipe == CARD.recipe
        steps = datasets["constituents/eta"]
        assert (steps.dtype, steps.attrs["unit"]) == (np.int16, "2^-13")


def test_select_and_leading() -> None:
    jets = some_jets()
    chosen = jets.select(np.array([3, 0]))
    assert chosen.event_id.tolist() == jets.event_id[[3, 0]].tolist()
    assert chosen.leading(2).shape == (2, 2, 4)
    assert chosen.leading(2).flags.c_contiguous
    with pytest.raises(DataError, match="4 constituents per jet, not 5"):
        jets.leading(5)


def test_card_survives_json() -> None:
    assert JetCard.from_json(CARD.to_json()) == CARD
    bare = replace(CARD, recipe=replace(CARD.recipe, detector=None, pileup=0.0))
    assert JetCard.from_json(bare.to_json()) == bare
    assert CARD.title == "Pythia 8 jets (A14), detector B, pileup 20"
    for text in ("", "[]", "{}", '{"recipe": 3}', "[" * 100_000):
        with pytest.raises(DataError, match="data card"):
            JetCard.from_json(text)


Change = Callable[[Any], None]


def changed(change: Change) -> bytes:
    """The bytes of a valid sample after a change to its HDF5 file."""
    h5py = require_package("h5py")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "jets.h5"
        save_jets(path, some_jets())
        with h5py.File(path, "r+") as file:
            change(file)
        return path.read_bytes()


def replaced(path: str, array: Any, **options: Any) -> Change:
    """Put another array in the place of one."""

    def change(file: Any) -> None:
        unit = file[path].attrs["unit"]
        del file[path]
        file.create_dataset(path, data=array, **options).attrs["unit"] = unit

    return change


def linked(path: str, kind: str) -> Change:
    """Put a link to another place where a dataset was."""
    h5py = require_package("h5py")

    def change(file: Any) -> None:
        del file[path]
        outside = h5py.ExternalLink("/etc/passwd", "/x")
        file[path] = outside if kind == "external" else h5py.SoftLink("/jets/eta")

    return change


def external_storage(file: Any) -> None:
    """Let a dataset take its bytes from a file of the machine."""
    del file["jets/pt"]
    place = [("/etc/hostname", 0, 20)]
    file.create_dataset("jets/pt", shape=(5,), dtype="f4", external=place)


def bomb(file: Any) -> None:
    """50 MB of zeros that take 50 kB."""
    del file["jets/pt"]
    file.create_dataset("jets/pt", data=np.zeros(12_500_000, np.float32), compression="gzip")


def with_hash(change: Change) -> Change:
    """State the hash of what the change leaves, as somebody does who means it."""

    def both(file: Any) -> None:
        change(file)
        stored = {column.path: file[column.path][()] for column in COLUMNS}
        file.attrs["content_sha256"] = content_sha256(stored)

    return both


def set_value(path: str, index: Any, value: float) -> Change:
    def change(file: Any) -> None:
        file[path][index] = value

    return change


BAD_CHANGES: dict[str, tuple[Change, str]] = {
    "no label": (lambda f: f.__delitem__("jets/label"), "has no dataset 'jets/label'"),
    "no features": (lambda f: f.__delitem__("jets/features"), "has no dataset 'jets/features'"),
    "no group": (lambda f: f.__delitem__("constituents"), "has no dataset 'constituents/pt'"),
    "no format": (lambda f: f.attrs.__delitem__("format"), "is not a jet sample"),
    "no hash": (lambda f: f.attrs.__delitem__("content_sha256"), "content_sha256"),
    "other version": (lambda f: f.attrs.__setitem__("format_version", 3), "has version 3"),
    "version no number": (
        lambda f: f.attrs.__setitem__("format_version", "x"),
        "not a jet sample",
    ),
    "card no card": (lambda f: f.attrs.__setitem__("card", "{}"), "data card"),
    "wrong dtype": (replaced("jets/label", np.zeros(5)), "'jets/label' of .* is float64"),
    "wrong length": (replaced("jets/label", np.zeros(4, np.int8)), r"of shape \(4,\)"),
    "scalar": (replaced("constituents/pt", np.float16(1.0)), "'constituents/pt' of"),
    "text": (replaced("jets/label", ["a"] * 5), "'jets/label' of .* is object"),
    "wrong unit": (
        lambda f: f["jets/pt"].attrs.__setitem__("unit", "MeV"),
        "'jets/pt' of .* is in 'MeV'; a jet sample has it in 'GeV'",
    ),
    "no unit": (lambda f: f["jets/pt"].attrs.__delitem__("unit"), "is in 'no unit'"),
    "label range": (with_hash(replaced("jets/label", np.full(5, 7, np.int8))), "outside 0 to 4"),
    "altered": (replaced("jets/label", np.zeros(5, np.int8)), "it was altered"),
    "NaN": (
        with_hash(set_value("constituents/pt", (2, 1), np.nan)),
        "jet 2 of .*: constituent 1 has pT = nan",
    ),
    "not sorted": (
        with_hash(set_value("constituents/pt", (3, 2), 60000.0)),
        "jet 3 of .* not sorted",
    ),
    "soft link": (linked("jets/pt", "soft"), "'jets/pt' of .* points elsewhere"),
    "external link": (linked("jets/pt", "external"), "'jets/pt' of .* points elsewhere"),
    "external storage": (external_storage, "'jets/pt' of .* is no dataset"),
    "bomb": (bomb, "expands to 50,0"),
}


@pytest.mark.parametrize("name", BAD_CHANGES)
def test_bad_files_are_refused(tmp_path: Path, name: str) -> None:
    change, message = BAD_CHANGES[name]
    path = tmp_path / "jets.h5"
    path.write_bytes(changed(change))
    with pytest.raises(DataError, match=message):
        load_jets(path)


def test_what_is_no_hdf5_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, label=np.zeros(3))
    for content in (b"", b"hello, world\n", buffer.getvalue()):
        path = tmp_path / "jets.h5"
        path.write_bytes(content)
        with pytest.raises(DataError, match="is not a jet sample"):
            load_jets(path)


def test_short_files_and_flipped_bytes_are_refused_or_harmless(tmp_path: Path) -> None:
    """200 damaged copies: a file is refused, or holds the jets it held (its hash says so)."""
    path = tmp_path / "jets.h5"
    whole = save_jets(path, some_jets(jets=50, particles=8))
    content = path.read_bytes()
    random = np.random.default_rng(5)
    refused = 0
    for attempt in range(200):
        damaged = bytearray(content)
        if attempt % 2:
            damaged[int(random.integers(len(content)))] ^= 1 << int(random.integers(8))
        else:
            del damaged[int(random.integers(len(content))) :]
        path.write_bytes(damaged)
        try:
            read = load_jets(path)
        except DataError:
            refused += 1
        else:
            assert np.array_equal(read.constituents, whole.constituents)
            assert np.array_equal(read.label, whole.label)
    assert refused >= 100  # each one that was cut short, at the least


def test_absent_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no jet sample"):
        load_jets(tmp_path / "absent.h5")
    with pytest.raises(DataError, match="is not a jet sample"):
        load_jets(tmp_path)


@pytest.mark.parametrize(
    ("index", "value", "message"),
    [
        ((1, 0, 0), np.nan, "jet 1: constituent 0 has pT = nan"),
        ((0, 1, 3), np.inf, "jet 0: constituent 1 has energy = inf"),
        ((0, 0, 0), 1e5, "has pT = 100000.0; .* up to 65504"),
        ((4, 0, 1), 5.0, "has eta = 5.0"),
        ((0, 1, 0), -1.0, "has pT = -1.0"),
        ((2, 2, 0), 60000.0, "jet 2: .* not sorted"),
    ],
)
def test_four_vectors_that_are_none_are_not_saved(
    tmp_path: Path, index: tuple[int, int, int], value: float, message: str
) -> None:
    jets = some_jets()
    jets.constituents[index] = value
    with pytest.raises(DataError, match=message):
        save_jets(tmp_path / "jets.h5", jets)
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "jets.h5"
    save_jets(path, some_jets())
    before = path.read_bytes()
    broken = some_jets()
    object.__setattr__(broken, "label", np.array([object()] * 5))  # cannot be written
    with pytest.raises((ValueError, TypeError)):
        save_jets(path, broken)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["jets.h5"]


def test_writing_into_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        save_jets(tmp_path / "absent" / "jets.h5", some_jets())


def test_without_h5py_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_jets(tmp_path / "jets.h5", some_jets())
    monkeypatch.setitem(sys.modules, "h5py", None)  # what Python does where it is not installed
    with pytest.raises(ExtraMissing, match=r"pip install 'inferon\[h5\]'"):
        load_jets(tmp_path / "jets.h5")
    with pytest.raises(ExtraMissing, match=r"pip install 'inferon\[h5\]'"):
        save_jets(tmp_path / "more.h5", some_jets())
