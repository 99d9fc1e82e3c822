"""Many small graphs as one firmware module: a simulator is built once for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pytest

from inferon.analysis.compare import first_difference
from inferon.analysis.samples import Samples
from inferon.errors import InvalidGraph, Mismatch, Unsupported
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.node import Node, ordered
from inferon.ir.values import Array
from inferon.ops import build as b
from inferon.passes.presets import RTL
from inferon.passes.rim import split
from inferon.passes.unroll import unroll
from inferon.targets.rtl import (
    Cxxrtl,
    Ghdl,
    Icarus,
    Language,
    Rtl,
    RtlArtifact,
    Simulator,
    Verilator,
    Verilog,
    Vhdl,
)
from tests.absent import skip_absent

SIMULATORS: tuple[Simulator, ...] = (Verilator(), Cxxrtl(), Icarus(), Ghdl())
PROGRAMS = dict(zip(SIMULATORS, ("verilator", "yosys", "iverilog", "ghdl"), strict=True))
"""What to install for each."""


def name_of(simulator: Simulator) -> str:
    return simulator.name


each_simulator = pytest.mark.parametrize("simulator", SIMULATORS, ids=name_of)


def require(simulator: Simulator) -> None:
    """Skip the test, counted, where a simulator is absent."""
    if not simulator.available():
        skip_absent("tool", PROGRAMS[simulator])


def target(simulator: Simulator, clock_ns: float = 5.0) -> Rtl:
    kind = Vhdl if simulator.language is Language.VHDL else Verilog
    return kind(clock_ns=clock_ns, simulator=simulator)


def merged(name: str, graphs: Iterable[Graph]) -> Graph:
    """Return one graph of many, with inputs and outputs of its own names."""
    inputs: list[Node] = []
    outputs: list[Node] = []
    for graph in graphs:
        new: dict[Node, Node] = {}
        for node in graph.inputs:
            new[node] = b.input_(f"x{len(inputs)}", node.type.shape, node.type.element)
            inputs.append(new[node])
        for node in graph.nodes():
            if node not in new:
                operands = tuple(new[each] for each in node.inputs)
                new[node] = Node(node.op, operands, node.origin) if operands else node
        outputs += [new[node] for node in graph.outputs]
    names = tuple(f"y{i}" for i in range(len(outputs)))
    return Graph(name, tuple(inputs), tuple(outputs), names)


def outputs_with_wires(graph: Graph) -> Graph | None:
    """Return the graph with those of its outputs that firmware has, and their inputs."""
    kept = [i for i in range(len(graph.outputs)) if _has_wires(_part(graph, [i]))]
    return _part(graph, kept) if kept else None


def _part(graph: Graph, outputs: Sequence[int]) -> Graph:
    chosen = tuple(graph.outputs[i] for i in outputs)
    names = tuple(graph.output_names[i] for i in outputs)
    needed = set(ordered(chosen))
    inputs = tuple(each for each in graph.inputs if each in needed)
    return Graph(graph.name, inputs, chosen, names)


def _has_wires(graph: Graph) -> bool:
    """Return whether every operator becomes wires."""
    try:
        unroll(split(RTL.run(graph)).core)
    except (Unsupported, InvalidGraph):
        return False
    return True


def check(
    graph: Graph,
    simulator: Simulator,
    events: int | Sequence[Array] = 200,
    clock_ns: float = 5.0,
) -> RtlArtifact:
    """Assert that a simulated module has the interpreter's bits, with and without gaps.

    Raises
    ------
    Mismatch
        With the first output, event and element that differ.
    """
    require(simulator)
    artifact = target(simulator, clock_ns).build(graph)
    arrays = Samples(events, special=False).draw(graph) if isinstance(events, int) else events
    expected = interpret(graph, arrays)
    for how, outputs in artifact.readings(arrays):
        compare(graph, expected, outputs, how)
    return artifact


def check_unrolled(graph: Graph, events: int | Sequence[Array] = 200) -> None:
    """Assert that the scalars of a graph have the interpreter's bits; no simulator is needed."""
    arrays = Samples(events, special=False).draw(graph) if isinstance(events, int) else events
    parts = split(RTL.run(graph))
    unrolled = unroll(parts.core)
    scalars = interpret(unrolled.graph, unrolled.scalars(parts.into_core(arrays)))
    count = len(arrays[0]) if arrays else 1
    columns = [np.broadcast_to(each, count) for each in scalars]
    found = parts.out_of_core(unrolled.tensors(columns))
    compare(graph, interpret(graph, arrays), found, "unrolled")


def compare(graph: Graph, expected: Sequence[Array], found: Sequence[Array], how: str) -> None:
    for name, wanted, got in zip(graph.output_names, expected, found, strict=True):
        difference = first_difference(wanted, got)
        if difference is not None:
            node = graph.outputs[graph.output_names.index(name)]
            raise Mismatch(f"{name} {how}: {difference} of {node!r}", node=name)
