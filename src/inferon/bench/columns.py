"""Ours on columns: events whose inputs and outputs lie element by element, as in an SoA."""

from __future__ import annotations

import ctypes

import numpy as np

from inferon.bench.peers import CLOSE, COLUMNS, Absent, Contestant
from inferon.errors import DataError
from inferon.ir.values import Array
from inferon.targets.base import File
from inferon.targets.cpp.call import aligned
from inferon.targets.cpp.library import pointer
from inferon.targets.cpp.target import CppArtifact
from inferon.targets.cpp.template import filled
from inferon.targets.toolchain import shared_library


def columns_contestant(artifact: CppArtifact, x: Array, y: Array) -> Contestant | Absent:
    """Return the entry point for columns of a model with one float32 input and output.

    Parameters
    ----------
    artifact : the model
    x, y : events and their results, shapes (events, inputs) and (events, outputs)

    Raises
    ------
    DataError
        When it gives other results.
    """
    name = artifact.made.name
    wanted = (f"{name}.hpp", f"{name}_weights.hpp")
    files = [file for file in artifact.files if file.path in wanted]
    if not any(b"evaluate_columns" in file.content for file in files):
        return Absent(COLUMNS, "the header has no entry point for columns")
    timing = File(f"{name}_columns.cpp", filled("columns_timing.cpp", name=name).encode())
    library = ctypes.CDLL(str(shared_library([*files, timing], [timing.path], artifact.compiler)))
    function = library[f"{name}_time_columns"]
    function.restype = None
    inputs, outputs = np.ascontiguousarray(x.T), np.zeros(y.T.shape, np.float32)
    workspace = aligned(artifact.made.workspace_bytes)

    def time_ns(repeats: int, bursts: int) -> Array:
        times = np.zeros(bursts)
        places = (pointer(workspace), _rows(inputs), _rows(outputs))  # they outlive this call
        counts = (ctypes.c_size_t(each) for each in (len(x), repeats, bursts))
        function(*places, *counts, pointer(times))
        return times

    time_ns(1, 1)
    difference = float(np.abs(outputs.T - y).max())
    if not difference < CLOSE:
        raise DataError(f"{name}: columns are {difference:g} from the results of rows")
    return Contestant(COLUMNS, artifact.compiler.march, time_ns)


def _rows(array: Array) -> ctypes.Array[ctypes.c_void_p]:
    """Return the address of each row."""
    return (ctypes.c_void_p * len(array))(*(row.ctypes.data for row in array))
