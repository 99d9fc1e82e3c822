"""``quantize(graph, calibration=...)``: a float model becomes integers, with what that lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from inferon.compile import compile
from inferon.errors import Gap, ToolMissing, Unsupported, UsageError
from inferon.interpret import Feed, arranged, interpret
from inferon.ir.graph import Graph
from inferon.ir.shape import Dim
from inferon.ir.types import Fixed
from inferon.ir.values import Array
from inferon.ops.mantissa import Rounding
from inferon.passes.exact import exact_graph
from inferon.passes.quantizers import Grain, Role, Widths, insert, prepared
from inferon.quantization.budget import Budget, widths_within
from inferon.quantization.calibration import calibrated, refuse_shared, values_of
from inferon.quantization.loss import Loss, layer_losses
from inferon.quantization.metric import Comparison, Metric

WIDEST = 62
"""Bits of the mantissas that the interpreter and the C++ target hold in one register."""

EVENTS_AT_ONCE = 1024
"""Events that are interpreted together where there is no compiler."""


@dataclass(frozen=True, slots=True)
class Quantized:
    """An exact graph with what it lost.

    Attributes
    ----------
    graph : of stage EXACT: no floats but at the rim
    grids : the float graph with its quantizers, from which it was made
    loss : at each quantizer, and on the metric
    """

    graph: Graph
    grids: Graph
    loss: Loss

    def __str__(self) -> str:
        return str(self.loss)


def quantize(
    graph: Graph,
    *,
    calibration: Feed,
    metric: Metric | None = None,
    weights: int | Budget = 8,
    activations: int | Budget = 8,
    inputs: int | Mapping[str, Fixed] | None = None,
    outputs: int | None = None,
    arguments: int = 10,
    grain: Grain = Grain.TENSOR,
    rounding: Rounding = Rounding.HALF_UP,
) -> Quantized:
    """Turn a float model into integers after its training.

    Every grid is chosen on the calibration data: the step, a power of two, with the smallest mean
    square error; of the argument of a function the one with which the function is off least.
    Values are rounded to the nearest and saturate.  Batch normalization is multiplied into the
    weights before it; biases lie on the grid of the sum that they are added to.

    Parameters
    ----------
    graph : as `load` returns it
    calibration : events, as the model takes them; training events, hundreds to thousands
    metric : what to compare, on other events: ``inferon.auc(x, y)``, ``inferon.accuracy(x, y)``,
        ``inferon.mean_squared_error(x, y)``, or an object of one's own (`Metric`)
    weights, activations : bits of weights, and of the values between layers: one number for all
        layers, or a `Budget` that each takes what it needs from, measured on calibration data
    inputs : bits of the inputs, by default those of activations; or their types by name:
        ``{"x": Fixed(signed=True, width=16, integer=6)}``
    outputs : bits of the outputs; by default they stay as wide as the last sum or product
    arguments : bits of the arguments of functions, which become tables; at most 12
    grain : which weights share a step
    rounding : of weights and activations: HALF_UP (least logic) or HALF_EVEN

    Raises
    ------
    UsageError
        When a width or type makes no sense.
    DataError
        When calibration data do not fit, hold NaN, or are among the metric's events.
    Unsupported
        With every layer that has no quantized form, or becomes too wide.
    """
    widths = Widths(
        weights=weights.most if isinstance(weights, Budget) else weights,
        activations=activations.most if isinstance(activations, Budget) else activations,
        inputs=inputs if isinstance(inputs, int) else None,
        outputs=outputs,
        arguments=arguments,
        grain=grain,
        rounding=rounding,
        types=inputs if isinstance(inputs, Mapping) else {},
    )
    _check_types(graph, widths.types)
    _refuse_run_time_sizes(graph)
    arrays = calibrated(graph, calibration)
    if metric is not None:
        refuse_shared(arrays, arranged(graph, metric.data))
    plain = prepared(graph)
    values = values_of(plain, arrays)
    shared = {Role.WEIGHTS: weights, Role.ACTIVATION: activations}
    budgets = {role: each for role, each in shared.items() if isinstance(each, Budget)}
    if budgets:
        chosen = widths_within(plain, values, arrays, widths, budgets)
        widths = replace(widths, chosen=chosen)
    made = insert(plain, values, widths)
    exact = exact_graph(made.graph).graph
    refuse_wide(exact)
    layers = layer_losses(made.graph, made.places, arrays, values)
    compared = None if metric is None else compared_on(metric, graph, exact)
    events = len(next(iter(values.values())))  # of very many, as many as fit into memory
    return Quantized(exact, made.graph, Loss(layers, events, compared))


def _check_types(graph: Graph, types: Mapping[str, Fixed]) -> None:
    for name in types:
        if name not in graph.input_names:
            known = ", ".join(graph.input_names)
            raise UsageError(f"{name!r} is no input; there are: {known}")


def _refuse_run_time_sizes(graph: Graph) -> None:
    gaps = [
        Gap(name, f"the run-time size {size}", "a model of a fixed size, with a mask")
        for name, node in zip(graph.input_names, graph.inputs, strict=True)
        for size in node.type.shape
        if isinstance(size, Dim)
    ]
    if gaps:
        raise Unsupported(gaps)


def refuse_wide(graph: Graph) -> None:
    """Raise with every layer whose numbers no target holds."""
    widest: dict[str, Fixed] = {}
    for node in graph.nodes():
        element = node.type.element
        if not isinstance(element, Fixed) or element.width <= WIDEST:
            continue
        layer = node.origin or node.op.spelling()
        if layer not in widest or widest[layer].width < element.width:
            widest[layer] = element
    if widest:
        hint = "fewer bits of weights and activations"
        raise Unsupported(
            [
                Gap(layer, f"its numbers grow to {fixed.width} bits, above {WIDEST}", hint)
                for layer, fixed in widest.items()
            ]
        )


def compared_on(metric: Metric, before: Graph, after: Graph) -> Comparison:
    """Return a metric of two graphs."""
    return metric.compare(_outputs(before, metric.data), _outputs(after, metric.data))


def _outputs(graph: Graph, data: Feed) -> tuple[Array, ...]:
    """Return the outputs for many events: compiled, or interpreted where no compiler is."""
    from inferon.targets.cpp import Cpp  # no work for those who only name this module

    arrays = arranged(graph, data)
    try:
        found = compile(graph, Cpp()).artifact.predict(arrays)
    except ToolMissing:
        parts = [
            interpret(graph, [array[first : first + EVENTS_AT_ONCE] for array in arrays])
            for first in range(0, len(arrays[0]), EVENTS_AT_ONCE)
        ]
        found = tuple(np.concatenate(each) for each in zip(*parts, strict=True))
    return tuple(found)
