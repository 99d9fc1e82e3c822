"""Axes of size 1 come out of every random graph without moving a bit (10 s)."""

from __future__ import annotations

from hypothesis import given

from inferon.analysis.compare import first_difference
from inferon.analysis.samples import Samples
from inferon.frontends.unit_axes import without_unit_axes
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ops.movement import Reshape, Transpose
from tests.property.random_graphs import graphs


@given(graphs(steps=12))
def test_every_bit_is_kept(graph: Graph) -> None:
    slim = without_unit_axes(graph, {})
    data = Samples(7).draw(graph)
    for before, after in zip(interpret(graph, data), interpret(slim, data), strict=True):
        assert first_difference(before, after) is None
    assert slim.inputs == graph.inputs
    assert [each.type for each in slim.outputs] == [each.type for each in graph.outputs]


@given(graphs(steps=12))
def test_no_reshape_of_a_reshape_and_no_idle_transpose_is_left(graph: Graph) -> None:
    for node in without_unit_axes(graph, {}).nodes():
        if isinstance(node.op, Reshape):
            assert not isinstance(node.inputs[0].op, Reshape)
            assert node.inputs[0].type != node.type
        if isinstance(node.op, Transpose):
            assert list(node.op.order) != sorted(node.op.order)
            assert 1 not in node.type.shape


@given(graphs(steps=12))
def test_a_second_run_changes_nothing(graph: Graph) -> None:
    once = without_unit_axes(graph, {})
    assert without_unit_axes(once, {}) == once
