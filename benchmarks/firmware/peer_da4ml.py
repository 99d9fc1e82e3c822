"""One network through da4ml, in its own environment.

Run: ``python peer_da4ml.py NETWORK CUTOFF FOLDER``; writes Verilog to the folder and prints JSON.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from da4ml.codegen import VerilogModel
from da4ml.trace import FixedVariableArrayInput, HWConfig, comb_trace

from benchmarks.firmware.networks import (
    NETWORKS,
    Activation,
    Dense,
    Network,
    SumOver,
    Windows,
    events,
    outputs,
)

EVENTS = 10_000


def traced(network: Network) -> Any:
    """Return the network as da4ml's logic."""
    x = FixedVariableArrayInput(network.shape, HWConfig(1, -1, -1))
    grid = network.grid
    value = x.quantize(int(grid.signed), grid.integer - grid.signed, grid.fraction)
    for step in network.steps:
        match step:
            case Dense(weights, bias, grid, bias_grid):
                value = value @ (weights / 2.0**grid.fraction) + bias / 2.0**bias_grid.fraction
            case Activation(grid):
                value = value.relu().quantize(0, grid.integer, grid.fraction, "SAT", "RND")
            case Windows(index):
                value = value.ravel()[index if len(index) > 1 else index[0]]
            case SumOver():
                value = (np.ones((1, len(value))) @ value)[0]
    return comb_trace(x, value)


def main() -> int:
    """Write the firmware and print what it took."""
    name, cutoff, folder = sys.argv[1:]
    network = NETWORKS[name]()
    begin = time.process_time()
    logic = traced(network)
    made = VerilogModel(logic, network.name, folder, latency_cutoff=float(cutoff))
    made.write()
    seconds = time.process_time() - begin
    x = events(network, EVENTS)
    numbers = x.reshape(len(x), -1) / 2.0**network.grid.fraction
    begin = time.process_time()
    found = logic.predict(numbers)
    emulated = time.process_time() - begin
    expected, fraction = outputs(network, x)
    equal = bool((found * 2.0**fraction == expected.reshape(len(x), -1)).all())
    stages = len(list(Path(folder, "src").glob(f"{network.name}_stage*.v"))) or 1
    record = {
        "seconds": seconds,
        "emulation_ms": emulated * 1e6 / EVENTS,
        "stages": stages,
        "equal": equal,
        "own_estimate_lut": float(logic.cost),
    }
    print(json.dumps(record))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
