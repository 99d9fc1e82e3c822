"""A run of the suite as a file that grows model by model, so that an interrupted run goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from inferon.bench.models import MODELS, SuiteModel
from inferon.bench.result import ModelResult
from inferon.bench.suite import Settings, measure, subject
from inferon.errors import DataError
from inferon.measure.machine import Machine, Versions, this_machine, versions
from inferon.measure.record import as_json
from inferon.targets.toolchain import Compiler
from inferon.whole_file import write_whole

BUSY_SHARE = 0.05
"""Of all processors, by others: a quieter machine than this is called quiet."""

LOOK_S, PATIENCE_S = 2.0, 1800.0
"""How long one look at the machine lasts, and for how long quiet is waited for."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run of the suite.

    Attributes
    ----------
    machine, versions : where and with what
    models : what was measured, in the order of the suite
    """

    machine: Machine
    versions: Versions
    models: tuple[ModelResult, ...]

    def find(self, stem: str) -> ModelResult | None:
        """Return what was measured of a model."""
        return next((each for each in self.models if each.stem == stem), None)

    def with_model(self, result: ModelResult) -> Run:
        """Return the run with one more model, or with a newer result of one."""
        found = {each.stem: each for each in self.models} | {result.stem: result}
        return replace(self, models=tuple(found[m.stem] for m in MODELS if m.stem in found))


def read_run(path: Path) -> Run:
    """Read a run.

    Raises
    ------
    DataError
        When the file holds none.
    """
    try:
        value = json.loads(path.read_text())
        models = tuple(ModelResult.from_json(each) for each in value["models"])
        return Run(Machine(**value["machine"]), Versions(**value["versions"]), models)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} holds no run of the suite: {error}; remove it") from error


def run_suite(
    models: tuple[SuiteModel, ...],
    settings: Settings,
    *,
    out: Path | None = None,
    wait_quiet: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Run:
    """Measure models one after the other.

    Parameters
    ----------
    models : which ones
    settings : how
    out : a file of results, written after each model; a model whose generated code, compiler and
        machine are those of its result there is not measured again
    wait_quiet : wait, before each model, until nobody else uses the machine
    say : takes lines of progress
    """
    run = Run(this_machine(), versions(Compiler(settings.compiler)), ())
    if out is not None and out.exists():
        run = replace(run, models=read_run(out).models)
    for model in models:
        say(f"{model.stem}: generating code")
        current = subject(model, settings)
        before = run.find(model.stem)
        if before is not None and before.code == current.code:
            say(f"{model.stem}: measured before, with the same code, compiler and machine")
            continue
        if wait_quiet:
            _wait_until_quiet(say)
        run = run.with_model(measure(current, settings, say))
        if out is not None:
            write_whole(out, (json.dumps(as_json(run), indent=1) + "\n").encode())
    return run


def busy_share(seconds: float) -> float | None:
    """Return the share of all processors that was used while this process slept."""
    before = _processor_times()
    time.sleep(seconds)
    after = _processor_times()
    if before is None or after is None or after[1] == before[1]:
        return None
    return 1.0 - (after[0] - before[0]) / (after[1] - before[1])


def _processor_times() -> tuple[int, int] | None:
    """Return idle and all ticks since the start; None where the system does not tell."""
    try:
        first = Path("/proc/stat").read_text().splitlines()[0]
    except OSError:
        return None
    ticks = [int(word) for word in first.split()[1:9]]
    return ticks[3] + ticks[4], sum(ticks)


def _wait_until_quiet(say: Callable[[str], None]) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        share = busy_share(LOOK_S)
        if share is None or share < BUSY_SHARE:
            return
        say(f"waiting: others use {share:.0%} of the processors")
        time.sleep(LOOK_S)
    say(f"no quiet in {PATIENCE_S:.0f} s: measuring all the same")
