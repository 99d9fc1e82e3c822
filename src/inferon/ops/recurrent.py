"""Recurrent layers, with ONNX's weight layouts and gate orders, for one direction of one event.

Everything that does not depend on the state is computed for all steps at once, in one product
outside of the loop; the body of the loop holds the recurrent product and the gates.
"""

from __future__ import annotations

from dataclasses import dataclass

from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ops import build as b
from inferon.ops.activation import Relu
from inferon.ops.base import Composite, require
from inferon.ops.elementary import Sigmoid, Tanh


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
        size = _hidden(r, gates=1)
        biases = b.add(b.slice_(bias, 0, 0, size), b.slice_(bias, 0, size, size))
        projected = _projected(x, w, biases, reverse=self.reverse)
        states = b.scan(self._body(size, h0), h0, [projected], [b.transpose(r, (1, 0))])
        return _in_order(states, reverse=self.reverse)

    def _body(self, size: int, like: Node) -> Graph:
        h, p, r = _body_inputs(like, h=(size,), p=(size,), r=(size, size))
        activation = Relu() if self.relu else Tanh()
        following = b.apply(activation, b.add(p, b.product(h, r)))
        return Graph("rnn", (h, p, r), (following,), ("next",))


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
        size = _hidden(r, gates=3)
        outer, inner = b.slice_(bias, 0, 0, 3 * size), b.slice_(bias, 0, 3 * size, 3 * size)
        recurrent = b.transpose(r, (1, 0))
        if self.linear_before_reset:  # the inner bias of n stays in the loop
            zr = b.add(b.slice_(outer, 0, 0, 2 * size), b.slice_(inner, 0, 0, 2 * size))
            projected = self._steps(x, w, b.concat([zr, b.slice_(outer, 0, 2 * size, size)], 0))
            shared = [recurrent, b.slice_(inner, 0, 2 * size, size)]
            body = self._linear_body(size, h0)
        else:
            projected = self._steps(x, w, b.add(outer, inner))
            parts = (0, 2 * size), (2 * size, size)
            shared = [b.slice_(recurrent, 1, start, length) for start, length in parts]
            body = self._body(size, h0)
        return _in_order(b.scan(body, h0, [projected], shared), reverse=self.reverse)

    def _steps(self, x: Node, w: Node, bias: Node) -> Node:
        return _projected(x, w, bias, reverse=self.reverse)

    def _body(self, size: int, like: Node) -> Graph:
        sizes = {"h": (size,), "p": (3 * size,), "gates": (size, 2 * size), "new": (size, size)}
        h, p, gates, new = _body_inputs(like, **sizes)
        opened = b.add(b.slice_(p, 0, 0, 2 * size), b.product(h, gates))
        z, r = _split(b.apply(Sigmoid(), opened), size, 2)
        n = b.add(b.slice_(p, 0, 2 * size, size), b.product(b.mul(r, h), new))
        return Graph("gru", (h, p, gates, new), (_blend(z, n, h),), ("next",))

    def _linear_body(self, size: int, like: Node) -> Graph:
        sizes = {"h": (size,), "p": (3 * size,), "r": (size, 3 * size), "bias": (size,)}
        h, p, matrix, bias = _body_inputs(like, **sizes)
        recurrent = b.product(h, matrix)
        opened = b.add(b.slice_(p, 0, 0, 2 * size), b.slice_(recurrent, 0, 0, 2 * size))
        z, r = _split(b.apply(Sigmoid(), opened), size, 2)
        inside = b.add(b.slice_(recurrent, 0, 2 * size, size), bias)
        n = b.fma(r, inside, b.slice_(p, 0, 2 * size, size))
        return Graph("gru", (h, p, matrix, bias), (_blend(z, n, h),), ("next",))


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
        size = _hidden(r, gates=4)
        biases = b.add(b.slice_(bias, 0, 0, 4 * size), b.slice_(bias, 0, 4 * size, 4 * size))
        projected = _projected(x, w, biases, reverse=self.reverse)
        first = b.concat([b.expand(h0, 0), b.expand(c0, 0)], 0)
        states = b.scan(self._body(size, h0), first, [projected], [b.transpose(r, (1, 0))])
        part = b.squeeze(b.slice_(states, 1, int(self.cell), 1), 1)
        return _in_order(part, reverse=self.reverse)

    def _body(self, size: int, like: Node) -> Graph:
        sizes = {"state": (2, size), "p": (4 * size,), "r": (size, 4 * size)}
        state, p, matrix = _body_inputs(like, **sizes)
        h, c = (b.squeeze(b.slice_(state, 0, row, 1), 0) for row in (0, 1))
        opened = b.add(p, b.product(h, matrix))
        i, o, f = _split(b.apply(Sigmoid(), b.slice_(opened, 0, 0, 3 * size)), size, 3)
        g = b.apply(Tanh(), b.slice_(opened, 0, 3 * size, size))
        cell = b.fma(f, c, b.mul(i, g))
        hidden = b.mul(o, b.apply(Tanh(), cell))
        following = b.concat([b.expand(hidden, 0), b.expand(cell, 0)], 0)
        return Graph("lstm", (state, p, matrix), (following,), ("next",))


def _hidden(r: Node, gates: int) -> int:
    """Return the number of hidden units, from the recurrent weights (gates * H, H)."""
    fits = r.type.rank == 2
    rows, size = r.type.shape if fits else (0, 0)
    fits &= isinstance(rows, int) and isinstance(size, int) and rows == gates * size
    require(fits, "the recurrent weights are {}, not ({} * H, H)", r.type, gates)
    assert isinstance(size, int)
    return size


def _projected(x: Node, w: Node, bias: Node, *, reverse: bool) -> Node:
    """Return ``x w^T + bias`` of all steps (T, gates * H), in the order of the loop."""
    return b.add(b.product(_in_order(x, reverse=reverse), b.transpose(w, (1, 0))), bias)


def _in_order(x: Node, *, reverse: bool) -> Node:
    """Return the rows as they are, or from the last to the first."""
    steps = x.type.shape[0]
    require(isinstance(steps, int), "the number of steps of {} has to be fixed", x.type)
    assert isinstance(steps, int)
    return b.slice_(x, 0, steps - 1, steps, -1) if reverse else x


def _body_inputs(like: Node, **shapes: tuple[int, ...]) -> tuple[Node, ...]:
    """Return the inputs of a loop's body, of the element type of ``like``."""
    return tuple(b.input_(name, shape, like.type.element) for name, shape in shapes.items())


def _split(x: Node, size: int, parts: int) -> tuple[Node, ...]:
    return tuple(b.slice_(x, 0, part * size, size) for part in range(parts))


def _blend(z: Node, n: Node, h: Node) -> Node:
    """Return the next state of a GRU, ``(1 - z) tanh(n) + z h``."""
    return b.fma(z, h, b.mul(b.sub(1.0, z), b.apply(Tanh(), n)))
