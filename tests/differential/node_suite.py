"""The node tests of the ONNX standard as cases: loaded, bound where a shape is an input, judged.

A case passes when the model loads, and the interpreter's strict result is the standard's.  A graph
has fixed shapes, so inputs that only state shapes, axes or counts are bound to the case's values
first; such passes are counted apart, and so are the bodies of functions (``_expanded``).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any

import numpy as np
import onnx
from onnx.backend.test.loader import load_model_tests

from inferon.errors import Gap, Unsupported
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.values import Array
from inferon.load import load
from tests.differential.counted_outputs import cut
from tests.differential.narrow_arrays import carried, unit

SHAPE_INPUTS: Mapping[str, tuple[int, ...]] = {
    **{"Reshape": (1,), "Expand": (1,), "ConstantOfShape": (0,), "Tile": (1,)},
    **{"Slice": (1, 2, 3, 4), "Pad": (1, 3), "Split": (1,), "Squeeze": (1,), "Unsqueeze": (1,)},
    **{"Resize": (1, 2, 3), "Upsample": (1,), "CenterCropPad": (1,), "Col2Im": (1, 2)},
    **{"AffineGrid": (1,), "MaxUnpool": (2,), "TopK": (1,), "OneHot": (1,), "Range": (0, 1, 2)},
    **{"Trilu": (1,), "CumSum": (1,), "CumProd": (1,), "NonMaxSuppression": (2,), "Loop": (0, 1)},
    **{"DFT": (1, 2), "STFT": (1, 3), "MelWeightMatrix": (0, 1, 2, 3, 4), "SplitToSequence": (1,)},
    **{"BlackmanWindow": (0,), "HannWindow": (0,), "HammingWindow": (0,), "Dropout": (1, 2)},
    "SequenceInsert": (2,),
    **{f"Reduce{name}": (1,) for name in ("Sum", "Mean", "Max", "Min", "Prod", "L1", "L2")},
    **{f"Reduce{name}": (1,) for name in ("LogSum", "LogSumExp", "SumSquare")},
}
"""Inputs, by the standard, that state shapes, axes, sizes or counts and no numbers of an event."""

RELATIVE = 1e-5
"""The expected results are float32, some of them sums of exponentials: relative to the largest."""

NARROW_UNITS = 2.0
"""Results of 16 and fewer bits may be so many of their last bits off, relative to the largest:
the standard rounds every step of a function's body, a graph rounds its result."""


class Verdict(Enum):
    """What became of a case."""

    PASSED = "passed"
    BOUND = "bound"
    SKIPPED = "skipped"
    WRONG = "wrong"


@dataclass(frozen=True, eq=False)
class Case:
    """One test of the standard: a model, an event, and what it has to give."""

    name: str
    operator: str
    model: onnx.ModelProto
    given: tuple[Any, ...]
    expected: tuple[Any, ...]

    @property
    def is_expanded(self) -> bool:
        """Whether the model is the body of a function rather than the operator itself."""
        return "_expanded" in self.name


@dataclass(frozen=True, eq=False)
class Result:
    """What became of a case; ``graph`` and ``event`` where it loaded."""

    case: Case
    verdict: Verdict
    reason: str = ""
    graph: Graph | None = None
    event: tuple[Array, ...] = ()


@cache
def cases() -> tuple[Case, ...]:
    """Return every case in the order of their names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # onnx computes the expected results now, with overflows
        found = load_model_tests(kind="node")
    made = (
        Case(each.name, _operator(each.model), each.model, tuple(given), tuple(expected))
        for each in found
        if each.model is not None
        for given, expected in each.data_sets or ()
    )
    return tuple(sorted(made, key=lambda case: case.name))


def _operator(model: onnx.ModelProto) -> str:
    """Return the operator that a model is about: the first that is no constant."""
    names = [str(node.op_type) for node in model.graph.node]
    return next((name for name in names if name != "Constant"), names[0])


def judge(case: Case) -> Result:
    """Load a case, run the interpreter, and compare with the standard."""
    theirs = list(_tensors(case.expected))
    expected = [carried(array) for array in theirs]
    bind = _bound(case)
    try:
        graph = load(case.model, batch_axis=None, bind=bind)
    except Unsupported as error:
        return Result(case, Verdict.SKIPPED, _reason(error.gaps[0]))
    pairs = zip(case.model.graph.input, case.given, strict=True)
    event = [given for slot, given in pairs if isinstance(given, list) or slot.name not in bind]
    feed = tuple(carried(array) for array in _tensors(event))
    found = cut([each[0] for each in interpret(graph, [x[None] for x in feed])], graph, expected)
    limits = [max(RELATIVE, NARROW_UNITS * unit(array)) for array in theirs]
    same = len(found) == len(expected) and all(map(_same, found, expected, limits))
    good = Verdict.BOUND if bind else Verdict.PASSED
    return Result(case, good if same else Verdict.WRONG, "", graph, feed)


def _tensors(values: Iterable[Any]) -> Iterator[Any]:
    """Yield tensors, those of sequences one after the other: a graph has them side by side."""
    for value in values:
        if isinstance(value, list):
            yield from _tensors(value)
        else:
            yield value


def _bound(case: Case) -> dict[str, Any]:
    """Return what a graph has to know before it runs: shapes, counts, absent optional values."""
    shapes = _shape_inputs(case)
    bound: dict[str, Any] = {}
    for slot, given in zip(case.model.graph.input, case.given, strict=True):
        if isinstance(given, list):
            bound[slot.name] = [list(np.shape(each)) for each in given]
        elif given is None or slot.name in shapes:
            bound[slot.name] = None if given is None else carried(given)
        else:
            named = (each.dim_param for each in slot.type.tensor_type.shape.dim)
            sizes = zip(named, np.shape(given), strict=False)
            bound.update({name: size for name, size in sizes if name})
    return bound


def _shape_inputs(case: Case) -> tuple[str, ...]:
    inputs = {slot.name for slot in case.model.graph.input}
    named = (
        node.input[position]
        for node in case.model.graph.node
        for position in SHAPE_INPUTS.get(node.op_type, ())
        if position < len(node.input)
    )
    return tuple(dict.fromkeys(name for name in named if name in inputs))


def _reason(gap: Gap) -> str:
    return gap.what


def _same(ours: Array, theirs: Array, relative: float) -> bool:
    if ours.shape != theirs.shape:
        return False
    if theirs.dtype.kind != "f":
        return bool((ours == theirs).all())
    x, y = ours.astype(np.float64), theirs.astype(np.float64)
    finite = np.isfinite(y)
    if not np.array_equal(x[~finite], y[~finite], equal_nan=True):
        return False
    limit = relative * np.abs(y[finite]).max(initial=0.0)
    return bool((np.abs(x[finite] - y[finite]) <= limit).all())
