"""Writing an artefact, all or nothing; and wrong data at ``predict``, one line each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from inferon.compile import Compiled
from inferon.compile import compile as compile_
from inferon.errors import DataError, OutputError
from inferon.ir.graph import Graph
from inferon.ir.types import FLOAT32, INT32
from inferon.ops import build as b
from inferon.targets import base
from inferon.targets.base import MANIFEST, File, write_folder
from inferon.targets.cpp import Cpp

OLD = (File(MANIFEST, b"old"), File("only_old.hpp", b"old"))
NEW = (File(MANIFEST, b"new"), File("sub/new.hpp", b"new"), File("weights.bin", bytes(range(256))))


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def as_dict(files: tuple[File, ...]) -> dict[str, bytes]:
    return {file.path: file.content for file in files}


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refused(folder: Path, word: str) -> None:
    """Assert one line that says what is wrong, and that nothing changed around the folder."""
    before = listing(folder.parent)
    with pytest.raises(OutputError, match=word) as caught:
        write_folder(NEW, folder)
    assert "\n" not in str(caught.value)
    assert listing(folder.parent) == before


# --------------------------------------------------------------------------------- what is written


@pytest.mark.parametrize(
    "name", ["out", "with spaces", 'it\'s "quoted"', "-rf", "$(touch x)", "ünïcode", "a" * 200]
)
def test_any_name_of_a_folder_works(name: str, tmp_path: Path) -> None:
    assert content(write_folder(NEW, tmp_path / name)) == as_dict(NEW)
    assert listing(tmp_path) == [name]


def test_parents_are_made_and_the_folder_can_be_read_by_others(tmp_path: Path) -> None:
    folder = write_folder(NEW, tmp_path / "a" / "b" / "out")
    assert content(folder) == as_dict(NEW)
    assert folder.stat().st_mode & 0o777 == 0o755


def test_an_empty_folder_is_filled_and_an_artefact_is_replaced_whole(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    write_folder(OLD, folder)
    write_folder(NEW, folder)
    assert content(folder) == as_dict(NEW)
    assert listing(tmp_path) == ["out"]


def test_a_relative_path_is_taken_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_folder(NEW, "out")
    assert content(tmp_path / "out") == as_dict(NEW)


# --------------------------------------------------------------------------------- what is refused


def test_a_link_is_refused_and_what_it_names_stays(tmp_path: Path) -> None:
    real = tmp_path / "real"
    write_folder(OLD, real)
    link = tmp_path / "link"
    link.symlink_to(real)
    refused(link, "is a link")
    assert content(real) == as_dict(OLD)


def test_a_dangling_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    refused(tmp_path / "link", "is a link")


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    refused(tmp_path / "file", "is a file")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_file_among_the_parents_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="choose another"):
        write_folder(NEW, tmp_path / "file" / "out")


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "chapter.tex").write_text("mine")
    refused(folder, "no artefact")
    assert content(folder) == {"chapter.tex": b"mine"}


@pytest.mark.parametrize("name", ["/", ""])
def test_what_cannot_be_a_folder_is_refused(name: str) -> None:
    with pytest.raises(OutputError, match="name a new one"):
        write_folder(NEW, name)


def test_the_folder_one_stands_in_is_refused_or_written_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError):
        write_folder(NEW, ".")
    assert listing(tmp_path) == []


def test_a_parent_that_cannot_hold_folders_is_refused() -> None:
    with pytest.raises(OutputError, match="choose another"):
        write_folder(NEW, "/proc/self/inferon/out")


# --------------------------------------------------------------------------- failure, interruption


class FailsAtCall:
    """A stand-in for a method of Path that fails at one call and works otherwise."""

    def __init__(self, right: Callable[..., object], at: int, error: BaseException) -> None:
        self.right, self.at, self.error = right, at, error
        self.calls = 0

    def __get__(self, path: Path, kind: object) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            self.calls += 1
            if self.calls == self.at + 1:
                raise self.error
            return self.right(path, *arguments)

        return call


ERRORS = [OSError(28, "No space left on device"), KeyboardInterrupt()]
STEPS = [("write_bytes", 0), ("write_bytes", 1), ("write_bytes", 2), ("rename", 0), ("rename", 1)]


@pytest.mark.parametrize("error", ERRORS, ids=["full disk", "interrupted"])
@pytest.mark.parametrize(("step", "at"), STEPS, ids=lambda value: str(value))
def test_whatever_fails_the_older_artefact_stays_whole(
    step: str, at: int, error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_folder(OLD, tmp_path / "out")
    fails = FailsAtCall(getattr(Path, step), at, error)
    with monkeypatch.context() as patch:
        patch.setattr(Path, step, fails)
        with pytest.raises(OutputError if isinstance(error, OSError) else KeyboardInterrupt):
            write_folder(NEW, folder)
    assert fails.calls > at
    assert content(folder) == as_dict(OLD)
    assert listing(tmp_path) == ["out"]
    assert content(write_folder(NEW, folder)) == as_dict(NEW)


@pytest.mark.parametrize("error", ERRORS, ids=["full disk", "interrupted"])
@pytest.mark.parametrize(("step", "at"), STEPS[:4], ids=lambda value: str(value))
def test_whatever_fails_no_new_folder_is_left_half_written(
    step: str, at: int, error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Path, step, FailsAtCall(getattr(Path, step), at, error))
        with pytest.raises(OutputError if isinstance(error, OSError) else KeyboardInterrupt):
            write_folder(NEW, tmp_path / "out")
    assert listing(tmp_path) == []


def test_the_message_of_a_full_disk_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "write_bytes", FailsAtCall(Path.write_bytes, 0, ERRORS[0]))
    with pytest.raises(OutputError, match="No space left on device; the older content is whole"):
        write_folder(NEW, tmp_path / "out")


def test_files_stay_inside_of_the_folder() -> None:
    """Names of files are made by targets; none climbs out."""
    graph = two_inputs().graph
    for file in compile_(graph, Cpp()).artifact.files:
        assert not Path(file.path).is_absolute()
        assert ".." not in Path(file.path).parts
    assert base.MANIFEST in [file.path for file in compile_(graph, Cpp()).artifact.files]


# -------------------------------------------------------------------------------------- wrong data


def two_inputs() -> Compiled:
    x, k = b.input_("x", (3,), FLOAT32), b.input_("k", (), INT32)
    y = b.mul(x, b.cast(k, FLOAT32))
    return compile_(Graph("scaled", (x, k), (y,), ("y",)), Cpp())


GOOD_X, GOOD_K = np.ones((2, 3), np.float32), np.ones(2, np.int32)

WRONG: dict[str, tuple[object, str]] = {
    "float64": ([GOOD_X.astype(np.float64), GOOD_K], "astype"),
    "int64": ([GOOD_X, GOOD_K.astype(np.int64)], "int32"),
    "objects": ([GOOD_X.astype(object), GOOD_K], "Python objects"),
    "strings": ([GOOD_X.astype(str), GOOD_K], "dtype"),
    "wrong order": ([GOOD_K, GOOD_X], "dtype"),
    "no events axis": ([GOOD_X[0], GOOD_K], "events first"),
    "too wide": ([np.ones((2, 4), np.float32), GOOD_K], "events first"),
    "too many axes": ([GOOD_X[:, None], GOOD_K], "events first"),
    "turned": ([np.ones((3, 2), np.float32), np.ones(3, np.int32)], "events first"),
    "events differ": ([GOOD_X, GOOD_K[:1]], "number of events"),
    "one array": (GOOD_X, "2 inputs"),
    "three arrays": ([GOOD_X, GOOD_K, GOOD_K], "2 inputs"),
    "unknown name": ({"x": GOOD_X, "q": GOOD_K}, "unknown"),
    "missing name": ({"x": GOOD_X}, "missing"),
    "nothing": ([], "2 inputs"),
    "text": ([GOOD_X.astype("S3"), GOOD_K], "dtype"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_data_are_refused_in_one_line_before_anything_is_compiled(case: str) -> None:
    data, word = WRONG[case]
    with pytest.raises(DataError, match=word) as caught:
        two_inputs().predict(data)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_ragged_list_is_refused() -> None:
    with pytest.raises(DataError):
        two_inputs().predict([[[1.0, 2.0, 3.0], [1.0]], GOOD_K])
