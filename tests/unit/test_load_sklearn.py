"""Live scikit-learn pipelines: as their own predictions in float32, without an example (5 s)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVR

import inferon
from inferon.errors import DataError, Unsupported, UsageError
from inferon.load import find_gaps

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.default_rng(3).standard_normal((120, 5)).astype(np.float32)
ENERGY = 2.0 * X[:, 0] - X[:, 1]
CLASSES = np.digitize(X[:, 0], [-0.5, 0.5])
PAIR = (X[:, 0] > 0).astype(np.int64)


def _mlp(kind: type[Any]) -> Any:
    return kind(hidden_layer_sizes=(8,), max_iter=30, random_state=1)


REGRESSORS = {
    "mlp": (make_pipeline(StandardScaler(), _mlp(MLPRegressor)), ENERGY),
    "components": (make_pipeline(PCA(3), _mlp(MLPRegressor)), ENERGY),
    "linear": (make_pipeline(MinMaxScaler(), Ridge()), ENERGY),
    "alone": (LinearRegression(), ENERGY),
}
CLASSIFIERS = {
    "two": (make_pipeline(StandardScaler(), _mlp(MLPClassifier)), PAIR),
    "three": (make_pipeline(StandardScaler(), _mlp(MLPClassifier)), CLASSES),
    "logistic": (LogisticRegression(), CLASSES),
}

ROUNDED = 2.0**-18
"""Weights and sums in float32 instead of float64: of a few dozen terms, 32 times 2**-23."""


@pytest.mark.parametrize("name", REGRESSORS)
def test_a_regressor_predicts_the_same(name: str) -> None:
    model, target = REGRESSORS[name]
    graph = inferon.load(model.fit(X, target))
    (got,) = inferon.interpret(graph, X[:20])
    expected = model.predict(X[:20])
    assert np.abs(got.ravel() - expected).max() <= ROUNDED * np.abs(expected).max()


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_gives_labels_and_probabilities(name: str) -> None:
    model, target = CLASSIFIERS[name]
    graph = inferon.load(model.fit(X, target))
    labels, probabilities = inferon.interpret(graph, X[:20])
    assert labels.ravel().tolist() == model.predict(X[:20]).tolist()
    assert np.abs(probabilities - model.predict_proba(X[:20])).max() <= ROUNDED


def test_a_pipeline_is_compiled() -> None:
    model, target = CLASSIFIERS["three"]
    compiled = inferon.compile(inferon.load(model.fit(X, target)), inferon.Cpp())
    assert compiled.verify(X[:20]).events == 20


def test_an_example_is_held_to_what_was_fitted() -> None:
    model = LinearRegression().fit(X, ENERGY)
    assert str(inferon.load(model, X[:1]).inputs[0].type) == "5xf32"
    with pytest.raises(DataError, match="has 4 features, but LinearRegression was fitted to 5"):
        inferon.load(model, X[:1, :4])
    with pytest.raises(DataError, match=r"shape \(events, features\)"):
        inferon.load(model, X[0])


def test_what_is_not_fitted_is_said() -> None:
    with pytest.raises(UsageError, match="MLPRegressor does not state its number of features"):
        inferon.load(MLPRegressor())
    with pytest.raises(UsageError, match="MLPRegressor is not fitted"):
        inferon.load(MLPRegressor(), X[:1])
    with pytest.raises(UsageError, match="events in axis 0"):
        inferon.load(LinearRegression().fit(X, ENERGY), batch_axis=1)


class Unknown(BaseEstimator):
    def fit(self, x: Any) -> Any:
        self.n_features_in_ = x.shape[1]
        return self

    def predict(self, x: Any) -> Any:
        return x


def test_what_skl2onnx_does_not_know_is_a_gap() -> None:
    with pytest.raises(Unsupported, match="Unknown: skl2onnx fails: MissingShapeCalculator"):
        inferon.load(Unknown().fit(X))


def test_an_operator_that_is_lacking_is_a_gap_by_name() -> None:
    gaps = find_gaps(SVR().fit(X, ENERGY))
    assert [gap.what for gap in gaps] == ["operator ai.onnx.ml_SVMRegressor"]


def test_labels_as_text_are_a_gap() -> None:
    model = LogisticRegression().fit(X, np.where(PAIR, "signal", "background"))
    assert [gap.hint for gap in find_gaps(model)] == ["whole numbers as labels"]
