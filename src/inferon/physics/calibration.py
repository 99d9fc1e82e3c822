"""Are the probabilities of a classifier true?  Reliability curve, calibration error, Brier score.

A classifier is calibrated if of the events that it gives a confidence of 0.8 it gets 80 % right.
References: C. Guo et al., arXiv:1706.04599 (reliability, expected calibration error); G. W. Brier,
Mon. Weather Rev. 78 (1950) 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from inferon.errors import DataError, UsageError
from inferon.physics.metrics import Estimate, LabelArray, scores_and_labels

FloatArray = NDArray[np.float64]

BINS = 15
"""The number of bins of Guo et al."""


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """Confidence against accuracy in bins of equal width over (0, 1].

    The confidence of an event is its highest probability.  A bin without events has NaN in all
    but ``count``.

    Attributes
    ----------
    edges : shape (bins + 1,)
        A bin holds its upper edge; the first also holds 0.
    count : events in each bin, shape (bins,)
    confidence : mean confidence, shape (bins,)
    accuracy : fraction of events whose highest probability is that of their label, shape (bins,)
    error : binomial standard error of ``accuracy``, shape (bins,)
    """

    edges: FloatArray
    count: NDArray[np.intp]
    confidence: FloatArray
    accuracy: FloatArray
    error: FloatArray


def reliability(probabilities: ArrayLike, labels: ArrayLike, bins: int = BINS) -> Reliability:
    """Compare what a classifier promises with what it holds.

    Parameters
    ----------
    probabilities : shape (N, classes), rows that sum to 1
    labels : integers, shape (N,)
        Class indices.
    bins : at least 1

    Raises
    ------
    DataError
        As in ``metrics.accuracy``, or the scores are no probabilities.
    UsageError
        ``bins`` is below 1.
    """
    confidence, is_right = _confidence(*_probabilities_and_labels(probabilities, labels))
    place = _bin_of(confidence, bins)
    count = np.bincount(place, minlength=bins)
    correct = _mean_in_bins(place, is_right, count)
    return Reliability(
        edges=np.arange(bins + 1) / bins,
        count=count,
        confidence=_mean_in_bins(place, confidence, count),
        accuracy=correct,
        error=np.sqrt(correct * (1.0 - correct) / np.maximum(count, 1)),
    )


def expected_calibration_error(
    probabilities: ArrayLike, labels: ArrayLike, bins: int = BINS
) -> Estimate:
    """Mean distance between confidence and accuracy, weighted by the events in each bin.

    The error takes the sign of each bin's gap as known.  Chance makes gaps, too: a perfectly
    calibrated classifier of accuracy a has a value of up to
    sqrt(2 / pi) * sqrt(a (1 - a) * bins / N), so compare samples of one size.

    Parameters
    ----------
    probabilities, labels, bins : as in ``reliability``

    Raises
    ------
    DataError, UsageError
        As in ``reliability``.
    """
    confidence, is_right = _confidence(*_probabilities_and_labels(probabilities, labels))
    place = _bin_of(confidence, bins)
    surplus = is_right - confidence
    gap = np.bincount(place, weights=surplus, minlength=bins)
    # The sum of the gaps' sizes is one sum over events, each with the sign of its bin.
    return _mean(surplus * np.sign(gap)[place])


def brier_score(probabilities: ArrayLike, labels: ArrayLike) -> Estimate:
    """Mean over events of the squared distance from the one-hot label, from 0 (best) to 2.

    Parameters
    ----------
    probabilities, labels : as in ``reliability``

    Raises
    ------
    DataError
        As in ``reliability``.
    """
    values, truth = _probabilities_and_labels(probabilities, labels)
    distance = values - np.eye(values.shape[1])[truth]
    return _mean((distance**2).sum(axis=1))


def _probabilities_and_labels(
    probabilities: ArrayLike, labels: ArrayLike
) -> tuple[FloatArray, LabelArray]:
    values, truth = scores_and_labels(probabilities, labels)
    # A float32 softmax rounds each probability a few times: exp, sum, quotient.
    slack = 8.0 * values.shape[1] * 2.0**-24
    off = np.abs(values.sum(axis=1) - 1.0)
    if values.min() < 0.0 or off.max() > slack:
        row = int(np.maximum(off, -values.min(axis=1)).argmax())
        raise DataError(
            f"row {row} holds no probabilities: it sums to {values[row].sum():.6g}, its least is "
            f"{values[row].min():.6g}; apply the softmax to logits"
        )
    return values, truth


def _confidence(values: FloatArray, truth: LabelArray) -> tuple[FloatArray, FloatArray]:
    """Highest probability of each event, and 1 where it is that of the label, else 0."""
    return values.max(axis=1), (values.argmax(axis=1) == truth).astype(np.float64)


def _bin_of(confidence: FloatArray, bins: int) -> NDArray[np.intp]:
    if bins < 1:
        raise UsageError(f"a reliability curve has at least one bin, not {bins}")
    return np.clip(np.ceil(confidence * bins).astype(np.intp) - 1, 0, bins - 1)


def _mean_in_bins(
    place: NDArray[np.intp], values: FloatArray, count: NDArray[np.intp]
) -> FloatArray:
    total = np.bincount(place, weights=values, minlength=len(count))
    mean: FloatArray = np.divide(total, count, out=np.full(len(count), nan), where=count > 0)
    return mean


def _mean(values: FloatArray) -> Estimate:
    error = values.std(ddof=1) / sqrt(len(values)) if len(values) > 1 else nan
    return Estimate(float(values.mean()), float(error))
