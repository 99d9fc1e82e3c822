"""Normalizations: all results, both precisions, odd shapes of scales (5 s)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from inferon.analysis.accuracy import ONNX_RUNTIME
from inferon.analysis.bound import agreement
from inferon.errors import Unsupported
from inferon.interpret import interpret
from inferon.load import load
from tests.differential.onnx_oracle import Array, agrees, normal

EVENTS = 5

EPSILON = float(np.float32(1e-5))
"""The default of the standard, as the float32 that an attribute is."""

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layer:
    """A normalization of x with constant parameters.

    Attributes
    ----------
    op : its operator
    shape : of one event
    parameters : shapes of the constant inputs
    attributes : of the layer
    results : how many it has
    double : whether everything is float64
    """

    op: str
    shape: Shape
    parameters: tuple[Shape, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)
    results: int = 1
    opset: int = 21
    double: bool = False

    @property
    def dtype(self) -> type[np.float32] | type[np.float64]:
        """The type of all values."""
        return np.float64 if self.double else np.float32

    def model(self, batch: str | int = "N") -> onnx.ModelProto:
        """Return the layer as a model."""
        element = TensorProto.DOUBLE if self.double else TensorProto.FLOAT
        value = helper.make_tensor_value_info
        weights = [
            numpy_helper.from_array((normal(i, *each) ** 2 + 0.5).astype(self.dtype), f"w{i}")
            for i, each in enumerate(self.parameters)
        ]
        results = [f"y{i}" for i in range(self.results)]
        names = [each.name for each in weights]
        node = helper.make_node(self.op, ["x", *names], results, **self.attributes)
        x = value("x", element, (batch, *self.shape))
        outputs = [value(each, element, None) for each in results]
        graph = helper.make_graph([node], "layer", [x], outputs, weights)
        opsets = [helper.make_opsetid("", self.opset)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=10)

    def events(self) -> Array:
        """Return events whose mean is not 0."""
        return (normal(9, EVENTS, *self.shape) + np.float32(0.5)).astype(self.dtype)


LAYER, GROUP = "LayerNormalization", "GroupNormalization"

IN_RUNTIME = {
    "layer": Layer(LAYER, (3, 8), ((8,), (8,)), results=3, opset=17),
    "layer_of_two_axes": Layer(LAYER, (3, 8), ((3, 8),), {"axis": 1}, 2, opset=17),
    "layer_of_float64": Layer(LAYER, (8,), ((8,), (8,)), {"stash_type": 11}, double=True),
    "groups": Layer(GROUP, (6, 4), ((6,), (6,)), {"num_groups": 3}),
    "groups_of_nothing_else": Layer(GROUP, (6,), ((6,), (6,)), {"num_groups": 3}),
    "instance": Layer("InstanceNormalization", (3, 8), ((3,), (3,))),
    "batch": Layer("BatchNormalization", (3, 4), ((3,),) * 4),
    "lp_1": Layer("LpNormalization", (3, 4), (), {"p": 1, "axis": 1}),
    "mean_variance": Layer("MeanVarianceNormalization", (3, 4, 2), (), {"axes": [2, 3]}),
    "neighbors": Layer("LRN", (7, 3, 3), (), {"size": 5, "alpha": 0.5, "bias": 2.0}),
    "neighbors_to_a_power": Layer("LRN", (7, 3, 3), (), {"size": 3, "alpha": 0.5, "beta": 0.6}),
    "softmax_of_all_axes": Layer("Softmax", (3, 4), (), {"axis": 1}, opset=11),
}


@pytest.mark.parametrize("name", IN_RUNTIME)
def test_a_normalization_agrees(name: str) -> None:
    layer = IN_RUNTIME[name]
    _, result = agrees(layer.model(), {"x": layer.events()})
    assert result.undecided == 0


REFERENCE = {
    "scale_for_each_row": Layer(LAYER, (3, 8), ((3, 1), (3, 8))),
    "layer_in_float64": Layer(LAYER, (8,), ((8,), (8,)), {"stash_type": 11}),
    "layer_in_float32": Layer(LAYER, (8,), ((8,), (8,)), double=True),
    "root_mean_square": Layer("RMSNormalization", (3, 8), ((3, 1),), {"axis": 1}, opset=23),
    "even_neighbors": Layer("LRN", (7, 3), (), {"size": 4, "alpha": 0.5, "beta": 0.5}),
    "groups_with_a_scale_each": Layer(GROUP, (6, 4), ((3,), (3,)), {"num_groups": 3}, opset=18),
}


def _written_out(layer: Layer, x: Array) -> Array:
    """Return the formula of the standard in float64."""
    x = x.astype(np.float64)
    weights = [
        numpy_helper.to_array(w).astype(np.float64) for w in layer.model().graph.initializer
    ]
    if layer.op == "LRN":  # one channel before, two behind
        square = np.pad(x * x, ((0, 0), (1, 2), (0, 0)))
        total = sum(square[:, first : first + 7] for first in range(4))
        return np.asarray(x / np.sqrt(1.0 + 0.5 / 4.0 * total))
    if layer.op == "RMSNormalization":
        root = np.sqrt((x * x).mean(axis=(1, 2), keepdims=True) + EPSILON)
        return np.asarray(x / root * weights[0])
    if layer.op == GROUP:
        x = x.reshape(EVENTS, 3, 2, 4)
        weights = [each[:, None, None] for each in weights]
    axes = (2, 3) if layer.op == GROUP else (-1,)
    centered = x - x.mean(axis=axes, keepdims=True)
    normalized = centered / np.sqrt((centered**2).mean(axis=axes, keepdims=True) + EPSILON)
    return np.asarray(normalized * weights[0] + weights[1]).reshape(EVENTS, *layer.shape)


@pytest.mark.parametrize("name", REFERENCE)
def test_a_normalization_is_the_formula_of_the_standard(name: str) -> None:
    layer = REFERENCE[name]
    graph, x = load(layer.model()), layer.events()
    (y,) = interpret(graph, x)
    assert y.dtype == layer.dtype
    agreement(graph, x, (y,))
    (real,) = interpret(graph, x, real=True)
    wanted = _written_out(layer, x)
    assert (np.abs(real - wanted) <= 2.0**-48 * (1.0 + np.abs(wanted))).all()


def test_one_pass_over_a_batch_gives_new_statistics() -> None:
    """The batch is one event here: in training, its events are not independent."""
    layer = Layer("BatchNormalization", (3, 4), ((3,),) * 4, {"training_mode": 1}, 3)
    model, x = layer.model(EVENTS), layer.events()
    graph = load(model, batch_axis=None)
    theirs = ReferenceEvaluator(model).run(None, {"x": x})
    assert isinstance(theirs, list)
    agreement(graph, x[None], tuple(each[None] for each in theirs), accuracy=ONNX_RUNTIME)
    agreement(graph, x[None], interpret(graph, x[None]))
    with pytest.raises(Unsupported, match="mixes the events"):
        load(layer.model())
