"""From scalars to a netlist of logic without registers."""

from __future__ import annotations

from inferon.ir.node import Node
from inferon.ir.types import Element, Fixed
from inferon.ops.structure import Input
from inferon.passes.unroll import Port, Unrolled, wire_type
from inferon.targets.rtl.cells import cell
from inferon.targets.rtl.draft import Draft
from inferon.targets.rtl.naming import port_names
from inferon.targets.rtl.netlist import Assign, Joined, Netlist, Ref, Signal, Slice, Vector
from inferon.targets.rtl.wire import Wire


def netlist(name: str, unrolled: Unrolled) -> Netlist:
    """Return the logic of a graph of scalars."""
    draft = Draft(unrolled.intervals)
    ports = (*unrolled.inputs, *unrolled.outputs)
    names = port_names(name, [port.name for port in ports])
    vectors = [vector(port, chosen) for port, chosen in zip(ports, names, strict=True)]
    inputs, outputs = vectors[: len(unrolled.inputs)], vectors[len(unrolled.inputs) :]
    scalars = iter(unrolled.graph.inputs)
    for port in inputs:
        for i in range(port.elements):
            _take(port, i, next(scalars), draft)
    for node in unrolled.graph.nodes():
        if not isinstance(node.op, Input):
            draft.layer = node.origin
            draft.wires[node] = cell(node.op, node, draft)
    results = iter(unrolled.graph.outputs)
    draft.layer = ""
    for port in outputs:
        _give(port, [next(results) for _ in range(port.elements)], draft)
    return Netlist(name, tuple(inputs), tuple(outputs), tuple(draft.assigns))


def vector(port: Port, name: str) -> Vector:
    """Return the port of a tensor."""
    bits = element_bits(port.type.element)
    signal = Signal(name, max(1, bits * port.size), signed=False)
    return Vector(signal, port.size, bits, str(port.type), port.name)


def element_bits(element: Element) -> int:
    """Return the bits of one element of a port."""
    held = wire_type(element)
    return held.width if isinstance(held, Fixed) else 1


def _take(port: Vector, number: int, node: Node, draft: Draft) -> None:
    """Cut one element out of a port."""
    bits = Slice(port.signal, number * port.element_bits, port.element_bits)
    element = node.type.element
    low, high = draft.interval(node)
    signal = Signal(f"e_{port.signal.name}_{number}", port.element_bits, low < 0)
    draft.assigns.append(Assign(signal, bits if port.elements > 1 else Ref(port.signal)))
    fraction = element.fraction if isinstance(element, Fixed) else 0
    draft.wires[node] = Wire(signal, low, high, fraction)


def _give(port: Vector, nodes: list[Node], draft: Draft) -> None:
    """Put the elements of a port side by side, each as wide as the tensor's type says."""
    parts = [draft.wires[node].extended(port.element_bits) for node in reversed(nodes)]
    draft.assigns.append(Assign(port.signal, Joined(tuple(parts))))
