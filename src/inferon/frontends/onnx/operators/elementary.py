"""Elementary functions and powers."""

from __future__ import annotations

from collections.abc import Callable

from inferon.frontends.onnx.call import Call, Operator, Table, is_float, scalar_constant
from inferon.ir.node import Node
from inferon.ops import build as b
from inferon.ops.base import Elementary
from inferon.ops.elementary import Cos, Cosh, Erf, Exp, Log, Sigmoid, Sin, Sinh, Tan, Tanh
from inferon.ops.elementary_inverse import Acos, Acosh, Asin, Asinh, Atan, Atanh
from inferon.ops.power import Power

_LARGEST_POWER = 8
"""Whole exponents up to this one are products: at most 3 multiplications and as many roundings."""


def _elementary(kind: type[Elementary]) -> Operator:
    return lambda call: b.apply(kind(), call.node(0))


def _pow(call: Call) -> Node:
    """Products and roots for a few constant exponents, whose roundings are known; else `Power`."""
    base, exponent = call.node(0), call.node(1)
    shape = b.broadcast_shapes(base.type.shape, exponent.type.shape)
    x = b.broadcast(base, shape)
    number = scalar_constant(exponent)
    short = None if number is None else _short(x, float(number))
    return b.apply(Power(), x, b.broadcast(exponent, shape)) if short is None else short


def _short(x: Node, exponent: float) -> Node | None:
    """Return a power as a product, a root, or a quotient of 1 by them; None where it is neither.

    A root keeps the sign of -0, and that of -infinity is NaN, as that of any negative number.
    """
    if not is_float(x) and (exponent < 0 or not exponent.is_integer()):
        return None
    size = abs(exponent)
    power = _SHORT[size](x) if size in _SHORT else None
    return b.div(1.0, power) if power is not None and exponent < 0 else power


def _whole_power(exponent: int) -> Callable[[Node], Node]:
    def power(x: Node) -> Node:
        if exponent == 0:
            return b.constant_like(x, 1)
        if exponent == 1:
            return x
        half = _whole_power(exponent // 2)(x)
        square = b.mul(half, half)
        return b.mul(square, x) if exponent % 2 else square

    return power


_SHORT: dict[float, Callable[[Node], Node]] = {
    **{float(n): _whole_power(n) for n in range(_LARGEST_POWER + 1)},
    0.5: b.sqrt,
    1.5: lambda x: b.mul(x, b.sqrt(x)),
}


TABLE: Table = {
    "Pow": _pow,
    "Exp": _elementary(Exp),
    "Log": _elementary(Log),
    "Sigmoid": _elementary(Sigmoid),
    "Erf": _elementary(Erf),
    "Sin": _elementary(Sin),
    "Cos": _elementary(Cos),
    "Tan": _elementary(Tan),
    "Asin": _elementary(Asin),
    "Acos": _elementary(Acos),
    "Atan": _elementary(Atan),
    "Sinh": _elementary(Sinh),
    "Cosh": _elementary(Cosh),
    "Tanh": _elementary(Tanh),
    "Asinh": _elementary(Asinh),
    "Acosh": _elementary(Acosh),
    "Atanh": _elementary(Atanh),
}
