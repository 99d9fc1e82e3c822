"""``inferon show``: a model as its listing, with what it costs."""

from __future__ import annotations

from rich.table import Table

from inferon.analysis.cost import Cost, cost
from inferon.cli.model import AsJson, BatchAxis, Dims, ModelPath, open_model
from inferon.cli.terminal import Terminal, table
from inferon.ir.graph import Graph


def show(
    model: ModelPath, batch_axis: BatchAxis = "auto", dim: Dims = None, as_json: AsJson = False
) -> None:
    """Print a model: its listing and what it costs."""
    graph = open_model(model, batch_axis, dim).graph
    found = cost(graph)
    Terminal(as_json).finish(
        {
            "model": model,
            "name": graph.name,
            "inputs": _ports(graph)[0],
            "outputs": _ports(graph)[1],
            "macs": found.macs,
            "parameters": found.parameters,
            "layers": found.layers,
            "nodes": len(graph.nodes()),
            "digest": graph.digest.hex(),
            "renamed": dict(graph.renamed),
            "listing": str(graph),
        },
        f"{graph}\n",
        _port_table(graph),
        "",
        _cost_table(found),
    )


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


def _cost_table(found: Cost) -> Table:
    rows = [(each.layer or "-", f"{each.macs:,}", f"{each.parameters:,}") for each in found.layers]
    rows.append(("total", f"{found.macs:,}", f"{found.parameters:,}"))
    return table(("layer", "multiply-adds", "parameters"), rows, numbers=2)
