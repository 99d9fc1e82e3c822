"""The firmware targets: options, and the artefact that they build."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from inferon.errors import UsageError
from inferon.interpret import Feed, arranged
from inferon.ir.graph import Graph
from inferon.ir.values import Array
from inferon.passes.presets import RTL
from inferon.passes.rim import Split, split
from inferon.passes.unroll import Sharing, unroll
from inferon.targets.base import Artifact, File, Target
from inferon.targets.rtl.delay import DelayModel
from inferon.targets.rtl.design import Design, Language
from inferon.targets.rtl.lower import netlist
from inferon.targets.rtl.naming import is_free, module_name
from inferon.targets.rtl.package import package
from inferon.targets.rtl.simulators import SIMULATORS, Simulator, simulator_for
from inferon.targets.rtl.stages import pipelined
from inferon.targets.rtl.stimulus import Gaps


@dataclass(frozen=True)
class RtlArtifact(Artifact):
    """A module, and the simulator that ``predict`` runs it in."""

    graph: Graph
    split: Split
    design: Design
    language: Language
    simulator: Simulator | None

    emulated = True

    @cached_property
    def files(self) -> tuple[File, ...]:
        """The files, the same for the same model on every machine."""
        return package(self.design, self.graph, self.split, self.language)

    def predict(self, data: Feed, *, threads: int = 1) -> tuple[Array, ...]:
        """Return the outputs for events of shape (events, input shape), simulated.

        Raises
        ------
        ToolMissing
            When no simulator of the language is here, or not the one that was chosen.
        """
        return self._simulated(data, Gaps())

    def readings(self, arrays: Sequence[Array]) -> Iterator[tuple[str, tuple[Array, ...]]]:
        """Yield the outputs with an event at every clock, and with clocks that bring none."""
        yield "at every clock", self._simulated(arrays, Gaps())
        yield "with gaps between", self._simulated(arrays, Gaps(every=3))

    def _simulated(self, data: Feed, gaps: Gaps) -> tuple[Array, ...]:
        arrays = arranged(self.graph, data)
        chosen = self.simulator or simulator_for(self.language)
        mantissas = self.split.into_core(arrays)
        return self.split.out_of_core(chosen.simulate(self.design, mantissas, gaps))


@dataclass(frozen=True, kw_only=True)
class Rtl(Target):
    """Base of both languages: a pipeline that takes an event at every clock.

    Attributes
    ----------
    clock_ns : the period that registers are placed for, by the delay model
    name : of the module; by default the graph's
    sharing : how products with constant matrices become adders
    delays : the delay model
    simulator : what ``predict`` and ``verify`` run; by default the fastest that is here
    """

    clock_ns: float = 5.0
    name: str = ""
    sharing: Sharing = field(default_factory=Sharing)
    delays: DelayModel = field(default_factory=DelayModel)
    simulator: Simulator | None = None

    language = Language.VERILOG

    def __post_init__(self) -> None:
        if not self.clock_ns > self.delays.register_ns:
            least = self.delays.register_ns
            raise UsageError(f"a clock of {self.clock_ns} ns is too short: registers take {least}")
        if self.name and not is_free(self.name):
            message = f"{self.name!r} cannot name a module: use a-z, 0-9 and _, and no keyword"
            raise UsageError(message)
        if self.simulator is not None and self.simulator.language is not self.language:
            message = f"{self.simulator.name} does not read {self.language.title}"
            raise UsageError(f"{message}; choose one of {', '.join(_names(self.language))}")

    def build(self, graph: Graph) -> RtlArtifact:
        """Return the artefact of an exact graph.

        Raises
        ------
        Unsupported
            With every float that is not at the rim, and every operator that has no wires.
        """
        exact = RTL.run(graph)
        parts = split(exact)
        logic = netlist(self.name or module_name(graph.name), unroll(parts.core, self.sharing))
        made = pipelined(logic, self.clock_ns, self.delays)
        design = Design(parts.core, made, self.clock_ns)
        return RtlArtifact(exact, parts, design, self.language, self.simulator)


def _names(language: Language) -> list[str]:
    return [each.name for each in SIMULATORS if each.language is language]


@dataclass(frozen=True, kw_only=True)
class Verilog(Rtl):
    """Firmware in Verilog-2001."""


@dataclass(frozen=True, kw_only=True)
class Vhdl(Rtl):
    """Firmware in VHDL-2008."""

    language = Language.VHDL
