"""Reductions over axes."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from inferon.frontends.onnx.call import (
    Call,
    Operator,
    Table,
    fixed_shape,
    is_float,
)
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.shape import Dim
from inferon.ir.types import BOOL, FLOAT64, Bool, Float, Int
from inferon.ir.values import storage
from inferon.ops import build as b
from inferon.ops.base import require
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
        none_is_none = bool(call.integer("noop_with_empty_axes", 0))
        if not axes:  # what comes before and after the reduction is done all the same
            axes = () if none_is_none else tuple(range(x.type.rank))
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
    """Return the mean; of integers toward zero, as their sum is divided in their own type.

    A run-time size is counted by a sum of ones, which is exact up to 2**24.
    """
    sizes = [x.type.shape[axis] for axis in axes]
    if not is_float(x):
        many = prod(fixed_shape(x, "ReduceMean")[axis] for axis in axes)
        element = x.type.element
        counts = isinstance(element, Int) and 1 <= many <= element.highest
        require(counts, "has no mean of {} elements of {}", many, x.type)
        return b.div(b.sum_(x, axes, keep=keep), b.constant(many, element))
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
    return _real(_sum_square(x, axes, keep), b.sqrt)


def _log_sum(x: Node, axes: tuple[int, ...], keep: bool) -> Node:
    return _real(b.sum_(x, axes, keep=keep), lambda total: b.apply(Log(), total))


def _real(x: Node, function: Callable[[Node], Node]) -> Node:
    """Return a function of real numbers; of integers it is cut to an integer."""
    if is_float(x):
        return function(x)
    return b.cast(function(b.cast(x, FLOAT64)), x.type.element)


def _log_sum_exp(x: Node, axes: tuple[int, ...], keep: bool) -> Node:
    """Shift by the maximum, so that exp does not overflow."""
    top = b.reduce_max(x, axes, keep=True)
    top = b.select(b.equal(b.absolute(top), np.inf), 0.0, top)  # inf - inf is no number
    total = b.sum_(b.apply(Exp(), b.sub(x, top)), axes, keep=True)
    value = b.add(b.apply(Log(), total), top)
    kept = tuple(size for axis, size in enumerate(value.type.shape) if keep or axis not in axes)
    return b.reshape(value, kept)


def _prod(x: Node, axes: tuple[int, ...], keep: bool) -> Node:
    """Return the product, one factor after the other: `Fold` over the axes in row-major order."""
    shape = fixed_shape(x, "ReduceProd")
    kept = [axis for axis in range(x.type.rank) if axis not in axes]
    factors = b.transpose(x, [*axes, *kept])
    rest = tuple(shape[axis] for axis in kept)
    factors = b.reshape(factors, (prod(shape[axis] for axis in axes), *rest))
    one = b.broadcast(b.constant(np.ones((), storage(x.type.element)), x.type.element), rest)
    total, factor = (b.input_(name, rest, x.type.element) for name in ("total", "factor"))
    body = Graph("product", (total, factor), (b.mul(total, factor),), ("next",))
    value = b.fold(body, one, [factors])
    return b.reshape(
        value, tuple(1 if i in axes else n for i, n in enumerate(shape)) if keep else rest
    )


TABLE: Table = {
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
