"""Samples survive the way to a file and back; anything else is refused with one clear error."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferon.errors import DataError, OutputError
from inferon.physics.jet_card import ClassTally, JetCard, Recipe
from inferon.physics.jet_classes import JET_CLASSES, JET_CUTS
from inferon.physics.kinematics import invariant_mass_gev
from inferon.physics.sample import Jets, load_jets, save_jets

CARD = JetCard(
    Recipe(1, "8.317.2", "3.5.2.0", 3, True, 4, JET_CUTS),
    (ClassTally("q", JET_CLASSES[0].settings, 10, 8, 6, 5),),
)


def some_jets(seed: int = 0, jets: int = 5, particles: int = 4) -> Jets:
    random = np.random.default_rng(seed)
    constituents = np.zeros((jets, particles, 3), dtype=np.float32)
    constituents[:, :, 0] = -np.sort(-random.uniform(0.5, 1600.0, (jets, particles)), axis=1)
    constituents[:, :, 1] = random.uniform(-3.0, 3.0, (jets, particles))
    constituents[:, :, 2] = random.uniform(-np.pi, np.pi, (jets, particles))
    constituents[:, -1] = 0.0
    numbers = random.uniform(-2.0, 2.0, (4, jets)).astype(np.float32)
    return Jets(
        constituents=constituents,
        label=random.integers(0, 5, jets).astype(np.int8),
        event_id=random.integers(0, 2**40, jets),
        pt_gev=numbers[0],
        eta=numbers[1],
        phi=numbers[2],
        mass_gev=numbers[3],
        matched=random.random(jets) < 0.5,
        card=CARD,
    )


def assert_same(first: Jets, second: Jets) -> None:
    assert first.card == second.card
    for name in (
        "constituents",
        "label",
        "event_id",
        "pt_gev",
        "eta",
        "phi",
        "mass_gev",
        "matched",
    ):
        one, other = getattr(first, name), getattr(second, name)
        assert one.dtype == other.dtype
        assert (one == other).all()


def test_round_trip_returns_what_save_returned(tmp_path: Path) -> None:
    saved = save_jets(tmp_path / "jets.npz", some_jets())
    assert_same(saved, load_jets(tmp_path / "jets.npz"))


def test_saving_again_changes_nothing(tmp_path: Path) -> None:
    once = save_jets(tmp_path / "once.npz", some_jets())
    twice = save_jets(tmp_path / "twice.npz", once)
    assert_same(once, twice)
    assert (tmp_path / "once.npz").read_bytes() == (tmp_path / "twice.npz").read_bytes()


@given(st.integers(0, 10_000))
def test_rounding_stays_within_its_bounds(seed: int) -> None:
    jets = some_jets(seed)
    with TemporaryDirectory() as folder:
        rounded = save_jets(Path(folder) / "jets.npz", jets).constituents
    raw = jets.constituents
    assert (np.abs(rounded[:, :, 0] - raw[:, :, 0]) <= 2.0**-11 * raw[:, :, 0]).all()
    assert (np.abs(rounded[:, :, 1:] - raw[:, :, 1:]) <= 2.0**-14).all()
    assert (np.diff(rounded[:, :, 0], axis=1) <= 0.0).all()


def test_rounding_moves_a_boson_mass_by_less_than_a_permille(tmp_path: Path) -> None:
    """W-like jets (1 TeV, 80 GeV, 30 particles in two prongs): the mass moves by < 0.1 %."""
    random = np.random.default_rng(1)
    prong = np.array([[0.08, 0.0], [-0.08, 0.0]])[random.integers(0, 2, (200, 30))]
    raw = np.empty((200, 30, 3), dtype=np.float32)
    raw[:, :, 0] = -np.sort(-random.exponential(33.0, (200, 30)) - 0.5, axis=1)
    raw[:, :, 1:] = 0.7 + prong + random.normal(0.0, 0.02, (200, 30, 2))
    jets = some_jets(jets=200, particles=30)
    jets = Jets(
        raw, jets.label, jets.event_id, jets.pt_gev, jets.eta, jets.phi, jets.mass_gev,
        jets.matched, CARD,
    )  # fmt: skip
    rounded = save_jets(tmp_path / "w.npz", jets)
    change = invariant_mass_gev(rounded.constituents) / invariant_mass_gev(raw) - 1.0
    assert np.abs(change).max() < 1e-3


def test_select_and_leading() -> None:
    jets = some_jets()
    chosen = jets.select(np.array([3, 0]))
    assert chosen.event_id.tolist() == jets.event_id[[3, 0]].tolist()
    assert chosen.leading(2).shape == (2, 2, 3)
    assert chosen.leading(2).flags.c_contiguous
    with pytest.raises(DataError, match="4 constituents per jet, not 5"):
        jets.leading(5)


def test_card_survives_json() -> None:
    assert JetCard.from_json(CARD.to_json()) == CARD
    for text in ("", "[]", "{}", '{"recipe": 3}', "[" * 100_000):
        with pytest.raises(DataError, match="data card"):
            JetCard.from_json(text)


def archive(**changes: object) -> bytes:
    """The bytes of a valid sample with some arrays replaced (or, for None, left out)."""
    changed = io.BytesIO()
    with TemporaryDirectory() as folder:
        save_jets(Path(folder) / "jets.npz", some_jets())
        with np.load(Path(folder) / "jets.npz") as stored:
            arrays = {**stored, **changes}
    kept = {name: np.asarray(array) for name, array in arrays.items() if array is not None}
    np.savez(changed, allow_pickle=True, **kept)
    return changed.getvalue()


def bomb() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("pt_gev.npy", bytes(50_000_000))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a jet sample"),
        (b"hello, world\n", "is not a jet sample"),
        (archive()[:1000], "is not a jet sample"),
        (archive(label=None), "is not a jet sample"),
        (archive(card=None), "is not a jet sample"),
        (archive(label=np.array([None] * 5)), "is not a jet sample"),
        (archive(card=np.frombuffer(b"\xff\xfe", np.uint8)), "is not a jet sample"),
        (archive(card=np.frombuffer(b"{}", np.uint8)), "data card"),
        (archive(label=np.zeros(5, np.int64)), "'label' of .* is int64"),
        (archive(label=np.zeros(4, np.int8)), r"of shape \(4,\)"),
        (archive(pt_gev=np.float16(1.0)), "'pt_gev' of"),
        (archive(label=np.full(5, 7, np.int8)), "outside 0 to 4"),
        (archive(label=np.zeros(5, np.int8)), "it was altered"),
        (bomb(), "expands to 50,000,000 bytes"),
    ],
    ids=[
        "empty", "text", "truncated", "no label", "no card", "object array", "card no UTF-8",
        "card no card", "wrong dtype", "wrong length", "scalar", "label range", "altered", "bomb",
    ],
)  # fmt: skip
def test_bad_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "jets.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        load_jets(path)


def test_absent_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no jet sample"):
        load_jets(tmp_path / "absent.npz")
    with pytest.raises(DataError, match="is not a jet sample"):
        load_jets(tmp_path)


def test_a_failed_write_leaves_the_old_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "jets.npz"
    save_jets(path, some_jets())
    before = path.read_bytes()
    broken = some_jets()
    object.__setattr__(broken, "label", np.array([object()] * 5))  # cannot be written
    with pytest.raises((ValueError, TypeError)):
        save_jets(path, broken)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["jets.npz"]


def test_writing_into_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write the sample"):
        save_jets(tmp_path / "absent" / "jets.npz", some_jets())
