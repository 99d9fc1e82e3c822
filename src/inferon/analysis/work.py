"""The work of one event, exactly, by layer: multiply-adds, elementary functions, bytes.

Counted on the graph that a target prints, by what the operators mean.  Element-wise additions,
comparisons, divisions and movement are not counted: a limit made from this work is one that no
program with these sums and functions passes.  Named dimensions count at their bounds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.shape import count
from inferon.ir.types import Element
from inferon.ir.values import storage
from inferon.ops.base import Elementary
from inferon.ops.dot import Dot
from inferon.ops.loop import Loop
from inferon.ops.movement import Broadcast, Reshape, Transpose, Window
from inferon.ops.structure import Const, Input

VIEWS = (Reshape, Transpose, Broadcast, Window)
"""Movements that need not touch memory: what they show is read where it lies."""


@dataclass(frozen=True, slots=True)
class Function:
    """An elementary function on a format."""

    op: Elementary
    element: Element

    @property
    def name(self) -> str:
        """Its name: ``exp``, or ``exp f64`` where the format is not float32."""
        suffix = "" if str(self.element) == "f32" else f" {self.element}"
        return f"{self.op.spelling()}{suffix}"


@dataclass(frozen=True, slots=True)
class Amount:
    """How often an elementary function is evaluated."""

    function: Function
    count: int


@dataclass(frozen=True, slots=True)
class LayerWork:
    """The work of the nodes of one layer, for one event.

    Attributes
    ----------
    layer : name in the source model; empty for nodes that came from no layer
    macs : products of `Dot`, each with its addition
    functions : elementary functions with their numbers, in the order of first use
    weight_bytes : constants; one that layers share counts in the first
    taken_bytes, given_bytes : distinct values that come from other layers, and that go to others
    """

    layer: str
    macs: int = 0
    functions: tuple[Amount, ...] = ()
    weight_bytes: int = 0
    taken_bytes: int = 0
    given_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Work:
    """The work of a graph, for one event.

    Attributes
    ----------
    layers : in the order of the graph
    edge_bytes : inputs and outputs
    """

    layers: tuple[LayerWork, ...]
    edge_bytes: int

    @property
    def macs(self) -> int:
        """Multiply-adds of all layers."""
        return sum(each.macs for each in self.layers)

    @property
    def weight_bytes(self) -> int:
        """Constants of all layers."""
        return sum(each.weight_bytes for each in self.layers)

    @property
    def functions(self) -> tuple[Amount, ...]:
        """Elementary functions of all layers."""
        total: Counter[Function] = Counter()
        for layer in self.layers:
            for each in layer.functions:
                total[each.function] += each.count
        return tuple(Amount(*each) for each in total.items())


def work(graph: Graph, *, within: Mapping[str, str] | None = None) -> Work:
    """Count the work of a graph in stage FLOAT.

    Parameters
    ----------
    graph : composites are decomposed already; elementary functions are not
    within : layers whose work counts in another: its name by theirs
    """
    counted: dict[str, _Layer] = {}
    renamed = within or {}
    event = _of_event(graph)
    given: set[Node] = set()
    for node in graph.nodes():
        if node not in event or isinstance(node.op, VIEWS):
            continue
        name = renamed.get(node.origin, node.origin)
        layer = counted.setdefault(name, _Layer())
        _count_node(node, 1, layer)
        for source in node.inputs:
            _count_input(_seen_through(source), renamed, name, counted, given, event)
    for node in graph.outputs:
        source = _seen_through(node)
        if source in event:  # else it is an input, or the same for all events
            counted[renamed.get(source.origin, source.origin)].given[source] = _bytes(source)
    layers = [(name, each) for name, each in counted.items() if not each.is_idle]
    edge = sum(_bytes(node) for node in (*graph.inputs, *graph.outputs))
    return Work(tuple(each.as_work(name) for name, each in layers), edge)


@dataclass(slots=True)
class _Layer:
    """Collects the work of one layer."""

    macs: int = 0
    functions: Counter[Function] = field(default_factory=Counter)
    weights: dict[Node, int] = field(default_factory=dict)
    taken: dict[Node, int] = field(default_factory=dict)
    given: dict[Node, int] = field(default_factory=dict)

    @property
    def is_idle(self) -> bool:
        return not (self.macs or self.functions or self.weights or self.taken or self.given)

    def as_work(self, name: str) -> LayerWork:
        functions = tuple(Amount(*each) for each in self.functions.items())
        sizes = (sum(each.values()) for each in (self.weights, self.taken, self.given))
        return LayerWork(name, self.macs, functions, *sizes)


def _of_event(graph: Graph) -> set[Node]:
    """Return the nodes whose value differs from event to event, without the inputs."""
    found = set(graph.inputs)
    for node in graph.nodes():
        if any(each in found for each in node.inputs):
            found.add(node)
    return found.difference(graph.inputs)


def _count_node(node: Node, times: int, layer: _Layer) -> None:
    """Add the arithmetic of a node; that of a loop is its body's at every step."""
    op = node.op
    if isinstance(op, Dot):
        layer.macs += times * count(node.type.shape) * op.terms(node.inputs[0].type)
    elif isinstance(op, Elementary):
        layer.functions[Function(op, node.type.element)] += times * count(node.type.shape)
    elif isinstance(op, Loop):
        steps = op.steps(node.inputs[1].type)
        event = _of_event(op.body)
        for each in op.body.nodes():
            if each in event:
                _count_node(each, times * steps, layer)
            for source in each.inputs:
                _add_weight(source, layer)


def _count_input(
    source: Node,
    renamed: Mapping[str, str],
    name: str,
    counted: dict[str, _Layer],
    given: set[Node],
    event: set[Node],
) -> None:
    """Add what a node reads: a weight, or a value of another layer."""
    layer = counted[name]
    if source not in event and not isinstance(source.op, Input):
        if source not in given:
            given.add(source)
            _add_weight(source, layer)
        return
    maker = renamed.get(source.origin, source.origin)
    if isinstance(source.op, Input):
        layer.taken[source] = _bytes(source)
    elif maker != name:
        layer.taken[source] = counted[maker].given[source] = _bytes(source)


def _add_weight(source: Node, layer: _Layer) -> None:
    if isinstance(source.op, Const) and source.type.shape:
        layer.weights[source] = _bytes(source)


def _seen_through(node: Node) -> Node:
    """Return what lies in memory where a value is only seen in another shape or order."""
    while isinstance(node.op, VIEWS):
        (node,) = node.inputs
    return node


def _bytes(node: Node) -> int:
    return count(node.type.shape) * storage(node.type.element).itemsize
