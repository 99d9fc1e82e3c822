"""Indices whose range is known: those that a sort gives."""

from __future__ import annotations

from inferon.ir.node import Node
from inferon.ops import movement
from inferon.ops.indexing import TopK

_MOVED = (
    *(movement.Reshape, movement.Transpose, movement.Broadcast, movement.Slice),
    *(movement.Concat, movement.Window),
)


def number_of_indices(node: Node) -> int | None:
    """Return ``n`` where every element is an index of 0 to ``n - 1``, else None."""
    if isinstance(node.op, TopK):
        size = node.inputs[0].type.shape[-1]
        return size if isinstance(size, int) else None
    if isinstance(node.op, _MOVED):
        found = [number_of_indices(each) for each in node.inputs]
        known = [each for each in found if each is not None]
        return max(known) if len(known) == len(found) else None
    return None
