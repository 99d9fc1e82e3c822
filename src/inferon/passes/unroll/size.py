"""How large a graph becomes, before it is unrolled: the operators that need logic, by layer.

The estimate counts, from types and constants alone: an adder for each nonzero digit of a weight
but the first of its row, an operator for each element of elementwise arithmetic, a product for
each pair of activations, a choice for each element that an index may point at, two for each
comparator.  Shared sums and constants that vanish make the design smaller, by a factor of 1.4 to
2.1 on the networks of benchmarks/firmware (a test holds it between 1 and 3).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Set
from functools import singledispatch
from math import prod

import numpy as np

from inferon.errors import Gap
from inferon.ir.graph import Graph
from inferon.ir.node import Node, Op
from inferon.ir.shape import count
from inferon.ir.types import Int
from inferon.ir.values import Array
from inferon.ops import arithmetic, bits, logic
from inferon.ops.convert import Quantize
from inferon.ops.dot import Dot
from inferon.ops.evaluation import constant_value
from inferon.ops.indexing import Gather, TopK
from inferon.ops.reduction import Reduction
from inferon.ops.scatter import Scatter
from inferon.ops.structure import Const, Input
from inferon.ops.table import Table
from inferon.passes.unroll.order import comparators

MOST_OPERATORS = 300_000
"""What the estimate may reach: half of them, after sharing, at 10 look-up tables each, are the
1.7 million of a VU13P, the largest device that triggers have on boards today."""

MOST_COUNTED = 1024
"""Of larger sorts the comparators are estimated, as those of the whole network."""

MOST_ELEMENTS = 2_000_000
"""Of one tensor: a wire each, which takes seconds and gigabytes also where nothing is computed."""


def too_large(graph: Graph) -> Gap | None:
    """Return why a graph is too large to unroll, with the estimate and the way out; else None."""
    for node in graph.nodes():
        if count(node.type.shape) > MOST_ELEMENTS:
            what = f"too large to unroll: {node.type}; at most {MOST_ELEMENTS:,} elements"
            return Gap(_layer(node), what, "a smaller layer, or the C++ target")
    layers = estimated(graph)
    total = layers.total()
    if total <= MOST_OPERATORS:
        return None
    (worst, most), *_ = layers.most_common(1)
    return Gap(
        worst,
        f"too large to unroll: about {total:,} adders and other operators, {most:,} of them in "
        f"this layer; at most {MOST_OPERATORS:,} fit",
        "fewer or smaller weights (prune, quantize), a smaller layer, or the C++ target",
    )


def estimated(graph: Graph) -> Counter[str]:
    """Return about how many operators with logic each layer becomes, without shared sums."""
    layers: Counter[str] = Counter()
    fixed: set[Node] = set()
    for node in graph.nodes():
        if not isinstance(node.op, Input) and fixed.issuperset(node.inputs):
            fixed.add(node)
        else:
            layers[_layer(node)] += operators(node.op, node, fixed)
    return layers


def _layer(node: Node) -> str:
    return node.origin or node.op.spelling()


@singledispatch
def operators(op: Op, node: Node, constants: Set[Node]) -> int:
    """Return about how many operators with logic the elements of a node become."""
    return 0


@operators.register
def _elementwise(
    op: arithmetic.Binary
    | arithmetic.Abs
    | arithmetic.Neg
    | logic.Comparison
    | logic.Truth
    | logic.Select
    | Quantize
    | Table,
    node: Node,
    constants: Set[Node],
) -> int:
    return count(node.type.shape)


@operators.register
def _bitwise(op: bits.IntBinary, node: Node, constants: Set[Node]) -> int:
    element = node.type.element
    assert isinstance(element, Int)
    return count(node.type.shape) * element.bits


@operators.register
def _reduction(op: Reduction, node: Node, constants: Set[Node]) -> int:
    return count(node.inputs[0].type.shape) - count(node.type.shape)


@operators.register
def _dot(op: Dot, node: Node, constants: Set[Node]) -> int:
    """Return an adder for each digit, as often as the matrix is applied, or the products."""
    left, right = node.inputs
    rows = count(left.type.shape) // op.terms(left.type)
    columns = count(node.type.shape) // max(1, rows)
    if not (left in constants or right in constants):
        return 2 * count(node.type.shape) * op.terms(left.type)
    weights, times = (right, rows) if right in constants else (left, columns)
    blocks = prod(int(str(size)) for size in left.type.shape[: op.batch])
    return max(0, digits(constant_value(weights)) * times // blocks - count(node.type.shape))


def digits(mantissas: Array) -> int:
    """Return the signed digits that are not zero: ``3n ^ n`` has a bit wherever one is."""
    if mantissas.dtype == object:
        return sum((3 * abs(int(m)) ^ abs(int(m))).bit_count() for m in mantissas.flat)
    size = np.abs(mantissas.astype(np.int64)).astype(np.uint64)
    low, high = size & np.uint64(0xFFFFFFFF), size >> np.uint64(32)
    total = 0
    for part in (low, high):  # 3n has to fit
        marked = (np.uint64(3) * part) ^ part
        total += int(np.unpackbits(marked.ravel().view(np.uint8)).sum())
    return total


@operators.register
def _gather(op: Gather, node: Node, constants: Set[Node]) -> int:
    if isinstance(node.inputs[1].op, Const):
        return 0
    size = node.inputs[0].type.shape[op.axis]
    assert isinstance(size, int)
    return (size - 1) * count(node.type.shape)


@operators.register
def _scatter(op: Scatter, node: Node, constants: Set[Node]) -> int:
    x, index, _ = node.inputs
    places = count(index.type.shape[op.batch :])
    return 2 * places * count(x.type.shape)


@operators.register
def _top_k(op: TopK, node: Node, constants: Set[Node]) -> int:
    *rows, size = node.inputs[0].type.shape
    assert isinstance(size, int)
    if size <= MOST_COUNTED:
        return 2 * len(comparators(size, op.k)) * count(tuple(rows))
    levels = size.bit_length()
    return size * levels * (levels + 1) // 2 * count(tuple(rows))
