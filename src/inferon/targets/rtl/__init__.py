"""Firmware: how Verilog and VHDL spell the language."""

from inferon.targets.rtl.target import Rtl, RtlArtifact, Verilog, Vhdl

__all__ = ["Rtl", "RtlArtifact", "Verilog", "Vhdl"]
