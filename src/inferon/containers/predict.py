"""Outputs for data of any kind, in the same kind."""

from __future__ import annotations

from typing import Any

from inferon.containers.foreign import as_feed
from inferon.containers.jagged import Jagged, Predict, predict_jagged
from inferon.containers.kinds import is_awkward, is_tensor, listed
from inferon.ir.graph import Graph


def predict_any(
    graph: Graph, predict: Predict, data: Any, jagged: Jagged | None = None
) -> tuple[Any, ...]:
    """Return the outputs for data of any kind.

    Parameters
    ----------
    graph : the model
    predict : computes outputs from numpy arrays
    data : an array, arrays in the order of the inputs, or arrays by name. An array is numpy's,
        torch's, awkward's, or anything that lends its memory: the buffer protocol, ``__array__``
        or DLPack
    jagged : how awkward arrays become the model's inputs

    Returns
    -------
    torch tensors where an input is one; awkward arrays with a row for each particle where an
    input is jagged and the output has such rows; otherwise numpy arrays
    """
    arrays = listed(data)
    if any(map(is_awkward, arrays)):
        return predict_jagged(graph, predict, data, jagged or Jagged())
    outputs = predict(as_feed(graph, data))
    if any(map(is_tensor, arrays)):
        import torch

        return tuple(map(torch.from_numpy, outputs))
    return outputs
