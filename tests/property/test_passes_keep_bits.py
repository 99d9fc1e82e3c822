"""The passes of the cpu pipeline keep every bit of every random graph."""

from __future__ import annotations

from hypothesis import given

from inferon.analysis.samples import Samples
from inferon.ir.graph import Graph
from inferon.passes.presets import CPU
from tests.property.random_graphs import graphs


@given(graphs(steps=12))
def test_cpu_pipeline_keeps_bits(graph: Graph) -> None:
    done = CPU.run(graph, check=Samples(7))
    assert CPU.run(done) == done, "a second run changes nothing"
