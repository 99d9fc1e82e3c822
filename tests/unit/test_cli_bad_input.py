"""Bad input through the command line: one error, its exit code, nothing half-written (10 s)."""

from __future__ import annotations

import hashlib
import io
import json
import os
import resource
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.absent import needs_tool
from tests.docs.markdown import ROOT
from tests.docs.test_code_blocks import INFERON
from tests.unit.command_line import MLP, MODELS, CommandLine, Ran, tree

MAX_SECONDS = 5.0
MAX_BYTES = 1 << 30


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


@pytest.fixture(autouse=True)
def _cheap() -> Iterator[None]:
    """Every test here keeps the promise on time and memory."""
    start, memory = time.monotonic(), _peak_bytes()
    yield
    assert time.monotonic() - start < MAX_SECONDS
    assert _peak_bytes() - memory < MAX_BYTES


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def refused(ran: Ran, code: int) -> str:
    """Return the message of a run that was refused with one line, and without a traceback."""
    assert (ran.code, ran.out) == (code, ""), ran
    errors = [line for line in ran.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert ran.err.splitlines()[-1] == errors[0]
    assert "Traceback" not in ran.err
    return errors[0]


# ------------------------------------------------------------------------------------ model files


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.onnx", MLP.read_bytes())


BAD_FILES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "truncated": lambda path: path.write_bytes(MLP.read_bytes()[:-700]),
    "text": lambda path: path.write_text("this is no model\n"),
    "zip": _zip,
    "folder": lambda path: path.mkdir(),
    "absent": lambda path: None,
}


@pytest.mark.parametrize("verb", ["show", "check", "verify", "bench", "compile"])
@pytest.mark.parametrize("kind", BAD_FILES)
@pytest.mark.parametrize("ending", ["onnx", "inferon"])
def test_a_file_that_is_no_model(
    run: CommandLine, tmp_path: Path, verb: str, kind: str, ending: str
) -> None:
    path = tmp_path / f"model.{ending}"
    BAD_FILES[kind](path)
    out = ["-o", tmp_path / "out"] if verb == "compile" else []
    refused(run(verb, path, *out), 3)
    error = run(verb, path, *out, "--json").document["error"]
    assert error["exit_code"] == 3
    assert not (tmp_path / "out").exists()


def test_no_character_of_a_file_name_steers_the_terminal(run: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "a\x1b[31m\x07[bold]b.inferon"
    message = refused(run("show", path), 3)
    assert "\x1b" not in message
    assert "\x07" not in message
    assert "[bold]" in message


# ----------------------------------------------------------------------------------- output places


def test_an_output_that_is_a_link(run: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert "link" in refused(run("compile", MLP, "-o", tmp_path / "link"), 2)
    assert not tree(tmp_path)


def test_an_output_that_is_a_file(run: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    refused(run("compile", MLP, "-o", tmp_path / "file"), 2)
    assert tree(tmp_path) == {"file": b"mine"}


def test_an_output_below_a_file(run: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    refused(run("compile", MLP, "-o", tmp_path / "file" / "below"), 2)
    assert tree(tmp_path) == {"file": b"mine"}


def test_an_output_where_nothing_can_be_written(run: CommandLine) -> None:
    """Root may write into every folder but those of the kernel."""
    refused(run("compile", MLP, "-o", "/proc/inferon"), 2)


def test_an_output_with_files_that_are_not_ours(run: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    refused(run("compile", MLP, "-o", tmp_path), 2)
    assert tree(tmp_path) == {"thesis.tex": b"mine"}


def test_an_output_with_spaces_and_quotes_works(run: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / 'it\'s a "folder" $HOME; `x` é'
    ran = run("compile", MLP, "-o", folder)
    assert ran.code == 0, ran.err
    assert {path.name for path in tmp_path.iterdir()} == {folder.name}
    assert whole(folder)


def test_the_demo_refuses_a_bad_folder_before_it_works(run: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path)
    for bad in (tmp_path / "file", tmp_path / "link", "/proc/inferon"):
        ran = run("demo", "-o", bad)
        refused(ran, 2)
        assert "compiling" not in ran.err
    assert tree(tmp_path) == {"file": b"mine"}


# ------------------------------------------------------------------------------------ event files


def events(**arrays: np.ndarray) -> Callable[[Path], None]:
    return lambda path: np.savez(path, allow_pickle=True, **arrays)


def _bomb(path: Path) -> None:
    """A zip file whose directory says that a member has 2 GB."""
    np.savez(path, x=np.zeros((3, 12), np.float32))
    content = bytearray(path.read_bytes())
    place = content.index(b"PK\x01\x02") + 24  # uncompressed size in the central directory
    content[place : place + 4] = (1 << 31).to_bytes(4, "little")
    path.write_bytes(content)


def _giant(path: Path) -> None:
    """An array whose header says that it has 10**13 elements."""
    member = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": (10**12, 12)}
    np.lib.format.write_array_header_1_0(member, header)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", member.getvalue())


BAD_EVENTS: dict[str, Callable[[Path], object]] = {
    "dtype": events(x=np.zeros((3, 12))),
    "shape": events(x=np.zeros((3, 11), np.float32)),
    "order": events(x=np.zeros((12, 3), np.float32)),
    "rank": events(x=np.zeros(12, np.float32)),
    "objects": events(x=np.array([[None] * 12] * 3, object)),
    "names": events(a=np.zeros((3, 12), np.float32), b=np.zeros((3, 12), np.float32)),
    "nothing": events(),
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("1 2 3\n"),
    "zip": _zip,
    "absent": lambda path: None,
    "folder": lambda path: path.mkdir(),
    "bomb": _bomb,
    "giant": _giant,
}


@pytest.mark.parametrize("verb", ["verify", "bench"])
@pytest.mark.parametrize("kind", BAD_EVENTS)
def test_a_file_that_holds_no_events(
    run: CommandLine, tmp_path: Path, verb: str, kind: str
) -> None:
    path = tmp_path / "events.npz"
    BAD_EVENTS[kind](path)
    refused(run(verb, MLP, "--data", path), 2)


def test_pickles_are_never_loaded(run: CommandLine, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
            return os.mkdir, (str(tmp_path / "sprung"),)

    np.savez(tmp_path / "events.npz", allow_pickle=True, x=np.array([Trap()], object))
    message = refused(run("verify", MLP, "--data", tmp_path / "events.npz"), 2)
    assert "Python objects" in message
    assert not (tmp_path / "sprung").exists()


# -------------------------------------------------------------------------- failed and interrupted


def whole(folder: Path) -> bool:
    """Return whether a folder is an artefact whose files have the hashes of its manifest."""
    manifest = json.loads((folder / "manifest.json").read_text())
    found = {
        name: hashlib.sha256(content).hexdigest()
        for name, content in tree(folder).items()
        if name != "manifest.json"
    }
    return bool(found == manifest["files"])


@pytest.fixture
def older(run: CommandLine, tmp_path: Path) -> Path:
    """A folder with the artefact of another model in it."""
    folder = tmp_path / "out"
    assert run("compile", MODELS / "b_jet16.onnx", "-o", folder).code == 0
    return folder


def test_a_newer_artefact_replaces_an_older_one(run: CommandLine, older: Path) -> None:
    assert run("compile", MLP, "-o", older).code == 0
    assert (older / "a_mlp12.hpp").exists()
    assert whole(older)
    assert list(older.parent.iterdir()) == [older]


def test_a_disk_that_is_full_leaves_the_older_artefact_whole(older: Path) -> None:
    """No file of the process may have more than 4 kB, so the header fails half-way."""
    before = tree(older)
    ran = subprocess.run(
        [*INFERON, "compile", str(MLP), "-o", str(older)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
    )
    refused(Ran(ran.returncode, ran.stdout, ran.stderr), 2)
    assert tree(older) == before
    assert list(older.parent.iterdir()) == [older]


@pytest.mark.parametrize("step", range(3))
def test_ctrl_c_while_folders_are_exchanged_leaves_one_whole(
    run: CommandLine, older: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """The exchange is a few renames; Ctrl-C comes before, between and after them."""
    before, calls, rename = tree(older), [0], Path.rename

    def interrupted(self: Path, target: Path) -> Path:
        calls[0] += 1
        if calls[0] == step + 1:
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    ran = run("compile", MLP, "-o", older)
    monkeypatch.undo()
    assert ran.code == (130 if step < 2 else 0)
    assert whole(older)
    assert (tree(older) == before) == (step < 2)
    assert list(older.parent.iterdir()) == [older]


@needs_tool("g++")
def test_a_failed_check_writes_nothing(run: CommandLine, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ran = run("compile", MLP, "-o", out, "--check", 3, "--march", "no-such-machine")
    assert ran.code == 4
    assert not out.exists()
