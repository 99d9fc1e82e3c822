"""The rim of an exact graph: the floats around the integers.

An exact graph quantizes its float inputs and hands back floats.  Firmware holds what lies between:
``split`` cuts the graph there, so that ``after(core(before(x)))`` has the graph's bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inferon.analysis.indices import number_of_indices
from inferon.errors import Gap, Unsupported
from inferon.interpret import Feed, interpret
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import Fixed, Float, Int
from inferon.ir.values import Array, Values, storage
from inferon.ops import build as b
from inferon.ops.convert import Cast, Quantize
from inferon.ops.structure import Input
from inferon.ops.table import MAX_INDEX_BITS, Table


@dataclass(frozen=True, slots=True)
class Split:
    """An exact graph in three.

    Attributes
    ----------
    before : from the model's inputs to the inputs of the core
    core : no float anywhere
    after : from the outputs of the core to those of the model
    """

    before: Graph
    core: Graph
    after: Graph

    def into_core(self, data: Feed) -> tuple[Array, ...]:
        """Return the mantissas that the core takes, for the model's inputs."""
        return interpret(self.before, data)

    def out_of_core(self, mantissas: Feed) -> tuple[Array, ...]:
        """Return the model's outputs, for the mantissas that the core gives."""
        return interpret(self.after, mantissas)


def split(graph: Graph) -> Split:
    """Cut an exact graph where floats end and where they begin again.

    Raises
    ------
    Unsupported
        When an output is a float that no integer decides, or none depends on an input.
    """
    ports = _ports(graph)
    if not ports:
        raise Unsupported([Gap(graph.name, "no output depends on an input", "keep the constants")])
    cut = dict(ports)
    for node in graph.nodes():
        if node not in cut and node.inputs:
            cut[node] = Node(node.op, tuple(cut.get(i, i) for i in node.inputs), node.origin)
    outputs = [cut.get(node, node) for node in graph.outputs]
    results = [_result(node) for node in outputs]
    gaps = [
        Gap(name, "the output is a float that comes from floats alone", "quantize it")
        for name, node in zip(graph.output_names, results, strict=True)
        if isinstance(node.type.element, Float)
    ]
    if gaps:
        raise Unsupported(gaps)
    core = Graph(graph.name, tuple(ports.values()), tuple(results), graph.output_names)
    before = Graph(
        graph.name, graph.inputs, tuple(ports), tuple(f"q{i}" for i in range(len(ports)))
    )
    return Split(before, core, _after(core, outputs))


def _ports(graph: Graph) -> dict[Node, Node]:
    """Return the input of the core for each value that the rim hands over."""
    ports: dict[Node, Node] = {}
    taken = set(graph.output_names)
    for node in graph.nodes():
        if _comes_in(node):
            name = _free(_source(node), taken)
            ports[node] = b.input_(name, node.type.shape, node.type.element)
    return ports


def _comes_in(node: Node) -> bool:
    """Return whether a value is no float, and an input or made of floats."""
    if isinstance(node.type.element, Float):
        return False
    return isinstance(node.op, Input) or any(
        isinstance(each.type.element, Float) for each in node.inputs
    )


def _source(node: Node) -> str:
    """Return the name of the first input that a value comes from."""
    while node.inputs:
        node = node.inputs[0]
    return node.op.name if isinstance(node.op, Input) else "constant"


def _free(name: str, taken: set[str]) -> str:
    """Return a name that is not taken yet, and take it."""
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    taken.add(free)
    return free


def _result(output: Node) -> Node:
    """Return what the core gives for an output.

    What is cast to a float comes as it was; what is an integer by a table, or an index of few
    elements, comes in as few bits as it has.
    """
    (*source,) = output.inputs
    to_float = isinstance(output.op, Cast) and not isinstance(source[0].type.element, Float)
    to_int = isinstance(output.op, Table) and isinstance(output.type.element, Int)
    if to_float or to_int:
        return source[0]
    number = number_of_indices(output)
    if number is None or number > 1 << MAX_INDEX_BITS:
        return output
    return b.apply(Quantize(_index_type(number)), output)


def _index_type(number: int) -> Fixed:
    return Fixed.holding(0, number - 1, 0)


def _after(core: Graph, outputs: list[Node]) -> Graph:
    """Return the graph from the outputs of the core to those of the model."""
    given = [
        b.input_(f"core_{i}", each.type.shape, each.type.element)
        for i, each in enumerate(core.outputs)
    ]
    made = tuple(map(_given_back, outputs, core.outputs, given))
    return Graph(core.name, tuple(given), made, core.output_names)


def _given_back(output: Node, inner: Node, given: Node) -> Node:
    """Return an output of the model, made of what the core gives."""
    if inner == output:
        return given
    if inner in output.inputs:
        return Node(output.op, (given,), output.origin)
    element, fixed = output.type.element, given.type.element
    assert isinstance(fixed, Fixed)
    entries = np.arange(fixed.highest + 1).astype(storage(element))
    return Node(Table(Values(entries), element), (given,), output.origin)
