"""``inferon bench suite``: the models of the project beside every peer and their limits."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from inferon.cli.model import AsJson, CompilerName
from inferon.cli.terminal import Terminal

OUT = Path("benchmarks/results/suite.json")


def suite(
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="MODEL", help="Letters or stems; all by default."),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="JSON", help="Results; the tables lie beside.")
    ] = OUT,
    folder: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Of the model files.")
    ] = None,
    onnx2c: Annotated[
        str, typer.Option(metavar="PROGRAM", help="onnx2c, where it is installed.")
    ] = "onnx2c",
    sofie: Annotated[
        str | None, typer.Option(metavar="PYTHON", help="Another Python, which has SOFIE.")
    ] = None,
    wait_quiet: Annotated[
        bool, typer.Option("--wait-quiet", help="Wait until nobody else uses the machine.")
    ] = False,
    compiler: CompilerName = "g++",
    as_json: AsJson = False,
) -> None:
    """Measure the suite: one event and batches, ours and every peer, beside the limit.

    Written after each model; a run that was interrupted goes on where it was.  A model whose
    generated code, compiler and machine have not changed is not measured again.
    """
    from inferon.bench.models import FOLDER, check_folder, chosen
    from inferon.bench.page import page, verdicts
    from inferon.bench.run import run_suite
    from inferon.bench.suite import Settings
    from inferon.whole_file import write_whole

    terminal = Terminal(as_json)
    wanted = chosen(models or [])
    settings = Settings(folder or FOLDER, compiler, onnx2c, sofie or sys.executable)
    check_folder(settings.folder, wanted)
    run = run_suite(wanted, settings, out=out, wait_quiet=wait_quiet, say=terminal.say)
    text = page(run)
    write_whole(out.with_suffix(".md"), text.encode())
    counted = verdicts(run.models)
    line = ", ".join(f"{count} {verdict.value}" for verdict, count in counted.items())
    terminal.finish(run, text, f"bars: {line}")
