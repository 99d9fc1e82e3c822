"""``inferon bench``: nanoseconds per event, ours and ONNX Runtime's in the same run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from inferon.cli.model import (
    SEED,
    AsJson,
    BatchAxis,
    Bound,
    CompilerName,
    DataPath,
    Dims,
    March,
    Model,
    ModelPath,
    cpp,
    open_model,
    read_events,
    sensible_events,
)
from inferon.cli.terminal import Terminal, table
from inferon.load import load
from inferon.measure.benchmark import Benchmark, Timing, benchmark
from inferon.measure.onnxruntime_peer import OnnxRuntime, available
from inferon.targets.cpp.golden import sample

EVENTS = 4096
"""Different events to go through; more only fill the caches with inputs."""


def bench(
    model: ModelPath,
    data: DataPath = None,
    batch: Annotated[
        list[int] | None,
        typer.Option(metavar="N", help="Events in one call; repeatable. 1 and 256 by default."),
    ] = None,
    also: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="ONNX",
            help="Another export of the same network for ONNX Runtime; the fastest counts.",
        ),
    ] = None,
    compiler: CompilerName = "g++",
    march: March = "auto",
    batch_axis: BatchAxis = "auto",
    dim: Dims = None,
    bind: Bound = None,
    as_json: AsJson = False,
) -> None:
    """Measure nanoseconds per event, and ONNX Runtime's.

    Both run on one thread, in turns, in the same process.
    """
    terminal = Terminal(as_json)
    opened = open_model(model, batch_axis, dim, bind)
    graph = opened.graph
    inputs = (
        sample(graph, sensible_events(graph, EVENTS), seed=SEED)  # normal: no slow subnormals
        if data is None
        else read_events(graph, data, EVENTS, special=False)
    )
    target = cpp(compiler, march)
    result = benchmark(
        graph,
        target.build(graph).library,
        inputs,
        batches=batch or [1, 256],
        compiler=target.compiler,
        peers=_peers(opened, also or []),
        on_batch=lambda events: terminal.say(f"measuring at {events} events in a call"),
    )
    terminal.finish(_document(result), _table(result), "", *_remarks(result))


def _peers(model: Model, also: list[Path]) -> list[OnnxRuntime]:
    if not available():
        return []
    peers = [] if model.peer is None else [model.peer]
    return [*peers, *(OnnxRuntime(path, load(path), form=path.stem) for path in also)]


def _document(result: Benchmark) -> dict[str, object]:
    rows = [
        {
            "events": timing.events,
            "ours_ns_per_event": timing.ours_ns_per_event,
            "peer_ns_per_event": timing.peer_ns_per_event,
            "ratio": timing.ratio,
            "net_ratio": result.net_ratio(timing),
        }
        for timing in result.timings
    ]
    return {"summary": rows, "benchmark": result}


def _table(result: Benchmark) -> Table:
    headings = ("events in a call", "Inferon ns/event", "ONNX Runtime ns/event", "ratio", "net")
    return table(headings, [_row(result, timing) for timing in result.timings], numbers=5)


def _row(result: Benchmark, timing: Timing) -> tuple[str, ...]:
    def cell(median: float, lower: float, upper: float) -> str:
        n = timing.events
        return f"{median / n:,.0f} [{lower / n:,.0f}, {upper / n:,.0f}]"

    ours, peer = timing.ours, timing.peer
    mine = cell(ours.median_ns, ours.lower_quartile_ns, ours.upper_quartile_ns)
    if peer is None:
        return f"{timing.events:,}", mine, "-", "-", "-"
    theirs = cell(peer.median_ns, peer.lower_quartile_ns, peer.upper_quartile_ns)
    net = result.net_ratio(timing)
    return f"{timing.events:,}", mine, theirs, f"{timing.ratio:.1f}", f"{net:.1f}"


def _remarks(result: Benchmark) -> list[str]:
    machine, versions = result.machine, result.versions
    lines = [
        "medians over bursts of 0.2 ms, with quartiles; one thread each, in turns",
        f"{machine.cpu}, {machine.level}, load average {machine.load_average}; "
        f"{versions.compiler}; ONNX Runtime {versions.onnxruntime or 'not installed'}",
    ]
    if result.call_overhead is not None:
        forms = ", ".join(dict.fromkeys(each.peer_form for each in result.timings))
        lines.append(
            f"a call of ONNX Runtime from Python costs {result.call_overhead.median_ns:,.0f} ns "
            f"by itself (identity model); net: the ratio without it. Fastest form: {forms}"
        )
    return lines
