"""An absent tool shows in the closing lines only: they are tested like the rest."""

import subprocess
import sys
from pathlib import Path

from tests.absent import count_absent

ROOT = Path(__file__).resolve().parents[2]

SAMPLE = """
from tests.absent import needs_cpu, needs_package, needs_tool, require_tool

@needs_tool("no-such-tool++")
def test_mark(): raise AssertionError

def test_call(): require_tool("no-such-tool++")

@needs_package("no_such_package")
def test_package(): raise AssertionError

@needs_cpu("no_such_flag")
def test_flag(): raise AssertionError

@needs_tool("sh")
@needs_package("json")
def test_present(): pass
"""


def test_reasons_are_counted_by_name() -> None:
    reasons = ["tool absent: clang++", "Skipped: tool absent: cmake", "other"]
    assert count_absent(reasons, "tool") == {"clang++": 1, "cmake": 1}


def test_absent_things_skip_and_are_counted_in_the_closing_lines(tmp_path: Path) -> None:
    conftest = 'pytest_plugins = ["tests.absent"]\n'
    (tmp_path / "conftest.py").write_text(conftest)
    (tmp_path / "test_sample.py").write_text(SAMPLE)
    (tmp_path / "pytest.ini").write_text(
        f"[pytest]\npythonpath = '{ROOT}'\nmarkers =\n"
        "    needs_tool(*names): x\n    needs_package(*names): x\n    needs_cpu(*flags): x\n"
    )
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--strict-markers"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    lines = run.stdout.splitlines()
    assert "skipped because a tool is absent: 2 (no-such-tool++: 2)" in lines
    assert "skipped because a package is absent: 1 (no_such_package: 1)" in lines
    assert "skipped because a CPU flag is absent: 1 (no_such_flag: 1)" in lines
    assert lines[-1].startswith("1 passed, 4 skipped")
