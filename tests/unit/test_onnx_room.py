"""Layers between small values that need a huge one are refused before it is made (1 s)."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from inferon.errors import Unsupported
from inferon.interpret import interpret
from inferon.load import load

LONG = 100_000
ENOUGH = 1 << 24
"""Bytes: far below any of the refused values, far above what a translation needs."""

Shapes = tuple[tuple[int, ...], ...]


def model(op: str, shapes: Shapes, results: int = 1, **attributes: Any) -> onnx.ModelProto:
    value = helper.make_tensor_value_info
    names = [f"x{i}" for i in range(len(shapes))]
    inputs = [value(n, TensorProto.FLOAT, s) for n, s in zip(names, shapes, strict=True)]
    outputs = [f"y{i}" for i in range(results)]
    node = helper.make_node(op, names, outputs, name="layer", **attributes)
    ends = [value(name, TensorProto.FLOAT, None) for name in outputs]
    graph = helper.make_graph([node], "room", inputs, ends)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 27)], ir_version=10)


LAYERS = {
    "scores": model("Attention", ((1, 1, LONG, 1),) * 3, is_causal=1),
    "states": model(
        *("LinearAttention", ((1, LONG, 64),) * 3, 2),
        q_num_heads=1,
        kv_num_heads=1,
        update_rule="linear",
    ),
    "a product": model("Einsum", ((LONG,), (LONG,), (LONG,)), equation="i,j,k->ijk"),
    "neighbors": model("LRN", ((1, 10_000, 1),), size=2**40),
}


@pytest.mark.parametrize("what", LAYERS)
def test_a_layer_that_needs_too_much_is_a_gap(what: str) -> None:
    load(model("Softmax", ((1, 2),)))  # imports, which are not meant
    tracemalloc.start()
    try:
        with pytest.raises(Unsupported, match=rf"layer: {what} of \d+ elements"):
            load(LAYERS[what], batch_axis=None)
        assert tracemalloc.get_traced_memory()[1] < ENOUGH
    finally:
        tracemalloc.stop()


def test_a_region_of_all_channels_and_more_is_that_of_all_channels() -> None:
    x = np.random.default_rng(1).standard_normal((1, 1, 5, 3)).astype(np.float32)
    graphs = [load(model("LRN", ((1, 5, 3),), size=each), batch_axis=None) for each in (9, 2**40)]
    sums = (x.astype(np.float64) ** 2).sum(axis=2, keepdims=True)
    for graph, size in zip(graphs, (9, 2**40), strict=True):
        (y,) = interpret(graph, x, real=True)
        wanted = x / (1.0 + np.float32(1e-4) / size * sums) ** 0.75
        assert (np.abs(y - wanted) <= 2.0**-50 * np.abs(wanted)).all()
