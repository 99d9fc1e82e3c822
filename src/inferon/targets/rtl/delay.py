"""The delay model: how long a signal needs through each kind of logic.

It is made to place registers, not to promise nanoseconds: a device's own tool has the last word.
Two numbers describe a family: what a level of logic costs with the wire behind it, and what a
carry chain adds for each bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

LUT_INPUTS = 6
"""Inputs of the lookup tables that the model counts levels in (UltraScale, 7 series)."""


@dataclass(frozen=True, slots=True)
class DelayModel:
    """Nanoseconds of logic.

    Attributes
    ----------
    level_ns : a lookup table and the wire behind it
    carry_ns : each bit of a carry chain
    multiplier_ns : a multiplier block and the wires around it
    register_ns : what a register takes of each clock: its own delay and its set-up time
    """

    level_ns: float = 0.55
    carry_ns: float = 0.02
    multiplier_ns: float = 3.0
    register_ns: float = 0.3

    def levels(self, number: int) -> float:
        """Return the delay of lookup tables behind one another."""
        return number * self.level_ns

    def adder(self, width: int) -> float:
        """Return the delay of an adder or subtractor: one level and its carry chain."""
        return self.level_ns + width * self.carry_ns

    def comparison(self, width: int) -> float:
        """Return the delay of a comparison: a carry chain of two bits a table, and its reader."""
        return self.level_ns + math.ceil(width / 2) * self.carry_ns

    def gate(self, inputs: int) -> float:
        """Return the delay of a gate of so many inputs."""
        levels = 1
        while inputs > LUT_INPUTS:
            inputs = math.ceil(inputs / LUT_INPUTS)
            levels += 1
        return self.levels(levels)

    def table(self, address_bits: int) -> float:
        """Return the delay of a table in logic: each further level selects by two address bits."""
        return self.levels(1 + math.ceil(max(0, address_bits - LUT_INPUTS) / 2))

    def product(self, a: int, b: int) -> float:
        """Return the delay of a product of a and b bits."""
        return self.multiplier_ns
