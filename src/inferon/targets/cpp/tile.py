"""Events side by side: the graph of one event becomes that of a tile of events, in the same bits.

Every value that depends on an input gets a last axis, the events of the tile: a register then
holds one element of several events, whatever the sizes of the layers.  A product with weights
turns round for that: its weights become the rows, repeated over the lanes, and

    (B, M, K) . weights (B, K, N) -> (B, M, N)

becomes ``weights (B, M, N, K) . (B, M, K, events) -> (B, M, N, events)`` with the same order of
sums.  Products of two values that depend on inputs, and choices by value, have no such form.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.shape import Tensor, static
from inferon.ir.types import Element
from inferon.ops import indexing, loop, movement
from inferon.ops.dot import Dot
from inferon.ops.reduction import Reduction
from inferon.ops.structure import Input
from inferon.targets.cpp.gaps import ELEMENTWISE

Holds = Callable[[Element], bool]
"""Whether registers hold elements of a type."""


def side_by_side(graph: Graph, events: int, holds: Holds) -> Graph | None:
    """Return the graph of a tile of events, or None where the graph has no such form.

    Inputs and outputs have the events as their last axis.
    """
    tiler = _Tiler(events, holds)
    return tiler.graph(graph, graph.inputs) if tiler.can_take(graph, graph.inputs) else None


def _wide_nodes(graph: Graph, inputs: Sequence[Node]) -> set[Node]:
    """Return the nodes that depend on some inputs."""
    wide = set(inputs)
    for node in graph.nodes():
        if any(each in wide for each in node.inputs):
            wide.add(node)
    return wide


@dataclass(frozen=True, slots=True)
class _Tiler:
    """Gives graphs an axis of events."""

    events: int
    holds: Holds

    # ------------------------------------------------------------------------------ what is able

    def can_take(self, graph: Graph, inputs: Sequence[Node]) -> bool:
        """Whether everything that depends on the inputs has a form with events in the lanes."""
        wide = _wide_nodes(graph, inputs)
        return all(self.fits(node, wide) for node in graph.nodes() if node in wide)

    def fits(self, node: Node, wide: set[Node]) -> bool:
        if not self.holds(node.type.element):
            return False
        is_wide = [each in wide for each in node.inputs]
        match node.op:
            case Dot():
                return not all(is_wide)
            case indexing.Gather():
                return not is_wide[1]
            case movement.Pad():
                return not is_wide[1]
            case loop.Loop(body=body):
                return self.can_take(body, _wide_of_body(node, wide))
            case Input() | Reduction() | movement.Concat():
                return True
            case _:
                return isinstance(node.op, (*ELEMENTWISE, *TURNED))

    # ------------------------------------------------------------------------------ what becomes

    def graph(self, graph: Graph, inputs: Sequence[Node]) -> Graph:
        """Return a graph with the axis of events on some inputs and on all outputs."""
        wide = {node: self.input(node) for node in inputs}
        for node in graph.nodes():
            if node not in wide and any(each in wide for each in node.inputs):
                wide[node] = self.node(node, wide)
        return replace(
            graph,
            inputs=tuple(wide.get(node, node) for node in graph.inputs),
            outputs=tuple(self.repeated(node, wide) for node in graph.outputs),
        )

    def input(self, node: Node) -> Node:
        assert isinstance(node.op, Input)
        return Node(Input(node.op.name, Tensor(self.shape(node), node.type.element)))

    def shape(self, node: Node) -> tuple[int, ...]:
        return (*static(node.type.shape, "a value"), self.events)

    def repeated(self, node: Node, wide: dict[Node, Node]) -> Node:
        """Return the value with its axis of events; what is the same for all is repeated."""
        if node in wide:
            return wide[node]
        column = Node(movement.Reshape((*node.type.shape, 1)), (node,), node.origin)
        return Node(movement.Broadcast(self.shape(node)), (column,), node.origin)

    def node(self, node: Node, wide: dict[Node, Node]) -> Node:
        rank = node.inputs[0].type.rank
        given = [wide.get(each, each) for each in node.inputs]
        match node.op:
            case movement.Reshape():
                return Node(movement.Reshape(self.shape(node)), tuple(given), node.origin)
            case movement.Broadcast():
                return Node(movement.Broadcast(self.shape(node)), tuple(given), node.origin)
            case movement.Transpose(order=order):
                return Node(movement.Transpose((*order, rank)), tuple(given), node.origin)
            case movement.Window():  # puts its new axis behind the events
                windows = Node(node.op, tuple(given), node.origin)
                order = (*range(rank), rank + 1, rank)
                return Node(movement.Transpose(order), (windows,), node.origin)
            case movement.Slice() | Reduction() | indexing.Gather():
                return Node(node.op, tuple(given), node.origin)
            case movement.Pad():
                padded = (self.repeated(node.inputs[0], wide), given[1])
                return Node(node.op, padded, node.origin)
            case Dot():
                return self.product(node.op, node, wide)
            case loop.Loop():
                return self.loop(node.op, node, wide)
            case _:
                each = tuple(self.repeated(each, wide) for each in node.inputs)
                return Node(node.op, each, node.origin)

    def product(self, op: Dot, node: Node, wide: dict[Node, Node]) -> Node:
        left, right = node.inputs
        if right in wide:  # weights . x: the events are the innermost columns
            return Node(op, (left, wide[right]), node.origin)
        rank, inner = right.type.rank, op.batch + op.contract
        order = (*range(op.batch), *range(inner, rank), *range(op.batch, inner))
        rows = Node(movement.Transpose(order), (right,), node.origin)
        batch = static(left.type.shape[: left.type.rank - op.contract], "a value")
        ones = (*batch[: op.batch], *[1] * (len(batch) - op.batch), *rows.type.shape[op.batch :])
        shape = (*batch, *rows.type.shape[op.batch :])
        column = Node(movement.Reshape(ones), (rows,), node.origin)
        weights = Node(movement.Broadcast(shape), (column,), node.origin)
        turned = replace(op, batch=len(batch))
        return Node(turned, (weights, wide[left]), node.origin)

    def loop(self, op: loop.Loop, node: Node, wide: dict[Node, Node]) -> Node:
        body = self.graph(op.body, _wide_of_body(node, set(wide)))
        state, *rest = node.inputs
        given = (self.repeated(state, wide), *(wide.get(each, each) for each in rest))
        return Node(replace(op, body=body), given, node.origin)


TURNED = (
    movement.Reshape,
    movement.Transpose,
    movement.Broadcast,
    movement.Slice,
    movement.Window,
)
"""Movements whose axes keep their numbers when one more comes last."""


def _wide_of_body(node: Node, wide: set[Node]) -> list[Node]:
    """Return the inputs of a loop's body that differ from event to event: always the state."""
    assert isinstance(node.op, loop.Loop)
    state, *rest = node.op.body.inputs
    given = zip(rest, node.inputs[1:], strict=True)
    return [state, *(inner for inner, outer in given if outer in wide)]
