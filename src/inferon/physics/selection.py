"""How well a classifier selects at a working point other than a signal efficiency.

Background rejection at a signal efficiency is in ``metrics``; it is used most.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from inferon.errors import DataError
from inferon.physics.metrics import (
    Estimate,
    background_efficiency,
    background_rejection,
    scores_and_labels,
    signal_and_background,
)

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PairRejection:
    """How well one class is kept and one other rejected.

    Attributes
    ----------
    signal, background : class indices
    rejection : 1/ε_B of the background class at the asked efficiency of the signal class
    """

    signal: int
    background: int
    rejection: Estimate


def tnr_at_tpr(
    score: ArrayLike, is_signal: ArrayLike, true_positive_rate: float = 0.9
) -> Estimate:
    """TNR (true negative rate) at a true positive rate: the A3D3 anomaly challenge's score.

    The threshold is the highest with TPR >= ``true_positive_rate``, events at the threshold
    being positive; TNR is the fraction of background below it (E. G. Campolongo et al.,
    arXiv:2503.02112: 0.90).  The error holds the threshold's own, as in
    ``metrics.background_rejection``.

    Parameters
    ----------
    score : shape (N,)
        Higher is more anomalous.
    is_signal : booleans, shape (N,)
    true_positive_rate : in (0, 1]

    Raises
    ------
    DataError
        As in ``metrics.roc_curve``, or the rate is out of range.
    """
    if not 0.0 < true_positive_rate <= 1.0:
        raise DataError(f"a true positive rate is in (0, 1], not {true_positive_rate}")
    false_positive_rate = background_efficiency(
        *signal_and_background(score, is_signal), true_positive_rate
    )
    return Estimate(1.0 - false_positive_rate.value, false_positive_rate.error)


def signal_efficiency(
    score: ArrayLike, is_signal: ArrayLike, background_efficiency: float
) -> Estimate:
    """Signal efficiency ε_S at a background efficiency ε_B, such as the rate that a trigger gets.

    The threshold is the lowest that lets at most ``background_efficiency`` of the background
    pass; an event passes if its score is above it.  The error is made of the binomial one of the
    signal and of the threshold's, as in ``metrics.background_rejection``.

    Parameters
    ----------
    score : shape (N,)
    is_signal : booleans, shape (N,)
    background_efficiency : ε_B in [0, 1]

    Raises
    ------
    DataError
        As in ``metrics.roc_curve``, or ``background_efficiency`` is out of range.
    """
    if not 0.0 <= background_efficiency <= 1.0:
        raise DataError(f"a background efficiency is in [0, 1], not {background_efficiency}")
    signal, background = signal_and_background(score, is_signal)
    # A product like 0.29 * 100 may come out below 29 by rounding; the event may pass.
    allowed = floor(background_efficiency * len(background) * (1.0 + 1e-12))
    spread = sqrt(background_efficiency * (1.0 - background_efficiency) * len(background))
    value, less, more = (
        _fraction_above_all_but(signal, background, count)
        for count in (allowed, round(allowed - spread), round(allowed + spread))
    )
    binomial = value * (1.0 - value) / len(signal)
    return Estimate(value, sqrt(binomial + ((more - less) / 2.0) ** 2))


def pair_rejections(
    probabilities: ArrayLike, labels: ArrayLike, signal_efficiency: float
) -> tuple[PairRejection, ...]:
    """Background rejection for each ordered pair of classes that occur.

    Of a pair only the events of the two classes count; their score is p_s / (p_s + p_b), as in
    the tables of JetClass (H. Qu, C. Li, S. Qian, arXiv:2202.03772), and 1/2 where both
    probabilities are 0.

    Parameters
    ----------
    probabilities : shape (N, classes)
    labels : integers, shape (N,)
        Class indices.
    signal_efficiency : ε_S in (0, 1]

    Returns
    -------
    Sorted by signal class, then by background class.

    Raises
    ------
    DataError
        As in ``metrics.accuracy``, a probability is negative, or ``signal_efficiency`` is out of
        range.
    """
    values, truth = scores_and_labels(probabilities, labels)
    if values.min() < 0.0:
        raise DataError(f"a probability is negative: {values.min()}; apply the softmax to logits")
    present = sorted(set(truth.tolist()))
    return tuple(
        PairRejection(
            signal, background, _pair(values, truth, signal, background, signal_efficiency)
        )
        for signal in present
        for background in present
        if signal != background
    )


def _pair(
    values: FloatArray, truth: NDArray[np.intp], signal: int, background: int, efficiency: float
) -> Estimate:
    chosen = (truth == signal) | (truth == background)
    for_signal, total = values[chosen, signal], values[chosen][:, [signal, background]].sum(axis=1)
    score = np.divide(for_signal, total, out=np.full(len(total), 0.5), where=total > 0.0)
    return background_rejection(score, truth[chosen] == signal, efficiency)


def _fraction_above_all_but(signal: FloatArray, background: FloatArray, count: int) -> float:
    """Fraction of signal above every background event except the ``count`` highest."""
    if count >= len(background):
        return 1.0
    threshold = np.sort(background)[::-1][max(count, 0)]
    return float(np.mean(signal > threshold))
