"""Working points against values worked out by hand (the working is in each test)."""

from __future__ import annotations

from math import inf, sqrt

import numpy as np
import pytest

from inferon.errors import DataError
from inferon.physics.selection import pair_rejections, signal_efficiency, tnr_at_tpr

# Ten signal events 10 ... 1, ten of background: 9.5, 1.5, and eight at 0.
SCORE = np.concatenate([np.arange(10.0, 0.0, -1.0), [9.5, 1.5], np.zeros(8)])
IS_SIGNAL = np.arange(20) < 10


def test_tnr_at_tpr_by_hand() -> None:
    # TPR 0.9 keeps 9 of 10: threshold 2.  Of the background only 9.5 is not below: TNR 9/10.
    result = tnr_at_tpr(SCORE, IS_SIGNAL)
    assert result.value == 0.9
    # One error of the threshold is sqrt(10 * .9 * .1) = 0.95, one event: thresholds 3 (8 kept)
    # and 1 (10 kept), background 1 and 2 of 10.
    assert result.error == pytest.approx(sqrt(0.1 * 0.9 / 10 + ((0.2 - 0.1) / 2) ** 2), rel=1e-12)
    # TPR 1: threshold 1, background 9.5 and 1.5 pass; no threshold is lower: binomial only.
    result = tnr_at_tpr(SCORE, IS_SIGNAL, 1.0)
    assert result.value == 0.8
    assert result.error == pytest.approx(sqrt(0.2 * 0.8 / 10), rel=1e-12)


def test_an_event_at_the_threshold_is_positive() -> None:
    # Threshold 0.5 for TPR >= 0.9; the background at 0.5 is not below it.
    assert tnr_at_tpr([0.9, 0.5, 0.5, 0.1], [True, True, False, False]).value == 0.5


def test_signal_efficiency_by_hand() -> None:
    # 10 %: one background event passes, 9.5; the threshold is 1.5, 9 of 10 are above.
    result = signal_efficiency(SCORE, IS_SIGNAL, 0.1)
    assert result.value == 0.9
    # One error is sqrt(10 * .1 * .9) = 0.95, one event: none passes (threshold 9.5, signal 1/10)
    # or two (threshold 0, all signal).
    assert result.error == pytest.approx(sqrt(0.9 * 0.1 / 10 + ((1.0 - 0.1) / 2) ** 2), rel=1e-12)
    assert signal_efficiency(SCORE, IS_SIGNAL, 0.0).value == 0.1
    assert signal_efficiency(SCORE, IS_SIGNAL, 1.0).value == 1.0


def test_signal_efficiency_never_lets_too_much_background_pass() -> None:
    # Three background events tie at 0.5; 40 % of 5 is two of them, so none may pass.
    score = [0.9, 0.5, 0.5, 0.5, 0.5, 0.1, 0.0]
    is_signal = [True, True, False, False, False, False, False]
    assert signal_efficiency(score, is_signal, 0.4).value == 0.5
    # 0.29 * 100 is below 29 by rounding: 29 events (99 ... 71) pass all the same, and 70.5 with
    # them; 28 end at 72, and the threshold is 71.
    count_up = np.concatenate([np.arange(100.0), [70.5]])
    assert signal_efficiency(count_up, np.arange(101) == 100, 0.29).value == 1.0
    assert signal_efficiency(count_up, np.arange(101) == 100, 0.28).value == 0.0


def test_signal_efficiency_error_covers() -> None:
    """Of 400 repeated experiments 68.3 % lie within one error of the truth: 273 ± 9.3."""
    random = np.random.default_rng(13)
    truth = 0.5  # background above 1, its 15.87 %, where half of the signal lies
    covered = 0
    for _ in range(400):
        score = np.concatenate([random.normal(1.0, 1.0, 1000), random.normal(0.0, 1.0, 400)])
        result = signal_efficiency(score, np.arange(1400) < 1000, 0.15865525393145707)
        covered += abs(result.value - truth) < result.error
    assert 273 - 4 * 9.3 < covered < 273 + 4 * 9.3


def test_pair_rejections_by_hand() -> None:
    scores = [
        [0.6, 0.2, 0.2],  # class 0: 0 against 1: .75, 0 against 2: .75
        [0.2, 0.2, 0.6],  # class 0: .5 and .25
        [0.1, 0.3, 0.6],  # class 1: .25
        [0.3, 0.1, 0.6],  # class 1: .75
        [0.5, 0.5, 0.0],  # class 2: 1
        [0.0, 1.0, 0.0],  # class 2: 0 against 2 undecided: .5
    ]
    labels = [0, 0, 1, 1, 2, 2]
    # 0 against 1, all signal kept: threshold .5; of class 1 one of two passes: 2.
    # 0 against 2: threshold .25; both of class 2 pass: 1.
    # 1 against 0 (.75 and .25 of class 1; .25 and .5 of class 0): threshold .25, both pass: 1.
    # 1 against 2: .3/.9 and .1/.7; class 2 at 1 and 1: 1.
    # 2 against 0: 0 and .5; class 0 at .25, .75: 1.  2 against 1: 0 and 0; all pass: 1.
    found = {
        (each.signal, each.background): each.rejection
        for each in pair_rejections(scores, labels, 1.0)
    }
    assert {pair: result.value for pair, result in found.items()} == {
        (0, 1): 2.0,
        (0, 2): 1.0,
        (1, 0): 1.0,
        (1, 2): 1.0,
        (2, 0): 1.0,
        (2, 1): 1.0,
    }
    # sqrt(.5 * .5 / 2) / .25, the threshold has nowhere to go at full efficiency.
    assert found[0, 1].error == pytest.approx(sqrt(0.125) / 0.25, rel=1e-12)
    # At half the signal 0 against 1: threshold .75, the second of class 1 passes still;
    # 0 against 2 likewise one of two.
    half = {
        (each.signal, each.background): each.rejection.value
        for each in pair_rejections(scores, labels, 0.5)
    }
    assert (half[0, 1], half[0, 2]) == (2.0, 2.0)


def test_pair_rejections_leave_out_absent_classes() -> None:
    found = pair_rejections([[0.9, 0.1, 0.0], [0.1, 0.9, 0.0]], [0, 1], 0.5)
    assert [(each.signal, each.background) for each in found] == [(0, 1), (1, 0)]
    assert [each.rejection.value for each in found] == [inf, inf]


def test_bad_input_is_refused() -> None:
    nan = float("nan")
    for metric in (tnr_at_tpr, signal_efficiency):
        for score, flags, message in (
            ([0.1, nan], [True, False], "1 scores are NaN"),
            ([], [], "one of them is missing"),
            ([0.1, 0.2], [True], "a score and a flag"),
            ([0.1, 0.2, 0.3], [0, 1, 2], "a signal flag is 0 or 1"),
        ):
            with pytest.raises(DataError, match=message):
                metric(score, flags, 0.5)
    with pytest.raises(DataError, match="a true positive rate is in"):
        tnr_at_tpr(SCORE, IS_SIGNAL, 0.0)
    with pytest.raises(DataError, match="a background efficiency is in"):
        signal_efficiency(SCORE, IS_SIGNAL, 1.5)
    with pytest.raises(DataError, match="one-hot"):
        pair_rejections([[0.5, 0.5]], [[0, 1]], 0.5)
    with pytest.raises(DataError, match="a signal efficiency is in"):
        pair_rejections([[0.5, 0.5], [0.5, 0.5]], [0, 1], 0.0)
    with pytest.raises(DataError, match=r"negative: -3.0; apply the softmax"):
        pair_rejections([[-3.0, 4.0], [0.5, 0.5]], [0, 1], 0.5)
