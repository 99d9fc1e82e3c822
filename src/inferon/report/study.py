"""The study of some runs on their jets: what a report is made of."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from inferon.measure.onnxruntime_peer import version as peer_version
from inferon.physics.jets import Jets
from inferon.physics.metrics import Estimate
from inferon.report.evidence import BATCHES, Evidence, Say, examine
from inferon.report.gallery import ShownJet, gallery
from inferon.report.run_sample import RunSample
from inferon.report.runs import Run
from inferon.report.style import require_matplotlib
from inferon.targets.toolchain import Compiler


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The runs of one model, which differ in their seeds."""

    title: str
    runs: tuple[Evidence, ...]

    @property
    def first(self) -> Evidence:
        """The run whose figures stand for the others."""
        return self.runs[0]

    def over_seeds(self, number: Callable[[Evidence], Estimate | None]) -> Estimate | None:
        """Return a number of all runs: its mean and the standard error of that.

        One run has the number's own error, of its test jets.
        """
        found = [each for each in map(number, self.runs) if each is not None]
        if len(found) < 2:
            return found[0] if found else None
        values = np.array([each.value for each in found])
        return Estimate(float(values.mean()), float(values.std(ddof=1)) / sqrt(len(values)))


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """The evidence on all runs.

    Attributes
    ----------
    groups : one for each model
    sample : the jets, whole
    shown : jets to look at, a row for each class, with scores of the first run
    date : of the study
    seconds : that it took
    """

    groups: tuple[Group, ...]
    sample: RunSample
    shown: tuple[tuple[ShownJet, ...], ...]
    date: str
    seconds: float

    @property
    def jets(self) -> Jets:
        """The sample, whole."""
        return self.sample.jets

    @property
    def runs(self) -> tuple[Evidence, ...]:
        """The evidence of every run."""
        return tuple(run for group in self.groups for run in group.runs)


def require_packages() -> None:
    """Raise `ExtraMissing` when a study cannot be made or drawn here: before any file or work."""
    require_matplotlib()
    peer_version()


def study(
    runs: Sequence[Run],
    sample: RunSample,
    compiler: Compiler,
    say: Say = lambda text: None,
) -> Study:
    """Study some runs on the jets that had no part in their training.

    Parameters
    ----------
    runs : trained on the same sample
    sample : that sample
    compiler : for the C++
    say : called with one line at each step

    Raises
    ------
    ToolMissing
        When there is no compiler.
    ExtraMissing
        When ONNX Runtime is not installed.
    Mismatch
        When the C++ differs from the interpreter, or from ONNX Runtime by more than the bound.
    DataError
        When a run is of another sample than this, or the sample is not what its model takes.
    """
    start = time.monotonic()
    peer_version()  # here too, for those who only want the numbers
    tests = [sample.test_jets(run) for run in runs]
    groups: dict[str, list[Evidence]] = {}
    shown: tuple[tuple[ShownJet, ...], ...] = ()
    for run, test in zip(runs, tests, strict=True):
        batches = (
            BATCHES if run.kind not in groups else BATCHES[:1]
        )  # the same code, other weights
        evidence, scores = examine(run, test, compiler, say, batches)
        groups.setdefault(run.kind, []).append(evidence)
        shown = shown or gallery(test, scores)
    return Study(
        tuple(Group(found[0].run.title, tuple(found)) for found in groups.values()),
        sample,
        shown,
        time.strftime("%Y-%m-%d"),
        time.monotonic() - start,
    )
