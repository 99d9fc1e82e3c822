"""One function for each value that is stored: loops that fill its array."""

from __future__ import annotations

from collections.abc import Callable

from inferon.ir.node import Node
from inferon.ir.types import INT64, Element
from inferon.ops import indexing, movement
from inferon.ops.scatter import Combine, Scatter
from inferon.targets.hls.code import (
    Accumulate,
    Affine,
    As,
    Assign,
    Between,
    Call,
    Choice,
    Expr,
    Helper,
    If,
    Infix,
    Item,
    Name,
    Plain,
    Variable,
)
from inferon.targets.hls.element import Writer, flat, shape_of


def fill(write: Writer, node: Node, array: str) -> None:
    """Write the loops that fill the array of a node."""
    match node.op:
        case movement.Concat():
            _joined(write, node, array)
        case movement.Pad():
            _padded(write, node, array)
        case indexing.TopK():
            _best(write, node, array)
        case Scatter():
            _scattered(write, node, array)
        case _:
            copy(write, node, array)


def copy(write: Writer, node: Node, array: str) -> None:
    """Write the loops that bring each element of a node into an array."""
    with write.loops(shape_of(node)) as index:
        value = write.element(node, index)
        write.put(Assign(Item(array, flat(shape_of(node), index)), value))


def _part(
    write: Writer, source: Node, node: Node, array: str, axis: int, start: int, size: int
) -> None:
    """Copy a value behind ``start`` of an axis; a scalar is repeated."""
    shape = shape_of(node)
    sizes = (*shape[:axis], size, *shape[axis + 1 :])
    if not size:
        return
    with write.loops(sizes) as index:
        value = write.element(source, index if shape_of(source) else ())
        there = (*index[:axis], index[axis] + Affine(start), *index[axis + 1 :])
        write.put(Assign(Item(array, flat(shape, there)), value))


def _joined(write: Writer, node: Node, array: str) -> None:
    assert isinstance(node.op, movement.Concat)
    start = 0
    for each in node.inputs:
        size = shape_of(each)[node.op.axis]
        _part(write, each, node, array, node.op.axis, start, size)
        start += size


def _padded(write: Writer, node: Node, array: str) -> None:
    op, (source, edge) = node.op, node.inputs
    assert isinstance(op, movement.Pad)
    size = shape_of(source)[op.axis]
    _part(write, edge, node, array, op.axis, 0, op.before)
    _part(write, source, node, array, op.axis, op.before, size)
    _part(write, edge, node, array, op.axis, op.before + size, op.after)


def _best(write: Writer, node: Node, array: str) -> None:
    """Count for each element how many are better: that is its rank.

    All comparisons at once, and no sorting network: n * (n - 1) comparators.
    """
    op, source = node.op, node.inputs[0]
    assert isinstance(op, indexing.TopK)
    *rows, size = shape_of(source)
    with write.loops(rows) as row, write.loops((size,)) as (mine,):
        rank = Name(write.name("rank"))
        write.put(Variable(rank.text, None, Plain(Affine())))
        with write.loops((size,)) as (other,):
            a, b = write.element(source, (*row, mine)), write.element(source, (*row, other))
            better = Between(Infix.LESS, *((a, b) if op.largest else (b, a)))
            earlier = Between(Infix.LESS, Plain(other), Plain(mine))
            tie = Between(Infix.BOTH, Between(Infix.EQUAL, a, b), earlier)
            wins = Between(Infix.EITHER, better, tie)
            write.put(If(wins, (Accumulate(rank, Plain(Affine(1))),)))
        with write.loops((op.k,)) as (place,):
            here = Between(Infix.EQUAL, rank, Plain(place))
            to = Item(array, flat(shape_of(node), (*row, place)))
            write.put(If(here, (Assign(to, As(INT64, Plain(mine))),)))


def _scattered(write: Writer, node: Node, array: str) -> None:
    """Copy the first operand, then let the updates come, in their order."""
    op, (first, where, updates) = node.op, node.inputs
    assert isinstance(op, Scatter)
    copy_of = shape_of(first)
    element = node.type.element
    with write.loops(copy_of) as index:
        value = write.element(first, index)
        write.put(Assign(Item(array, flat(copy_of, index)), As(element, value)))
    inner = len(shape_of(where)) - op.batch
    given = shape_of(updates)
    order = [*range(op.axis, op.axis + inner)]
    rest = [axis for axis in range(len(given)) if axis not in order]
    with write.loops([given[axis] for axis in (*order, *rest)]) as turns:
        places = dict(zip((*order, *rest), turns, strict=True))
        index = tuple(places[axis] for axis in range(len(given)))
        chosen = write.element(where, (*index[: op.batch], *index[op.axis : op.axis + inner]))
        size = Plain(Affine(copy_of[op.axis]))
        at = write.place(Call(Helper.INSIDE, (chosen, size)))
        is_inside = Between(Infix.LESS, Plain(Affine(-1)), Plain(at))
        with write.condition(is_inside):
            to = (*index[: op.axis], at, *index[op.axis + inner :])
            item = Item(array, flat(copy_of, to))
            update = write.element(updates, index)
            write.put(Assign(item, _MEET[op.combine](item, update, element)))


def _larger(a: Expr, b: Expr, element: Element) -> Expr:
    return Choice(Between(Infix.LESS, a, b), b, a)


def _smaller(a: Expr, b: Expr, element: Element) -> Expr:
    return Choice(Between(Infix.LESS, b, a), b, a)


_MEET: dict[Combine, Callable[[Expr, Expr, Element], Expr]] = {
    Combine.REPLACE: lambda a, b, element: As(element, b),
    Combine.ADD: lambda a, b, element: As(element, Between(Infix.ADD, a, b)),
    Combine.MUL: lambda a, b, element: As(element, Between(Infix.MUL, a, b)),
    Combine.MIN: _smaller,
    Combine.MAX: _larger,
}
