"""What logic takes of a device: lookup tables, flip-flops, carry cells, multipliers, memories."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Resources:
    """Cells of an FPGA.

    Attributes
    ----------
    lut : lookup tables of up to six inputs
    ff : flip-flops
    carry : carry cells, of four bits in Yosys (CARRY4)
    dsp : multiplier blocks
    bram : block memories of 18 Kbit, of which one of 36 Kbit is two
    """

    lut: int = 0
    ff: int = 0
    carry: int = 0
    dsp: int = 0
    bram: int = 0

    def __add__(self, other: Resources) -> Resources:
        return Resources(
            self.lut + other.lut,
            self.ff + other.ff,
            self.carry + other.carry,
            self.dsp + other.dsp,
            self.bram + other.bram,
        )

    def __str__(self) -> str:
        return (
            f"{self.lut:,} LUT, {self.ff:,} FF, {self.carry:,} carry, "
            f"{self.dsp:,} DSP, {self.bram:,} BRAM"
        )
