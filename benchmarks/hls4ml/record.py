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

from tests.differential.hls4ml_networks import NETWORKS, events, network


def emulated(name: str) -> Any:
    """Return what hls4ml computes for the events of a network."""
    config = copy.deepcopy(NETWORKS[name][2])
    with tempfile.TemporaryDirectory() as folder:
        model = hls4ml.converters.convert_from_keras_model(
            network(name),
            hls_config=config,
            backend="Vitis",
            io_type="io_parallel",
            output_dir=str(Path(folder) / name),
        )
        model.compile()
        return model.predict(events(name)).astype(np.float32)


def main() -> None:
    out, *names = sys.argv[1:]
    found = {}
    for name in names or NETWORKS:
        found[name] = emulated(name)
        print(name, found[name].shape, f"hls4ml {hls4ml.__version__}")
    np.savez_compressed(out, **found)


if __name__ == "__main__":
    main()
