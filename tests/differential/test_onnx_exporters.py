"""Older operator sets, single functions, and pipelines of scikit-learn, against ONNX Runtime.

The networks through both of torch's exporters are in ``test_torch_zoo``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from skl2onnx import to_onnx
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    Normalizer,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)

from inferon.load import find_gaps
from tests.differential.onnx_oracle import Array, agrees, normal
from tests.differential.torch_functions import FLOATS, INTEGERS, REFUSED
from tests.differential.torch_networks import Network, exported, networks

NETWORKS = networks()
EVENTS = 4


def events(network: Network) -> dict[str, Array]:
    feed = {
        name: normal(seed, EVENTS, *shape)
        for seed, (name, shape) in enumerate(zip(network.inputs, network.shapes, strict=True))
    }
    if "mask" in feed:
        feed["mask"] = (feed["mask"] > -0.5).astype(np.float32)
    return feed


def _older_and_newer() -> list[tuple[Network, int]]:
    """Return networks with the operator sets to which torch exports them."""
    attention = ("transformer", "transformer_masked", "encoder_layer")  # from opset 14 on
    return [
        (each, o)
        for each in NETWORKS
        for o in (11, 13, 20)
        if o > 13 or each.name not in attention
    ]


@pytest.mark.parametrize(
    ("network", "opset"), _older_and_newer(), ids=lambda each: getattr(each, "name", str(each))
)
def test_older_and_newer_operator_sets_agree(network: Network, opset: int) -> None:
    _, result = agrees(exported(network, dynamo=False, opset=opset), events(network), strict=1)
    assert result.undecided == 0


@pytest.mark.parametrize("name", [*FLOATS, *INTEGERS])
def test_a_function_of_torch_agrees(name: str) -> None:
    module, shape = {**FLOATS, **INTEGERS}[name]
    whole = name in INTEGERS
    numbers = np.random.default_rng(7).integers(0, 7, (EVENTS, *shape))
    x = numbers if whole else normal(7, EVENTS, *shape)
    model = exported(Network(name, module, ("x",), (shape,)), dynamo=False, integers=whole)
    _, result = agrees(model, {"x": x})
    assert result.undecided == 0 or name in MAY_BE_UNDECIDED


# the remainder of an angle jumps where a pair is equal: on the diagonal
MAY_BE_UNDECIDED = ("angles",)


@pytest.mark.parametrize("name", REFUSED)
def test_a_function_that_is_lacking_is_a_gap(name: str) -> None:
    module, shape, gap = REFUSED[name]
    model = exported(Network(name, module, ("x",), (shape,)), dynamo=False)
    assert [each.what for each in find_gaps(model)] == [gap]


X = normal(20, 200, 5)


def _labels(classes: int) -> Array:
    return np.digitize(X[:, 0], [-0.5, 0.5][: classes - 1])


def _mlp(kind: type[Any], **options: Any) -> Any:
    return kind(hidden_layer_sizes=(8,), max_iter=30, random_state=1, **options)


PIPELINES = {
    "standard_regressor": ([StandardScaler(), _mlp(MLPRegressor)], 2.0 * X[:, 0]),
    "min_max_regressor": ([MinMaxScaler(), _mlp(MLPRegressor, activation="tanh")], X[:, 1]),
    "two_classes": ([RobustScaler(), _mlp(MLPClassifier, activation="logistic")], _labels(2)),
    "three_classes": ([StandardScaler(), _mlp(MLPClassifier)], _labels(3)),
    "components": ([StandardScaler(), PCA(3), _mlp(MLPRegressor)], X[:, 0]),
    "normalizer": ([Normalizer(), _mlp(MLPRegressor, activation="identity")], X[:, 0]),
    "logistic": ([StandardScaler(), LogisticRegression()], _labels(2)),
    "linear": ([PolynomialFeatures(2), LinearRegression()], X[:, 0]),
}


@pytest.mark.parametrize("name", PIPELINES)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_pipeline_of_scikit_learn_agrees(name: str) -> None:
    steps, target = PIPELINES[name]
    pipeline = make_pipeline(*steps).fit(X, target)
    _, result = agrees(_converted(pipeline, zipmap=False), {"X": X[:20]})
    assert result.undecided == 0


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_scores_as_dictionaries_and_labels_as_text_are_gaps() -> None:
    names = np.where(X[:, 0] > 0, "signal", "background")
    pipeline = make_pipeline(StandardScaler(), _mlp(MLPClassifier)).fit(X, names)
    gaps = find_gaps(_converted(pipeline, zipmap=True))
    assert [gap.what for gap in gaps] == ["a weight of string", "operator ai.onnx.ml_ZipMap"]
    assert gaps[1].hint == "convert with options={'zipmap': False}"
    gaps = find_gaps(_converted(pipeline, zipmap=False))
    assert [(gap.layer, gap.what) for gap in gaps] == [("classes", "a weight of string")]


def _converted(pipeline: Any, *, zipmap: bool) -> onnx.ModelProto:
    classifies = hasattr(pipeline, "predict_proba")
    options = {id(pipeline): {"zipmap": zipmap}} if classifies else None
    converted = to_onnx(pipeline, X[:1], options=options)
    return onnx.load_from_string(converted.SerializeToString())
