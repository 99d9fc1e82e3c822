"""How many bits an exact graph spends on each layer, and which of them its numbers use."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from inferon.errors import InvalidGraph, Unsupported
from inferon.interpret import Feed, evaluate_nodes
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.shape import count
from inferon.ir.types import Fixed
from inferon.ir.values import Array
from inferon.ops.structure import Const
from inferon.passes.exact import exact_graph
from inferon.report.layer_errors import in_parts, numbers
from inferon.report.layer_graph import Layer, computed_layers
from inferon.stage import EXACT, verify


@dataclass(frozen=True, slots=True)
class Width:
    """The bits of one layer's weights or results.

    Attributes
    ----------
    layer : its name in the source model
    is_weight : weights of the layer, or else its results
    type : the widest of them
    values : elements for one event
    smallest, largest : magnitudes that occur, without zeros; 0 where all are zero
    """

    layer: str
    is_weight: bool
    type: Fixed
    values: int
    smallest: float
    largest: float


def exact_form(graph: Graph) -> Graph | None:
    """Return a graph on integers: itself where it is exact, or what `inferon.exact` finds.

    None where the model has layers that stay float.
    """
    try:
        verify(graph, EXACT)
    except InvalidGraph:
        pass
    else:
        return graph if any(isinstance(n.type.element, Fixed) for n in graph.nodes()) else None
    try:
        return exact_graph(graph).graph
    except Unsupported:
        return None


def bit_widths(graph: Graph, data: Feed) -> tuple[Width, ...]:
    """Return the widths of every layer of an exact graph, in the order of the graph.

    Parameters
    ----------
    graph : of stage EXACT
    data : events as for `inferon.interpret`, on which results are looked at
    """
    seen: set[Node] = set()
    places = [place for layer in computed_layers(graph) for place in _places(layer, seen)]
    wanted = tuple(node for place in places for node in place.nodes)
    for events in in_parts(graph, data):
        values = evaluate_nodes(graph, wanted, events)
        for place in places:
            place.look(values)
    return tuple(place.width for place in places)


@dataclass(slots=True)
class _Place:
    """Nodes of one layer that are looked at together."""

    layer: str
    is_weight: bool
    nodes: list[Node]
    magnitudes: list[float] = field(default_factory=list)

    def look(self, values: dict[Node, Array]) -> None:
        """Note the ends of the magnitudes of some events."""
        for node in self.nodes:
            size = np.abs(numbers(node, values[node]))
            size = size[size > 0]
            if size.size:
                self.magnitudes += [float(size.min()), float(size.max())]

    @property
    def width(self) -> Width:
        """What was found."""
        types = [node.type.element for node in self.nodes]
        widest = max((each for each in types if isinstance(each, Fixed)), key=lambda t: t.width)
        return Width(
            self.layer,
            self.is_weight,
            widest,
            sum(count(node.type.shape) for node in self.nodes),
            min(self.magnitudes, default=0.0),
            max(self.magnitudes, default=0.0),
        )


def _places(layer: Layer, seen: set[Node]) -> list[_Place]:
    """Return where a layer has fixed-point numbers; constants that layers share count once."""
    used = dict.fromkeys(each for node in layer.nodes for each in node.inputs)
    weights = [
        node
        for node in used
        if isinstance(node.op, Const) and node.type.rank and _is_fixed(node) and node not in seen
    ]
    seen.update(weights)
    results = [node for node in layer.results if _is_fixed(node)]
    both = (_Place(layer.title, True, weights), _Place(layer.title, False, results))
    return [place for place in both if place.nodes]


def _is_fixed(node: Node) -> bool:
    return isinstance(node.type.element, Fixed)
