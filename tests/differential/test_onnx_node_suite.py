"""The node tests of the ONNX standard: what loads must give the standard's numbers (20 s).

A case whose operator is lacking is refused with a gap.  Inputs that only state a shape, axes or a
number of elements become constants first, because an event graph has fixed shapes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests

from inferon.errors import Unsupported
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.load import load
from tests.differential.onnx_oracle import Array

FEWEST = 840
"""Cases of onnx 1.23.2 that load: 845.  A change that loses more has to say so here."""

ROUNDING = 1e-5
"""The expected results are float32, some of them sums of exponentials: relative to the largest."""

NO_GRAPH = ("test_constant",)  # there is no event without an input
ROUNDED_BY_HAND = ("test_averagepool_2d_ceil_last_window_starts_on_pad",)  # to four digits


@pytest.mark.filterwarnings("ignore")  # onnx computes the expected results now, with overflows
def test_what_loads_gives_the_numbers_of_the_standard() -> None:
    loaded, wrong = 0, []
    for case in load_model_tests(kind="node"):
        for given, expected in case.data_sets or ():
            if case.name in NO_GRAPH or not _arrays(given) or not _arrays(expected):
                continue
            found = _loaded(case.model or onnx.ModelProto(), [np.asarray(each) for each in given])
            if found is None:
                continue
            loaded += 1
            graph, feed = found
            outputs = interpret(graph, [each[None] for each in feed], real=True)
            pairs = zip(outputs, expected, strict=True)
            if not all(_same(ours[0], np.asarray(theirs)) for ours, theirs in pairs):
                wrong.append(case.name)
    assert sorted(set(wrong)) == sorted(ROUNDED_BY_HAND)
    assert loaded >= FEWEST


def _arrays(values: Sequence[Any]) -> bool:
    return bool(values) and all(isinstance(each, np.ndarray | np.generic) for each in values)


def _loaded(model: onnx.ModelProto, arrays: list[Array]) -> tuple[Graph, list[Array]] | None:
    """Return the graph and its inputs; None where the front-end has a gap."""
    for model, arrays in ((model, arrays), _with_constants(model, arrays)):  # noqa: B020
        try:
            return load(model, batch_axis=None), arrays
        except Unsupported:
            continue
    return None


def _with_constants(
    model: onnx.ModelProto, arrays: list[Array]
) -> tuple[onnx.ModelProto, list[Array]]:
    """Return the model with the vectors of integers behind its first input made constants."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    slots, kept = [], []
    for position, (slot, array) in enumerate(zip(model.graph.input, arrays, strict=True)):
        if position > 0 and array.dtype in (np.int32, np.int64) and array.ndim <= 1:
            copy.graph.initializer.append(numpy_helper.from_array(array, slot.name))
        else:
            slots.append(slot)
            kept.append(array)
    del copy.graph.input[:]
    copy.graph.input.extend(slots)
    return copy, kept


def _same(ours: Array, theirs: Array) -> bool:
    if ours.shape != theirs.shape:
        return False
    x, y = ours.astype(np.float64), theirs.astype(np.float64)
    finite = np.isfinite(y)
    special = np.array_equal(x[~finite], y[~finite], equal_nan=True)
    limit = ROUNDING * np.abs(y[finite]).max(initial=0.0)
    return special and bool((np.abs(x - y)[finite] <= limit).all())
