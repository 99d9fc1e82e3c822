"""A loop of a known number of turns as a loop of the language, `Fold` or `Scan`.

A step goes from the states and one element of each sequence to the next states and what the turn
gives.  A loop of the language has one state, so several are packed into a vector; that needs one
element type (truths are carried as 0 and 1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from inferon.frontends.onnx.call import Refused, Value, constant_array
from inferon.frontends.onnx.limits import MAX_TENSOR_ELEMENTS, MAX_TURNS
from inferon.ir.graph import Graph
from inferon.ir.node import Node, ordered
from inferon.ir.shape import Tensor, count
from inferon.ir.types import BOOL, Bool, Element
from inferon.ir.values import storage
from inferon.ops import build as b
from inferon.ops.loop import Fold, Scan
from inferon.ops.structure import Const

Step = Callable[[Sequence[Value], Sequence[Node]], list[Value] | None]
"""From states and elements to the next states and results; None where it cannot be a loop."""

FEWEST_TURNS = 17
"""Loops of fewer turns are written out: their constants fold, and the program stays short."""


def element(sequence: Node, turn: int) -> Node:
    """Return one element of a sequence's first axis; a constant where the sequence is one."""
    array = constant_array(sequence)
    if array is not None:
        return b.constant(array[turn], sequence.type.element)
    return b.squeeze(b.slice_(sequence, 0, turn, 1), 0)


def stacked(parts: Sequence[Value], what: str) -> Node:
    """Return values along a new first axis.

    Raises
    ------
    Refused
        When they are no tensors of one type.
    """
    nodes = [part for part in parts if isinstance(part, Node)]
    if len(nodes) != len(parts) or len({node.type for node in nodes}) != 1:
        raise Refused(f"{what} whose values differ in shape from turn to turn", "one shape")
    return b.concat([b.expand(node, 0) for node in nodes], 0)


@dataclass(frozen=True, slots=True)
class Loop:
    """What a loop of the language begins with.

    Attributes
    ----------
    states : before the first turn
    sequences : tensors whose first axis is the turns
    number : of turns
    depth : of the layer in sub-graphs: loops in each other have stand-ins of other names
    """

    states: tuple[Node, ...]
    sequences: tuple[Node, ...]
    number: int
    depth: int

    def run(self, step: Step) -> tuple[list[Node], list[Node]] | None:
        """Return the last states and the stacked results; None where it cannot be a loop."""
        if self.number > MAX_TURNS:
            raise Refused(f"a loop of {self.number} turns", f"at most {MAX_TURNS}")
        states = self._stand_ins("state", [each.type for each in self.states])
        elements = self._stand_ins("element", [_element(each) for each in self.sequences])
        found = step(states, elements)
        if found is None:
            return None
        following = [each for each in found if isinstance(each, Node)]
        if len(following) < len(found) or not _are_fixed((*states, *elements, *following)):
            return None
        if [each.type for each in following[: len(states)]] != [each.type for each in states]:
            return None
        if self.number * (1 + _turns(ordered(following))) > MAX_TURNS:
            return None
        return _Body(self, states, elements, tuple(following)).written()

    def _stand_ins(self, name: str, types: Sequence[Tensor]) -> tuple[Node, ...]:
        return tuple(
            b.input_(f"<{name} {i} at {self.depth}>", each.shape, each.element)
            for i, each in enumerate(types)
        )


def _turns(nodes: Sequence[Node]) -> int:
    """Return how many turns the loops among nodes take, with those of the loops in them."""
    inner = (node for node in nodes if isinstance(node.op, Fold | Scan))
    return sum(count(node.inputs[1].type.shape[:1]) * (1 + _inside(node)) for node in inner)


def _inside(node: Node) -> int:
    assert isinstance(node.op, Fold | Scan)
    return _turns(node.op.body.nodes())


def _element(sequence: Node) -> Tensor:
    return Tensor(sequence.type.shape[1:], sequence.type.element)


def _are_fixed(nodes: Sequence[Node]) -> bool:
    return all(isinstance(size, int) for node in nodes for size in node.type.shape)


@dataclass(frozen=True, slots=True)
class _Body:
    """A step whose nodes are known, on its way to the body of a loop.

    ``following`` are the next states, then what the turn gives.  The loop's own state has a slot
    for each state, and one for each result that is no state's next value.
    """

    loop: Loop
    states: tuple[Node, ...]
    elements: tuple[Node, ...]
    following: tuple[Node, ...]

    def written(self) -> tuple[list[Node], list[Node]] | None:
        """Return the last states and the stacked results of the loop of the language."""
        number = len(self.states)
        following, results = self.following[:number], self.following[number:]
        slots = (*following, *dict.fromkeys(each for each in results if each not in following))
        packing = _Packing.of([each.type for each in slots])
        if packing is None or count(packing.type.shape) * self.loop.number > MAX_TENSOR_ELEMENTS:
            return None
        first = packing.pack([*self.loop.states, *(_zeros(each.type) for each in slots[number:])])
        body, sequences, shared = self._graph(packing, slots)
        if not results:
            return packing.unpack(b.fold(body, first, sequences, shared)), []
        history = b.scan(body, first, sequences, shared)
        last = packing.unpack(element(history, self.loop.number - 1))
        rows = packing.unpack(history)
        return last[:number], [rows[slots.index(each)] for each in results]

    def _graph(
        self, packing: _Packing, slots: Sequence[Node]
    ) -> tuple[Graph, list[Node], list[Node]]:
        """Return the body, the sequences that it takes, and what all turns share."""
        inside = self._inside()
        state = b.input_("state", packing.type.shape, packing.type.element)
        became = dict(zip(self.states, packing.unpack(state), strict=False))
        used = [i for i, each in enumerate(self.elements) if each in inside] or [0]
        steps = []
        for i in used:
            given = self.elements[i].type
            steps.append(b.input_(f"element{i}", given.shape, given.element))
            became[self.elements[i]] = steps[-1]
        shared: dict[Node, Node] = {}
        for node in ordered(slots):
            if node in inside and node not in became:
                taken = (_taken(each, became, inside, shared) for each in node.inputs)
                became[node] = Node(node.op, tuple(taken))
        outputs = [_taken(each, became, inside, shared) for each in slots]
        inputs = (state, *steps, *shared.values())
        body = Graph("turn", inputs, (packing.pack(outputs),), ("next",))
        return body, [self.loop.sequences[i] for i in used], list(shared)

    def _inside(self) -> set[Node]:
        """Return the nodes that differ from turn to turn."""
        own = {*self.states, *self.elements}
        inside: set[Node] = set()
        for node in ordered(self.following):
            if node in own or any(each in inside for each in node.inputs):
                inside.add(node)
        return inside


def _taken(
    node: Node, became: Mapping[Node, Node], inside: set[Node], shared: dict[Node, Node]
) -> Node:
    """Return what a node of the body takes: from the body, a number, or what all turns share."""
    if node in inside:
        return became[node]
    if isinstance(node.op, Const) and count(node.type.shape) == 1:
        return node
    array = constant_array(node)
    if array is not None and isinstance(node.inputs[0].op if node.inputs else None, Const):
        return node
    if node not in shared:
        shared[node] = b.input_(f"shared{len(shared)}", node.type.shape, node.type.element)
    return shared[node]


def _zeros(type_: Tensor) -> Node:
    zero = b.constant(np.zeros((), storage(type_.element)), type_.element)
    return b.broadcast(zero, type_.shape)


@dataclass(frozen=True, slots=True)
class _Packing:
    """Several values as one: a vector of all their elements; a single value stays as it is."""

    parts: tuple[Tensor, ...]
    type: Tensor

    @classmethod
    def of(cls, parts: Sequence[Tensor]) -> _Packing | None:
        """Return the packing; None where the values share no element type."""
        if len(parts) == 1:
            return cls(tuple(parts), parts[0])
        numbers = {part.element for part in parts} - {BOOL}
        if len(numbers) > 1 or not parts:
            return None
        element: Element = numbers.pop() if numbers else BOOL
        return cls(tuple(parts), Tensor((sum(count(part.shape) for part in parts),), element))

    def pack(self, nodes: Sequence[Node]) -> Node:
        """Return the vector."""
        if len(self.parts) == 1:
            return nodes[0]
        flat = [b.reshape(node, (count(node.type.shape),)) for node in nodes]
        return b.concat([b.cast(node, self.type.element) for node in flat], 0)

    def unpack(self, packed: Node) -> list[Node]:
        """Return the values of a vector, or of vectors along a first axis."""
        if len(self.parts) == 1:
            return [packed]
        lead = packed.type.shape[:-1]
        sizes = [count(part.shape) for part in self.parts]
        starts = accumulate(sizes, initial=0)
        found = []
        for part, start, size in zip(self.parts, starts, sizes, strict=False):
            piece = b.reshape(b.slice_(packed, len(lead), start, size), (*lead, *part.shape))
            found.append(_truth(piece) if part.element == BOOL else piece)
        return found


def _truth(node: Node) -> Node:
    return node if isinstance(node.type.element, Bool) else b.not_(b.equal(node, 0))
