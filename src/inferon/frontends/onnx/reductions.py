"""Reductions over axes."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import numpy as np

from inferon.frontends.onnx.call import (
    Call,
    Operator,
    Refused,
    Table,
    constant_array,
    fixed_shape,
    is_float,
)
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.shape import Dim
from inferon.ir.types import BOOL, Bool, Float, Int
from inferon.ir.values import storage
from inferon.ops import build as b
from inferon.ops.elementary import Exp, Log

_AXES_BECAME_AN_INPUT = 18
"""Opset in which ``axes`` became an input; for ReduceSum it was 13."""

_TRUTH = Int(False, 8)
"""What truths are compared as: the largest and the smallest of none are 0 and not 0."""

Reducer = Callable[[Node, tuple[int, ...], bool], Node]


def _reduction(reducer: Reducer, since: int = _AXES_BECAME_AN_INPUT) -> Operator:
    def operator(call: Call) -> Node:
        x = call.node(0)
        axes = call.axes_input(1, x.type.rank, since)
        keep = bool(call.integer("keepdims", 1))
        if not axes:
            if call.integer("noop_with_empty_axes", 0):
                return x
            axes = tuple(range(x.type.rank))
        call.ignore("noop_with_empty_axes")
        return reducer(x, axes, keep)

    return operator


def _sum(x: Node, axes: tuple[int, ...], keep: bool) -> Node:
    return b.sum_(x, axes, keep=keep)


def _max(x: Node, axes: tuple[int, ...], keep: bool) -> Node:
    if isinstance(x.type.element, Bool):
        return b.cast(b.reduce_max(b.cast(x, _TRUTH), axes, keep=keep), BOOL)
    return b.reduce_max(x, axes, keep=keep)


def _min(x: Node, axes: tuple[int, ...], keep: bool) -> Node:
    if isinstance(x.type.element, Bool):
        return b.cast(b.reduce_min(b.cast(x, _TRUTH), axes, keep=keep), BOOL)
    return b.reduce_min(x, axes, keep=keep)


def mean(x: Node, axes: tuple[int, ...], keep: bool) -> Node:
    """Return the mean; a run-time size is counted by a sum of ones, which is exact up to 2**24."""
    if not is_float(x):
        raise Refused("a mean of integers", "a Cast to float32 first")
    sizes = [x.type.shape[axis] for axis in axes]
    if not any(isinstance(size, Dim) for size in sizes):
        return b.mean(x, axes, keep=keep)
    assert isinstance(x.type.element, Float)
    one = b.constant(np.ones((), storage(x.type.element)))
    number = b.sum_(b.broadcast(one, tuple(sizes)))
    return b.div(b.sum_(x, axes, keep=keep), number)


def _l1(x: Node, axes: tuple[int, ...], keep: bool) -> Node:
    return b.sum_(b.absolute(x), axes, keep=keep)


def _sum_square(x: Node, axes: tuple[int, ...], keep: bool) -> Node:
    return b.sum_(b.mul(x, x), axes, keep=keep)


def _l2(x: Node, axes: tuple[int, ...], keep: bool) -> Node:
    return b.sqrt(_sum_square(x, axes, keep))


def _log_sum(x: Node, axes: tuple[int, ...], keep: bool) -> Node:
    return b.apply(Log(), b.sum_(x, axes, keep=keep))


def _log_sum_exp(x: Node, axes: tuple[int, ...], keep: bool) -> Node:
    """Shift by the maximum, so that exp does not overflow."""
    top = b.reduce_max(x, axes, keep=True)
    total = b.sum_(b.apply(Exp(), b.sub(x, top)), axes, keep=True)
    value = b.add(b.apply(Log(), total), top)
    kept = tuple(size for axis, size in enumerate(value.type.shape) if keep or axis not in axes)
    return b.reshape(value, kept)


def _prod(x: Node, axes: tuple[int, ...], keep: bool) -> Node:
    """Return the product over one short axis, factor by factor; of constants over any axes."""
    array = constant_array(x)
    if array is not None:
        return b.constant(np.prod(array, axis=axes, keepdims=keep, dtype=array.dtype))
    size = x.type.shape[axes[0]]
    if len(axes) != 1 or isinstance(size, Dim) or not 1 <= size <= _MOST_FACTORS:
        raise Refused(
            "ReduceProd over more than a few elements", f"one axis of at most {_MOST_FACTORS}"
        )
    value = reduce(b.mul, (b.slice_(x, axes[0], i, 1) for i in range(size)))
    return value if keep else b.squeeze(value, axes[0])


_MOST_FACTORS = 16
"""Longest product that is written out."""


def _cumulative_sum(call: Call) -> Node:
    """Return running sums, one step of a scan after the other."""
    x = call.node(0)
    axis = call.axis(call.numbers(1, "axis")[0], x.type.rank)
    size = fixed_shape(x, "CumSum")[axis]
    order = [axis, *(each for each in range(x.type.rank) if each != axis)]
    steps = b.transpose(x, order)
    reverse = bool(call.integer("reverse", 0))
    steps = b.slice_(steps, 0, size - 1, size, -1) if reverse else steps
    zero = b.constant(np.zeros((), storage(x.type.element)))
    first = b.broadcast(zero, steps.type.shape[1:])
    if call.integer("exclusive", 0):
        steps = b.concat([b.expand(first, 0), b.slice_(steps, 0, 0, size - 1)], 0)
    total, step = (b.input_(name, first.type.shape, x.type.element) for name in ("total", "step"))
    body = Graph("running_sum", (total, step), (b.add(total, step),), ("next",))
    sums = b.scan(body, first, [steps])
    sums = b.slice_(sums, 0, size - 1, size, -1) if reverse else sums
    return b.transpose(sums, [order.index(each) for each in range(x.type.rank)])


TABLE: Table = {
    "CumSum": _cumulative_sum,
    "ReduceSum": _reduction(_sum, since=13),
    "ReduceMean": _reduction(mean),
    "ReduceMax": _reduction(_max),
    "ReduceMin": _reduction(_min),
    "ReduceL1": _reduction(_l1),
    "ReduceL2": _reduction(_l2),
    "ReduceSumSquare": _reduction(_sum_square),
    "ReduceLogSum": _reduction(_log_sum),
    "ReduceLogSumExp": _reduction(_log_sum_exp),
    "ReduceProd": _reduction(_prod),
}
