"""The work of a graph and its chains, against numbers computed by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.models.counts import RESULT, table
from inferon.analysis.chain import Chain, longest_chain, loop_chains
from inferon.analysis.work import Function, work
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import FLOAT32, FLOAT64
from inferon.load import load
from inferon.ops import build as b
from inferon.ops.arithmetic import Add, Sqrt
from inferon.ops.dot import Dot
from inferon.ops.elementary import Exp, Sigmoid, Tanh
from inferon.ops.loop import Fold
from inferon.ops.movement import Broadcast, Transpose
from inferon.ops.reduction import Sum
from inferon.passes.presets import CPU
from tests.unit.command_line import MODELS


class Clock:
    """Latencies that are easy to tell apart in a sum."""

    fma_ns = 1.0
    add_ns = 100.0

    def function_ns(self, function: Function) -> float:
        return 10_000.0 if isinstance(function.op, Exp) else 20_000.0


def weights(*shape: int) -> Node:
    return b.constant(np.ones(shape, np.float32))


def layer() -> Graph:
    """x (3, 8) . w (8, 5) + bias, sigmoid, in layers of their own."""
    x = b.input_("x", (3, 8), FLOAT32)
    product = Node(Dot(0, 1, 4), (x, weights(8, 5)), "dense")
    bias = b.broadcast(weights(5), (3, 5))
    total = Node(Add(), (product, bias), "dense")
    return Graph("g", (x,), (Node(Sigmoid(), (total,), "gate"),), ("y",))


def test_a_product_is_rows_times_columns_times_terms() -> None:
    found = work(layer())
    dense, gate = found.layers
    assert (dense.layer, dense.macs, dense.functions) == ("dense", 3 * 8 * 5, ())
    assert dense.weight_bytes == 4 * (8 * 5 + 5)
    assert (dense.taken_bytes, dense.given_bytes) == (4 * 3 * 8, 4 * 3 * 5)
    assert (gate.taken_bytes, gate.given_bytes) == (4 * 3 * 5, 4 * 3 * 5)
    assert [(each.function.name, each.count) for each in gate.functions] == [("sigmoid", 15)]
    assert (found.macs, found.weight_bytes) == (120, 180)
    assert found.edge_bytes == 4 * (24 + 15)


def test_a_value_that_is_only_seen_otherwise_is_not_moved() -> None:
    x = b.input_("x", (2, 3), FLOAT32)
    root = Node(Sqrt(), (x,), "root")
    turned = Node(Transpose((1, 0)), (root,), "turn")
    spread = Node(Broadcast((5, 3, 2)), (turned,), "spread")
    y = Node(Sum((0,), 1), (spread,), "sum")
    first, last = work(Graph("g", (x,), (y,), ("y",))).layers
    assert (first.layer, first.taken_bytes, first.given_bytes) == ("root", 24, 24)
    assert (last.layer, last.taken_bytes, last.given_bytes) == ("sum", 24, 24)


def test_work_counts_where_it_is_computed() -> None:
    (dense,) = work(layer(), within={"gate": "dense"}).layers
    assert (dense.macs, dense.functions[0].count) == (120, 15)
    assert (dense.taken_bytes, dense.given_bytes) == (4 * 24, 4 * 15)


def test_products_of_a_batch_and_of_several_axes() -> None:
    x, y = b.input_("x", (2, 7, 3, 4), FLOAT32), b.input_("y", (2, 3, 4, 5), FLOAT32)
    attention = Node(Dot(1, 2, 1), (x, y))
    assert work(Graph("g", (x, y), (attention,), ("z",))).macs == 2 * 7 * 5 * (3 * 4)


def test_what_does_not_depend_on_an_event_is_no_work() -> None:
    x = b.input_("x", (4,), FLOAT32)
    constant = Node(Exp(), (weights(4),))
    found = work(Graph("g", (x,), (b.add(x, constant),), ("y",)))
    assert (found.macs, found.functions) == (0, ())


def test_formats_of_a_function_count_apart() -> None:
    x, y = b.input_("x", (2,), FLOAT32), b.input_("y", (3,), FLOAT64)
    outputs = (Node(Exp(), (x,)), Node(Exp(), (y,)))
    found = work(Graph("g", (x, y), outputs, ("a", "b")))
    assert {each.function.name: each.count for each in found.functions} == {"exp": 2, "exp f64": 3}


def recurrence(steps: int, strands: int) -> Graph:
    """Return tanh(W state + x[t] + exp(x[t])): the exp is ready before its step."""
    state, at_step = b.input_("state", (1, 8), FLOAT32), b.input_("at_step", (1, 8), FLOAT32)
    fed = Node(Add(), (at_step, Node(Exp(), (at_step,))))
    inner = Node(Add(), (Node(Dot(0, 1, strands), (state, weights(8, 8))), fed))
    body = Graph("body", (state, at_step), (Node(Tanh(), (inner,)),), ("next",))
    x = b.input_("x", (steps, 1, 8), FLOAT32)
    loop = Node(Fold(body, 1), (weights(1, 8), x), "loop")
    return Graph("g", (x,), (loop,), ("y",))


def test_a_loop_works_at_every_step() -> None:
    (found,) = work(recurrence(6, 4)).layers
    assert (found.layer, found.macs) == ("loop", 6 * 8 * 8)
    assert [(f.function.name, f.count) for f in found.functions] == [("exp", 48), ("tanh", 48)]
    assert found.weight_bytes == 4 * (8 * 8 + 8)


@pytest.mark.parametrize(("strands", "fmas", "joins"), [(1, 8, 0), (2, 4, 1), (4, 2, 2)])
def test_steps_of_a_loop_wait_for_the_state_only(strands: int, fmas: int, joins: int) -> None:
    (chain,) = loop_chains(recurrence(6, strands), Clock())
    assert (chain.layer, chain.steps) == ("loop", 6)
    step = chain.step
    assert (step.fmas, step.additions) == (fmas, joins + 1)  # the sum with x[t]
    assert [each.name for each in step.functions] == ["tanh"]
    assert step.ns == fmas + 100.0 * (joins + 1) + 20_000.0
    assert chain.ns == 6 * step.ns


def test_the_longest_chain_is_the_slower_of_two_ways() -> None:
    x = b.input_("x", (1, 9), FLOAT32)
    slow = Node(Sum((1,), 4), (Node(Exp(), (x,)),))  # 9 terms in 4 strands: 2 + 2 additions
    fast = Node(Dot(0, 1, 1), (x, weights(9)))
    graph = Graph("g", (x,), (b.add(slow, fast),), ("y",))
    found = longest_chain(graph, Clock())
    assert (found.ns, found.fmas, found.additions) == (10_000.0 + 400.0 + 100.0, 0, 5)
    assert longest_chain(recurrence(6, 4), Clock()).ns == 6 * (2 + 300.0 + 20_000.0)


def test_an_output_that_is_an_input_has_no_chain() -> None:
    x = b.input_("x", (2,), FLOAT32)
    assert longest_chain(Graph("g", (x,), (x,), ("y",)), Clock()) == Chain()


def test_recurrent_models_have_the_activations_of_their_equations() -> None:
    """GRU: sigmoid of two gates and tanh of one; LSTM: of three, and of one and the state."""
    for stem, steps, width, sigmoids, tanhs in (("g_gru", 20, 20, 2, 1), ("j_lstm", 15, 32, 3, 2)):
        found = work(CPU.run(load(MODELS / f"{stem}.onnx")))
        counts = {each.function.name: each.count for each in found.functions}
        assert counts == {"sigmoid": sigmoids * steps * width, "tanh": tanhs * steps * width}


def test_the_counts_beside_the_models_are_those_of_their_graphs() -> None:
    assert table() == Path(RESULT).read_text(), "run benchmarks/models/counts.py"
