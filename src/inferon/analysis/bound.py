"""The derived bound: how far a float evaluation may be from the real numbers, on given data.

``bound`` evaluates a graph in float64 and finds for each element the largest error that a
conforming float evaluation can have.  Two evaluators then differ by the sum of their bounds at
most; no tolerance is ever set by hand.  ``agreement`` compares an evaluator's results with that.

Two methods share the work, and the tighter counts: balls (`inferon.analysis.ball`), which are
rigorous and grow with every layer, and slopes (`inferon.analysis.linear`), of first order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from inferon.analysis import narrow, rules, scattered
from inferon.analysis.accuracy import OURS, Accuracy
from inferon.analysis.ball import Ball, Context, Decision, walk
from inferon.analysis.linear import tight_balls
from inferon.errors import DataError, Mismatch
from inferon.interpret import Feed, arranged
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.shape import bind, resolve
from inferon.ir.types import Float
from inferon.ir.values import Array

__all__ = ["Agreement", "Bound", "agreement", "bound", "narrow", "rules", "scattered"]


CHUNK_ELEMENTS = 1 << 22
"""Values of so many elements are held at a time: 32 MB in float64, some ten times over."""


@dataclass(frozen=True, slots=True)
class Bound:
    """Real values of a graph's outputs and how far an evaluator may be from them.

    Attributes
    ----------
    values : for each output (events, *shape); float64 where the type is a float
    errors : for each output the bounds, float64; infinity where undecided
    undecided : for each event whether some output is undecided
    decisions : top-k and comparisons, with their margins
    """

    values: tuple[Array, ...]
    errors: tuple[Array, ...]
    undecided: Array
    decisions: tuple[Decision, ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Results that keep their bound.

    Attributes
    ----------
    events : number of events compared
    undecided : how many of them are undecided somewhere; their undecided elements are not compared
    worst : largest ratio of an error to its bound, at most 1
    where : output, event and index of that
    """

    events: int
    undecided: int
    worst: float
    where: tuple[str, int, tuple[int, ...]]


def bound(graph: Graph, data: Feed, *, accuracy: Accuracy = OURS) -> Bound:
    """Return the real values and the error bounds of a graph's outputs.

    Parameters
    ----------
    graph : any graph whose elementary functions are still whole (not decomposed to bits)
    data : as for `interpret`; taken as exact
    accuracy : of the evaluator

    Raises
    ------
    DataError
        When the data do not fit the inputs.
    InvalidGraph
        When an operator has no error rule.
    """
    arrays = arranged(graph, data)
    sizes: dict[str, int] = {}
    for node, name, array in zip(graph.inputs, graph.input_names, arrays, strict=True):
        bind(node.type.shape, array.shape[1:], sizes, f"input {name}")
    events = len(arrays[0]) if arrays else 1
    per_event = sum(prod(resolve(node.type.shape, sizes)) for node in graph.nodes())
    chunk = max(1, CHUNK_ELEMENTS // max(1, per_event))
    parts = [
        _part(graph, [each[i : i + chunk] for each in arrays], Context(sizes, accuracy, []))
        for i in range(0, max(events, 1), chunk)
    ]
    return parts[0] if len(parts) == 1 else _joined(parts)


def _part(graph: Graph, arrays: Sequence[Array], context: Context) -> Bound:
    """Return the bound of some events: of balls and slopes the tighter."""
    known: dict[Node, Ball] = {}
    for node, array in zip(graph.inputs, arrays, strict=True):
        wide = isinstance(node.type.element, Float)
        known[node] = Ball.exact(array.astype(np.float64) if wide else array)
    events = len(arrays[0]) if arrays else 1
    outputs = tight_balls(graph, known, context)
    if outputs is None:
        balls = walk(graph.outputs, known, context)
        outputs = tuple(balls[node] for node in graph.outputs)
    outputs = tuple(each.spread(events) for each in outputs)
    errors = tuple(each.error for each in outputs)
    undecided = np.zeros(events, np.bool_)
    for each in errors:
        undecided |= np.isinf(each).reshape(events, -1).any(axis=1)
    values = tuple(each.value for each in outputs)
    return Bound(values, errors, undecided, tuple(context.decisions))


def _joined(parts: Sequence[Bound]) -> Bound:
    """Return the bounds of all events."""
    decisions = [
        Decision(
            each[0].label,
            np.concatenate([part.margin for part in each]),
            np.concatenate([part.undecided for part in each]),
        )
        for each in zip(*(part.decisions for part in parts), strict=True)
    ]
    return Bound(
        tuple(np.concatenate(each) for each in zip(*(x.values for x in parts), strict=True)),
        tuple(np.concatenate(each) for each in zip(*(x.errors for x in parts), strict=True)),
        np.concatenate([each.undecided for each in parts]),
        tuple(decisions),
    )


def agreement(
    graph: Graph, data: Feed, got: tuple[Array, ...], *, accuracy: Accuracy = OURS
) -> Agreement:
    """Return how well an evaluator's outputs keep the bound of its accuracy.

    Parameters
    ----------
    graph, data, accuracy : as for `bound`
    got : for each output the evaluator's array (events, *shape)

    Raises
    ------
    Mismatch
        When an element is farther from its real value than the bound allows.
    DataError
        When the outputs have other shapes.
    """
    limits = bound(graph, data, accuracy=accuracy)
    worst = 0.0
    where: tuple[str, int, tuple[int, ...]] = (graph.output_names[0], 0, ())
    for name, value, error, array in zip(
        graph.output_names, limits.values, limits.errors, got, strict=True
    ):
        if array.shape != value.shape:
            raise DataError(f"output {name} has shape {array.shape}, expected {value.shape}")
        ratio = _ratios(value, error, array)
        if not ratio.size or not ratio.max() > worst:
            continue
        place = tuple(int(i) for i in np.unravel_index(int(ratio.argmax()), ratio.shape))
        worst, where = float(ratio[place]), (name, place[0], place[1:])
        if worst > 1.0:
            raise _mismatch(where, value[place], array[place], error[place], accuracy)
    return Agreement(len(limits.undecided), int(limits.undecided.sum()), worst, where)


def _ratios(value: Array, error: Array, got: Array) -> Array:
    """Return the error over its bound; 0 where undecided, infinity where no error is allowed."""
    with np.errstate(all="ignore"):
        same = (got == value) | ((got != got) & (value != value))  # NaN
        ratio = np.abs(got.astype(np.float64) - value.astype(np.float64)) / error
    ratio = np.where(np.isnan(ratio), np.inf, ratio)
    return np.where(same | np.isinf(error), 0.0, ratio)


def _mismatch(
    where: tuple[str, int, tuple[int, ...]],
    value: object,
    got: object,
    error: object,
    by: Accuracy,
) -> Mismatch:
    name, event, index = where
    return Mismatch(
        f"output {name}, event {event}, index {index}: {got!r} is farther from {value!r} than the "
        f"bound {error!r} of {by.name} allows",
        node=name,
        event=event,
        expected=value,
        got=got,
    )
