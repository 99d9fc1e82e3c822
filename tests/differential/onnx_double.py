"""The same model in float64: an oracle of meaning, free of float32 rounding.

``onnx.reference`` computes it, or ONNX Runtime where the reference has a limit of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator

from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.load import load
from tests.differential.onnx_oracle import Array, run

ROUNDED_CONSTANTS = 2.0**-20
"""A graph holds constants such as 1/sqrt(2) in float32, off by 2**-24; 16 times that."""


def same_meaning(model: onnx.ModelProto, feed: Mapping[str, Array], **how: Any) -> None:
    """Hold the graph's real numbers to the float64 oracle's; how are options of `load`."""
    assert is_close(load(model, **how), feed, evaluated(model, feed))


def is_close(graph: Graph, feed: Mapping[str, Array], theirs: Sequence[Array]) -> bool:
    """Return whether a graph's real numbers are those of an oracle that computes in float64."""
    return all(
        _is_close(ours, each.reshape(ours.shape))
        for ours, each in zip(interpret(graph, feed, real=True), theirs, strict=True)
    )


def _is_close(ours: Array, theirs: Array) -> bool:
    same = bool(np.array_equal(np.isnan(ours), np.isnan(theirs)))
    largest = np.abs(theirs).max(initial=0.0)
    distance = np.nanmax(np.abs(ours - theirs), initial=0.0)
    return same and bool(distance <= ROUNDED_CONSTANTS * largest)


def evaluated(model: onnx.ModelProto, feed: Mapping[str, Array]) -> list[Array]:
    """Return the outputs of a float32 model computed in float64."""
    wide = {name: _wide(array) for name, array in feed.items()}
    model = doubled(model)
    try:
        return [np.asarray(each) for each in ReferenceEvaluator(model).run(None, wide)]
    except ValueError as limit:  # of np.choose, in the reference's GatherElements
        if "at most 64 array objects" not in str(limit):
            raise
        return run(model, wide)


def _wide(array: Array) -> Array:
    return array.astype(np.float64) if array.dtype == np.float32 else array


def doubled(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with every float32 made float64."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.value_info[:]
    for slot in (*copy.graph.input, *copy.graph.output):
        if slot.type.tensor_type.elem_type == TensorProto.FLOAT:
            slot.type.tensor_type.elem_type = TensorProto.DOUBLE
    _widen(copy.graph.initializer)
    for node in copy.graph.node:
        for attribute in node.attribute:
            narrow = attribute.name == "to" and attribute.i == TensorProto.FLOAT
            if node.op_type == "Cast" and narrow:
                attribute.i = TensorProto.DOUBLE
            if attribute.type == onnx.AttributeProto.TENSOR:
                _widen([attribute.t])
    return copy


def _widen(tensors: Iterable[TensorProto]) -> None:
    for tensor in tensors:
        if tensor.data_type == TensorProto.FLOAT:
            array = numpy_helper.to_array(tensor).astype(np.float64)
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
