r"""Which side of a product lies in the lanes: its columns, or its rows.

A product fills registers with columns of its result.  Turned round, ``(A . B)' = B' . A'``, they
hold rows: products commute, so the bits are the same.  That pays where a row has less than a
register of columns, as the values of an attention head do, and where the columns are what comes
next is reduced over::

    scores (queries, keys) --> maximum over keys      lanes over queries: one instruction a key
                          \--> the best k of the keys                    for 16 queries at once

Where rows lie side by side already, as behind a product that was turned round, and fill registers,
the next product is turned round, too: that is no more work, and they stay so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from inferon.ir.node import Node, Op
from inferon.ir.shape import static
from inferon.ir.types import FLOAT32
from inferon.ops.dot import Dot
from inferon.ops.indexing import TopK
from inferon.ops.movement import Reshape, Transpose, Window
from inferon.ops.reduction import Reduction
from inferon.targets.cpp.gaps import ELEMENTWISE
from inferon.targets.cpp.memory import REGISTER
from inferon.targets.cpp.value import swapped
from inferon.targets.cpp.view import View, merged

TURN_COST = 4
"""Turning a left operand costs so many steps for each of its registers (16 x 16 shuffles).

Copying a window of an image takes as long: 3.3 cycles a register on Zen 4."""

MOST_STEPS = 16
"""So many values are followed from a product to what reduces it, or to the next product."""

IN_PLACE = (Reshape, Transpose, Window)
"""Movements between a convolution and the next one."""

Users = Mapping[Node, Sequence[Node]]
Turn = tuple[Op, tuple[int, ...]]
"""A movement, and the shape behind it."""


@dataclass(frozen=True, slots=True)
class Turned:
    """A product with its operands exchanged.

    Attributes
    ----------
    left, right : (batch, columns, inner) and (batch, inner, rows)
    shape : of the product, (batch, columns, rows)
    turns : the movements from there to the shape of the node
    """

    left: View
    right: View
    shape: tuple[int, ...]
    turns: tuple[Turn, ...]


def turned_round(node: Node, left: View, right: View, users: Users) -> Turned | None:
    """Return the product with its rows in the lanes where they are worth it, else None."""
    op = node.op
    assert isinstance(op, Dot)
    gapped = _rows_with_gaps(left, op)
    of_image = gapped is not None and _pixels_in_lanes(node, gapped, users)
    if gapped is not None and of_image and not left.buffer.external:
        return _with_gaps(node, left, gapped, right)
    if not of_image and not _rows_in_lanes(node, left, users):
        return None
    return Turned(*swapped(left, right, op), _turned_shape(node), (_turn_back(node),))


def _rows_in_lanes(node: Node, left: View, users: Users) -> bool:
    op = node.op
    assert isinstance(op, Dot)
    first = len(left.shape) - op.contract
    rows, inner = prod(left.shape[op.batch : first]), prod(left.shape[first:])
    columns = _columns(node)
    if columns == 1 or rows == 1:
        return rows > columns
    turning = _turning(left, op.batch, first)
    if node.type.element != FLOAT32 or rows < REGISTER or turning is None:
        return False
    if _is_reduced(node, _column_axes(node), users):
        return inner * turning <= columns * TURN_COST
    if turning == 0 and rows % REGISTER == 0 and left.buffer.array is None:
        return True
    return columns < REGISTER and _whole(rows) / rows * columns + turning < REGISTER


def _turning(left: View, first: int, last: int) -> float | None:
    """Return the steps for each register of the left operand until rows lie side by side."""
    rows = merged(left, first, last)
    if rows is None:  # the windows of an image: copied run by run
        run = left.shape[last - 1]
        return TURN_COST * _whole(run) / run if left.strides[last - 1] == 1 else None
    if rows.strides[first] == 1:
        return 0
    both = merged(rows, first + 1, len(rows.shape))
    return TURN_COST if both is not None and both.strides[-1] == 1 else None


def _turned_shape(node: Node) -> tuple[int, ...]:
    """Return (batch, columns, rows)."""
    shape = static(node.type.shape, "a product")
    columns = _column_axes(node)
    assert isinstance(node.op, Dot)
    batch = node.op.batch
    return (*shape[:batch], *shape[columns.start :], *shape[batch : columns.start])


def _turn_back(node: Node) -> Turn:
    """Return the movement from (batch, columns, rows) to (batch, rows, columns)."""
    columns = _column_axes(node)
    assert isinstance(node.op, Dot)
    batch = node.op.batch
    rows = range(batch + len(columns), node.type.rank)
    order = (*range(batch), *rows, *range(batch, batch + len(columns)))
    return Transpose(order), static(node.type.shape, "a product")


# -------------------------------------------------------------------------------- rows with gaps


def _rows_with_gaps(left: View, op: Dot) -> View | None:
    """Return the left operand with its last two axes of rows as one, gaps between lines included.

    The pixels of a window's place in an image 9 wide, 7 x 7 of them, are 61 neighbors::

        x x x x x x x . . x x x x x x x . . x x x x x x x     ...
    """
    last = len(left.shape) - op.contract
    if last - op.batch < 2 or left.buffer.array is not None:
        return None
    (lines, pixels), (pitch, step) = left.shape[last - 2 : last], left.strides[last - 2 : last]
    others = left.shape[op.batch : last - 2]
    if step != 1 or pitch <= pixels or prod(others) != 1:
        return None
    size = (lines - 1) * pitch + pixels
    shape = (*left.shape[: last - 2], size, *left.shape[last:])
    return replace(left, shape=shape, strides=(*left.strides[: last - 2], 1, *left.strides[last:]))


def _pixels_in_lanes(node: Node, gapped: View, users: Users) -> bool:
    """Return whether registers of pixels are less work than those of columns, here and behind.

    Where the caller hands over the image, its windows are copied, without gaps: registers would
    be read beyond its end.
    """
    op = node.op
    assert isinstance(op, Dot)
    if node.type.element != FLOAT32:
        return False
    first = len(gapped.shape) - op.contract
    columns = _columns(node)
    rows = prod(static(node.type.shape, "a product")) // columns
    lanes = _whole(rows if gapped.buffer.external else gapped.shape[first - 1])
    copied = TURN_COST if gapped.buffer.external else 0
    more = (columns + copied) * lanes - rows * _whole(columns)
    return prod(gapped.shape[first:]) * more < _saved_by_pixels(node, users)


def _saved_by_pixels(node: Node, users: Users) -> int:
    """Return what a convolution behind saves when it finds pixels side by side.

    That is some of the lanes that its columns leave empty: half of them, as gaps fill others.
    """
    movable = (*ELEMENTWISE, *IN_PLACE)
    for user, read in _behind(node, users, lambda each: isinstance(each.op, movable)):
        if isinstance(user.op, Dot) and user.inputs[0] == read:
            rows = prod(static(user.type.shape, "a product")) // _columns(user)
            empty = _whole(_columns(user)) - _columns(user)
            return user.op.terms(read.type) * rows * empty // 2
    return 0


def _with_gaps(node: Node, left: View, gapped: View, right: View) -> Turned:
    """Return the product over pixels and gaps; a window on its result leaves the gaps out."""
    op = node.op
    assert isinstance(op, Dot)
    last = len(left.shape) - op.contract
    new_left, new_right = swapped(gapped, right, op)
    rows = gapped.shape[op.batch : last - 1]
    columns = _turned_shape(node)[op.batch : op.batch + len(_column_axes(node))]
    shape = (*left.shape[: op.batch], *columns, *rows)
    lines = Window(len(shape) - 1, left.shape[last - 1], left.strides[last - 2])
    turns = ((lines, _turned_shape(node)), _turn_back(node))
    return Turned(new_left, new_right, shape, turns)


# ------------------------------------------------------------------------------------ what follows


def _columns(node: Node) -> int:
    return prod(static(node.type.shape, "a product")[_column_axes(node).start :])


def _column_axes(node: Node) -> range:
    op = node.op
    assert isinstance(op, Dot)
    return range(node.inputs[0].type.rank - op.contract, node.type.rank)


def _whole(size: int) -> int:
    """Return the size on whole registers."""
    return -(-size // REGISTER) * REGISTER


def _is_reduced(node: Node, columns: range, users: Users) -> bool:
    """Return whether a value, or what is computed from it, is reduced over its columns only."""

    def is_like(user: Node) -> bool:
        return isinstance(user.op, ELEMENTWISE) and user.type.shape == node.type.shape

    return any(_reduces(user, columns) for user, _ in _behind(node, users, is_like))


def _behind(
    node: Node, users: Users, goes_on: Callable[[Node], bool]
) -> Iterator[tuple[Node, Node]]:
    """Yield what reads a value, or values computed from it, each with the value that it reads."""
    found, waiting = {node}, [node]
    while waiting and len(found) <= MOST_STEPS:
        read = waiting.pop(0)
        for user in users.get(read, ()):
            yield user, read
            if goes_on(user) and user not in found:
                found.add(user)
                waiting.append(user)


def _reduces(user: Node, columns: range) -> bool:
    """Return whether a value reduces its first operand over some columns."""
    match user.op:
        case Reduction(axes=axes):
            return tuple(axes) == tuple(columns)
        case TopK():
            return tuple(columns) == (user.inputs[0].type.rank - 1,)
        case _:
            return False
