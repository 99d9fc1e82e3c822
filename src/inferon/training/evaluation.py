"""What a trained tagger is worth on jets: the numbers that go into the record of its run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inferon.physics.calibration import expected_calibration_error
from inferon.physics.metrics import Estimate, accuracy, auc, background_rejection, macro_auc
from inferon.physics.selection import tnr_at_tpr

SIGNAL_EFFICIENCIES: tuple[float, ...] = (0.3, 0.5, 0.8)
"""Where background rejections are quoted."""

TRUE_POSITIVE_RATE = 0.9
"""Where the true negative rate of an anomaly score is quoted."""

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
    """How well a classifier does on some jets.

    Attributes
    ----------
    jets : how many
    accuracy : fraction whose highest probability is that of their class
    macro_auc : mean over the classes of the area under the ROC curve
    calibration_error : mean distance of confidence and accuracy
    classes : by name
    """

    jets: int
    accuracy: Estimate
    macro_auc: Estimate
    calibration_error: Estimate
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
        macro_auc=macro_auc(probabilities, label),
        calibration_error=expected_calibration_error(probabilities, label),
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
    tnr_at_tpr : fraction of the background that is kept out where ``TRUE_POSITIVE_RATE`` of the
        others is found
    classes : area under the ROC curve of each other class against the background
    """

    jets: int
    auc: Estimate
    tnr_at_tpr: Estimate
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
    return AnomalyResult(
        jets=len(label),
        auc=auc(score, ~is_background),
        tnr_at_tpr=tnr_at_tpr(score, ~is_background, TRUE_POSITIVE_RATE),
        classes=classes,
    )
