"""``inferon demo``: two jet taggers from ONNX to C++ on real jets, proven, timed and reported."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from inferon.cli.model import AsJson, CompilerName, March, cpp
from inferon.cli.terminal import Terminal, table
from inferon.report.figures import require_matplotlib
from inferon.report.page import record, write_report
from inferon.report.study import Study, TaggerEvidence, study


def demo(
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FOLDER", help="Gets the report and the C++.")
    ] = Path("inferon-demo"),
    compiler: CompilerName = "g++",
    march: March = "auto",
    as_json: AsJson = False,
) -> None:
    """Run two shipped jet taggers through it all.

    Compiles them to C++, proves them equal to the interpreter in bits and to ONNX Runtime within
    the derived bound, measures both, draws ROC curves, and writes a report.
    """
    terminal = Terminal(as_json)
    start = time.monotonic()

    def say(step: str) -> None:
        terminal.say(f"{time.monotonic() - start:5.1f} s  {step}")

    require_matplotlib()
    found = study(out, cpp(compiler, march).compiler, say)
    say("drawing the report")
    page, numbers = write_report(found, out)
    say("done")
    terminal.finish(
        {"report": page, "numbers": numbers, "study": record(found)},
        _table(found),
        "",
        "The scores of the C++ have the interpreter's bits, for jets alone and in a batch.",
        "The largest error of ONNX Runtime is that part of the bound that is derived for it.",
        f"Times are medians for one jet on one thread, in turns: {_machine(found)}.",
        "",
        f"Report    {page}",
        *(f"C++       {each.folder}" for each in found.taggers),
    )


def _machine(found: Study) -> str:
    machine = found.taggers[0].benchmark.machine
    return f"{machine.cpu}, {machine.level}, load average {machine.load_average}"


def _table(found: Study) -> Table:
    headings = (
        *("tagger", "scores", "bits differ", "error / bound", "Inferon [ns]"),
        *("ONNX Runtime [ns]", "ratio", "accuracy"),
    )
    return table(headings, [_row(each) for each in found.taggers], numbers=7)


def _row(evidence: TaggerEvidence) -> tuple[str, ...]:
    timing = evidence.benchmark.timings[0]
    theirs, ratio = timing.peer_ns_per_event, timing.ratio
    return (
        evidence.tagger.title,
        f"{evidence.bits.elements:,}",
        "0",
        f"{evidence.peer.worst_peer:.2g}",
        f"{timing.ours_ns_per_event:,.0f}",
        "-" if theirs is None else f"{theirs:,.0f}",
        "-" if ratio is None else f"{ratio:.1f}",
        f"{evidence.accuracy}",
    )
