"""Rewriting: to the fixpoint, in bodies, in depth, with origins, and never without end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inferon.errors import InvalidGraph
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import FLOAT32, FLOAT64
from inferon.ops import build
from inferon.ops.arithmetic import Abs, Add, Mul, Neg, Sub
from inferon.rewrite import rewrite, rule

X = build.input_("x", (2,), FLOAT32)
Y = build.input_("y", (2,), FLOAT32)


@rule(Neg)
def double_negation(node: Node) -> Node | None:
    """neg(neg(x)) -> x."""
    (x,) = node.inputs
    return x.inputs[0] if isinstance(x.op, Neg) else None


@rule(Sub)
def sub_is_add_of_neg(node: Node) -> Node | None:
    """a - b -> a + neg(b)."""
    a, b = node.inputs
    return build.add(a, build.neg(b))


@rule(Add)
def swap(node: Node) -> Node | None:
    """a + b -> b + a: without end."""
    a, b = node.inputs
    return build.add(b, a)


@rule(Abs)
def grow(node: Node) -> Node | None:
    """|x| -> |x + x|: without end, and always new."""
    (x,) = node.inputs
    return build.absolute(build.add(x, x))


@rule(Mul)
def widen(node: Node) -> Node | None:
    """A rule that changes the type."""
    return build.cast(node, FLOAT64)


def graph_of(*outputs: Node) -> Graph:
    return Graph("g", (X, Y), outputs, tuple(f"out{i}" for i in range(len(outputs))))


def test_to_the_fixpoint() -> None:
    odd = X
    for _ in range(5):
        odd = build.neg(odd)
    result = rewrite(graph_of(odd), [double_negation])
    assert result.graph == graph_of(build.neg(X))
    assert result.firings == {"double_negation": 1}, "equal nodes have settled already"
    assert result.became[odd] == build.neg(X)


def test_results_of_rules_are_rewritten_too() -> None:
    graph = graph_of(build.sub(X, build.neg(Y)))
    result = rewrite(graph, [double_negation, sub_is_add_of_neg])
    assert result.graph == graph_of(build.add(X, Y))


def test_equal_nodes_are_rewritten_once() -> None:
    shared = build.neg(build.neg(X))
    result = rewrite(graph_of(build.add(shared, shared), shared), [double_negation])
    assert result.firings == {"double_negation": 1}


def test_bodies_of_loops_are_rewritten() -> None:
    state, step = build.input_("state", (), FLOAT32), build.input_("step", (), FLOAT32)
    total = build.add(state, build.neg(build.neg(step)))
    body = Graph("body", (state, step), (total,), ("total",))
    graph = graph_of(build.fold(body, build.constant(0.0, FLOAT32), [X]))
    clean = replace(body, outputs=(build.add(state, step),))
    wanted = graph_of(build.fold(clean, build.constant(0.0, FLOAT32), [X]))
    assert rewrite(graph, [double_negation]).graph == wanted


def test_new_nodes_take_the_origin() -> None:
    inner = Node(Neg(), (Y,), "first")
    graph = graph_of(Node(Sub(), (X, inner), "second"))
    (out,) = rewrite(graph, [sub_is_add_of_neg]).graph.outputs
    assert out.origin == "second"
    assert out.inputs[1].origin == "second", "the new neg"
    assert out.inputs[1].inputs[0].origin == "first", "the old neg"


def test_deep_graphs() -> None:
    deep = X
    for _ in range(5_000):
        deep = build.add(deep, Y)
    result = rewrite(graph_of(build.neg(build.neg(deep))), [double_negation])
    assert result.graph == graph_of(deep)


@pytest.mark.parametrize("endless", [swap, grow])
def test_rules_without_end_are_refused(endless: object) -> None:
    graph = graph_of(build.absolute(build.add(X, Y)))
    with pytest.raises(InvalidGraph, match="do not come to an end"):
        rewrite(graph, [endless])  # type: ignore[list-item]


def test_a_rule_must_keep_the_type() -> None:
    with pytest.raises(InvalidGraph, match="must keep the type"):
        rewrite(graph_of(build.mul(X, Y)), [widen])
