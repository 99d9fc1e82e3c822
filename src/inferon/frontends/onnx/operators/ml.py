"""Operators of ``ai.onnx.ml`` that pipelines of scikit-learn use around a network."""

from __future__ import annotations

from math import prod

import numpy as np

from inferon.frontends.onnx.call import Call, Refused, Result, Table, fixed_shape
from inferon.ir.node import Node
from inferon.ir.types import FLOAT32, INT64
from inferon.ops import build as b
from inferon.ops.base import require
from inferon.ops.elementary import Sigmoid
from inferon.ops.normalization import Softmax


def _numbers(call: Call, name: str) -> Node | None:
    value = call.given(name)
    return b.constant(np.array(value, np.float32)) if isinstance(value, tuple) and value else None


def _scaler(call: Call) -> Node:
    x = b.cast(call.node(0), FLOAT32)
    offset, scale = _numbers(call, "offset"), _numbers(call, "scale")
    x = x if offset is None else b.sub(x, offset)
    return x if scale is None else b.mul(x, scale)


def _binarizer(call: Call) -> Node:
    """Return 1 where x is above the threshold, else 0."""
    x = call.node(0)
    above = b.less(call.number("threshold", 0.0), x)
    return b.select(above, b.constant_like(x, 1), 0)


def _normalizer(call: Call) -> Node:
    """Return x divided by its norm along the last axis; a norm of 0 leaves x as it is."""
    x = b.cast(call.node(0), FLOAT32)
    last = [x.type.rank - 1]
    kind = call.text("norm", "MAX")
    if kind == "L1":
        norm = b.sum_(b.absolute(x), last, keep=True)
    elif kind == "L2":
        norm = b.sqrt(b.sum_(b.mul(x, x), last, keep=True))
    else:
        raise Refused(f"Normalizer with norm={kind!r}", "norm='L2'")
    return b.div(x, b.select(b.equal(norm, 0.0), 1.0, norm))


def _array_feature_extractor(call: Call) -> Node:
    x, index = call.node(0), call.node(1)
    if x.type.rank == 1:
        x = b.expand(x, 0)
    index = b.reshape(index, (prod(fixed_shape(index, "ArrayFeatureExtractor")),))
    return b.gather(x, b.cast(index, INT64), x.type.rank - 1)


def _feature_vectorizer(call: Call) -> Node:
    call.ignore("inputdimensions")
    parts = [b.cast(node, FLOAT32) for node in call.nodes()]
    return b.concat(parts, parts[0].type.rank - 1)


def _scores(call: Call, rows: int) -> Node:
    """Return x times the coefficients (rows, features), plus the intercepts."""
    x = b.cast(call.node(0), FLOAT32)
    weights, bias = _numbers(call, "coefficients"), _numbers(call, "intercepts")
    require(weights is not None and rows >= 1, "it has no coefficients")
    assert weights is not None
    matrix = b.transpose(b.reshape(weights, (rows, weights.type.shape[0] // rows)), (1, 0))  # type: ignore[operator]
    value = b.product(x, matrix)
    return value if bias is None else b.add(value, bias)


def _linear_regressor(call: Call) -> Node:
    call.only("post_transform", "NONE")
    return _scores(call, call.integer("targets", 1))


def _linear_classifier(call: Call) -> Result:
    """Return labels and scores, of as many classes as there are rows of coefficients."""
    call.ignore("multi_class")
    classes = call.given("classlabels_ints")
    if not isinstance(classes, tuple) or len(classes) < 2:
        raise Refused("LinearClassifier with text as labels", "whole numbers as labels")
    call.only("post_transform", "NONE", "LOGISTIC", "SOFTMAX")
    scores = _scores(call, len(classes))
    best = b.squeeze(b.top_k(scores, 1), scores.type.rank - 1)
    labels = b.gather(b.constant(np.array(classes, np.int64)), best, 0)
    kind = call.text("post_transform", "NONE")
    if kind == "LOGISTIC":
        scores = b.apply(Sigmoid(), scores)
    if kind == "SOFTMAX":
        scores = b.apply(Softmax(scores.type.rank - 1), scores)
    return labels, scores


TABLE: Table = {
    "LinearRegressor": _linear_regressor,
    "LinearClassifier": _linear_classifier,
    "Binarizer": _binarizer,
    "Scaler": _scaler,
    "Normalizer": _normalizer,
    "ArrayFeatureExtractor": _array_feature_extractor,
    "FeatureVectorizer": _feature_vectorizer,
}
