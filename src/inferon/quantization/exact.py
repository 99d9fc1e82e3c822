"""``exact(graph)``: a quantized model becomes integers, with a report of what that changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from inferon.analysis.samples import Samples
from inferon.errors import UsageError
from inferon.interpret import Feed, arranged, evaluate_nodes
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import Fixed, Float
from inferon.ir.values import Array
from inferon.passes.exact import Quantizer, exact_graph

COMPARED_EVENTS = 256
"""Random events that are compared where the caller has none of his own."""

EVENTS_AT_ONCE = 64
"""Both graphs are interpreted on so many events at a time, with all of their inner values."""


@dataclass(frozen=True, slots=True)
class Change:
    """How one value of the exact graph differs from that of the float graph.

    Attributes
    ----------
    name : the output, or the layer of a quantizer
    values : number of values that were compared
    differing : number of values that are not equal
    largest : largest difference; of a quantizer in steps, of an output as it is
    """

    name: str
    values: int
    differing: int
    largest: float

    def __str__(self) -> str:
        if not self.differing:
            return f"{self.name}: all {self.values:,} values equal"
        what = f"{self.differing:,} of {self.values:,} values differ"
        return f"{self.name}: {what}, by up to {self.largest:g}"


@dataclass(frozen=True, slots=True)
class ExactModel:
    """An exact graph, and what became of the numbers on sample events.

    The float graph rounds products and sums to float32 before each quantizer, the exact graph does
    not: a value close to a tie may become the neighboring step, and layers behind it see that.

    Attributes
    ----------
    graph : of stage EXACT: no floats but at the rim
    events : number of events that were compared
    outputs : one change for each output
    quantizers : one change for each quantizer, in the order of layers, in steps
    """

    graph: Graph
    events: int
    outputs: tuple[Change, ...]
    quantizers: tuple[Change, ...]

    def __str__(self) -> str:
        steps = [f"  quantizer {each} step(s)" for each in self.quantizers if each.differing]
        outputs = [f"  output {each}" for each in self.outputs]
        head = f"exact graph {self.graph.name} against its float model, {self.events} events:"
        return "\n".join([head, *outputs, *steps])


def exact(
    graph: Graph, data: Feed | None = None, *, inputs: Mapping[str, Fixed] | None = None
) -> ExactModel:
    """Turn a quantized model into integers.

    Parameters
    ----------
    graph : as `load` returns it for a QONNX model, or for one with QuantizeLinear and
        DequantizeLinear: floats that lie on grids
    data : events for the report, arrays (events, ...); without them, random events
    inputs : types of float inputs that the model does not quantize itself, by name: ``{"x":
        Fixed(signed=True, width=16, integer=6)}``; values go to the nearest, and saturate

    Returns
    -------
    The exact graph with its report.  With scales that are powers of two, and sums that float32
    holds, every value is equal.  With other scales the ratio of two scales is a constant of
    limited width, so that values within 2**-16 of a step from a tie may differ by one step.

    Raises
    ------
    Unsupported
        With every layer that would stay float, and why.
    UsageError
        When ``inputs`` names what is no input of floats.
    DataError
        When the data do not fit the inputs.
    """
    _check_names(graph, inputs or {})
    made = exact_graph(graph, inputs)
    drawn = Samples(COMPARED_EVENTS, special=False).draw(graph) if data is None else data
    arrays = arranged(graph, drawn)
    events = len(arrays[0]) if arrays else 1
    outputs = [_Count(name) for name in graph.output_names]
    quantizers = [_Count(each.layer) for each in made.quantizers]
    for part in _parts(arrays, events):
        old, new = _values(graph, made.graph, made.quantizers, part)
        pairs = zip(graph.outputs, made.graph.outputs, strict=True)
        for count, (before, after) in zip(outputs, pairs, strict=True):
            count.add(old[before], new[after])
        for count, each in zip(quantizers, made.quantizers, strict=True):
            count.add(old[each.source], _steps(new[each.exact], each))
    return ExactModel(
        made.graph,
        events,
        tuple(each.change for each in outputs),
        tuple(each.change for each in quantizers),
    )


def _check_names(graph: Graph, inputs: Mapping[str, Fixed]) -> None:
    floats = [
        name
        for name, node in zip(graph.input_names, graph.inputs, strict=True)
        if isinstance(node.type.element, Float)
    ]
    for name in inputs:
        if name not in floats:
            raise UsageError(f"{name!r} is no input of floats; there are: {', '.join(floats)}")


def _parts(arrays: Sequence[Array], events: int) -> Iterator[list[Array]]:
    for begin in range(0, events, EVENTS_AT_ONCE):
        yield [array[begin : begin + EVENTS_AT_ONCE] for array in arrays]


def _values(
    graph: Graph, made: Graph, quantizers: Sequence[Quantizer], data: list[Array]
) -> tuple[dict[Node, Array], dict[Node, Array]]:
    """Return the values of outputs and quantizers in both graphs."""
    old = evaluate_nodes(graph, (*graph.outputs, *(q.source for q in quantizers)), data)
    new = evaluate_nodes(made, (*made.outputs, *(q.exact for q in quantizers)), data)
    return old, new


def _steps(mantissas: Array, quantizer: Quantizer) -> Array:
    """Return fixed point as whole numbers of the quantizer."""
    element = quantizer.exact.type.element
    assert isinstance(element, Fixed)
    return np.asarray(np.ldexp(mantissas.astype(np.float64), -element.fraction) * quantizer.step)


@dataclass(slots=True)
class _Count:
    """A change that grows event by event."""

    name: str
    values: int = 0
    differing: int = 0
    largest: float = 0.0

    def add(self, before: Array, after: Array) -> None:
        """Compare some more values; NaN is a difference."""
        with np.errstate(invalid="ignore", over="ignore"):
            distance = np.abs(before.astype(np.float64) - after.astype(np.float64))
        self.values += distance.size
        self.differing += int(np.count_nonzero(distance != 0))
        self.largest = max(self.largest, float(np.max(distance, initial=0.0)))

    @property
    def change(self) -> Change:
        """What was counted."""
        return Change(self.name, self.values, self.differing, self.largest)
