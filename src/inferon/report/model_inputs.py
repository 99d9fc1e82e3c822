"""What a jet tagger reads of a sample, by the name and the shape of its input."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inferon.errors import DataError
from inferon.ir.graph import Graph
from inferon.ir.shape import largest_shape
from inferon.physics.jets import CONSTITUENT_COLUMNS, Jets

FEATURES, CONSTITUENTS = "features", "constituents"
"""Names of inputs: the high-level features of a jet, or its leading constituents."""


def model_inputs(graph: Graph, jets: Jets) -> NDArray[np.float32]:
    """Return the input of a tagger for N jets.

    Parameters
    ----------
    graph : with one input, ``features`` (F,) or ``constituents`` (K, 4)
    jets : a sample with these features, or with at least K constituents

    Returns
    -------
    float32, shape (N, F) or (N, K, 4)

    Raises
    ------
    DataError
        When the model takes something else, or the sample lacks it.
    """
    shape = largest_shape(graph.inputs[0].type.shape)
    if graph.input_names == (FEATURES,) and len(shape) == 1:
        if jets.features is None or jets.features.shape[1:] != shape:
            found = "none" if jets.features is None else f"{jets.features.shape[1]}"
            raise DataError(
                f"{graph.name} takes {shape[0]} features of a jet; {jets.title} has {found}"
            )
        return np.ascontiguousarray(jets.features)
    if graph.input_names == (CONSTITUENTS,) and shape[1:] == (len(CONSTITUENT_COLUMNS),):
        return jets.leading(shape[0])
    inputs = ", ".join(
        f"{name} {node.type}" for name, node in zip(graph.input_names, graph.inputs, strict=True)
    )
    columns = ", ".join(CONSTITUENT_COLUMNS)
    raise DataError(
        f"{graph.name} takes {inputs}; a jet tagger takes {FEATURES} (F,) or "
        f"{CONSTITUENTS} (K, {len(CONSTITUENT_COLUMNS)}): {columns}"
    )
