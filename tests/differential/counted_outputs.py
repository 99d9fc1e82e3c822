"""Outputs with a run-time number of elements, cut to their count.

A graph gives them as long as they can ever be, and after all outputs of the model one more number
for each, ``<name>_count`` (`inferon.frontends.onnx.call.Counted`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from inferon.ir.graph import Graph
from inferon.ir.values import Array


def cut(outputs: Sequence[Array], graph: Graph, expected: Sequence[Any]) -> list[Array]:
    """Return the model's outputs of one event, those with a count as long as it says.

    Parameters
    ----------
    outputs : one array for each output of the graph, without an axis of events
    graph : the graph; its first outputs are the model's, the counts come after them
    expected : what each output of the model is compared with; tells which axis is counted
    """
    number = len(expected)
    theirs = dict(graph.renamed)
    names = [theirs.get(name, name) for name in graph.output_names]
    counts = dict(zip(names[number:], outputs[number:], strict=True))
    pairs = zip(names, outputs, expected, strict=False)
    return [_cut(array, counts.get(f"{name}_count"), theirs) for name, array, theirs in pairs]


def _cut(array: Array, count: Array | None, theirs: Any) -> Array:
    """Return the array up to its count, along the one axis in which it is longer than theirs."""
    wanted = np.shape(theirs)
    if count is None or len(wanted) != array.ndim:
        return array
    longer = [axis for axis in range(array.ndim) if array.shape[axis] != wanted[axis]]
    if not longer:  # as long as it can be: then the count says so
        return array if int(count) in array.shape else array[:0]
    return np.take(array, np.arange(int(count)), axis=longer[0]) if len(longer) == 1 else array
