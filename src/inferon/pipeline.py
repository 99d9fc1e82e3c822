"""Passes and their promises: what each keeps, and the proof of it at every boundary.

A pass says at which stage a graph must be before and after it, and what it keeps: all bits
(`BITS`), a bound on the change of every output (`Bound`), or nothing.  ``Pipeline.run(graph,
check=Samples(64))`` interprets the graph before and after every pass on the same inputs, and names
the pass, the first node, and the event where a promise broke.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from inferon.analysis.compare import Difference, first_difference, first_place, same_bits
from inferon.analysis.samples import Samples
from inferon.errors import BrokenPass, Mismatch
from inferon.interpret import evaluate_nodes
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.values import Array
from inferon.rewrite import Rule, rewrite
from inferon.stage import Stage, verify


@dataclass(frozen=True, slots=True)
class Bits:
    """The promise that every output keeps all of its bits."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The promise that no output moves by more than a bound that is derived from the graph.

    Attributes
    ----------
    error : from the graph before the pass and its inputs to the largest allowed distance of every
        output, arrays (events, ...) of float64; where the bound is not finite nothing is promised
    """

    error: Callable[[Graph, tuple[Array, ...]], tuple[Array, ...]]


@dataclass(frozen=True, slots=True)
class Nothing:
    """No promise: the pass is a loss that its user asked for, and measures by other means."""


Keeps = Bits | Bound | Nothing
BITS = Bits()
NOTHING = Nothing()


@dataclass(frozen=True, slots=True)
class Pass:
    """A change of whole graphs.

    Attributes
    ----------
    name : what messages call it
    before, after : stages that a graph must be at
    keeps : the promise
    change : rules for `rewrite`, or a function from graph to graph
    """

    name: str
    before: Stage
    after: Stage
    keeps: Keeps
    change: tuple[Rule, ...] | Callable[[Graph], Graph]

    def run(self, graph: Graph, check: Samples | None = None) -> Graph:
        """Return the changed graph; with ``check``, after proof of the promise on sampled inputs.

        Raises
        ------
        InvalidGraph
            When the graph is not at the stage before, or the changed one not at the stage after.
        BrokenPass
            When the promise is broken.
        """
        verify(graph, self.before)
        after, became = self._changed(graph)
        verify(after, self.after)
        _same_face(self, graph, after)
        if check is not None and not isinstance(self.keeps, Nothing):
            _prove(self, graph, after, became, check)
        return after

    def _changed(self, graph: Graph) -> tuple[Graph, Mapping[Node, Node]]:
        """Return the changed graph and, where it is known, what became of each node."""
        if isinstance(self.change, tuple):
            result = rewrite(graph, self.change)
            return result.graph, result.became
        return self.change(graph), {}


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Passes in order."""

    name: str
    passes: tuple[Pass, ...]

    def run(self, graph: Graph, check: Samples | None = None) -> Graph:
        """Return the graph after all passes; see `Pass.run`."""
        for each in self.passes:
            graph = each.run(graph, check)
        return graph


def _same_face(step: Pass, before: Graph, after: Graph) -> None:
    """Raise unless the caller sees the same: inputs, and names and types of outputs."""
    faces = [
        (*(str(each.type) for each in (*g.inputs, *g.outputs)), *g.input_names, *g.output_names)
        for g in (before, after)
    ]
    if faces[0] != faces[1]:
        message = f"pass {step.name} changed inputs or outputs of graph {before.name}"
        cause = Mismatch(message, expected=faces[0], got=faces[1])
        raise BrokenPass(
            f"{message}: {faces[0]} became {faces[1]}", pass_name=step.name, cause=cause
        )


def _prove(
    step: Pass, before: Graph, after: Graph, became: Mapping[Node, Node], samples: Samples
) -> None:
    """Compare both graphs on samples, as closely as the promise says."""
    data = samples.draw(before)
    outputs = dict(zip(before.outputs, after.outputs, strict=True))
    pairs = {node: became[node] for node in before.nodes() if node in became} | outputs
    old = evaluate_nodes(before, tuple(pairs), data)
    new = evaluate_nodes(after, tuple(pairs.values()), data)
    if isinstance(step.keeps, Bound):
        _within(step, before, old, new, pairs, data)
        return
    for node, partner in pairs.items():
        difference = first_difference(old[node], new[partner])
        if difference is not None:
            raise _broken(step, before, node, partner, difference)


def _within(
    step: Pass,
    before: Graph,
    old: Mapping[Node, Array],
    new: Mapping[Node, Array],
    pairs: Mapping[Node, Node],
    data: tuple[Array, ...],
) -> None:
    """Compare the outputs with the bound of the promise."""
    assert isinstance(step.keeps, Bound)
    for node, bound in zip(before.outputs, step.keeps.error(before, data), strict=True):
        expected, got = old[node], new[pairs[node]]
        with np.errstate(invalid="ignore", over="ignore"):
            distance = np.abs(expected.astype(np.float64) - got.astype(np.float64))
        wrong = np.isfinite(bound) & ~(distance <= bound) & ~same_bits(expected, got)
        difference = first_place(expected, got, wrong)
        if difference is not None:
            raise _broken(step, before, node, pairs[node], difference)


def _broken(step: Pass, graph: Graph, node: Node, partner: Node, found: Difference) -> BrokenPass:
    """Return the error that names pass, node and event."""
    promise = "a bound" if isinstance(step.keeps, Bound) else "all bits"
    name = described(graph, node)
    cause = Mismatch(
        f"{name} and {partner!r} differ: {found}",
        node=name,
        event=found.event,
        expected=found.expected,
        got=found.got,
    )
    message = f"pass {step.name} promised to keep {promise} of graph {graph.name}, but {cause}"
    return BrokenPass(message, pass_name=step.name, cause=cause)


def described(graph: Graph, node: Node) -> str:
    """Return how messages call a node: its line in the listing, its type, layer and output."""
    number = graph.nodes().index(node)
    layer = f" of layer {node.origin}" if node.origin else ""
    names = [n for n, each in zip(graph.output_names, graph.outputs, strict=True) if each == node]
    output = f" (output {', '.join(names)})" if names else ""
    return f"%{number} {node.op.spelling()}: {node.type}{layer}{output}"
