"""A float16 network: ours, and ONNX Runtime's, within the bounds derived from the graph (2 s)."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from inferon.analysis.accuracy import ONNX_RUNTIME, OURS
from inferon.analysis.bound import agreement, bound
from inferon.errors import Mismatch
from inferon.interpret import interpret
from inferon.ir.values import Array
from inferon.load import load
from inferon.measure.onnxruntime_peer import OnnxRuntime

EVENTS = 200


def network(kind: int = TensorProto.FLOAT16) -> ModelProto:
    rng = np.random.default_rng(3)
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    weights = {
        "w1": rng.standard_normal((16, 32)) / 4,
        "b1": rng.standard_normal(32),
        "w2": rng.standard_normal((32, 5)) / 6,
    }
    nodes = [
        helper.make_node("MatMul", ["x", "w1"], ["a"]),
        helper.make_node("Add", ["a", "b1"], ["h"]),
        helper.make_node("Relu", ["h"], ["g"]),
        helper.make_node("MatMul", ["g", "w2"], ["s"]),
        helper.make_node("Softmax", ["s"], ["y"], axis=-1),
    ]
    stored = [numpy_helper.from_array(w.astype(dtype), name) for name, w in weights.items()]
    x = helper.make_tensor_value_info("x", kind, ["N", 16])
    y = helper.make_tensor_value_info("y", kind, ["N", 5])
    made = helper.make_graph(nodes, "narrow", [x], [y], stored)
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(made, opset_imports=opsets, ir_version=8)


def events() -> Array:
    drawn = np.random.default_rng(4).standard_normal((EVENTS, 16)).astype(np.float16)
    return drawn.astype(np.float32)


def test_onnx_runtime_keeps_the_derived_bound_of_halves() -> None:
    model, x = network(), events()
    graph = load(model)
    theirs = OnnxRuntime(model.SerializeToString(), graph).predict(x)
    assert theirs[0].dtype == np.float32
    found = agreement(graph, x, theirs, accuracy=ONNX_RUNTIME)
    assert found.undecided == 0
    assert 0.0 < found.worst <= 1.0
    sizes = bound(graph, x, accuracy=ONNX_RUNTIME)
    assert (sizes.errors[0] <= 0.05 * sizes.values[0] + 0.01).all()  # it says something


def test_onnx_runtime_in_the_plain() -> None:
    """The same without our peer: what the file itself gives."""
    model, x = network(), events()
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (theirs,) = session.run(None, {"x": x.astype(np.float16)})
    agreement(load(model), x, (theirs.astype(np.float32),), accuracy=ONNX_RUNTIME)


def test_ours_keeps_the_strict_bound_and_float32_does_not() -> None:
    """Most elements are certain to the bit; a network that rounds nothing is found out."""
    x = events()
    graph = load(network())
    assert agreement(graph, x, interpret(graph, x), accuracy=OURS).undecided == 0
    unrounded = load(network(TensorProto.FLOAT))
    with pytest.raises(Mismatch):
        agreement(graph, x, interpret(unrounded, x), accuracy=OURS)


def test_an_error_above_the_bound_is_found() -> None:
    graph, x = load(network()), events()
    limits = bound(graph, x, accuracy=ONNX_RUNTIME)
    wrong = limits.values[0] + 1.01 * limits.errors[0]
    with pytest.raises(Mismatch):
        agreement(graph, x, (wrong,), accuracy=ONNX_RUNTIME)
