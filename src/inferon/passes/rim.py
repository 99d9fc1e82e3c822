"""The rim of an exact graph: the floats around the integers.

An exact graph quantizes its float inputs and hands back floats.  Firmware holds what lies between:
``split`` cuts the graph there, so that ``after(core(before(x)))`` has the graph's bits.
"""

from __future__ import annotations

from dataclasses import dataclass

from inferon.errors import Gap, Unsupported
from inferon.interpret import Feed, interpret
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import Float
from inferon.ir.values import Array
from inferon.ops import build as b
from inferon.ops.convert import Cast, Quantize
from inferon.ops.structure import Input


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
        When an output is a float that no integer decides.
    """
    ports = _ports(graph)
    cut = dict(ports)
    for node in graph.nodes():
        if node not in cut and node.inputs:
            cut[node] = Node(node.op, tuple(cut.get(i, i) for i in node.inputs), node.origin)
    results = [_result(node) for node in graph.outputs]
    gaps = [
        Gap(name, "the output is a float that comes from floats alone", "quantize it")
        for name, node in zip(graph.output_names, results, strict=True)
        if isinstance(node.type.element, Float)
    ]
    if gaps:
        raise Unsupported(gaps)
    inner = tuple(cut.get(node, node) for node in results)
    names = graph.output_names
    core = Graph(graph.name, tuple(ports.values()), inner, names)
    before = Graph(
        graph.name, graph.inputs, tuple(ports), tuple(f"q{i}" for i in range(len(ports)))
    )
    return Split(before, core, _after(graph, results))


def _ports(graph: Graph) -> dict[Node, Node]:
    """Return the input of the core for each value that the rim hands over."""
    ports: dict[Node, Node] = {}
    taken = set(graph.output_names)
    for node in graph.nodes():
        is_rim = isinstance(node.op, Quantize) and isinstance(node.inputs[0].type.element, Float)
        is_plain = isinstance(node.op, Input) and not isinstance(node.type.element, Float)
        if is_rim or is_plain:
            name = _free(_source(node), taken)
            ports[node] = b.input_(name, node.type.shape, node.type.element)
    return ports


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
    """Return what the core gives for an output: what is cast to a float comes as it was."""
    (*source,) = output.inputs
    is_cast = isinstance(output.op, Cast) and not isinstance(source[0].type.element, Float)
    return source[0] if is_cast else output


def _after(graph: Graph, results: list[Node]) -> Graph:
    """Return the graph from the outputs of the core to those of the model."""
    given = tuple(  # one for each output, also where several are one value of the core
        b.input_(f"core_{i}", node.type.shape, node.type.element) for i, node in enumerate(results)
    )
    outputs = tuple(
        core if inner is output else Node(output.op, (core,), output.origin)
        for core, inner, output in zip(given, results, graph.outputs, strict=True)
    )
    return Graph(graph.name, given, outputs, graph.output_names)
