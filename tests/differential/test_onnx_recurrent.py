"""RNN, GRU and LSTM with every option of the standard, against ONNX Runtime (35 s)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from inferon.analysis.bound import bound
from inferon.interpret import interpret
from inferon.load import load
from tests.differential.onnx_oracle import Array, agrees, normal

STEPS, FEATURES, HIDDEN, EVENTS = 5, 3, 4, 6
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def layer(op: str, inputs: tuple[str, ...] = (), **attributes: Any) -> onnx.ModelProto:
    """Return a model of one layer with the events in axis 0 of all inputs and outputs.

    Inputs: x and, of those named, lengths, h0, c0; ``peepholes`` is a weight.
    """
    both = attributes.get("direction") == "bidirectional"
    gates, directions = GATES[op], 1 + both
    weights = {
        "w": normal(1, directions, gates * HIDDEN, FEATURES),
        "r": normal(2, directions, gates * HIDDEN, HIDDEN) * np.float32(0.5),
        "bias": normal(3, directions, 2 * gates * HIDDEN),
        "peepholes": normal(4, directions, 3 * HIDDEN),
    }
    shapes: dict[str, tuple[str | int, ...]] = {"x": ("N", STEPS, FEATURES), "lengths": ("N",)}
    shapes |= dict.fromkeys(("h0", "c0"), ("N", directions, HIDDEN))
    named = ("x", *(name for name in inputs if name != "peepholes"))
    turned = {"x": "xt", "h0": "h0t", "c0": "c0t"}
    nodes = [
        helper.make_node("Transpose", [name], [turned[name]], perm=(1, 0, 2))
        for name in named
        if name in turned
    ]
    optional = ("lengths", "h0", "c0", "peepholes") if op == "LSTM" else ("lengths", "h0")
    operands = [turned.get(name, name) if name in inputs else "" for name in optional]
    last = ["h", "c"] if op == "LSTM" else ["h"]
    nodes.append(
        helper.make_node(
            op, ["xt", "w", "r", "bias", *operands], ["y", *last], hidden_size=HIDDEN, **attributes
        )
    )
    orders = {"y": (2, 0, 1, 3), **dict.fromkeys(last, (1, 0, 2))}
    nodes += [
        helper.make_node("Transpose", [name], [f"{name}_out"], perm=order)
        for name, order in orders.items()
    ]
    state = ("N", directions, HIDDEN)
    outputs = {"y": ("N", STEPS, directions, HIDDEN), **dict.fromkeys(last, state)}
    integers = {"lengths": TensorProto.INT32}
    graph = helper.make_graph(
        nodes,
        "layer",
        [
            helper.make_tensor_value_info(n, integers.get(n, TensorProto.FLOAT), shapes[n])
            for n in named
        ],
        [
            helper.make_tensor_value_info(f"{name}_out", TensorProto.FLOAT, shape)
            for name, shape in outputs.items()
        ],
        [
            numpy_helper.from_array(array, name)
            for name, array in weights.items()
            if name != "peepholes" or name in inputs
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)


def events(model: onnx.ModelProto) -> Mapping[str, Array]:
    """Return events; their lengths are 1, 2, .. and some have all steps."""
    feed: dict[str, Array] = {}
    for seed, slot in enumerate(model.graph.input):
        sizes = [d.dim_value for d in slot.type.tensor_type.shape.dim][1:]
        feed[slot.name] = normal(seed + 10, EVENTS, *sizes)
    if "lengths" in feed:
        feed["lengths"] = np.minimum(np.arange(EVENTS) + 1, STEPS).astype(np.int32)
    return feed


DIRECTIONS = ("forward", "reverse", "bidirectional")
ALL = ("lengths", "h0", "c0", "peepholes")


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("op", GATES)
def test_sequences_of_several_lengths_agree(op: str, direction: str) -> None:
    model = layer(op, ("lengths", "h0", "c0")[: 3 if op == "LSTM" else 2], direction=direction)
    feed = events(model)
    _, result = agrees(model, feed, strict=EVENTS)
    assert result.undecided == 0


OPTIONS = [
    ("GRU", ("lengths",), {"linear_before_reset": 1, "direction": "bidirectional"}),
    ("GRU", ("h0",), {"clip": 0.6}),
    ("GRU", ("lengths",), {"linear_before_reset": 1, "clip": 0.6, "direction": "reverse"}),
    ("LSTM", ALL, {"direction": "bidirectional"}),
    ("LSTM", ("peepholes",), {"clip": 0.6}),
    ("LSTM", (), {"input_forget": 1}),
    ("RNN", (), {"clip": 0.6, "direction": "bidirectional"}),
]


@pytest.mark.parametrize(("op", "inputs", "attributes"), OPTIONS)
def test_an_option_agrees(op: str, inputs: tuple[str, ...], attributes: dict[str, Any]) -> None:
    model = layer(op, inputs, **attributes)
    _, result = agrees(model, events(model))
    assert result.undecided == 0


ACTIVATIONS = [
    ("Relu", (), ()),
    ("Softsign", (), ()),
    ("Softplus", (), ()),
    ("Affine", (0.5,), (0.25,)),
    ("LeakyRelu", (0.3,), ()),
    ("ThresholdedRelu", (0.125,), ()),
    ("ScaledTanh", (0.75,), (0.5,)),
    ("HardSigmoid", (0.25,), (0.375,)),
    ("Elu", (0.7,), ()),
]


@pytest.mark.parametrize(("name", "alpha", "beta"), ACTIVATIONS)
def test_an_activation_agrees_behind_another(
    name: str, alpha: tuple[float, ...], beta: tuple[float, ...]
) -> None:
    """The numbers are dealt out in order: the first activation takes none."""
    numbers = {"activation_alpha": alpha, "activation_beta": beta}
    given: dict[str, Any] = {key: value for key, value in numbers.items() if value}
    model = layer("GRU", activations=["Sigmoid", name], **given)
    agrees(model, events(model))


@pytest.mark.parametrize("op", GATES)
def test_the_batch_comes_first_where_the_layout_says_so(op: str) -> None:
    """ONNX Runtime has no such layout: the same layer between transposes is the oracle."""
    inputs = ALL[: 4 if op == "LSTM" else 2]
    model = layer(op, inputs, direction="bidirectional")
    feed = events(model)
    wanted = interpret(load(model), feed)
    for node in model.graph.node:
        if node.op_type == op:
            node.attribute.append(helper.make_attribute("layout", 1))
        else:
            node.op_type = "Identity"
            del node.attribute[:]
    found = interpret(load(model), feed)
    assert all((ours == theirs).all() for ours, theirs in zip(found, wanted, strict=True))


@pytest.mark.parametrize("op", GATES)
def test_a_layer_of_float64_is_that_of_float32_without_its_rounding(op: str) -> None:
    model = layer(op, direction="bidirectional")
    feed = events(model)
    limits = bound(load(model), feed)
    for tensor in model.graph.initializer:
        wide = numpy_helper.to_array(tensor).astype(np.float64)
        tensor.CopyFrom(numpy_helper.from_array(wide, tensor.name))
    for slot in (*model.graph.input, *model.graph.output):
        slot.type.tensor_type.elem_type = TensorProto.DOUBLE
    found = interpret(load(model), {"x": feed["x"].astype(np.float64)})
    for ours, value, error in zip(found, limits.values, limits.errors, strict=True):
        assert ours.dtype == np.float64
        narrow = error * 2.0**-20  # float64 has 29 bits more; 9 of them are in reserve
        assert (np.abs(ours - value) <= narrow).all()
