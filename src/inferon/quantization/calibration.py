"""Calibration events: checked, kept apart from the metric's, and run through the float model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inferon.errors import DataError
from inferon.interpret import Feed, arranged, evaluate_nodes
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.shape import largest
from inferon.ir.values import Array

MOST_NUMBERS = 1 << 24
"""All values of the model for all calibration events together: 128 MB in float64."""


def calibrated(graph: Graph, data: Feed) -> list[Array]:
    """Return the events as arrays in the order of inputs.

    Raises
    ------
    DataError
        When there are none, a number is not finite, or a shape or dtype does not fit.
    """
    arrays = arranged(graph, data)
    for name, array in zip(graph.input_names, arrays, strict=True):
        if len(array) == 0:
            raise DataError(f"the calibration data of input {name} have no events: give some")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            event = int(np.argwhere(~np.isfinite(array))[0][0])
            raise DataError(
                f"calibration event {event} of input {name} holds NaN or infinity: leave such "
                "events out"
            )
    return arrays


def refuse_shared(calibration: Sequence[Array], metric: Sequence[Array]) -> None:
    """Raise where an event of the calibration is one of the metric's."""
    known = set(_rows(metric))
    shared = [i for i, row in enumerate(_rows(calibration)) if row in known]
    if shared:
        raise DataError(
            f"{len(shared):,} calibration events (the first is number {shared[0]}) are also among "
            "the events of the metric: grids that were chosen on them would look better than "
            "they are; calibrate on training events"
        )


def _rows(arrays: Sequence[Array]) -> list[bytes]:
    events = len(arrays[0]) if arrays else 0
    return [b"".join(array[i].tobytes() for array in arrays) for i in range(events)]


def values_of(graph: Graph, arrays: Sequence[Array]) -> dict[Node, Array]:
    """Return float64 of every node; of many events, as many as fit into memory."""
    nodes = graph.nodes()
    sizes = [np.prod([largest(size) for size in node.type.shape], dtype=int) for node in nodes]
    events = max(1, MOST_NUMBERS // max(1, int(np.sum(sizes))))
    return evaluate_nodes(graph, nodes, [array[:events] for array in arrays], real=True)
