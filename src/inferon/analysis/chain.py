"""The longest chain of one event: what has to wait for what, however many units compute.

The order of sums is the graph's, so a chain is exact: a `Dot` over K in n strands is K / n fused
multiply-adds, one behind the other, and log2(n) additions that join the strands.  In a loop each
step waits for the state of the one before.  Choices, comparisons and movement count nothing, so
the time is one that no program with these sums passes.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod
from typing import Protocol

from inferon.analysis.work import Function
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.shape import largest
from inferon.ops import arithmetic
from inferon.ops.base import Elementary
from inferon.ops.dot import Dot
from inferon.ops.loop import Loop
from inferon.ops.reduction import Reduction, Sum

ADDITIONS = (arithmetic.Add, arithmetic.Sub, arithmetic.Mul, arithmetic.Div)
"""Element-wise operators that count as an addition; a division takes longer than that."""


class Latencies(Protocol):
    """How long a result takes, in nanoseconds."""

    @property
    def fma_ns(self) -> float:
        """Of a fused multiply-add."""

    @property
    def add_ns(self) -> float:
        """Of an addition."""

    def function_ns(self, function: Function) -> float:
        """Of an elementary function."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Operations that wait for each other.

    Attributes
    ----------
    ns : how long they take
    fmas, additions : fused multiply-adds, and additions or what takes as long
    functions : elementary functions
    """

    ns: float = 0.0
    fmas: int = 0
    additions: int = 0
    functions: tuple[Function, ...] = ()

    def then(self, other: Chain) -> Chain:
        """Return this chain with another one behind it."""
        return Chain(
            self.ns + other.ns,
            self.fmas + other.fmas,
            self.additions + other.additions,
            (*self.functions, *other.functions),
        )

    def times(self, steps: int) -> Chain:
        """Return the chain so many times."""
        return Chain(
            self.ns * steps, self.fmas * steps, self.additions * steps, self.functions * steps
        )


@dataclass(frozen=True, slots=True)
class LoopChain:
    """The chain of one loop of a graph.

    Attributes
    ----------
    layer : of the loop
    steps : how often its body runs
    step : the longest chain from a state to the next one
    """

    layer: str
    steps: int
    step: Chain

    @property
    def ns(self) -> float:
        """Time of all steps."""
        return self.step.ns * self.steps


def longest_chain(graph: Graph, latencies: Latencies) -> Chain:
    """Return the longest chain from an input to an output."""
    ends = _chains(graph, graph.inputs, latencies)
    return max((ends[node] for node in graph.outputs if node in ends), key=_ns, default=Chain())


def loop_chains(graph: Graph, latencies: Latencies) -> tuple[LoopChain, ...]:
    """Return the chain of every loop of a graph; loops inside loops are part of theirs."""
    return tuple(
        LoopChain(node.origin, node.op.steps(node.inputs[1].type), _step(node.op, latencies))
        for node in graph.nodes()
        if isinstance(node.op, Loop)
    )


def _ns(chain: Chain) -> float:
    return chain.ns


def _chains(graph: Graph, starts: tuple[Node, ...], latencies: Latencies) -> dict[Node, Chain]:
    """Return the longest chain from the starts to each node that depends on one."""
    found = dict.fromkeys(starts, Chain())
    for node in graph.nodes():
        before = [found[each] for each in node.inputs if each in found]
        if before and node not in found:
            found[node] = max(before, key=_ns).then(_own(node, latencies))
    return found


def _own(node: Node, latencies: Latencies) -> Chain:
    """Return the chain inside a node."""
    op = node.op
    if isinstance(op, Dot):
        terms = op.terms(node.inputs[0].type)
        joins = min(op.strands, max(1, terms)).bit_length() - 1
        fmas = ceil(terms / op.strands)
        return Chain(fmas * latencies.fma_ns + joins * latencies.add_ns, fmas, joins)
    if isinstance(op, Sum):
        return _additions(_links(node, op), latencies)
    if isinstance(op, ADDITIONS):
        return _additions(1, latencies)
    if isinstance(op, arithmetic.Fma):
        return Chain(latencies.fma_ns, fmas=1)
    if isinstance(op, Elementary):
        function = Function(op, node.type.element)
        return Chain(latencies.function_ns(function), functions=(function,))
    if isinstance(op, Loop):
        return _step(op, latencies).times(op.steps(node.inputs[1].type))
    return Chain()


def _additions(number: int, latencies: Latencies) -> Chain:
    return Chain(number * latencies.add_ns, additions=number)


def _links(node: Node, op: Reduction) -> int:
    """Return how many additions follow each other: those of a strand, and the joins."""
    shape = node.inputs[0].type.shape
    terms = prod(largest(shape[axis]) for axis in op.axes)
    return ceil(terms / op.strands) - 1 + min(op.strands, max(1, terms)).bit_length() - 1


def _step(op: Loop, latencies: Latencies) -> Chain:
    """Return the longest chain from a state to the next one; what needs no state is ready."""
    ends = _chains(op.body, op.body.inputs[:1], latencies)
    return ends.get(op.body.outputs[0], Chain())
