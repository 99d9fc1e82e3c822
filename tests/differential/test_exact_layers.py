"""Every kind of layer: QONNX model = exact graph = scalars, bit by bit; all of them as firmware.

Takes 30 s.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

import inferon
from inferon.analysis.samples import Samples
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import FLOAT32
from inferon.ir.values import Array
from inferon.ops import build as b
from inferon.ops.loop import Loop
from inferon.ops.normalization import LayerNorm, Softmax
from inferon.ops.recurrent import Gru, Lstm
from inferon.passes.presets import RTL
from inferon.passes.rim import split
from inferon.quantization import ExactModel
from inferon.targets.rtl import Verilog
from tests.differential.cpp_pack import BUILDS, Pack
from tests.differential.cpp_pack import check as check_cpp
from tests.differential.fixed_graphs import PACKS
from tests.differential.quantized_layers import LAYERS
from tests.differential.unrolled import check

EVENTS = 200


def events(name: str, count: int = EVENTS) -> Array:
    """Return events of a layer that reach all of its quantizers' ranges."""
    rng = np.random.default_rng(len(name))
    x = 3.0 * rng.standard_normal((count, *LAYERS[name].shape))
    return x.astype(np.float32)


@cache
def exact(name: str) -> ExactModel:
    return inferon.exact(inferon.load(LAYERS[name].model()), events(name))


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_changes_nothing_on_its_way_to_scalars(name: str) -> None:
    """Steps are powers of two and sums short, so nothing may differ from the float model."""
    made = exact(name)
    assert [str(each) for each in (*made.outputs, *made.quantizers) if each.differing] == []
    check(made.graph, [events(name)])


def test_the_gru_comes_as_a_loop_and_the_lstm_step_by_step() -> None:
    """Both ways are tested: what the front-end writes out, and what the exact pass does."""
    loops = {
        name: [n for n in inferon.load(LAYERS[name].model()).nodes() if isinstance(n.op, Loop)]
        for name in ("gru", "lstm")
    }
    assert {name: len(found) for name, found in loops.items()} == {"gru": 1, "lstm": 0}


def test_every_layer_has_the_same_bits_in_cpp() -> None:
    check_cpp(Pack(tuple(exact(name).graph for name in LAYERS), 16), BUILDS[0])


@pytest.mark.parametrize("name", ["attention", "order", "masked sum", "gru"])
def test_verilator_has_the_bits_of_the_interpreter(name: str) -> None:
    chip = inferon.compile(exact(name).graph, Verilog(clock_ns=5.0))
    assert str(chip.verify(events(name))).endswith("every bit agrees")


# --------------------------------------------------------------- from float layers, by calibration

RNG = np.random.default_rng(3)
X = b.input_("x", (6, 4), FLOAT32)


def trained(*shape: int) -> Node:
    return b.constant(RNG.normal(0, 0.5, shape).astype(np.float32))


def zeros(size: int) -> Node:
    return b.constant(np.zeros(size, np.float32))


def layer_norm() -> Node:
    scale, bias = (b.broadcast(trained(8), (6, 8)) for _ in range(2))
    normal = b.apply(LayerNorm(), b.product(X, trained(4, 8)), scale, bias)
    return b.product(normal, trained(8, 2))


FLOAT_LAYERS: dict[str, Callable[[], Node]] = {
    "softmax": lambda: b.product(b.apply(Softmax(1), b.product(X, trained(4, 5))), trained(5, 2)),
    "attention": lambda: b.product(b.apply(Softmax(1), b.product(X, b.transpose(X, (1, 0)))), X),
    "layer_norm": layer_norm,
    "gru": lambda: b.apply(Gru(), X, trained(6, 4), trained(6, 2), trained(12), zeros(2)),
    "lstm": lambda: b.apply(
        Lstm(), X, trained(8, 4), trained(8, 2), trained(16), zeros(2), zeros(2)
    ),
}


@pytest.mark.parametrize("name", FLOAT_LAYERS)
def test_float_layers_that_are_quantized_become_scalars(name: str) -> None:
    graph = Graph(name, (X,), (FLOAT_LAYERS[name](),), ("y",))
    calibration = RNG.normal(size=(100, 6, 4)).astype(np.float32)
    made = inferon.quantize(graph, calibration=calibration)
    check(made.graph, [RNG.normal(size=(EVENTS, 6, 4)).astype(np.float32)])


# --------------------------------------------------------------------------- graphs of fixed point

FLOATS_INSIDE = ("fixed_unary", "tables", "firmware_layer")
"""Graphs that no stage before firmware lets through: floats beyond the rim."""


@pytest.mark.parametrize("pack", PACKS)
def test_graphs_of_fixed_point_keep_their_bits(pack: str) -> None:
    for graph in PACKS[pack]():
        if graph.name not in FLOATS_INSIDE:
            check(graph, Samples(32).draw(graph))


def test_the_core_holds_no_float_and_the_rim_gives_back_the_types() -> None:
    graph: Graph = exact("order").graph
    parts = split(RTL.run(graph))
    assert not [node for node in parts.core.nodes() if str(node.type.element).startswith("f")]
    assert [str(node.type) for node in parts.after.outputs] == [
        str(node.type) for node in graph.outputs
    ]
    widths = {str(node.type) for node in parts.core.outputs}
    assert "3xu3.0" in widths  # three indices of six: three bits each
