"""The AXI4-Stream wrapper of a core: a FIFO, and credits for its places."""

from __future__ import annotations

from dataclasses import dataclass

from inferon.targets.base import File
from inferon.targets.rtl.connections import connections
from inferon.targets.rtl.design import Design, Language
from inferon.targets.rtl.netlist import Vector
from inferon.targets.texts import Texts

TEXTS = Texts("inferon.targets.rtl")


@dataclass(frozen=True, slots=True)
class AxiStream:
    """The wrapper of a design.

    A beat carries an event: the ports of the core side by side, the first one in the lowest bits,
    and zeros up to a whole number of bytes.
    """

    design: Design

    @property
    def name(self) -> str:
        """The wrapper's module."""
        return f"{self.design.name}_axis"

    @property
    def input_bits(self) -> int:
        """Bits of ``s_axis_tdata``."""
        return _in_bytes(self.design.input_bits)

    @property
    def output_bits(self) -> int:
        """Bits of ``m_axis_tdata``."""
        return _in_bytes(self.design.output_bits)

    @property
    def depth(self) -> int:
        """Events that the FIFO holds: room for all that are on the way, and its two clocks."""
        return 1 << self._address_bits

    @property
    def _address_bits(self) -> int:
        return (self.design.pipeline.latency_cycles + 1).bit_length()

    def source(self, language: Language) -> File:
        """Return the file of the wrapper."""
        netlist = self.design.pipeline.netlist
        latency = self.design.pipeline.latency_cycles
        text = TEXTS.filled(
            f"axis.{language.value}",
            name=self.design.name,
            depth=self.depth,
            depth_top=self.depth - 1,
            address_bits=self._address_bits,
            address_top=self._address_bits - 1,
            count_bits=self._address_bits + 1,
            latency_top=latency - 1,
            last_moved=_moved(latency, language),
            given_top=self.input_bits - 1,
            given_layout=layout(netlist.inputs),
            found_top=self.output_bits - 1,
            found_layout=layout(netlist.outputs),
            entry_top=self.output_bits,
            connections=connections(self.design, language, "s_axis_tdata", "found"),
            padding=self._padding(language),
        )
        return File(f"{self.name}.{language.value}", text.encode())

    def _padding(self, language: Language) -> str:
        """Return the line that defines the highest bits of ``found``, if there are any."""
        bits = self.design.output_bits
        more = self.output_bits - bits
        if language is Language.VHDL or not more:  # the VHDL's signal begins as zeros
            return ""
        return f"    assign found[{self.output_bits - 1}:{bits}] = {more}'d0;\n"


def _in_bytes(bits: int) -> int:
    return -(-bits // 8) * 8


def layout(ports: tuple[Vector, ...]) -> str:
    """Return which bits belong to which port."""
    parts, first = [], 0
    for port in ports:
        parts.append(f"{port.signal.name} {first + port.signal.width - 1}:{first}")
        first += port.signal.width
    return ", ".join(parts)


def _moved(latency: int, language: Language) -> str:
    if language is Language.VERILOG:
        return "s_axis_tlast" if latency == 1 else f"{{last[{latency - 2}:0], s_axis_tlast}}"
    return (
        "(0 => s_axis_tlast)" if latency == 1 else f"last({latency - 2} downto 0) & s_axis_tlast"
    )
