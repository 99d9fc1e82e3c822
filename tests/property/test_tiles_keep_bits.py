"""Events side by side: a tile's graph has the bits of its events alone, by the interpreter."""

from __future__ import annotations

import numpy as np
from hypothesis import given

from inferon.analysis.compare import same_bits
from inferon.analysis.samples import Samples
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ops.dot import Dot
from inferon.ops.loop import Loop
from inferon.ops.movement import Window
from inferon.passes.presets import CPU
from inferon.targets.cpp.tile import side_by_side
from tests.differential.random_programs import program
from tests.property.random_graphs import graphs

EVENTS = 5
PROGRAMS = 60


def bits_are_kept(graph: Graph) -> bool:
    """Compare, and return whether the graph has such a form at all."""
    tile = side_by_side(graph, EVENTS, lambda element: True)
    if tile is None:
        return False
    events = Samples(EVENTS).draw(graph)
    beside = [np.ascontiguousarray(np.moveaxis(array, 0, -1))[None] for array in events]
    alone, together = interpret(graph, events), interpret(tile, beside)
    for name, one, all_at_once in zip(graph.output_names, alone, together, strict=True):
        assert same_bits(one, np.moveaxis(all_at_once[0], -1, 0)).all(), name
    return True


@given(graphs(steps=12, dims=False))
def test_random_graphs(graph: Graph) -> None:
    bits_are_kept(CPU.run(graph))


def test_random_programs() -> None:
    taken = [graph for graph in map(program, range(PROGRAMS)) if bits_are_kept(CPU.run(graph))]
    assert len(taken) > PROGRAMS // 6
    ops = {type(node.op) for graph in taken for node in CPU.run(graph).nodes()}
    assert {Dot, Window} <= ops
    assert any(issubclass(op, Loop) for op in ops)
