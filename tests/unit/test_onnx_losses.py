"""Losses of classification against loops in Python, and who may see whom in a batch (2 s)."""

from __future__ import annotations

from math import exp, log
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from inferon.errors import Unsupported
from inferon.interpret import interpret
from inferon.load import load

CLASSES = 4
WEIGHTS = np.array([0.5, 2.0, 0.0, 1.25], np.float32)
EVENTS = 40
RNG = np.random.default_rng(11)
SCORES = RNG.standard_normal((EVENTS, CLASSES, 3)).astype(np.float32)
LABELS = RNG.integers(0, CLASSES, (EVENTS, 3))


EXACT = 2.0**-40
"""float64 against float64: 53 bits, less 13 for sums of some terms of size 10."""


def model(
    op: str, batch: str | int, *, weighted: bool, reduction: str, ignore: int | None
) -> ModelProto:
    attributes: dict[str, Any] = {"reduction": reduction}
    if ignore is not None:
        attributes["ignore_index"] = ignore
    names = ["x", "labels", *(["weights"] if weighted else [])]
    node = helper.make_node(op, names, ["loss"], **attributes)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, CLASSES, 3])
    labels = helper.make_tensor_value_info("labels", TensorProto.INT64, [batch, 3])
    shape = [batch, 3] if reduction == "none" else []
    loss = helper.make_tensor_value_info("loss", TensorProto.FLOAT, shape)
    weights = [numpy_helper.from_array(WEIGHTS, "weights")] if weighted else []
    graph = helper.make_graph([node], "loss", [x, labels], [loss], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def of_event(event: int, *, softmax: bool, weighted: bool, ignore: int | None) -> list[float]:
    """Return the losses of one event's labels, by the formula of the standard."""
    losses = []
    for place, label in enumerate(LABELS[event].tolist()):
        row = [float(v) for v in SCORES[event, :, place]]
        score = row[label] - (log(sum(map(exp, row))) if softmax else 0.0)
        kept = 0.0 if label == ignore else 1.0
        losses.append(-score * kept * (float(WEIGHTS[label]) if weighted else 1.0))
    return losses


@pytest.mark.parametrize("op", ["SoftmaxCrossEntropyLoss", "NegativeLogLikelihoodLoss"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ignore", [None, 1])
def test_events_in_a_batch_have_the_losses_of_the_formula(
    op: str, weighted: bool, ignore: int | None
) -> None:
    graph = load(model(op, "N", weighted=weighted, reduction="none", ignore=ignore))
    ours = interpret(graph, (SCORES, LABELS), real=True)[0]
    softmax = op.startswith("Softmax")
    expected = [
        of_event(event, softmax=softmax, weighted=weighted, ignore=ignore)
        for event in range(EVENTS)
    ]
    assert np.abs(ours - np.array(expected)).max() <= EXACT


@pytest.mark.parametrize("weighted", [False, True])
def test_the_mean_counts_weights(weighted: bool) -> None:
    graph = load(
        model("SoftmaxCrossEntropyLoss", 5, weighted=weighted, reduction="mean", ignore=1),
        batch_axis=None,
    )
    ours = interpret(graph, (SCORES[None, :5], LABELS[None, :5]), real=True)[0]
    losses = [of_event(event, softmax=True, weighted=weighted, ignore=1) for event in range(5)]
    kept = LABELS[:5] != 1
    weight = (WEIGHTS[LABELS[:5]] if weighted else np.ones((5, 3)))[kept].sum(dtype=np.float64)
    assert abs(float(ours[0]) - float(np.sum(losses)) / float(weight)) <= EXACT


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_mean_over_the_batch_is_no_result_of_an_event(reduction: str) -> None:
    made = model("SoftmaxCrossEntropyLoss", "N", weighted=False, reduction=reduction, ignore=None)
    with pytest.raises(Unsupported, match="mixes the events"):
        load(made)


def test_a_label_that_is_no_class_names_the_nearest() -> None:
    made = model("NegativeLogLikelihoodLoss", "N", weighted=False, reduction="none", ignore=None)
    ours = interpret(load(made), (SCORES[:1], np.full((1, 3), 99)))[0]
    np.testing.assert_array_equal(ours, -SCORES[:1, CLASSES - 1])
