"""Operators of ``ai.onnx.ml`` that pipelines of scikit-learn use around a network."""

from __future__ import annotations

from math import prod

import numpy as np

from inferon.frontends.onnx.call import Call, Refused, Table, fixed_shape
from inferon.ir.node import Node
from inferon.ir.types import FLOAT32, INT64
from inferon.ops import build as b


def _numbers(call: Call, name: str) -> Node | None:
    value = call.given(name)
    return b.constant(np.array(value, np.float32)) if isinstance(value, tuple) and value else None


def _scaler(call: Call) -> Node:
    x = b.cast(call.node(0), FLOAT32)
    offset, scale = _numbers(call, "offset"), _numbers(call, "scale")
    x = x if offset is None else b.sub(x, offset)
    return x if scale is None else b.mul(x, scale)


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


TABLE: Table = {
    "Scaler": _scaler,
    "Normalizer": _normalizer,
    "ArrayFeatureExtractor": _array_feature_extractor,
    "FeatureVectorizer": _feature_vectorizer,
}
