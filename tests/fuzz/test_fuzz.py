"""Damaged models are refused or load: a sample of the fuzzing, and proof that it can fail (20 s).

A million cases take most of an hour; their record is benchmarks/results/fuzz.json, run by run.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from inferon.frontends.onnx import event_graph, table
from inferon.frontends.onnx.call import Call, Result
from tests.fuzz import fuzz_importer
from tests.fuzz.fuzz_importer import Hang, corpus, fuzz
from tests.fuzz.mutations import Corpus, parses

RECORD = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "fuzz.json"
MILLION = 1_000_000
SEEDS_OF_THE_DAY = 2_000_000
"""Seeds of the tests begin behind those of the record."""


def _run(cases: int) -> dict[str, object]:
    """Fuzz in a process of its own, whose memory is limited."""
    command = [sys.executable, "-m", "tests.fuzz.fuzz_importer"]
    done = subprocess.run(
        [*command, "--cases", str(cases), "--first", str(SEEDS_OF_THE_DAY)],
        cwd=RECORD.parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr or done.stdout
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_damaged_models_are_refused_or_load() -> None:
    assert sum(_run(2_000)["counts"].values()) == 2_000  # type: ignore[attr-defined]


@pytest.mark.full
def test_many_damaged_models_are_refused_or_load() -> None:
    assert sum(_run(100_000)["counts"].values()) == 100_000  # type: ignore[attr-defined]


def test_the_record_is_of_a_million_cases_without_a_crash() -> None:
    runs = json.loads(RECORD.read_text())
    seeds = [range(run["first"], run["first"] + run["cases"]) for run in runs]
    assert all(one.stop <= other.start for one, other in pairwise(seeds))
    assert sum(map(len, seeds)) >= MILLION
    for run in runs:
        assert sum(run["counts"].values()) == run["cases"]
        assert run["failures"] == []
        assert run["slowest_s"] < fuzz_importer.MAX_SECONDS


@pytest.fixture(scope="module")
def known() -> Corpus:
    return corpus()


def test_most_damage_reaches_the_operators(known: Corpus) -> None:
    """Of the damaged models, half and more still parse: bytes alone would rarely get so far."""
    drawn = [known.draw(seed) for seed in range(300)]
    assert sum(map(parses, drawn)) > 150
    assert [known.draw(seed) for seed in range(20)] == drawn[:20]


def test_a_crash_is_caught(known: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: one operator looks something up that is not there."""

    def broken(call: Call) -> Result:
        raise KeyError(call.layer.op)

    monkeypatch.setitem(table.OPERATORS, ("", "Identity"), broken)
    report = fuzz(range(1_500), known)
    assert report.failures
    assert all("KeyError: 'Identity'" in failure for failure in report.failures)


def test_a_hang_is_caught(known: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz_importer, "MAX_SECONDS", 0.05)
    monkeypatch.setattr(event_graph, "read", lambda source: time.sleep(1.0))
    report = fuzz(range(1), known)
    assert [failure.split(": ")[1] for failure in report.failures] == [Hang.__name__]
