"""Operators of opsets 7 to 10, which older exporters wrote, against ONNX Runtime (5 s)."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from inferon.errors import Unsupported
from inferon.frontends.onnx import versions
from inferon.load import load
from tests.differential.onnx_oracle import agrees, normal

EVENTS = 5

Layer = tuple[int, str, tuple[int, ...], tuple[tuple[int, ...], ...], dict[str, Any]]

LAYERS: tuple[Layer, ...] = (
    (7, "Gemm", (4,), ((3, 4), (3,)), {"transB": 1}),
    (9, "Gemm", (4,), ((3, 4), (3,)), {"transB": 1, "alpha": 0.5}),
    (7, "MatMul", (3, 4), ((4, 2),), {}),
    (7, "Conv", (2, 6, 6), ((3, 2, 3, 3), (3,)), {"pads": [1, 1, 1, 1], "strides": [2, 2]}),
    (8, "Conv", (2, 7), ((3, 2, 3),), {"auto_pad": "SAME_UPPER"}),
    (7, "ConvTranspose", (2, 4), ((2, 3, 3),), {"strides": [2]}),
    (8, "MaxPool", (2, 6, 6), (), {"kernel_shape": [2, 2], "strides": [2, 2]}),
    (10, "MaxPool", (2, 7), (), {"kernel_shape": [3], "strides": [2], "ceil_mode": 1}),
    (7, "AveragePool", (2, 6, 6), (), {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
    (7, "BatchNormalization", (3, 4), ((3,), (3,), (3,), (3,)), {}),
    (9, "BatchNormalization", (3, 4), ((3,), (3,), (3,), (3,)), {"epsilon": 1e-3}),
    (7, "Softmax", (3, 4), (), {}),
    (7, "Softmax", (3, 4), (), {"axis": 2}),
    (9, "LogSoftmax", (5,), (), {}),
    (7, "Hardmax", (5,), (), {}),
    (7, "Flatten", (3, 4), (), {}),
    (9, "Concat", (3,), ((5, 2),), {"axis": 1}),
    (7, "Unsqueeze", (3,), (), {"axes": [1]}),
    (7, "Squeeze", (1, 3), (), {"axes": [1]}),
    (7, "ReduceMean", (3, 4), (), {"axes": [1], "keepdims": 0}),
    (9, "ReduceSumSquare", (3, 4), (), {"axes": [1, 2]}),
    (7, "ReduceMax", (3, 4), (), {"axes": [2]}),
    (7, "ArgMax", (3, 4), (), {"axis": 2}),
    (7, "Greater", (3,), ((3,),), {}),
    (9, "Less", (3,), ((3,),), {}),
    (7, "PRelu", (3,), ((3,),), {}),
    (8, "Max", (3,), ((3,),), {}),
    (8, "Mean", (3,), ((3,),), {}),
    (7, "Cast", (3,), (), {"to": TensorProto.INT32}),
    (7, "DepthToSpace", (8, 2, 3), (), {"blocksize": 2}),
    (7, "Dropout", (3,), (), {"ratio": 0.5}),
)


def model(layer: Layer) -> onnx.ModelProto:
    """Return a model of one layer, whose other operands are weights."""
    opset, name, shape, weights, attributes = layer
    tensors = [
        numpy_helper.from_array(np.abs(normal(i, *each)), f"w{i}")
        for i, each in enumerate(weights)
    ]
    operands = ["x", *(tensor.name for tensor in tensors)]
    boolean = name in ("Greater", "Less")
    kind = TensorProto.BOOL if boolean else TensorProto.FLOAT
    kind = TensorProto.INT64 if name == "ArgMax" else kind
    kind = TensorProto.INT32 if name == "Cast" else kind
    inner = [*operands[:1], "batch"] if name == "Concat" else operands
    nodes = [helper.make_node(name, inner, ["y"], **attributes)]
    if name == "Concat":  # the other operand has the batch, too
        tensors = [numpy_helper.from_array(np.ones((3, 2), np.float32), "w0")]
        nodes.insert(0, helper.make_node("MatMul", ["x", "w0"], ["batch"]))
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *shape])],
        [helper.make_tensor_value_info("y", kind, None)],
        tensors,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=4)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: f"{layer[1]}-{layer[0]}")
def test_an_older_definition(layer: Layer) -> None:
    agrees(model(layer), {"x": normal(9, EVENTS, *layer[2])})


def test_what_was_another_operator_then_is_refused() -> None:
    """Before opset 7 operands were broadcast by an attribute; Clip had its bounds in two."""
    for opset, name in ((6, "Add"), (6, "Gemm"), (6, "Clip"), (9, "Resize")):
        layer: Layer = (opset, name, (3,), (), {})
        with pytest.raises(Unsupported, match=f"opset {opset}"):
            load(model(layer))


def test_every_older_definition_that_is_read_existed() -> None:
    """No entry of the table claims a definition that the standard does not have."""
    for name in versions.OLDER:
        since = {
            each.since_version
            for each in onnx.defs.get_all_schemas_with_history()
            if each.name == name and each.domain == ""
        }
        assert min(since) <= versions.OLDER[name] < 11
