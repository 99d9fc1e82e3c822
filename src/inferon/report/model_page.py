"""The page of one model: the picture of its layers, what each costs, and its listing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from inferon.analysis.cost import cost
from inferon.ir.graph import Graph
from inferon.report.drawing import amount, drawing, duration
from inferon.report.folder import prepare, put
from inferon.report.layer_graph import layer_graph
from inferon.version import VERSION

MOST_LISTING_LETTERS = 200_000
"""A listing is shown up to here: 4,000 nodes, and still a page that opens at once."""


def render_model(graph: Graph, times_ns: Mapping[str, float] | None = None) -> str:
    """Return the page of a model as HTML that needs nothing but itself.

    Parameters
    ----------
    graph : the model
    times_ns : median nanoseconds of each layer, as `inferon.measure.layers` gives them; None
        leaves the times out
    """
    environment = Environment(
        loader=PackageLoader("inferon.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["amount"] = amount
    environment.filters["duration"] = duration
    layers = layer_graph(graph, times_ns)
    listing = str(graph)
    return environment.get_template("model.html.jinja").render(
        graph=graph,
        version=VERSION,
        layers=[box for box in layers.boxes if box.operators],
        picture=drawing(layers),
        cost=cost(graph),
        times=times_ns,
        total_ns=sum((times_ns or {}).values()),
        listing=listing[:MOST_LISTING_LETTERS],
        is_cut=len(listing) > MOST_LISTING_LETTERS,
    )


def write_model_page(
    graph: Graph, path: Path, times_ns: Mapping[str, float] | None = None
) -> None:
    """Write the page of a model; it appears whole or not at all.

    Raises
    ------
    OutputError
        When the file cannot be written.
    """
    prepare(path.parent)
    put(path, render_model(graph, times_ns))
