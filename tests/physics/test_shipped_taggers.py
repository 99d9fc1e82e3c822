"""The shipped taggers do what their logs say, on raw jets, and know nothing of this machine."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from inferon.load import load
from inferon.physics.jet_classes import CLASS_NAMES
from inferon.physics.jets import Jets
from inferon.physics.metrics import accuracy, auc
from inferon.report.model_inputs import model_inputs
from inferon.report.run_sample import sample_of
from inferon.report.runs import shipped_runs
from tests.absent import needs_package

MODELS = files("inferon") / "data" / "models"
INTERFACES: dict[str, Any] = {
    "jets_mlp": ("features", 16),
    "jets_deepsets": ("constituents", 32, 4),
}
SHAPES: dict[str, tuple[int, ...]] = {name: each[1:] for name, each in INTERFACES.items()}
pytestmark = needs_package("h5py")
each_tagger = pytest.mark.parametrize("name", INTERFACES)
needs_runtime = needs_package("onnxruntime")

SAME = 1e-5
"""Float32 noise in a probability: ONNX Runtime and torch differ by 4e-6 on these models."""


def log_of(name: str) -> dict[str, Any]:
    log: dict[str, Any] = json.loads((MODELS / f"{name}.json").read_text())
    return log


def scores_of(name: str, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    import onnxruntime

    content = (MODELS / f"{name}.onnx").read_bytes()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    scores: NDArray[np.float32] = session.run(["scores"], {INTERFACES[name][0]: inputs})[0]
    return scores


def inputs_of(name: str, jets: Jets) -> NDArray[np.float32]:
    return model_inputs(load(str(MODELS / f"{name}.onnx")), jets)


@pytest.fixture(scope="module")
def test_jets() -> dict[str, Jets]:
    runs = shipped_runs()
    sample = sample_of(runs)  # refuses a sample that they were not trained on
    return {run.name: sample.test_jets(run) for run in runs}


@each_tagger
def test_interface_and_size(name: str) -> None:
    content = (MODELS / f"{name}.onnx").read_bytes()
    assert len(content) <= 200_000
    graph = onnx.load_from_string(content).graph
    interface = [
        (value.name, [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim])
        for value in (*graph.input, *graph.output)
    ]
    input_name, *shape = INTERFACES[name]
    assert interface == [(input_name, ["batch", *shape]), ("scores", ["batch", len(CLASS_NAMES)])]


@each_tagger
def test_no_trace_of_the_machine(name: str) -> None:
    content = (MODELS / f"{name}.onnx").read_bytes()
    model = onnx.load_from_string(content)
    assert not model.doc_string
    assert not model.metadata_props
    assert not any(node.doc_string or len(node.metadata_props) for node in model.graph.node)
    assert not re.search(rb"\.py\b|/home|/work|/tmp|/usr|Traceback|site-packages", content)


@each_tagger
def test_the_epoch_of_least_validation_loss_was_kept(name: str) -> None:
    log = log_of(name)
    assert log["sample"]["path"] == "shipped"
    best = min(log["history"], key=lambda epoch: float(epoch["validation_loss"]))
    assert best["epoch"] == log["best_epoch"]


@each_tagger
@needs_runtime
def test_accuracy_and_auc_are_those_of_the_log(name: str, test_jets: dict[str, Jets]) -> None:
    jets = test_jets[name]
    scores = scores_of(name, inputs_of(name, jets))
    logged = log_of(name)["test"]["matched"]
    assert logged["jets"] == len(jets)
    # Another version of the runtime may round two equal scores apart: one jet in 4,000.
    assert abs(accuracy(scores, jets.label).value - logged["accuracy"]["value"]) < 3e-4
    for index, class_name in enumerate(CLASS_NAMES):
        found = auc(scores[:, index], jets.label == index).value
        assert abs(found - logged["classes"][class_name]["auc"]["value"]) < SAME


@each_tagger
@needs_runtime
def test_scores_are_probabilities(name: str, test_jets: dict[str, Jets]) -> None:
    scores = scores_of(name, inputs_of(name, test_jets[name]))
    assert (scores >= 0.0).all()
    # Five float32 quotients of one sum: each is off by half an ulp, the sum by a few.
    assert np.abs(scores.sum(axis=1) - 1.0).max() <= 8 * 2.0**-24


@needs_runtime
def test_a_jet_may_point_anywhere(test_jets: dict[str, Jets]) -> None:
    """Azimuth has no origin: turned by any angle, across the seam too, a jet scores the same."""
    name = "jets_deepsets"  # features know no azimuth
    raw = inputs_of(name, test_jets[name])[:500]
    padding = raw[:, :, 0] == 0.0
    turned = raw.astype(np.float64)
    turned[:, :, 2] = np.mod(turned[:, :, 2] + 2.5 + np.pi, 2 * np.pi) - np.pi
    turned[padding] = 0.0
    scores = scores_of(name, turned.astype(np.float32))
    # Rounding phi to float32 moves each angle by up to 2^-22, 2e-7 rad of some 1e-2 rad; scores
    # follow the angles with slopes of some 10 a rad.
    assert np.abs(scores - scores_of(name, raw)).max() < 1e-3


@needs_runtime
def test_padding_is_ignored(test_jets: dict[str, Jets]) -> None:
    """What stands in the angles and the energy of an empty slot makes no difference."""
    name = "jets_deepsets"  # features have no slots
    raw = inputs_of(name, test_jets[name]).copy()
    raw[:, 16:] = 0.0
    filled = raw.copy()
    filled[:, 16:, 1:3] = 1.7
    assert np.array_equal(scores_of(name, raw), scores_of(name, filled))


@each_tagger
@needs_runtime
def test_an_empty_jet_is_no_error(name: str) -> None:
    scores = scores_of(name, np.zeros((1, *SHAPES[name]), np.float32))
    assert np.isfinite(scores).all()
