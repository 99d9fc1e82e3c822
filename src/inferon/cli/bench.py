"""``inferon bench``: nanoseconds per event beside ONNX Runtime and the limit, and by layer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.table import Table
from typer.core import TyperGroup

from inferon.cli.bench_suite import suite
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
from inferon.measure.layers import LayerTime, layer_table
from inferon.measure.limit import ModelLimits, model_limits
from inferon.measure.onnxruntime_peer import OnnxRuntime, available
from inferon.targets.golden import sample

MOST_LAYERS = 25
"""Layers in the table; the rest is a line."""


class ModelOrSuite(TyperGroup):
    """``inferon bench MODEL``, but ``inferon bench suite``: any other first word is a model."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the name of the verb that measures one model before its words."""
        own = args[:1] and args[0] in self.commands
        return super().parse_args(ctx, args if own else [ONE, *args])


ONE = "model"

app = typer.Typer(
    cls=ModelOrSuite, help="Measure a model beside ONNX Runtime and the limit of the machine."
)
app.command("suite")(suite)

EVENTS = 4096
"""Different events to go through; more only fill the caches with inputs."""


@app.command(ONE)
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
    layers: Annotated[
        bool, typer.Option("--layers/--no-layers", help="Also time each layer of one event.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Measure nanoseconds per event and by layer, beside ONNX Runtime and the machine's limit.

    Both run on one thread, in turns, in the same process.  `inferon bench suite` measures the
    models of the project.
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
    artifact = target.build(graph)
    planned = artifact.made.plan.graph
    terminal.say("measuring the machine")
    limits = model_limits(planned, target.compiler)
    result = benchmark(
        graph,
        artifact.library,
        inputs,
        batches=batch or [1, 256],
        compiler=target.compiler,
        peers=_peers(opened, also or []),
        on_batch=lambda events: terminal.say(f"measuring at {events} events in a call"),
    )
    rows: tuple[LayerTime, ...] = ()
    if layers:
        terminal.say("measuring each layer")
        rows = layer_table(planned, artifact.library, inputs, limits.speed)
    parts: list[RenderableType] = [_table(result, limits), "", *_work(limits)]
    parts += [*_remarks(result), *_layers(rows)]
    terminal.finish(_document(result, limits, rows), *parts)


def _peers(model: Model, also: list[Path]) -> list[OnnxRuntime]:
    if not available():
        return []
    peers = [] if model.peer is None else [model.peer]
    return [*peers, *(OnnxRuntime(path, load(path), form=path.stem) for path in also)]


def _document(
    result: Benchmark, limits: ModelLimits, layers: tuple[LayerTime, ...]
) -> dict[str, object]:
    rows = [
        {
            "events": timing.events,
            "ours_ns_per_event": timing.ours_ns_per_event,
            "peer_ns_per_event": timing.peer_ns_per_event,
            "ratio": timing.ratio,
            "net_ratio": result.net_ratio(timing),
            "limit_ns_per_event": limits.at(timing.events).ns,
            "to_limit": _quotient(timing.ours_ns_per_event, limits.at(timing.events).ns),
            "bound": limits.at(timing.events).bound.value,
        }
        for timing in result.timings
    ]
    by_layer = [
        {
            **{"layer": row.layer, "ns": row.ns, "share": row.share, "limit_ns": row.limit.ns},
            **{"bound": row.limit.bound.value, "macs": row.work.macs, "joined": row.joined},
        }
        for row in layers
    ]
    return {
        **{"summary": rows, "benchmark": result, "layers": by_layer},
        "longest_chain_ns": limits.longest.ns,
        **{"macs": limits.work.macs, "functions": _functions(limits), "speed": _speed(limits)},
    }


def _quotient(ns: float, limit_ns: float) -> float | None:
    """Return a time in limits; None where there is nothing to do."""
    return ns / limit_ns if limit_ns else None


def _functions(limits: ModelLimits) -> dict[str, int]:
    return {each.function.name: each.count for each in limits.work.functions}


def _speed(limits: ModelLimits) -> dict[str, object]:
    """Return the figures behind the limits."""
    speed = limits.speed
    return {
        **{"options": speed.options, "mac": speed.mac, "fma": speed.fma},
        **{"addition": speed.addition, "caches": speed.caches},
        "functions": {
            each.function.name: {"element": each.element, "latency": each.latency}
            for each in speed.functions
        },
    }


def _table(result: Benchmark, limits: ModelLimits) -> Table:
    headings = (
        *("events in a call", "Inferon ns/event", "limit", "/ limit"),
        *("ONNX Runtime ns/event", "ratio", "net"),
    )
    rows = [_row(result, timing, limits.at(timing.events).ns) for timing in result.timings]
    return table(headings, rows, numbers=7)


def _row(result: Benchmark, timing: Timing, limit_ns: float) -> tuple[str, ...]:
    def cell(median: float, lower: float, upper: float) -> str:
        n = timing.events
        return f"{median / n:,.0f} [{lower / n:,.0f}, {upper / n:,.0f}]"

    ours, peer = timing.ours, timing.peer
    mine = cell(ours.median_ns, ours.lower_quartile_ns, ours.upper_quartile_ns)
    times = _quotient(timing.ours_ns_per_event, limit_ns)
    beside = "-" if times is None else f"{times:.2f}"
    own = (f"{timing.events:,}", mine, f"{limit_ns:,.1f}", beside)
    if peer is None:
        return *own, "-", "-", "-"
    theirs = cell(peer.median_ns, peer.lower_quartile_ns, peer.upper_quartile_ns)
    net = result.net_ratio(timing)
    return *own, theirs, f"{timing.ratio:.1f}", f"{net:.1f}"


def _work(limits: ModelLimits) -> Iterator[str]:
    """Yield what one event has to do, and what the machine can."""
    speed, limit = limits.speed, limits.at(1)
    counts = [f"{limits.work.macs:,} multiply-adds"]
    counts += [f"{count:,} {name}" for name, count in _functions(limits).items()]
    yield f"one event: {', '.join(counts)}, {limits.work.weight_bytes:,} bytes of weights"
    for chain in limits.chains:
        names = ", ".join(each.name for each in chain.step.functions)
        yield (
            f"{chain.layer}: {chain.steps} steps, one after the other, of {chain.step.ns:.0f} ns: "
            f"{chain.step.fmas} multiply-adds, {chain.step.additions} additions"
            f"{f', {names}' if names else ''}: {chain.ns:,.0f} ns"
        )
    longest = limits.longest
    yield (
        f"longest chain: {longest.ns:,.0f} ns: {longest.fmas:,} multiply-adds, "
        f"{longest.additions:,} additions, {len(longest.functions)} functions"
    )
    caches = ", ".join(f"L{each.level} {1 / each.byte.ns:,.0f}" for each in speed.caches)
    yield (
        f"limit: {limit.bound.value}; measured here: {1 / speed.mac.ns:.0f} multiply-adds a ns, "
        f"reads of {caches} bytes a ns"
    )


def _layers(rows: tuple[LayerTime, ...]) -> list[RenderableType]:
    """Return the layers that take most of the time, in the order of the model."""
    if not rows:
        return []
    shown = sorted(rows, key=lambda row: row.ns, reverse=True)[:MOST_LAYERS]
    cells = [_layer_row(row) for row in rows if row in shown]
    headings = ("layer", "bound by", "ns", "share", "limit", "/ limit")
    parts: list[RenderableType] = ["", table(headings, cells, numbers=4)]
    if len(rows) > len(shown):
        rest = sum(row.share for row in rows if row not in shown)
        parts.append(f"{len(rows) - len(shown)} more layers take {rest:.0%}; --json has all")
    parts.append(
        "each layer alone, data in the nearest cache; (+n): with n layers that have no step of "
        "their own"
    )
    return parts


def _layer_row(row: LayerTime) -> tuple[str, ...]:
    name = (row.layer or "(none)") + (f" (+{len(row.joined)})" if row.joined else "")
    times = _quotient(row.ns, row.limit.ns)
    beside = "-" if times is None else f"{times:.1f}"
    numbers = (f"{row.ns:,.0f}", f"{row.share:.0%}", f"{row.limit.ns:,.1f}", beside)
    return name, row.limit.bound.value, *numbers


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
