"""The tables of a run of the suite, in Markdown: what docs/reference/speed.md shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from inferon.bench.bars import Verdict, bars
from inferon.bench.peers import COLUMNS, INFERON, ONNX2C, ORT, SOFIE, TORCH
from inferon.bench.result import V3, V4, ModelResult, Timing
from inferon.bench.run import Run

NOTHING = "-"


def page(run: Run) -> str:
    """Return all tables of a run, with what they were measured on above them."""
    results = run.models
    parts = [
        _conditions(run),
        "**One event**, ns:",
        _table(
            "model | MACs | longest chain | limit | Inferon | / limit | "
            "ONNX Runtime | ratio | less its call | torch | onnx2c | SOFIE",
            [_event_row(each) for each in results],
        ),
        "**Best batch**, ns an event (events in a call):",
        _table(
            "model | limit | Inferon | / limit | columns | / limit | ONNX Runtime | ratio | torch",
            [_batch_row(each) for each in results],
        ),
        "**Instruction sets**, ns:",
        _table(
            f"model | one event, {V4} | {V3} | ratio | best batch, {V4} | {V3} | ratio",
            [_level_row(each) for each in results],
        ),
        "**Bars**:",
        _table("model | ratio | wanted | reached | verdict", list(_bar_rows(results))),
        _missing(results),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def verdicts(results: Sequence[ModelResult]) -> dict[Verdict, int]:
    """Return how many bars were met, missed and not measured."""
    found = [bar.verdict(r.ratio(bar.ratio)) for r in results for bar in bars(r.letter)]
    return {verdict: found.count(verdict) for verdict in Verdict}


def _conditions(run: Run) -> str:
    machine, versions = run.machine, run.versions
    loads = [each.load_average for each in run.models if each.load_average is not None]
    overheads = [each.call_overhead_ns for each in run.models if each.call_overhead_ns]
    lines = [
        f"{machine.cpu}, one thread; {versions.compiler}, {versions.options}; "
        f"ONNX Runtime {versions.onnxruntime or 'not installed'}.",
    ]
    if loads:
        lines.append(f"Load average before each model: {min(loads):.1f} to {max(loads):.1f}.")
    if overheads:
        middle = sorted(overheads)[len(overheads) // 2]
        lines.append(
            f"ONNX Runtime through IOBinding; an empty model takes {middle:,.0f} ns a call."
        )
    return "\n".join(lines)


def _event_row(result: ModelResult) -> list[str]:
    ours, ort = result.event(INFERON, result.main), result.event(ORT)
    limit = result.limit(1)
    net = NOTHING
    if ours and ort and result.call_overhead_ns is not None:
        net = _ratio((ort.ns - result.call_overhead_ns) / ours.ns)
    return [
        *(result.stem, f"{result.macs:,}", _ns(result.longest_ns)),
        f"{_ns(limit.ns)}{' (latency)' if limit.chain_ns >= limit.ns else ''}",
        *(_time(ours), _quotient(ours, limit.ns), _time(ort)),
        *(_ratio(ort.ns / ours.ns) if ours and ort else NOTHING, net),
        *(_time(result.event(name)) for name in (TORCH, ONNX2C, SOFIE)),
    ]


def _batch_row(result: ModelResult) -> list[str]:
    ours, columns = result.best(INFERON, result.main), result.best(COLUMNS, result.main)
    ort = result.best(ORT)
    return [
        *(result.stem, _ns(result.limit(ours.events).ns) if ours else NOTHING),
        *(_batch(ours), _to_limit(result, ours), _batch(columns), _to_limit(result, columns)),
        *(_batch(ort), _ratio(ort.ns / ours.ns) if ours and ort else NOTHING),
        _batch(result.best(TORCH)),
    ]


def _level_row(result: ModelResult) -> list[str]:
    cells = [result.stem]
    for find in (result.event, result.best):
        v4, v3 = find(INFERON, V4), find(INFERON, V3)
        cells += [_time(v4), _time(v3), _ratio(v3.ns / v4.ns) if v3 and v4 else NOTHING]
    return cells


def _bar_rows(results: Sequence[ModelResult]) -> Iterator[list[str]]:
    for result in results:
        for bar in bars(result.letter):
            reached = result.ratio(bar.ratio)
            verdict = bar.verdict(reached)
            strong = f"**{verdict.value}**" if verdict is Verdict.MISSED else verdict.value
            cell = NOTHING if reached is None else f"{reached:.2f}"
            yield [result.stem, bar.ratio.value, str(bar), cell, strong]


def _missing(results: Sequence[ModelResult]) -> str:
    """Return who took no part, and why; a reason that all models share stands once."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for result in results:
        for each in result.absent:
            reasons.setdefault((each.name, each.why), []).append(result.stem)
    lines = []
    for (name, why), stems in reasons.items():
        where = "all models" if len(stems) == len(results) else ", ".join(stems)
        lines.append(f"- {name}, {where}: {why.replace('|', '/')}")
    return "Not measured:\n\n" + "\n".join(lines) if lines else ""


def _table(headings: str, rows: Sequence[Sequence[str]]) -> str:
    names = headings.split(" | ")
    marks = ["---", *["--:"] * (len(names) - 1)]
    lines = [f"| {' | '.join(row)} |" for row in (names, *rows)]
    return "\n".join((lines[0], f"|{'|'.join(marks)}|", *lines[1:]))


def _ns(ns: float) -> str:
    return f"{ns:,.0f}" if ns >= 100 else f"{ns:,.1f}"


def _time(timing: Timing | None) -> str:
    return NOTHING if timing is None else _ns(timing.ns)


def _batch(timing: Timing | None) -> str:
    return NOTHING if timing is None else f"{_ns(timing.ns)} ({timing.events})"


def _quotient(timing: Timing | None, limit_ns: float) -> str:
    return NOTHING if timing is None else f"{timing.ns / limit_ns:.2f}"


def _to_limit(result: ModelResult, timing: Timing | None) -> str:
    return NOTHING if timing is None else _quotient(timing, result.limit(timing.events).ns)


def _ratio(value: float) -> str:
    return f"{value:,.1f}" if value >= 10 else f"{value:.2f}"
