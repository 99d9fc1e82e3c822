"""ONNX models, layer by layer, as hls4ml converts them.

hls4ml takes files that qonnx has cleaned, and names layers by their nodes: MatMul_0, Add_0.  A
MatMul with constants is a dense layer without bias; an addition or multiplication by constants is
a layer of its own, with types of its own.
"""

from __future__ import annotations

import numpy as np

from inferon.errors import Gap, Unsupported
from inferon.frontends.hls4ml.network import (
    Dense,
    Layer,
    Network,
    Offset,
    Relu,
    Scale,
    Shape,
    Source,
    Sum,
)
from inferon.frontends.onnx.call import Refused
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ops import activation, arithmetic, movement
from inferon.ops.dot import Dot
from inferon.ops.evaluation import constant_value, is_constant
from inferon.ops.normalization import BatchNorm
from inferon.ops.structure import Input


def network_of_graph(graph: Graph) -> Network:
    """Return what `load` made of an ONNX file as layers.

    Raises
    ------
    Unsupported
        With every node that has no form here.
    """
    layers: list[Layer] = []
    gaps: list[Gap] = []
    names: dict[Node, str] = {}
    theirs = dict(graph.renamed)
    for node in graph.nodes():
        if is_constant(node):
            continue
        inputs = tuple(names.get(each, "") for each in node.inputs if not is_constant(each))
        if isinstance(node.op, Input):
            name = theirs.get(node.op.name, node.op.name)
            layers.append(Source(name, (), _sizes(node)))
            names[node] = name
            continue
        name = node.origin or node.op.spelling()
        try:
            layers.append(_layer(node, name, inputs))
        except Refused as refused:
            gaps.append(Gap(name, refused.what, refused.hint))
        names[node] = name
    seen = [each.name for each in layers]
    for name in sorted({each for each in seen if seen.count(each) > 1}):
        hint = "MatMul and Add (qonnx: GemmToMatMul), which is what hls4ml takes"
        gaps.append(Gap(name, "one node that is several layers, as Gemm is", hint))
    if gaps:
        raise Unsupported(gaps)
    outputs = tuple(names[each] for each in graph.outputs)
    return Network(graph.name, tuple(layers), outputs)


def _sizes(node: Node) -> tuple[int, ...]:
    if not all(isinstance(size, int) for size in node.type.shape):
        raise Unsupported((Gap(node.origin or "input", f"a shape {node.type.shape}"),))
    return tuple(int(str(size)) for size in node.type.shape)


def _layer(node: Node, name: str, inputs: tuple[str, ...]) -> Layer:
    op = node.op
    if isinstance(op, Dot):
        return _dense(node, op, name, inputs)
    if isinstance(op, arithmetic.Add) and len(inputs) == 2:
        return Sum(name, inputs)
    if isinstance(op, arithmetic.Add | arithmetic.Sub | arithmetic.Mul) and len(inputs) == 1:
        return _with_constant(node, name, inputs)
    if isinstance(op, BatchNorm) and op.axis == node.type.rank - 1:
        gamma, beta, mean, variance = (constant_value(each) for each in node.inputs[1:])
        scale = gamma / np.sqrt(variance + op.epsilon)
        return Scale(name, inputs, scale, beta - scale * mean)
    if isinstance(op, activation.Relu):
        return Relu(name, inputs)
    if isinstance(op, movement.Reshape):
        return Shape(name, inputs, _sizes(node))
    raise Refused(f"{op.spelling()} of an ONNX file", "the Keras model, or a file without it")


def _dense(node: Node, op: Dot, name: str, inputs: tuple[str, ...]) -> Layer:
    weights = node.inputs[1]
    plain = op.batch == 0 and op.contract == 1 and weights.type.rank == 2
    if not plain or not is_constant(weights):
        raise Refused("a product that is no dense layer")
    return Dense(name, inputs, constant_value(weights), None)


def _with_constant(node: Node, name: str, inputs: tuple[str, ...]) -> Layer:
    first = is_constant(node.inputs[0])
    numbers = constant_value(node.inputs[0 if first else 1])
    if isinstance(node.op, arithmetic.Add):
        return Offset(name, inputs, numbers)
    if isinstance(node.op, arithmetic.Sub) and not first:
        return Offset(name, inputs, -numbers)
    raise Refused(f"{node.op.spelling()} with constants", "a batch normalization")
