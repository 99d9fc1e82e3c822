"""`compile` and `Compiled`: what the joint promises beyond its parts."""

import numpy as np

import inferon
from inferon.ops import build as b
from tests.absent import needs_tool


@needs_tool("g++")
def test_a_graph_of_constants_has_one_event() -> None:
    value = b.constant(np.array([1.5, -0.0], np.float32))
    graph = inferon.Graph("fixed", (), (value,), ("y",))
    compiled = inferon.compile(graph, inferon.Cpp())
    np.testing.assert_array_equal(compiled.predict([]), [[1.5, -0.0]])
    assert compiled.verify([]).events == 1
