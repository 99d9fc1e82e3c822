"""Exact intervals of the mantissas of scalars: how wide a wire has to be.

A type is as wide as its operands' types demand; the interval of a sum of many products is often
some bits narrower, because it knows the constants.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch

import numpy as np

from inferon.errors import InvalidGraph
from inferon.ir.node import Node, Op
from inferon.ir.types import Bool, Fixed
from inferon.ops import arithmetic, logic
from inferon.ops.convert import Quantize
from inferon.ops.mantissa import Overflow, confined, rounded
from inferon.ops.structure import Const, Input
from inferon.ops.table import Table

Interval = tuple[int, int]
"""Lowest and highest mantissa; of a truth value 0 and 1."""


class Intervals:
    """The intervals of nodes, found when they are first asked for."""

    def __init__(self) -> None:
        self._known: dict[Node, Interval] = {}

    def of(self, node: Node) -> Interval:
        """Return the interval of a scalar."""
        known = self._known
        found = known.get(node)
        if found is not None:
            return found
        stack = [node]  # graphs may be deeper than Python's recursion limit
        while stack:
            each = stack[-1]
            unknown = [below for below in each.inputs if below not in known]
            if unknown:
                stack.extend(unknown)
                continue
            stack.pop()
            below = [known[i] for i in each.inputs]
            known[each] = _inside(each, interval(each.op, each, below))
        return known[node]

    def learn(self, node: Node, found: Interval) -> None:
        """Note an interval that is known otherwise, and narrower than that of the operands."""
        low, high = self.of(node)
        self._known[node] = max(low, found[0]), min(high, found[1])


def _inside(node: Node, found: Interval) -> Interval:
    low, high = _whole(node)
    return max(low, found[0]), min(high, found[1])


def _whole(node: Node) -> Interval:
    """Return the interval of a type."""
    element = node.type.element
    if isinstance(element, Bool):
        return 0, 1
    if not isinstance(element, Fixed):
        raise InvalidGraph(f"{node!r} is no wire: fixed point or bool", node=node, rule="wires")
    return element.lowest, element.highest


@singledispatch
def interval(op: Op, node: Node, inputs: list[Interval]) -> Interval:
    """Return an interval that holds every value of a node, given those of its inputs."""
    return _whole(node)


def aligned(node: Node, inputs: list[Interval], fraction: int) -> list[Interval]:
    """Return the intervals of the fixed-point inputs in steps of ``2**-fraction``."""
    shifts = [fraction - _fraction(each) for each in node.inputs]
    return [(low << s, high << s) for (low, high), s in zip(inputs, shifts, strict=True)]


def _fraction(node: Node) -> int:
    element = node.type.element
    assert isinstance(element, Fixed)
    return element.fraction


@interval.register
def _const(op: Const, node: Node, inputs: list[Interval]) -> Interval:
    value = int(op.values.array)
    return value, value


@interval.register
def _input(op: Input, node: Node, inputs: list[Interval]) -> Interval:
    return _whole(node)


@interval.register
def _add(op: arithmetic.Add, node: Node, inputs: list[Interval]) -> Interval:
    (al, ah), (bl, bh) = aligned(node, inputs, _fraction(node))
    return al + bl, ah + bh


@interval.register
def _sub(op: arithmetic.Sub, node: Node, inputs: list[Interval]) -> Interval:
    (al, ah), (bl, bh) = aligned(node, inputs, _fraction(node))
    return al - bh, ah - bl


@interval.register
def _mul(op: arithmetic.Mul, node: Node, inputs: list[Interval]) -> Interval:
    a, b = inputs
    products = [x * y for x in a for y in b]
    if node.inputs[0] == node.inputs[1]:  # a square
        products = [x * x for x in a] + ([0] if a[0] <= 0 <= a[1] else [])
    return min(products), max(products)


@interval.register
def _max(op: arithmetic.Max, node: Node, inputs: list[Interval]) -> Interval:
    (al, ah), (bl, bh) = aligned(node, inputs, _fraction(node))
    return max(al, bl), max(ah, bh)


@interval.register
def _min(op: arithmetic.Min, node: Node, inputs: list[Interval]) -> Interval:
    (al, ah), (bl, bh) = aligned(node, inputs, _fraction(node))
    return min(al, bl), min(ah, bh)


@interval.register
def _neg(op: arithmetic.Neg, node: Node, inputs: list[Interval]) -> Interval:
    ((low, high),) = inputs
    return -high, -low


@interval.register
def _abs(op: arithmetic.Abs, node: Node, inputs: list[Interval]) -> Interval:
    ((low, high),) = inputs
    lowest = 0 if low <= 0 <= high else min(abs(low), abs(high))
    return lowest, max(abs(low), abs(high))


@interval.register
def _select(op: logic.Select, node: Node, inputs: list[Interval]) -> Interval:
    fraction = _fraction(node) if isinstance(node.type.element, Fixed) else 0
    values = node.inputs[1:]
    shifts = [fraction - (_fraction(v) if fraction else 0) for v in values]
    if isinstance(node.type.element, Fixed):
        shifts = [fraction - _fraction(v) for v in values]
    ends = [end << s for pair, s in zip(inputs[1:], shifts, strict=True) for end in pair]
    return min(ends), max(ends)


_COMPARISONS: dict[type[Op], Callable[[Interval, Interval], tuple[bool, bool]]] = {
    logic.Less: lambda a, b: (a[1] < b[0], a[0] < b[1]),
    logic.LessEqual: lambda a, b: (a[1] <= b[0], a[0] <= b[1]),
    logic.Equal: lambda a, b: (a == b and a[0] == a[1], a[0] <= b[1] and b[0] <= a[1]),
}
"""Whether a comparison always holds, and whether it may hold."""


@interval.register
def _comparison(op: logic.Comparison, node: Node, inputs: list[Interval]) -> Interval:
    if not isinstance(node.inputs[0].type.element, Fixed):
        return 0, 1
    fraction = max(_fraction(each) for each in node.inputs)
    a, b = aligned(node, inputs, fraction)
    low, high = _COMPARISONS[type(op)](a, b)
    return int(low), int(high)


@interval.register
def _table(op: Table, node: Node, inputs: list[Interval]) -> Interval:
    source = node.inputs[0].type.element
    assert isinstance(source, Fixed)
    ((low, high),) = inputs
    reached = op.entries.array[low - source.lowest : high - source.lowest + 1]
    return int(reached.min()), int(reached.max())


@interval.register
def _quantize(op: Quantize, node: Node, inputs: list[Interval]) -> Interval:
    """Return the rounded ends: rounding is monotone. What wraps may become anything."""
    drop = _fraction(node.inputs[0]) - op.to.fraction
    ends = np.array(inputs[0], object)
    ends = rounded(ends, drop, op.rounding) if drop > 0 else ends << -drop
    if op.overflow in (Overflow.SATURATE, Overflow.SATURATE_SYMMETRIC):  # they are monotone too
        ends = confined(ends, op.to, op.overflow)
    low, high = (int(end) for end in ends)
    whole = _whole(node)
    if whole[0] <= low and high <= whole[1]:
        return low, high
    if op.overflow is Overflow.ERROR:
        return max(low, whole[0]), min(high, whole[1])
    return whole
