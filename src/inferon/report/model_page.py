"""The page of one model: the picture of its layers, what each costs, and its listing."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from inferon.analysis.cost import cost
from inferon.ir.graph import Graph
from inferon.report.bit_widths import Width, bit_widths, exact_form
from inferon.report.drawing import amount, drawing, duration
from inferon.report.figures.bit_profile import bit_profile_figure
from inferon.report.folder import prepare, put
from inferon.report.layer_graph import layer_graph
from inferon.targets.golden import sample
from inferon.version import VERSION

EVENTS, SEED = 256, 1
"""Events on which the magnitudes of a quantized model are looked at; normal, as in `bench`."""

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
    widths = _widths(graph)
    listing = str(graph)
    return environment.get_template("model.html.jinja").render(
        graph=graph,
        version=VERSION,
        layers=[box for box in layers.boxes if box.operators],
        picture=drawing(layers),
        cost=cost(graph),
        times=times_ns,
        total_ns=sum((times_ns or {}).values()),
        widths=widths,
        events=EVENTS,
        profile=Markup(_profile(graph, widths)),
        listing=listing[:MOST_LISTING_LETTERS],
        is_cut=len(listing) > MOST_LISTING_LETTERS,
    )


def _widths(graph: Graph) -> tuple[Width, ...]:
    """Return the bits of a model that is one on integers, on normal events; else nothing."""
    exact = exact_form(graph)
    return () if exact is None else bit_widths(exact, sample(exact, EVENTS, seed=SEED))


def _profile(graph: Graph, widths: tuple[Width, ...]) -> str:
    """Return the picture of the bits where it can be drawn; the table says the same."""
    if not widths or find_spec("matplotlib") is None:
        return ""
    return bit_profile_figure("bits", graph.name, widths)


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
