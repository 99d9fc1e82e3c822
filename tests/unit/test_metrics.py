"""Metrics against values worked out by hand (the working is in each test)."""

from __future__ import annotations

from math import inf, isnan, sqrt

import numpy as np
import pytest

from inferon.errors import DataError
from inferon.physics.metrics import accuracy, auc, background_rejection, roc_curve

# Signal 0.9, 0.8, 0.4; background 0.7, 0.4, 0.2, 0.1.
SCORE = np.array([0.9, 0.8, 0.4, 0.7, 0.4, 0.2, 0.1])
IS_SIGNAL = np.array([True, True, True, False, False, False, False])


def test_accuracy_counts_the_highest_score_and_breaks_ties_by_index() -> None:
    scores = [[0.6, 0.4], [0.5, 0.5], [0.2, 0.8], [0.9, 0.1]]
    # Predicted 0, 0 (tie), 1, 0 against 0, 0, 1, 1: three of four; error sqrt(.75 * .25 / 4).
    result = accuracy(scores, [0, 0, 1, 1])
    assert result.value == 0.75
    assert result.error == sqrt(0.75 * 0.25 / 4)


def test_roc_curve_point_by_point() -> None:
    curve = roc_curve(SCORE, IS_SIGNAL)
    assert curve.threshold.tolist() == [inf, 0.9, 0.8, 0.7, 0.4, 0.2, 0.1]
    # At 0.4 the tied signal and background jets enter together.
    assert curve.signal_efficiency.tolist() == [
        0.0,
        1 - 2 / 3,
        1 - 1 / 3,
        1 - 1 / 3,
        1.0,
        1.0,
        1.0,
    ]
    assert curve.background_efficiency.tolist() == [0.0, 0.0, 0.0, 0.25, 0.5, 0.75, 1.0]


def test_auc_is_the_rank_statistic() -> None:
    result = auc(SCORE, IS_SIGNAL)
    # Background below 0.9: 4; below 0.8: 4; below 0.4: 2 and one tie. (4 + 4 + 2.5) / 12 = 0.875.
    assert result.value == 0.875
    # Signal components 1, 1, .625: variance 3 * (.125**2 + .125**2 + .25**2) / 3 / 2 = .046875.
    # Background components (fraction of signal above): 2/3, 5/6, 1, 1, mean 7/8;
    # squared deviations (1/576) * (25 + 1 + 9 + 9) = 44/576, variance 44/576/3.
    assert result.error == pytest.approx(sqrt(0.046875 / 3 + 44 / 576 / 3 / 4), rel=1e-12)


def test_auc_is_the_area_under_the_roc_curve() -> None:
    random = np.random.default_rng(5)
    is_signal = random.random(400) < 0.3
    score = np.round(random.normal(size=400) + is_signal, 1)  # rounded: many ties
    curve = roc_curve(score, is_signal)
    area = np.trapezoid(curve.signal_efficiency, curve.background_efficiency)
    assert auc(score, is_signal).value == pytest.approx(float(area), rel=1e-12)


def test_auc_error_covers() -> None:
    """Of 400 repeated experiments 68.3 % lie within one error of the truth: 273 ± 9.3."""
    random = np.random.default_rng(11)
    truth = 0.7602499389065233  # Phi(1 / sqrt 2): two unit normals one apart
    covered = 0
    for _ in range(400):
        score = np.concatenate([random.normal(1.0, 1.0, 200), random.normal(0.0, 1.0, 300)])
        result = auc(score, np.arange(500) < 200)
        covered += abs(result.value - truth) < result.error
    assert 273 - 4 * 9.3 < covered < 273 + 4 * 9.3


def test_auc_error_is_unknown_for_a_single_signal_event() -> None:
    assert isnan(auc([1.0, 0.0, 0.5], [True, False, False]).error)


def test_background_rejection_at_half_the_signal() -> None:
    # Half of 3 signal jets needs 2: threshold 0.8, no background passes.
    assert background_rejection(SCORE, IS_SIGNAL, 0.5).value == inf
    # All 3: threshold 0.4, background 0.7 and 0.4 pass: eps_B = 1/2, 1/eps_B = 2,
    # error sqrt(.5 * .5 / 4) / .25 = 1.
    result = background_rejection(SCORE, IS_SIGNAL, 1.0)
    assert (result.value, result.error) == (2.0, 1.0)


def test_background_rejection_takes_no_event_too_many() -> None:
    score = np.concatenate([np.arange(10.0, 0.0, -1.0), [3.5, 2.5]])
    is_signal = np.arange(12) < 10
    # 0.7 * 10 signal jets: threshold 4, nothing passes; an eighth jet would bring 3.5 in.
    assert background_rejection(score, is_signal, 0.7).value == inf
    assert background_rejection(score, is_signal, 0.8).value == 2.0


@pytest.mark.parametrize(
    ("score", "is_signal", "message"),
    [
        ([0.1, 0.2], [True], "a score and a flag per event"),
        ([0.1, float("nan")], [True, False], "1 scores are NaN"),
        ([0.1, 0.2], [True, True], "one of them is missing"),
        ([], [], "one of them is missing"),
    ],
)
def test_bad_input_is_refused(score: list[float], is_signal: list[bool], message: str) -> None:
    for metric in (roc_curve, auc, lambda s, f: background_rejection(s, f, 0.5)):
        with pytest.raises(DataError, match=message):
            metric(score, is_signal)


def test_accuracy_refuses_shapes_and_nothing() -> None:
    with pytest.raises(DataError, match=r"\(2,\) and \(2,\)"):
        accuracy([0.1, 0.2], [0, 1])
    with pytest.raises(DataError, match="N > 0"):
        accuracy(np.zeros((0, 5)), np.zeros(0))
    with pytest.raises(DataError, match="NaN"):
        accuracy([[float("nan"), 1.0]], [0])


@pytest.mark.parametrize("efficiency", [0.0, -0.1, 1.1])
def test_signal_efficiency_out_of_range(efficiency: float) -> None:
    with pytest.raises(DataError, match="a signal efficiency is in"):
        background_rejection(SCORE, IS_SIGNAL, efficiency)
