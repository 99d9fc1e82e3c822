"""A graph as its layers: what a picture shows in each box, and which box feeds which."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from inferon.analysis.cost import cost
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ops.structure import Const, Input

MOST_OPERATORS = 3
"""Operators that a box names before it says how many more there are."""


@dataclass(frozen=True, slots=True)
class Box:
    """One layer, input or output.

    Attributes
    ----------
    title : the layer's name
    operators : what it computes, in order; empty for inputs and outputs
    types : of the values that leave it
    macs, parameters : multiply-adds and parameters of one event
    time_ns : median time of one event; None where it was not measured, or where the layer was
        fused into a later one
    """

    title: str
    operators: tuple[str, ...]
    types: tuple[str, ...]
    macs: int = 0
    parameters: int = 0
    time_ns: float | None = None

    @property
    def summary(self) -> str:
        """The operators, shortened."""
        more = len(self.operators) - MOST_OPERATORS
        shown = ", ".join(self.operators[:MOST_OPERATORS])
        return f"{shown} and {more} more" if more > 0 else shown


@dataclass(frozen=True, slots=True)
class Layer:
    """The nodes of one layer that are computed.

    Attributes
    ----------
    title : the layer's name, or its operator where it came from no layer
    nodes : in order
    results : those whose values leave the layer
    macs : multiply-adds of one event
    """

    title: str
    nodes: tuple[Node, ...]
    results: tuple[Node, ...]
    macs: int


@dataclass(frozen=True, slots=True)
class LayerGraph:
    """Boxes in an order in which they can be computed, and edges between their numbers."""

    boxes: tuple[Box, ...]
    edges: tuple[tuple[int, int], ...]


def layer_graph(graph: Graph, times_ns: Mapping[str, float] | None = None) -> LayerGraph:
    """Return the layers of a graph.

    Parameters
    ----------
    graph : of any stage
    times_ns : median time of each layer, where it was measured

    Returns
    -------
    A box for each input, for each layer (the nodes of one origin), and for each output.
    """
    groups = _in_order(_groups(graph))
    number = {node: index for index, group in enumerate(groups) for node in group}
    edges = dict.fromkeys(_edges(groups))
    boxes = [_box(graph, group, number, times_ns) for group in groups]
    for name, node in zip(graph.output_names, graph.outputs, strict=True):
        if node in number:
            edges[number[node], len(boxes)] = None
        boxes.append(Box(f"{name} (output)", (), (str(node.type),)))
    return LayerGraph(tuple(boxes), tuple(edges))


def computed_layers(graph: Graph) -> tuple[Layer, ...]:
    """Return the layers of a graph without its inputs, in an order in which they are computed."""
    groups = _in_order(_groups(graph))
    number = {node: index for index, group in enumerate(groups) for node in group}
    macs = {each.layer: each.macs for each in cost(graph).layers}
    return tuple(
        Layer(
            group[0].origin or group[0].op.spelling(),
            tuple(group),
            tuple(_leaving(graph, group, number)),
            macs.get(group[0].origin, 0) if group[0].origin else 0,
        )
        for group in groups
        if not isinstance(group[0].op, Input)
    )


def _groups(graph: Graph) -> list[list[Node]]:
    """Return the nodes that are drawn, by layer."""
    groups: dict[object, list[Node]] = {node: [node] for node in graph.inputs}
    for node in graph.nodes():
        if not isinstance(node.op, Const | Input):
            groups.setdefault(node.origin or node, []).append(node)
    return list(groups.values())


def _edges(groups: list[list[Node]]) -> Iterator[tuple[int, int]]:
    """Yield from which group to which a value goes."""
    number = {node: index for index, group in enumerate(groups) for node in group}
    for node, here in number.items():
        for source in node.inputs:
            if number.get(source, here) != here:
                yield number[source], here


def _in_order(groups: list[list[Node]]) -> list[list[Node]]:
    """Return the groups in an order in which they can be computed.

    Layers may need each other (one made two nodes, and another stands between them): then the one
    that comes first in the graph does so here.
    """
    needed: list[set[int]] = [set() for _ in groups]
    for source, target in _edges(groups):
        needed[target].add(source)
    order: dict[int, None] = {}
    while len(order) < len(groups):
        waiting = [index for index in range(len(groups)) if index not in order]
        ready = (index for index in waiting if needed[index] <= order.keys())
        order[next(ready, waiting[0])] = None
    return [groups[index] for index in order]


def _box(
    graph: Graph,
    group: list[Node],
    number: Mapping[Node, int],
    times_ns: Mapping[str, float] | None,
) -> Box:
    first = group[0]
    if isinstance(first.op, Input):
        return Box(f"{first.op.name} (input)", (), (str(first.type),))
    leaving = _leaving(graph, group, number)
    name = first.origin
    costs = {each.layer: each for each in cost(graph).layers}
    spent = costs.get(name) if name else None
    return Box(
        name or first.op.spelling(),
        tuple(dict.fromkeys(node.op.spelling() for node in group)),
        tuple(dict.fromkeys(str(node.type) for node in leaving)),
        spent.macs if spent else 0,
        spent.parameters if spent else 0,
        None if times_ns is None else times_ns.get(name),
    )


def _leaving(graph: Graph, group: list[Node], number: Mapping[Node, int]) -> Iterable[Node]:
    """Return the nodes of a layer that others read, or that are outputs."""
    here = number[group[0]]
    read = {
        source for node, index in number.items() if index != here for source in node.inputs
    } | set(graph.outputs)
    return [node for node in group if node in read]
