"""What comes before the quantizers: loops unrolled, composites opened, scales folded.

Results move by roundings of float32 only.  What stays whole is what the exact pass knows as a
whole: convolutions, maximum pools, and functions of one value.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from inferon.ir.graph import Graph
from inferon.ir.node import Node, Op
from inferon.ir.types import Float
from inferon.ir.values import Array, storage
from inferon.ops import activation, arithmetic, convolution, movement, quantization
from inferon.ops import build as b
from inferon.ops.base import Composite, Elementary
from inferon.ops.dot import Dot
from inferon.ops.evaluation import constant_value, is_constant
from inferon.ops.structure import Input
from inferon.passes.fold import ELEMENTWISE
from inferon.passes.turns import write_out
from inferon.rewrite import rewrite, rule

WHOLE = (
    *(Elementary, convolution.Conv, convolution.MaxPool, quantization.OnGrid),
    *(activation.Relu, activation.LeakyRelu, activation.Clip, activation.Elu, activation.Selu),
    *(activation.Celu, activation.Gelu, activation.Silu, activation.Softplus),
    *(activation.Softsign, activation.HardSigmoid, activation.HardSwish, activation.Mish),
)
"""Composites that are not opened."""


def prepared(graph: Graph) -> Graph:
    """Return a graph without loops, normalizations and quotients of two values."""
    return _with_folded_scales(rewrite(graph, RULES).graph)


@rule(Composite)
def _open(node: Node) -> Node | None:
    assert isinstance(node.op, Composite)
    return None if isinstance(node.op, WHOLE) else node.op.decompose(*node.inputs)


@rule(arithmetic.Fma)
def _split(node: Node) -> Node | None:
    x, y, z = node.inputs
    return b.add(b.mul(x, y), z)


@rule(arithmetic.Div)
def _by_reciprocal(node: Node) -> Node | None:
    """X / y -> x * (1 / y), unless x is a constant; repeated divisors are inverted once."""
    x, y = node.inputs
    if not isinstance(node.type.element, Float) or is_constant(x):
        return None
    if is_constant(y):
        with np.errstate(divide="ignore"):  # infinity is refused as a factor
            return b.mul(x, b.constant(1.0 / constant_value(y), node.type.element))
    path = []
    while isinstance(y.op, movement.Broadcast | movement.Reshape):
        path.append(y.op)
        y = y.inputs[0]
    inverse = b.div(1.0, y)
    for op in reversed(path):
        inverse = b.apply(op, inverse)
    return b.mul(x, inverse)


FUNCTIONS = (
    *(Elementary, arithmetic.Sqrt),
    *(activation.LeakyRelu, activation.Elu, activation.Selu, activation.Celu, activation.Gelu),
    *(activation.Silu, activation.Softplus, activation.Softsign, activation.HardSigmoid),
    *(activation.HardSwish, activation.Mish),
)
"""What becomes a table."""


@rule(Op)
def _function_of_parts(node: Node) -> Node | None:
    """f(concat(a, b)) -> concat(f(a), f(b)): each part has an argument on a grid of its own."""
    if not isinstance(node.op, FUNCTIONS):
        return None
    found = _parts(node)
    return None if found is None else b.concat(found.nodes, found.axis)


@dataclass(frozen=True, slots=True)
class _Parts:
    """A value as a concatenation."""

    nodes: tuple[Node, ...]
    axis: int


def _parts(node: Node) -> _Parts | None:
    """Return the parts of an elementwise function of one concatenation; None where it is none."""
    if isinstance(node.op, movement.Concat):
        return _Parts(node.inputs, node.op.axis)
    if not isinstance(node.op, (*FUNCTIONS, *ELEMENTWISE)):
        return None
    given = [None if is_constant(each) else _parts(each) for each in node.inputs]
    known = [each for each in given if each is not None]
    if not known or len(known) + sum(map(is_constant, node.inputs)) < len(given):
        return None
    axis, sizes = known[0].axis, [each.type.shape[known[0].axis] for each in known[0].nodes]
    if any(
        each.axis != axis or [part.type.shape[axis] for part in each.nodes] != sizes
        for each in known[1:]
    ):
        return None
    made, start = [], 0
    for i, size in enumerate(sizes):
        if not isinstance(size, int):
            return None
        operands = [
            b.slice_(each, axis, start, size) if parts is None else parts.nodes[i]
            for each, parts in zip(node.inputs, given, strict=True)
        ]
        made.append(Node(node.op, tuple(operands), node.origin))
        start += size
    return _Parts(tuple(made), axis)


RULES = (_open, write_out, _split, _by_reciprocal, _function_of_parts)


# ----------------------------------------------------------------------------------------- scales


def _with_folded_scales(graph: Graph) -> Graph:
    """Multiply constant factors of each output channel into the weights before them.

    ``(x W + c) * s`` becomes ``x (W s) + c s`` where nothing else uses ``x W + c``: so batch
    normalization costs nothing.
    """
    nodes = graph.nodes()
    users = Counter(each for node in nodes for each in node.inputs)
    users.update(graph.outputs)
    became: dict[Node, Node] = {}
    for node in nodes:
        inputs = tuple(became[each] for each in node.inputs)
        same = isinstance(node.op, Input) or inputs == node.inputs
        new = node if same else Node(node.op, inputs, node.origin)
        if isinstance(node.op, arithmetic.Mul):
            new = _scaled(node, new, users) or new
        became[node] = new
    return replace(graph, outputs=tuple(became[each] for each in graph.outputs))


def _scaled(old: Node, new: Node, users: Counter[Node]) -> Node | None:
    for at, other in ((0, 1), (1, 0)):
        if is_constant(new.inputs[other]) and users[old.inputs[at]] == 1:
            return _times(new.inputs[at], constant_value(new.inputs[other]), old.inputs[at], users)
    return None


def _times(x: Node, factor: Array, old: Node, users: Counter[Node]) -> Node | None:
    """Return ``x * factor`` with the factor in the weights that made x; None where it varies."""
    if isinstance(x.op, arithmetic.Add | arithmetic.Sub):
        for at, other in ((0, 1), (1, 0)):
            if is_constant(x.inputs[other]) and users[old.inputs[at]] == 1:
                inside = _times(x.inputs[at], factor, old.inputs[at], users)
                if inside is None:
                    return None
                bias = _constant(constant_value(x.inputs[other]) * factor, x)
                return Node(x.op, (inside, bias) if at == 0 else (bias, inside), x.origin)
        return None
    weights, axis = _weights(x)
    if weights is None:
        return None
    along = _along(factor, axis % x.type.rank)
    if along is None:
        return None
    array = constant_value(weights)
    position = 0 if isinstance(x.op, convolution.Conv) else array.ndim - 1
    shape = [-1 if place == position else 1 for place in range(array.ndim)]
    scaled = _constant(array * along.reshape(shape), x)
    return Node(x.op, (x.inputs[0], scaled), x.origin)


def _weights(x: Node) -> tuple[Node | None, int]:
    """Return constant weights, and the axis of the value that their output channels are."""
    if isinstance(x.op, convolution.Conv):
        weights, axis = x.inputs[1], 0
    elif isinstance(x.op, Dot) and x.op.batch == 0 and x.inputs[1].type.rank > x.op.contract:
        weights, axis = x.inputs[1], -1
    else:
        return None, 0
    return (weights if is_constant(weights) else None), axis


def _along(factor: Array, axis: int) -> Array | None:
    """Return a factor along its one axis; None where it varies along another."""
    others = tuple(each for each in range(factor.ndim) if each != axis)
    first = factor
    for each in others:
        first = first.take([0], each)
    return first.ravel() if np.array_equal(np.broadcast_to(first, factor.shape), factor) else None


def _constant(array: Array, x: Node) -> Node:
    return Node(b.constant(array.astype(storage(x.type.element))).op, (), x.origin)
