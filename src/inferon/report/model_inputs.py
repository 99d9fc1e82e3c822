"""What a jet tagger reads of a sample, by the shape of its input."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inferon.errors import DataError
from inferon.ir.graph import Graph
from inferon.ir.shape import largest_shape
from inferon.physics.jets import CONSTITUENT_COLUMNS, Jets

MASSLESS_COLUMNS = CONSTITUENT_COLUMNS[:3]
"""What a model reads that takes particles to be massless: pT, eta, phi."""


def model_inputs(graph: Graph, jets: Jets) -> NDArray[np.float32]:
    """Return the input of a tagger for N jets.

    Parameters
    ----------
    graph : with one input: (F,), the high-level features, or (K, 4) or (K, 3), the leading
        constituents with or without their energy
    jets : a sample with these features, or with at least K constituents

    Returns
    -------
    float32, shape (N, F), (N, K, 4) or (N, K, 3)

    Raises
    ------
    DataError
        When the model takes something else, or the sample lacks it.
    """
    shapes = [largest_shape(node.type.shape) for node in graph.inputs]
    match shapes:
        case [(count,)] if jets.features is not None and count == jets.features.shape[1]:
            return np.ascontiguousarray(jets.features)
        case [(count, columns)] if columns in (len(CONSTITUENT_COLUMNS), len(MASSLESS_COLUMNS)):
            return np.ascontiguousarray(jets.leading(count)[:, :, :columns])
    inputs = ", ".join(
        f"{name} {node.type}" for name, node in zip(graph.input_names, graph.inputs, strict=True)
    )
    has = "no features" if jets.features is None else f"{jets.features.shape[1]} features"
    raise DataError(
        f"{graph.name} takes {inputs}; a jet tagger takes the features of a jet (this sample has "
        f"{has}) or its constituents (K, 4): {', '.join(CONSTITUENT_COLUMNS)}"
    )
