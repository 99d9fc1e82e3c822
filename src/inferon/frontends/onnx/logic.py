"""Comparisons, truth values, selection, conversion."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from inferon.frontends.onnx.call import Call, Operator, Refused, Sizes, Table, Value
from inferon.frontends.onnx.tensors import DTYPES, type_name
from inferon.ir.node import Node
from inferon.ir.types import INT64, Bool
from inferon.ops import build as b


def _binary(function: Callable[[Node, Node], Node]) -> Operator:
    def operator(call: Call) -> Node:
        shape = b.broadcast_shapes(call.node(0).type.shape, call.node(1).type.shape)
        return function(b.broadcast(call.node(0), shape), b.broadcast(call.node(1), shape))

    return operator


def _equal(call: Call) -> Node:
    """On shape arithmetic: a run-time size equals no number."""
    if not any(isinstance(each, Sizes) for each in call.operands):
        x, y = call.node(0), call.node(1)
        if isinstance(x.type.element, Bool):
            return b.equal(b.cast(x, INT64), b.cast(y, INT64))
        return b.equal(x, y)
    left, right = call.sizes(0, "operand"), call.sizes(1, "operand")
    width = max(len(left), len(right))
    pairs = zip(left * (width // len(left)), right * (width // len(right)), strict=True)
    return b.constant(np.array([x == y for x, y in pairs]))


def _where(call: Call) -> Value:
    if not any(isinstance(each, Sizes) for each in call.operands):
        return b.select(call.node(0), call.node(1), call.node(2))
    chosen = call.array(0, "condition").ravel()
    left, right = call.sizes(1, "operand"), call.sizes(2, "operand")
    left, right = left * (len(chosen) // len(left)), right * (len(chosen) // len(right))
    return Sizes(tuple(x if c else y for c, x, y in zip(chosen, left, right, strict=True)))


def _xor(call: Call) -> Node:
    x, y = call.node(0), call.node(1)
    return b.not_(b.equal(b.cast(x, INT64), b.cast(y, INT64)))


def _not(call: Call) -> Node:
    return b.not_(call.node(0))


def _is_nan(call: Call) -> Node:
    x = call.node(0)
    return b.not_(b.equal(x, x))


def _is_inf(call: Call) -> Node:
    call.only("detect_positive", 1)
    call.only("detect_negative", 1)
    return b.equal(b.absolute(call.node(0)), float("inf"))


def _cast(call: Call) -> Value:
    call.ignore("saturate", "round_mode")  # they concern 8-bit floats only
    number = call.integer("to", 0)
    if number not in DTYPES:
        raise Refused(f"a Cast to {type_name(number)}", "float32")
    element = b.element_of(DTYPES[number])
    value = call.value(0)
    if isinstance(value, Sizes):
        if element != INT64:
            raise Refused(f"a run-time size as {element}", "a fixed size for that dimension")
        return value
    return b.cast(value, element)


def _cast_like(call: Call) -> Node:
    call.ignore("saturate", "round_mode")
    return b.cast(call.node(0), call.node(1).type.element)


TABLE: Table = {
    "Equal": _equal,
    "Less": _binary(b.less),
    "LessOrEqual": _binary(b.less_equal),
    "Greater": _binary(lambda x, y: b.less(y, x)),
    "GreaterOrEqual": _binary(lambda x, y: b.less_equal(y, x)),
    "And": _binary(b.and_),
    "Or": _binary(b.or_),
    "Xor": _xor,
    "Not": _not,
    "Where": _where,
    "IsNaN": _is_nan,
    "IsInf": _is_inf,
    "Cast": _cast,
    "CastLike": _cast_like,
}
