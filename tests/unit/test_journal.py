"""A long run of the tests that was cut goes on where it was, unless the files have changed."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.absent import require_tool
from tests.journal import Finished, Journal, state_of_files

_ROOT = Path(__file__).resolve().parents[2]
_PASSED = Finished(
    "tests/unit/test_a.py::test_x", "passed", 3, 0.5, sitting=1, wall_seconds=2.0, revision="1f"
)

# The second test ends the whole run, once, as a machine that goes down would; it waits until the
# first one, which may run beside it, has been heard of.
_THREE_TESTS = """
import os, pathlib, signal, time

ran = pathlib.Path(__file__).with_name("ran")
journal = pathlib.Path(__file__).with_name("results") / "test-all-unfinished.jsonl"

def test_1():
    note("1")

def test_2():
    note("2")
    while "test_1" not in journal.read_text():
        time.sleep(0.01)
    if ran.read_text().count("2") == 1:
        os.kill(int(os.environ["CONTROLLER"]), signal.SIGKILL)
        signal.pause()

def test_3():
    note("3")

def note(test):
    with ran.open("a") as file:
        file.write(test)
"""


def test_a_journal_gives_back_what_finished(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "new" / "journal", "state")
    journal.start(())
    journal.add(_PASSED)
    assert journal.read() == (_PASSED,)


def test_a_line_cut_in_writing_is_no_line(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", "state")
    journal.start((_PASSED,))
    with journal.path.open("a") as file:
        file.write('{"test": "tests/un')
    assert journal.read() == (_PASSED,)


@pytest.mark.parametrize("text", ["", "sta", "another state\n"])
def test_a_journal_of_other_files_says_nothing(tmp_path: Path, text: str) -> None:
    journal = Journal(tmp_path / "journal", "state")
    journal.path.write_text(text)
    assert journal.read() == ()


def test_without_a_state_nothing_goes_on(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", state_of_files(tmp_path, but=tmp_path / "results"))
    journal.start((_PASSED,))
    assert journal.read() == ()


def test_the_state_is_of_what_git_keeps_or_would_keep(tmp_path: Path) -> None:
    subprocess.run([require_tool("git"), "init", "-q"], cwd=tmp_path, check=True)
    results = tmp_path / "results"
    results.mkdir()
    (tmp_path / ".gitignore").write_text("*.log\n")
    (tmp_path / "a.py").write_text("1")
    state = state_of_files(tmp_path, but=results)
    (results / "b.json").write_text("1")
    (tmp_path / "c.log").write_text("1")
    assert state_of_files(tmp_path, but=results) == state
    (tmp_path / "a.py").write_text("2")
    assert state_of_files(tmp_path, but=results) != state


@pytest.mark.parametrize(("name", "counts"), [("page.md", False), ("program.py", True)])
def test_a_measured_table_counts_only_outside_pages(
    tmp_path: Path, name: str, counts: bool
) -> None:
    subprocess.run([require_tool("git"), "init", "-q"], cwd=tmp_path, check=True)
    states = []
    for text, table in (("a", "1"), ("a", "2"), ("b", "2")):
        page = f"{text}\n<!-- table: speed -->\n| {table} |\n<!-- end -->\n"
        (tmp_path / name).write_text(page)
        states.append(state_of_files(tmp_path, but=tmp_path / "results"))
    measured, again, another_text = states
    assert (again != measured) == counts
    assert again != another_text


@pytest.mark.parametrize("processes", [(), ("-n", "2")], ids=["one process", "side by side"])
def test_a_run_that_was_cut_goes_on(tmp_path: Path, processes: tuple[str, ...]) -> None:
    (tmp_path / "test_three.py").write_text(_THREE_TESTS)
    results = tmp_path / "results"
    cut = _run(tmp_path, *processes)
    assert cut < 0
    assert not list(results.glob("*.json"))
    journal = results / "test-all-unfinished.jsonl"
    journal.write_text(re.sub('"revision": "[^"]*"', '"revision": "1f"', journal.read_text()))
    assert _run(tmp_path, *processes) == pytest.ExitCode.OK
    ran = (tmp_path / "ran").read_text()
    assert ran.count("1") == 1
    assert ran.count("2") == 2
    (written,) = results.iterdir()
    record = json.loads(written.read_text())
    assert record["sittings"] == 2
    assert record["revision"] == "1f", "the one that the run began with"
    assert [tally["passed"] for tally in record["folders"].values()] == [3]


def _run(folder: Path, *processes: str) -> int:
    """Exit status of the three tests, recorded; theirs is the process that `test_2` ends."""
    start = "import os, pytest, sys; os.environ['CONTROLLER'] = str(os.getpid()); "
    python = [sys.executable, "-c", start + "sys.exit(pytest.main(sys.argv[1:]))"]
    options = ["-q", "--rootdir", str(folder), "-c", os.devnull, "-p", "tests.record"]
    command = [*python, *options, f"--record={folder / 'results'}", *processes, str(folder)]
    run = subprocess.run(command, cwd=_ROOT, capture_output=True, timeout=300, check=False)
    return run.returncode
