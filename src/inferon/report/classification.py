"""What the scores of a tagger say about its jets: the numbers behind curves, tables, histograms.

A class is told from all the others by its own score.  A model with one output, an anomaly score,
tells each class from the background classes instead.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inferon.errors import DataError
from inferon.physics.calibration import Reliability, expected_calibration_error, reliability
from inferon.physics.metrics import (
    Estimate,
    accuracy,
    auc,
    background_rejection,
    macro_auc,
    roc_curve,
)

Numbers = NDArray[np.float64]

SIGNAL_EFFICIENCIES = (0.3, 0.5, 0.8)
"""At which background rejections are quoted: the working points of the tagging papers."""

CURVE_GRID: Numbers = np.linspace(0.0, 1.0, 101)
"""Signal efficiencies of a drawn curve: a step is a point of print."""

SCORE_BINS = 32
"""Bins of a score; with 800 jets of a class, 25 in each on average."""

UNIT: Numbers = np.linspace(0.0, 1.0, SCORE_BINS + 1)
"""Edges of the bins of a probability."""

TAIL = 0.01
"""An anomaly score has no upper end: this part of the jets is counted in the last bin."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A ROC curve as it is drawn.

    Attributes
    ----------
    background_efficiency : shape (points,)
        At the signal efficiencies ``CURVE_GRID``: the least that reaches each of them.
    background_jets : number of jets behind it
    """

    background_efficiency: Numbers
    background_jets: int

    @property
    def error(self) -> Numbers:
        """The binomial standard error of the background efficiency, shape (points,)."""
        efficiency = self.background_efficiency
        return np.sqrt(efficiency * (1.0 - efficiency) / self.background_jets)


@dataclass(frozen=True, slots=True, eq=False)
class ClassResult:
    """How well one class is told from its background.

    Attributes
    ----------
    name : of the class
    auc : area under the ROC curve
    rejections : 1/ε_B at each of ``SIGNAL_EFFICIENCIES``
    curve, peer_curve : from the C++ and from ONNX Runtime
    """

    name: str
    auc: Estimate
    rejections: tuple[Estimate, ...]
    curve: Curve
    peer_curve: Curve


@dataclass(frozen=True, slots=True, eq=False)
class ScoreHistogram:
    """How one score is distributed over the jets of each class.

    Attributes
    ----------
    name : of the score
    edges : shape (bins + 1,)
    fractions : shape (classes, bins)
        The fraction of a true class's jets in each bin.
    """

    name: str
    edges: Numbers
    fractions: Numbers


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Whether the probabilities are true: in bins, and as one number."""

    reliability: Reliability
    expected_error: Estimate


@dataclass(frozen=True, slots=True, eq=False)
class Classification:
    """All that the scores of one model say.

    Attributes
    ----------
    accuracy : of the decision for the highest score; None for a model with one score
    calibration : of its probabilities; None for a model with one score
    macro_auc : the mean of the classes' areas
    classes : one result each; classes of the background of an anomaly score have none
    histograms : one for each score
    """

    accuracy: Estimate | None
    calibration: Calibration | None
    macro_auc: Estimate
    classes: tuple[ClassResult, ...]
    histograms: tuple[ScoreHistogram, ...]


def classification(
    scores: NDArray[np.float32],
    peer_scores: NDArray[np.float32],
    label: NDArray[np.int8],
    class_names: tuple[str, ...],
    background: tuple[str, ...] = (),
) -> Classification:
    """Return what the scores of some jets say.

    Parameters
    ----------
    scores, peer_scores : shape (N, classes), or (N, 1) for an anomaly score
        From the C++ and from ONNX Runtime.
    label : shape (N,)
    class_names : in the order of the labels
    background : what an anomaly score tells the other classes from

    Raises
    ------
    DataError
        When the outputs of the model are not one for each class.
    """
    if scores.ndim == 2 and scores.shape[1] == 1:
        return _anomaly(scores, peer_scores, label, class_names, background)
    if scores.ndim != 2 or scores.shape[1] != len(class_names):
        raise DataError(
            f"the model gives {scores.shape[1:]} numbers for a jet, and the sample has the "
            f"{len(class_names)} classes {', '.join(class_names)}: give a sample of its classes"
        )
    every = np.ones(len(label), np.bool_)
    classes = tuple(
        _result(name, scores[:, index], peer_scores[:, index], label == index, every)
        for index, name in enumerate(class_names)
    )
    return Classification(
        accuracy(scores, label),
        Calibration(reliability(scores, label), expected_calibration_error(scores, label)),
        macro_auc(scores, label),
        classes,
        tuple(
            _histogram(f"P({name})", scores[:, index], label, len(class_names), UNIT)
            for index, name in enumerate(class_names)
        ),
    )


def _anomaly(
    scores: NDArray[np.float32],
    peer_scores: NDArray[np.float32],
    label: NDArray[np.int8],
    class_names: tuple[str, ...],
    background: tuple[str, ...],
) -> Classification:
    """Tell each class that is no background from those that are."""
    if not background or not set(background) < set(class_names):
        raise DataError(
            "the model gives one score, and its run does not say which of the classes "
            f"{', '.join(class_names)} are its background"
        )
    mine, theirs = scores[:, 0], peer_scores[:, 0]
    is_background = np.isin(label, [class_names.index(name) for name in background])
    classes = tuple(
        _result(name, mine, theirs, label == index, is_background | (label == index))
        for index, name in enumerate(class_names)
        if name not in background
    )
    edges = np.linspace(float(mine.min()), float(np.quantile(mine, 1 - TAIL)), SCORE_BINS + 1)
    histogram = _histogram("anomaly score", mine, label, len(class_names), edges)
    return Classification(None, None, _mean_area(classes), classes, (histogram,))


def _result(
    name: str,
    score: NDArray[np.float32],
    peer_score: NDArray[np.float32],
    is_signal: NDArray[np.bool_],
    counts: NDArray[np.bool_],
) -> ClassResult:
    """Return the result of one class among the jets that count."""
    mine, theirs, signal = score[counts], peer_score[counts], is_signal[counts]
    return ClassResult(
        name,
        auc(mine, signal),
        tuple(background_rejection(mine, signal, each) for each in SIGNAL_EFFICIENCIES),
        _curve(mine, signal),
        _curve(theirs, signal),
    )


def _curve(score: NDArray[np.float32], is_signal: NDArray[np.bool_]) -> Curve:
    full = roc_curve(score, is_signal)
    # The first point that reaches an efficiency; efficiencies are counts, so a product of the
    # grid may lie above one of them by rounding alone.
    first = np.searchsorted(full.signal_efficiency, CURVE_GRID * (1.0 - 1e-12))
    return Curve(full.background_efficiency[first], int(np.count_nonzero(~is_signal)))


def _mean_area(classes: tuple[ClassResult, ...]) -> Estimate:
    """Return the mean area; the classes share their background, so errors add up linearly."""
    values = [each.auc.value for each in classes]
    errors = [each.auc.error for each in classes]
    return Estimate(float(np.mean(values)), float(np.mean(errors)))


def _histogram(
    name: str, score: NDArray[np.float32], label: NDArray[np.int8], classes: int, edges: Numbers
) -> ScoreHistogram:
    inside = np.clip(score.astype(np.float64), edges[0], edges[-1])
    counts = [np.histogram(inside[label == index], edges)[0] for index in range(classes)]
    jets = [max(1, np.count_nonzero(label == index)) for index in range(classes)]
    return ScoreHistogram(name, edges, np.array(counts) / np.array(jets)[:, None])
