"""Graphs through the HLS target, many in one translation unit, compared with the interpreter.

Of each graph only what is exact is taken: outputs that are floats of their own are left out.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import pytest

from inferon.analysis.compare import first_difference
from inferon.analysis.samples import Samples
from inferon.errors import ToolMissing
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.values import Array
from inferon.stage import EXACT, violations
from inferon.targets.base import File
from inferon.targets.hls import Dialect, Hls, HlsArtifact
from inferon.targets.hls.dialect import SPELLINGS
from inferon.targets.hls.headers import headers
from inferon.targets.hls.simulation import Simulation
from inferon.targets.toolchain import Compiler
from tests.absent import require_tool

COMPILER = Compiler(march="", optimize="0")
"""A simulation of a few events is over before an optimization would be."""


def require_headers(dialect: Dialect) -> None:
    """Skip the test, counted, where the open headers or the compiler are not here."""
    require_tool("g++")
    try:
        headers(SPELLINGS[dialect])
    except ToolMissing as missing:
        require_tool(missing.tool)
        raise


each_dialect = pytest.mark.parametrize("dialect", Dialect, ids=lambda each: each.name.lower())


def exact_part(graph: Graph) -> Graph | None:
    """Return the graph with those of its outputs that are exact; None where none is."""
    named = zip(graph.output_names, graph.outputs, strict=True)
    kept = {name: node for name, node in named if _is_exact(graph, name, node)}
    if not kept:
        return None
    return Graph(graph.name, graph.inputs, tuple(kept.values()), tuple(kept))


def _is_exact(graph: Graph, name: str, node: object) -> bool:
    alone = Graph(graph.name, graph.inputs, (node,), (name,))  # type: ignore[arg-type]
    return not any(violations(alone, EXACT))


@dataclass(frozen=True)
class Member:
    """A graph of a pack with its artefact, its events and what the interpreter says of them."""

    graph: Graph
    artifact: HlsArtifact
    inputs: tuple[Array, ...]
    expected: tuple[Array, ...]


def together(simulations: Sequence[Simulation]) -> ctypes.CDLL:
    """Return one library of several projects, which differ in their names."""
    files = [file for each in simulations for file in each.sources]
    sources = [file.path for file in files if file.path.endswith(".cpp")]
    lines = "".join(f'#include "{path}.inc"\n' for path in sources)
    texts = [File(f.path + ".inc" if f.path in sources else f.path, f.content) for f in files]
    pack = File("pack.cpp", lines.encode())
    return ctypes.CDLL(simulations[0].library((*texts, pack)))


def evaluate_with(library: ctypes.CDLL, simulation: Simulation) -> None:
    """Let a simulation run in a library that holds it, instead of one of its own."""
    name = f"{simulation.project.name}_evaluate"
    simulation.__dict__["_evaluate"] = library[name]


@dataclass(frozen=True)
class Pack:
    """Graphs that are compiled in one translation unit, in one dialect."""

    graphs: tuple[Graph, ...]
    dialect: Dialect
    events: int = 16

    @cached_property
    def members(self) -> tuple[Member, ...]:
        """The graphs with what is expected of them."""
        members = []
        for number, whole in enumerate(self.graphs):
            graph = exact_part(whole)
            if graph is None:
                continue
            name = f"g{number}_{graph.name}"[:48]
            target = Hls(dialect=self.dialect, name=name, compiler=COMPILER)
            inputs = Samples(self.events, seed=number).draw(graph)
            members.append(Member(graph, target.build(graph), inputs, interpret(graph, inputs)))
        return tuple(members)

    @cached_property
    def library(self) -> ctypes.CDLL:
        """All members, compiled together."""
        return together([member.artifact.simulation for member in self.members])

    def differences(self) -> Iterator[str]:
        """Yield a line for each output with other bits."""
        for member in self.members:
            evaluate_with(self.library, member.artifact.simulation)
            found = member.artifact.predict(member.inputs)
            names = member.graph.output_names
            for name, wanted, got in zip(names, member.expected, found, strict=True):
                difference = first_difference(wanted, got)
                if difference is not None:
                    yield f"{member.graph.name}, output {name}: {difference}"


def check(graphs: Sequence[Graph], dialect: Dialect, events: int = 16) -> None:
    """Assert that the compiled projects have the interpreter's bits."""
    require_headers(dialect)
    wrong = list(Pack(tuple(graphs), dialect, events).differences())
    assert not wrong, "\n".join(wrong)
