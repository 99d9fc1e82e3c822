"""Metrics against values worked out by hand (the working is in each test)."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, isnan, sqrt

import numpy as np
import pytest

from inferon.errors import DataError
from inferon.physics.metrics import (
    accuracy,
    auc,
    background_rejection,
    class_indices,
    macro_auc,
    roc_curve,
)

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
    assert curve.signal_efficiency.tolist() == [0.0, 1 / 3, 2 / 3, 2 / 3, 1.0, 1.0, 1.0]
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


def test_background_rejection_error_holds_that_of_the_threshold() -> None:
    # 16 signal jets 16 ... 1, half kept: threshold 9; one error is sqrt(16 * .5 * .5) = 2 jets,
    # so the threshold lies between 11 (6 kept) and 7 (10 kept).
    # Background 12, 9.5, 8, 7.5, and 6 at zero: 2, 1 and 4 of 10 pass at 9, 11 and 7.
    score = np.concatenate([np.arange(16.0, 0.0, -1.0), [12.0, 9.5, 8.0, 7.5], np.zeros(6)])
    result = background_rejection(score, np.arange(26) < 16, 0.5)
    assert result.value == 5.0
    efficiency_error = sqrt(0.2 * 0.8 / 10 + ((0.4 - 0.1) / 2) ** 2)
    assert result.error == pytest.approx(efficiency_error / 0.2**2, rel=1e-12)


def test_background_rejection_error_covers() -> None:
    """Of 400 repeated experiments 68.3 % lie within one error of the truth: 273 ± 9.3.

    With few signal jets the threshold is the larger part; without it about half would.
    """
    random = np.random.default_rng(12)
    truth = 0.15865525393145707  # Phi(-1): background above the median of a signal one higher
    covered = 0
    for _ in range(400):
        score = np.concatenate([random.normal(1.0, 1.0, 400), random.normal(0.0, 1.0, 1000)])
        result = background_rejection(score, np.arange(1400) < 400, 0.5)
        covered += abs(1.0 / result.value - truth) < result.error / result.value**2
    assert 273 - 4 * 9.3 < covered < 273 + 4 * 9.3


def test_background_rejection_takes_no_event_too_many() -> None:
    score = np.concatenate([np.arange(100.0, 0.0, -1.0), [93.5, 92.5]])
    is_signal = np.arange(102) < 100
    # 0.07 * 100 is above 7 by rounding; 7 signal jets: threshold 94, nothing passes; an eighth
    # jet would bring 93.5 in.
    assert 0.07 * 100 > 7
    assert background_rejection(score, is_signal, 0.07).value == inf
    assert background_rejection(score, is_signal, 0.08).value == 2.0


@pytest.mark.parametrize(
    ("score", "is_signal", "message"),
    [
        ([0.1, 0.2], [True], "a score and a flag per event"),
        ([0.1, float("nan")], [True, False], "1 scores are NaN"),
        ([0.1, 0.2], [True, True], "one of them is missing"),
        ([], [], "one of them is missing"),
        ([0.1, 0.2, 0.3], [0, 1, 2], "a signal flag is 0 or 1"),
        ([0.1, 0.2], [[0, 1], [1, 0]], "a score and a flag per event"),
    ],
)
def test_bad_input_is_refused(score: list[float], is_signal: list[bool], message: str) -> None:
    for metric in (roc_curve, auc, lambda s, f: background_rejection(s, f, 0.5)):
        with pytest.raises(DataError, match=message):
            metric(score, is_signal)


SCORES_OF_THREE = [
    [0.7, 0.2, 0.1],
    [0.4, 0.5, 0.1],
    [0.3, 0.4, 0.3],
    [0.5, 0.1, 0.4],
    [0.2, 0.2, 0.6],
    [0.1, 0.3, 0.6],
]
LABELS_OF_THREE = [0, 0, 1, 1, 2, 2]


def test_macro_auc_by_hand() -> None:
    # Class 0: signal .7 .4 against .3 .5 .2 .1: (4 + 3) / 8 = 7/8.
    # Class 1: signal .4 .1 against .2 .5 .2 .3: .4 beats 3, .1 none: 3/8.
    # Class 2: signal .6 .6 against .1 .1 .3 .4: 1.
    result = macro_auc(SCORES_OF_THREE, LABELS_OF_THREE)
    assert result.value == pytest.approx((7 / 8 + 3 / 8 + 1) / 3, rel=1e-15)
    # Each event's part of each error: (component - AUC) / sqrt(n (n - 1)), n = 2 or 4.
    # Class 0: signal components 1, 3/4; background .3: 1, .5: 1/2, .2: 1, .1: 1.
    # Class 1: signal .4: 3/4, .1: 0; background .2: 1/2, .5: 0, .2: 1/2, .3: 1/2 (event 5).
    # Class 2: all components 1.
    two, four = sqrt(2.0), sqrt(12.0)
    parts = [
        (1 - 7 / 8) / two + (1 / 2 - 3 / 8) / four,
        (3 / 4 - 7 / 8) / two + (0 - 3 / 8) / four,
        (1 - 7 / 8) / four + (3 / 4 - 3 / 8) / two,
        (1 / 2 - 7 / 8) / four + (0 - 3 / 8) / two,
        (1 - 7 / 8) / four + (1 / 2 - 3 / 8) / four,
        (1 - 7 / 8) / four + (1 / 2 - 3 / 8) / four,
    ]
    assert result.error == pytest.approx(sqrt(sum(part**2 for part in parts)) / 3, rel=1e-12)


def test_macro_auc_of_two_classes_is_the_auc() -> None:
    random = np.random.default_rng(3)
    label = (random.random(200) < 0.4).astype(np.int8)
    score = np.round(random.normal(size=200) + label, 1) / 10.0
    two, one = macro_auc(np.stack([1.0 - score, score], axis=1), label), auc(score, label)
    # Sums of 200 terms in another order.
    assert two.value == pytest.approx(one.value, rel=200 * 2.0**-52)
    assert two.error == pytest.approx(one.error, rel=200 * 2.0**-52)


def test_macro_auc_error_covers() -> None:
    """Of 300 repeated experiments 68.3 % lie within one error of the truth: 205 ± 8.1.

    Three unit normals in two dimensions, at (1, 0), (0, 1) and the origin, scored by their
    coordinates and their negative sum; the truth is measured on 300,000 events.
    """
    random = np.random.default_rng(4)

    def experiment(count: int) -> tuple[float, float]:
        label = random.integers(0, 3, count)
        place = random.normal(size=(count, 2)) + np.eye(3)[label][:, :2]
        result = macro_auc(np.column_stack([place, -place.sum(axis=1)]), label)
        return result.value, result.error

    truth, _ = experiment(300_000)
    covered = sum(
        abs(value - truth) < error for value, error in (experiment(300) for _ in range(300))
    )
    assert 205 - 4 * 8.1 < covered < 205 + 4 * 8.1


def test_macro_auc_refuses_a_missing_class() -> None:
    with pytest.raises(DataError, match=r"none of \[1\]"):
        macro_auc([[0.1, 0.2, 0.7], [0.2, 0.2, 0.6]], [0, 2])


def test_macro_auc_error_is_unknown_for_a_class_with_a_single_event() -> None:
    assert isnan(macro_auc(SCORES_OF_THREE[:5], LABELS_OF_THREE[:5]).error)


def test_class_indices() -> None:
    assert class_indices([[0, 1, 0], [1, 0, 0]]).tolist() == [1, 0]
    assert class_indices(np.array([2, 0], dtype=np.int8)).tolist() == [2, 0]
    for labels, message in (
        ([[0, 1, 1]], "row 0 .* no single 1"),
        ([[0.0, 1.0], [0.5, 0.5]], "row 1 .* no single 1"),
        ([0.0, 1.0], r"not float64 \(2,\)"),
        ([["q"]], "labels are integers"),
    ):
        with pytest.raises(DataError, match=message):
            class_indices(labels)


@pytest.mark.parametrize("metric", [accuracy, macro_auc])
def test_labels_that_are_no_class_indices_are_refused(
    metric: Callable[[object, object], object],
) -> None:
    scores = [[0.3, 0.7], [0.6, 0.4]]
    for labels, message in (
        ([[0, 1], [1, 0]], r"one-hot; metrics.class_indices\(labels\) gives"),
        ([0.0, 1.0], "integers from 0, not float64"),
        ([0, 2], "from 0 to 2, but there are scores of 2 classes"),
        ([-1, 0], "from -1 to 0"),
    ):
        with pytest.raises(DataError, match=message):
            metric(scores, labels)


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
