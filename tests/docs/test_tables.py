"""The tables in the pages are those that the benchmarks wrote."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.absent import require_package

ROOT = Path(__file__).resolve().parents[2]

NEEDS = {"tagger_pages": ("torch", "pydantic", "yaml"), "tables": ()}


@pytest.mark.parametrize("writer", NEEDS)
def test_pages_show_the_last_measurement(writer: str) -> None:
    for package in NEEDS[writer]:
        require_package(package)
    command = [sys.executable, str(ROOT / "benchmarks" / f"{writer}.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}: run benchmarks/{writer}.py"
