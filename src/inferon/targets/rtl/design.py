"""A design: the pipeline of a model, and how it is spelled."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from inferon.ir.graph import Graph
from inferon.targets.base import File
from inferon.targets.rtl.netlist import Pipeline
from inferon.targets.rtl.verilog import verilog
from inferon.targets.rtl.vhdl import vhdl
from inferon.version import VERSION


class Language(Enum):
    """A hardware description language, with the ending of its files."""

    VERILOG = "v"
    VHDL = "vhd"

    @property
    def title(self) -> str:
        """The language and its standard."""
        return "Verilog-2001" if self is Language.VERILOG else "VHDL-2008"


@dataclass(frozen=True)
class Design:
    """A model between its rims, as a pipeline.

    Attributes
    ----------
    core : what the pipeline computes: fixed point only
    pipeline : how
    clock_ns : what the registers were placed for
    """

    core: Graph
    pipeline: Pipeline
    clock_ns: float

    @property
    def name(self) -> str:
        """The module's name."""
        return self.pipeline.netlist.name

    @property
    def input_bits(self) -> int:
        """Bits of all input ports together."""
        return sum(port.signal.width for port in self.pipeline.netlist.inputs)

    @property
    def output_bits(self) -> int:
        """Bits of all output ports together."""
        return sum(port.signal.width for port in self.pipeline.netlist.outputs)

    def source(self, language: Language) -> File:
        """Return the file of the module."""
        return self._verilog if language is Language.VERILOG else self._vhdl

    @cached_property
    def _verilog(self) -> File:
        return File(f"{self.name}.v", verilog(self.pipeline, self._head).encode())

    @cached_property
    def _vhdl(self) -> File:
        return File(f"{self.name}.vhd", vhdl(self.pipeline, self._head).encode())

    @property
    def _head(self) -> str:
        return (
            f"Inferon {VERSION}, graph {self.core.digest.hex()}\n"
            f"An event at every clock; latency {self.pipeline.latency_cycles} clocks, "
            f"placed for {self.clock_ns:g} ns.\n"
            "Ports hold the elements of a tensor side by side, element 0 in the lowest bits."
        )
