"""Simulators that run a test bench: it reads a file of stimuli and writes one of responses.

A line of the stimuli is a clock: in hexadecimal whether it brings an event, then the input ports,
the last one first.  A line of the responses is a valid output: the output ports, the last first.
"""

from __future__ import annotations

import tempfile
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inferon.errors import Mismatch
from inferon.ir.values import Array
from inferon.targets.base import File
from inferon.targets.rtl.design import Design
from inferon.targets.rtl.simulators.base import Simulator
from inferon.targets.rtl.stimulus import from_hex, to_hex
from inferon.targets.rtl.test_bench import driver

START_S = 600.0
"""What any simulation may take: tools read their sources first."""

STEP_S = 40e-6
"""What it may take more for each clock and signal: ten times what GHDL takes for a convolutional
network (4 us), so that only what is stuck is stopped."""

STIMULI, RESPONSES = "stimuli.hex", "responses.hex"


@dataclass(frozen=True)
class BenchSimulator(Simulator):
    """A tool that runs a test bench."""

    @abstractmethod
    def execute(self, files: Sequence[File], top: str, folder: Path, timeout_s: float) -> None:
        """Run the module or entity ``top`` of some sources in a folder."""

    def run(self, design: Design, valid: Array, inputs: Sequence[Array]) -> list[Array]:
        """Return the bits of the outputs; see `Simulator.run`."""
        outputs = [port.signal.width for port in design.pipeline.netlist.outputs]
        record = np.concatenate([*inputs, valid[:, None].astype(np.uint8)], axis=1)
        bench = driver(design, self.language)
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            (folder / STIMULI).write_text(to_hex(record))
            sources = [design.source(self.language), bench]
            limit_s = START_S + STEP_S * len(valid) * len(design.pipeline.netlist.assigns)
            self.execute(sources, f"{design.name}_driver", folder, limit_s)
            text = (folder / RESPONSES).read_text()
        bits = self._read(text, sum(outputs))
        return np.split(bits, np.cumsum(outputs)[:-1], axis=1)

    def _read(self, text: str, width: int) -> Array:
        try:
            return from_hex(text, width)
        except ValueError:
            message = f"{self.name}: an output holds bits that nothing defines"
            raise Mismatch(message, got=text[:200]) from None
