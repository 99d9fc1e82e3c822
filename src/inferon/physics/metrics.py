"""How well a classifier separates: accuracy, ROC curve, AUC, macro AUC, background rejection.

Every number comes with its standard error, because two taggers on a few thousand jets differ by
chance.  Working points of other kinds are in ``selection``, probabilities in ``calibration``.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf, nan, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from inferon.analysis.estimate import Estimate as Estimate
from inferon.errors import DataError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
LabelArray = NDArray[np.intp]


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
        The shapes do not fit, a score is NaN, there are no events, or the labels are one-hot, no
        integers or no classes.
    """
    values, truth = scores_and_labels(scores, labels)
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
        The shapes do not fit, a score is NaN, a flag is neither false nor true, or signal or
        background is missing.
    """
    signal, background = signal_and_background(score, is_signal)
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
    below_signal, above_background = _structure_components(
        *signal_and_background(score, is_signal)
    )
    variance = _variance_of_mean(below_signal) + _variance_of_mean(above_background)
    return Estimate(float(below_signal.mean()), sqrt(variance))


def macro_auc(scores: ArrayLike, labels: ArrayLike) -> Estimate:
    """Unweighted mean over the classes of the AUC of each class against all others.

    The AUCs come from the same events, so their errors are correlated.  With the structure
    components of DeLong et al. (see ``auc``) each AUC is a sum of one term per event; the
    error is that of the mean of these terms over the classes.  For two classes whose scores sum
    to one it is the error of ``auc``.  It is NaN if a class has a single event.

    Parameters
    ----------
    scores : shape (N, classes)
    labels : integers, shape (N,)
        Class indices; every class must occur.

    Raises
    ------
    DataError
        As in ``accuracy``, or a class has no event.
    """
    values, truth = scores_and_labels(scores, labels)
    area, deviation = _macro_auc(values, truth)
    return Estimate(area, float(np.linalg.norm(deviation)) / values.shape[1])


def macro_auc_terms(scores: ArrayLike, labels: ArrayLike) -> tuple[float, FloatArray]:
    """Macro AUC with each event's part of its error: the parts' squares sum to the variance.

    The difference of the parts of two models on the same events is that of their AUCs' difference
    (DeLong et al., section 3).  Parameters and errors are those of ``macro_auc``.
    """
    values, truth = scores_and_labels(scores, labels)
    area, deviation = _macro_auc(values, truth)
    return area, deviation / values.shape[1]


def _macro_auc(values: FloatArray, truth: LabelArray) -> tuple[float, FloatArray]:
    """Return the macro AUC, and the sum over classes of each event's part of the error."""
    classes = values.shape[1]
    missing = sorted(set(range(classes)) - set(truth.tolist()))
    if missing or classes < 2:
        raise DataError(f"the macro AUC needs events of two classes or more; none of {missing}")
    areas = np.zeros(classes)
    deviation = np.zeros(len(truth))
    for index in range(classes):
        is_signal = truth == index
        below_signal, above_background = _structure_components(
            values[is_signal, index], values[~is_signal, index]
        )
        areas[index] = below_signal.mean()
        deviation[is_signal] += _share_of_error(below_signal)
        deviation[~is_signal] += _share_of_error(above_background)
    return float(areas.mean()), deviation


def background_rejection(
    score: ArrayLike, is_signal: ArrayLike, signal_efficiency: float
) -> Estimate:
    """Background rejection 1/ε_B at a signal efficiency ε_S.

    The threshold is the highest that keeps at least ``signal_efficiency`` of the signal.  Two
    things are uncertain: how many background events pass (binomial), and the threshold, because
    it is a quantile of a finite signal sample.  The second is half the change of ε_B between the
    thresholds whose signal efficiencies are one binomial error apart from ε_S (R. S. Woodruff,
    J. Am. Stat. Assoc. 47 (1952) 635).

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
    signal, background = signal_and_background(score, is_signal)
    efficiency = background_efficiency(signal, background, signal_efficiency)
    if efficiency.value == 0.0:
        return Estimate(inf, inf)
    return Estimate(1.0 / efficiency.value, efficiency.error / efficiency.value**2)


def background_efficiency(
    signal: FloatArray, background: FloatArray, signal_efficiency: float
) -> Estimate:
    """ε_B at ε_S from the scores of signal and background; see ``background_rejection``."""
    # A product like 0.7 * 10 may come out above 7 by rounding; that is not an eighth event.
    keep = ceil(signal_efficiency * len(signal) * (1.0 - 1e-12))
    spread = sqrt(signal_efficiency * (1.0 - signal_efficiency) * len(signal))
    counts = np.clip([keep, round(keep - spread), round(keep + spread)], 1, len(signal))
    thresholds = np.sort(signal)[::-1][counts - 1]
    value, less, more = _fraction_passing(background, thresholds).tolist()
    binomial = value * (1.0 - value) / len(background)
    return Estimate(value, sqrt(binomial + ((more - less) / 2.0) ** 2))


def class_indices(labels: ArrayLike) -> LabelArray:
    """Class indices of labels that are one-hot or are class indices already.

    Parameters
    ----------
    labels : shape (N, classes) with a single 1 in each row, or integers of shape (N,)

    Raises
    ------
    DataError
        The labels are neither.
    """
    values = np.asarray(labels)
    if values.ndim == 1 and values.dtype.kind in "iu":
        return values.astype(np.intp)
    if values.ndim != 2 or values.dtype.kind not in "biuf":
        raise DataError(
            "labels are integers (N,) or one-hot rows (N, classes), "
            f"not {values.dtype} {values.shape}"
        )
    wrong = ((values != 0) & (values != 1)).any(axis=1) | ((values == 1).sum(axis=1) != 1)
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(f"row {row} of the one-hot labels has no single 1: {values[row].tolist()}")
    indices: LabelArray = values.argmax(axis=1)
    return indices


def scores_and_labels(scores: ArrayLike, labels: ArrayLike) -> tuple[FloatArray, LabelArray]:
    """Scores (N, classes) and class indices (N,), N > 0, or a ``DataError``."""
    values, truth = np.asarray(scores, dtype=np.float64), np.asarray(labels)
    if truth.ndim == 2:
        raise DataError(
            f"the labels {truth.shape} look one-hot; metrics.class_indices(labels) gives the "
            "integers that are needed"
        )
    if values.ndim != 2 or truth.shape != values.shape[:1] or len(truth) == 0:
        raise DataError(
            "scores (N, classes) and N labels are needed, N > 0; "
            f"got {values.shape} and {truth.shape}"
        )
    if truth.dtype.kind not in "iu":
        raise DataError(f"labels are integers from 0, not {truth.dtype}")
    if truth.min() < 0 or truth.max() >= values.shape[1]:
        raise DataError(
            f"labels run from {truth.min()} to {truth.max()}, but there are scores of "
            f"{values.shape[1]} classes"
        )
    _refuse_nan(values)
    return values, truth.astype(np.intp)


def signal_and_background(score: ArrayLike, is_signal: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Scores of the signal and of the background, neither empty, or a ``DataError``."""
    values, flags = np.asarray(score, dtype=np.float64), np.asarray(is_signal)
    if values.ndim != 1 or flags.shape != values.shape:
        raise DataError(
            f"a score and a flag per event are needed; got {values.shape} and {flags.shape}"
        )
    chosen = flags.astype(np.bool_)
    if (chosen != flags).any():
        raise DataError("a signal flag is 0 or 1; compare labels of several classes with one")
    _refuse_nan(values)
    if chosen.all() or not chosen.any():
        raise DataError("both signal and background events are needed; one of them is missing")
    return values[chosen], values[~chosen]


def _refuse_nan(values: NDArray[Any]) -> None:
    if np.isnan(values).any():
        raise DataError(f"{np.count_nonzero(np.isnan(values))} scores are NaN")


def _fraction_passing(values: FloatArray, threshold: FloatArray) -> FloatArray:
    below = np.searchsorted(np.sort(values), threshold, side="left")
    fraction: FloatArray = (len(values) - below) / len(values)
    return fraction


def _fraction_below(values: FloatArray, limits: FloatArray) -> FloatArray:
    """Fraction of ``values`` below each limit, ties counted half."""
    ordered = np.sort(values)
    left = np.searchsorted(ordered, limits, side="left")
    right = np.searchsorted(ordered, limits, side="right")
    fraction: FloatArray = (left + right) / (2.0 * len(values))
    return fraction


def _structure_components(
    signal: FloatArray, background: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """For each signal event the fraction of background below it, and the reverse."""
    return _fraction_below(background, signal), 1.0 - _fraction_below(signal, background)


def _share_of_error(values: FloatArray) -> FloatArray:
    """Each value's part of the error of their mean: the parts' squares sum to its variance."""
    count = len(values)
    if count < 2:
        return np.full(count, nan)
    share: FloatArray = (values - values.mean()) / sqrt(count * (count - 1))
    return share


def _variance_of_mean(values: FloatArray) -> float:
    """Variance of the mean; NaN for a single value, which tells nothing of it."""
    return float(values.var(ddof=1) / len(values)) if len(values) > 1 else nan
