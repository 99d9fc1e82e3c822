"""What the HLS target takes, and the complete list of what a graph has beyond that."""

from __future__ import annotations

from collections.abc import Iterator

from inferon.errors import Gap
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.shape import Dim
from inferon.ir.types import Fixed
from inferon.ops import arithmetic, indexing, logic, loop
from inferon.ops.dot import Dot
from inferon.ops.mantissa import common_fraction, ends, from_ends
from inferon.ops.reduction import Reduction
from inferon.ops.structure import Const, Input
from inferon.stage import EXACT, violations
from inferon.targets.hls.placement import ELEMENTWISE, MOVEMENTS, WHOLE

KNOWN = (*ELEMENTWISE, *MOVEMENTS, *WHOLE, Reduction, Dot, indexing.Gather, Const, Input)

ALIGNED = (
    *(arithmetic.Add, arithmetic.Sub, arithmetic.Max, arithmetic.Min),
    *(logic.Comparison, logic.Select),
)
"""Operators whose operands are brought to one binary point before they are computed."""

MOST_BITS = 1024
"""``AP_INT_MAX_W``: the widest number of the ap_types unless one defines another bound."""

MOST_PORT_BITS = 62
"""Mantissas reach ports of the simulation as numpy's int64 (`inferon.ir.values.storage`)."""

FRACTIONS = range(-900, 901)
"""The values of such a type are normal doubles, in which constants are written."""


def exactness_gaps(graph: Graph) -> list[Gap]:
    """Return what keeps a graph from being exact, by layer."""
    return [
        Gap(_layer(each.node), f"not exact: it must {each.demand}", "inferon.exact(graph).graph")
        for each in violations(graph, EXACT)
    ]


def core_gaps(core: Graph) -> list[Gap]:
    """Return everything in the core of an exact graph that the target cannot spell, by layer."""
    gaps = list(_gaps(core))
    for name, node in (*zip(core.input_names, core.inputs, strict=True), *_outputs(core)):
        element = node.type.element
        if isinstance(element, Fixed) and element.width > MOST_PORT_BITS:
            what = f"a port has {MOST_PORT_BITS} bits at most, not {element}"
            gaps.append(Gap(name, what, "quantize it to a narrower type"))
    return gaps


def _outputs(core: Graph) -> Iterator[tuple[str, Node]]:
    return zip(core.output_names, core.outputs, strict=True)


def _gaps(graph: Graph) -> Iterator[Gap]:
    for node in graph.nodes():
        layer = _layer(node)
        if not isinstance(node.op, KNOWN):
            yield Gap(layer, f"the HLS target has no {node.op.spelling()}")
        elif any(isinstance(size, Dim) for size in node.type.shape):
            what = f"the HLS target has no run-time sizes: {node.type}"
            yield Gap(layer, what, "export a fixed size")
        else:
            yield from _type_gaps(node, layer)
        if isinstance(node.op, loop.Loop):
            yield from _gaps(node.op.body)


def _type_gaps(node: Node, layer: str) -> Iterator[Gap]:
    held = [each for each in _held(node) if isinstance(each, Fixed)]
    widest = max(held, key=lambda each: each.width, default=None)
    if widest is not None and widest.width > MOST_BITS:
        what = f"the HLS target holds fixed point of {MOST_BITS} bits, not {widest}"
        yield Gap(layer, what, "quantize to a narrower type before")
    element = node.type.element
    if isinstance(element, Fixed) and element.fraction not in FRACTIONS:
        yield Gap(layer, f"the binary point of {element} is too far from its digits")


def _held(node: Node) -> list[object]:
    """Return the types that the computation of a node holds."""
    held: list[object] = [node.type.element]
    fixed = [each.type.element for each in node.inputs if isinstance(each.type.element, Fixed)]
    if isinstance(node.op, ALIGNED) and fixed:
        fraction = common_fraction(*fixed)
        held.append(from_ends([end for each in fixed for end in ends(each, fraction)], fraction))
    return held


def _layer(node: Node) -> str:
    return node.origin or node.op.spelling()
