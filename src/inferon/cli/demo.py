"""``inferon demo``: two jet taggers from ONNX to C++ on real jets, proven, timed and reported."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from inferon.cli.model import AsJson, CompilerName, March, cpp
from inferon.cli.terminal import Terminal, table
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

    Compiles them to C++, proves them equal to the interpreter in bits and to ONNX Runtime within the
    derived bound, measures both, draws ROC curves, and writes a report.
    """
    terminal = Terminal(as_json)
    start = time.monotonic()

    def say(step: str) -> None:
        terminal.say(f"{time.monotonic() - start:5.1f} s  {step}")

    found = study(out, cpp(compiler, march).compiler, say)
    say("drawing the report")
    page, numbers = write_report(found, out)
    say("done")
    terminal.finish(
        {"report": page, "numbers": numbers, "study": record(found)},
        _table(found),
        "",
        f"Every bit of the C++ is the interpreter's; ONNX Runtime agrees within the derived bound.\n"
        f"Times: one thread, one jet in a call, medians; load average "
        f"{found.taggers[0].benchmark.machine.load_average} on {_machine(found)}.",
        "",
        f"Report    {page}",
        *(f"C++       {each.folder}" for each in found.taggers),
    )


def _machine(found: Study) -> str:
    machine = found.taggers[0].benchmark.machine
    return f"{machine.cpu}, {machine.level}"


def _table(found: Study) -> Table:
    headings = ("", *(each.tagger.title for each in found.taggers))
    columns = [_column(each) for each in found.taggers]
    names = (
        "multiply-adds",
        "jets with the interpreter's bits",
        "ONNX Runtime: error / bound",
        "Inferon, ns per jet",
        "ONNX Runtime, ns per jet",
        "ratio",
        "accuracy on test jets",
        "AUC of top quarks",
    )
    return table(headings, zip(names, *columns, strict=True), numbers=len(columns))


def _column(evidence: TaggerEvidence) -> tuple[str, ...]:
    timing = evidence.benchmark.timings[0]
    top = evidence.classes[-1]
    theirs = timing.peer_ns_per_event
    return (
        f"{evidence.cost.macs:,}",
        f"{evidence.bits.events:,} of {evidence.bits.events:,}",
        f"{evidence.peer.worst_peer:.2g} of {evidence.peer.events:,} jets at most",
        f"{timing.ours_ns_per_event:,.0f}",
        "-" if theirs is None else f"{theirs:,.0f}",
        "-" if timing.ratio is None else f"{timing.ratio:.1f}",
        f"{evidence.accuracy}",
        f"{top.auc}",
    )
