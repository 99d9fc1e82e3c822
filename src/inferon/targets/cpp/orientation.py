r"""Which side of a product lies in the lanes: its columns, or its rows.

A product fills registers with columns of its result.  Turned round, ``(A . B)' = B' . A'``, they
hold rows: products commute, so the bits are the same.  That pays where a row has less than a
register of columns, as the values of an attention head do, and where the columns are what comes
next is reduced over::

    scores (queries, keys) --> maximum over keys      lanes over queries: one instruction a key
                          \--> the best k of the keys                    for 16 queries at once
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

from inferon.ir.node import Node
from inferon.ir.shape import static
from inferon.ir.types import FLOAT32
from inferon.ops.dot import Dot
from inferon.ops.indexing import TopK
from inferon.ops.movement import Transpose
from inferon.ops.reduction import Reduction
from inferon.targets.cpp.gaps import ELEMENTWISE
from inferon.targets.cpp.view import View, merged

REGISTER = 16
"""Floats of the widest register; narrower ones divide it."""

TURN_COST = 4
"""Turning a left operand costs so many steps for each of its registers (16 x 16 shuffles).

Copying a window of an image takes as long: 3.3 cycles a register on Zen 4."""

MOST_STEPS = 8
"""So many element-wise values are followed from a product to what reduces it."""

Users = Mapping[Node, Sequence[Node]]


def rows_in_lanes(node: Node, left: View, users: Users) -> bool:
    """Return whether the rows of a product are worth the lanes; ``left`` is its left operand."""
    op = node.op
    assert isinstance(op, Dot)
    first = len(left.shape) - op.contract
    rows, inner = prod(left.shape[op.batch : first]), prod(left.shape[first:])
    columns = prod(static(node.type.shape, "a product")[first:])
    if columns == 1 or rows == 1:
        return rows > columns
    turning = _turning(left, op.batch, first)
    if node.type.element != FLOAT32 or rows < REGISTER or turning is None:
        return False
    if _is_reduced(node, _column_axes(node), users):
        return inner * turning <= columns * TURN_COST
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


def turn_back(node: Node) -> Transpose:
    """Return the movement from (batch, columns, rows) to (batch, rows, columns)."""
    columns = _column_axes(node)
    assert isinstance(node.op, Dot)
    batch, first = node.op.batch, columns.start
    rows = range(batch + len(columns), node.type.rank)
    return Transpose((*range(batch), *rows, *range(batch, batch + node.type.rank - first)))


def _column_axes(node: Node) -> range:
    op = node.op
    assert isinstance(op, Dot)
    return range(node.inputs[0].type.rank - op.contract, node.type.rank)


def _whole(size: int) -> int:
    """Return the size on whole registers."""
    return -(-size // REGISTER) * REGISTER


def _is_reduced(node: Node, columns: range, users: Users) -> bool:
    """Return whether a value, or what is computed from it, is reduced over its columns only."""
    found, waiting = {node}, [node]
    while waiting and len(found) <= MOST_STEPS:
        for user in users.get(waiting.pop(0), ()):
            if _reduces(user, columns):
                return True
            same = isinstance(user.op, ELEMENTWISE) and user.type.shape == node.type.shape
            if same and user not in found:
                found.add(user)
                waiting.append(user)
    return False


def _reduces(user: Node, columns: range) -> bool:
    """Return whether a value reduces its first operand over some columns."""
    match user.op:
        case Reduction(axes=axes):
            return tuple(axes) == tuple(columns)
        case TopK():
            return tuple(columns) == (user.inputs[0].type.rank - 1,)
        case _:
            return False
