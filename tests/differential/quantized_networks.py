"""Quantized networks as exporters write them: ONNX Runtime's Q/DQ, and QONNX quantizers."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import quantization
from torch import nn

from inferon.ir.values import Array
from tests.differential.torch_networks import Network, exported

QONNX = "qonnx.custom_op.general"


# -------------------------------------------------------------------------------------------- Q/DQ


class Residual(nn.Module):
    """Two values of different scales, added and concatenated."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(16, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.relu(self.first(x))
        joined = torch.cat([h + self.second(h), x], 1)
        result: torch.Tensor = self.last(joined)
        return result


def _mlp() -> nn.Module:
    linear = nn.Linear(16, 32), nn.Linear(32, 16), nn.Linear(16, 5)
    return nn.Sequential(linear[0], nn.ReLU(), linear[1], nn.ReLU(), linear[2])


def _tabulated() -> nn.Module:
    return nn.Sequential(nn.Linear(16, 32), nn.Sigmoid(), nn.Linear(32, 8), nn.Tanh())


def _cnn() -> nn.Module:
    first = nn.Conv2d(2, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)
    second = nn.Conv2d(6, 8, 3, groups=2), nn.ReLU(), nn.AvgPool2d(2)
    return nn.Sequential(*first, *second, nn.Flatten(), nn.Linear(8, 4))


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "mlp": (_mlp, (16,)),
    "tabulated": (_tabulated, (16,)),
    "cnn": (_cnn, (2, 8, 8)),
    "residual": (Residual, (8,)),
}


class _Events(quantization.CalibrationDataReader):
    """Events one by one, from which ONNX Runtime takes the ranges."""

    def __init__(self, events: Array) -> None:
        self.left: Iterator[Array] = iter(events)

    def get_next(self) -> dict[str, Array] | None:
        event = next(self.left, None)
        return None if event is None else {"x": event[None]}


def events(name: str, count: int, seed: int = 1) -> Array:
    """Return normal events for a network."""
    shape = NETWORKS[name][1]
    return np.random.default_rng(seed).standard_normal((count, *shape)).astype(np.float32)


@cache
def qdq(name: str, *, per_channel: bool, signed: bool) -> onnx.ModelProto:
    """Return a network quantized by ONNX Runtime: 8 bits, ranges from 64 events."""
    torch.manual_seed(3)
    make, shape = NETWORKS[name]
    model = exported(Network(name, make(), ("x",), (shape,)), dynamo=False)
    kind = quantization.QuantType.QInt8 if signed else quantization.QuantType.QUInt8
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "float.onnx", Path(folder) / "qdq.onnx"
        onnx.save(model, before)
        level = logging.root.level
        logging.disable(logging.WARNING)  # it advises a pre-processing that these do not need
        try:
            quantization.quantize_static(
                before,
                after,
                _Events(events(name, 64, seed=0)),
                per_channel=per_channel,
                activation_type=kind,
                weight_type=quantization.QuantType.QInt8,
            )
        finally:
            logging.disable(level)
        return onnx.load(after)


# ------------------------------------------------------------------------------------------- QONNX


class Writer:
    """A QONNX model, layer by layer; values are names."""

    def __init__(self, version: int = 1) -> None:
        self.version = version
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def number(self, value: Any) -> str:
        """Return a float32 constant."""
        name = f"c{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name

    def layer(self, op: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Return the result of an operator."""
        name = f"{op.lower()}_{len(self.nodes)}"
        node = helper.make_node(op, inputs, [name], name=name, domain=domain, **attributes)
        self.nodes.append(node)
        return name

    def quant(
        self,
        x: str,
        scale: Any,
        bits: Any,
        zero: float = 0.0,
        op: str = "Quant",
        **attributes: Any,
    ) -> str:
        """Return a value behind a quantizer."""
        parameters = (self.number(scale), self.number(zero), self.number(bits))
        signed = {"signed": 1, "narrow": 0, "rounding_mode": "ROUND"}
        return self.layer("Quant", x, *parameters, domain=QONNX, **{**signed, **attributes})

    def model(self, shape: Sequence[int], output: str, domain: str = QONNX) -> onnx.ModelProto:
        """Return the model of events ``x`` of a shape."""
        given = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *shape])
        result = helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, "qonnx", [given], [result], self.weights)
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid(domain, self.version)]
        return helper.make_model(graph, opset_imports=opsets)


def qonnx_mlp(unit: float, *, function: str = "Relu") -> onnx.ModelProto:
    """Return 16 -> 32 -> 5; all scales are ``unit`` times a power of two, biases on the grid."""
    rng = np.random.default_rng(5)
    write = Writer()
    x = write.quant("x", unit / 16, 8)
    w = write.quant(write.number(rng.normal(0, 0.3, (16, 32))), unit / 32, 6, narrow=1)
    b = write.quant(write.number(rng.normal(0, 1, 32)), unit * unit / 512, 12)
    h = write.layer("Add", write.layer("MatMul", x, w), b)
    if function != "Relu":
        h = write.quant(h, unit / 16, 8)
    h = write.quant(write.layer(function, h), unit / 16, 7, signed=int(function != "Relu"))
    w = write.quant(write.number(rng.normal(0, 0.3, (32, 5))), unit / 32, 6, narrow=1)
    y = write.layer("MatMul", h, w)
    return write.model((16,), write.quant(y, unit / 8, 10))


def qonnx_jet_mlp(seed: int = 7) -> onnx.ModelProto:
    """Return 16 -> 64 -> 32 -> 32 -> 5 at 6 bits, half of the weights zero: the firmware's bar.

    Input fixed<8,3>, weights fixed<6,1>, activations ufixed<6,2> rounded and saturated.
    """
    rng = np.random.default_rng(seed)
    write = Writer()
    x = write.quant("x", 2.0**-5, 8)
    sizes = (16, 64, 32, 32, 5)
    for rows, columns in pairwise(sizes):
        dense = rng.normal(0, (2 / rows) ** 0.5, (rows, columns))
        dense[np.abs(dense) < np.median(np.abs(dense))] = 0
        w = write.quant(write.number(dense), 2.0**-5, 6)
        bias = write.quant(write.number(rng.normal(0, 0.1, columns)), 2.0**-5, 6)
        x = write.layer("Add", write.layer("MatMul", x, w), bias)
        if columns != sizes[-1]:
            x = write.quant(write.layer("Relu", x), 2.0**-4, 6, signed=0)
    return write.model((16,), write.quant(x, 2.0**-4, 10))


def qonnx_cnn() -> onnx.ModelProto:
    """Return a CNN of powers of two: a scale for each channel, bipolar weights, both pools."""
    rng = np.random.default_rng(6)
    write = Writer()
    x = write.quant("x", 2.0**-4, 8)
    scales = 2.0 ** -rng.integers(3, 6, (6, 1, 1, 1))
    w = write.quant(write.number(rng.normal(0, 0.3, (6, 2, 3, 3))), scales, 4)
    h = write.layer("Conv", x, w, pads=[1, 1, 1, 1])
    h = write.quant(write.layer("Relu", h), 2.0**-3, 5, signed=0)
    h = write.layer("MaxPool", h, kernel_shape=[2, 2], strides=[2, 2])
    signs = write.layer(
        "BipolarQuant",
        write.number(rng.normal(0, 1, (4, 6, 2, 2))),
        write.number(0.125),
        domain=QONNX,
    )
    h = write.quant(write.layer("Conv", h, signs), 2.0**-3, 8, rounding_mode="FLOOR")
    h = write.layer("Flatten", write.layer("AveragePool", h, kernel_shape=[3, 3]))
    return write.model((2, 8, 8), h)
