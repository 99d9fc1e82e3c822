"""How each operator becomes wires: one function an operator, on arrays of scalars.

Movements are not spelled again: the operator's own reference moves the numbers of the elements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import singledispatch

import numpy as np

from inferon.ir.node import Node, Op
from inferon.ir.shape import Tensor
from inferon.ir.types import INT64
from inferon.ir.values import Array
from inferon.ops import arithmetic, logic, movement
from inferon.ops.base import Primitive
from inferon.ops.convert import Quantize
from inferon.ops.dot import Dot
from inferon.ops.indexing import Gather
from inferon.ops.reduction import ReduceMax, ReduceMin, Sum
from inferon.ops.structure import Const
from inferon.ops.table import Table
from inferon.passes.unroll.linear import Affine, affine, products, sums
from inferon.passes.unroll.step import Step


@singledispatch
def lower(op: Op, step: Step) -> Array:
    """Return the wires of an operator's result."""
    raise step.gap(f"firmware has no {op.spelling()}")


@lower.register
def _elementwise(
    op: arithmetic.Sub
    | arithmetic.Mul
    | arithmetic.Max
    | arithmetic.Min
    | arithmetic.Neg
    | arithmetic.Abs
    | logic.Comparison
    | logic.Truth
    | logic.Select
    | Quantize,
    step: Step,
) -> Array:
    return step.elementwise(op, *step.inputs)


@lower.register
def _add(op: arithmetic.Add, step: Step) -> Array:
    found = affine(step.node)
    if found is None or found.product in step.wires:  # others need the product alone
        return step.elementwise(op, *step.inputs)
    return products(found, step)


@lower.register
def _dot(op: Dot, step: Step) -> Array:
    return products(Affine(step.node, None), step)


@lower.register
def _table(op: Table, step: Step) -> Array:
    """Return the entries; each belongs to a mantissa in the type of the tensor."""
    element = step.node.inputs[0].type.element
    (wires,) = step.inputs
    made = np.empty(wires.size, object)
    for i, wire in enumerate(wires.flat):
        made[i] = step.apply(op, step.wiring.typed(wire, element))
    return made.reshape(wires.shape)


# ---------------------------------------------------------------------------------------- movement


@lower.register
def _movement(
    op: movement.Reshape
    | movement.Transpose
    | movement.Broadcast
    | movement.Slice
    | movement.Concat
    | movement.Pad
    | movement.Window,
    step: Step,
) -> Array:
    return moved(op, step, step.inputs)


def moved(op: Primitive, step: Step, arrays: list[Array], *more: Array) -> Array:
    """Return wires that an operator moves; ``more`` are operands that say where to."""
    source = np.concatenate([array.ravel() for array in arrays])
    numbers, first = [], 0
    for array in arrays:
        numbers.append(np.arange(first, first + array.size).reshape(1, *array.shape))
        first += array.size
    types = tuple(each.type for each in step.node.inputs)
    out = Tensor(step.shape, INT64)
    places = op.reference(out, types, *numbers, *more)[0]
    found: Array = source[places.ravel()].reshape(step.shape)
    return found


@lower.register
def _gather(op: Gather, step: Step) -> Array:
    index = step.node.inputs[1]
    if isinstance(index.op, Const):
        return moved(op, step, step.inputs[:1], index.op.values.array[None])
    raise step.gap("firmware gathers by a constant index", "choose by a comparison")


# -------------------------------------------------------------------------------------- reductions


def _rows(axes: tuple[int, ...], wires: Array) -> Array:
    """Return the wires with the reduced elements as the last axis."""
    kept = [axis for axis in range(wires.ndim) if axis not in axes]
    shape = [wires.shape[axis] for axis in kept]
    return np.transpose(wires, (*kept, *axes)).reshape(*shape, -1)


@lower.register
def _sum(op: Sum, step: Step) -> Array:
    return sums(_rows(op.axes, step.inputs[0]), step)


@lower.register
def _largest(op: ReduceMax | ReduceMin, step: Step) -> Array:
    pair = arithmetic.Max() if isinstance(op, ReduceMax) else arithmetic.Min()
    rows = _rows(op.axes, step.inputs[0])
    flat = rows.reshape(-1, rows.shape[-1])
    made = np.empty(len(flat), object)
    for i, row in enumerate(flat):
        made[i] = halved(list(row), lambda a, b: step.apply(pair, a, b))
    return made.reshape(rows.shape[:-1])


def halved(wires: list[Node], pair: Callable[[Node, Node], Node]) -> Node:
    """Return what pairs of wires become, until one is left: a tree of least depth."""
    while len(wires) > 1:
        rest = wires[len(wires) // 2 * 2 :]
        wires = [pair(a, b) for a, b in _pairs(wires)] + rest
    return wires[0]


def _pairs(wires: list[Node]) -> Iterator[tuple[Node, Node]]:
    return zip(wires[::2], wires[1::2], strict=False)
