"""Graphs written by hand.

One function for each primitive, with numpy's broadcasting made explicit.

Front-ends, decompositions of composites and tests build nodes with these functions.  Elementwise
functions broadcast their operands (and say so by `Broadcast` nodes), turn Python numbers into
constants of the other operand's type, and choose the strict order of products and sums from the
shapes alone (docs/decisions/0001).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from inferon.ir.graph import Graph
from inferon.ir.node import Node, Op
from inferon.ir.shape import Dim, Shape, Size, Tensor, largest
from inferon.ir.types import BOOL, Element, Fixed, Float, Int
from inferon.ir.values import Array, Values, storage
from inferon.ops import (
    arithmetic,
    bits,
    convert,
    dot,
    indexing,
    logic,
    loop,
    movement,
    reduction,
    scatter,
)
from inferon.ops.base import require
from inferon.ops.structure import Const, Input

Operand = Node | float | int | bool

SUM_STRANDS = 8
"""Sums use up to so many strands, one 256-bit register (docs/decisions/0001)."""

ROW_STRANDS = 4
"""Rows times strands of a product: few rows leave chains idle (docs/decisions/0001)."""


def element_of(dtype: np.dtype[Any]) -> Element:
    """Return the element type that a numpy dtype stores."""
    if dtype.kind == "b":
        return BOOL
    if dtype.kind == "f":
        return Float(dtype.itemsize * 8)
    require(dtype.kind in "iu", "{} has no element type", dtype)
    return Int(dtype.kind == "i", dtype.itemsize * 8)


def apply(op: Op, *inputs: Node, origin: str = "") -> Node:
    """Return the node of an operator on inputs."""
    return Node(op, inputs, origin)


def input_(name: str, shape: Shape, element: Element) -> Node:
    """Return an input of one event."""
    return Node(Input(name, Tensor(shape, element)))


def constant(array: Any, element: Element | None = None) -> Node:
    """Return a constant; with a fixed-point element the array holds mantissas."""
    values = np.asarray(array)
    if element is None:
        element = element_of(values.dtype)
    return Node(Const(Values(values.astype(storage(element))), element))


def constant_like(x: Node, value: float | int | bool) -> Node:
    """Return a number as a constant of the element type and shape of ``x``."""
    element = x.type.element
    if isinstance(element, Fixed):
        scaled = value * 2.0**element.fraction
        require(scaled == int(scaled), "{} is no value of step 2**-{}", value, element.fraction)
        whole = int(scaled)
        fixed = Fixed.holding(min(whole, 0), max(whole, 0), element.fraction)
        return broadcast(constant(whole, fixed), x.type.shape)
    return broadcast(constant(np.array(value, storage(element))), x.type.shape)


# ---------------------------------------------------------------------------------------- movement


def broadcast_shapes(*shapes: Shape) -> Shape:
    """Return the shape to which all shapes broadcast, by numpy's rule."""
    rank = max(len(shape) for shape in shapes)
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    result: list[Size] = []
    for sizes in zip(*padded, strict=True):
        others = {size for size in sizes if size != 1}
        require(len(others) <= 1, "shapes do not broadcast: {}", shapes)
        result.append(others.pop() if others else 1)
    return tuple(result)


def broadcast(x: Node, shape: Shape) -> Node:
    """Return ``x`` repeated to a shape; ``x`` itself where nothing changes."""
    return x if x.type.shape == shape else apply(movement.Broadcast(shape), x)


def reshape(x: Node, shape: Shape) -> Node:
    """Return ``x`` under another shape; ``x`` itself where nothing changes."""
    return x if x.type.shape == shape else apply(movement.Reshape(shape), x)


def transpose(x: Node, order: Sequence[int]) -> Node:
    """Return ``x`` with its axes in another order; ``x`` itself where nothing changes."""
    order = tuple(order)
    return x if order == tuple(range(x.type.rank)) else apply(movement.Transpose(order), x)


def slice_(x: Node, axis: int, start: int, size: int, step: int = 1) -> Node:
    """Return a part of one axis; ``x`` itself where that is all of it."""
    if (start, size, step) == (0, x.type.shape[axis], 1):
        return x
    return apply(movement.Slice(axis, start, size, step), x)


def concat(parts: Sequence[Node], axis: int) -> Node:
    """Return the parts one behind the other."""
    return parts[0] if len(parts) == 1 else apply(movement.Concat(axis), *parts)


def pad(x: Node, axis: int, before: int, after: int, fill: Operand = 0) -> Node:
    """Return ``x`` with copies of a number around one axis."""
    if before == after == 0:
        return x
    scalar = Tensor((), x.type.element)
    node = fill if isinstance(fill, Node) else constant_like(Node(Input("fill", scalar)), fill)
    return apply(movement.Pad(axis, before, after), x, node)


def window(x: Node, axis: int, size: int, stride: int = 1, dilation: int = 1) -> Node:
    """Return a sliding view of one axis."""
    return apply(movement.Window(axis, size, stride, dilation), x)


def expand(x: Node, axis: int) -> Node:
    """Return ``x`` with a new axis of size 1."""
    shape = x.type.shape
    return reshape(x, (*shape[:axis], 1, *shape[axis:]))


def squeeze(x: Node, axis: int) -> Node:
    """Return ``x`` without an axis of size 1."""
    shape = x.type.shape
    return reshape(x, (*shape[:axis], *shape[axis + 1 :]))


# ------------------------------------------------------------------------------------- elementwise


def _operands(*given: Operand) -> list[Node]:
    """Return nodes of one shape."""
    model = next(each for each in given if isinstance(each, Node))
    scalar = Node(Input("like", Tensor((), model.type.element)))
    nodes = [each if isinstance(each, Node) else constant_like(scalar, each) for each in given]
    shape = broadcast_shapes(*(each.type.shape for each in nodes))
    return [broadcast(each, shape) for each in nodes]


def add(a: Operand, b: Operand) -> Node:
    """Return a + b."""
    return apply(arithmetic.Add(), *_operands(a, b))


def sub(a: Operand, b: Operand) -> Node:
    """Return a - b."""
    return apply(arithmetic.Sub(), *_operands(a, b))


def mul(a: Operand, b: Operand) -> Node:
    """Return a * b."""
    return apply(arithmetic.Mul(), *_operands(a, b))


def div(a: Operand, b: Operand) -> Node:
    """Return a / b."""
    return apply(arithmetic.Div(), *_operands(a, b))


def fma(a: Operand, b: Operand, c: Operand) -> Node:
    """Return a * b + c, rounded once."""
    return apply(arithmetic.Fma(), *_operands(a, b, c))


def maximum(a: Operand, b: Operand) -> Node:
    """Return the larger."""
    return apply(arithmetic.Max(), *_operands(a, b))


def minimum(a: Operand, b: Operand) -> Node:
    """Return the smaller."""
    return apply(arithmetic.Min(), *_operands(a, b))


def neg(x: Node) -> Node:
    """Return -x."""
    return apply(arithmetic.Neg(), x)


def absolute(x: Node) -> Node:
    """Return the magnitude."""
    return apply(arithmetic.Abs(), x)


def sqrt(x: Node) -> Node:
    """Return the square root."""
    return apply(arithmetic.Sqrt(), x)


def round_even(x: Node) -> Node:
    """Return the nearest integer, ties to even."""
    return apply(arithmetic.RoundEven(), x)


def floor(x: Node) -> Node:
    """Return the largest integer not above."""
    return apply(arithmetic.Floor(), x)


def less(a: Operand, b: Operand) -> Node:
    """Return a < b."""
    return apply(logic.Less(), *_operands(a, b))


def less_equal(a: Operand, b: Operand) -> Node:
    """Return a <= b."""
    return apply(logic.LessEqual(), *_operands(a, b))


def equal(a: Operand, b: Operand) -> Node:
    """Return a == b."""
    return apply(logic.Equal(), *_operands(a, b))


def and_(a: Node, b: Node) -> Node:
    """Return whether both hold."""
    return apply(logic.And(), *_operands(a, b))


def or_(a: Node, b: Node) -> Node:
    """Return whether either holds."""
    return apply(logic.Or(), *_operands(a, b))


def not_(a: Node) -> Node:
    """Return the opposite."""
    return apply(logic.Not(), a)


def select(condition: Node, a: Operand, b: Operand) -> Node:
    """Return ``a`` where the condition holds, else ``b``."""
    left, right = _operands(a, b)
    shape = broadcast_shapes(condition.type.shape, left.type.shape)
    return apply(logic.Select(), *(broadcast(each, shape) for each in (condition, left, right)))


def bit_and(a: Operand, b: Operand) -> Node:
    """Return the bits that both have."""
    return apply(bits.BitAnd(), *_operands(a, b))


def bit_or(a: Operand, b: Operand) -> Node:
    """Return the bits that either has."""
    return apply(bits.BitOr(), *_operands(a, b))


def bit_xor(a: Operand, b: Operand) -> Node:
    """Return the bits that one of them has."""
    return apply(bits.BitXor(), *_operands(a, b))


def shift_left(x: Node, by: int) -> Node:
    """Return an int shifted toward its high bits."""
    return apply(bits.ShiftLeft(by), x)


def shift_right(x: Node, by: int) -> Node:
    """Return an int shifted toward its low bits, with its sign."""
    return apply(bits.ShiftRight(by), x)


def bitcast(x: Node, to: Element) -> Node:
    """Return the same bits as another type."""
    return apply(bits.Bitcast(to), x)


def cast(x: Node, to: Element) -> Node:
    """Return the same number as another type; ``x`` itself where it has that type."""
    return x if x.type.element == to else apply(convert.Cast(to), x)


# ------------------------------------------------------------------- reductions, products,
# indexing


def sum_strands(shape: Shape, axes: Sequence[int]) -> int:
    """Return the strands of a sum: the power of two that holds all elements, up to 8."""
    number = prod(largest(shape[axis]) for axis in axes)
    strands = 1
    while strands < min(number, SUM_STRANDS):
        strands *= 2
    return strands


def _axes(x: Node, axes: Sequence[int] | None) -> tuple[int, ...]:
    chosen = range(x.type.rank) if axes is None else axes
    return tuple(sorted({axis % max(1, x.type.rank) for axis in chosen}))


def sum_(x: Node, axes: Sequence[int] | None = None, *, keep: bool = False) -> Node:
    """Return the sum over axes, all by default; with ``keep`` they stay as size 1."""
    return _reduced(reduction.Sum, x, axes, keep=keep)


def reduce_max(x: Node, axes: Sequence[int] | None = None, *, keep: bool = False) -> Node:
    """Return the largest over axes."""
    return _reduced(reduction.ReduceMax, x, axes, keep=keep)


def largest_number(x: Node, axes: Sequence[int] | None = None, *, keep: bool = False) -> Node:
    """Return the largest over axes, NaN left out."""
    return _reduced(reduction.LargestNumber, x, axes, keep=keep)


def reduce_min(x: Node, axes: Sequence[int] | None = None, *, keep: bool = False) -> Node:
    """Return the smallest over axes."""
    return _reduced(reduction.ReduceMin, x, axes, keep=keep)


def _reduced(
    kind: type[reduction.Reduction], x: Node, axes: Sequence[int] | None, *, keep: bool
) -> Node:
    chosen = _axes(x, axes)
    if not chosen:
        return x
    result = apply(kind(chosen, sum_strands(x.type.shape, chosen)), x)
    kept = tuple(1 if axis in chosen else size for axis, size in enumerate(x.type.shape))
    return reshape(result, kept) if keep else result


def mean(x: Node, axes: Sequence[int] | None = None, *, keep: bool = False) -> Node:
    """Return the sum over axes divided by the number of elements."""
    chosen = _axes(x, axes)
    sizes = [x.type.shape[axis] for axis in chosen]
    require(
        not any(isinstance(size, Dim) for size in sizes),
        "the mean over a run-time size needs the size as input",
    )
    return div(sum_(x, chosen, keep=keep), float(prod(largest(size) for size in sizes)))


def product(a: Node, b: Node, *, batch: int = 0, contract: int = 1) -> Node:
    """Return the batched product; a single row gets 4 strands, two rows 2, more rows 1."""
    rows = prod(largest(size) for size in a.type.shape[batch : a.type.rank - contract])
    strands = max(1, ROW_STRANDS // max(1, rows))
    return apply(dot.Dot(batch, contract, strands), a, b)


def gather(x: Node, index: Node, axis: int, *, batch: int = 0) -> Node:
    """Return elements of one axis by index."""
    return apply(indexing.Gather(axis, batch), x, index)


def scatter_(
    x: Node,
    index: Node,
    updates: Node,
    axis: int,
    combine: scatter.Combine = scatter.Combine.REPLACE,
    *,
    batch: int = 0,
) -> Node:
    """Return ``x`` with elements of one axis updated by index, one update after the other."""
    return apply(scatter.Scatter(axis, combine, batch), x, index, updates)


def top_k(x: Node, k: int, *, largest: bool = True) -> Node:
    """Return the indices of the k best elements of the last axis."""
    return apply(indexing.TopK(k, largest), x)


def fold(body: Graph, first: Node, sequences: Sequence[Node], shared: Sequence[Node] = ()) -> Node:
    """Return the state after the last step of a loop."""
    return apply(loop.Fold(body, len(sequences)), first, *sequences, *shared)


def scan(body: Graph, first: Node, sequences: Sequence[Node], shared: Sequence[Node] = ()) -> Node:
    """Return the states after every step of a loop."""
    return apply(loop.Scan(body, len(sequences)), first, *sequences, *shared)


def array_of(node: Node) -> Array | None:
    """Return the array of a constant, or None."""
    return node.op.values.array if isinstance(node.op, Const) else None
