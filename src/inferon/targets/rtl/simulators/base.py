"""What a simulator is: it runs a design on events and returns what the ports said."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from inferon.errors import Mismatch
from inferon.ir.shape import static
from inferon.ir.values import Array
from inferon.targets.rtl.design import Design, Language
from inferon.targets.rtl.stimulus import Gaps, from_bits, port_bits


@dataclass(frozen=True)
class Simulator(ABC):
    """A tool that runs a design.

    Attributes
    ----------
    language : which it reads
    name : what it is called
    """

    language: ClassVar[Language]
    name: ClassVar[str]

    @abstractmethod
    def available(self) -> bool:
        """Return whether this machine has what it needs."""

    @abstractmethod
    def version(self) -> str:
        """Return how it, or what it is part of, names itself, where it is available."""

    @abstractmethod
    def run(self, design: Design, valid: Array, inputs: Sequence[Array]) -> list[Array]:
        """Return the bits of every output port for each clock that brought a valid output.

        Parameters
        ----------
        valid : for each clock whether it brings an event (clocks,)
        inputs : bits of each input port (clocks, width)
        """

    def simulate(
        self,
        design: Design,
        arrays: Sequence[Array],
        gaps: Gaps = Gaps(),  # noqa: B008 - frozen
    ) -> tuple[Array, ...]:
        """Return the outputs of the core for mantissas (events, shape) of its inputs.

        Raises
        ------
        Mismatch
            When the design does not give one output for each event.
        """
        events = len(arrays[0])
        valid = gaps.clocks(events)
        netlist = design.pipeline.netlist
        bits = [_spread(each, valid) for each in port_bits(netlist.inputs, arrays)]
        found = self.run(design, valid, bits)
        for port, each in zip(netlist.outputs, found, strict=True):
            if len(each) != events:
                message = f"{self.name}: {events} events went in, {len(each)} came out of"
                raise Mismatch(f"{message} {port.signal.name}", expected=events, got=len(each))
        return tuple(
            from_bits(each, port.element_bits, node.type.element).reshape(
                events, *static(node.type.shape, "an output")
            )
            for port, each, node in zip(netlist.outputs, found, design.core.outputs, strict=True)
        )


def _spread(bits: Array, valid: Array) -> Array:
    """Return bits clock by clock; between events, those of the one before, inverted."""
    which = np.cumsum(valid) - 1
    spread = bits[which]
    return np.asarray(np.where(valid[:, None], spread, 1 - spread))
