"""Elementwise arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from inferon.frontends.onnx.call import Call, Operator, Table, is_float
from inferon.ir.node import Node
from inferon.ir.types import Int
from inferon.ops import build as b
from inferon.ops.remainder import Fmod


def _binary(function: Callable[[Node, Node], Node]) -> Operator:
    return lambda call: function(call.node(0), call.node(1))


def _unary(function: Callable[[Node], Node]) -> Operator:
    return lambda call: function(call.node(0))


def _variadic(function: Callable[[Node, Node], Node]) -> Operator:
    return lambda call: reduce(function, call.nodes())


def _mean(call: Call) -> Node:
    nodes = call.nodes()
    return b.div(reduce(b.add, nodes), float(len(nodes)))


def _reciprocal(call: Call) -> Node:
    return b.div(1.0, call.node(0))


def _ceil(call: Call) -> Node:
    return b.neg(b.floor(b.neg(call.node(0))))


def _sign(call: Call) -> Node:
    x = call.node(0)
    element = x.type.element
    if isinstance(element, Int) and not element.signed:
        return b.minimum(x, 1)
    return b.select(b.less(0, x), 1, b.select(b.less(x, 0), -1, x))


def _mod(call: Call) -> Node:
    """Return the remainder: with ``fmod`` it has the sign of the dividend, else of the divisor."""
    c = call.node(1)
    rest = _remainder(call.node(0), c)
    if call.integer("fmod", 0):
        return rest
    nonzero = b.not_(b.equal(rest, 0))
    apart = b.not_(_alike(b.less(rest, 0), b.less(c, 0)))
    moved = b.select(b.and_(nonzero, apart), b.add(rest, c), rest)
    if not is_float(c):
        return moved
    zero = b.select(b.less(c, 0.0), b.constant_like(c, -0.0), 0.0)
    return b.select(b.equal(rest, 0.0), zero, moved)


def _remainder(a: Node, c: Node) -> Node:
    """Return a - trunc(a / c) * c; of ints by 0 it is a."""
    if not is_float(a):
        return b.sub(a, b.mul(c, b.div(a, c)))
    shape = b.broadcast_shapes(a.type.shape, c.type.shape)
    return b.apply(Fmod(), b.broadcast(a, shape), b.broadcast(c, shape))


def _alike(x: Node, y: Node) -> Node:
    """Return whether two truth values are equal."""
    return b.or_(b.and_(x, y), b.and_(b.not_(x), b.not_(y)))


TABLE: Table = {
    "Add": _binary(b.add),
    "Sub": _binary(b.sub),
    "Mul": _binary(b.mul),
    "Div": _binary(b.div),
    "Mod": _mod,
    "Neg": _unary(b.neg),
    "Abs": _unary(b.absolute),
    "Sign": _sign,
    "Sqrt": _unary(b.sqrt),
    "Reciprocal": _reciprocal,
    "Round": _unary(b.round_even),
    "Floor": _unary(b.floor),
    "Ceil": _ceil,
    "Max": _variadic(b.maximum),
    "Min": _variadic(b.minimum),
    "Sum": _variadic(b.add),
    "Mean": _mean,
}
