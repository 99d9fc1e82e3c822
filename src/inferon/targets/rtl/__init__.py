"""Firmware: how Verilog and VHDL spell the language."""

from inferon.passes.unroll import Sharing
from inferon.targets.rtl.delay import DelayModel
from inferon.targets.rtl.design import Design, Language
from inferon.targets.rtl.simulators import (
    SIMULATORS,
    Cxxrtl,
    Ghdl,
    Icarus,
    Simulator,
    Verilator,
    simulator_for,
)
from inferon.targets.rtl.stimulus import Gaps
from inferon.targets.rtl.target import Rtl, RtlArtifact, Verilog, Vhdl

__all__ = [
    "SIMULATORS",
    "Cxxrtl",
    "DelayModel",
    "Design",
    "Gaps",
    "Ghdl",
    "Icarus",
    "Language",
    "Rtl",
    "RtlArtifact",
    "Sharing",
    "Simulator",
    "Verilator",
    "Verilog",
    "Vhdl",
    "simulator_for",
]
