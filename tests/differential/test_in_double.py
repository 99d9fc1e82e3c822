"""Models in double precision: the interpreter's bits, and an oracle's float64 in its bound.

The oracle computes the ONNX file with every float32 made float64: ONNX Runtime, or the standard's
own reference in numpy where ONNX Runtime has no double (Conv, GRU).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

import inferon
from inferon.analysis.accuracy import ONNX_RUNTIME
from inferon.analysis.bound import agreement, bound
from inferon.errors import Unsupported
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.types import FLOAT32, FLOAT64, Fixed, Float, Int
from inferon.ir.values import Array, Values
from inferon.load import load
from inferon.ops import build as b
from inferon.ops.rounding import MiniFloat, RoundTo
from inferon.ops.table import Table
from inferon.passes.double import in_double
from inferon.targets.toolchain import Compiler
from tests.differential.cpp_pack import Pack, check, two_builds
from tests.differential.onnx_double import doubled, evaluated
from tests.differential.onnx_oracle import run

MODELS = Path(__file__).parents[2] / "benchmarks" / "models"
NAMES = ("a_mlp12", "b_jet16", "d1_bragg", "g_gru")
"""Networks whose files hold no rounded constants of functions, with a loop among them."""


ONLY_IN_REFERENCE = ("d1_bragg", "g_gru")


def events(name: str) -> Array:
    with np.load(MODELS / f"{name}.npz") as file:
        return np.asarray(file["x"])


@pytest.mark.parametrize("name", NAMES)
def test_it_agrees_with_an_oracle_in_double(name: str) -> None:
    path, x = MODELS / f"{name}.onnx", events(name).astype(np.float64)
    graph = in_double(load(path))
    model = onnx.load(path)
    in_runtime = name not in ONLY_IN_REFERENCE
    theirs = tuple(run(doubled(model), {"x": x}) if in_runtime else evaluated(model, {"x": x}))
    ours = interpret(graph, x)
    assert {array.dtype for array in (*theirs, *ours)} == {np.dtype(np.float64)}
    agreement(graph, x, theirs, accuracy=ONNX_RUNTIME)
    agreement(graph, x, ours)


@pytest.mark.parametrize("name", NAMES)
def test_both_precisions_differ_by_their_bounds_at_most(name: str) -> None:
    graph = load(MODELS / f"{name}.onnx")
    x = events(name)
    single, double = interpret(graph, x), interpret(in_double(graph), x.astype(np.float64))
    narrow, wide = bound(graph, x), bound(in_double(graph), x.astype(np.float64))
    for pair in zip(single, double, narrow.errors, wide.errors, strict=True):
        assert (np.abs(pair[0].astype(np.float64) - pair[1]) <= pair[2] + pair[3]).all()
        assert pair[3].max() < pair[2].max() * 2.0**-20, "double precision is finer"


@two_builds
def test_the_header_has_the_bits_of_the_interpreter(build: Compiler) -> None:
    check(Pack(tuple(in_double(load(MODELS / f"{name}.onnx")) for name in NAMES), 5), build)


def test_nothing_stays_single() -> None:
    for name in NAMES:
        graph = in_double(load(MODELS / f"{name}.onnx"))
        bodies = [node.op.body for node in graph.nodes() if hasattr(node.op, "body")]
        nodes = [node for each in (graph, *bodies) for node in each.nodes()]
        assert FLOAT32 not in {node.type.element for node in nodes}


def test_what_is_no_float_stays() -> None:
    count = b.input_("count", (), Int(True, 32))
    code = b.input_("code", (2,), Fixed(False, 2, 2))
    entries = Values(np.array([0.1, 0.2, 0.3, 0.4], np.float32))
    y = b.add(b.apply(Table(entries, FLOAT32), code), b.cast(count, FLOAT32))
    graph = in_double(Graph("kinds", (count, code), (y, count), ("y", "n")))
    assert [str(node.type) for node in (*graph.inputs, *graph.outputs)] == [
        "i32",
        "2xu2.0",
        "2xf64",
        "i32",
    ]
    (found, _) = interpret(graph, [np.array([3], np.int32), np.array([[1, 3]])])
    assert found.tolist() == [[np.float64(np.float32(0.2)) + 3, np.float64(np.float32(0.4)) + 3]]


def test_bits_and_narrow_floats_are_refused_by_layer() -> None:
    x = b.input_("x", (2,), FLOAT32)
    bits = b.bitcast(x, Int(True, 32))
    narrow = b.apply(RoundTo(MiniFloat.BFLOAT16), x)
    graph = Graph("narrow", (x,), (bits, narrow), ("y", "z"))
    with pytest.raises(Unsupported) as refused:
        inferon.in_double(graph)
    assert [gap.layer for gap in refused.value.gaps] == ["narrow", "narrow"]
    assert "reads the bits of a float32" in str(refused.value)
    assert "holds narrow floats as float32" in str(refused.value)


def test_a_double_graph_stays_as_it_is() -> None:
    x = b.input_("x", (2,), FLOAT64)
    graph = Graph("wide", (x,), (b.mul(x, 2.0),), ("y",))
    assert in_double(graph) == graph
    assert graph.outputs[0].type.element == Float(64)
