"""Stages: which operators and types a graph may hold on its way from a source model to a target.

::

    SOURCE   whatever a front-end builds
    FLOAT    primitives and elementary functions: what the C++ target prints
    EXACT    no floats but at the rim: inputs, scaled and quantized, and outputs cast to float
    WIRES    scalars of fixed point and bool: what becomes a netlist

Each stage allows a subset of the one before.  A stage is data, a tuple of named rules about one
node; ``verify`` stands between passes.  (The design's last stage, TIMED, is about clock cycles and
arrives with the registers of the firmware.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from inferon.errors import InvalidGraph
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import Bool, Fixed, Float
from inferon.ops import arithmetic, movement
from inferon.ops.base import Elementary, Primitive
from inferon.ops.convert import Cast, Quantize
from inferon.ops.structure import Const, Input


@dataclass(frozen=True, slots=True)
class Place:
    """Where in its graph a node stands.

    Attributes
    ----------
    is_output : the node is an output of its graph
    in_body : the graph is the body of a loop, which has no rim
    """

    is_output: bool
    in_body: bool


@dataclass(frozen=True, slots=True)
class StageRule:
    """One thing that a stage demands of every node: ``demand`` completes "the node must ..."."""

    demand: str
    holds: Callable[[Node, Place], bool]


@dataclass(frozen=True, slots=True)
class Stage:
    """A name and what it demands."""

    name: str
    rules: tuple[StageRule, ...] = ()

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Violation:
    """A node that breaks a rule of a stage, in a graph or in the body of a loop."""

    graph: Graph
    node: Node
    demand: str


def verify(graph: Graph, stage: Stage) -> None:
    """Raise `InvalidGraph`, which names node and rule, unless the graph is at the stage."""
    for each in violations(graph, stage):
        raise _error(each, stage)


def violations(graph: Graph, stage: Stage) -> Iterator[Violation]:
    """Yield every place where a graph is not at a stage."""
    return _violations(graph, stage, in_body=False)


def _violations(graph: Graph, stage: Stage, *, in_body: bool) -> Iterator[Violation]:
    outputs = set(graph.outputs)
    for node in graph.nodes():
        place = Place(node in outputs, in_body)
        for rule in stage.rules:
            if not rule.holds(node, place):
                yield Violation(graph, node, rule.demand)
        for _, value in node.op.attributes():
            if isinstance(value, Graph):
                yield from _violations(value, stage, in_body=True)


def _error(broken: Violation, stage: Stage) -> InvalidGraph:
    node = broken.node
    inputs = ", ".join(str(each.type) for each in node.inputs)
    layer = f" of layer {node.origin}" if node.origin else ""
    what = f"{node.op.spelling()}({inputs}) -> {node.type}{layer}"
    message = f"graph {broken.graph.name} is not at stage {stage}: {what} must {broken.demand}"
    return InvalidGraph(message, node=node, rule=f"{stage}: {broken.demand}")


def _is_simple(node: Node, place: Place) -> bool:
    return isinstance(node.op, Primitive | Elementary)


def _takes_no_float(node: Node, place: Place) -> bool:
    floats = [each for each in node.inputs if isinstance(each.type.element, Float)]
    if not floats:
        return True
    at_rim = isinstance(node.op, (Quantize, *_SCALING)) and not any(map(_comes_out, floats))
    return at_rim and not place.in_body


def _gives_no_float(node: Node, place: Place) -> bool:
    if not isinstance(node.type.element, Float):
        return True
    goes_in = isinstance(node.op, (Input, Const, *_SCALING)) and not _comes_out(node)
    if place.is_output:
        goes_in = isinstance(node.op, Input)
    at_rim = goes_in or (_comes_out(node) and place.is_output)
    return at_rim and not place.in_body


def _comes_out(node: Node) -> bool:
    """Return whether a float is made of something else."""
    cast = isinstance(node.op, Cast)
    return cast and not isinstance(node.inputs[0].type.element, Float)


_SCALING = (
    *(arithmetic.Add, arithmetic.Sub, arithmetic.Mul, arithmetic.Div, arithmetic.Neg),
    *(arithmetic.Max, arithmetic.Min, movement.Reshape, movement.Transpose, movement.Broadcast),
    *(movement.Slice, movement.Concat, movement.Pad, movement.Window, Cast),
)
"""What may stand between an input and its quantizer: movement, scaling and shifting."""


def _is_wire(node: Node, place: Place) -> bool:
    return node.type.rank == 0 and isinstance(node.type.element, Fixed | Bool)


SOURCE = Stage("SOURCE")
FLOAT = Stage("FLOAT", (StageRule("be a primitive or an elementary function", _is_simple),))
EXACT = Stage(
    "EXACT",
    (
        *FLOAT.rules,
        StageRule(
            "take floats only where it scales or quantizes an input of the graph", _takes_no_float
        ),
        StageRule(
            "give floats only as an input, scaled or not, or as a cast to an output, of the graph",
            _gives_no_float,
        ),
    ),
)
WIRES = Stage("WIRES", (*EXACT.rules, StageRule("be a scalar of fixed point or bool", _is_wire)))
STAGES = (SOURCE, FLOAT, EXACT, WIRES)
