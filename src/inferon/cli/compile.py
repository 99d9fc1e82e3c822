"""``inferon compile``: a model as standalone C++, or as firmware, in a folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

import inferon
from inferon.cli.model import (
    AsJson,
    BatchAxis,
    Bound,
    CompilerName,
    Dims,
    ExtensionPath,
    March,
    ModelPath,
    cpp,
    open_model,
    read_events,
)
from inferon.cli.target import (
    ClockOption,
    DialectName,
    DialectOption,
    Firmware,
    Kind,
    KindOption,
    PartOption,
    needs_exact,
    refuse_others,
)
from inferon.cli.terminal import Terminal, table
from inferon.errors import UsageError


def compile_(
    model: ModelPath,
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FOLDER", help="New, empty, or an artefact.")
    ],
    target: KindOption = Kind.CPP,
    name: Annotated[
        str, typer.Option(help="Namespace and file name; the model's by default.")
    ] = "",
    check: Annotated[
        int,
        typer.Option(
            metavar="N", help="Before writing, prove N random events in bits; needs the compiler."
        ),
    ] = 0,
    exact: Annotated[
        bool,
        typer.Option(
            "--exact",
            help="A quantized model on integers; says what that changes.",
        ),
    ] = False,
    double: Annotated[
        bool,
        typer.Option("--double", help="The model in double precision, to validate with."),
    ] = False,
    ragged: Annotated[
        list[str] | None,
        typer.Option(
            metavar="INPUT",
            help="An input (particles, ...) that callers hold as rows and offsets; repeatable.",
        ),
    ] = None,
    ragged_mask: Annotated[
        str, typer.Option(metavar="INPUT", help="Its mask, which is then made inside.")
    ] = "",
    ragged_count: Annotated[
        str, typer.Option(metavar="INPUT", help="Its number of particles, made inside as well.")
    ] = "",
    dispatch: Annotated[
        bool,
        typer.Option(
            "--dispatch",
            help="The C interface takes the best instruction set of the machine it runs on.",
        ),
    ] = False,
    input_labels: Annotated[
        str,
        typer.Option(metavar="A,B,...", help="Names of all input elements, for the adapters."),
    ] = "",
    output_labels: Annotated[
        str, typer.Option(metavar="A,B,...", help="Names of all output elements.")
    ] = "",
    dialect: DialectOption = DialectName.VITIS,
    clock_ns: ClockOption = 5.0,
    part: PartOption = "",
    synthesize: Annotated[
        bool,
        typer.Option("--synthesize", help="Of verilog and vhdl: count the cells with Yosys."),
    ] = False,
    compiler: CompilerName = "g++",
    march: March = "auto",
    batch_axis: BatchAxis = "auto",
    dim: Dims = None,
    bind: Bound = None,
    extension: ExtensionPath = None,
    as_json: AsJson = False,
) -> None:
    """Write a model into a folder, as standalone C++ or as firmware.

    Of C++ the folder holds the header, the weights, a C interface, a self-test with golden events,
    a CMake package and a manifest. Firmware is made of a quantized model, on integers. The folder
    appears whole or not at all.
    """
    cpp_only = {
        **{"--double": double, "--dispatch": dispatch, "--ragged": ragged},
        **{"--ragged-mask": ragged_mask, "--ragged-count": ragged_count},
        **{"--input-labels": input_labels, "--output-labels": output_labels},
        "--march": march != "auto",
    }
    refuse_others(target, cpp_only)
    if synthesize and not target.is_simulated:
        raise UsageError(f"--synthesize: for verilog and vhdl, not for --target {target}")
    terminal = Terminal(as_json)
    graph = open_model(model, batch_axis, dim, bind, extension).graph
    made = inferon.exact(graph) if exact or needs_exact(target, graph) else None
    if made is not None:
        terminal.say(str(made))
        graph = made.graph
    if double:
        graph = inferon.in_double(graph)
    named = bool(ragged or ragged_mask or ragged_count)
    sets = inferon.Ragged(tuple(ragged or ()), ragged_mask, ragged_count) if named else None
    labels = inferon.Labels(_split(input_labels), _split(output_labels))
    if target.is_firmware:
        firmware = Firmware(name, dialect, clock_ns, part, compiler)
        compiled = inferon.compile(graph, firmware.target(target))
    else:
        chosen = replace(cpp(compiler, march, name), ragged=sets, dispatch=dispatch, labels=labels)
        compiled = inferon.compile(graph, chosen)
    agreement = None
    if check:
        how = "simulating" if target.is_simulated else f"compiling with {compiler}, then"
        terminal.say(f"{how} {check} events against the interpreter")
        agreement = compiled.verify(read_events(graph, None, check, special=True), events=check)
    if synthesize:
        terminal.say("synthesizing: seconds for a small design, minutes for a large one")
    synthesis = compiled.synthesize() if synthesize else None
    estimate = compiled.estimate() if target.is_simulated else None
    written = compiled.write(out)
    files = {file.path: len(file.content) for file in compiled.artifact.files}
    rows = [(path, f"{size:,}") for path, size in files.items()]
    terminal.finish(
        {
            "model": model,
            "folder": written,
            "files": files,
            "checked": agreement,
            "exact": None if made is None else _report(made),
            "estimate": estimate,
            "synthesis": synthesis,
        },
        f"{written}" + (f": {agreement}" if agreement else ""),
        *(str(each) for each in (estimate, synthesis) if each is not None),
        table(("file", "bytes"), rows, numbers=1),
    )


def _split(labels: str) -> tuple[str, ...]:
    return tuple(label.strip() for label in labels.split(",")) if labels else ()


def _report(made: inferon.ExactModel) -> dict[str, object]:
    """Return what exactness changed, without the graph."""
    return {"events": made.events, "outputs": made.outputs, "quantizers": made.quantizers}
