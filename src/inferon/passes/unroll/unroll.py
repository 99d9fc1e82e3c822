"""``unroll(graph)``: an exact graph as scalars, which is what becomes a netlist.

Every element of every tensor becomes a wire.  What only moves elements costs nothing; a product
with a constant matrix becomes adders that its rows share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inferon.analysis.interval import Intervals
from inferon.errors import Gap, Unsupported
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.shape import Dim, Tensor, static
from inferon.ir.types import Fixed, Float, Int
from inferon.ir.values import Array, storage
from inferon.ops import build as b
from inferon.ops.loop import Loop
from inferon.ops.structure import Const, Input
from inferon.passes.unroll import elementwise, integers, movement, order, reduction, selection
from inferon.passes.unroll.adders import Adders, Sharing
from inferon.passes.unroll.linear import absorbed_products
from inferon.passes.unroll.lower import is_known, lower
from inferon.passes.unroll.size import too_large
from inferon.passes.unroll.step import Step
from inferon.passes.unroll.wiring import Wiring, constant, wire_type
from inferon.stage import WIRES, verify

MOST_BITS = 64
"""Wider values come from products in a row that nobody quantized; no target holds them well."""

FAMILIES = (elementwise, movement, reduction, order, selection, integers)
"""The files whose functions are registered when they are imported."""


@dataclass(frozen=True, slots=True)
class Port:
    """A tensor at the face of a graph of scalars, its elements in row-major order.

    Attributes
    ----------
    name : of the input or output
    type : of the whole tensor; every element is a scalar of its element type
    """

    name: str
    type: Tensor

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(static(self.type.shape, self.name)))


@dataclass(frozen=True, slots=True)
class Unrolled:
    """A graph of scalars.

    Attributes
    ----------
    graph : of stage WIRES; its inputs and outputs are the elements of the ports, port by port
    inputs, outputs : which tensors the scalars belong to
    intervals : what is known of the mantissas of its nodes
    """

    graph: Graph
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    intervals: Intervals

    def scalars(self, arrays: Sequence[Array]) -> list[Array]:
        """Return the inputs of the graph, (events,) each, for arrays of the ports."""
        columns: list[Array] = []
        for port, array in zip(self.inputs, arrays, strict=True):
            flat = array.reshape(len(array), -1).astype(storage(wire_type(port.type.element)))
            columns.extend(flat.T)
        return columns

    def tensors(self, columns: Sequence[Array]) -> tuple[Array, ...]:
        """Return the outputs as arrays (events, shape) of the ports."""
        found, first = [], 0
        for port in self.outputs:
            part = np.stack(columns[first : first + port.size], axis=-1)
            part = part.astype(storage(port.type.element))
            found.append(part.reshape(len(part), *static(port.type.shape, port.name)))
            first += port.size
        return tuple(found)


def unroll(graph: Graph, sharing: Sharing = Sharing()) -> Unrolled:  # noqa: B008 - frozen
    """Return a graph without floats as scalars.

    Parameters
    ----------
    graph : the core of an exact graph (`inferon.passes.rim`), at stage EXACT
    sharing : how products with constant matrices become adders

    Raises
    ------
    Unsupported
        With every operator that has no wires, and when the graph is too large to unroll.
    """
    _refuse(graph)
    wiring = Wiring()
    adders = Adders(wiring, sharing)
    wires: dict[Node, Array] = {}
    names: list[Node] = []
    absorbed = absorbed_products(graph)
    for node in graph.nodes():
        if isinstance(node.op, Input):
            wires[node] = _inputs(node, names)
        elif isinstance(node.op, Const):
            wires[node] = _constants(node)
        elif node not in absorbed:
            step = Step(node, wires, wiring, adders)
            made = lower(node.op, step)
            is_int = isinstance(node.type.element, Int)
            wires[node] = integers.confined(made, step) if is_int else made
    return _joined(graph, wires, wiring, tuple(names))


def _refuse(graph: Graph) -> None:
    """Raise with every layer that has no wires; then with the one that makes it too large."""
    gaps = [gap for node in graph.nodes() for gap in _gaps(node)]
    if not gaps:
        large = too_large(graph)
        gaps = [large] if large else []
    if gaps:
        raise Unsupported(list(dict.fromkeys(gaps)))


def _gaps(node: Node) -> list[Gap]:
    """Return why a node has no wires."""
    layer = node.origin or node.op.spelling()
    element, op = node.type.element, node.op
    if any(isinstance(size, Dim) for size in node.type.shape):
        return [Gap(layer, f"firmware has no run-time sizes: {node.type}", "export a fixed size")]
    if isinstance(element, Float):
        return [Gap(layer, f"{op.spelling()} gives floats: {node.type}", "`inferon.exact` first")]
    if isinstance(element, Fixed) and element.width > MOST_BITS:
        what = f"a value of {element.width} bits ({element}); at most {MOST_BITS}"
        return [Gap(layer, what, "a quantizer behind the product or sum before it")]
    if type(op) in integers.NO_WIRES:
        return [Gap(layer, *integers.NO_WIRES[type(op)])]
    if isinstance(op, Loop):
        return [Gap(layer, f"{op.spelling()} is not written out", "`inferon.passes.turns` first")]
    if node.inputs and not is_known(op):
        return [Gap(layer, f"firmware has no {op.spelling()}")]
    return []


def _inputs(node: Node, names: list[Node]) -> Array:
    assert isinstance(node.op, Input)
    shape = static(node.type.shape, node.op.name)
    wires = np.empty(int(np.prod(shape)), object)
    for i in range(len(wires)):
        wires[i] = b.input_(f"i{len(names)}", (), wire_type(node.type.element))
        names.append(wires[i])
    return wires.reshape(shape)


def _constants(node: Node) -> Array:
    assert isinstance(node.op, Const)
    values = node.op.values.array
    wires = np.empty(values.size, object)
    known: dict[Any, Node] = {}
    for i, value in enumerate(values.ravel().tolist()):
        if value not in known:
            known[value] = constant(value, node.op.element)
        wires[i] = known[value]
    return wires.reshape(values.shape)


def _joined(
    graph: Graph, wires: dict[Node, Array], wiring: Wiring, inputs: tuple[Node, ...]
) -> Unrolled:
    outputs = [
        wiring.typed(wire, node.type.element)
        for node in graph.outputs
        for wire in wires[node].flat
    ]
    made = Graph(graph.name, inputs, tuple(outputs), tuple(f"o{i}" for i in range(len(outputs))))
    verify(made, WIRES)
    return Unrolled(
        made,
        tuple(map(Port, graph.input_names, (node.type for node in graph.inputs))),
        tuple(map(Port, graph.output_names, (node.type for node in graph.outputs))),
        wiring.intervals,
    )
