"""How well a classifier separates: accuracy, ROC curve, AUC, background rejection.

Every number comes with its standard error, because two taggers on a few thousand jets differ by
chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf, nan, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from inferon.errors import DataError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured number and its standard error."""

    value: float
    error: float

    def __str__(self) -> str:
        return f"{self.value:.4g} ± {self.error:.2g}"


@dataclass(frozen=True, slots=True, eq=False)
class RocCurve:
    """Efficiencies of the selection ``score >= threshold``, from the hardest cut to none.

    Attributes
    ----------
    threshold : shape (points,)
        Strictly falling; the first is +inf, where nothing passes.
    signal_efficiency, background_efficiency : shape (points,)
        Fractions that pass, both from 0 to 1.
    """

    threshold: FloatArray
    signal_efficiency: FloatArray
    background_efficiency: FloatArray


def accuracy(scores: ArrayLike, labels: ArrayLike) -> Estimate:
    """Fraction of events whose highest score is that of their label, with the binomial error.

    Parameters
    ----------
    scores : shape (N, classes)
    labels : integers, shape (N,)
        Class indices.  Among equal scores the lowest index wins.

    Raises
    ------
    DataError
        The shapes do not fit, a score is NaN, or there are no events.
    """
    values, truth = np.asarray(scores), np.asarray(labels)
    if values.ndim != 2 or truth.shape != values.shape[:1] or len(truth) == 0:
        raise DataError(
            "accuracy needs scores (N, classes) and N labels, N > 0; "
            f"got {values.shape} and {truth.shape}"
        )
    _refuse_nan(values)
    fraction = float(np.mean(values.argmax(axis=1) == truth))
    return Estimate(fraction, sqrt(fraction * (1.0 - fraction) / len(truth)))


def roc_curve(score: ArrayLike, is_signal: ArrayLike) -> RocCurve:
    """Efficiencies at every threshold that changes them.

    Parameters
    ----------
    score : shape (N,)
        Higher is more like signal.
    is_signal : booleans, shape (N,)

    Raises
    ------
    DataError
        The shapes do not fit, a score is NaN, or signal or background is missing.
    """
    signal, background = _signal_and_background(score, is_signal)
    threshold = np.unique(np.concatenate([signal, background]))[::-1]
    return RocCurve(
        threshold=np.concatenate([[inf], threshold]),
        signal_efficiency=np.concatenate([[0.0], _fraction_passing(signal, threshold)]),
        background_efficiency=np.concatenate([[0.0], _fraction_passing(background, threshold)]),
    )


def auc(score: ArrayLike, is_signal: ArrayLike) -> Estimate:
    """Area under the ROC curve as a rank statistic: P(signal scores higher) + P(tie) / 2.

    The error is that of DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988) 837; it is NaN if
    there is a single signal or background event.

    Parameters
    ----------
    score : shape (N,)
    is_signal : booleans, shape (N,)

    Raises
    ------
    DataError
        As in ``roc_curve``.
    """
    signal, background = _signal_and_background(score, is_signal)
    # For each signal event the fraction of background below it, and the reverse.
    below_signal = _fraction_below(background, signal)
    above_background = 1.0 - _fraction_below(signal, background)
    variance = _variance_of_mean(below_signal) + _variance_of_mean(above_background)
    return Estimate(float(below_signal.mean()), sqrt(variance))


def background_rejection(
    score: ArrayLike, is_signal: ArrayLike, signal_efficiency: float
) -> Estimate:
    """Background rejection 1/ε_B at a signal efficiency ε_S.

    The threshold is the highest that keeps at least ``signal_efficiency`` of the signal.  The
    error is the binomial one of the background that passes; the threshold counts as fixed.

    Parameters
    ----------
    score : shape (N,)
    is_signal : booleans, shape (N,)
    signal_efficiency : ε_S in (0, 1]

    Returns
    -------
    1/ε_B; infinite, with an infinite error, if no background event passes.

    Raises
    ------
    DataError
        As in ``roc_curve``, or ``signal_efficiency`` is out of range.
    """
    if not 0.0 < signal_efficiency <= 1.0:
        raise DataError(f"a signal efficiency is in (0, 1], not {signal_efficiency}")
    signal, background = _signal_and_background(score, is_signal)
    # A product like 0.7 * 10 may come out above 7 by rounding; that is not an eighth event.
    keep = ceil(signal_efficiency * len(signal) * (1.0 - 1e-12))
    threshold = np.sort(signal)[::-1][keep - 1]
    passing = int(np.count_nonzero(background >= threshold))
    if passing == 0:
        return Estimate(inf, inf)
    efficiency = passing / len(background)
    error = sqrt(efficiency * (1.0 - efficiency) / len(background))
    return Estimate(1.0 / efficiency, error / efficiency**2)


def _signal_and_background(
    score: ArrayLike, is_signal: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    values = np.asarray(score, dtype=np.float64)
    chosen = np.asarray(is_signal, dtype=np.bool_)
    if values.ndim != 1 or chosen.shape != values.shape:
        raise DataError(
            f"a score and a flag per event are needed; got {values.shape} and {chosen.shape}"
        )
    _refuse_nan(values)
    if chosen.all() or not chosen.any():
        raise DataError("both signal and background events are needed; one of them is missing")
    return values[chosen], values[~chosen]


def _refuse_nan(values: NDArray[Any]) -> None:
    if np.isnan(values).any():
        raise DataError(f"{np.count_nonzero(np.isnan(values))} scores are NaN")


def _fraction_passing(values: FloatArray, threshold: FloatArray) -> FloatArray:
    below = np.searchsorted(np.sort(values), threshold, side="left")
    fraction: FloatArray = 1.0 - below / len(values)
    return fraction


def _fraction_below(values: FloatArray, limits: FloatArray) -> FloatArray:
    """Fraction of ``values`` below each limit, ties counted half."""
    ordered = np.sort(values)
    left = np.searchsorted(ordered, limits, side="left")
    right = np.searchsorted(ordered, limits, side="right")
    fraction: FloatArray = (left + right) / (2.0 * len(values))
    return fraction


def _variance_of_mean(values: FloatArray) -> float:
    """Variance of the mean; NaN for a single value, which tells nothing of it."""
    return float(values.var(ddof=1) / len(values)) if len(values) > 1 else nan
