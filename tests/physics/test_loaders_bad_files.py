"""One clear error for each way in which a published file can be wrong: file, column, row."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inferon.errors import DataError, InferonError, ToolMissing
from inferon.physics.loaders import Wanted, open_jets
from tests.absent import needs_package
from tests.physics import published_layouts as layouts
from tests.physics.published_layouts import Frame, jets_of_particles

JETCLASS = jets_of_particles(6, 600.0, 900.0, most=12)
TEV = jets_of_particles(6, 800.0, 1200.0, most=12)
TOP = jets_of_particles(6, 555.0, 645.0, most=12)
QUARK_GLUON = jets_of_particles(6, 510.0, 540.0, most=12, mass=0.13957)

Spoil = Callable[[dict[str, Any]], None]
SpoilFrame = Callable[[Frame], None]


def refused(path: Path, message: str, wanted: Wanted = Wanted()) -> None:  # noqa: B008 - frozen
    with pytest.raises(DataError, match=message) as caught:
        open_jets(path, wanted)
    assert str(path) in str(caught.value)


def remove(name: str) -> Spoil:
    def spoil(arrays: dict[str, Any]) -> None:
        del arrays[name]

    return spoil


def assign(name: str, place: Any, value: Any) -> Spoil:
    """A place for lists of lists is a pair of indices."""

    def spoil(arrays: dict[str, Any]) -> None:
        if isinstance(arrays[name], list):
            arrays[name][place[0]][place[1]] = value
        else:
            arrays[name][place] = value

    return spoil


def scale(factor: float, *names: str) -> Spoil:
    def spoil(arrays: dict[str, Any]) -> None:
        for name in names:
            values = arrays[name]
            whole = isinstance(values, list)
            arrays[name] = [factor * each for each in values] if whole else factor * values

    return spoil


def swap(first: str, second: str) -> Spoil:
    def spoil(arrays: dict[str, Any]) -> None:
        arrays[first], arrays[second] = arrays[second], arrays[first]

    return spoil


def swap_columns(name: str, first: int, second: int) -> Spoil:
    def spoil(arrays: dict[str, Any]) -> None:
        arrays[name][..., [first, second]] = arrays[name][..., [second, first]]

    return spoil


def shorten(name: str, *sizes: int) -> Spoil:
    def spoil(arrays: dict[str, Any]) -> None:
        arrays[name] = arrays[name][tuple(slice(size) for size in sizes)]

    return spoil


def rename(name: str, old: str, new: str) -> Spoil:
    def spoil(arrays: dict[str, Any]) -> None:
        arrays[name] = np.array(
            [new if each.decode() == old else each for each in arrays[name]], "S"
        )

    return spoil


def empty_lists(arrays: dict[str, Any]) -> None:
    for name, values in arrays.items():
        if name.startswith("part_"):
            values[4] = values[4][:0]


PARTS = ("part_px", "part_py", "part_pz", "part_energy")


@needs_package("uproot")
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (remove("part_energy"), "'tree' of .* has no column 'part_energy'; it has 'npart_px'"),
        (remove("label_Hgg"), "no column 'label_Hgg'"),
        (remove("part_px"), "no tree with a branch 'part_px'|no column 'part_px'"),
        (assign("part_pz", (3, 1), np.nan), "row 3 of 'tree'.*part_pz of particle 1 is nan"),
        (assign("jet_eta", 2, np.inf), "row 2 of 'tree'.*jet_eta is inf"),
        (swap("part_px", "part_energy"), "row 0 .*no four-momentum; are part_px"),
        (scale(1000.0, *PARTS), "row 0 .*different units; both have to be in GeV"),
        (scale(1000.0, *PARTS, "jet_pt"), "row 0 .*a jet pT of .*500 to 1000 GeV.*MeV"),
        (scale(0.001, *PARTS, "jet_pt"), "row 0 .*a jet pT of 0.*TeV"),
        (assign("label_Hbb", 5, True), "row 5 .*the labels .*exactly one"),
        (assign("label_Tbl", 1, 0), "row 1 .*the labels .*exactly one"),
        (empty_lists, "row 4 of 'tree'.*without a particle; drop_empty=True"),
    ],
)  # fmt: skip
def test_jetclass(tmp_path: Path, spoil: Spoil, message: str) -> None:
    branches = layouts.jetclass(JETCLASS, 9)
    spoil(branches)
    refused(layouts.write_jetclass(tmp_path / "TTBarLep_000.root", branches), message)


@needs_package("h5py")
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (remove("jet_features"), "no dataset 'jet_features'; it holds particle_features"),
        (shorten("particle_features", 6, 30, 3), r"'particle_features' .*\(6, 30, 3\); expected"),
        (shorten("particle_features", 5), r"\(5, 30, 4\); expected .*\(6, any, 4\)"),
        (assign("particle_features", (2, 1, 2), np.nan), "row 2 .*ptrel of particle 1 is nan"),
        (assign("particle_features", (2, 1, 2), -0.1), "row 2 .*ptrel .*of particle 1 is -0.1"),
        (assign("particle_features", (2, 1, 3), 0.5), "row 2 .*the mask .*is 0.5"),
        (swap_columns("particle_features", 2, 3), "row 0 .*the mask"),
        (swap_columns("particle_features", 0, 3), "row 0 .*the mask"),
        (swap_columns("jet_features", 0, 2), "only . of 6 jets .*columns are swapped"),
        (swap_columns("jet_features", 2, 3), "row 0 .*num_particles"),
        (swap_columns("jet_features", 0, 1), "row .*(ptrel|units|rapidity)"),
        (scale(1000.0, "jet_features"), "row 0 .*(num_particles|beams|rapidity)"),
        (assign("particle_features", 3, 0.0), "row 3 .*num_particles"),
    ],
)  # fmt: skip
def test_jetnet(tmp_path: Path, spoil: Spoil, message: str) -> None:
    datasets = layouts.jetnet(TEV)
    spoil(datasets)
    refused(layouts.write_hdf5(tmp_path / "q.hdf5", datasets), message)


@needs_package("h5py")
def test_jetnet_in_mev(tmp_path: Path) -> None:
    datasets = layouts.jetnet(TEV)
    datasets["jet_features"][:, [0, 2]] *= 1000.0
    refused(layouts.write_hdf5(tmp_path / "q.hdf5", datasets), "row 0 .*MeV or TeV")


@needs_package("h5py")
def test_jetnet_file_without_its_class(tmp_path: Path) -> None:
    path = layouts.write_hdf5(tmp_path / "jets.hdf5", layouts.jetnet(TEV))
    refused(path, "the class of a JetNet file is in its name")


@needs_package("h5py")
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (remove("jetFeatureNames"), "no dataset 'jetFeatureNames'"),
        (remove("jets"), "no dataset 'jets'"),
        (rename("particleFeatureNames", "j1_e", "j1_energy"), "no column 'j1_e'"),
        (rename("jetFeatureNames", "j_t", "j_top"), "no column 'j_t'"),
        (rename("jetFeatureNames", "j_c1_b0_mmdt", "j_c1"), "no column 'j_c1_b0_mmdt'"),
        (shorten("jets", 6, 58), r"'jets' of .*\(6, 58\); expected numbers .*\(any, 59\)"),
        (shorten("jets", 5), r"'jetConstituentList' of .*expected .*\(5, any, 16\)"),
        (shorten("jetConstituentList", 6, 50, 15), r"\(6, 50, 15\); expected"),
        (assign("jetConstituentList", (1, 2, 0), np.nan), "row 1 .*j1_px of particle 2 is nan"),
        (assign("jets", (1, 12), np.nan), "row 1 of 'jets'.*j_zlogz is nan"),
        (assign("jets", (1, 12), 1e300), "row 1 of 'jets'.*j_zlogz is 1e[+]300"),
        (swap_columns("jetConstituentList", 0, 3), "row 0 .*no four-momentum; are j1_px"),
        (assign("jets", (4, 58), 1.0), "ok"),
        (assign("jets", (4, slice(53, 58)), 0.0), "row 4 of 'jets'.*exactly one"),
        (assign("jets", (4, slice(53, 55)), 1.0), "row 4 of 'jets'.*exactly one"),
        (scale(1000.0, "jetConstituentList"), "row 0 .*different units"),
        (assign("jetConstituentList", 3, 0.0), "row 3 .*without a particle"),
    ],
)  # fmt: skip
def test_hls4ml_jets(tmp_path: Path, spoil: Spoil, message: str) -> None:
    datasets = layouts.hls4ml(TEV, ["g", "q", "w", "z", "t", "t"], 50)
    spoil(datasets)
    path = layouts.write_hdf5(tmp_path / "jets.h5", datasets)
    if message == "ok":  # j_undef is no class
        assert len(open_jets(path)) == 6
    else:
        refused(path, message)


def of_names(old: str, new: str) -> SpoilFrame:
    def spoil(frame: Frame) -> None:
        frame.names = [[new if name == old else name for name in names] for names in frame.names]

    return spoil


def cell(block: int, row: int, column: int, value: float) -> SpoilFrame:
    def spoil(frame: Frame) -> None:
        frame.blocks[block][row, column] = value

    return spoil


def in_mev(frame: Frame) -> None:
    frame.blocks[0] *= np.float32(1000.0)


def px_first(frame: Frame) -> None:
    """E last in values, though named first."""
    particles = frame.blocks[0][:, :800].reshape(-1, 200, 4)
    frame.blocks[0][:, :800] = particles[:, :, [1, 2, 3, 0]].reshape(-1, 800)


def pz_for_px(frame: Frame) -> None:
    particles = frame.blocks[0][:, :800].reshape(-1, 200, 4)
    frame.blocks[0][:, :800] = particles[:, :, [0, 3, 2, 1]].reshape(-1, 800)


def forty_particles(frame: Frame) -> None:
    frame.blocks[0], frame.names[0] = frame.blocks[0][:, :160], frame.names[0][:160]


def no_particle(frame: Frame) -> None:
    frame.blocks[0][2] = 0.0


@needs_package("h5py")
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (of_names("PX_7", "px_7"), "'table/table' of .*no column 'PX_7'"),
        (of_names("is_signal_new", "is_signal"), "no column 'is_signal_new'"),
        (cell(0, 3, 5, np.nan), "row 3 of 'table/table'.*PX_i of particle 1 is nan"),
        (cell(1, 3, 1, 2), "row 3 .*the label is_signal_new is 2.0; expected 0 to 1"),
        (in_mev, "row 0 .*a jet pT of .*550 to 650 GeV.*MeV"),
        (px_first, "row 0 .*no four-momentum; are PX_i, PY_i, PZ_i, E_i in another order"),
        (pz_for_px, "only . of 6 jets .*550 to 650 GeV.*columns are swapped"),
        (forty_particles, "no column 'PX_40'"),
        (no_particle, "row 2 .*without a particle"),
    ],
)  # fmt: skip
def test_top_tagging(tmp_path: Path, spoil: SpoilFrame, message: str) -> None:
    frame = layouts.top_tagging(TOP, [0, 1] * 3)
    spoil(frame)
    refused(layouts.write_frame(tmp_path / "test.h5", frame), message)


@needs_package("h5py")
@pytest.mark.parametrize(
    ("names", "message"),
    [
        (b"(lp0\n.", "names 0 columns of values_block_0 and stores 804"),
        (b"no pickle", "names 0 columns"),
        (b"cos\nsystem\n(S'touch owned'\ntR.", "names 1 columns"),
    ],
)
def test_pickled_names_are_never_unpickled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: bytes, message: str
) -> None:
    import h5py

    monkeypatch.chdir(tmp_path)
    path = layouts.write_frame(tmp_path / "t.h5", layouts.top_tagging(TOP, [0, 1] * 3))
    with h5py.File(path, "r+") as file:
        file["table/table"].attrs["values_block_0_kind"] = np.bytes_(names)
    refused(path, message)
    assert not Path("owned").exists()


@needs_package("h5py")
def test_a_frame_in_the_fixed_format(tmp_path: Path) -> None:
    import h5py

    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["table/block0_values"] = np.zeros((2, 804))
    refused(tmp_path / "t.h5", "no dataset 'table/table'.*format='table'")


@needs_package("h5py")
def test_a_compression_that_h5py_lacks(tmp_path: Path) -> None:
    """Number 300 is no filter of anybody; an optional one may be absent while writing."""
    import h5py

    path = tmp_path / "g.hdf5"
    layouts.write_hdf5(path, {"jet_features": np.zeros((4, 4))})
    with h5py.File(path, "r+") as file:
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk((4, 30, 4))
        properties.set_filter(300, h5py.h5z.FLAG_OPTIONAL)
        space = h5py.h5s.create_simple((4, 30, 4))
        kind = h5py.h5t.NATIVE_FLOAT
        h5py.h5d.create(file.id, b"particle_features", kind, space, properties)
    with pytest.raises(ToolMissing, match=r"pip install hdf5plugin .*filter 300 compresses"):
        open_jets(path)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (remove("y"), "no array 'y'; it holds X"),
        (shorten("X", 6, 12, 3), r"'X' of .*\(6, \d+, 3\); expected floats"),
        (shorten("y", 5), r"'y' of .*\(5,\); expected one label for each of the 6 jets"),
        (assign("X", (1, 0, 1), np.nan), "row 1 of 'X'.*rapidity .*of particle 0 is nan"),
        (assign("X", (1, 0, 0), -3.0), "row 1 of 'X'.*pT .*of particle 0 is -3"),
        (assign("X", (1, 0, 3), 15.0), "row 1 of 'X'.*PDG code .*of particle 0 is 15"),
        (assign("X", (1, 0, 3), 211.5), "row 1 of 'X'.*PDG code .*is 211.5"),
        (swap_columns("X", 0, 1), r"row \d of 'X'.*(pT|rapidity)"),
        (swap_columns("X", 0, 3), "row 0 of 'X'.*PDG code"),
        (swap_columns("X", 1, 3), "row 0 of 'X'.*PDG code"),
        (assign("y", 2, 7), "row 2 of 'y'.*the label y is 7.0; expected 0 to 1"),
        (assign("X", (slice(None), slice(None), 0), 0.0), "row 0 .*without a particle"),
    ],
)  # fmt: skip
def test_quark_gluon(tmp_path: Path, spoil: Spoil, message: str) -> None:
    arrays = layouts.quark_gluon(QUARK_GLUON, [0, 1] * 3, 211)
    spoil(arrays)
    refused(layouts.write_npz(tmp_path / "QG_jets.npz", arrays), message)


def test_quark_gluon_in_mev(tmp_path: Path) -> None:
    arrays = layouts.quark_gluon(QUARK_GLUON, [0, 1] * 3, 211)
    arrays["X"][:, :, 0] *= 1000.0
    refused(layouts.write_npz(tmp_path / "QG.npz", arrays), "row 0 .*500 to 550 GeV.*MeV")


def test_units_that_change_within_a_file(tmp_path: Path) -> None:
    arrays = layouts.quark_gluon(QUARK_GLUON, [0, 1] * 3, 211)
    arrays["X"][4, :, 0] *= 1000.0
    refused(layouts.write_npz(tmp_path / "QG.npz", arrays), "row 4 .*500 to 550 GeV.*MeV")


def test_objects_in_an_archive_are_not_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "QG.npz", X=np.array([None], dtype=object), y=np.zeros(1))
    refused(tmp_path / "QG.npz", "cannot be read as .npz .*allow_pickle")


def test_an_archive_of_zeros_is_no_bomb(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "QG.npz", X=np.zeros((3000, 1000, 4)), y=np.zeros(3000))
    refused(tmp_path / "QG.npz", "expands to 96,0")


@needs_package("h5py", "uproot")
@pytest.mark.parametrize("name", ["TTBar.root", "t.hdf5", "h.h5", "train.h5", "QG.npz"])
def test_a_file_cut_short_or_damaged(tmp_path: Path, name: str) -> None:
    """Whatever the damage, the jets or one of our errors: never a crash, never another error."""
    path = {
        "TTBar.root": lambda p: layouts.write_jetclass(p, layouts.jetclass(JETCLASS, 8)),
        "t.hdf5": lambda p: layouts.write_hdf5(p, layouts.jetnet(TEV)),
        "h.h5": lambda p: layouts.write_hdf5(p, layouts.hls4ml(TEV, ["t"] * 6, 30)),
        "train.h5": lambda p: layouts.write_frame(p, layouts.top_tagging(TOP, [0, 1] * 3)),
        "QG.npz": lambda p: layouts.write_npz(p, layouts.quark_gluon(QUARK_GLUON, [0] * 6, 211)),
    }[name](tmp_path / name)
    whole = path.read_bytes()
    random = np.random.default_rng(5)
    for size in [0, 1, 8, *random.integers(9, len(whole) * 9 // 10, 12)]:
        path.write_bytes(whole[:size])
        refused(path, re.escape(str(path)))
    for place in random.integers(0, len(whole), 12):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        with suppress(InferonError):  # anything else fails
            open_jets(path)
