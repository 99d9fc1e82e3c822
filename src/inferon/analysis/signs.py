"""What cannot be negative, whatever the rounding: a sum of squares under a root, mostly.

A ball reaches as far below its value as above, so the ball of a square near zero holds negative
numbers that no evaluation gives; the form of the graph tells.
"""

from __future__ import annotations

from inferon.ir.node import Node
from inferon.ops import arithmetic, elementary, movement, reduction

_KEEPS = (
    *(arithmetic.Add, reduction.Sum, reduction.ReduceMax, reduction.ReduceMin),
    *(movement.Reshape, movement.Transpose, movement.Broadcast, movement.Slice, movement.Concat),
)
"""Operators whose value has no sign if none of their inputs has one."""


def never_negative(node: Node) -> bool:
    """Return whether the form of a float node shows that its value is NaN or at least zero."""
    waiting, seen = [node], {node}
    while waiting:
        each = waiting.pop()
        match each.op:
            case arithmetic.Abs() | elementary.Exp() | elementary.Decay():
                more: tuple[Node, ...] = ()
            case arithmetic.Mul() if each.inputs[0] == each.inputs[1]:
                more = ()
            case arithmetic.Fma() if each.inputs[0] == each.inputs[1]:
                more = each.inputs[2:]
            case op if isinstance(op, _KEEPS):
                more = each.inputs
            case _:
                return False
        waiting += [other for other in more if other not in seen]
        seen.update(more)
    return True
