"""The C++ target: options, and the artefact that it builds."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from inferon.errors import UsageError
from inferon.interpret import Feed
from inferon.ir.graph import Graph
from inferon.ir.values import Array
from inferon.passes.presets import CPU
from inferon.targets.base import Artifact, File, Target
from inferon.targets.cpp.adapters import Labels, adapters
from inferon.targets.cpp.library import Library
from inferon.targets.cpp.naming import model_name
from inferon.targets.cpp.package import package
from inferon.targets.cpp.program import Program, program
from inferon.targets.cpp.ragged import Ragged
from inferon.targets.golden import golden
from inferon.targets.toolchain import Compiler


@dataclass(frozen=True)
class CppArtifact(Artifact):
    """A header with its weights, and the library that ``predict`` compiles from them."""

    graph: Graph
    made: Program
    adapters: tuple[File, ...]
    compiler: Compiler

    @cached_property
    def files(self) -> tuple[File, ...]:
        """The files, the same for the same model on every machine."""
        return package(self.made, self.graph, golden(self.graph), self.adapters)

    @cached_property
    def library(self) -> Library:
        """The model, compiled for this machine."""
        return Library(self.made, self.graph, self.files, self.compiler)

    def predict(self, data: Feed, *, threads: int = 1) -> tuple[Array, ...]:
        """Return the outputs for events of shape (events, input shape)."""
        return self.library.predict(data, threads=threads)


@dataclass(frozen=True, kw_only=True)
class Cpp(Target):
    """Standalone C++17: a header, its weights, a C interface, a self-test.

    No option changes a bit.

    Attributes
    ----------
    name : the namespace and file name; by default the graph's
    ragged : inputs that callers hold as rows and offsets; gives the header ``evaluate_ragged``
    dispatch : whether the C interface takes the best instruction set of the machine it runs on
    labels : what the elements of inputs and outputs are called, for the adapters
    compiler : what ``predict`` and ``benchmark`` compile with
    """

    name: str = ""
    ragged: Ragged | None = None
    dispatch: bool = False
    labels: Labels = field(default_factory=Labels)
    compiler: Compiler = field(default_factory=Compiler)

    def __post_init__(self) -> None:
        if self.name and not (
            self.name.isidentifier() and self.name.isascii() and self.name.islower()
        ):
            raise UsageError(f"{self.name!r} cannot name a C++ namespace: use a-z, 0-9 and _")

    def build(self, graph: Graph) -> CppArtifact:
        """Return the artefact of a graph of any stage."""
        name = model_name(self.name or graph.name)
        made = program(name, CPU.run(graph), self.ragged, dispatch=self.dispatch)
        return CppArtifact(graph, made, tuple(adapters(made, self.labels)), self.compiler)
