"""Run hls4ml's own emulation on the networks of tests/differential/hls4ml_networks.py.

Runs in hls4ml's environment (scripts/hls4ml.sh), knows nothing of Inferon, and writes one array of
outputs for each network:  record.py OUTPUT.npz [NETWORK ...]
"""

from __future__ import annotations

import copy
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import hls4ml
import numpy as np

from tests.differential.hls4ml_networks import (
    NETWORKS,
    ONNX_CONFIG,
    events,
    network,
    onnx_network,
)


def emulated(name: str) -> Any:
    """Return what hls4ml computes for the events of a network."""
    with tempfile.TemporaryDirectory() as folder:
        options = {
            "hls_config": copy.deepcopy(ONNX_CONFIG if name == "onnx" else NETWORKS[name][2]),
            "backend": "Vitis",
            "io_type": "io_parallel",
            "output_dir": str(Path(folder) / name),
        }
        if name == "onnx":
            model = hls4ml.converters.convert_from_onnx_model(cleaned(), **options)
        else:
            model = hls4ml.converters.convert_from_keras_model(network(name), **options)
        model.compile()
        return model.predict(events(name)).astype(np.float32)


def cleaned() -> Any:
    """Return the ONNX network as hls4ml wants it."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.util.cleanup import cleanup_model

    return cleanup_model(ModelWrapper(onnx_network()))


def main() -> None:
    out, *names = sys.argv[1:]
    found = {}
    for name in names or (*NETWORKS, "onnx"):
        found[name] = emulated(name)
        print(name, found[name].shape, f"hls4ml {hls4ml.__version__}")
    np.savez_compressed(out, **found)


if __name__ == "__main__":
    main()
