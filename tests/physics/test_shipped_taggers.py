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

from inferon.physics.event_split import split_by_event
from inferon.physics.jet_classes import CLASS_NAMES
from inferon.physics.metrics import accuracy, auc
from inferon.physics.sample import Jets, shipped_jets
from tests.absent import needs_package

MODELS = files("inferon") / "data" / "models"
pytestmark = pytest.mark.parametrize(
    ("name", "constituents"), [("jets_mlp", 16), ("jets_deepsets", 32)]
)
needs_runtime = needs_package("onnxruntime")

SAME = 1e-5
"""Float32 noise in a probability: ONNX Runtime and torch differ by 4e-6 on these models."""


def log_of(name: str) -> dict[str, Any]:
    log: dict[str, Any] = json.loads((MODELS / f"{name}.json").read_text())
    return log


def scores_of(name: str, constituents: NDArray[np.float32]) -> NDArray[np.float32]:
    import onnxruntime

    content = (MODELS / f"{name}.onnx").read_bytes()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    scores: NDArray[np.float32] = session.run(["scores"], {"constituents": constituents})[0]
    return scores


@pytest.fixture(scope="module")
def test_jets() -> Jets:
    jets = shipped_jets()
    return jets.select(split_by_event(jets.event_id, train=0.7, validation=0.1, seed=0).test)


def test_interface_and_size(name: str, constituents: int) -> None:
    content = (MODELS / f"{name}.onnx").read_bytes()
    assert len(content) <= 200_000
    graph = onnx.load_from_string(content).graph
    interface = [
        (value.name, [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim])
        for value in (*graph.input, *graph.output)
    ]
    assert interface == [
        ("constituents", ["batch", constituents, 3]),
        ("scores", ["batch", len(CLASS_NAMES)]),
    ]


def test_no_trace_of_the_machine(name: str, constituents: int) -> None:
    content = (MODELS / f"{name}.onnx").read_bytes()
    model = onnx.load_from_string(content)
    assert not model.doc_string
    assert not model.metadata_props
    assert not any(node.doc_string or len(node.metadata_props) for node in model.graph.node)
    assert not re.search(rb"\.py\b|/home|/work|/tmp|/usr|Traceback|site-packages", content)


def test_trained_on_the_shipped_sample(name: str, constituents: int) -> None:
    log = log_of(name)
    assert log["sample_sha256"] == shipped_jets().card.content_sha256
    best = min(log["epochs"], key=lambda epoch: float(epoch["validation_loss"]))
    assert best["epoch"] == log["chosen_epoch"]


@needs_runtime
def test_accuracy_and_auc_are_those_of_the_log(
    name: str, constituents: int, test_jets: Jets
) -> None:
    scores = scores_of(name, test_jets.leading(constituents))
    logged = log_of(name)["test"]
    assert logged["jets"] == len(test_jets)
    # Another version of the runtime may round two equal scores apart: one jet in 4,000.
    assert abs(accuracy(scores, test_jets.label).value - logged["accuracy"]["value"]) < 3e-4
    for index, class_name in enumerate(CLASS_NAMES):
        found = auc(scores[:, index], test_jets.label == index).value
        assert abs(found - logged["classes"][class_name]["auc"]["value"]) < SAME


@needs_runtime
def test_scores_are_probabilities(name: str, constituents: int, test_jets: Jets) -> None:
    scores = scores_of(name, test_jets.leading(constituents))
    assert (scores >= 0.0).all()
    # Five float32 quotients of one sum: each is off by half an ulp, the sum by a few.
    assert np.abs(scores.sum(axis=1) - 1.0).max() <= 8 * 2.0**-24


@needs_runtime
def test_a_jet_may_point_anywhere(name: str, constituents: int, test_jets: Jets) -> None:
    """Azimuth has no origin: turned by any angle, across the seam too, a jet scores the same."""
    raw = test_jets.leading(constituents)[:500]
    padding = raw[:, :, 0] == 0.0
    turned = raw.astype(np.float64)
    turned[:, :, 2] = np.mod(turned[:, :, 2] + 2.5 + np.pi, 2 * np.pi) - np.pi
    turned[padding] = 0.0
    scores = scores_of(name, turned.astype(np.float32))
    # Rounding phi to float32 moves each angle by up to 2^-22 of 0.01 rad: 1e-5 in its log.
    assert np.abs(scores - scores_of(name, raw)).max() < 1e-3


@needs_runtime
def test_padding_is_ignored(name: str, constituents: int, test_jets: Jets) -> None:
    """What stands in the angles of an empty slot makes no difference."""
    raw = test_jets.leading(constituents).copy()
    raw[:, constituents // 2 :] = 0.0
    filled = raw.copy()
    filled[:, constituents // 2 :, 1:] = 1.7
    assert np.array_equal(scores_of(name, raw), scores_of(name, filled))


@needs_runtime
def test_an_empty_jet_is_no_error(name: str, constituents: int) -> None:
    scores = scores_of(name, np.zeros((1, constituents, 3), dtype=np.float32))
    assert np.isfinite(scores).all()
