"""Metrics of two models on the same events: ``inferon.auc(x, y)`` and its like for `quantize`.

Both models see the same events, so chance moves their metrics together: the error of the
difference is that of the events' differences, and smaller than either error.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from inferon.analysis.estimate import Estimate
from inferon.errors import DataError
from inferon.interpret import Feed
from inferon.physics.metrics import class_indices, macro_auc_terms, scores_and_labels
from inferon.quantization.metric import Comparison

Numbers = NDArray[Any]
Scores = tuple[Numbers, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Auc:
    """Area under the ROC curve; of several classes the mean over each against all others."""

    data: Feed
    labels: Numbers

    def compare(self, before: Scores, after: Scores) -> Comparison:
        """Compare the first outputs; errors as in `inferon.physics.metrics.macro_auc`."""
        terms = [
            macro_auc_terms(_classes(each[0], self.labels), self.labels)
            for each in (before, after)
        ]
        (old, old_parts), (new, new_parts) = terms
        return Comparison(
            "AUC",
            len(self.labels),
            Estimate(old, float(np.linalg.norm(old_parts))),
            Estimate(new, float(np.linalg.norm(new_parts))),
            Estimate(new - old, float(np.linalg.norm(new_parts - old_parts))),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Accuracy:
    """Fraction of events whose highest score is that of their label."""

    data: Feed
    labels: Numbers

    def compare(self, before: Scores, after: Scores) -> Comparison:
        """Compare the first outputs; among equal scores the lowest index wins."""
        right = []
        for each in (before, after):
            values, truth = scores_and_labels(_classes(each[0], self.labels), self.labels)
            right.append((values.argmax(axis=1) == truth).astype(np.float64))
        return _of_means("accuracy", *right)


@dataclass(frozen=True, slots=True, eq=False)
class MeanSquaredError:
    """Mean over events and elements of the squared distance from the target."""

    data: Feed
    targets: Numbers

    def compare(self, before: Scores, after: Scores) -> Comparison:
        """Compare the first outputs."""
        errors = []
        for each in (before, after):
            values = np.asarray(each[0], np.float64)
            targets = self.targets.reshape(values.shape) if _fits(values, self.targets) else None
            if targets is None:
                raise DataError(
                    f"targets {self.targets.shape} do not fit outputs {values.shape}: events first"
                )
            errors.append(((values - targets) ** 2).reshape(len(values), -1).mean(axis=1))
        return _of_means("mean squared error", *errors)


def auc(x: Feed, y: ArrayLike) -> Auc:
    """Return the AUC as a metric for ``quantize``.

    The first output is a score of the signal, (events,) or (events, 1), or one for each class.  It
    is taken as it is: where classes are compared by probability, the model ends in a softmax.

    Parameters
    ----------
    x : events as the model takes them, other than those of the calibration
    y : class indices or flags, shape (N,), or one-hot rows (N, classes)
    """
    return Auc(x, _labels(x, y))


def accuracy(x: Feed, y: ArrayLike) -> Accuracy:
    """Return the accuracy as a metric for ``quantize``; a single score is cut at 0.5.

    Parameters
    ----------
    x : events as the model takes them, other than those of the calibration
    y : class indices or flags, shape (N,), or one-hot rows (N, classes)
    """
    return Accuracy(x, _labels(x, y))


def mean_squared_error(x: Feed, y: ArrayLike) -> MeanSquaredError:
    """Return the mean squared error of a regression as a metric for ``quantize``.

    Parameters
    ----------
    x : events as the model takes them, other than those of the calibration
    y : targets, of the shape of the first output
    """
    targets = np.asarray(y, np.float64)
    _refuse_other_length(x, len(targets))
    return MeanSquaredError(x, targets)


def _labels(x: Feed, y: ArrayLike) -> Numbers:
    values = np.asarray(y)
    flags = values.ndim == 2 and values.shape[1] == 1
    values = values[:, 0] if flags else values
    if values.ndim == 1 and values.dtype.kind in "bf":
        if not np.isin(values, (0, 1)).all():
            raise DataError("labels are class indices, flags, or one-hot rows")
        values = values.astype(np.intp)
    labels = class_indices(values)
    _refuse_other_length(x, len(labels))
    return labels


def _refuse_other_length(x: Feed, count: int) -> None:
    """Raise unless there is one label or target for each event."""
    arrays = [x] if isinstance(x, np.ndarray) else list(x.values() if hasattr(x, "values") else x)
    lengths = sorted({len(each) for each in arrays})
    if lengths != [count]:
        raise DataError(f"{count:,} labels or targets for {lengths} events: one for each")


def _classes(scores: Numbers, labels: Numbers) -> Numbers:
    """Return one score for each class; of a single one, those of background and signal."""
    values = np.asarray(scores, np.float64).reshape(len(labels), -1)
    return np.concatenate([1.0 - values, values], axis=1) if values.shape[1] == 1 else values


def _fits(values: Numbers, targets: Numbers) -> bool:
    return len(values) == len(targets) and values.size == targets.size


def _of_means(name: str, before: Numbers, after: Numbers) -> Comparison:
    """Compare means of one term for each event."""
    return Comparison(
        name, len(before), _mean(before), _mean(after), _mean(np.asarray(after - before))
    )


def _mean(terms: Numbers) -> Estimate:
    spread = float(terms.std(ddof=1)) if len(terms) > 1 else float("nan")
    return Estimate(float(terms.mean()), spread / sqrt(len(terms)))
