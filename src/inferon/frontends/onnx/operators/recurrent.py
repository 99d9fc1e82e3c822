"""RNN, GRU and LSTM: a loop for each direction over all sequences side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from inferon.errors import InvalidModel
from inferon.frontends.onnx.call import Call, Result, Table, constant_array, fixed_shape
from inferon.frontends.onnx.operators.gate_functions import gate_functions
from inferon.frontends.onnx.room import make_room
from inferon.ir.node import Node
from inferon.ir.values import storage
from inferon.ops import build as b
from inferon.ops.base import Composite, require
from inferon.ops.recurrent import (
    Gru,
    Lstm,
    LstmCell,
    Rnn,
    Run,
    gru_states,
    lstm_part,
    lstm_states,
    rnn_states,
)

_DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}

_SEQUENCES = 1
"""The axis of sequences in x, states and results, once the layout is that with steps first."""


@dataclass(frozen=True, slots=True)
class Stack:
    """The operands of a recurrent layer of D directions and G gates.

    x (T, B, I), w (D, G*H, I), r (D, G*H, H), bias (D, 2*G*H), states (D, B, H); lengths (B), or
    None where all sequences have T steps.  A single sequence goes without its axis.
    """

    x: Node
    w: Node
    r: Node
    bias: Node
    states: tuple[Node, ...]
    reverse: tuple[bool, ...]
    lengths: Node | None

    @property
    def single(self) -> bool:
        """Whether there is but one sequence."""
        return self.x.type.shape[_SEQUENCES] == 1

    @property
    def plain(self) -> bool:
        """Whether there is one sequence with all steps: a composite says it all."""
        return self.single and self.lengths is None

    def direction(self, d: int) -> tuple[Run, tuple[Node, ...]]:
        """Return one direction and its first states."""
        w, r, bias = (_at(each, d) for each in (self.w, self.r, self.bias))
        firsts = [_at(state, d) for state in self.states]
        x, lengths = self.x, self.lengths
        if self.single:
            x, firsts = _at(x, 0, _SEQUENCES), [_at(each, 0) for each in firsts]
            lengths = None if lengths is None else _at(lengths, 0)
        return Run(x, w, r, bias, self.reverse[d], lengths), tuple(firsts)

    def joined(self, parts: Sequence[Node], axis: int) -> Node:
        """Return values of all directions, of which ``axis`` becomes the number."""
        if self.single:
            parts = [b.expand(part, axis) for part in parts]
        return b.concat([b.expand(part, axis) for part in parts], axis)


def _at(x: Node, index: int, axis: int = 0) -> Node:
    """Return one element of an axis."""
    return b.squeeze(b.slice_(x, axis, index, 1), axis)


def _stack(call: Call, gates: int, states: Sequence[int]) -> Stack:
    """Check the operands; the first states are the inputs at the positions ``states``."""
    direction = call.text("direction", "forward")
    if direction not in _DIRECTIONS:
        raise InvalidModel(f"layer {call.layer.label}: direction is {direction!r}")
    reverse = _DIRECTIONS[direction]
    require(call.node(0).type.rank == 3, "takes steps, batch, features, not {}", call.node(0).type)
    x = b.transpose(call.node(0), (1, 0, 2)) if call.integer("layout", 0) else call.node(0)
    make_room(fixed_shape(x, call.layer.op), "sequences")
    size = fixed_shape(call.node(2), call.layer.op)[-1]
    fits = call.integer("hidden_size", size) == size
    require(fits, "hidden_size differs from the weights {}", call.node(2).type)
    wanted = (len(reverse), 2 * gates * size)
    bias = call.node(3) if call.has(3) else _zeros(x, wanted)
    require(bias.type.shape == wanted, "the bias is {}, not {}", bias.type, wanted)
    firsts = tuple(_first_state(call, x, each, (len(reverse), size)) for each in states)
    return Stack(x, call.node(1), call.node(2), bias, firsts, reverse, _lengths(call, x))


def _lengths(call: Call, x: Node) -> Node | None:
    """Return the lengths of the sequences; None where all have all steps."""
    if not call.has(4):
        return None
    lengths, (steps, batch, _) = call.node(4), x.type.shape
    known = constant_array(lengths)
    if known is not None and (known == steps).all():
        return None
    if lengths.type.shape == (1,) and call.rebinding is not None:
        lengths = b.broadcast(lengths, (batch,))
    require(lengths.type.shape == (batch,), "{} lengths for {}", lengths.type, x.type)
    return lengths


def _first_state(call: Call, x: Node, position: int, sizes: tuple[int, int]) -> Node:
    directions, size = sizes
    wanted = (directions, x.type.shape[_SEQUENCES], size)
    if not call.has(position):
        return _zeros(x, wanted)
    state = call.node(position)
    require(state.type.rank == 3, "a first state is {}", state.type)
    state = b.transpose(state, (1, 0, 2)) if call.integer("layout", 0) else state
    if state.type.shape[_SEQUENCES] == 1 and call.rebinding is not None:
        state = b.broadcast(state, wanted)
    require(state.type.shape == wanted, "a first state is {}, not {}", state.type, wanted)
    return state


def _zeros(x: Node, shape: tuple[int | object, ...]) -> Node:
    return b.broadcast(b.constant(np.zeros((), storage(x.type.element))), shape)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class _Values:
    """What one direction gives: h of all steps (T, L.., H), and the last states (L.., H)."""

    y: Node
    last: tuple[Node, ...]


def _results(call: Call, stack: Stack, directions: Sequence[_Values]) -> Result:
    """Return y (T, D, B, H) and last states (D, B, H), in the layout that the layer asks for."""
    y = stack.joined([each.y for each in directions], 1)
    last = [
        stack.joined(each, 0) for each in zip(*(each.last for each in directions), strict=True)
    ]
    if not call.integer("layout", 0):
        return y, *last
    return b.transpose(y, (2, 0, 1, 3)), *(b.transpose(each, (1, 0, 2)) for each in last)


def _of_one_state(run: Run, states: Node) -> _Values:
    return _Values(run.values(states), (run.last(states),))


def _whole(op: Composite, run: Run, firsts: Sequence[Node]) -> Node:
    """Return a composite's h of all steps: the layer as it mostly comes, for one sequence."""
    return b.apply(op, run.x, run.w, run.r, run.bias, *firsts)


def _ended(op: Composite, run: Run, firsts: Sequence[Node]) -> _Values:
    y = _whole(op, run, firsts)
    return _Values(y, (_end(run, y),))


def _end(run: Run, y: Node) -> Node:
    """Return the row that the loop made last."""
    return _at(y, 0 if run.reverse else fixed_shape(y, "a recurrent layer")[0] - 1)


def _each(stack: Stack, make: Callable[[int, Run, tuple[Node, ...]], _Values]) -> list[_Values]:
    return [make(d, *stack.direction(d)) for d in range(len(stack.reverse))]


# -------------------------------------------------------------------------------------- the layers


def _rnn(call: Call) -> Result:
    stack = _stack(call, 1, (5,))
    functions = gate_functions(call, ("Tanh",), len(stack.reverse))
    relu = functions.are("Relu")

    def make(d: int, run: Run, firsts: tuple[Node, ...]) -> _Values:
        if stack.plain and (relu or functions.are("Tanh")):
            return _ended(Rnn(run.reverse, relu), run, firsts)
        (f,) = functions.of(d, len(stack.reverse))
        return _of_one_state(run, rnn_states(run, firsts[0], f))

    return _results(call, stack, _each(stack, make))


def _gru(call: Call) -> Result:
    stack = _stack(call, 3, (5,))
    functions = gate_functions(call, ("Sigmoid", "Tanh"), len(stack.reverse))
    linear = bool(call.integer("linear_before_reset", 0))

    def make(d: int, run: Run, firsts: tuple[Node, ...]) -> _Values:
        if stack.plain and functions.are("Sigmoid", "Tanh"):
            return _ended(Gru(run.reverse, linear), run, firsts)
        f, g = functions.of(d, len(stack.reverse))
        return _of_one_state(run, gru_states(run, firsts[0], f, g, linear=linear))

    return _results(call, stack, _each(stack, make))


def _lstm(call: Call) -> Result:
    stack = _stack(call, 4, (5, 6))
    functions = gate_functions(call, ("Sigmoid", "Tanh", "Tanh"), len(stack.reverse))
    coupled = bool(call.integer("input_forget", 0))
    peepholes = _peepholes(call, stack)
    usual = functions.are("Sigmoid", "Tanh", "Tanh") and not coupled and peepholes is None

    def make(d: int, run: Run, firsts: tuple[Node, ...]) -> _Values:
        if stack.plain and usual:
            y, cells = (_whole(Lstm(run.reverse, cell), run, firsts) for cell in (False, True))
            return _Values(y, (_end(run, y), _end(run, cells)))
        f, g, h = functions.of(d, len(stack.reverse))
        peeping = None if peepholes is None else _at(peepholes, d)
        hidden, cell = firsts
        states = lstm_states(run, hidden, cell, LstmCell(f, g, h, peeping, coupled))
        y, cells = (lstm_part(states, cell=cell) for cell in (False, True))
        return _Values(run.values(y), (run.last(y), run.last(cells)))

    return _results(call, stack, _each(stack, make))


def _peepholes(call: Call, stack: Stack) -> Node | None:
    """Return the weights by which the gates see the cell, (D, 3 * H)."""
    if not call.has(7):
        return None
    peepholes = call.node(7)
    size = fixed_shape(stack.r, "LSTM")[-1]
    wanted = (len(stack.reverse), 3 * size)
    require(peepholes.type.shape == wanted, "peepholes are {}, not {}", peepholes.type, wanted)
    return peepholes


TABLE: Table = {"GRU": _gru, "LSTM": _lstm, "RNN": _rnn}
