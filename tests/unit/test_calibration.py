"""Calibration against values worked out by hand (the working is in each test)."""

from __future__ import annotations

from math import isnan, sqrt

import numpy as np
import pytest

from inferon.errors import DataError, UsageError
from inferon.physics.calibration import brier_score, expected_calibration_error, reliability

# Confidences .75 (right), .875 (wrong), 1 (right), .5 (right; the tie goes to class 0).
SCORES = [[0.75, 0.25], [0.125, 0.875], [0.0, 1.0], [0.5, 0.5]]
LABELS = [0, 0, 1, 0]


def test_reliability_by_hand() -> None:
    # Four bins (0, .25], (.25, .5], (.5, .75], (.75, 1]: upper edges belong to their bin.
    curve = reliability(SCORES, LABELS, bins=4)
    assert curve.edges.tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert curve.count.tolist() == [0, 1, 1, 2]
    assert isnan(curve.confidence[0])
    assert isnan(curve.accuracy[0])
    assert isnan(curve.error[0])
    assert curve.confidence[1:].tolist() == [0.5, 0.75, 0.9375]
    assert curve.accuracy[1:].tolist() == [1.0, 1.0, 0.5]
    assert curve.error[1:].tolist() == [0.0, 0.0, sqrt(0.5 * 0.5 / 2)]


def test_expected_calibration_error_by_hand() -> None:
    # 1/4 * .5 + 1/4 * .25 + 2/4 * .4375 = .40625.
    result = expected_calibration_error(SCORES, LABELS, bins=4)
    assert result.value == 0.40625
    # Terms with the sign of their bin: .5, .25, and -(0 - .875), -(1 - 1) = .875, 0;
    # squared deviations from .40625: .0087890625 + .0244140625 + .2197265625 + .1650390625.
    assert result.error == pytest.approx(sqrt(0.41796875 / 3 / 4), rel=1e-12)


def test_one_bin_compares_the_means() -> None:
    # Mean confidence (.75 + .875 + 1 + .5) / 4 = .78125, accuracy .75.
    assert expected_calibration_error(SCORES, LABELS, bins=1).value == 0.03125


def test_brier_score_by_hand() -> None:
    # 2 * .25^2 = .125, 2 * .875^2 = 1.53125, 0, 2 * .5^2 = .5: mean .5390625.
    result = brier_score(SCORES, LABELS)
    assert result.value == 0.5390625
    terms = np.array([0.125, 1.53125, 0.0, 0.5])
    assert result.error == pytest.approx(sqrt(((terms - 0.5390625) ** 2).sum() / 3 / 4), rel=1e-12)


def test_a_calibrated_classifier_is_found_calibrated() -> None:
    """Labels drawn with the probabilities: gaps are of the size that chance makes.

    The docstring's bound at accuracy 1/2, where it is largest: sqrt(2 / pi) sqrt(bins / 4 N).
    Overconfident by squaring the odds, the same labels give a gap of many errors.
    """
    random = np.random.default_rng(1)
    count = 20_000
    probability = random.random(count)
    label = (random.random(count) < probability).astype(np.int64)
    honest = np.stack([1.0 - probability, probability], axis=1)
    result = expected_calibration_error(honest, label)
    chance = sqrt(2.0 / np.pi) * sqrt(15 / (4.0 * count))
    assert result.value < chance + 4.0 * result.error
    boastful = honest**2 / (honest**2).sum(axis=1, keepdims=True)
    result = expected_calibration_error(boastful, label)
    # Mean of q^2 / (q^2 + (1-q)^2) - q over q from 1/2 to 1: pi/4 less the mean 3/4 of q... the
    # integral of 2 q^2 / (2 q^2 - 2 q + 1) over [1/2, 1] is 1/2 + ln(2)/2.
    expected = 0.5 + np.log(2.0) / 2.0 - 0.75
    assert abs(result.value - expected) < 4.0 * result.error
    assert brier_score(boastful, label).value > brier_score(honest, label).value


def test_error_of_a_single_event_is_unknown() -> None:
    assert isnan(brier_score([[0.5, 0.5]], [0]).error)


@pytest.mark.parametrize("metric", [reliability, expected_calibration_error, brier_score])
def test_bad_input_is_refused(metric: object) -> None:
    assert callable(metric)
    for scores, labels, message in (
        ([[2.0, -1.0]], [0], r"row 0 .* its least is -1; apply the softmax"),
        ([[0.5, 0.5], [0.5, 0.6]], [0, 1], r"row 1 .* sums to 1.1"),
        ([[0.5, 0.5]], [[0, 1]], "one-hot"),
        ([[0.5, float("nan")]], [0], "NaN"),
        (np.zeros((0, 2)), [], "N > 0"),
        ([[0.5, 0.5]], [2], "scores of 2 classes"),
    ):
        with pytest.raises(DataError, match=message):
            metric(scores, labels)


def test_no_bins_are_refused() -> None:
    with pytest.raises(UsageError, match="at least one bin, not 0"):
        reliability(SCORES, LABELS, bins=0)


def test_float32_softmax_is_a_probability() -> None:
    logits = np.random.default_rng(2).normal(0.0, 4.0, (2000, 10)).astype(np.float32)
    raised = np.exp(logits)
    brier_score(raised / raised.sum(axis=1, keepdims=True), np.zeros(2000, dtype=np.int8))
