"""What the C++ target takes, and the complete list of what a graph has beyond that."""

from __future__ import annotations

from collections.abc import Iterator

from inferon.errors import Gap
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.shape import Dim
from inferon.ir.types import Element, Fixed, Int
from inferon.ops import arithmetic, bits, convert, indexing, logic, loop, movement, scatter
from inferon.ops.base import Elementary
from inferon.ops.dot import Dot
from inferon.ops.mantissa import common_fraction, ends, from_ends
from inferon.ops.reduction import Reduction
from inferon.ops.structure import Const, Input
from inferon.ops.table import Table

ELEMENTWISE = (
    arithmetic.Binary,
    arithmetic.Unary,
    arithmetic.Fma,
    arithmetic.Neg,
    arithmetic.Abs,
    logic.Comparison,
    logic.Truth,
    logic.Select,
    bits.IntBinary,
    bits.Shift,
    bits.Bitcast,
    convert.Cast,
    convert.Quantize,
    Elementary,
)
MOVEMENT = (
    movement.Reshape,
    movement.Transpose,
    movement.Broadcast,
    movement.Slice,
    movement.Window,
)
KNOWN = (
    *ELEMENTWISE,
    *MOVEMENT,
    movement.Concat,
    movement.Pad,
    Dot,
    Reduction,
    Const,
    Input,
    Table,
    indexing.Gather,
    indexing.TopK,
    scatter.Scatter,
    loop.Loop,
)
ALIGNED = (
    arithmetic.Add,
    arithmetic.Sub,
    arithmetic.Max,
    arithmetic.Min,
    logic.Comparison,
    logic.Select,
)
"""Operators whose fixed-point operands are brought to one step before they are computed."""

MOST_FIXED_BITS = 62
"""Mantissas live in int64, with one bit to spare for a rounding."""

FRACTIONS_TO_FLOAT = range(-60, 65)
"""Inside, a mantissa of 62 bits times its step is zero or a normal float32: it is rounded once."""

MOST_INT_BITS = 32
"""Ints up to this width are mantissas without a fraction."""


def find_gaps(graph: Graph) -> tuple[Gap, ...]:
    """Return everything in a graph that the target cannot spell, by layer."""
    return tuple(_gaps(graph))


def _gaps(graph: Graph) -> Iterator[Gap]:
    for node in graph.nodes():
        layer = node.origin or node.op.spelling()
        if not isinstance(node.op, KNOWN):
            yield Gap(layer, f"the C++ target has no {node.op.spelling()}")
        elif any(isinstance(size, Dim) for size in node.type.shape):
            what = f"the C++ target has no run-time sizes: {node.type}"
            yield Gap(layer, what, "export a fixed size")
        elif isinstance(node.op, loop.Loop):
            yield from _gaps(node.op.body)
        else:
            yield from _fixed_gaps(node, layer)


def _fixed_gaps(node: Node, layer: str) -> Iterator[Gap]:
    fixed = [element for element in _held(node) if isinstance(element, Fixed)]
    widest = max(fixed, key=lambda element: element.width, default=None)
    if widest is not None and widest.width > MOST_FIXED_BITS:
        what = f"the C++ target holds fixed point of {MOST_FIXED_BITS} bits, not {widest}"
        yield Gap(layer, what, "quantize to a narrower type before")
    if not node.inputs:
        return
    source = node.inputs[0].type.element
    is_cast, is_quantize = isinstance(node.op, convert.Cast), isinstance(node.op, convert.Quantize)
    if is_cast and isinstance(source, Fixed) and source.fraction not in FRACTIONS_TO_FLOAT:
        yield Gap(layer, f"the C++ target has no cast from {source} to a float")
    if is_quantize and isinstance(source, Int) and source.bits > MOST_INT_BITS:
        yield Gap(layer, f"the C++ target quantizes ints of {MOST_INT_BITS} bits, not {source}")


def _held(node: Node) -> list[Element]:
    """Return the types that the computation of a node holds."""
    held = [node.type.element, *(each.type.element for each in node.inputs)]
    fixed = [element for element in held[1:] if isinstance(element, Fixed)]
    if isinstance(node.op, ALIGNED) and fixed:
        fraction = common_fraction(*fixed)
        reached = [end for element in fixed for end in ends(element, fraction)]
        held.append(from_ends(reached, fraction))
    return held
