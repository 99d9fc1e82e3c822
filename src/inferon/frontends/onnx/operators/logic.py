"""Comparisons, truth values, selection."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from inferon.frontends.onnx.call import Call, Operator, Sizes, Table, Value
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
    x = call.node(0)
    low, high = call.integer("detect_negative", 1), call.integer("detect_positive", 1)
    if low and high:
        return b.equal(b.absolute(x), float("inf"))
    if not low and not high:
        return b.broadcast(b.constant(np.array(False)), x.type.shape)
    return b.equal(x, float("inf") if high else float("-inf"))


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
}
