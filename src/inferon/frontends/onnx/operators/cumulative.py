"""Running sums and products along an axis, one element after the other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from inferon.frontends.onnx.call import Call, Operator, Table, fixed_shape
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.values import storage
from inferon.ops import build as b

Combine = Callable[[Node, Node], Node]


def running(x: Node, axis: int, combine: Combine, first: float) -> Node:
    """Return what each element and all before it combine to, beginning with ``first``."""
    order = [axis, *(each for each in range(x.type.rank) if each != axis)]
    steps = b.transpose(x, order)
    one = b.constant(np.array(first, storage(x.type.element)), x.type.element)
    start = b.broadcast(one, steps.type.shape[1:])
    total, step = (b.input_(name, start.type.shape, x.type.element) for name in ("total", "step"))
    body = Graph("running", (total, step), (combine(total, step),), ("next",))
    states = b.scan(body, start, [steps])
    return b.transpose(states, [order.index(each) for each in range(x.type.rank)])


def running_sum(x: Node, axis: int) -> Node:
    """Return the sum of each element and all before it."""
    return running(x, axis, b.add, -0.0)  # which is what changes no number, not even -0


def _cumulative(combine: Combine, first: float, before: float) -> Operator:
    def operator(call: Call) -> Node:
        x = call.node(0)
        axis = call.axis(call.numbers(1, "axis")[0], x.type.rank)
        size = fixed_shape(x, call.layer.op)[axis]
        reverse = bool(call.integer("reverse", 0))
        call.ignore("exclusive")
        if size == 0:
            return x
        steps = b.slice_(x, axis, size - 1, size, -1) if reverse else x
        if call.integer("exclusive", 0):
            steps = b.pad(b.slice_(steps, axis, 0, size - 1), axis, 1, 0, before)
        states = running(steps, axis, combine, first)
        return b.slice_(states, axis, size - 1, size, -1) if reverse else states

    return operator


TABLE: Table = {
    "CumSum": _cumulative(b.add, -0.0, 0.0),
    "CumProd": _cumulative(b.mul, 1.0, 1.0),
}
