"""Recurrent layers: each direction of each event is one composite; ONNX stacks them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from inferon.errors import InvalidModel
from inferon.frontends.onnx.call import Call, Refused, Result, Table, fixed_shape
from inferon.ir.node import Node
from inferon.ir.values import storage
from inferon.ops import build as b
from inferon.ops.base import Composite, require
from inferon.ops.recurrent import Gru, Lstm, Rnn

MAX_SEQUENCES = 256
"""Sequences in one value: each becomes a loop of its own; more make a program too long."""

_DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}


@dataclass(frozen=True, slots=True)
class Stack:
    """The operands of a recurrent layer of D directions and G gates.

    x (T, B, I), w (D, G*H, I), r (D, G*H, H), bias (D, 2*G*H), states (D, B, H).
    """

    x: Node
    w: Node
    r: Node
    bias: Node
    states: tuple[Node, ...]
    reverse: tuple[bool, ...]

    def run(self, op: Callable[[bool], Composite]) -> Node:
        """Return the states of all steps, directions and events: (T, D, B, H)."""
        directions = []
        for d, reverse in enumerate(self.reverse):
            weights = [_at(each, d) for each in (self.w, self.r, self.bias)]
            events = [
                b.apply(
                    op(reverse),
                    _at(self.x, e, 1),
                    *weights,
                    *(_at(_at(s, d), e) for s in self.states),
                )
                for e in range(fixed_shape(self.x, "a recurrent layer")[1])
            ]
            directions.append(_stacked(events, 1))
        return _stacked(directions, 1)

    def last(self, states: Node) -> Node:
        """Return the state with which each direction ends: (D, B, H)."""
        steps = fixed_shape(states, "a recurrent layer")[0]
        ends = [
            _at(_at(states, 0 if reverse else steps - 1), d)
            for d, reverse in enumerate(self.reverse)
        ]
        return _stacked(ends, 0)


def _at(x: Node, index: int, axis: int = 0) -> Node:
    """Return one element of an axis."""
    return b.squeeze(b.slice_(x, axis, index, 1), axis)


def _stacked(parts: Sequence[Node], axis: int) -> Node:
    """Join along a new axis."""
    return b.concat([b.expand(part, axis) for part in parts], axis)


def _stack(call: Call, gates: int, states: Sequence[int]) -> Stack:
    """Check the operands; the first states are the inputs at the positions ``states``."""
    direction = call.text("direction", "forward")
    if direction not in _DIRECTIONS:
        raise InvalidModel(f"layer {call.layer.label}: direction is {direction!r}")
    reverse = _DIRECTIONS[direction]
    x = b.transpose(call.node(0), (1, 0, 2)) if call.integer("layout", 0) else call.node(0)
    require(x.type.rank == 3, "takes (steps, batch, features), not {}", x.type)
    steps, batch, _ = fixed_shape(x, call.layer.op)
    if batch > MAX_SEQUENCES:
        raise Refused(
            f"{batch} sequences in one event",
            f"at most {MAX_SEQUENCES}, or the batch as their axis",
        )
    size = fixed_shape(call.node(2), call.layer.op)[-1]
    require(
        call.integer("hidden_size", size) == size,
        "hidden_size differs from the weights {}",
        call.node(2).type,
    )
    if call.has(4) and any(length != steps for length in call.numbers(4, "sequence_lens")):
        raise Refused(
            f"{call.layer.op} with sequences of several lengths", "a mask, or one length for all"
        )
    wanted = (len(reverse), 2 * gates * size)
    bias = call.node(3) if call.has(3) else _zeros(x, wanted)
    require(bias.type.shape == wanted, "the bias is {}, not {}", bias.type, wanted)
    return Stack(
        x,
        call.node(1),
        call.node(2),
        bias,
        _first_states(call, x, states, size, len(reverse)),
        reverse,
    )


def _first_states(
    call: Call, x: Node, positions: Sequence[int], size: int, directions: int
) -> tuple[Node, ...]:
    batch = x.type.shape[1]
    found = []
    for position in positions:
        state = call.node(position) if call.has(position) else _zeros(x, (directions, 1, size))
        if call.integer("layout", 0) and call.has(position):
            state = b.transpose(state, (1, 0, 2))
        require(state.type.rank == 3, "a first state is {}", state.type)
        if state.type.shape[1] == 1 and (call.rebinding is not None or not call.has(position)):
            state = b.broadcast(state, (directions, batch, size))
        require(state.type.shape == (directions, batch, size), "a first state is {}", state.type)
        found.append(state)
    return tuple(found)


def _zeros(x: Node, shape: tuple[int, ...]) -> Node:
    return b.broadcast(b.constant(np.zeros((), storage(x.type.element))), shape)


def _only_plain(call: Call, activations: tuple[str, ...]) -> None:
    """Refuse what the composites do not have."""
    call.ignore("activation_alpha", "activation_beta")  # of activations that are refused here
    if call.given("clip") not in (None, 0.0):
        raise Refused(f"{call.layer.op} with clip", "an export without clip")
    given = call.given("activations")
    if given is not None and tuple(given) not in (activations, activations * 2):
        raise Refused(
            f"{call.layer.op} with other activations than {', '.join(activations)}",
            "the default ones",
        )


def _results(call: Call, *values: Node) -> Result:
    """Return y (T, D, B, H) and last states (D, B, H), in the layout that the layer asks for."""
    if not call.integer("layout", 0):
        return values
    y, *last = values
    return [b.transpose(y, (2, 0, 1, 3)), *(b.transpose(each, (1, 0, 2)) for each in last)]


def _gru(call: Call) -> Result:
    _only_plain(call, ("Sigmoid", "Tanh"))
    linear = bool(call.integer("linear_before_reset", 0))
    stack = _stack(call, 3, (5,))
    y = stack.run(lambda reverse: Gru(reverse, linear))
    return _results(call, y, stack.last(y))


def _lstm(call: Call) -> Result:
    _only_plain(call, ("Sigmoid", "Tanh", "Tanh"))
    call.only("input_forget", 0)
    if call.has(7):
        raise Refused("LSTM with peepholes", "an LSTM without them")
    stack = _stack(call, 4, (5, 6))
    y = stack.run(lambda reverse: Lstm(reverse))
    cell = (
        stack.last(stack.run(lambda reverse: Lstm(reverse, cell=True)))
        if _wanted(call, 2)
        else stack.last(y)
    )
    return _results(call, y, stack.last(y), cell)


def _wanted(call: Call, position: int) -> bool:
    return len(call.layer.outputs) > position and bool(call.layer.outputs[position])


def _rnn(call: Call) -> Result:
    given = call.given("activations") or ("Tanh",)
    kind = given[0]
    _only_plain(call, (kind,))
    if kind not in ("Tanh", "Relu"):
        raise Refused(f"RNN with {kind}", "Tanh or Relu")
    stack = _stack(call, 1, (5,))
    y = stack.run(lambda reverse: Rnn(reverse, relu=kind == "Relu"))
    return _results(call, y, stack.last(y))


TABLE: Table = {"GRU": _gru, "LSTM": _lstm, "RNN": _rnn}
