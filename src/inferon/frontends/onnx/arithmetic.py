"""Elementwise arithmetic and the elementary functions."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from inferon.frontends.onnx.call import Call, Operator, Refused, Table, is_float, scalar_constant
from inferon.ir.node import Node
from inferon.ir.types import Int
from inferon.ops import build as b
from inferon.ops.base import Elementary
from inferon.ops.elementary import Cos, Erf, Exp, Log, Sigmoid, Sin, Tanh
from inferon.ops.remainder import Fmod

_LARGEST_POWER = 8
"""Whole exponents up to this one are products: at most 3 multiplications and as many roundings."""


def _binary(function: Callable[[Node, Node], Node]) -> Operator:
    return lambda call: function(call.node(0), call.node(1))


def _unary(function: Callable[[Node], Node]) -> Operator:
    return lambda call: function(call.node(0))


def _variadic(function: Callable[[Node, Node], Node]) -> Operator:
    return lambda call: reduce(function, call.nodes())


def _elementary(kind: type[Elementary]) -> Operator:
    return lambda call: b.apply(kind(), call.node(0))


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


def _pow(call: Call) -> Node:
    """Only constant exponents: a product, a root or a quotient, whose rounding is known."""
    x, exponent = call.node(0), scalar_constant(call.node(1))
    if exponent is None:
        raise Refused(
            "Pow with an exponent that is not one constant number",
            "Exp and Log, or a constant exponent",
        )
    if exponent < 0 and not is_float(x):
        raise Refused("Pow of integers with a negative exponent", "a Cast to float32 first")
    shape = b.broadcast_shapes(x.type.shape, call.node(1).type.shape)
    power = _power(b.broadcast(x, shape), abs(float(exponent)))
    return b.div(1.0, power) if exponent < 0 else power


def _power(x: Node, exponent: float) -> Node:
    whole = int(exponent)
    if exponent == whole and whole <= _LARGEST_POWER:
        return _whole_power(x, whole)
    if exponent == 0.5 and is_float(x):
        return b.sqrt(x)
    if exponent == 1.5 and is_float(x):
        return b.mul(x, b.sqrt(x))
    raise Refused(
        f"Pow with the exponent {exponent:g}",
        f"0.5, 1.5, or a whole number up to {_LARGEST_POWER}",
    )


def _whole_power(x: Node, exponent: int) -> Node:
    if exponent == 0:
        return b.constant_like(x, 1)
    if exponent == 1:
        return x
    half = _whole_power(x, exponent // 2)
    square = b.mul(half, half)
    return b.mul(square, x) if exponent % 2 else square


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
    "Pow": _pow,
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
    "Exp": _elementary(Exp),
    "Log": _elementary(Log),
    "Tanh": _elementary(Tanh),
    "Sigmoid": _elementary(Sigmoid),
    "Erf": _elementary(Erf),
    "Sin": _elementary(Sin),
    "Cos": _elementary(Cos),
}
