"""One model of the suite: ours and every peer, alone and in batches, in one process on one thread.

All are timed in turns at each batch; for each the batch that gives the least time an event counts.
The limits are measured right beside.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from inferon.bench.columns import columns_contestant
from inferon.bench.generated_peers import onnx2c_contestants, sofie_contestants, sofie_version
from inferon.bench.models import FORMS, SuiteModel
from inferon.bench.peers import (
    CLOSE,
    INFERON,
    Absent,
    Contestant,
    onnxruntime_contestants,
    onnxruntime_forms,
    split,
    torch_contestant,
    torch_module,
)
from inferon.bench.result import V3, V4, LimitAt, ModelResult, Timing
from inferon.errors import DataError
from inferon.ir.values import Array
from inferon.load import load
from inferon.measure.benchmark import cycled
from inferon.measure.limit import Limit, model_limits
from inferon.measure.machine import package_version, this_machine, versions
from inferon.measure.onnxruntime_peer import OnnxRuntime, available, identity_call
from inferon.measure.race import race
from inferon.measure.spread import Spread
from inferon.targets.cpp.target import Cpp, CppArtifact
from inferon.targets.toolchain import Compiler, best_march

BATCHES = (16, 64, 256, 1024)
"""Events in a call, beside one: the best an event counts for each contestant."""

LONGEST_CALL_NS = 5e7
"""A batch whose call would take longer is left out: its values left the caches long before."""

WITH_COLUMNS = ("a", "h")
"""Models whose batches of columns have a bar."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a suite is run.

    Attributes
    ----------
    folder : of the files
    compiler : the command of the C++ compiler
    onnx2c : the program, by its name or path
    sofie : a Python that has SOFIE's package, by its name or path
    batches : events in a call, beside one
    """

    folder: Path
    compiler: str = "g++"
    onnx2c: str = "onnx2c"
    sofie: str = sys.executable
    batches: tuple[int, ...] = BATCHES


@dataclass(frozen=True, slots=True)
class Subject:
    """A model of the suite, planned and with its events.

    Attributes
    ----------
    model : which one
    artifacts : ours, the headline first
    x, y : the stored events and results
    code : identifies generated code, compiler, peers and machine
    """

    model: SuiteModel
    artifacts: tuple[CppArtifact, ...]
    x: Array
    y: Array
    code: str


def subject(model: SuiteModel, settings: Settings) -> Subject:
    """Load a model and generate its code for every instruction set that this machine has."""
    graph = load(settings.folder / f"{model.stem}{FORMS[0]}")
    with np.load(settings.folder / f"{model.stem}.npz", allow_pickle=False) as stored:
        x, y = stored["x"], stored["y"]
    artifacts = tuple(
        Cpp(compiler=Compiler(settings.compiler, march)).build(graph) for march in marches()
    )
    used = (versions(artifacts[0].compiler), package_version("torch"))
    peers = (shutil.which(settings.onnx2c), sofie_version(settings.sofie))
    identity = [this_machine().cpu, repr(used), repr(peers), repr(settings.batches), *marches()]
    digest = hashlib.sha256("\n".join(identity).encode())
    for file in artifacts[0].files:
        digest.update(file.content)
    return Subject(model, artifacts, x, y, digest.hexdigest()[:16])


def marches() -> tuple[str, ...]:
    """Return the levels of instruction sets to compile for, the best of this machine first."""
    best = best_march()
    return (V4, V3) if best == V4 else (best,)


def measure(
    subject: Subject, settings: Settings, say: Callable[[str], None] = lambda line: None
) -> ModelResult:
    """Time a model and all its peers.

    Parameters
    ----------
    subject : the model
    settings : how
    say : takes lines of progress

    Raises
    ------
    DataError
        When ours does not give the results that are stored beside the file.
    """
    machine = this_machine()  # its load is to be that before the measurement
    check_results(subject)
    main = subject.artifacts[0]
    limits = model_limits(main.made.plan.graph, main.compiler)
    done = limits.work
    reached: list[LimitAt] = []
    timings: list[Timing] = []
    absent: dict[str, Absent] = {}
    forms = onnxruntime_forms(settings.folder, subject.model.stem, subject.artifacts[0].graph)
    module = torch_module(settings.folder, subject.model.stem)
    for events in (1, *settings.batches):
        if timings and timings[0].ns * events > LONGEST_CALL_NS:
            say(f"{subject.model.stem}: {events} events in a call are left out: too long")
            continue
        say(f"{subject.model.stem}: {events} in a call")
        there, missing = split(
            [*_own(subject, events), *_peers(subject, settings, forms, module, events)]
        )
        absent.update((each.name, each) for each in missing)
        spreads = race([each.calls for each in there])
        timings += [_timing(each, events, s) for each, s in zip(there, spreads, strict=True)]
        reached.append(_at(events, limits.at(events)))
    overhead = race([identity_call().time_ns])[0].median_ns if available() else None
    return ModelResult(
        *(subject.model.letter, subject.model.stem, subject.code, done.macs),
        tuple((each.function.name, each.count) for each in done.functions),
        *(done.weight_bytes, done.edge_bytes, limits.longest.ns, main.compiler.march),
        *(tuple(reached), tuple(timings), tuple(absent.values())),
        *(overhead, machine.load_average, limits.speed),
    )


def _own(subject: Subject, events: int) -> Iterator[Contestant | Absent]:
    """Yield ours in each instruction set, on rows and on columns."""
    x, y = cycled(subject.x, events), cycled(subject.y, events)
    for artifact in subject.artifacts:
        yield Contestant(INFERON, artifact.compiler.march, partial(_time_rows, artifact, x))
        if events > 1 and subject.model.letter in WITH_COLUMNS:
            yield columns_contestant(artifact, x, y)


def _time_rows(artifact: CppArtifact, x: Array, repeats: int, bursts: int) -> Array:
    return artifact.library.time_ns(x, events=len(x), repeats=repeats, bursts=bursts)


def _peers(
    subject: Subject,
    settings: Settings,
    forms: tuple[OnnxRuntime, ...] | Absent,
    module: Any,
    events: int,
) -> Iterator[Contestant | Absent]:
    x, y = cycled(subject.x, events), cycled(subject.y, events)
    if isinstance(forms, Absent):
        yield forms
    else:
        yield from onnxruntime_contestants(forms, x, y)
    yield module if isinstance(module, Absent) else torch_contestant(module, x)
    if events == 1:  # their code is that of one event
        one = (settings.folder, subject.model.stem, x, y)
        yield from onnx2c_contestants(settings.onnx2c, *one)
        yield from sofie_contestants(settings.sofie, *one)


def check_results(subject: Subject) -> None:
    """Raise `DataError` unless ours gives the results that are stored beside the file."""
    for artifact in subject.artifacts:
        (found,) = artifact.predict(subject.x)
        difference = float(np.abs(found - subject.y).max())
        if not difference < CLOSE:
            raise DataError(
                f"{subject.model.stem}: ours is {difference:g} from the results in its .npz; "
                "run benchmarks/models/make.py, or find the fault"
            )


def _timing(contestant: Contestant, events: int, call: Spread) -> Timing:
    quantiles = (call.median_ns, call.lower_quartile_ns, call.upper_quartile_ns)
    return Timing(contestant.name, contestant.form, events, *(each / events for each in quantiles))


def _at(events: int, limit: Limit) -> LimitAt:
    return LimitAt(events, limit.ns, limit.bound.value, limit.chain_ns)
