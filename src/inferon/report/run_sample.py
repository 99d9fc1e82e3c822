"""The jets of some runs: found where their records say, and the ones that they were trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from inferon.errors import DataError
from inferon.physics.jets import Jets
from inferon.report.runs import Run
from inferon.training.jet_sample import open_sample, sample_sha256, split_sample


@dataclass(frozen=True, slots=True, eq=False)
class RunSample:
    """Jets, and the hash of their content by which runs name them."""

    jets: Jets
    sha256: str

    def test_jets(self, run: Run) -> Jets:
        """Return the clean jets that had no part in a run's training or selection.

        Raises
        ------
        DataError
            When the run was trained on another sample.
        """
        if run.sample_sha256 != self.sha256:
            raise DataError(
                f"{run.name} was trained on another sample (SHA-256 {run.sample_sha256[:12]}…) "
                f"than this one ({self.sha256[:12]}…), so its test jets are unknown; give its "
                "sample with --data, and report on runs of different samples one by one"
            )
        fractions = {"train": run.train, "validation": run.validation}
        split = split_sample(self.jets, run.sample, **fractions, seed=run.split_seed)
        return self.jets.select(split.test)


def sample_of(runs: Sequence[Run], data: Path | None = None) -> RunSample:
    """Read the sample that some runs were trained on.

    Parameters
    ----------
    runs : of one sample
    data : where it lies; None for the place that the first run names

    Raises
    ------
    DataError
        When the file is absent or no sample, or a run was trained on another one.
    """
    jets = open_sample(str(data)) if data else _named_by(runs[0])
    sample = RunSample(jets, sample_sha256(jets))
    for run in runs:
        sample.test_jets(run)  # what does not fit is said before the work
    return sample


def _named_by(run: Run) -> Jets:
    try:
        return open_sample(run.sample)
    except DataError as error:
        raise DataError(
            f"{error}; {run.name} names it as its sample: give it with --data"
        ) from error
