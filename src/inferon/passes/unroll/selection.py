"""Elements chosen or written at run time: trees of choices on the bits of an index."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inferon.analysis.indices import number_of_indices
from inferon.ir.node import Node
from inferon.ir.types import Element, Fixed, Int
from inferon.ir.values import Array
from inferon.ops import arithmetic, logic
from inferon.ops.indexing import Gather, TopK
from inferon.ops.scatter import Combine, Scatter
from inferon.ops.structure import Const
from inferon.passes.unroll.linear import sums
from inferon.passes.unroll.lower import lower
from inferon.passes.unroll.movement import moved
from inferon.passes.unroll.order import sorted_elements
from inferon.passes.unroll.reduction import halved
from inferon.passes.unroll.step import Step
from inferon.passes.unroll.wiring import constant, number, wire_type


@lower.register
def _gather(op: Gather, step: Step) -> Array:
    x, index = step.node.inputs
    if isinstance(index.op, Const):
        return moved(op, step, step.inputs[:1], index.op.values.array[None])
    if isinstance(index.op, TopK) and index.inputs[0] == x and _is_row_by_row(op, x):
        return sorted_elements(index.op, step.inputs[0], step)
    return _chosen(op, step)


def _is_row_by_row(op: Gather, x: Node) -> bool:
    """Return whether each row of the last axis has indices of its own."""
    return op.axis == op.batch == x.type.rank - 1


def _chosen(op: Gather, step: Step) -> Array:
    """Return elements by the bits of their index, made once for each index."""
    x, index = step.inputs
    size = x.shape[op.axis]
    lead = x.shape[: op.batch]
    front = np.moveaxis(x.reshape(-1, *x.shape[op.batch :]), op.axis - op.batch + 1, 1)
    where = index.reshape(len(front), -1)
    inside = number_of_indices(step.node.inputs[1])
    is_inside = inside is not None and inside <= size
    rest = front.shape[2:]
    made = np.empty((*where.shape, *rest), object)
    for block, place in np.ndindex(*where.shape):
        wire: Node = where.item((block, place))
        if not is_inside:
            wire = _moved_inside(wire, size, step)
        chosen = [step.bit(wire, k) for k in range((size - 1).bit_length())]
        for at in np.ndindex(*rest):
            column = list(front[(block, slice(None), *at)])
            made[(block, place, *at)] = _by_bits(column, chosen, step)
    between = x.shape[op.batch : op.axis]
    placed = np.moveaxis(made, 1, op.axis - op.batch + 1)
    own = index.shape[op.batch :]
    return placed.reshape(*lead, *between, *own, *x.shape[op.axis + 1 :])


def _moved_inside(index: Node, size: int, step: Step) -> Node:
    """Return an index from the front, moved to the nearest end where it is outside."""
    front = _from_front(index, size, step)
    above = step.apply(arithmetic.Max(), front, number(0))
    return step.apply(arithmetic.Min(), above, number(size - 1))


def _from_front(index: Node, size: int, step: Step) -> Node:
    """Return an index; a negative one counts from the end."""
    negative = step.apply(logic.Less(), index, number(0))
    wrapped = step.apply(arithmetic.Add(), index, number(size))
    return step.apply(logic.Select(), negative, wrapped, index)


def _by_bits(wires: Sequence[Node], bits: Sequence[Node], step: Step) -> Node:
    """Return the wire whose number has these bits, the lowest first."""
    if len(wires) == 1:
        return wires[0]
    top = (len(wires) - 1).bit_length() - 1
    low, high = (_by_bits(half, bits, step) for half in (wires[: 1 << top], wires[1 << top :]))
    return step.apply(logic.Select(), bits[top], high, low)


# ----------------------------------------------------------------------------------------- scatter


@lower.register
def _scatter(op: Scatter, step: Step) -> Array:
    """Return each element after the updates that point at it."""
    x, index, updates = step.inputs
    size = x.shape[op.axis]
    blocks, places = int(np.prod(x.shape[: op.batch])), int(np.prod(index.shape[op.batch :]))
    before = int(np.prod(x.shape[op.batch : op.axis]))
    after = int(np.prod(x.shape[op.axis + 1 :]))
    old = x.reshape(blocks, before, size, after)
    given = updates.reshape(blocks, before, places, after)
    where = index.reshape(blocks, places)
    made = np.empty(old.shape, object)
    for block in range(blocks):
        to = [_from_front(each, size, step) for each in where[block]]
        for target in range(size):
            hits = [step.apply(logic.Equal(), each, number(target)) for each in to]
            for p, q in np.ndindex(before, after):
                element = old[block, p, target, q]
                made[block, p, target, q] = _met(op, element, hits, given[block, p, :, q], step)
    return made.reshape(x.shape)


def _met(op: Scatter, element: Node, hits: list[Node], updates: Array, step: Step) -> Node:
    """Return an element after the updates that hit it."""
    pairs = list(zip(hits, updates, strict=True))
    if not pairs:
        return element
    kind = step.node.type.element
    match op.combine:
        case Combine.REPLACE:
            hit, last = halved(pairs, lambda a, b: _later(a, b, step))
            return step.apply(logic.Select(), hit, last, element)
        case Combine.ADD:
            none = constant(0, wire_type(kind))
            added = [step.apply(logic.Select(), hit, update, none) for hit, update in pairs]
            return sums(np.array([[element, *added]], object), step)[0]  # type: ignore[no-any-return]
        case Combine.MUL:
            factors = [step.apply(logic.Select(), hit, u, number(1)) for hit, u in pairs]
            return halved([element, *factors], lambda a, b: step.apply(arithmetic.Mul(), a, b))
    neutral = _end(kind, lowest=op.combine is Combine.MAX)
    extreme = arithmetic.Max() if op.combine is Combine.MAX else arithmetic.Min()
    met = [step.apply(logic.Select(), hit, update, neutral) for hit, update in pairs]
    return halved([element, *met], lambda a, b: step.apply(extreme, a, b))


def _later(a: tuple[Node, Node], b: tuple[Node, Node], step: Step) -> tuple[Node, Node]:
    """Return whether either of two updates hits, and the later one that does."""
    either = step.apply(logic.Or(), a[0], b[0])
    return either, step.apply(logic.Select(), b[0], b[1], a[1])


def _end(element: Element, *, lowest: bool) -> Node:
    """Return the end of a type, which changes no extreme."""
    assert isinstance(element, Fixed | Int)
    return constant(element.lowest if lowest else element.highest, wire_type(element))
