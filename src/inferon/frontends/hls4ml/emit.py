"""Layers and their types as an exact graph: what hls4ml's emulation computes, layer by layer.

Dense and convolution: each product goes into ``accum``, the bias too; they are added in ``accum``,
inputs in order; the sum goes into ``result``.  Batch normalization: ``x * scale + bias`` without
loss, then ``result``.  ReLU, maximum pools and sums of two layers: without loss, then ``result``.
Floats become types as ``ap_fixed`` does it: its rounding (toward minus infinity unless named) and
its overflow (wrapping unless named).

Weights: hls4ml writes them as decimal numbers with as many digits as the type has bits behind the
point, and its emulation reads these; so does this.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from math import prod

import numpy as np

from inferon.errors import Gap, Unsupported
from inferon.frontends.hls4ml.configuration import Configuration
from inferon.frontends.hls4ml.network import (
    Conv,
    Dense,
    Layer,
    MaxPool,
    Network,
    Offset,
    Relu,
    Scale,
    Shape,
    Source,
    Sum,
)
from inferon.frontends.hls4ml.precision import Precision
from inferon.frontends.naming import Names, label
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import FLOAT32, Fixed
from inferon.ir.values import Array, storage
from inferon.ops import build as b
from inferon.ops.convert import Cast, Quantize
from inferon.ops.evaluation import evaluate
from inferon.ops.mantissa import Overflow
from inferon.ops.structure import Input
from inferon.passes.fold import FOLD
from inferon.stage import EXACT, verify

Type = Callable[[str], Precision]


def exact_network(network: Network, configuration: Configuration) -> Graph:
    """Return a network in the types of a configuration.

    Raises
    ------
    Unsupported
        With every layer that the configuration names and the network lacks, and every type that
        is missing.
    """
    known = {each.name for each in network.layers}
    gaps = [
        Gap(given.place, f"there is no layer {name}", ", ".join(sorted(known)))
        for name, given in configuration.layers.items()
        if name not in known
    ]
    names = Names()
    inputs: list[Node] = []
    values: dict[str, Node] = {}
    for layer in network.layers:
        missing: list[str] = []

        def type_of(kind: str, layer: Layer = layer, missing: list[str] = missing) -> Precision:
            found = configuration.precision(layer.name, kind)
            if found is None:
                missing.append(kind)
            return found or Precision(Fixed(True, 16, 6))

        operands = [values[each] for each in layer.inputs]
        if isinstance(layer, Source):
            name = names.identifier(layer.name, "input")
            inputs.append(b.input_(name, layer.shape, FLOAT32))
            operands = [inputs[-1]]
        values[layer.name] = emit(layer, operands, type_of)
        gaps += [
            Gap(label(layer.name), f"no precision of {kind}", "Model: Precision: ap_fixed<16,6>")
            for kind in missing
        ]
    if gaps:
        raise Unsupported(gaps)
    outputs = tuple(Node(Cast(FLOAT32), (values[each],), label(each)) for each in network.outputs)
    output_names = tuple(names.identifier(each, "output") for each in network.outputs)
    raw = Graph(
        Names().identifier(network.name, "network"),
        tuple(inputs),
        outputs,
        output_names,
        names.renamed,
    )
    made = FOLD.run(raw)
    verify(made, EXACT)
    return made


@singledispatch
def emit(layer: Layer, operands: list[Node], type_of: Type) -> Node:
    """Return the value of a layer."""
    raise Unsupported((Gap(label(layer.name), f"a layer {type(layer).__name__}"),))


@emit.register
def _source(layer: Source, operands: list[Node], type_of: Type) -> Node:
    return type_of("result").of(operands[0], label(layer.name))


@emit.register
def _dense(layer: Dense, operands: list[Node], type_of: Type) -> Node:
    return _product(layer, operands[0], layer.kernel, layer.bias, type_of)


@emit.register
def _conv(layer: Conv, operands: list[Node], type_of: Type) -> Node:
    """Every position is a dense layer on its window, channels fastest."""
    x, rank = operands[0], len(layer.strides)
    nothing = b.constant(0, x.type.element)
    for axis in range(rank):
        x = b.pad(x, axis, layer.before[axis], layer.after[axis], nothing)
    size, channels = layer.kernel.shape[:rank], layer.kernel.shape[rank]
    for axis, (length, stride) in enumerate(zip(size, layer.strides, strict=True)):
        x = b.window(x, axis, length, stride)
    positions = x.type.shape[:rank]
    order = (*range(rank), *range(rank + 1, 2 * rank + 1), rank)
    patches = b.reshape(b.transpose(x, order), (*positions, prod(size) * channels))
    kernel = layer.kernel.reshape(prod(size) * channels, -1)
    return _product(layer, patches, kernel, layer.bias, type_of)


@emit.register
def _scale(layer: Scale, operands: list[Node], type_of: Type) -> Node:
    x, origin = operands[0], label(layer.name)
    scale = stored_constant(layer.scale, type_of("scale"), origin)
    bias = stored_constant(layer.bias, type_of("bias"), origin)
    return type_of("result").of(_named(b.add(b.mul(x, scale), bias), origin), origin)


@emit.register
def _offset(layer: Offset, operands: list[Node], type_of: Type) -> Node:
    origin = label(layer.name)
    bias = stored_constant(layer.bias, type_of("bias"), origin)
    return type_of("result").of(_named(b.add(operands[0], bias), origin), origin)


@emit.register
def _relu(layer: Relu, operands: list[Node], type_of: Type) -> Node:
    origin = label(layer.name)
    return type_of("result").of(_named(b.maximum(operands[0], 0), origin), origin)


@emit.register
def _max_pool(layer: MaxPool, operands: list[Node], type_of: Type) -> Node:
    x, origin, rank = operands[0], label(layer.name), len(layer.size)
    for axis, (size, stride) in enumerate(zip(layer.size, layer.strides, strict=True)):
        x = b.window(x, axis, size, stride)
    largest = _named(b.reduce_max(x, range(rank + 1, 2 * rank + 1)), origin)
    return type_of("result").of(type_of("accum").of(largest, origin), origin)


@emit.register
def _shape(layer: Shape, operands: list[Node], type_of: Type) -> Node:
    return b.reshape(operands[0], layer.shape)


@emit.register
def _sum(layer: Sum, operands: list[Node], type_of: Type) -> Node:
    origin = label(layer.name)
    return type_of("result").of(_named(b.add(*operands), origin), origin)


# --------------------------------------------------------------------------------------- products


def _product(layer: Layer, x: Node, kernel: Array, bias: Array | None, type_of: Type) -> Node:
    """Return (P.., in) times (in, out), each product and the sum in ``accum``."""
    origin = label(layer.name)
    accum, result = type_of("accum"), type_of("result")
    weights = stored_constant(kernel, type_of("weight"), origin)
    start = np.zeros(kernel.shape[1]) if bias is None else bias
    first = accum.of(stored_constant(start, type_of("bias"), origin), origin)
    if _keeps_products(x, weights, accum):
        total = _named(b.add(b.product(x, weights), first), origin)
        return result.of(accum.of(total, origin), origin)
    products = accum.of(_named(b.mul(b.expand(x, x.type.rank), weights), origin), origin)
    axis = x.type.rank - 1
    if accum.overflow is Overflow.WRAP:
        total = _named(b.add(b.sum_(products, [axis]), first), origin)
        return result.of(accum.of(total, origin), origin)
    return result.of(_one_by_one(products, first, axis, accum, origin), origin)


def _keeps_products(x: Node, weights: Node, accum: Precision) -> bool:
    """Return whether the sum can be rounded once: no product loses low bits, high ones wrap."""
    a, c = x.type.element, weights.type.element
    assert isinstance(a, Fixed)
    assert isinstance(c, Fixed)
    fine = accum.fixed.fraction >= a.fraction + c.fraction
    return fine and accum.overflow is Overflow.WRAP


def _one_by_one(products: Node, first: Node, axis: int, accum: Precision, origin: str) -> Node:
    """Add products in order; saturation strikes after each."""
    count = products.type.shape[axis]
    assert isinstance(count, int)
    parts = [b.squeeze(b.slice_(products, axis, i, 1), axis) for i in range(count)]
    total = b.broadcast(first, parts[0].type.shape)
    for part in parts:
        total = accum.of(_named(b.add(total, part), origin), origin)
    return total


# -------------------------------------------------------------------------------------- constants


def stored_constant(numbers: Array, precision: Precision, origin: str) -> Node:
    """Return weights as hls4ml's emulation reads them."""
    digits = max(0, precision.fixed.fraction)
    texts = [f"{float(each):.{digits}f}" for each in numbers.ravel()]
    decimal = np.array([float(each) for each in texts]).reshape(numbers.shape)
    quantize = Quantize(precision.fixed, precision.rounding, precision.overflow)
    given = b.constant(decimal)
    mantissas = evaluate((node := Node(quantize, (given,)),), {}, {})[node][0]
    made = b.constant(mantissas.astype(storage(precision.fixed)), precision.fixed)
    return Node(made.op, (), origin)


def _named(node: Node, origin: str) -> Node:
    """Return a node with the layer's name on what was made without one."""
    if node.origin or isinstance(node.op, Input):
        return node
    inputs = tuple(_named(each, origin) for each in node.inputs)
    return Node(node.op, inputs, origin)
