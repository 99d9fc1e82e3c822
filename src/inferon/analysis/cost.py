"""What a graph costs to evaluate and to store: multiply-adds and parameters, by layer.

A multiply-add (MAC) is one product of a `Dot` with its addition, the usual measure of a network;
element-wise work, comparisons and movement are not in it.  A parameter is an element of a constant
that has axes and holds numbers; indices and scalars, such as an epsilon, are no parameters (and
so the bias of a layer with one output, which is a scalar in the graph, is not counted either).
Named dimensions count at their bounds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from inferon.ir.graph import Graph
from inferon.ir.node import Node, ordered
from inferon.ir.shape import count
from inferon.ir.types import Fixed, Float
from inferon.ops.base import Composite, Elementary
from inferon.ops.dot import Dot
from inferon.ops.loop import Loop
from inferon.ops.structure import Const, Input


@dataclass(frozen=True, slots=True)
class LayerCost:
    """The cost of the nodes of one layer.

    Attributes
    ----------
    layer : name in the source model; empty for nodes that came from no layer
    macs : multiply-adds for one event
    parameters : elements of constants; a constant that layers share counts in the first
    """

    layer: str
    macs: int
    parameters: int


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a graph for one event.

    Attributes
    ----------
    layers : in the order of the graph; layers that cost nothing are left out
    """

    layers: tuple[LayerCost, ...]

    @property
    def macs(self) -> int:
        """Multiply-adds of all layers."""
        return sum(each.macs for each in self.layers)

    @property
    def parameters(self) -> int:
        """Parameters of all layers."""
        return sum(each.parameters for each in self.layers)


def cost(graph: Graph) -> Cost:
    """Return the cost of a graph of any stage."""
    layers: dict[str, tuple[int, int]] = {}
    for node in graph.nodes():
        macs, parameters = layers.get(node.origin, (0, 0))
        layers[node.origin] = macs + _macs(node), parameters + _parameters(node)
    found = (LayerCost(name, *both) for name, both in layers.items())
    return Cost(tuple(each for each in found if each.macs or each.parameters))


def _macs(node: Node) -> int:
    op = node.op
    if isinstance(op, Dot):
        return count(node.type.shape) * op.terms(node.inputs[0].type)
    if isinstance(op, Loop):
        return op.steps(node.inputs[1].type) * _sum_of_macs(op.body.nodes())
    if isinstance(op, Composite) and not isinstance(op, Elementary):
        inputs = [Node(Input(f"input{i}", each.type)) for i, each in enumerate(node.inputs)]
        return _sum_of_macs(ordered([op.decompose(*inputs)]))
    return 0


def _sum_of_macs(nodes: Iterable[Node]) -> int:
    return sum(_macs(node) for node in nodes)


def _parameters(node: Node) -> int:
    numbers = isinstance(node.type.element, Float | Fixed)
    if not isinstance(node.op, Const) or not numbers or not node.type.shape:
        return 0
    return count(node.type.shape)
