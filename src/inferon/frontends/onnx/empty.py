"""Values without elements are constants, whatever they are computed from.

So no loop over nothing reaches a target, and a reduction over an empty axis is a constant too: the
operator's identity.
"""

from __future__ import annotations

import numpy as np

from inferon.ir.node import Node
from inferon.ir.shape import count
from inferon.ir.values import storage
from inferon.ops import build as b
from inferon.ops.structure import Const


def is_empty(node: Node) -> bool:
    """Return whether a value has no elements."""
    return count(node.type.shape) == 0


def settled(node: Node) -> Node:
    """Return the constant that a value without elements is; any other value as it stands."""
    if not is_empty(node) or isinstance(node.op, Const):
        return node
    element = node.type.element
    fixed = tuple(size if isinstance(size, int) else 1 for size in node.type.shape)
    return b.broadcast(b.constant(np.zeros(fixed, storage(element)), element), node.type.shape)
