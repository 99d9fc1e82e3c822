"""A graph without abbreviations: composites decomposed, loops unrolled, functions whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from inferon.analysis.ball import is_opened
from inferon.ir.graph import Graph
from inferon.ir.node import Node, ordered
from inferon.ops import build as b
from inferon.ops.base import Composite
from inferon.ops.loop import Loop, Scan
from inferon.ops.structure import Input


@dataclass(frozen=True, slots=True)
class Unfolded:
    """The same computation in primitives and elementary functions.

    Attributes
    ----------
    outputs : one node for each output of the graph
    inside : nodes that come from decompositions; constants there are roundings of real numbers
    """

    outputs: tuple[Node, ...]
    inside: frozenset[Node]


def unfolded(graph: Graph) -> Unfolded:
    """Return the graph without abbreviations; its inputs stay."""
    inside: set[Node] = set()
    nodes = _opened(graph.outputs, {each: each for each in graph.inputs}, inside, within=False)
    return Unfolded(tuple(nodes[each] for each in graph.outputs), frozenset(inside))


def _opened(
    roots: tuple[Node, ...], known: Mapping[Node, Node], inside: set[Node], *, within: bool
) -> dict[Node, Node]:
    """Return the opened form of each node that the roots need."""
    done = dict(known)
    for node in ordered(roots):
        if node in done:
            continue
        inputs = tuple(done[each] for each in node.inputs)
        op = node.op
        if isinstance(op, Composite) and is_opened(op):
            done[node] = _decomposed(op, inputs, inside)
        elif isinstance(op, Loop):
            done[node] = _unrolled(op, inputs, inside, within=within)
        else:
            done[node] = Node(op, inputs, node.origin)
            if within:
                inside.add(done[node])
    return done


def _decomposed(op: Composite, inputs: tuple[Node, ...], inside: set[Node]) -> Node:
    stand_ins = tuple(Node(Input(f"x{i}", each.type)) for i, each in enumerate(inputs))
    root = op.decompose(*stand_ins)
    known = dict(zip(stand_ins, inputs, strict=True))
    return _opened((root,), known, inside, within=True)[root]


def _unrolled(op: Loop, inputs: tuple[Node, ...], inside: set[Node], *, within: bool) -> Node:
    state, *rest = inputs
    sequences, shared = rest[: op.sequences], rest[op.sequences :]
    steps = sequences[0].type.shape[0]
    assert isinstance(steps, int)
    states = []
    for i in range(steps):
        elements = [b.squeeze(b.slice_(each, 0, i, 1), 0) for each in sequences]
        known = dict(zip(op.body.inputs, [state, *elements, *shared], strict=True))
        (root,) = op.body.outputs
        state = _opened((root,), known, inside, within=within)[root]
        states.append(b.expand(state, 0))
    return b.concat(states, 0) if isinstance(op, Scan) else state
