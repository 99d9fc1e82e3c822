"""``inferon demo``: jet taggers from ONNX to C++ and Verilog on real jets, proven and timed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from inferon.cli.model import AsJson, CompilerName, March, cpp
from inferon.cli.report import remarks, scores_table
from inferon.cli.terminal import Terminal


def demo(
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FOLDER", help="Gets the report and the C++.")
    ] = Path("inferon-demo"),
    compiler: CompilerName = "g++",
    march: March = "auto",
    as_json: AsJson = False,
) -> None:
    """Run shipped jet taggers through it all.

    Compiles them to C++, proves them equal to the interpreter in bits and to ONNX Runtime within
    the derived bound, measures both, draws ROC curves, and writes a report. A third one, of 6
    bits, becomes Verilog and is proven in whichever simulator is here.
    """
    from inferon.physics.sample import shipped_jets
    from inferon.report.firmware_study import firmware_study
    from inferon.report.folder import prepare  # the loaders and the template engine load here
    from inferon.report.page import record, write_page, write_record
    from inferon.report.run_sample import sample_of
    from inferon.report.runs import shipped_runs
    from inferon.report.study import require_packages, study

    terminal = Terminal(as_json)
    start = time.monotonic()

    def say(step: str) -> None:
        terminal.say(f"{time.monotonic() - start:5.1f} s  {step}")

    require_packages()
    prepare(out)
    say("reading 20,000 jets")
    runs = shipped_runs()
    found = study(runs, sample_of(runs), cpp(compiler, march).compiler, say)
    say("the 6-bit tagger as firmware, simulated")
    firmware = firmware_study(shipped_jets())
    chip = firmware.chip.write(out / "jets_mlp_6bit_rtl")
    folders = [run.compiled.write(out / f"{run.run.model.stem}_cpp") for run in found.runs]
    say("drawing the report")
    page, numbers = out / "report.html", out / "report.json"
    write_page(found, page, "demo")
    write_record(found, numbers)
    say("done")
    terminal.finish(
        {
            "report": page,
            "numbers": numbers,
            "study": record(found),
            "firmware": {
                "folder": chip,
                "accuracy": firmware.accuracy,
                "estimate": firmware.estimate.total,
                "latency_cycles": firmware.estimate.latency_cycles,
                "simulator": firmware.simulator,
                "proven": firmware.agreement,
            },
        },
        scores_table(found),
        "",
        *remarks(found),
        "",
        f"Report    {page}",
        *(f"C++       {folder}" for folder in folders),
        f"Verilog   {chip}",
        "",
        *firmware.lines,
    )
