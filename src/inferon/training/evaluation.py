"""What a trained tagger is worth on jets: the numbers that go into the record of its run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inferon.physics.metrics import Estimate, accuracy, auc, background_rejection

SIGNAL_EFFICIENCIES: tuple[float, ...] = (0.3, 0.5, 0.8)
"""Where background rejections are quoted."""

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class ClassResult:
    """How one class is told from all others.

    Attributes
    ----------
    auc : area under the ROC curve
    rejection : 1/ε_B at each signal efficiency, which is the key
    """

    auc: Estimate
    rejection: dict[str, Estimate]


@dataclass(frozen=True, slots=True)
class Result:
    """How well a classifier does on some jets."""

    jets: int
    accuracy: Estimate
    macro_auc: Estimate
    classes: dict[str, ClassResult]


def evaluate(probabilities: Array, label: Array, class_names: Sequence[str]) -> Result:
    """Measure a classifier.

    Parameters
    ----------
    probabilities : shape (N, classes)
    label : shape (N,)
    class_names : in the order of the labels
    """
    classes = {
        name: _class_result(probabilities[:, index], label == index)
        for index, name in enumerate(class_names)
    }
    return Result(
        jets=len(label),
        accuracy=accuracy(probabilities, label),
        macro_auc=Estimate(float(np.mean([each.auc.value for each in classes.values()])), 0.0),
        classes=classes,
    )


def _class_result(score: Array, is_signal: Array) -> ClassResult:
    rejection = {
        str(efficiency): background_rejection(score, is_signal, efficiency)
        for efficiency in SIGNAL_EFFICIENCIES
    }
    return ClassResult(auc(score, is_signal), rejection)


@dataclass(frozen=True, slots=True)
class AnomalyResult:
    """How well a score tells jets that it never saw from its background.

    Attributes
    ----------
    jets : of all classes
    auc : of all other classes together against the background
    classes : area under the ROC curve of each other class against the background
    """

    jets: int
    auc: Estimate
    classes: dict[str, Estimate]


def evaluate_anomaly(
    score: Array, label: Array, class_names: Sequence[str], background: Sequence[str]
) -> AnomalyResult:
    """Measure an anomaly score.

    Parameters
    ----------
    score : shape (N,)
        Higher is more anomalous.
    label : shape (N,)
    class_names : in the order of the labels
    background : the classes that the score was trained on
    """
    is_background = np.array([name in background for name in class_names])[label]
    classes = {}
    for index, name in enumerate(class_names):
        if name not in background:
            chosen = is_background | (label == index)
            classes[name] = auc(score[chosen], label[chosen] == index)
    return AnomalyResult(len(label), auc(score, ~is_background), classes)
