"""Rewriting: named rules, applied bottom-up until none fires.

A rule sees one node and returns another of the same type and meaning, or None::

    @rule(Cast)
    def cast_to_own_type(node: Node) -> Node | None:
        '''cast(x) -> x, where x has that type.'''
        (x,) = node.inputs
        return x if node.op.to == x.type.element else None

A rule matches what it sees in the node and below it, never what uses it; so equal nodes have equal
results, and each is rewritten once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from inferon.errors import InvalidGraph
from inferon.ir.graph import Graph
from inferon.ir.node import Node, Op

Change = Callable[[Node], Node | None]

FIRINGS_PER_NODE = 100
"""Rules that fire more often for each node of the graph, on average, are taken to be endless."""

FIRINGS_AT_LEAST = 10_000
"""Small graphs may hold one large composite: so many firings are always allowed."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A change of nodes whose operator is a ``root`` or derives from it."""

    name: str
    root: type[Op]
    change: Change


def rule(root: type[Any]) -> Callable[[Change], Rule]:
    """Turn a function into a rule of the function's name (decorator)."""

    def named(change: Change) -> Rule:
        return Rule(getattr(change, "__name__", "rule"), root, change)

    return named


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What rewriting made of a graph.

    Attributes
    ----------
    graph : the new graph
    firings : how often each rule fired, by name
    became : the new node for every node of the old graph
    """

    graph: Graph
    firings: Mapping[str, int]
    became: Mapping[Node, Node]


def rewrite(graph: Graph, rules: Sequence[Rule]) -> Rewritten:
    """Apply rules bottom-up, also in the bodies of loops, until none fires.

    New nodes without an origin take the origin of the node that they replace.

    Raises
    ------
    InvalidGraph
        When a rule changes a type, or when rules fire without end.
    """
    nodes = graph.nodes()
    limit = max(FIRINGS_AT_LEAST, FIRINGS_PER_NODE * len(nodes))
    rewriter = _Rewriter(tuple(rules), limit)
    new = rewriter.graph(graph)
    return Rewritten(new, dict(rewriter.firings), {node: rewriter.settled[node] for node in nodes})


class _Rewriter:
    """The memory of one rewriting: nodes by digest, so equal nodes are rewritten once."""

    def __init__(self, rules: tuple[Rule, ...], limit: int) -> None:
        self.rules = rules
        self.limit = limit
        self.firings: Counter[str] = Counter()
        self.settled: dict[Node, Node] = {}
        self._by_class: dict[type[Op], tuple[Rule, ...]] = {}
        self._bodies: dict[Graph, Graph] = {}

    def graph(self, graph: Graph) -> Graph:
        """Return the rewritten graph; inputs stay."""
        for each in graph.inputs:
            self.settled[each] = each
        outputs = tuple(self._settle(each) for each in graph.nodes())
        final = dict(zip(graph.nodes(), outputs, strict=True))
        return replace(graph, outputs=tuple(final[each] for each in graph.outputs))

    def _settle(self, root: Node) -> Node:
        """Return the node where no rule fires any more.  An explicit stack: graphs may be deep."""
        stack = [root]
        begun: set[Node] = set()
        next_step: dict[Node, Node] = {}
        while stack:
            node = stack[-1]
            if node in self.settled:
                stack.pop()
                continue
            begun.add(node)
            needs = [next_step[node]] if node in next_step else list(node.inputs)
            waiting = [each for each in needs if each not in self.settled]
            if not begun.isdisjoint(waiting):
                raise _endless(self.firings, node)
            if waiting:
                stack.extend(reversed(waiting))
            elif node in next_step:
                self.settled[node] = self.settled[next_step[node]]
            else:
                following = self._step(node)
                if following == node:
                    self.settled[node] = node
                else:
                    next_step[node] = following
        return self.settled[root]

    def _step(self, node: Node) -> Node:
        """Return the node over settled inputs or, where it has them, what the first rule makes."""
        inputs, op = tuple(self.settled[each] for each in node.inputs), self._op(node.op)
        if inputs != node.inputs or op is not node.op:
            return Node(op, inputs, node.origin)
        for each in self._rules_of(type(node.op)):
            new = each.change(node)
            if new is not None and new != node:
                return self._fired(each, node, new)
        return node

    def _fired(self, fired: Rule, node: Node, new: Node) -> Node:
        if new.type != node.type:
            message = f"rule {fired.name} turned {node!r} into {new!r}: a rule must keep the type"
            raise InvalidGraph(message, node=node, rule=fired.name)
        self.firings[fired.name] += 1
        if self.firings.total() > self.limit:
            raise _endless(self.firings, node)
        return self._named(new, node.origin) if node.origin else new

    def _named(self, new: Node, origin: str) -> Node:
        """Return the node with the origin on all new nodes that lack one."""
        named: dict[Node, Node] = {}
        for each in _above(new, self.settled):
            inputs = tuple(named.get(below, below) for below in each.inputs)
            named[each] = Node(each.op, inputs, each.origin or origin)
        return named.get(new, new)

    def _op(self, op: Op) -> Op:
        """Return the operator with its bodies rewritten."""
        bodies = {name: value for name, value in op.attributes() if isinstance(value, Graph)}
        for body in bodies.values():
            if body not in self._bodies:
                self._bodies[body] = self.graph(body)
        changed = {name: self._bodies[body] for name, body in bodies.items()}
        return op if changed == bodies else replace(op, **changed)

    def _rules_of(self, kind: type[Op]) -> tuple[Rule, ...]:
        if kind not in self._by_class:
            self._by_class[kind] = tuple(
                each for each in self.rules if issubclass(kind, each.root)
            )
        return self._by_class[kind]


def _above(root: Node, known: Mapping[Node, Node]) -> list[Node]:
    """Return the nodes that the root needs and that are not known yet, inputs first."""
    found: dict[Node, None] = {}
    stack = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if ready:
            found.setdefault(node)
        elif node not in known and node not in found:
            stack.append((node, True))
            stack.extend((each, False) for each in node.inputs)
    return list(found)


def _endless(firings: Counter[str], node: Node) -> InvalidGraph:
    often = ", ".join(f"{name} {count}x" for name, count in firings.most_common(3))
    layer = f" of layer {node.origin}" if node.origin else ""
    message = f"the rules do not come to an end at {node!r}{layer}; fired most: {often}"
    return InvalidGraph(message, node=node, rule="rewrite")
