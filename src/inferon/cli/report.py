"""``inferon report``: trained runs compiled, proven, timed and judged, as one page."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from inferon.cli.model import AsJson, CompilerName, March, cpp
from inferon.cli.terminal import Terminal, table

if TYPE_CHECKING:
    from inferon.report.evidence import Evidence
    from inferon.report.study import Study


def report(
    folder: Annotated[Path, typer.Argument(metavar="RUNS", help="Folder of one run or of many.")],
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="FILE", help="The sample, where it lies elsewhere now."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE.html", help="By default RUNS/report.html."),
    ] = None,
    compiler: CompilerName = "g++",
    march: March = "auto",
    as_json: AsJson = False,
) -> None:
    """Draw the report of trained runs: one page that needs nothing but itself.

    Compiles each model to C++, proves it equal to the interpreter in bits and to ONNX Runtime
    within the derived bound, measures both, and judges it on the jets it was not trained on.
    """
    from inferon.report.folder import prepare  # the loaders and the template engine load here
    from inferon.report.page import record, write_page
    from inferon.report.run_sample import sample_of
    from inferon.report.runs import find_runs
    from inferon.report.study import require_packages, study

    terminal = Terminal(as_json)
    start = time.monotonic()

    def say(step: str) -> None:
        terminal.say(f"{time.monotonic() - start:5.1f} s  {step}")

    require_packages()
    runs = find_runs(folder)
    page = folder / "report.html" if out is None else out
    prepare(page.parent)
    say(f"{len(runs)} runs; reading their sample")
    sample = sample_of(runs, data)
    found = study(runs, sample, cpp(compiler, march).compiler, say)
    say("drawing the report")
    write_page(found, page)
    say("done")
    terminal.finish(
        {"report": page, "study": record(found)},
        scores_table(found),
        "",
        *remarks(found),
        "",
        f"Report    {page}",
    )


def scores_table(found: Study) -> Table:
    """Return a row for each run: what was proven, how fast it is, how right it is."""
    headings = (
        *("run", "scores", "bits differ", "error / bound", "Inferon [ns]"),
        *("ONNX Runtime [ns]", "ratio", "accuracy"),
    )
    return table(headings, [_row(each) for each in found.runs], numbers=7)


def remarks(found: Study) -> tuple[str, ...]:
    """Return what the columns of the table mean."""
    machine = found.runs[0].benchmark.machine
    return (
        "The scores of the C++ have the interpreter's bits, for jets alone and in a batch.",
        "The largest error of ONNX Runtime is that part of the bound that is derived for it.",
        "Times are medians for one jet on one thread, in turns: "
        f"{machine.cpu}, {machine.level}, load average {machine.load_average}.",
    )


def _row(evidence: Evidence) -> tuple[str, ...]:
    timing = evidence.benchmark.timings[0]
    theirs, ratio = timing.peer_ns_per_event, timing.ratio
    right = evidence.result.accuracy
    return (
        evidence.run.name,
        f"{evidence.bits.elements:,}",
        "0",
        f"{evidence.peer.worst_peer:.2g}",
        f"{timing.ours_ns_per_event:,.0f}",
        "-" if theirs is None else f"{theirs:,.0f}",
        "-" if ratio is None else f"{ratio:.1f}",
        "-" if right is None else f"{right}",
    )
