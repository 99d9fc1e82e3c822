"""The networks of the firmware benchmark as exact graphs, and as QONNX files."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from benchmarks.firmware.networks import Activation, Dense, Grid, Network, SumOver, Windows
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import Fixed
from inferon.ops import build as b
from inferon.ops.convert import Quantize
from inferon.ops.mantissa import Overflow, Rounding


def fixed(grid: Grid) -> Fixed:
    """Return the type of a grid."""
    return Fixed(grid.signed, grid.width, grid.integer)


def graph_of(network: Network) -> Graph:
    """Return a network as an exact graph on mantissas."""
    x = value = b.input_("x", network.shape, fixed(network.grid))
    for number, step in enumerate(network.steps):
        layer = f"{type(step).__name__.lower()}_{number}"
        match step:
            case Dense(weights, bias, grid, bias_grid):
                product = b.product(value, b.constant(weights, fixed(grid)))
                made = b.add(product, b.constant(bias, fixed(bias_grid)))
            case Activation(grid):
                positive = b.maximum(value, b.constant_like(value, 0))
                rounding = Quantize(fixed(grid), Rounding.HALF_UP, Overflow.SATURATE)
                made = Node(rounding, (positive,))
            case Windows(index):
                flat = b.reshape(value, (int(np.prod(value.type.shape)),))  # type: ignore[arg-type]
                where = index if len(index) > 1 else index[0]
                made = b.gather(flat, b.constant(where.astype(np.int64)), 0)
            case SumOver():
                made = b.sum_(value, [0])
        value = Node(made.op, made.inputs, layer)
    return Graph(network.name, (x,), (value,), ("y",))


def qonnx_of(network: Network) -> onnx.ModelProto:
    """Return a network of dense layers as a QONNX model: what a user would load."""
    nodes: list[onnx.NodeProto] = []
    stored: list[onnx.TensorProto] = []

    def number(array: object) -> str:
        stored.append(numpy_helper.from_array(np.asarray(array, np.float32), f"c{len(stored)}"))
        return stored[-1].name

    def layer(op: str, *inputs: str, **attributes: Any) -> str:
        name = f"{op.lower()}_{len(nodes)}"
        domain = "qonnx.custom_op.general" if op == "Quant" else ""
        nodes.append(helper.make_node(op, inputs, [name], name, domain=domain, **attributes))
        return name

    def quant(value: str, grid: Grid) -> str:
        numbers = [number(2.0**-grid.fraction), number(0), number(grid.width)]
        mode = {"signed": int(grid.signed), "narrow": 0, "rounding_mode": "HALF_UP"}
        return layer("Quant", value, *numbers, **mode)

    value = quant("x", network.grid)
    for step in network.steps:
        match step:
            case Dense(weights, bias, grid, bias_grid):
                w = quant(number(weights * 2.0**-grid.fraction), grid)
                c = quant(number(bias * 2.0**-bias_grid.fraction), bias_grid)
                value = layer("Add", layer("MatMul", value, w), c)
            case Activation(grid):
                value = quant(layer("Relu", value), grid)
            case _:
                raise ValueError(f"{network.name} is no chain of dense layers")
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *network.shape])
    result = helper.make_tensor_value_info(value, TensorProto.FLOAT, None)
    made = helper.make_graph(nodes, network.name, [given], [result], stored)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("qonnx.custom_op.general", 1)]
    return helper.make_model(made, opset_imports=opsets)
