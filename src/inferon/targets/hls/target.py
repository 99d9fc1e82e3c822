"""The HLS target: options, and the project that it builds."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property

from inferon.errors import Unsupported, UsageError
from inferon.interpret import Feed
from inferon.ir.graph import NAME, Graph
from inferon.ir.values import Array
from inferon.passes.presets import HLS
from inferon.passes.rim import Split, split
from inferon.targets.base import Artifact, File, Target
from inferon.targets.golden import golden
from inferon.targets.hls.dialect import SPELLINGS, Dialect
from inferon.targets.hls.gaps import core_gaps, exactness_gaps
from inferon.targets.hls.lower import design
from inferon.targets.hls.project import Project
from inferon.targets.hls.simulation import Simulation
from inferon.targets.toolchain import Compiler

PART = "xcvu13p-flga2577-2-e"
"""The part of the CMS level-1 trigger's boards, and hls4ml's default."""

GOLDEN_EVENTS = 64
"""Events of the test bench: a tie between two steps is one of some dozen values."""

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def _compiler() -> Compiler:
    """Return the compiler of simulations: any machine's instructions, and short compilations."""
    return Compiler(march="", optimize="1")


@dataclass(frozen=True)
class HlsArtifact(Artifact):
    """A project for synthesis, and the simulation that ``predict`` compiles from it."""

    graph: Graph
    rim: Split
    project: Project
    simulation: Simulation

    @cached_property
    def files(self) -> tuple[File, ...]:
        """The files, the same for the same model on every machine."""
        return self.project.files(golden(self.project.core, GOLDEN_EVENTS))

    def predict(self, data: Feed, *, threads: int = 1) -> tuple[Array, ...]:
        """Return the outputs for events of shape (events, input shape).

        The interpreter brings floats to fixed point and back; all between is the project's code.

        Raises
        ------
        ToolMissing
            When the compiler or the open headers are not here.
        """
        mantissas = list(self.rim.into_core(data))
        return self.rim.out_of_core(self.simulation.run(mantissas, threads=threads))


@dataclass(frozen=True, kw_only=True)
class Hls(Target):
    """C++ for high-level synthesis: a project with pragmas, script and test bench.

    It takes an exact graph (`inferon.exact`).  No option changes a bit.

    Attributes
    ----------
    dialect : `Dialect.VITIS` writes ap_fixed, `Dialect.AC` ac_fixed
    clock_ns : the clock's period that the script asks for, in ns
    part : the part that the script names
    name : the namespace and file name; by default the graph's
    headers : the folder of ``ap_fixed.h`` or ``ac_fixed.h``; by default one of
        ``INFERON_HLS_HEADERS``, or that of an installed hls4ml
    compiler : what ``predict`` compiles the simulation with
    """

    dialect: Dialect = Dialect.VITIS
    clock_ns: float = 5.0
    part: str = PART
    name: str = ""
    headers: str = ""
    compiler: Compiler = field(default_factory=_compiler)

    def __post_init__(self) -> None:
        if self.name and not NAME.fullmatch(self.name):
            raise UsageError(f"{self.name!r} cannot name a design: a-z, then a-z 0-9 _")
        if not 0 < self.clock_ns < float("inf"):
            raise UsageError(f"clock_ns is {self.clock_ns}: give a period above 0 ns")
        if not _PART.fullmatch(self.part):
            raise UsageError(f"{self.part!r} names no part: letters, digits, . _ -")

    def build(self, graph: Graph) -> HlsArtifact:
        """Return the artefact of an exact graph.

        Raises
        ------
        Unsupported
            With everything that is not exact, or that the target cannot spell.
        """
        gaps = exactness_gaps(graph)
        if gaps:
            raise Unsupported(gaps)
        rim = split(graph)
        core = HLS.run(rim.core)
        gaps = core_gaps(core)
        if gaps:
            raise Unsupported(gaps)
        made = design(self.name or graph.name, core)
        spelling = SPELLINGS[self.dialect]
        project = Project(made, core, graph, spelling, self.clock_ns, self.part)
        return HlsArtifact(graph, rim, project, Simulation(project, self.compiler, self.headers))
