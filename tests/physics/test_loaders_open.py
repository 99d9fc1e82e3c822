"""Which layout a file has, which of its jets are read, and what is missing to read it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest

from inferon.errors import DataError, ExtraMissing, UsageError
from inferon.physics.event_split import split_by_event
from inferon.physics.loaders import LAYOUTS, Wanted, assembly, open_jets
from inferon.physics.sample import save_jets
from tests.absent import needs_package
from tests.physics import published_layouts as layouts
from tests.physics.published_layouts import jets_of_particles

MANY = jets_of_particles(50, 510.0, 540.0, most=8, mass=0.13957)
TEV = jets_of_particles(20, 800.0, 1200.0, most=12)


def quark_gluon(path: Path) -> Path:
    return layouts.write_npz(path, layouts.quark_gluon(MANY, [0, 1] * 25, 211))


def jetnet_folder(folder: Path) -> Path:
    for number, name in enumerate("gqtwz"):
        jets = jets_of_particles(4 + number, 800.0, 1200.0, most=12, seed=number)
        layouts.write_hdf5(folder / f"{name}.hdf5", layouts.jetnet(jets))
    (folder / "README.md").write_text("not a file of jets\n")
    return folder


@needs_package("h5py")
def test_a_folder_is_all_its_files(tmp_path: Path) -> None:
    jets = open_jets(jetnet_folder(tmp_path))
    in_order = "gqtwz"  # by name of the file
    counts = [4, 5, 6, 7, 8]
    names = "".join(jets.class_names[label].lower() for label in jets.label)
    assert names == "".join(name * counts["gqtwz".index(name)] for name in sorted(in_order))
    assert jets.event_id.tolist() == list(range(30))


@needs_package("h5py")
def test_jets_are_shared_between_files_and_keep_their_event_id(tmp_path: Path) -> None:
    """13 jets from five files: 3, 3, 3, 2, 2, each from row 1 on."""
    folder = jetnet_folder(tmp_path)
    everything, some = open_jets(folder), open_jets(folder, Wanted(start=1, jets=13))
    place = [0, 4, 9, 15, 22]  # files g, q, t, w, z in order have 4, 5, 6, 7, 8 jets
    expected = [
        first + 1 + row
        for first, share in zip(place, [3, 3, 3, 2, 2], strict=True)
        for row in range(share)
    ]
    assert some.event_id.tolist() == expected
    assert (some.constituents == everything.constituents[expected]).all()
    whole = split_by_event(everything.event_id)
    assert (split_by_event(some.event_id).test == whole.test[expected]).all()


@needs_package("h5py")
def test_several_files_may_be_listed(tmp_path: Path) -> None:
    folder = jetnet_folder(tmp_path)
    jets = open_jets([folder / "t.hdf5", folder / "g.hdf5"])
    assert [jets.class_names[label] for label in jets.label] == ["t"] * 6 + ["g"] * 4


def read_at_once(monkeypatch: pytest.MonkeyPatch, jets: int) -> None:
    monkeypatch.setattr("inferon.physics.loaders.assembly.CHUNK_JETS", jets)
    monkeypatch.setattr("inferon.physics.loaders.jetclass.CHUNK_JETS", jets)


@needs_package("h5py", "uproot")
@pytest.mark.parametrize("name", ["QG.npz", "train.h5", "t150.hdf5", "jets.h5", "TTBar.root"])
def test_chunks_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    write: dict[str, Callable[[Path], Path]] = {
        "QG.npz": quark_gluon,
        "train.h5": lambda path: layouts.write_frame(
            path, layouts.top_tagging(jets_of_particles(20, 555.0, 645.0, most=9), [0, 1] * 10)
        ),
        "t150.hdf5": lambda path: layouts.write_hdf5(path, layouts.jetnet(TEV, 150)),
        "jets.h5": lambda path: layouts.write_hdf5(path, layouts.hls4ml(TEV, ["g", "t"] * 10, 30)),
        "TTBar.root": lambda path: layouts.write_jetclass(
            path, layouts.jetclass(jets_of_particles(20, 600.0, 900.0, most=9), 8)
        ),
    }
    path = write[name](tmp_path / name)
    whole, part = open_jets(path), open_jets(path, Wanted(start=5, jets=11))
    read_at_once(monkeypatch, 4)
    in_chunks, part_in_chunks = open_jets(path), open_jets(path, Wanted(start=5, jets=11))
    for one, other in (
        (whole, in_chunks),
        (part, part_in_chunks),
        (whole.select(np.arange(5, 16)), part),
    ):
        assert (one.constituents == other.constituents).all()
        assert (one.label == other.label).all()
        assert (one.event_id == other.event_id).all()
        assert (one.mass_gev == other.mass_gev).all()
        assert one.title == other.title


def test_empty_jets_can_be_left_out(tmp_path: Path) -> None:
    arrays = layouts.quark_gluon(MANY, [0, 1] * 25, 211)
    arrays["X"][[0, 7]] = 0.0
    path = layouts.write_npz(tmp_path / "QG.npz", arrays)
    with pytest.raises(DataError, match=r"row 0 .*drop_empty=True"):
        open_jets(path)
    jets = open_jets(path, Wanted(drop_empty=True))
    assert jets.event_id.tolist() == [row for row in range(50) if row not in (0, 7)]


def test_rows_beyond_the_end(tmp_path: Path) -> None:
    path = quark_gluon(tmp_path / "QG.npz")
    with pytest.raises(DataError, match="no jets from row 50 on"):
        open_jets(path, Wanted(start=50))
    assert len(open_jets(path, Wanted(start=49, jets=10))) == 1


def test_a_set_larger_than_the_memory_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = quark_gluon(tmp_path / "QG.npz")
    bytes_of_a_jet = 2 * 8 * 4 * 4  # read and joined; 8 particles, 4 floats
    monkeypatch.setattr(assembly, "_memory_bytes", lambda: 20 * bytes_of_a_jet)
    with pytest.raises(DataError, match=r"ask for fewer jets \(jets=\.\.\.\)"):
        open_jets(path, Wanted(constituents=8, jets=21))
    assert len(open_jets(path, Wanted(constituents=8, jets=20))) == 20


@pytest.mark.parametrize("bad", [{"start": -1}, {"jets": 0}, {"constituents": 0}])
def test_wanted_makes_sense(bad: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=next(iter(bad))):
        Wanted(**bad)  # type: ignore[arg-type, unused-ignore]


def test_what_is_no_file_of_jets(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no file .*absent"):
        open_jets(tmp_path / "absent.h5")
    with pytest.raises(DataError, match=r"holds no file that ends with .root"):
        open_jets(tmp_path)
    with pytest.raises(DataError, match="no file of jets is given"):
        open_jets([])
    (tmp_path / "jets.h5").write_text("hello, world\n")
    with pytest.raises(
        DataError, match=r"neither ROOT, HDF5 nor .npz; known layouts: inferon, jetc"
    ):
        open_jets(tmp_path / "jets.h5")
    np.savez(tmp_path / "a.npz", a=np.zeros(3))
    with pytest.raises(DataError, match="holds a, which is no known layout"):
        open_jets(tmp_path / "a.npz")
    with pytest.raises(UsageError, match=r"no layout 'jetset'; there are inferon, jetclass"):
        open_jets(tmp_path / "a.npz", layout="jetset")


@needs_package("h5py")
def test_our_own_samples_open_whole(tmp_path: Path) -> None:
    """A public set saved as a sample of ours opens again, with the roundings of our format."""
    public = open_jets(quark_gluon(tmp_path / "QG.npz"))
    saved = save_jets(tmp_path / "jets.h5", public)
    ours = open_jets(tmp_path / "jets.h5")
    assert (ours.constituents == saved.constituents).all()
    assert ours.title == public.title
    assert ours.class_names == public.class_names
    assert (ours.event_id == public.event_id).all()
    with pytest.raises(UsageError, match="opened whole"):
        open_jets(tmp_path / "jets.h5", Wanted(jets=3))


@needs_package("h5py")
def test_files_of_two_layouts(tmp_path: Path) -> None:
    quark_gluon(tmp_path / "QG.npz")
    layouts.write_hdf5(tmp_path / "t.hdf5", layouts.jetnet(TEV))
    with pytest.raises(
        DataError, match=r"QG.npz is of layout 'quark-gluon' and .*t.hdf5 of 'jetnet'"
    ):
        open_jets(tmp_path)


@pytest.mark.parametrize(
    ("layout", "package", "remedy"),
    [
        ("jetclass", "uproot", "pip install 'inferon[root]'"),
        ("jetclass", "awkward", "pip install 'inferon[root]'"),
        ("jetnet", "h5py", "pip install 'inferon[h5]'"),
        ("hls4ml", "h5py", "pip install 'inferon[h5]'"),
        ("top-tagging", "h5py", "pip install 'inferon[h5]'"),
    ],
)
def test_a_missing_package_is_named_with_the_line_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str, package: str, remedy: str
) -> None:
    find_spec = importlib.util.find_spec

    def without(name: str) -> ModuleSpec | None:
        return None if name == package else find_spec(name)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    path = tmp_path / "g.hdf5"
    path.touch()
    with pytest.raises(ExtraMissing) as caught:
        open_jets(path, layout=layout)
    assert str(caught.value) == f"{package} is not installed: {remedy}"


def test_every_layout_has_a_name_of_its_own() -> None:
    assert set(LAYOUTS) == {"jetclass", "jetnet", "hls4ml", "top-tagging", "quark-gluon"}
