"""Recurrent layers, with ONNX's weight layouts and gate orders, for one direction.

Everything that does not depend on the state is computed for all steps at once, in one product
outside of the loop; the body of the loop holds the recurrent product and the gates.  `Rnn`, `Gru`
and `Lstm` are the layers as they mostly come; the functions under them take any activations, and
sequences of several lengths side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import INT64
from inferon.ops import build as b
from inferon.ops.activation import Relu
from inferon.ops.base import Composite, require
from inferon.ops.elementary import Sigmoid, Tanh

Function = Callable[[Node], Node]
"""An activation, as the node that it makes."""


def sigmoid(x: Node) -> Node:
    """Return the logistic function."""
    return b.apply(Sigmoid(), x)


def tanh(x: Node) -> Node:
    """Return the hyperbolic tangent."""
    return b.apply(Tanh(), x)


@dataclass(frozen=True, slots=True)
class Run:
    """One direction of a layer with G gates: what the loop goes over, and what it multiplies with.

    Attributes
    ----------
    x : (T, L.., I); L.. are sequences side by side, or nothing
    w : (G * H, I)
    r : (G * H, H)
    bias : (2 * G * H): Wb, Rb
    reverse : whether the loop goes from the last step to the first
    length : steps of each sequence that count, (L..); None where all do.  At the others the state
        stays as it is and the value is 0.
    """

    x: Node
    w: Node
    r: Node
    bias: Node
    reverse: bool = False
    length: Node | None = None

    def biases(self, gates: int) -> tuple[Node, Node]:
        """Return Wb and Rb, (G * H) each."""
        half = gates * _hidden(self.r, gates)
        return b.slice_(self.bias, 0, 0, half), b.slice_(self.bias, 0, half, half)

    def projected(self, bias: Node) -> Node:
        """Return ``x w^T + bias`` of all steps (T, L.., G * H), in the order of the loop."""
        return b.add(b.product(self._in_order(self.x), b.transpose(self.w, (1, 0))), bias)

    def scan(
        self, name: str, first: Node, projected: Node, step: Callable[..., Node], **shared: Node
    ) -> Node:
        """Return the states after each step, in the order of the loop.

        Parameters
        ----------
        name : of the loop's body
        first : the state before the first step, whose last axes are (L.., H)
        projected : what each step takes
        step : makes the next state from the state, ``projected`` and the shared values
        shared : what all steps take
        """
        state = b.input_("state", first.type.shape, first.type.element)
        sequences = {"p": projected}
        if self.length is not None:
            sequences["counts"] = self._in_order(self._counts(self.length))
        p, *counts = (_element(each, at) for each, at in sequences.items())
        constants = [b.input_(n, each.type.shape, each.type.element) for n, each in shared.items()]
        following = step(state, p, *constants)
        if counts:
            following = b.select(counts[0], following, state)
        body = Graph(name, (state, p, *counts, *constants), (following,), ("next",))
        return b.scan(body, first, list(sequences.values()), list(shared.values()))

    def values(self, states: Node) -> Node:
        """Return states in the order of ``x``, and 0 at steps that do not count."""
        rows = self._in_order(states)
        return rows if self.length is None else b.select(self._counts(self.length), rows, 0.0)

    def last(self, states: Node) -> Node:
        """Return the state with which the loop ends."""
        return b.squeeze(b.slice_(states, 0, _steps(states) - 1, 1), 0)

    def _counts(self, length: Node) -> Node:
        """Return which steps count, (T, L.., 1)."""
        steps = np.arange(_steps(self.x)).reshape(-1, *[1] * (self.x.type.rank - 1))
        return b.less(b.constant(steps), b.expand(b.cast(length, INT64), length.type.rank))

    def _in_order(self, x: Node) -> Node:
        """Return the rows as they are, or from the last to the first."""
        steps = _steps(x)
        return b.slice_(x, 0, steps - 1, steps, -1) if self.reverse else x


# --------------------------------------------------------------------------------------- the cells


def rnn_states(run: Run, h0: Node, f: Function = tanh) -> Node:
    """Return ``h = f(W x + Wb + R h + Rb)`` of all steps, in the order of the loop."""

    def step(h: Node, p: Node, matrix: Node) -> Node:
        return f(b.add(p, b.product(h, matrix)))

    projected = run.projected(b.add(*run.biases(1)))
    return run.scan("rnn", h0, projected, step, matrix=b.transpose(run.r, (1, 0)))


def gru_states(
    run: Run, h0: Node, f: Function = sigmoid, g: Function = tanh, *, linear: bool = False
) -> Node:
    """Return h of a gated recurrent unit of all steps, in the order of the loop; see `Gru`."""
    size = _hidden(run.r, gates=3)
    outer, inner = run.biases(3)
    matrix = b.transpose(run.r, (1, 0))
    if linear:  # the inner bias of n stays in the loop
        zr = b.add(b.slice_(outer, 0, 0, 2 * size), b.slice_(inner, 0, 0, 2 * size))
        projected = run.projected(b.concat([zr, b.slice_(outer, 0, 2 * size, size)], 0))
        shared = {"matrix": matrix, "bias": b.slice_(inner, 0, 2 * size, size)}
        return run.scan("gru", h0, projected, _linear_gru(size, f, g), **shared)
    projected = run.projected(b.add(outer, inner))
    gates, new = b.slice_(matrix, 1, 0, 2 * size), b.slice_(matrix, 1, 2 * size, size)
    return run.scan("gru", h0, projected, _gru(size, f, g), gates=gates, new=new)


def _gru(size: int, f: Function, g: Function) -> Callable[..., Node]:
    def step(h: Node, p: Node, gates: Node, new: Node) -> Node:
        z, r = _split(f(b.add(_part(p, 0, 2 * size), b.product(h, gates))), 2)
        n = b.add(_part(p, 2 * size, size), b.product(b.mul(r, h), new))
        return _blend(z, g(n), h)

    return step


def _linear_gru(size: int, f: Function, g: Function) -> Callable[..., Node]:
    def step(h: Node, p: Node, matrix: Node, bias: Node) -> Node:
        recurrent = b.product(h, matrix)
        z, r = _split(f(b.add(_part(p, 0, 2 * size), _part(recurrent, 0, 2 * size))), 2)
        inside = b.add(_part(recurrent, 2 * size, size), bias)
        return _blend(z, g(b.fma(r, inside, _part(p, 2 * size, size))), h)

    return step


def _blend(z: Node, n: Node, h: Node) -> Node:
    """Return the next state of a GRU, ``(1 - z) n + z h``."""
    return b.fma(z, h, b.mul(b.sub(1.0, z), n))


@dataclass(frozen=True, slots=True)
class LstmCell:
    """What an LSTM may have besides its weights.

    Attributes
    ----------
    f, g, h : activations of the gates, of the new cell, and of the cell on its way out
    peepholes : (3 * H) in the order i, o, f: the gates also see the cell
    coupled : the forget gate is ``1 - i``
    """

    f: Function = sigmoid
    g: Function = tanh
    h: Function = tanh
    peepholes: Node | None = None
    coupled: bool = False

    def step(self, state: Node, p: Node, matrix: Node, peepholes: Node | None = None) -> Node:
        """Return the next h and c, along a new first axis."""
        hidden, cell = (b.squeeze(b.slice_(state, 0, row, 1), 0) for row in (0, 1))
        opened = b.add(p, b.product(hidden, matrix))
        if peepholes is None:
            i, o, f, new = self._plain(opened)
        else:
            i, o, f, new = self._peeping(opened, cell, peepholes)
        forget = b.sub(1.0, i) if self.coupled else f
        cell = b.fma(forget, cell, b.mul(i, new))
        if peepholes is not None:
            o = self.f(b.fma(_split(peepholes, 3)[1], cell, o))
        hidden = b.mul(o, self.h(cell))
        return b.concat([b.expand(hidden, 0), b.expand(cell, 0)], 0)

    def _plain(self, opened: Node) -> tuple[Node, ...]:
        """Return i, o, f and the new cell."""
        i, o, f, new = _split(opened, 4)
        return self.f(i), self.f(o), self.f(f), self.g(new)

    def _peeping(self, opened: Node, cell: Node, peepholes: Node) -> tuple[Node, ...]:
        """Return i, o, f and the new cell; o is still without its peephole and activation."""
        i, o, f, new = _split(opened, 4)
        at_i, _, at_f = _split(peepholes, 3)
        return (
            self.f(b.fma(at_i, cell, i)),
            o,
            self.f(b.fma(at_f, cell, f)),
            self.g(new),
        )


def lstm_states(run: Run, h0: Node, c0: Node, cell: LstmCell | None = None) -> Node:
    """Return h and c of all steps, (T, 2, L.., H), in the order of the loop; see `Lstm`."""
    cell = cell or LstmCell()
    shared = {"matrix": b.transpose(run.r, (1, 0))}
    if cell.peepholes is not None:
        shared["peepholes"] = cell.peepholes
    first = b.concat([b.expand(h0, 0), b.expand(c0, 0)], 0)
    return run.scan("lstm", first, run.projected(b.add(*run.biases(4))), cell.step, **shared)


def lstm_part(states: Node, *, cell: bool) -> Node:
    """Return h, or the cells c, of the states of an LSTM: (T, L.., H)."""
    return b.squeeze(b.slice_(states, 1, int(cell), 1), 1)


# ---------------------------------------------------------------------------------- the composites


@dataclass(frozen=True, slots=True)
class Rnn(Composite):
    """``h = f(W x + Wb + R h + Rb)``, f being tanh or, with ``relu``, ReLU.

    Inputs: x (T, I), w (H, I), r (H, H), bias (2H: Wb, Rb), h0 (H).  Value: h of all steps,
    (T, H); row t belongs to ``x[t]`` also where ``reverse`` goes from the last step to the first.
    """

    reverse: bool = False
    relu: bool = False

    def decompose(self, *inputs: Node) -> Node:
        x, w, r, bias, h0 = inputs
        run = Run(x, w, r, bias, self.reverse)
        return run.values(rnn_states(run, h0, _relu if self.relu else tanh))


@dataclass(frozen=True, slots=True)
class Gru(Composite):
    """Gated recurrent unit (Cho et al. 2014), in ONNX's gate order z, r, h.

    ``z = sigmoid(Wz x + Rz h + Wbz + Rbz)``, ``r`` alike,
    ``n = tanh(Wh x + Rh (r h) + Rbh + Wbh)`` or, with ``linear_before_reset``,
    ``n = tanh(Wh x + r (Rh h + Rbh) + Wbh)``; then ``h = (1 - z) n + z h``.

    Inputs: x (T, I), w (3H, I), r (3H, H), bias (6H: Wb, Rb), h0 (H).  Value: h of all steps,
    (T, H); row t belongs to ``x[t]`` also where ``reverse`` goes from the last step to the first.
    """

    reverse: bool = False
    linear_before_reset: bool = False

    def decompose(self, *inputs: Node) -> Node:
        x, w, r, bias, h0 = inputs
        run = Run(x, w, r, bias, self.reverse)
        return run.values(gru_states(run, h0, linear=self.linear_before_reset))


@dataclass(frozen=True, slots=True)
class Lstm(Composite):
    """Long short-term memory (Hochreiter and Schmidhuber 1997), in ONNX's gate order i, o, f, c.

    ``i, o, f = sigmoid(W x + R h + Wb + Rb)``, ``g = tanh(Wc x + Rc h + Wbc + Rbc)``; then
    ``c = f c + i g`` and ``h = o tanh(c)``.

    Inputs: x (T, I), w (4H, I), r (4H, H), bias (8H: Wb, Rb), h0 (H), c0 (H).  Value: h of all
    steps, (T, H), or with ``cell`` the cells c; row t belongs to ``x[t]`` also where ``reverse``
    goes from the last step to the first.
    """

    reverse: bool = False
    cell: bool = False

    def decompose(self, *inputs: Node) -> Node:
        x, w, r, bias, h0, c0 = inputs
        run = Run(x, w, r, bias, self.reverse)
        return run.values(lstm_part(lstm_states(run, h0, c0), cell=self.cell))


def _relu(x: Node) -> Node:
    return b.apply(Relu(), x)


def _hidden(r: Node, gates: int) -> int:
    """Return the number of hidden units, from the recurrent weights (gates * H, H)."""
    fits = r.type.rank == 2
    rows, size = r.type.shape if fits else (0, 0)
    fits &= isinstance(rows, int) and isinstance(size, int) and rows == gates * size
    require(fits, "the recurrent weights are {}, not ({} * H, H)", r.type, gates)
    assert isinstance(size, int)
    return size


def _steps(x: Node) -> int:
    steps = x.type.shape[0]
    require(isinstance(steps, int), "the number of steps of {} has to be fixed", x.type)
    assert isinstance(steps, int)
    return steps


def _element(name: str, sequence: Node) -> Node:
    """Return the input of a loop's body that is one element of a sequence."""
    return b.input_(name, sequence.type.shape[1:], sequence.type.element)


def _last(x: Node) -> int:
    size = x.type.shape[-1]
    require(isinstance(size, int), "the last axis of {} has to be fixed", x.type)
    assert isinstance(size, int)
    return size


def _part(x: Node, start: int, size: int) -> Node:
    return b.slice_(x, x.type.rank - 1, start, size)


def _split(x: Node, parts: int) -> tuple[Node, ...]:
    size = _last(x) // parts
    return tuple(_part(x, part * size, size) for part in range(parts))
