"""ONNX Runtime as the oracle of the ONNX front-end: it has to lie within the derived bound."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime

from inferon.analysis.accuracy import ONNX_RUNTIME
from inferon.analysis.bound import Agreement, agreement
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.load import load

Array = npt.NDArray[Any]


def run(model: onnx.ModelProto | Path, feed: Mapping[str, Array]) -> list[Array]:
    """Return the model's outputs as ONNX Runtime computes them, on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    source = str(model) if isinstance(model, Path) else model.SerializeToString()
    session = onnxruntime.InferenceSession(source, options, ["CPUExecutionProvider"])
    return list(session.run(None, dict(feed)))


def agrees(
    model: onnx.ModelProto | Path, feed: Mapping[str, Array], *, strict: int = 2, **how: Any
) -> tuple[Graph, Agreement]:
    """Load a model with a batch in axis 0; hold ONNX Runtime and the interpreter to the bound.

    Parameters
    ----------
    model : the model, or its file
    feed : arrays with the events in axis 0, by the names in the file
    strict : events for the strict interpreter, which is slow
    how : options of `load`
    """
    graph = load(model, **how)
    events = len(next(iter(feed.values())))
    shapes = zip(run(model, feed), _shapes(graph), strict=True)
    theirs = tuple(each.reshape(events, *shape) for each, shape in shapes)
    result = agreement(graph, feed, theirs, accuracy=ONNX_RUNTIME)
    some = {name: array[:strict] for name, array in feed.items()}
    agreement(graph, some, interpret(graph, some))
    return graph, result


def _shapes(graph: Graph) -> list[tuple[int, ...]]:
    shapes = (node.type.shape for node in graph.outputs)
    return [tuple(size for size in shape if isinstance(size, int)) for shape in shapes]


def normal(seed: int, *shape: int) -> Array:
    """Return normal float32 values."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
