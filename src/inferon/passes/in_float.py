"""Fixed point in float32, where float32 is exact.

A float32 holds every whole number up to 2**24 times a power of two.  Where every value of an
exact graph is that narrow, sums and products in float32 round nothing, in any order, and the
emulator has the speed of a float model.  A value is held as the number it stands for::

    mantissa m, fraction f   ->   m * 2**-f

All or nothing: a graph with one wider value stays as it is.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import FLOAT32, Fixed, Float
from inferon.ops import arithmetic, logic, movement
from inferon.ops import build as b
from inferon.ops.convert import Cast, Quantize
from inferon.ops.dot import Dot
from inferon.ops.indexing import Gather, TopK
from inferon.ops.mantissa import Overflow, Rounding, confined, rounded
from inferon.ops.reduction import Reduction
from inferon.ops.structure import Const, Input
from inferon.ops.table import Table
from inferon.pipeline import BITS, Pass
from inferon.stage import FLOAT

LARGEST = 1 << 24
"""Every whole number up to this one is a float32 (IEEE 754: 24 digits)."""

FRACTIONS = range(-60, 61)
"""Steps that are far from the ends of float32, also after a product."""

_SAME = (
    *(arithmetic.Binary, arithmetic.Neg, arithmetic.Abs, Dot, Reduction),
    *(logic.Comparison, logic.Select, Gather, TopK),
    *(movement.Reshape, movement.Transpose, movement.Broadcast, movement.Slice),
    *(movement.Concat, movement.Pad, movement.Window),
)
"""Operators that mean the same on the numbers as on the mantissas."""

_ROUNDINGS = (Rounding.FLOOR, Rounding.HALF_UP, Rounding.HALF_EVEN)


def in_float(graph: Graph) -> Graph:
    """Return a graph that computes fixed point in float32, or the same one where that rounds."""
    nodes = graph.nodes()
    if not any(isinstance(node.op, Dot) and _fixed(node) for node in nodes):
        return graph  # nothing to win
    if not all(map(_is_exact, nodes)):
        return graph
    made: dict[Node, Node] = {}
    for node in nodes:
        made[node] = _translated(node, tuple(made[each] for each in node.inputs))
    outputs = tuple(_given(node, made[node]) for node in graph.outputs)
    return replace(graph, outputs=outputs)


def _fixed(node: Node) -> Fixed | None:
    element = node.type.element
    return element if isinstance(element, Fixed) else None


# ------------------------------------------------------------------------------ what float32 holds


def _is_exact(node: Node) -> bool:
    """Return whether a node is not about fixed point, or exact in float32."""
    involved = [each for each in (node, *node.inputs) if _fixed(each)]
    if not involved:
        return True
    if not all(_is_held(each) for each in involved):
        return False
    if isinstance(node.op, Quantize):
        return not _fixed(node.inputs[0]) or _is_quantized_exactly(node)
    return isinstance(node.op, (*_SAME, Const, Input, Table, Cast))


def _is_held(node: Node) -> bool:
    """Return whether a float32 holds every value of a type."""
    element = _fixed(node)
    assert element is not None
    narrow = max(-element.lowest, element.highest) <= LARGEST
    return narrow and element.fraction in FRACTIONS


def _ends(node: Node) -> tuple[int, int]:
    """Return the ends of a quantized value before it is confined, in steps of its type."""
    assert isinstance(node.op, Quantize)
    source = _fixed(node.inputs[0])
    assert source is not None
    drop = source.fraction - node.op.to.fraction
    ends = np.array([source.lowest, source.highest], object)
    low, high = rounded(ends, drop, node.op.rounding) if drop > 0 else ends << -drop
    return int(low), int(high)


def _is_quantized_exactly(node: Node) -> bool:
    """Return whether every step of a rounding is exact: the half that is added, and the wrap."""
    op, source = node.op, _fixed(node.inputs[0])
    assert isinstance(op, Quantize)
    assert source is not None
    drop = source.fraction - op.to.fraction
    half = 1 << drop - 1 if drop > 0 else 0
    if op.rounding not in _ROUNDINGS and drop > 0:
        return False
    if max(-source.lowest, source.highest) + half > LARGEST:
        return False
    low, high = _ends(node)
    wraps = op.overflow in (Overflow.WRAP, Overflow.SATURATE_ZERO)
    fits = op.to.lowest <= low and high <= op.to.highest
    return fits or not wraps or max(-low, high) + (1 << op.to.width) <= LARGEST


# ------------------------------------------------------------------------------------ translation


def _translated(node: Node, inputs: tuple[Node, ...]) -> Node:
    """Return a node in float32, given its inputs in float32."""
    op = node.op
    if not any(_fixed(each) for each in (node, *node.inputs)):
        return node if inputs == node.inputs else Node(op, inputs, node.origin)
    if isinstance(op, Const):
        element = _fixed(node)
        assert element is not None
        return b.constant(np.ldexp(op.values.array.astype(np.float32), -element.fraction))
    if isinstance(op, Input):
        return b.cast(node, FLOAT32)
    if isinstance(op, Table):
        return _looked_up(node, inputs[0])
    if isinstance(op, Cast):
        return b.cast(_without_sign_of_zero(inputs[0]), op.to)
    if not isinstance(op, Quantize):
        return Node(op, inputs, node.origin)
    if isinstance(node.inputs[0].type.element, Float):  # at the rim
        entered = Node(op, inputs, node.origin)
        return Node(Cast(FLOAT32), (entered,), node.origin)
    if _fixed(node.inputs[0]) is None:
        return Node(Cast(FLOAT32), (Node(op, inputs, node.origin),), node.origin)
    return _named(_quantized(node, inputs[0]), node.origin)


def _named(node: Node, origin: str) -> Node:
    return Node(node.op, node.inputs, origin)


def _looked_up(node: Node, index: Node) -> Node:
    """Return a table's entry by the mantissa, which fixed point has."""
    source = node.inputs[0]
    given = _given(source, index) if _fixed(source) else index
    found = Node(node.op, (given,), node.origin)
    return Node(Cast(FLOAT32), (found,), node.origin) if _fixed(node) else found


def _given(node: Node, value: Node) -> Node:
    """Return a value in the type that it had."""
    element = _fixed(node)
    return value if element is None else Node(Quantize(element), (value,), node.origin)


def _without_sign_of_zero(x: Node) -> Node:
    """Return the number with a zero that is +0: a product with a negative one may be -0."""
    return b.add(x, 0.0)


def _quantized(node: Node, x: Node) -> Node:
    """Return a rounded and confined number."""
    op, source = node.op, _fixed(node.inputs[0])
    assert isinstance(op, Quantize)
    assert source is not None
    to = op.to
    steps = b.mul(x, 2.0**to.fraction)
    if source.fraction > to.fraction:
        steps = _whole(steps, op.rounding)
    low, high = _ends(node)
    if low < to.lowest or high > to.highest or op.overflow is Overflow.SATURATE_SYMMETRIC:
        steps = _confined(steps, op)
    return b.mul(steps, 2.0**-to.fraction)


def _whole(steps: Node, rounding: Rounding) -> Node:
    if rounding is Rounding.HALF_EVEN:
        return b.round_even(steps)
    return b.floor(b.add(steps, 0.5) if rounding is Rounding.HALF_UP else steps)


def _confined(steps: Node, op: Quantize) -> Node:
    """Return whole numbers inside a type."""
    to, overflow = op.to, op.overflow
    if overflow is Overflow.WRAP:
        turns = b.floor(b.mul(b.sub(steps, float(to.lowest)), 2.0**-to.width))
        return b.sub(steps, b.mul(turns, 2.0**to.width))
    ends = np.array([to.lowest - 1, to.highest + 1], object)
    if overflow is Overflow.SATURATE_ZERO:
        above = b.select(b.less(float(to.highest), steps), 0.0, steps)
        return b.select(b.less(steps, float(to.lowest)), 0.0, above)
    if overflow is Overflow.ERROR:
        return steps
    low, high = (float(end) for end in confined(ends, to, overflow))
    return b.minimum(b.maximum(steps, low), high)


IN_FLOAT = Pass("in float", before=FLOAT, after=FLOAT, keeps=BITS, change=in_float)
