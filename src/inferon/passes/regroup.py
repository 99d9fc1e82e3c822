"""Algebra that saves work and moves roundings: applied on import, before any bit is promised.

Exact numbers would not change; floats do by their rounding, within the bound that is derived from
the two graphs.

====================================  ===========================================  ================
rule                                  from, to                                     where it saves
====================================  ===========================================  ================
`divide_after_product`                softmax(s) . v  ->  (exp(s - m) . v) / sum   attention
`split_difference`                    (x_i, x_j - x_i) . W                         EdgeConv
                                      ->  x_i . (W_1 - W_2)  +  x_j . W_2
`multiply_in_erf`                     erf(x / c)  ->  erf(x * (1 / c))             GELU
====================================  ===========================================  ================

`split_difference` alone saves nothing: but x_i is repeated for all its neighbors, x_j is chosen,
and products of repeated and of chosen rows are taken once (`inferon.passes.fold`).
"""

from __future__ import annotations

from math import prod

from inferon.analysis.bound import bound
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.shape import largest
from inferon.ir.types import Float
from inferon.ir.values import Array
from inferon.ops import build as b
from inferon.ops.arithmetic import Div, Sub
from inferon.ops.dot import Dot
from inferon.ops.elementary import Erf
from inferon.ops.movement import Broadcast, Concat
from inferon.ops.normalization import Softmax
from inferon.ops.structure import Const
from inferon.pipeline import Bound, Pass
from inferon.rewrite import rewrite, rule
from inferon.stage import SOURCE


@rule(Dot)
def divide_after_product(node: Node) -> Node | None:
    """softmax(s) . v -> (exp(s - max) . v) / sum, where the product runs over the softmax's axis.

    One division for each element of the result instead of each weight: the values of an attention
    head are narrower than its keys are many.
    """
    op, weights = node.op, node.inputs[0]
    assert isinstance(op, Dot)
    last = weights.type.rank - 1
    if not isinstance(weights.op, Softmax) or op.contract != 1 or weights.op.axis != last:
        return None
    rows = weights.type.shape[:last]
    if _size(node) >= _size(weights):
        return None
    power, total = weights.op.parts(weights.inputs[0])
    columns = node.type.rank - last
    return b.div(Node(op, (power, node.inputs[1])), b.reshape(total, (*rows, *[1] * columns)))


@rule(Dot)
def split_difference(node: Node) -> Node | None:
    """(x, y - x) . W -> x . (W_1 - W_2) + y . W_2, where x is repeated and W is a constant."""
    op, (joined, weights) = node.op, node.inputs
    assert isinstance(op, Dot)
    if op.contract != 1 or op.batch or not isinstance(node.type.element, Float):
        return None
    if not isinstance(weights.op, Const) or not isinstance(joined.op, Concat):
        return None
    if len(joined.inputs) != 2 or joined.op.axis != joined.type.rank - 1:
        return None
    x, difference = joined.inputs
    if not isinstance(x.op, Broadcast) or not isinstance(difference.op, Sub):
        return None
    y, again = difference.inputs
    if again != x:
        return None
    width = largest(x.type.shape[-1])
    first, second = (b.slice_(weights, 0, start, width) for start in (0, width))
    return b.add(Node(op, (x, b.sub(first, second))), Node(op, (y, second)))


def _size(node: Node) -> int:
    return prod(largest(size) for size in node.type.shape)


@rule(Erf)
def multiply_in_erf(node: Node) -> Node | None:
    """erf(x / c) -> erf(x * (1 / c)): exporters spell out a GELU's division by the root of 2."""
    (quotient,) = node.inputs
    if not isinstance(quotient.op, Div):
        return None
    x, divisor = quotient.inputs
    below = divisor.inputs[0] if isinstance(divisor.op, Broadcast) else divisor
    if not isinstance(below.op, Const):
        return None
    inverse = b.div(b.constant_like(below, 1.0), below)
    return b.apply(Erf(), b.mul(x, b.broadcast(inverse, x.type.shape)))


RULES = (divide_after_product, split_difference, multiply_in_erf)


def _both_errors(graph: Graph, data: tuple[Array, ...]) -> tuple[Array, ...]:
    """Return how far two evaluations may lie apart: both from the exact value."""
    graphs = (graph, rewrite(graph, RULES).graph)
    before, after = (bound(each, data) for each in graphs)
    return tuple(one + other for one, other in zip(before.errors, after.errors, strict=True))


REGROUP = Pass("regroup", before=SOURCE, after=SOURCE, keeps=Bound(_both_errors), change=RULES)
