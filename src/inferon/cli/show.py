"""``inferon show``: a model as its listing, with what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from inferon.analysis.cost import Cost, cost
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
from inferon.cli.terminal import Terminal, table
from inferon.ir.graph import Graph
from inferon.measure.layers import layer_times_ns

Page = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", help="Draw the layers into a page of HTML."),
]
WithTime = Annotated[
    bool | None,
    typer.Option(
        "--time/--no-time",
        help="Compile the model and time each layer; by default for a page only.",
    ),
]


def show(
    model: ModelPath,
    html: Page = None,
    time: WithTime = None,
    compiler: CompilerName = "g++",
    march: March = "auto",
    batch_axis: BatchAxis = "auto",
    dim: Dims = None,
    bind: Bound = None,
    extension: ExtensionPath = None,
    as_json: AsJson = False,
) -> None:
    """Print a model, its listing and what it costs; draw it with --html."""
    graph = open_model(model, batch_axis, dim, bind, extension).graph
    found = cost(graph)
    wanted = html is not None if time is None else time
    times = _times_ns(graph, compiler, march) if wanted else None
    terminal = Terminal(as_json)
    if html is not None:
        from inferon.report.model_page import write_model_page  # the template engine loads here

        write_model_page(graph, html, times)
    terminal.finish(
        {
            "model": model,
            "name": graph.name,
            "inputs": _ports(graph)[0],
            "outputs": _ports(graph)[1],
            "macs": found.macs,
            "parameters": found.parameters,
            "layers": found.layers,
            "layer_ns": times,
            "page": html,
            "nodes": len(graph.nodes()),
            "digest": graph.digest.hex(),
            "renamed": dict(graph.renamed),
            "listing": str(graph),
        },
        f"{graph}\n",
        _port_table(graph),
        "",
        _cost_table(found, times),
        *([] if html is None else ["", f"The picture of the layers is in {html}."]),
    )


def _times_ns(graph: Graph, compiler: str, march: str) -> Mapping[str, float]:
    """Return the median nanoseconds of each layer on one random event."""
    artifact = cpp(compiler, march).build(graph)
    return layer_times_ns(artifact.library, read_events(graph, None, 1, special=False))


def _ports(graph: Graph) -> tuple[dict[str, str], dict[str, str]]:
    inputs = zip(graph.input_names, graph.inputs, strict=True)
    outputs = zip(graph.output_names, graph.outputs, strict=True)
    return ({n: str(node.type) for n, node in inputs}, {n: str(node.type) for n, node in outputs})


def _port_table(graph: Graph) -> Table:
    inputs, outputs = _ports(graph)
    renamed = dict(graph.renamed)
    rows = [("input", name, kind, renamed.get(name, name)) for name, kind in inputs.items()]
    rows += [("output", name, kind, renamed.get(name, name)) for name, kind in outputs.items()]
    return table(("", "name", "one event", "name in the file"), rows)


def _cost_table(found: Cost, times_ns: Mapping[str, float] | None) -> Table:
    costs = {each.layer: (each.macs, each.parameters) for each in found.layers}
    times = times_ns or {}
    rows = [
        (layer or "-", *(f"{each:,}" for each in costs.get(layer, (0, 0))), *_time(times, layer))
        for layer in dict.fromkeys((*costs, *times))
    ]
    total = (f"{sum(times.values()):,.1f}",) if times else ()
    rows.append(("total", f"{found.macs:,}", f"{found.parameters:,}", *total))
    heads = ("layer", "multiply-adds", "parameters", *(("ns",) if times else ()))
    return table(heads, rows, numbers=len(heads) - 1)


def _time(times_ns: Mapping[str, float], layer: str) -> tuple[str, ...]:
    return (f"{times_ns.get(layer, 0.0):,.1f}",) if times_ns else ()
