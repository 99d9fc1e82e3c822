"""Which target a verb compiles for, from its options: a new one is a member and a case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

import inferon
from inferon.errors import UsageError
from inferon.stage import EXACT, violations
from inferon.targets.base import Target
from inferon.targets.toolchain import Compiler


class Kind(StrEnum):
    """What ``--target`` takes."""

    CPP = "cpp"
    HLS = "hls"
    VERILOG = "verilog"
    VHDL = "vhdl"

    @property
    def is_firmware(self) -> bool:
        """Whether the target takes an exact graph only."""
        return self is not Kind.CPP

    @property
    def is_simulated(self) -> bool:
        """Whether a simulator computes with the target, and no compiler of the options."""
        return self in (Kind.VERILOG, Kind.VHDL)


class DialectName(StrEnum):
    """What ``--dialect`` takes."""

    VITIS = "vitis"
    AC = "ac"


KindOption = Annotated[
    Kind,
    typer.Option(
        "--target",
        help="cpp: standalone C++; hls: C++ for synthesis; verilog, vhdl: a pipeline. All but the "
        "first of a quantized model.",
    ),
]
DialectOption = Annotated[
    DialectName, typer.Option(help="Of hls: vitis writes ap_fixed, ac writes ac_fixed.")
]
ClockOption = Annotated[
    float, typer.Option("--clock-ns", metavar="NS", help="Firmware: the clock's period.")
]
PartOption = Annotated[
    str, typer.Option(metavar="PART", help="Of hls: the part that the script names.")
]


@dataclass(frozen=True, slots=True)
class Firmware:
    """Options of firmware.

    Attributes
    ----------
    name : of the design; empty for the graph's
    dialect : of high-level synthesis
    clock_ns : the clock's period
    part : empty for the target's own
    compiler : what compiles the simulation
    """

    name: str
    dialect: DialectName
    clock_ns: float
    part: str
    compiler: str

    def target(self, kind: Kind) -> Target:
        """Return the target of a kind that is not C++.

        Raises
        ------
        UsageError
            When a part is given for what depends on none.
        """
        if self.part and kind is not Kind.HLS:
            raise UsageError(f"--part: an option of --target hls, not of --target {kind}")
        match kind:
            case Kind.HLS:
                return inferon.Hls(
                    dialect=inferon.Dialect[self.dialect.name],
                    clock_ns=self.clock_ns,
                    name=self.name,
                    compiler=Compiler(self.compiler, march="", optimize="1"),
                    **({"part": self.part} if self.part else {}),
                )
            case Kind.VERILOG:
                return inferon.Verilog(clock_ns=self.clock_ns, name=self.name)
            case Kind.VHDL:
                return inferon.Vhdl(clock_ns=self.clock_ns, name=self.name)
            case Kind.CPP:
                raise AssertionError("C++ has options of its own")


def refuse_others(kind: Kind, given: Mapping[str, object]) -> None:
    """Raise `UsageError` when options of C++ are given for firmware."""
    named = [name for name, value in given.items() if value]
    if kind.is_firmware and named:
        raise UsageError(f"{', '.join(named)}: options of --target cpp, not of --target {kind}")


def needs_exact(kind: Kind, graph: inferon.Graph) -> bool:
    """Return whether a graph has to become exact first."""
    return kind.is_firmware and any(violations(graph, EXACT))
