"""One network of dense layers through hls4ml, in its own environment.

Run: ``python peer_hls4ml.py NETWORK FOLDER``; writes a Vitis project, compiles its emulation, and
prints JSON.  Every type is explicit; accumulators hold every sum.
"""

import ctypes
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import hls4ml
import keras
import numpy as np

from benchmarks.firmware.networks import (
    NETWORKS,
    Activation,
    Dense,
    Grid,
    Network,
    events,
    outputs,
)

EVENTS = 10_000


def spelled(grid: Grid, mode: str = "") -> str:
    """Return a type as hls4ml spells it."""
    return f"{'' if grid.signed else 'u'}fixed<{grid.width},{grid.integer}{mode}>"


def keras_model(network: Network) -> tuple[keras.Model, dict[str, object]]:
    """Return the network for hls4ml, with its configuration."""
    x = value = keras.Input(network.shape, name="x")
    layers: dict[str, object] = {"x": {"Precision": {"result": spelled(network.grid)}}}
    model_layers = []
    for number, step in enumerate(network.steps):
        match step:
            case Dense(weights, _, grid, bias_grid):
                name = f"dense_{number}"
                layer = keras.layers.Dense(weights.shape[1], name=name)
                value = layer(value)
                model_layers.append((layer, step))
                wide = Grid(True, 40, 20)
                types = {"weight": spelled(grid), "bias": spelled(bias_grid)}
                layers[name] = {
                    "Precision": {**types, "accum": spelled(wide), "result": spelled(wide)}
                }
                layers[f"{name}_linear"] = {"Precision": {"result": spelled(wide)}}
            case Activation(grid):
                name = f"relu_{number}"
                value = keras.layers.ReLU(name=name)(value)
                layers[name] = {"Precision": {"result": spelled(grid, ",RND,SAT")}}
    model = keras.Model(x, value)
    for layer, step in model_layers:
        scale, bias_scale = (2.0**-each.fraction for each in (step.grid, step.bias_grid))
        layer.set_weights([step.weights * scale, step.bias * bias_scale])
    default = {"Precision": "fixed<40,20>", "ReuseFactor": 1, "Strategy": "Latency"}
    return model, {"Model": default, "LayerName": layers}


def main() -> int:
    """Write and compile the project and print what it took."""
    name, folder = sys.argv[1:]
    network = NETWORKS[name]()
    model, config = keras_model(network)
    begin = time.process_time()
    made = hls4ml.converters.convert_from_keras_model(
        model,
        hls_config=config,
        backend="Vitis",
        io_type="io_parallel",
        output_dir=folder,
        project_name=network.name,
    )
    made.write()
    seconds = time.process_time() - begin
    begin = time.perf_counter()
    made.compile()
    compiled = time.perf_counter() - begin
    x = events(network, EVENTS)
    expected, fraction = outputs(network, x)
    numbers = np.ascontiguousarray(x / 2.0**network.grid.fraction, np.float32)
    found = made.predict(numbers)  # as float32: a result of more than 24 bits is rounded
    record = {
        "seconds": seconds,
        "compile_s": compiled,
        "emulation_ms": emulation_ms(Path(folder), network, numbers),
        "equal": bool((found == np.ldexp(expected, -fraction).astype(np.float32)).all()),
        "version": hls4ml.__version__,
    }
    print(json.dumps(record))
    return 0


def emulation_ms(folder: Path, network: Network, numbers: Any) -> float:
    """Return CPU milliseconds per 1,000 events of the compiled project, called directly."""
    library = ctypes.CDLL(str(next((folder / "firmware").glob("*.so"))))
    function = library[f"{network.name}_float"]
    wide = [step for step in network.steps if isinstance(step, Dense)][-1].weights.shape[1]
    result = np.zeros(wide, np.float32)
    size = numbers[0].nbytes
    begin = time.process_time()
    for i in range(len(numbers)):
        function(
            ctypes.c_void_p(numbers.ctypes.data + i * size), ctypes.c_void_p(result.ctypes.data)
        )
    return (time.process_time() - begin) * 1e6 / len(numbers)


if __name__ == "__main__":
    raise SystemExit(main())
