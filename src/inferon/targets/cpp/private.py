r"""Which values need no memory: those that all flow into one element-wise value.

``relu(x) = select(less(x, 0), 0, x)`` uses x twice, but both uses end in one value::

    x ---> less ---> select
     \____________/

so x stays in registers, and so does a product whose sums x is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ops.movement import Broadcast, Reshape
from inferon.ops.structure import Const
from inferon.targets.cpp.gaps import ELEMENTWISE

MOST_STEPS = 8
"""So many values may lie between a value and where its uses meet: terms stay short."""


def users_of(graph: Graph) -> dict[Node, list[Node]]:
    """Return who reads each node, once for each time; in the order of the graph."""
    users: dict[Node, list[Node]] = {}
    for node in graph.nodes():
        users.setdefault(node, [])
        for each in node.inputs:
            users.setdefault(each, []).append(node)
    return users


def is_private(node: Node, users: Mapping[Node, Sequence[Node]], outputs: Sequence[Node]) -> bool:
    """Return whether several uses of a value meet in one element-wise value of its shape.

    All that they meet on the way are numbers, the same everywhere.
    """
    between = {node}
    waiting = list(dict.fromkeys(users[node]))
    order = {each: at for at, each in enumerate(users)}
    for _ in range(MOST_STEPS):
        if node in outputs or not all(_goes_on(each, node) for each in waiting):
            return False
        first = min(waiting, key=order.__getitem__)
        if not all(each in between or _is_number(each) for each in first.inputs):
            return False
        if waiting == [first]:
            return True
        if first in outputs:
            return False
        between.add(first)
        waiting = list(dict.fromkeys(each for each in (*waiting, *users[first]) if each != first))
    return False


def _goes_on(user: Node, node: Node) -> bool:
    return isinstance(user.op, ELEMENTWISE) and user.type.shape == node.type.shape


def _is_number(node: Node) -> bool:
    """Return whether a value is one number, or that number repeated."""
    while isinstance(node.op, Broadcast | Reshape):
        (node,) = node.inputs
    return isinstance(node.op, Const) and node.op.values.array.size == 1
