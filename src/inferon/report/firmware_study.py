"""The shipped 6-bit tagger as firmware: what it takes, its proof on jets, its accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import as_file, files

import numpy as np

from inferon.compile import Agreement, Compiled, compile
from inferon.errors import ToolMissing
from inferon.estimate.firmware import Estimate
from inferon.load import load
from inferon.physics.jets import Jets
from inferon.quantization import exact
from inferon.targets.cpp import Cpp
from inferon.targets.rtl import Verilog
from inferon.targets.rtl.design import Language
from inferon.targets.rtl.simulators import simulator_for

MODEL = "jets_mlp_6bit.onnx"
CLOCK_NS = 5.0
"""200 MHz, a usual clock of firmware in the first trigger level."""

PROVEN_JETS = 500
"""The interpreter takes a second for so many."""


@dataclass(frozen=True)
class FirmwareStudy:
    """What became of the tagger.

    Attributes
    ----------
    chip : the firmware
    estimate : what it takes of a device
    accuracy : on all jets, those of the training too
    simulator : which one ran it; empty where this machine has none
    agreement : interpreter, emulator and simulator on some jets; None without a simulator
    """

    chip: Compiled
    estimate: Estimate
    accuracy: float
    simulator: str
    agreement: Agreement | None

    @property
    def lines(self) -> tuple[str, ...]:
        """What to tell on a terminal."""
        head = f"Firmware  6-bit MLP, {self.estimate.total}, {self.estimate.latency_cycles} clocks"
        proof = f"          {self.simulator} = C++ emulator = interpreter on {self.agreement}"
        if self.agreement is None:
            proof = "          not simulated: no Verilator, Icarus or Yosys here"
        return head, proof


def firmware_study(jets: Jets) -> FirmwareStudy:
    """Compile the shipped 6-bit tagger to Verilog and prove it on jets."""
    assert jets.features is not None
    with as_file(files("inferon") / "data" / "models" / MODEL) as path:
        graph = exact(load(path), jets.features[:PROVEN_JETS]).graph
    chip = compile(graph, Verilog(clock_ns=CLOCK_NS))
    scores = compile(graph, Cpp()).predict(jets.features)
    right = np.argmax(scores, axis=1) == jets.label
    try:
        simulator = simulator_for(Language.VERILOG).name
    except ToolMissing:
        return FirmwareStudy(chip, chip.estimate(), float(right.mean()), "", None)
    agreement = chip.verify(jets.features[:PROVEN_JETS])
    return FirmwareStudy(chip, chip.estimate(), float(right.mean()), simulator, agreement)
