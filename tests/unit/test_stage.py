"""Stages accept what they should, and name the node and the rule of what they should not."""

from __future__ import annotations

import pytest

from inferon.errors import InvalidGraph
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import FLOAT32, INT32, Fixed
from inferon.ops import build
from inferon.ops.activation import Relu
from inferon.ops.convert import Quantize
from inferon.ops.elementary import Exp
from inferon.stage import EXACT, FLOAT, SOURCE, STAGES, WIRES, Stage, verify

S8 = Fixed(True, 8, 3)


def graph_of(*outputs: Node) -> Graph:
    inputs = [n for out in outputs for n in Graph("g", _inputs(out), (out,), ("y",)).inputs]
    names = tuple(f"y{i}" for i in range(len(outputs)))
    return Graph("g", tuple(dict.fromkeys(inputs)), outputs, names)


def _inputs(node: Node) -> tuple[Node, ...]:
    if node.op.spelling() == "input":
        return (node,)
    return tuple(dict.fromkeys(leaf for each in node.inputs for leaf in _inputs(each)))


X = build.input_("x", (3,), FLOAT32)
M = build.input_("m", (), S8)
QUANTIZED = build.apply(Quantize(S8), X)

ALLOWED = [
    (SOURCE, build.apply(Relu(), X)),
    (FLOAT, build.apply(Exp(), X)),
    (EXACT, QUANTIZED),
    (EXACT, build.apply(Quantize(S8), build.div(build.neg(X), 0.3))),
    (EXACT, build.cast(build.add(QUANTIZED, QUANTIZED), FLOAT32)),
    (EXACT, build.sum_(QUANTIZED)),
    (WIRES, build.less(build.mul(M, M), M)),
]
REFUSED = [
    (FLOAT, build.apply(Relu(), X), "primitive"),
    (EXACT, build.apply(Exp(), X), "take floats only"),
    (EXACT, build.neg(X), "give floats only"),
    (EXACT, build.less(X, 0.0), "take floats only"),
    (EXACT, build.apply(Quantize(S8), build.cast(M, FLOAT32)), "give floats only"),
    (EXACT, build.constant(1.0, FLOAT32), "give floats only"),
    (WIRES, QUANTIZED, "scalar"),
    (WIRES, build.input_("i", (), INT32), "scalar"),
]


@pytest.mark.parametrize(("stage", "node"), ALLOWED)
def test_allowed(stage: Stage, node: Node) -> None:
    for each in STAGES[: STAGES.index(stage) + 1]:
        verify(graph_of(node), each)


@pytest.mark.parametrize(("stage", "node", "rule"), REFUSED)
def test_refused(stage: Stage, node: Node, rule: str) -> None:
    with pytest.raises(InvalidGraph, match=rule) as caught:
        verify(graph_of(node), stage)
    assert isinstance(caught.value.node, Node)
    assert caught.value.rule.startswith(stage.name)


def test_bodies_of_loops_have_no_rim() -> None:
    state, step = build.input_("state", (), FLOAT32), build.input_("step", (), FLOAT32)
    body = Graph("body", (state, step), (build.add(state, step),), ("total",))
    loop = build.fold(body, build.constant(0.0, FLOAT32), [X])
    verify(graph_of(loop), FLOAT)
    with pytest.raises(InvalidGraph):
        verify(graph_of(build.apply(Quantize(S8), loop)), EXACT)


def test_the_layer_is_named() -> None:
    layer = Node(Relu(), (X,), "block.1/relu")
    with pytest.raises(InvalidGraph, match=r"block\.1/relu"):
        verify(graph_of(layer), FLOAT)
