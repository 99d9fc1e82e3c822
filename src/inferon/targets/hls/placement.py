"""Which values get an array of their own, and which are computed inside the loop that needs them.

Read from the outputs upward: a value that one loop needs, element by element, is a line in that
loop; one that is needed repeatedly, or by several loops, is stored.  Movements are index
arithmetic wherever that is affine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.shape import static
from inferon.ops import arithmetic, bits, indexing, logic, loop, movement, scatter
from inferon.ops.convert import Cast, Quantize
from inferon.ops.reduction import Reduction
from inferon.ops.structure import Const, Input
from inferon.ops.table import Table

ELEMENTWISE = (
    *(arithmetic.Binary, arithmetic.Neg, arithmetic.Abs),
    *(logic.Comparison, logic.Truth, logic.Select),
    *(bits.IntBinary, bits.Shift, bits.Bitcast, Cast, Quantize, Table),
)
MOVEMENTS = (
    *(movement.Reshape, movement.Transpose, movement.Broadcast, movement.Slice),
    movement.Window,
)
REPEATING = (movement.Broadcast, movement.Window)
WHOLE = (movement.Concat, movement.Pad, indexing.TopK, scatter.Scatter, loop.Loop)
"""What fills an array by more than one loop."""

LINES_IN_A_LOOP = 40
"""A loop with more lines is hard to read; what is deeper goes into an array."""


@dataclass(frozen=True, slots=True)
class _Inside:
    """The value is a line where its user is computed: in the loop of ``loop``, at one index."""

    loop: Node


@dataclass(frozen=True, slots=True)
class _Anywhere:
    """The user reads elements as it likes: they must be in memory, maybe moved."""


@dataclass(frozen=True, slots=True)
class _Whole:
    """The user takes the array as it is."""


_Need = _Inside | _Anywhere | _Whole


def stored(graph: Graph) -> frozenset[Node]:
    """Return the nodes that get an array; inputs and constants have one anyway."""
    users = _users(graph)
    arrays: set[Node] = set()
    inside: dict[Node, Node] = {}
    for node in reversed(graph.nodes()):
        if isinstance(node.op, Input | Const):
            continue
        needs = [need for user in users[node] for need in _needs(user, node, arrays, inside)]
        if node in graph.outputs:
            needs.append(_Whole())
        if _is_stored(node, needs):
            arrays.add(node)
        elif len(set(needs)) == 1 and isinstance(needs[0], _Inside):
            inside[node] = needs[0].loop
    return frozenset(_not_too_deep(graph, arrays))


def _is_stored(node: Node, needs: list[_Need]) -> bool:
    if isinstance(node.op, WHOLE) or any(isinstance(need, _Whole) for need in needs):
        return True
    if isinstance(node.op, MOVEMENTS):
        return False  # wherever it is read: what is moved is in memory, or in the same loop
    return len(set(needs)) != 1 or not isinstance(needs[0], _Inside)


def _needs(user: Node, node: Node, arrays: set[Node], inside: dict[Node, Node]) -> Iterator[_Need]:
    """Yield how a user needs a node, for each of its operands that the node is."""
    for position, operand in enumerate(user.inputs):
        if operand == node:
            yield _need(user, position, arrays, inside)


def _need(user: Node, position: int, arrays: set[Node], inside: dict[Node, Node]) -> _Need:
    op = user.op
    home = user if user in arrays else inside.get(user)
    match op:
        case movement.Reshape() if not is_affine(user):
            return _Whole()
        case movement.Broadcast() | movement.Window():
            return _Anywhere()
        case _ if isinstance(op, MOVEMENTS):
            # an index of its own: two users at two indices are two loops
            return _Anywhere() if home is None else _Inside(user)
        case _ if isinstance(op, ELEMENTWISE):
            assert home is not None
            return _Inside(home)
        case Reduction() | movement.Concat():
            return _Inside(user)
        case movement.Pad():
            return _Inside(user) if position == 0 else _Anywhere()
        case scatter.Scatter():
            return _Anywhere() if position == 1 else _Inside(user)
        case loop.Loop(sequences=sequences):
            if position == 0:
                return _Inside(user)
            return _Anywhere() if position <= sequences else _Whole()
        case _:  # operands of products, sources and indices of gathers, rows of top-k
            return _Anywhere()


def _not_too_deep(graph: Graph, arrays: set[Node]) -> set[Node]:
    depth: dict[Node, int] = {}
    for node in graph.nodes():
        below = max((depth[each] for each in node.inputs), default=0)
        if below >= LINES_IN_A_LOOP and not isinstance(node.op, Input | Const):
            arrays.add(node)
        depth[node] = 0 if node in arrays else below + 1
    return arrays


def _users(graph: Graph) -> dict[Node, list[Node]]:
    users: dict[Node, list[Node]] = {node: [] for node in graph.nodes()}
    for node in graph.nodes():
        for each in dict.fromkeys(node.inputs):
            users[each].append(node)
    return users


def is_affine(node: Node) -> bool:
    """Return whether a reshape is index arithmetic without divisions."""
    return regrouped(node) is not None


def regrouped(node: Node) -> list[tuple[int, list[int]]] | None:
    """Return for each axis before a reshape the axes after it that it is made of, if it is so."""
    before = static(node.inputs[0].type.shape, "a value")
    after = static(node.type.shape, "a value")
    if prod(after) == 0:
        return [(axis, []) for axis in range(len(before))]
    groups: list[tuple[int, list[int]]] = []
    at = 0
    for axis, size in enumerate(before):
        taken: list[int] = []
        while prod(after[a] for a in taken) < size and at < len(after):
            taken.append(at)
            at += 1
        if prod(after[a] for a in taken) != size:
            return None
        groups.append((axis, taken))
    return groups
