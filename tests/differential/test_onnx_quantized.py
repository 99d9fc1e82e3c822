"""Quantized models: ONNX Runtime within the derived bound, then integers, in C++ too.

Takes 20 s.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import inferon
from inferon.errors import Unsupported, UsageError
from inferon.interpret import interpret
from inferon.ir.types import Fixed
from inferon.ir.values import Array
from inferon.ops.table import Table
from inferon.passes.exact import exact_graph
from inferon.stage import EXACT, verify
from tests.differential.cpp_pack import BUILDS, Pack, check
from tests.differential.onnx_oracle import agrees
from tests.differential.quantized_networks import (
    NETWORKS,
    QONNX,
    Writer,
    events,
    qdq,
    qonnx_cnn,
    qonnx_mlp,
)

KINDS = {"per tensor, unsigned": (False, False), "per channel, signed": (True, True)}
GENERAL = 1.137
"""A factor that keeps scales from being powers of two."""


def qdq_models() -> Iterator[tuple[str, onnx.ModelProto]]:
    for name in NETWORKS:
        for per_channel, signed in KINDS.values():
            yield name, qdq(name, per_channel=per_channel, signed=signed)


# --------------------------------------------------------------------------------------- as floats


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NETWORKS)
def test_onnx_runtime_is_within_the_bound(name: str, kind: str) -> None:
    """A quantizer ends every error but near its ties; the mean of four whole numbers has many."""
    per_channel, signed = KINDS[kind]
    model = qdq(name, per_channel=per_channel, signed=signed)
    _, result = agrees(model, {"x": events(name, 32)})
    assert name in ("cnn", "tabulated") or result.undecided == 0
    assert result.undecided < result.events


# ------------------------------------------------------------------------------------- as integers


def test_exact_graphs_have_the_same_bits_in_cpp() -> None:
    models = [model for _, model in qdq_models()]
    models += [qonnx_mlp(1.0), qonnx_mlp(GENERAL), qonnx_mlp(GENERAL, function="Tanh")]
    models.append(qonnx_cnn())
    graphs = [exact_graph(inferon.load(model)).graph for model in models]
    for graph in graphs:
        verify(graph, EXACT)
    check(Pack(tuple(graphs), 24), BUILDS[0])


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (qonnx_mlp(1.0), (16,)),
        (qonnx_mlp(1.0, function="Tanh"), (16,)),
        (qonnx_mlp(1.0, function="Sigmoid"), (16,)),
        (qonnx_mlp(1.0, function="LeakyRelu"), (16,)),
        (qonnx_cnn(), (2, 8, 8)),
    ],
    ids=["mlp", "tanh", "sigmoid", "leaky_relu", "cnn"],
)
def test_powers_of_two_change_nothing(model: onnx.ModelProto, shape: tuple[int, ...]) -> None:
    x = 2.0 * np.random.default_rng(2).standard_normal((300, *shape))
    made = inferon.exact(inferon.load(model), x.astype(np.float32))
    assert made.events == 300
    assert len(made.quantizers) >= 3
    assert all(each.differing == 0 for each in (*made.outputs, *made.quantizers))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "cnn"])
def test_other_scales_change_few_values_by_one_step(name: str, kind: str) -> None:
    per_channel, signed = KINDS[kind]
    graph = inferon.load(qdq(name, per_channel=per_channel, signed=signed))
    made = inferon.exact(graph, events(name, 300))
    values = sum(each.values for each in made.quantizers)
    assert sum(each.differing for each in made.quantizers) < 1e-3 * values
    assert max(each.largest for each in made.quantizers) <= 1


def test_the_mean_of_four_is_a_tie_and_counted() -> None:
    """A mean ends in .5 in a quarter of all cases: float32 noise rounds it up or down there."""
    graph = inferon.load(qdq("cnn", per_channel=False, signed=True))
    made = inferon.exact(graph, events("cnn", 200))
    first = next(each for each in made.quantizers if each.differing)
    assert "AveragePool" in first.name or "5/" in first.name
    assert first.largest == 1
    assert first.differing < first.values / 4


def test_the_listing_of_an_exact_graph_round_trips() -> None:
    made = exact_graph(inferon.load(qonnx_mlp(GENERAL, function="Tanh"))).graph
    assert any(isinstance(node.op, Table) for node in made.nodes())
    assert all(node.origin for node in made.nodes() if node.op.spelling() in ("dot", "table"))


# ------------------------------------------------------------------- an oracle of rational numbers


def nearest(value: Fraction) -> int:
    return round(value)  # Python rounds ties to even


def quantized(value: Array, scale: Fraction, low: int, high: int) -> Array:
    """Return whole numbers of a scale, as Python's own."""

    def one(each: Fraction) -> int:
        return min(max(nearest(each / scale), low), high)

    return np.asarray(np.vectorize(one, otypes=[object])(value))


def as_fractions(array: Array | None) -> Array:
    assert array is not None
    return np.asarray(np.vectorize(lambda each: Fraction(float(each)), otypes=[object])(array))


def test_an_mlp_has_the_numbers_of_rational_arithmetic() -> None:
    """The meaning without any float: scales are the rational numbers that float32 holds."""
    model = qonnx_mlp(GENERAL)
    c = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    used = [node for node in model.graph.node if node.op_type == "Quant"]
    given = [[c.get(name) for name in node.input] for node in used]
    scale = [as_fractions(each[1]).item() for each in given]
    x = (2.0 * np.random.default_rng(8).standard_normal((60, 16))).astype(np.float32)
    assert given[0][1] is not None
    first = np.clip(np.rint(x / given[0][1]), -128, 127)  # at the rim a float32 is divided
    value = as_fractions(first) * scale[0]
    w = quantized(as_fractions(given[1][0]), scale[1], -31, 31) * scale[1]
    b = quantized(as_fractions(given[2][0]), scale[2], -2048, 2047) * scale[2]
    hidden = np.vectorize(lambda each: max(each, Fraction(0)), otypes=[object])(value.dot(w) + b)
    hidden = quantized(hidden, scale[3], 0, 127) * scale[3]
    w = quantized(as_fractions(given[4][0]), scale[4], -31, 31) * scale[4]
    result = quantized(hidden.dot(w), scale[5], -512, 511) * scale[5]
    (found,) = interpret(exact_graph(inferon.load(model)).graph, x)
    assert np.array_equal(found, result.astype(np.float64).astype(np.float32))


# ------------------------------------------------------------------------------ single quantizers


@pytest.mark.parametrize(("fine", "coarse"), [(0.125, 1.0), (0.13, 1.71)], ids=["ties", "none"])
@pytest.mark.parametrize("mode", ["ROUND", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN"])
def test_every_rounding_mode_between_two_grids(mode: str, fine: float, coarse: float) -> None:
    """Eighths to whole numbers have ties of all kinds; 170 steps of 13 to 171 have none."""
    for signed, narrow, zero in ((1, 0, 0), (1, 1, 1), (0, 0, 3)):
        write = Writer()
        how: dict[str, Any] = {"signed": signed, "narrow": narrow, "rounding_mode": mode}
        y = write.quant(write.quant("x", fine, 12), coarse, 4, zero, **how)
        graph = inferon.load(write.model((1,), y))
        x = (np.arange(-170, 171, dtype=np.float32) * np.float32(fine))[:, None]
        made = inferon.exact(graph, x)
        assert made.outputs[0].differing == 0, (mode, signed, narrow, zero)
        assert len(np.unique(interpret(made.graph, x)[0])) >= 14


def test_quantizers_of_the_input_in_every_mode() -> None:
    """The rim: floats of all kinds go straight into a quantizer."""
    x = np.random.default_rng(1).standard_normal((500, 3)).astype(np.float32) * 9
    x[:20] = np.round(x[:20])  # ties of the scale 2
    for mode in ("ROUND", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN"):
        for scale in (2.0, 0.25, 0.3):
            write = Writer()
            y = write.quant("x", scale, 5, rounding_mode=mode)
            graph = inferon.load(write.model((3,), y))
            assert inferon.exact(graph, x).outputs[0].differing == 0, (mode, scale)


def test_a_width_for_each_channel() -> None:
    """The ends differ from channel to channel, at the rim and behind a product."""
    write = Writer()
    x = write.quant("x", 0.125, [[2, 5, 9]])
    w = write.quant(write.number(np.arange(-4, 5).reshape(3, 3)), 1.0, 5)
    y = write.quant(write.layer("MatMul", x, w), 0.25, [[4, 3, 6]], narrow=1)
    x_events = 4 * np.random.default_rng(1).standard_normal((300, 3)).astype(np.float32)
    made = inferon.exact(inferon.load(write.model((3,), y)), x_events)
    assert made.outputs[0].differing == 0
    ends = np.abs(interpret(made.graph, x_events)[0]).max(axis=0)
    assert ends.tolist() == [0.25 * 7, 0.25 * 3, 0.25 * 31]


def test_a_bias_that_nobody_quantized() -> None:
    """Beside steps that are no powers of two it is rounded, finely enough not to be seen."""
    rng = np.random.default_rng(1)
    write = Writer()
    x = write.quant("x", 0.37, 5)
    w = write.quant(write.number(rng.normal(size=(4, 6))), 0.27, 4)
    bias = write.number(np.linspace(2.01, 5.3, 6))  # 20 steps and more
    y = write.quant(write.layer("Add", write.layer("MatMul", x, w), bias), 0.11, 10)
    events_ = 2 * rng.standard_normal((300, 4)).astype(np.float32)
    made = inferon.exact(inferon.load(write.model((4,), y)), events_)
    assert made.outputs[0].differing == 0


def test_signs_and_truncation() -> None:
    write = Writer()
    signs = write.layer("BipolarQuant", "x", write.number(0.5), domain=QONNX)
    w = write.quant(write.number(np.arange(-8, 8).reshape(4, 4)), 1.0, 5)
    total = write.layer("MatMul", signs, w)
    cut = [write.number(each) for each in (0.5, 0, 8, 6)]
    y = write.layer("Trunc", total, *cut, domain=QONNX)
    graph = inferon.load(write.model((4,), y))
    x = np.random.default_rng(1).standard_normal((200, 4)).astype(np.float32)
    assert inferon.exact(graph, x).outputs[0].differing == 0


def integers() -> onnx.ModelProto:
    """Return uint8 in, QLinearMatMul, uint8 out: no float anywhere but in the scales."""
    rng = np.random.default_rng(3)
    weights = {
        "w": rng.integers(0, 256, (4, 5)).astype(np.uint8),
        **{"sx": np.float32(0.05), "zx": np.uint8(120), "sw": np.float32(0.01)},
        **{"zw": np.uint8(131), "sy": np.float32(0.04), "zy": np.uint8(118)},
    }
    stored = [numpy_helper.from_array(np.asarray(a), name) for name, a in weights.items()]
    node = helper.make_node(
        "QLinearMatMul", ["x", "sx", "zx", "w", "sw", "zw", "sy", "zy"], ["y"], name="product"
    )
    x = helper.make_tensor_value_info("x", TensorProto.UINT8, ["N", 4])
    y = helper.make_tensor_value_info("y", TensorProto.UINT8, ["N", 5])
    graph = helper.make_graph([node], "integers", [x], [y], stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])


def test_integers_come_in_and_go_out() -> None:
    graph = inferon.load(integers())
    x = np.random.default_rng(1).integers(0, 256, (500, 4)).astype(np.uint8)
    made = inferon.exact(graph, x)
    assert made.outputs[0].differing == 0
    assert str(made.graph.outputs[0].type) == "5xu8"
    check([made.graph], BUILDS[0])


# ------------------------------------------------------------------------------ what stays float


def gaps(write: Writer, shape: tuple[int, ...], output: str) -> list[tuple[str, str]]:
    with pytest.raises(Unsupported) as caught:
        inferon.exact(inferon.load(write.model(shape, output)))
    return [(gap.layer, gap.what) for gap in caught.value.gaps]


def test_everything_that_stays_float_is_named_with_its_reason() -> None:
    rng = np.random.default_rng(0)
    write = Writer()
    x = write.quant("x", 0.125, 8)
    h = write.layer("MatMul", x, write.number(rng.normal(size=(4, 3))))
    s = write.layer("Softmax", write.quant(write.layer("Neg", x), 0.3, 6))
    total = write.layer("Concat", h, s, axis=1)
    found = dict(gaps(write, (4,), total))
    assert found["matmul_1"] == "its weights are not quantized"
    assert "softmax_4" in found
    assert len(found) == 2


def test_an_input_without_a_quantizer_is_named() -> None:
    write = Writer()
    w = write.quant(write.number(np.eye(4)), 0.5, 4)
    y = write.quant(write.layer("MatMul", "x", w), 0.5, 4)
    assert gaps(write, (4,), y) == [("matmul_1", "its input is not quantized")]


def test_a_type_may_be_given_to_an_input() -> None:
    """The files of QKeras leave the type of the input to the firmware."""
    write = Writer()
    w = write.quant(write.number(np.eye(4) / 3), 0.25, 4)
    y = write.quant(write.layer("MatMul", "x", w), 0.0625, 8)
    graph = inferon.load(write.model((4,), y))
    x = np.arange(-200, 200, dtype=np.float32).reshape(100, 4) / 64
    made = inferon.exact(graph, x, inputs={"x": Fixed(True, 16, 6)})
    assert made.outputs[0].differing == 0
    with pytest.raises(UsageError, match="'z' is no input of floats; there are: x"):
        inferon.exact(graph, inputs={"z": Fixed(True, 16, 6)})
