"""Loop and Scan of the standard, turn by turn or as loops of the language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce

import numpy as np

from inferon.errors import InvalidModel
from inferon.frontends.onnx.call import (
    Call,
    Counted,
    Refused,
    Result,
    Table,
    Value,
    constant_array,
)
from inferon.frontends.onnx.limits import MAX_TURNS
from inferon.frontends.onnx.operators.turns import FEWEST_TURNS, Loop, element, stacked
from inferon.frontends.onnx.read import Subgraph
from inferon.frontends.onnx.room import check_layers
from inferon.ir.node import Node
from inferon.ir.types import INT64, Bool
from inferon.ir.values import storage
from inferon.ops import build as b
from inferon.ops.base import require

# -------------------------------------------------------------------------------------------- Loop


@dataclass(slots=True)
class _Loop:
    """A Loop on its way.

    Attributes
    ----------
    call, body : the layer and its graph of (turn, condition, states), which gives (condition,
        states, results)
    most : number of turns at most; None where only the condition ends it
    condition : whether the next turn is taken; None where the layer has none, and the body's is
        ignored
    states : what is carried from turn to turn
    results : of the turns so far, for each scan output
    uncertain : the conditions of those turns that are taken at run time only
    """

    call: Call
    body: Subgraph
    most: int | None
    condition: Node | None
    states: list[Value]
    results: list[list[Value]]
    uncertain: list[Node] = field(default_factory=list)

    def run(self) -> Result:
        """Return the last states and the stacked results."""
        kept = self._kept()
        if kept is not None:
            return kept
        if self.condition is None and self.most is not None:
            check_layers(self.most * max(1, len(self.body.layers)))  # not after many turns
        turn = 0
        while self.most is None or turn < self.most:
            if self.condition is not None and _known(self.condition) is False:
                break
            self._turn(turn)
            turn += 1
        if turn == 0:
            return [*self.states, *self._nothing()]
        return [*self.states, *(self._rows(each, turn) for each in self.results)]

    def _rows(self, column: list[Value], turns: int) -> Value:
        """Return one scan output: of all turns, or of as many as are taken."""
        rows = stacked(column, "a Loop")
        if not self.uncertain:
            return rows
        certain = b.constant(np.int64(turns - len(self.uncertain)))
        taken = [b.cast(each, INT64) for each in self.uncertain]
        return Counted(rows, 0, reduce(b.add, taken, certain))

    def _turn(self, turn: int) -> None:
        """Take one turn; behind a condition at run time, states change only while it holds."""
        alive = self.condition
        uncertain = alive is not None and _known(alive) is None
        if uncertain and self.most is None:
            raise Refused(
                "a Loop that ends on a condition at run time, without a constant bound",
                "a constant trip count",
            )
        given = self.call.translate(self.body, self._operands(turn, alive, self.states))
        following, states, results = self._split(given)
        if alive is not None and uncertain:
            results = [_while(alive, row, _zero(row)) for row in results]
            states = [
                _while(alive, new, old) for new, old in zip(states, self.states, strict=True)
            ]
            following = b.and_(alive, following)
            self.uncertain.append(alive)
        self.condition = None if alive is None else following
        self.states = states
        for column, value in zip(self.results, results, strict=True):
            column.append(value)

    def _operands(self, turn: int, condition: Node | None, states: Sequence[Value]) -> list[Value]:
        going = b.constant(np.bool_(True)) if condition is None else condition
        return [b.constant(np.int64(turn)), going, *states]

    def _split(self, given: list[Value]) -> tuple[Node, list[Value], list[Value]]:
        condition, *rest = given
        require(
            isinstance(condition, Node) and isinstance(condition.type.element, Bool),
            "the body's first result is no condition",
        )
        assert isinstance(condition, Node)
        return b.reshape(condition, ()), rest[: len(self.states)], rest[len(self.states) :]

    def _kept(self) -> Result | None:
        """Return the results of a loop of the language, where its condition is always true."""
        most = self.most
        endless = self.condition is None or _known(self.condition) is True
        if most is None or most < FEWEST_TURNS or most > MAX_TURNS or not endless:
            return None
        states = [each for each in self.states if isinstance(each, Node)]
        if len(states) < len(self.states):
            return None

        def step(states: Sequence[Value], elements: Sequence[Node]) -> list[Value] | None:
            going = b.constant(np.bool_(True))
            given = self.call.attempt(self.body, [elements[0], going, *states])
            if given is None:
                return None
            condition, *rest = given
            stays = isinstance(condition, Node) and _known(condition) is True
            return rest if stays or self.condition is None else None

        turns = b.constant(np.arange(most, dtype=np.int64))
        found = Loop(tuple(states), (turns,), most, self.call.depth).run(step)
        return None if found is None else [*found[0], *found[1]]

    def _nothing(self) -> list[Node]:
        """Return the scan outputs of no turn: a turn that is not taken tells their types."""
        if not self.results:
            return []
        given = self.call.translate(self.body, self._operands(0, None, self.states))
        return [_none_of(each) for each in self._split(given)[2]]


def _known(condition: Node) -> bool | None:
    array = constant_array(condition)
    return None if array is None or array.size != 1 else bool(array.all())


def _while(alive: Node, new: Value, old: Value) -> Value:
    """Return the new value where the loop still runs, else the old one."""
    if new == old:
        return old
    if not isinstance(new, Node) or not isinstance(old, Node) or new.type != old.type:
        raise Refused(
            "a Loop that ends on a condition at run time, with states that change their shape",
            "states of one shape",
        )
    return b.select(b.broadcast(alive, new.type.shape), new, old)


def _zero(value: Value) -> Value:
    if not isinstance(value, Node):
        return value
    zero = b.constant(np.zeros((), storage(value.type.element)), value.type.element)
    return b.broadcast(zero, value.type.shape)


def _none_of(value: Value) -> Node:
    if not isinstance(value, Node):
        raise Refused("the scan output of a Loop that is no tensor", "tensors")
    zero = b.constant(np.zeros((0,)).astype(np.float32))
    none = b.cast(zero, value.type.element)
    shape = value.type.shape
    return b.broadcast(b.reshape(none, (0, *(1 for _ in shape))), (0, *shape))


def _loop(call: Call) -> Result:
    body = call.subgraph("body")
    most = None
    if call.has(0):
        most = max(0, int(call.array(0, "trip count").reshape(-1)[:1].sum()))
    condition = b.reshape(call.node(1), ()) if call.has(1) else None
    states = [call.any_value(i) for i in range(2, len(call.operands))]
    results = len(body.outputs) - 1 - len(states)
    if results < 0:
        raise InvalidModel(f"layer {call.layer.label}: its body lacks results")
    return _Loop(call, body, most, condition, states, [[] for _ in range(results)]).run()


# -------------------------------------------------------------------------------------------- Scan

MAX_SEQUENCES = 256
"""Sequences of one Scan of opset 8, whose batch is part of the operator: each becomes a loop."""


@dataclass(frozen=True, slots=True)
class _Scan:
    """A Scan over sequences whose first axis is the turns, in their order."""

    call: Call
    body: Subgraph
    states: tuple[Value, ...]
    sequences: tuple[Node, ...]

    def run(self) -> tuple[list[Value], list[Node]]:
        """Return the last states, and the results of all turns along a first axis."""
        number = self._number()
        nodes = [each for each in self.states if isinstance(each, Node)]
        if number >= FEWEST_TURNS and len(nodes) == len(self.states):
            found = Loop(tuple(nodes), self.sequences, number, self.call.depth).run(
                lambda states, elements: self.call.attempt(self.body, [*states, *elements])
            )
            if found is not None:
                return [*found[0]], found[1]
        return self._written_out(number)

    def _number(self) -> int:
        lengths = {each.type.shape[0] for each in self.sequences}
        require(len(lengths) == 1, "its sequences differ in length: {}", sorted(map(str, lengths)))
        (number,) = lengths
        if not isinstance(number, int):
            raise Refused(f"a Scan over the run-time size {number.name}", "a fixed size")
        return number

    def _written_out(self, number: int) -> tuple[list[Value], list[Node]]:
        states: list[Value] = list(self.states)
        rows = []
        for turn in range(number):
            elements = [element(each, turn) for each in self.sequences]
            given = self.call.translate(self.body, [*states, *elements])
            states, row = given[: len(states)], given[len(states) :]
            rows.append(row)
        if not rows:
            raise Refused("a Scan over nothing", "sequences of at least one element")
        columns = zip(*rows, strict=True)
        return states, [stacked(column, "a Scan") for column in columns]


def _scan(call: Call) -> Result:
    body = call.subgraph("body")
    if call.opset < 9:
        return _scan_of_batch(call, body)
    states, sequences = _operands(call, 0)
    outputs = len(body.outputs) - len(states)
    axes = _listed(call, "scan_input_axes", len(sequences))
    turned = _listed(call, "scan_input_directions", len(sequences))
    placed = _listed(call, "scan_output_axes", outputs)
    flipped = _listed(call, "scan_output_directions", outputs)
    sequences = [
        _reversed(_to_front(each, call.axis(axis, each.type.rank)), backward)
        for each, axis, backward in zip(sequences, axes, turned, strict=True)
    ]
    last, rows = _Scan(call, body, tuple(states), tuple(sequences)).run()
    require(len(rows) == outputs, "its body gives {} results", len(rows))
    shown = [
        _from_front(_reversed(row, backward), call.axis(axis, row.type.rank))
        for row, axis, backward in zip(rows, placed, flipped, strict=True)
    ]
    return [*last, *shown]


def _operands(call: Call, first: int) -> tuple[list[Value], list[Node]]:
    """Return the states and the sequences."""
    number = call.integer("num_scan_inputs", 0)
    border = len(call.operands) - number
    require(number >= 1 and border >= first, "scans {} of its inputs", number)
    states = [call.any_value(i) for i in range(first, border)]
    return states, [call.node(i) for i in range(border, len(call.operands))]


def _listed(call: Call, name: str, number: int) -> tuple[int, ...]:
    """Return a list attribute, by default of zeros."""
    listed = call.integers(name)
    given = (0,) * number if listed is None else listed
    require(len(given) == number, "{} has {} numbers, not {}", name, len(given), number)
    return given


def _to_front(x: Node, axis: int) -> Node:
    return b.transpose(x, (axis, *(each for each in range(x.type.rank) if each != axis)))


def _from_front(x: Node, axis: int) -> Node:
    order = list(range(1, x.type.rank))
    order.insert(axis, 0)
    return b.transpose(x, order)


def _reversed(x: Node, backward: int) -> Node:
    """Return the first axis from its end to its beginning, if it is asked for."""
    length = x.type.shape[0]
    if not backward or not isinstance(length, int):
        return x
    return b.slice_(x, 0, length - 1, length, -1)


def _scan_of_batch(call: Call, body: Subgraph) -> Result:
    """Return a Scan of opset 8: every value has the batch first, and sequences come behind."""
    states, sequences = _operands(call, 1)
    turned = _listed(call, "directions", len(sequences))
    nodes = [each for each in states if isinstance(each, Node)]
    require(len(nodes) == len(states) and all(x.type.rank >= 2 for x in sequences), "lacks axes")
    sizes = {each.type.shape[0] for each in (*nodes, *sequences)}
    require(len(sizes) == 1, "its operands differ in their batch")
    (batch,) = sizes
    if not isinstance(batch, int) or not 1 <= batch <= MAX_SEQUENCES:
        raise Refused(f"a Scan of {batch} sequences", f"1 to {MAX_SEQUENCES}")
    if call.has(0) and set(call.numbers(0, "sequence_lens")) != {sequences[0].type.shape[1]}:
        raise Refused("a Scan of sequences of several lengths", "one length for all")
    found = []
    for event in range(batch):
        own = [element(each, event) for each in sequences]
        own = [_reversed(each, backward) for each, backward in zip(own, turned, strict=True)]
        starts = tuple(element(each, event) for each in nodes)
        last, rows = _Scan(call, body, starts, tuple(own)).run()
        found.append([*last, *rows])
    return [stacked(column, "a Scan") for column in zip(*found, strict=True)]


TABLE: Table = {"Loop": _loop, "Scan": _scan}
