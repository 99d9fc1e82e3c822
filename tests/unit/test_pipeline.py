"""Pipelines prove promises, and name pass, node and event of the first that is broken."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inferon.analysis.samples import Samples
from inferon.errors import BrokenPass, InvalidGraph
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.shape import Dim
from inferon.ir.types import BOOL, FLOAT32, INT32, Fixed
from inferon.ir.values import Array
from inferon.ops import build
from inferon.ops.activation import Relu
from inferon.ops.arithmetic import Div, Max
from inferon.ops.logic import Select
from inferon.passes.decompose import DECOMPOSE
from inferon.passes.presets import CPU
from inferon.pipeline import BITS, NOTHING, Bound, Pass, Pipeline
from inferon.rewrite import rule
from inferon.stage import FLOAT, SOURCE

X = build.input_("x", (3,), FLOAT32)
RELU = Node(Relu(), (build.div(X, 3.0),), "relu1")
GRAPH = Graph("g", (X,), (RELU,), ("y",))


@rule(Select)
def relu_as_max(node: Node) -> Node | None:
    """x < 0 ? 0 : x -> max(0, x): wrong for -0."""
    _, zero, x = node.inputs
    return Node(Max(), (x, zero))


@rule(Div)
def divide_by_multiplying(node: Node) -> Node | None:
    """x / 3 -> x * (1 / 3): wrong in the last bit."""
    x, _ = node.inputs
    return build.mul(x, float(np.float32(1) / np.float32(3)))


def three_roundings(graph: Graph, data: tuple[Array, ...]) -> tuple[Array, ...]:
    """Three roundings (of x / 3, of 1 / 3, of the product), and what underflow may add."""
    (x,) = interpret(graph, data, real=True)
    return (3 * 2.0**-24 * np.abs(x) * (1 + 2**-10) + 2.0**-148,)


def broken(step: Pass, graph: Graph = GRAPH) -> BrokenPass:
    with pytest.raises(BrokenPass) as caught:
        Pipeline("test", (DECOMPOSE, step)).run(graph, check=Samples(14))
    return caught.value


def test_a_wrong_rule_is_caught_with_pass_node_and_event() -> None:
    error = broken(Pass("peephole", FLOAT, FLOAT, BITS, (relu_as_max,)))
    assert error.pass_name == "peephole"
    assert "select" in error.node
    assert "relu1" in error.node
    assert "output y" in error.node
    sample = Samples(14).draw(GRAPH)[0][error.event]
    assert np.signbit(sample[sample == 0]).any(), "the event that has a -0"
    assert str(error.expected) == "-0.0"
    assert str(error.got) == "0.0"


def test_the_first_node_that_differs_is_named() -> None:
    error = broken(Pass("reciprocal", FLOAT, FLOAT, BITS, (divide_by_multiplying,)))
    assert "div" in error.node, "and not the select that follows"


def test_a_bound_that_holds() -> None:
    step = Pass("reciprocal", FLOAT, FLOAT, Bound(three_roundings), (divide_by_multiplying,))
    Pipeline("test", (DECOMPOSE, step)).run(GRAPH, check=Samples(700))


def test_a_bound_that_does_not_hold() -> None:
    def nothing(graph: Graph, data: tuple[Array, ...]) -> tuple[Array, ...]:
        return tuple(0.0 * each for each in three_roundings(graph, data))

    error = broken(Pass("reciprocal", FLOAT, FLOAT, Bound(nothing), (divide_by_multiplying,)))
    assert "a bound" in str(error)


def test_functions_are_passes_too() -> None:
    def drop(graph: Graph) -> Graph:
        return replace(graph, outputs=graph.outputs[0].inputs[1:2])

    error = broken(Pass("drop", FLOAT, FLOAT, BITS, drop))
    assert error.pass_name == "drop"


def test_nothing_is_checked_where_nothing_is_kept() -> None:
    Pass("loss", SOURCE, SOURCE, NOTHING, (relu_as_max,)).run(GRAPH, check=Samples(14))


def test_inputs_and_outputs_stay() -> None:
    def rename(graph: Graph) -> Graph:
        return replace(graph, output_names=("other",))

    error = broken(Pass("rename", FLOAT, FLOAT, NOTHING, rename))
    assert "changed inputs or outputs" in str(error)


def test_stages_stand_between_passes() -> None:
    with pytest.raises(InvalidGraph, match="not at stage FLOAT"):
        Pass("early", FLOAT, FLOAT, BITS, ()).run(GRAPH)


def test_cpu_pipeline_keeps_bits() -> None:
    done = CPU.run(GRAPH, check=Samples(70))
    assert [each.op.spelling() for each in done.nodes()][-1] == "select"


def test_samples_are_rough_and_repeatable() -> None:
    size = Dim("n", 7)
    inputs = (
        build.input_("x", (50, 50), FLOAT32),
        build.input_("i", (size,), INT32),
        build.input_("j", (size, 2), Fixed(True, 70, 4)),
        build.input_("b", (40,), BOOL),
    )
    graph = Graph("g", inputs, (build.cast(inputs[1], FLOAT32),), ("y",))
    draw = Samples(14, seed=1).draw(graph)
    for a, b in zip(draw, Samples(14, seed=1).draw(graph), strict=True):
        assert np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    floats, ints, wide, truth = draw
    assert np.isnan(floats).any()
    assert np.isinf(floats).any()
    assert (np.signbit(floats) & (floats == 0)).any()
    assert not np.isnan(Samples(14, special=False).draw(graph)[0]).any()
    assert ints.shape[1] == wide.shape[1] <= 7
    assert {ints.min(), ints.max()} == {-(2**31), 2**31 - 1}
    assert wide.min() < -(2**68)
    assert wide.max() > 2**68
    assert {bool(each) for each in truth.ravel()} == {False, True}
