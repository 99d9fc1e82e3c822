"""`compile` and `Compiled`: what the joint promises beyond its parts."""

import numpy as np
import pytest

import inferon
from inferon.compile import EVENTS_AT_ONCE, Agreement, Compiled
from inferon.errors import Mismatch
from inferon.ir.types import FLOAT32
from inferon.ops import build as b
from tests.absent import needs_tool


@needs_tool("g++")
def test_a_graph_of_constants_has_one_event() -> None:
    value = b.constant(np.array([1.5, -0.0], np.float32))
    graph = inferon.Graph("fixed", (), (value,), ("y",))
    compiled = inferon.compile(graph, inferon.Cpp())
    np.testing.assert_array_equal(compiled.predict([]), [[1.5, -0.0]])
    assert compiled.verify([]).events == 1


@needs_tool("g++")
@pytest.mark.parametrize("name", ["and", "int", "std", "inferon", "detail"])
def test_a_name_of_the_language_does_not_become_a_namespace(name: str) -> None:
    x = b.input_("x", (3,), FLOAT32)
    graph = inferon.Graph(name, (x,), (b.add(x, 1.0),), ("y",))
    compiled = inferon.compile(graph, inferon.Cpp())
    np.testing.assert_array_equal(
        compiled.predict(np.zeros((2, 3), np.float32)), np.ones((2, 3), np.float32)
    )


@needs_tool("g++")
def test_many_events_are_verified_in_parts_and_named_by_their_own_number() -> None:
    x = b.input_("x", (1,), FLOAT32)
    graph = inferon.Graph("clipped", (x,), (b.maximum(x, 0.0),), ("y",))
    other = inferon.Graph("kept", (x,), (b.add(x, 0.0),), ("y",))
    wrong = Compiled(graph, inferon.compile(other, inferon.Cpp()).artifact)
    late = 2 * EVENTS_AT_ONCE + 52
    data = np.zeros((late + 100, 1), np.float32)
    assert wrong.verify(data, events=len(data)) == Agreement(len(data), len(data))
    data[late] = -1.0
    with pytest.raises(Mismatch, match=f"event {late} in a batch") as caught:
        wrong.verify(data, events=len(data))
    assert caught.value.event == late
