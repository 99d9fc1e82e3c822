"""How far rounding has carried each layer's result from the real one, on jets.

The float32 values are those of the interpreter, whose bits the C++ is proven to have; the real
ones are the same graph in float64.  In an exact graph nothing rounds but its quantizers: there
the error is what each of them takes away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inferon.interpret import Feed, arranged, evaluate_nodes
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.shape import count
from inferon.ir.types import Fixed, Float
from inferon.ir.values import Array
from inferon.ops.convert import Quantize
from inferon.report.layer_graph import Layer, computed_layers

Numbers = NDArray[np.float64]

HELD_ELEMENTS = 1 << 23
"""Values of so many elements are held at a time, in float32 and in float64: 100 MB."""


@dataclass(frozen=True, slots=True)
class LayerError:
    """The error of one layer's result.

    The error of a jet is the norm of the difference to the real result, over the norm of that.

    Attributes
    ----------
    layer : its name in the source model
    median, largest : over jets
    is_product : the layer has a matrix product or a convolution
    """

    layer: str
    median: float
    largest: float
    is_product: bool


@dataclass(frozen=True, slots=True)
class QuantizerError:
    """What one quantizer takes away.

    Attributes
    ----------
    layer : its name in the source model
    type : of what it gives
    relative : root mean square of the error over that of what comes in
    saturated : fraction of values that it cut off at the ends of its type
    """

    layer: str
    type: Fixed
    relative: float
    saturated: float


def layer_errors(graph: Graph, data: Feed) -> tuple[LayerError, ...]:
    """Return the error of every layer that gives floats, in the order of the graph.

    Parameters
    ----------
    graph : any graph
    data : events as for `inferon.interpret`
    """
    layers = [(each, _floats(each)) for each in computed_layers(graph)]
    layers = [(each, nodes) for each, nodes in layers if nodes]
    wanted = tuple(node for _, nodes in layers for node in nodes)
    parts: list[list[Numbers]] = [[] for _ in layers]
    for events in in_parts(graph, data):
        strict = evaluate_nodes(graph, wanted, events)
        real = evaluate_nodes(graph, wanted, events, real=True)
        for found, (_, nodes) in zip(parts, layers, strict=True):
            found.append(_relative(nodes, strict, real))
    return tuple(
        LayerError(
            layer.title,
            float(np.median(errors)),
            float(np.max(errors, initial=0.0)),
            layer.macs > 0,
        )
        for (layer, _), errors in zip(layers, map(np.concatenate, parts), strict=True)
    )


def quantizer_errors(graph: Graph, data: Feed) -> tuple[QuantizerError, ...]:
    """Return what the quantizers of an exact graph take away, in the order of the graph.

    Parameters
    ----------
    graph : of stage EXACT
    data : events as for `inferon.interpret`
    """
    quantizers = [node for node in graph.nodes() if isinstance(node.op, Quantize)]
    wanted = tuple(each for node in quantizers for each in (node.inputs[0], node))
    sums = np.zeros((len(quantizers), 4))  # of errors squared, values squared, cut off, all
    for events in in_parts(graph, data):
        values = evaluate_nodes(graph, wanted, events)
        for row, node in zip(sums, quantizers, strict=True):
            row += _taken_away(node, values)
    return tuple(
        QuantizerError(
            node.origin or node.op.spelling(),
            _fixed(node),
            float(np.sqrt(lost / power)) if power else 0.0,
            float(cut / max(values, 1.0)),
        )
        for node, (lost, power, cut, values) in zip(quantizers, sums.tolist(), strict=True)
    )


def numbers(node: Node, values: Array) -> Numbers:
    """Return the numbers that an array stands for: mantissas are scaled."""
    element = node.type.element
    wide = values.astype(np.float64)
    return np.ldexp(wide, -element.fraction) if isinstance(element, Fixed) else wide


def _floats(layer: Layer) -> tuple[Node, ...]:
    return tuple(node for node in layer.results if isinstance(node.type.element, Float))


def in_parts(graph: Graph, data: Feed) -> Iterator[list[Array]]:
    """Yield so many events at a time that all of their inner values can be held."""
    arrays = arranged(graph, data)
    per_event = sum(count(node.type.shape) for node in graph.nodes())
    size = max(1, HELD_ELEMENTS // max(1, per_event))
    for begin in range(0, len(arrays[0]) if arrays else 1, size):
        yield [array[begin : begin + size] for array in arrays]


def _relative(
    nodes: Sequence[Node], strict: dict[Node, Array], real: dict[Node, Array]
) -> Numbers:
    """Return the relative error of each event; what is not finite in both is left out."""
    events = len(strict[nodes[0]])
    lost, power = np.zeros(events), np.zeros(events)
    for node in nodes:
        rounded = strict[node].reshape(events, -1).astype(np.float64)
        exact = real[node].reshape(events, -1)
        finite = np.isfinite(rounded) & np.isfinite(exact)
        error = np.subtract(rounded, exact, out=np.zeros_like(exact), where=finite)
        lost += np.sum(np.square(error), axis=1)
        power += np.sum(np.square(np.where(finite, exact, 0.0)), axis=1)
    return np.sqrt(np.divide(lost, power, out=np.zeros(events), where=power > 0.0))


def _taken_away(node: Node, values: dict[Node, Array]) -> Numbers:
    """Return the sums of squared errors and squared values, how many were cut off, of how many.

    What an unsigned type cuts off below zero is the ReLU of its layer: that is no loss.
    """
    source, element = node.inputs[0], _fixed(node)
    before, after = numbers(source, values[source]), numbers(node, values[node])
    before = np.where(np.isfinite(before), before, after)
    step = np.ldexp(1.0, -element.fraction)
    low, high = element.lowest * step, element.highest * step
    if not element.signed:
        before = np.maximum(before, 0.0)
    cut = np.count_nonzero((before <= low - step) | (before >= high + step))
    lost, power = np.sum(np.square(before - after)), np.sum(np.square(before))
    return np.array([lost, power, cut, before.size], np.float64)


def _fixed(node: Node) -> Fixed:
    element = node.type.element
    assert isinstance(element, Fixed)
    return element
