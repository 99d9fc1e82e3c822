"""Sequence layers that carry a state from call to call: LinearAttention, CausalConvWithState."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from inferon.errors import InvalidModel
from inferon.frontends.onnx.call import Call, Result, Table, fixed_shape
from inferon.frontends.onnx.operators.attention import join_heads, split_heads
from inferon.frontends.onnx.room import make_room
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.values import storage
from inferon.ops import build as b
from inferon.ops.activation import Silu
from inferon.ops.base import require
from inferon.ops.elementary import Exp

_RULES = {
    "linear": (False, False),
    "gated": (True, False),
    "delta": (False, True),
    "gated_delta": (True, True),
}
"""Of each update rule: whether the state decays, and whether what it recalls corrects it."""

_ACTIVATIONS = ("none", "silu", "swish")


# -------------------------------------------------------------------------------- linear attention


@dataclass(frozen=True, slots=True)
class _Steps:
    """What each step of the recurrence takes, steps first.

    keys (T, B, H, D, 1), values (T, B, H, 1, E), and where the rule has them gates that broadcast
    to (T, B, H, D, 1) and rates that broadcast to (T, B, H, 1, E).
    """

    keys: Node
    values: Node
    gates: Node | None
    rates: Node | None

    def run(self, first: Node) -> Node:
        """Return the state (B, H, D, E) after every step."""
        sequences = [x for x in (self.keys, self.values, self.gates, self.rates) if x is not None]
        state = b.input_("state", first.type.shape, first.type.element)
        names = ("key", "value", "third", "fourth")
        elements = [
            b.input_(name, x.type.shape[1:], x.type.element)
            for name, x in zip(names, sequences, strict=False)
        ]
        body = Graph("attend", (state, *elements), (self._next(state, elements),), ("next",))
        return b.scan(body, first, sequences)

    def _next(self, state: Node, elements: Sequence[Node]) -> Node:
        """Return ``g S + k (x) v``, or with a rate ``g S + beta k (x) (v - g S^T k)``."""
        key, value, *rest = elements
        if self.gates is not None:
            state = b.mul(state, rest[0])
        if self.rates is not None:
            recalled = b.product(b.transpose(key, (0, 1, 3, 2)), state, batch=2)
            value = b.mul(b.sub(value, recalled), rest[-1])
        return b.fma(key, value, state)


def _linear_attention(call: Call) -> Result:
    """Run the recurrence step by step, which the standard calls its meaning."""
    call.ignore("chunk_size")  # a hint
    decays, corrects = _rule(call)
    heads, own = call.integer("q_num_heads", 0), call.integer("kv_num_heads", 0)
    require(own >= 1 and heads % own == 0, "{} heads do not share {}", heads, own)
    query = split_heads(call.node(0), heads)
    key, value = (split_heads(call.node(i), own) for i in (1, 2))
    (batch, _, steps, depth), (_, _, _, width) = (
        fixed_shape(each, "LinearAttention") for each in (query, value)
    )
    make_room((steps, batch, own, depth, width), "states")
    scale = call.number("scale", 0.0) or 1.0 / sqrt(max(depth, 1))
    first = call.node(3) if call.has(3) else _zeros(query, (batch, own, depth, width))
    gates = b.apply(Exp(), _by_head(call.node(4), own)) if decays else None
    rates = _by_head(call.node(5), own) if corrects else None
    order = (2, 0, 1, 3)
    states = _Steps(
        b.expand(b.transpose(key, order), 4),
        b.expand(b.transpose(value, order), 3),
        None if gates is None else b.expand(b.transpose(gates, order), 4),
        None if rates is None else b.expand(b.transpose(rates, order), 4),
    ).run(first)
    asked = b.reshape(
        b.transpose(b.mul(query, scale), order), (steps, batch, own, heads // own, depth)
    )
    found = b.reshape(b.product(asked, states, batch=3), (steps, batch, heads, width))
    last = b.squeeze(b.slice_(states, 0, steps - 1, 1), 0)
    return join_heads(b.transpose(found, (1, 2, 0, 3))), last


def _rule(call: Call) -> tuple[bool, bool]:
    rule = call.text("update_rule", "gated_delta")
    if rule not in _RULES:
        raise InvalidModel(f"layer {call.layer.label}: update_rule is {rule!r}")
    for position, wanted in zip((4, 5), _RULES[rule], strict=True):
        given = "with" if call.has(position) else "without"
        require(call.has(position) == wanted, "{} {} input {}", rule, given, position)
    return _RULES[rule]


def _by_head(x: Node, heads: int) -> Node:
    """Return a gate or rate (B, T, n) as (B, heads or 1, T, d)."""
    return split_heads(x, 1 if x.type.shape[-1] == 1 else heads)


def _zeros(like: Node, shape: tuple[int, ...]) -> Node:
    return b.broadcast(b.constant(np.zeros((), storage(like.type.element))), shape)


# --------------------------------------------------------------------------------- the convolution


def _causal_conv(call: Call) -> Result:
    """Convolve each channel with its own kernel, over the past and this input."""
    x, kernel = call.node(0), call.node(1)
    require(x.type.rank == 3 and kernel.type.rank == 3, "{} by {}", x.type, kernel.type)
    (batch, channels, length), (_, _, size) = (
        fixed_shape(each, "CausalConvWithState") for each in (x, kernel)
    )
    fits = kernel.type.shape == (channels, 1, size) and size >= 1
    require(fits, "{} is no kernel for {}", kernel.type, x.type)
    if size > 1:
        past = call.node(3) if call.has(3) else _zeros(x, (batch, channels, size - 1))
        x = b.concat([past, x], 2)
    seen = b.transpose(b.window(x, 2, size), (1, 0, 2, 3))
    y = b.product(seen, b.reshape(kernel, (channels, size)), batch=1)
    y = b.transpose(y, (1, 0, 2))
    if call.has(2):
        y = b.add(y, b.reshape(call.node(2), (channels, 1)))
    activation = call.text("activation", "none")
    if activation not in _ACTIVATIONS:
        raise InvalidModel(f"layer {call.layer.label}: activation is {activation!r}")
    y = y if activation == "none" else b.apply(Silu(), y)
    state = b.slice_(x, 2, length, size - 1) if size > 1 else _zeros(x, (batch, channels, 0))
    return y, state


TABLE: Table = {"LinearAttention": _linear_attention, "CausalConvWithState": _causal_conv}
