"""What a call from Python costs: `predict` with its binding and without, and ONNX Runtime.

Run: ``python3 benchmarks/python_call.py``; writes ``python_call.json`` and ``.md`` and
``python_threads.md`` to ``benchmarks/results`` and exits with 1 where a call costs more than
promised.  One event of the smallest model (12-32-16-8-1) is computed by each contestant in turns,
in bursts of 1,000 calls; what the model itself takes, timed inside the library, is subtracted.
Then a large batch of a larger model is computed by one thread and by two: CPU time over wall time
is the number of threads that were at work, less what other programs of the machine took.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

import inferon
from inferon.compile import Compiled
from inferon.ir.shape import static
from inferon.ir.values import Array
from inferon.measure.machine import Machine, Versions, this_machine, versions
from inferon.measure.record import as_json
from inferon.measure.spread import Spread
from inferon.targets.cpp.target import CppArtifact
from inferon.targets.toolchain import Compiler

HERE = Path(__file__).resolve().parent
MODEL = HERE / "models" / "a_mlp12.onnx"
RESULTS = HERE / "results"

CALLS, TURNS = 1000, 200
MOST_NS = {"predict, compiled binding": 1500.0, "predict, ctypes": 5000.0}
"""What a call may cost beyond the model: issue "CPU at the limit", 4."""

BATCH_MODEL = HERE / "models" / "c_mlp256.onnx"
BATCH_EVENTS, BATCH_RUNS = 60_000, 15
"""60 MB of events: 0.15 s of work."""

Call = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Row:
    """One way to call; ``overhead_ns`` is what its median costs beyond the model."""

    what: str
    call: Spread
    overhead_ns: float


@dataclass(frozen=True, slots=True)
class Threads:
    """The shortest of several runs of a batch."""

    threads: int
    wall_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Record:
    """Everything measured, and where."""

    machine: Machine
    versions: Versions
    model_ns: float
    rows: tuple[Row, ...]
    batches: tuple[Threads, ...]


def contestants(x: Array) -> dict[str, Call]:
    """Return the calls, each of one event."""
    graph = inferon.load(MODEL)
    bound, plain = (inferon.compile(graph, inferon.Cpp()) for _ in range(2))
    library = _artifact(plain).library
    library.__dict__["direct"] = library.call.direct  # what is taken where there are no headers
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(MODEL, options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: x}
    return {
        "predict, compiled binding": lambda: bound.predict(x),
        "predict, ctypes": lambda: plain.predict(x),
        "ONNX Runtime, session.run": lambda: session.run(None, feed),
    }


def _artifact(compiled: Compiled) -> CppArtifact:
    assert isinstance(compiled.artifact, CppArtifact)
    return compiled.artifact


def burst_ns(call: Call) -> float:
    """Return the nanoseconds of a call, the mean of a burst."""
    start = time.perf_counter_ns()
    for _ in range(CALLS):
        call()
    return (time.perf_counter_ns() - start) / CALLS


def measured(calls: dict[str, Call], model_ns: float) -> tuple[Row, ...]:
    """Measure the contestants in turns; the first turn warms the caches."""
    bursts: dict[str, list[float]] = {what: [] for what in calls}
    for _ in range(TURNS + 1):
        for what, call in calls.items():
            bursts[what].append(burst_ns(call))
    spreads = {what: Spread.of(np.array(found[1:])) for what, found in bursts.items()}
    return tuple(Row(what, each, each.median_ns - model_ns) for what, each in spreads.items())


def batches() -> tuple[Threads, ...]:
    """Compute a large batch with one thread and with two."""
    graph = inferon.load(BATCH_MODEL)
    compiled = inferon.compile(graph, inferon.Cpp())
    shape = static(graph.inputs[0].type.shape, "an input")
    x = np.random.default_rng(0).normal(size=(BATCH_EVENTS, *shape)).astype(np.float32)
    compiled.predict(x)
    found = []
    for threads in (1, 2):
        runs = []
        for _ in range(BATCH_RUNS):
            wall, cpu = time.perf_counter(), time.process_time()
            compiled.predict(x, threads=threads)
            runs.append((time.perf_counter() - wall, time.process_time() - cpu))
        found.append(Threads(threads, *min(runs)))
    return tuple(found)


def call_table(record: Record) -> str:
    """Return the table of single calls."""
    lines = [
        "| one event, called from Python | ns | quartiles | beyond the model, ns | may be |",
        "|---|--:|--:|--:|--:|",
        f"| the model alone, called from C++ | {record.model_ns:,.0f} | | | |",
    ]
    for row in record.rows:
        call, most = row.call, MOST_NS.get(row.what)
        quartiles = f"{call.lower_quartile_ns:,.0f} to {call.upper_quartile_ns:,.0f}"
        lines.append(
            f"| {row.what} | {call.median_ns:,.0f} | {quartiles} | {row.overhead_ns:,.0f} | "
            f"{f'{most:,.0f}' if most else ''} |"
        )
    return "\n".join(lines)


def thread_table(record: Record) -> str:
    """Return the table of threads."""
    batch = f"{BATCH_EVENTS:,} events of {BATCH_MODEL.stem}"
    lines = [f"| threads, {batch} | wall, ms | CPU, ms | CPU / wall |", "|--:|--:|--:|--:|"]
    lines += [
        f"| {each.threads} | {1e3 * each.wall_s:.0f} | {1e3 * each.cpu_s:.0f} | "
        f"{each.cpu_s / each.wall_s:.2f} |"
        for each in record.batches
    ]
    return "\n".join(lines)


def main() -> int:
    """Measure, write, judge."""
    machine = this_machine()
    x = np.load(MODEL.with_suffix(".npz"), allow_pickle=False)["x"][:1]
    compiled = inferon.compile(inferon.load(MODEL), inferon.Cpp())
    library = _artifact(compiled).library
    model = float(np.median(library.time_ns(x, events=1, repeats=CALLS, bursts=TURNS)))
    rows = measured(contestants(x), model)
    record = Record(machine, versions(Compiler()), model, rows, batches())
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "python_call.json").write_text(json.dumps(as_json(record), indent=1) + "\n")
    for name, text in (("call", call_table(record)), ("threads", thread_table(record))):
        (RESULTS / f"python_{name}.md").write_text(text + "\n")
        print(text, end="\n\n")
    dear = [row.what for row in rows if row.overhead_ns > MOST_NS.get(row.what, np.inf)]
    print(f"load average {machine.load_average}; more than promised: {dear or 'none'}")
    return 1 if dear else 0


if __name__ == "__main__":
    sys.exit(main())
