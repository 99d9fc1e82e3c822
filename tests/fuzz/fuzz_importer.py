"""Loads damaged models until one does anything but load or be refused.

Run: ``python -m tests.fuzz.fuzz_importer --cases 50000 --first 0``; prints the counts as JSON and
exits with 1 when a case crashed, hung, or took more memory than it may.  A case is its seed:
``--first SEED --cases 1`` repeats one.  ``--record FILE`` puts the counts into a list of runs, in
the place of an older run of the same seeds.
"""

from __future__ import annotations

import argparse
import json
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from onnx.backend.test.loader import load_model_tests

from inferon.errors import InferonError
from inferon.load import load
from tests.fuzz.mutations import Corpus

MOST_BYTES = 4_000
"""Models of the corpus are small, so that a case takes about a millisecond."""

MAX_SECONDS = 5
MAX_BYTES = 1 << 30
"""What a bad model may cost (DESIGN.md section 8 and the limits of the importer)."""

EXIT_CODE = 3
"""Of every error about a model."""


class Hang(Exception):
    """A case took longer than it may."""


@dataclass
class Report:
    """What became of the cases."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest_s: float = 0.0


def corpus() -> Corpus:
    """Return the small models among the standard's node tests: every operator is there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = load_model_tests(kind="node")
    models = {case.model.SerializeToString() for case in cases if case.model is not None}
    return Corpus(tuple(sorted(each for each in models if len(each) <= MOST_BYTES)))


def fuzz(seeds: Sequence[int], known: Corpus) -> Report:
    """Load the damaged model of every seed."""
    report = Report()
    signal.signal(signal.SIGALRM, _hang)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        for seed in seeds:
            path.write_bytes(known.draw(seed))
            start = time.perf_counter()
            signal.setitimer(signal.ITIMER_REAL, MAX_SECONDS)
            try:
                report.counts[_outcome(path, None if seed % 3 else "auto")] += 1
            except Exception as error:  # noqa: BLE001 whatever it is, it is what we look for
                what = f"seed {seed}: {type(error).__name__}: {error}"
                report.failures.append(what[:300])
                print(what[:300], file=sys.stderr, flush=True)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            report.slowest_s = max(report.slowest_s, time.perf_counter() - start)
    return report


def _outcome(path: Path, batch_axis: str | None) -> str:
    try:
        load(path, batch_axis=batch_axis)
    except InferonError as error:
        if error.exit_code != EXIT_CODE:
            raise
        return type(error).__name__
    return "loaded"


def _hang(number: int, frame: FrameType | None) -> NoReturn:
    raise Hang(f"longer than {MAX_SECONDS} s")


def _record(run: dict[str, Any], path: Path) -> None:
    runs = json.loads(path.read_text()) if path.exists() else []
    kept = [each for each in runs if each["first"] != run["first"]]
    path.write_text(
        json.dumps(sorted([*kept, run], key=lambda each: each["first"]), indent=1) + "\n"
    )


def main() -> int:
    """Run the cases, within the memory that a bad model may cost."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--record", type=Path)
    options = parser.parse_args()
    known = corpus()
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MAX_BYTES, used + MAX_BYTES))
    start = time.perf_counter()
    warnings.simplefilter("ignore")
    report = fuzz(range(options.first, options.first + options.cases), known)
    run = {
        "cases": options.cases,
        "first": options.first,
        "models": len(known.models),
        "counts": dict(sorted(report.counts.items())),
        "failures": report.failures,
        "slowest_s": round(report.slowest_s, 2),
        "seconds": round(time.perf_counter() - start, 1),
    }
    print(json.dumps(run, indent=1))
    if options.record:
        _record(run, options.record)
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
