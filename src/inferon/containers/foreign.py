"""Arrays of other packages, as numpy arrays over the same memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from inferon.containers.kinds import is_array, is_tensor
from inferon.errors import DataError
from inferon.interpret import Feed
from inferon.ir.graph import Graph
from inferon.ir.values import Array


def as_feed(graph: Graph, data: Any) -> Feed:
    """Return the same data with numpy arrays.

    Raises
    ------
    DataError
        Where memory cannot be shared with numpy: it belongs to another device, for example.
    """
    if is_array(data):
        return as_numpy(graph.input_names[0] if graph.inputs else "", data)
    if isinstance(data, Mapping):
        return {name: as_numpy(name, array) for name, array in data.items()}
    arrays = list(data)
    names = [*graph.input_names, *[""] * len(arrays)]
    return [as_numpy(name, array) for name, array in zip(names, arrays, strict=False)]


def as_numpy(name: str, given: Any) -> Array:
    """Return an array over the memory of another one, or what numpy makes of a list."""
    try:
        if is_tensor(given):
            return _of_tensor(given)
        if not hasattr(given, "__array__") and hasattr(given, "__dlpack__"):
            return np.from_dlpack(given)
        return np.asarray(given)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise DataError(f"input {name} cannot be read as a numpy array: {error}") from error


def _of_tensor(tensor: Any) -> Array:
    if tensor.device.type != "cpu":
        raise ValueError(f"it is a tensor on {tensor.device}; give x.cpu()")
    if tensor.requires_grad:
        raise ValueError("it is a tensor that requires a gradient, and none is made; x.detach()")
    array: Array = tensor.numpy()
    return array
