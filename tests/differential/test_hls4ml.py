"""Networks in the types of hls4ml configurations: the bits of hls4ml's own emulation.

Where hls4ml is installed (scripts/hls4ml.sh), it runs; otherwise its recorded outputs stand in
(hls4ml 1.3.0, Vitis backend, by the same script).  10,000 events each.
"""

from __future__ import annotations

import copy
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import inferon
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.values import Array
from tests.absent import needs_package
from tests.differential.hls4ml_networks import (
    NETWORKS,
    ONNX_CONFIG,
    events,
    network,
    onnx_network,
)
from tests.golden_files import FOLDER

ROOT = Path(__file__).resolve().parents[2]
PEER = ROOT / ".venv-hls4ml" / "bin" / "python"
"""What scripts/hls4ml.sh makes."""

NAMES = (*NETWORKS, "onnx")
INTERPRETED = 1_000
"""The interpreter takes 10,000 events of the image network in a minute or more."""

pytestmark = [
    needs_package("keras", "torch"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # of Keras
]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Any:
    if not PEER.exists():
        return np.load(FOLDER / "hls4ml_outputs.npz")
    out = tmp_path_factory.mktemp("hls4ml") / "outputs.npz"
    program = ROOT / "benchmarks" / "hls4ml" / "record.py"
    subprocess.run([PEER, program, out], check=True, capture_output=True)
    return np.load(out)


def config(name: str) -> dict[str, Any]:
    return copy.deepcopy(ONNX_CONFIG if name == "onnx" else NETWORKS[name][2])


@cache
def model(name: str) -> Any:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    return onnx_network() if name == "onnx" else network(name)


def outputs(graph: Graph, x: Array) -> Array:
    return np.asarray(inferon.compile(graph, inferon.Cpp()).predict(x))


@pytest.mark.parametrize("name", NAMES)
def test_the_bits_are_those_of_hls4ml(name: str, recorded: Any) -> None:
    graph = inferon.from_hls4ml(model(name), config(name))
    x, expected = events(name), recorded[name].reshape(10_000, -1)
    assert np.unique(expected).size > 100  # the events mean something to the network
    assert np.array_equal(outputs(graph, x), expected)
    (interpreted,) = interpret(graph, x[:INTERPRETED])
    assert np.array_equal(interpreted, expected[:INTERPRETED])


FAULTS = {
    "a product is rounded, not truncated": ("normalized", "fc2", "accum", "ap_fixed<13,6,AP_RND>"),
    "half even for half up": ("image", "relu1", "result", "ap_ufixed<6,2,AP_RND_CONV,AP_SAT>"),
    "wrap for saturate": ("sequence", "c1", "accum", "ap_fixed<9,2,AP_RND,AP_WRAP>"),
    "an accumulator of one bit less": (
        "sequence",
        "c2",
        "accum",
        "ap_fixed<7,1,AP_TRN,AP_SAT_SYM>",
    ),
    "one bit more": ("residual", "fc1_relu", "result", "ap_ufixed<6,2>"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_another_type_gives_other_bits(fault: str, recorded: Any) -> None:
    name, layer, kind, wrong = FAULTS[fault]
    planted = config(name)
    planted["LayerName"][layer]["Precision"][kind] = wrong
    graph = inferon.from_hls4ml(model(name), planted)
    expected = recorded[name].reshape(10_000, -1)
    assert not np.array_equal(outputs(graph, events(name)), expected)


def test_weights_are_read_as_the_decimals_that_hls4ml_writes(recorded: Any) -> None:
    """0.06246 has four digits in fixed<6,2>: it is 0.0625, and not 0 as truncation would say."""
    from inferon.frontends.hls4ml.emit import stored_constant
    from inferon.frontends.hls4ml.precision import parse_precision

    node = stored_constant(np.array([0.06246, -0.06246]), parse_precision("fixed<6,2>"), "w")
    assert node.op.values.array.tolist() == [1, -1]  # type: ignore[attr-defined]
