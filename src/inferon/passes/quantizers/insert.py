"""Quantizers put into a prepared float model, node by node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from inferon.errors import Gap, Unsupported
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.values import Array
from inferon.passes.quantizers.place import Place, Widths
from inferon.passes.quantizers.rules import rule
from inferon.passes.quantizers.walk import Stays, Walk


@dataclass(frozen=True, slots=True)
class Inserted:
    """A float model with quantizers.

    Attributes
    ----------
    graph : floats that lie on grids
    places : its quantizers, in the order of layers
    """

    graph: Graph
    places: tuple[Place, ...]


def insert(graph: Graph, values: Mapping[Node, Array], widths: Widths) -> Inserted:
    """Put quantizers into a prepared float model.

    Parameters
    ----------
    graph : as `prepared` returns it
    values : float64 of every node, arrays (events, ...)
    widths : how wide each kind of value is

    Raises
    ------
    Unsupported
        With every layer that cannot be put on a grid.
    """
    walk = Walk(values, widths)
    gaps: list[Gap] = []
    for node in graph.nodes():
        if any(each not in walk.states for each in node.inputs):
            continue  # behind a gap
        try:
            operands = [walk.states[each] for each in node.inputs]
            walk.states[node] = rule(node.op, node, operands, walk)
        except Stays as stays:
            gaps.append(Gap(node.origin or node.op.spelling(), stays.what, stays.hint))
    if gaps:
        raise Unsupported(tuple(dict.fromkeys(gaps)))
    new = replace(graph, outputs=tuple(walk.output(node) for node in graph.outputs))
    kept = set(new.nodes())
    return Inserted(new, tuple(each for each in walk.places if each.rounded in kept))
