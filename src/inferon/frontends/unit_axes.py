"""A graph without axes of size 1: what is left is what a physicist would have written.

Exporters carry the batch, and whatever they unsqueeze, as axes of size 1.  Here every value loses
them, each operator's axes are renumbered, and a reshape stands only where an operator needs the
axis.  The numbers do not change, bit for bit: the order of elements is the same, and so is the
strict order of every product and sum.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from inferon.ir.graph import Graph
from inferon.ir.node import Node, Op
from inferon.ir.shape import Shape
from inferon.ops import (
    activation,
    arithmetic,
    bits,
    convert,
    indexing,
    logic,
    movement,
    quantization,
    reduction,
    table,
)
from inferon.ops import build as b
from inferon.ops.base import Elementary
from inferon.ops.dot import Dot
from inferon.ops.normalization import BatchNorm, LayerNorm, LogSoftmax, RmsNorm, Softmax
from inferon.ops.scatter import Scatter
from inferon.ops.structure import Const, Input

_ELEMENTWISE = (
    *(arithmetic.Binary, arithmetic.Fma, arithmetic.Unary, arithmetic.Neg, arithmetic.Abs),
    *(logic.Comparison, logic.Truth, logic.Select),
    *(bits.IntBinary, bits.Shift, bits.Bitcast),
    *(convert.Cast, convert.Quantize, table.Table, Elementary),
    *(activation.Relu, activation.LeakyRelu, activation.Elu, activation.Selu, activation.Celu),
    *(activation.Gelu, activation.Silu, activation.Softplus, activation.Softsign, activation.Mish),
    *(activation.HardSigmoid, activation.HardSwish, activation.Clip),
    *(quantization.Whole, quantization.OnGrid),
)


def without_unit_axes(graph: Graph, origins: Mapping[Node, str]) -> Graph:
    """Return an equal graph whose inner values have no axes of size 1.

    Parameters
    ----------
    graph : any graph; its inputs and outputs keep their shapes
    origins : the layer to write behind each node
    """
    slim = _Slim(origins)
    for node in graph.nodes():
        slim.add(node)
    outputs = tuple(slim.full(node) for node in graph.outputs)
    return replace(graph, outputs=outputs)


def thin(shape: Shape) -> Shape:
    """Return a shape without its ones."""
    return tuple(size for size in shape if size != 1)


def place(shape: Shape, axis: int) -> int:
    """Return what number an axis has once the ones before it are gone."""
    return len(thin(shape[:axis]))


class _Slim:
    """The slim value of every node so far."""

    def __init__(self, origins: Mapping[Node, str]) -> None:
        self.values: dict[Node, Node] = {}
        self.origins = origins
        self.origin = ""

    def add(self, node: Node) -> None:
        """Make the slim value of a node whose inputs have theirs."""
        self.origin = self.origins.get(node, node.origin)
        value = _rule(node.op)(self, node)
        self.values[node] = self.shaped(value, thin(node.type.shape))

    def of(self, node: Node) -> Node:
        """Return the slim value."""
        return self.values[node]

    def full(self, node: Node) -> Node:
        """Return the value with all of its axes."""
        return self.shaped(self.values[node], node.type.shape)

    def apply(self, op: Op, *inputs: Node) -> Node:
        """Return a node that bears the layer's name."""
        return b.apply(op, *inputs, origin=self.origin)

    def shaped(self, x: Node, shape: Shape) -> Node:
        """Return a value in another shape: one reshape at most, and none of a constant."""
        while isinstance(x.op, movement.Reshape):
            x = x.inputs[0]
        if x.type.shape == shape:
            return x
        if isinstance(x.op, Const):
            values = b.constant(
                x.op.values.array.reshape([int(str(size)) for size in shape]), x.op.element
            )
            return b.apply(values.op, origin=x.origin or self.origin)
        return self.apply(movement.Reshape(shape), x)


Rule = Callable[[_Slim, Node], Node]


def _rule(op: Op) -> Rule:
    for kind in type(op).__mro__:
        if kind in _RULES:
            return _RULES[kind]
    return _elementwise if isinstance(op, _ELEMENTWISE) else _with_all_axes


def _with_all_axes(slim: _Slim, node: Node) -> Node:
    """Give the operator the axes it is used to: right for every operator."""
    return slim.apply(node.op, *(slim.full(each) for each in node.inputs))


def _elementwise(slim: _Slim, node: Node) -> Node:
    return slim.apply(node.op, *(slim.of(each) for each in node.inputs))


def _input(slim: _Slim, node: Node) -> Node:
    return node


def _const(slim: _Slim, node: Node) -> Node:
    return slim.apply(node.op)


def _reshape(slim: _Slim, node: Node) -> Node:
    return slim.of(node.inputs[0])


def _transpose(slim: _Slim, node: Node) -> Node:
    assert isinstance(node.op, movement.Transpose)
    given = node.inputs[0].type.shape
    order = tuple(place(given, axis) for axis in node.op.order if given[axis] != 1)
    x = slim.of(node.inputs[0])
    if order == tuple(range(len(order))):
        return x
    if isinstance(x.op, Const):  # weights are written as they are used
        turned = b.constant(x.op.values.array.transpose(order), x.op.element)
        return slim.apply(turned.op)
    return slim.apply(movement.Transpose(order), x)


def _broadcast(slim: _Slim, node: Node) -> Node:
    assert isinstance(node.op, movement.Broadcast)
    target = node.op.shape
    given = node.inputs[0].type.shape
    given = (1,) * (len(target) - len(given)) + given
    kept = tuple(size for size, wanted in zip(given, target, strict=True) if wanted != 1)
    while kept and kept[0] == 1:
        kept = kept[1:]
    x = slim.shaped(slim.of(node.inputs[0]), kept)
    return x if kept == thin(target) else slim.apply(movement.Broadcast(thin(target)), x)


def _slice(slim: _Slim, node: Node) -> Node:
    op, given = node.op, node.inputs[0].type.shape
    assert isinstance(op, movement.Slice)
    if given[op.axis] == 1:
        return slim.of(node.inputs[0]) if op.size == 1 else _with_all_axes(slim, node)
    return slim.apply(replace(op, axis=place(given, op.axis)), slim.of(node.inputs[0]))


def _concat(slim: _Slim, node: Node) -> Node:
    assert isinstance(node.op, movement.Concat)
    axis = node.op.axis
    parts = [slim.shaped(slim.of(each), _keeping(each.type.shape, axis)) for each in node.inputs]
    return slim.apply(movement.Concat(place(node.type.shape, axis)), *parts)


def _keeping(shape: Shape, axis: int) -> Shape:
    """Return a shape without ones, but with one axis whatever its size."""
    return (*thin(shape[:axis]), shape[axis], *thin(shape[axis + 1 :]))


def _pad(slim: _Slim, node: Node) -> Node:
    op, (x, fill) = node.op, node.inputs
    assert isinstance(op, movement.Pad)
    value = slim.shaped(slim.of(x), _keeping(x.type.shape, op.axis))
    return slim.apply(replace(op, axis=place(x.type.shape, op.axis)), value, slim.of(fill))


def _window(slim: _Slim, node: Node) -> Node:
    op, (x,) = node.op, node.inputs
    assert isinstance(op, movement.Window)
    value = slim.shaped(slim.of(x), _keeping(x.type.shape, op.axis))
    return slim.apply(replace(op, axis=place(x.type.shape, op.axis)), value)


def _reduction(slim: _Slim, node: Node) -> Node:
    op, given = node.op, node.inputs[0].type.shape
    assert isinstance(op, reduction.Reduction)
    axes = tuple(place(given, axis) for axis in op.axes if given[axis] != 1)
    x = slim.of(node.inputs[0])
    return slim.apply(replace(op, axes=axes), x) if axes else x  # one element is its own sum


def _dot(slim: _Slim, node: Node) -> Node:
    op, (x, y) = node.op, node.inputs
    assert isinstance(op, Dot)
    first = x.type.rank - op.contract
    batch, inner = thin(x.type.shape[: op.batch]), thin(x.type.shape[first:]) or (1,)
    rows, columns = (
        thin(x.type.shape[op.batch : first]),
        thin(y.type.shape[op.batch + op.contract :]),
    )
    left = slim.shaped(slim.of(x), (*batch, *rows, *inner))
    right = slim.shaped(slim.of(y), (*batch, *inner, *columns))
    return slim.apply(Dot(len(batch), len(inner), op.strands), left, right)


def _gather(slim: _Slim, node: Node) -> Node:
    op, (x, index) = node.op, node.inputs
    assert isinstance(op, indexing.Gather)
    shape = x.type.shape
    value = slim.shaped(slim.of(x), _keeping(shape, op.axis))
    return slim.apply(
        indexing.Gather(place(shape, op.axis), place(shape, op.batch)), value, slim.of(index)
    )


def _scatter(slim: _Slim, node: Node) -> Node:
    op, (x, index, updates) = node.op, node.inputs
    assert isinstance(op, Scatter)
    shape = x.type.shape
    value = slim.shaped(slim.of(x), _keeping(shape, op.axis))
    fewer = replace(op, axis=place(shape, op.axis), batch=place(shape, op.batch))
    return slim.apply(fewer, value, slim.of(index), slim.of(updates))


def _top_k(slim: _Slim, node: Node) -> Node:
    x = node.inputs[0]
    return slim.apply(node.op, slim.shaped(slim.of(x), _keeping(x.type.shape, x.type.rank - 1)))


def _along_axis(slim: _Slim, node: Node) -> Node:
    """Softmax and the like: one axis that matters, in the first input."""
    op, given = node.op, node.inputs[0].type.shape
    assert isinstance(op, Softmax | LogSoftmax | BatchNorm)
    if given[op.axis] == 1:
        return _with_all_axes(slim, node)
    others = [slim.full(each) for each in node.inputs[1:]]
    return slim.apply(replace(op, axis=place(given, op.axis)), slim.of(node.inputs[0]), *others)


def _trailing(slim: _Slim, node: Node) -> Node:
    """LayerNorm and the like: a number of trailing axes that matters."""
    op, given = node.op, node.inputs[0].type.shape
    assert isinstance(op, LayerNorm | RmsNorm)
    axes = len(thin(given[len(given) - op.axes :]))
    if not axes:
        return _with_all_axes(slim, node)
    return slim.apply(replace(op, axes=axes), *(slim.of(each) for each in node.inputs))


_RULES: Mapping[type, Rule] = {
    Input: _input,
    Const: _const,
    movement.Reshape: _reshape,
    movement.Transpose: _transpose,
    movement.Broadcast: _broadcast,
    movement.Slice: _slice,
    movement.Concat: _concat,
    movement.Pad: _pad,
    movement.Window: _window,
    reduction.Reduction: _reduction,
    Dot: _dot,
    indexing.Gather: _gather,
    indexing.TopK: _top_k,
    Scatter: _scatter,
    Softmax: _along_axis,
    LogSoftmax: _along_axis,
    BatchNorm: _along_axis,
    LayerNorm: _trailing,
    RmsNorm: _trailing,
}
