"""The cache of compiled libraries, under real processes."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inferon.errors import OutputError, ToolError
from inferon.targets import cache
from inferon.targets.base import File
from inferon.targets.toolchain import Compiler, shared_library
from tests.absent import needs_tool

pytestmark = needs_tool("g++")

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INFERON_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def made(number: int, compiler: Compiler | None = None) -> Path:
    source = File("a.cpp", f'extern "C" int number() {{ return {number}; }}\n'.encode())
    return shared_library([source], ["a.cpp"], compiler or Compiler(optimize="0"))


def number_of(library: Path) -> int:
    found: int = ctypes.CDLL(str(library)).number()
    return found


def set_age(path: Path, age_s: float) -> None:
    then = time.time() - age_s
    os.utime(path, (then, then))


def test_equal_sources_are_compiled_once(place: Path) -> None:
    first = made(1)
    before = first.stat().st_ino
    assert made(1) == first
    assert first.stat().st_ino == before
    assert number_of(first) == 1


def test_every_part_of_the_key_makes_another_library(place: Path) -> None:
    compilers = [
        Compiler(optimize="0"),
        Compiler(optimize="1"),
        Compiler(optimize="0", march=""),
        Compiler(optimize="0", flags=("-g",)),
    ]
    assert len({made(1, compiler) for compiler in compilers}) == len(compilers)
    assert made(2) not in {made(1, compiler) for compiler in compilers}


def test_native_code_is_of_one_kind_of_machine(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    native = Compiler(optimize="0", march="native")
    here = made(1, native)
    monkeypatch.setattr("inferon.targets.toolchain._this_cpu", lambda: "flags : another")
    assert made(1, native) != here


# --------------------------------------------------------------------------------------- processes

WORKER = """
import ctypes, sys, time
from pathlib import Path
from inferon.targets import cache
from inferon.targets.base import File
from inferon.targets.toolchain import Compiler, shared_library

start, cache.KEPT_LIBRARIES = Path(sys.argv[1]), int(sys.argv[2])
print("ready", flush=True)
while not start.exists():
    time.sleep(0.001)
for number in map(int, sys.argv[3:]):
    text = f'extern "C" int number() {{ return {number}; }}\\n'
    path = shared_library([File("a.cpp", text.encode())], ["a.cpp"], Compiler(optimize="0"))
    assert ctypes.CDLL(str(path)).number() == number
"""


def work_at_once(folder: Path, kept: int, tasks: list[list[int]]) -> None:
    """Let a process each do its tasks, all from the same moment on."""
    start = folder / "start"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(start), str(kept), *map(str, numbers)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for numbers in tasks
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    start.touch()
    for worker in workers:
        _, errors = worker.communicate(timeout=120)
        assert worker.returncode == 0, errors


def test_processes_that_make_the_same_library_at_once(place: Path, tmp_path: Path) -> None:
    work_at_once(tmp_path, 200, [[1], [1], [1], [1]])
    assert [path.name for path in place.iterdir()] == [made(1).name]


def test_processes_that_make_different_ones_in_a_cache_that_is_too_small(
    place: Path, tmp_path: Path
) -> None:
    work_at_once(tmp_path, 1, [[1, 2, 3, 4], [4, 3, 2, 1], [2, 1, 4, 3], [1, 2, 3, 4]])
    assert {path.suffix for path in place.iterdir()} == {".so"}  # nothing half made is left
    assert len(list(place.iterdir())) == 4  # all of them were in use


# ------------------------------------------------------------------------------------------ bounds


def test_what_was_used_last_stays(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "KEPT_LIBRARIES", 3)
    old = [made(number) for number in range(3)]
    for age, path in zip((900, 600, 300), old, strict=True):
        set_age(path, age)
    made(0)  # used again: now the oldest is 1
    made(7)
    assert [path.exists() for path in old] == [True, False, True]


def test_the_bytes_are_bounded(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = [made(number) for number in range(3)]
    for path in old:
        set_age(path, 900)
    monkeypatch.setattr(cache, "KEPT_BYTES", 2 * old[0].stat().st_size + 1)
    new = made(7)
    assert [path.exists() for path in (*old, new)].count(True) == 2
    assert new.exists()


def test_what_may_just_be_loaded_stays(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "KEPT_LIBRARIES", 0)
    both = made(0), made(1)
    assert all(path.exists() for path in both)
    set_age(both[0], 2 * cache.IN_USE_S)
    made(2)
    assert [path.exists() for path in both] == [False, True]


def test_a_loaded_library_may_be_removed(place: Path) -> None:
    path = made(5)
    library = ctypes.CDLL(str(path))
    path.unlink()
    assert library.number() == 5
    assert number_of(made(5)) == 5


def test_folders_of_killed_processes_go(place: Path) -> None:
    made(0)
    old, new = place / "making-old", place / "making-new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "a.cpp").touch()
    set_age(old, 2 * cache.ABANDONED_S)
    made(1)
    assert (old.exists(), new.exists()) == (False, True)


# ------------------------------------------------------------------------------------------ damage


@pytest.mark.parametrize("damage", ["empty", "cut", "one bit"])
def test_a_damaged_library_is_made_again(place: Path, damage: str) -> None:
    path = made(6)
    content = bytearray(path.read_bytes())
    sound = bytes(content)
    if damage == "one bit":
        content[len(content) // 2] ^= 1
    path.write_bytes({"empty": content[:0], "cut": content[:-100], "one bit": content}[damage])
    assert made(6) == path
    assert path.read_bytes() == sound
    assert number_of(path) == 6


def test_a_compiler_that_fails_leaves_nothing(place: Path) -> None:
    with pytest.raises(ToolError):
        shared_library([File("a.cpp", b"error")], ["a.cpp"], Compiler(optimize="0"))
    assert list(place.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_one_clear_error(place: Path) -> None:
    place.write_text("a file in the way")
    with pytest.raises(OutputError, match="INFERON_CACHE"):
        made(0)


def test_a_cache_of_others_is_used(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = made(3)

    def forbidden(*arguments: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "utime", forbidden)
    assert made(3) == path
