"""The reference interpreter: the definition of what a graph means.

Slow, obvious, vectorized over events.  If anything differs from it, the other thing is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from inferon.errors import DataError
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.shape import Dim, bind
from inferon.ir.types import Fixed, Float
from inferon.ir.values import Array, storage
from inferon.ops.evaluation import evaluate

Feed = Array | Sequence[Array] | Mapping[str, Array]
"""Data for a graph: one array for a single input, or arrays in order, or arrays by name."""


def interpret(graph: Graph, data: Feed, *, real: bool = False) -> tuple[Array, ...]:
    """Return the outputs of a graph for many events.

    Parameters
    ----------
    graph : any graph
    data : arrays of shape (events, ...); of fixed-point inputs the integer mantissas
    real : compute in float64 and in any order instead of in the strict one

    Returns
    -------
    One array (events, ...) for each output; fixed-point outputs are mantissas.

    Raises
    ------
    DataError
        When the data do not fit the inputs.
    """
    values = evaluate_nodes(graph, graph.outputs, data, real=real)
    return tuple(values[node] for node in graph.outputs)


def evaluate_nodes(
    graph: Graph, nodes: Sequence[Node], data: Feed, *, real: bool = False
) -> dict[Node, Array]:
    """Return the values (events, ...) of some nodes, and of all that they need."""
    arrays = arranged(graph, data)
    sizes: dict[str, int] = {}
    events = len(arrays[0]) if arrays else 1
    known: dict[Node, Array] = {}
    for node, array in zip(graph.inputs, arrays, strict=True):
        bind(node.type.shape, array.shape[1:], sizes, f"input {node.op.name}")  # type: ignore[attr-defined]
        wide = real and isinstance(node.type.element, Float)
        known[node] = array.astype(np.float64) if wide else array
    values = evaluate(tuple(nodes), known, sizes, real=real)
    return {node: np.broadcast_to(v, (events, *v.shape[1:])) for node, v in values.items()}


def arranged(graph: Graph, data: Feed, *, convertible: bool = False) -> list[Array]:
    """Return one checked array for each input, in the graph's order.

    Parameters
    ----------
    convertible : also take a dtype whose every value the input's dtype holds (``safe`` in numpy)
    """
    arrays = _listed(graph, data)
    for node, name, array in zip(graph.inputs, graph.input_names, arrays, strict=True):
        _check(name, array, node, convertible)
    events = sorted({len(array) for array in arrays})
    if len(events) > 1:
        raise DataError(f"inputs differ in their number of events: {events}")
    return arrays


def _listed(graph: Graph, data: Feed) -> list[Array]:
    names = graph.input_names
    if isinstance(data, Mapping):
        renamed = {theirs: ours for ours, theirs in graph.renamed}
        given = {renamed.get(name, name): array for name, array in data.items()}
        missing, extra = set(names) - set(given), set(given) - set(names)
        if missing or extra:
            raise DataError(
                f"inputs are {list(names)}; missing {sorted(missing)}, unknown {sorted(extra)}"
            )
        return [_array(name, given[name]) for name in names]
    arrays = [data] if isinstance(data, np.ndarray) else list(data)
    if len(arrays) != len(names):
        raise DataError(f"the model takes {len(names)} inputs {list(names)}, not {len(arrays)}")
    return [_array(name, array) for name, array in zip(names, arrays, strict=True)]


def _array(name: str, data: Array) -> Array:
    try:
        return np.asarray(data)
    except ValueError as error:
        raise DataError(f"input {name} is no array: its rows differ in length") from error


def _check(name: str, array: Array, node: Node, convertible: bool) -> None:
    element = node.type.element
    if array.dtype.kind == "O" and storage(element).kind != "O":
        raise DataError(f"input {name} is an array of Python objects: give numbers of one dtype")
    wanted = storage(element)
    if array.dtype != wanted and not (convertible and np.can_cast(array.dtype, wanted)):
        hint = f"convert it with .astype('{wanted}')"
        raise DataError(f"input {name} has dtype {array.dtype}, expected {wanted}: {hint}")
    fits = array.ndim == node.type.rank + 1 and all(
        size == got or isinstance(size, Dim)
        for size, got in zip(node.type.shape, array.shape[1:], strict=True)
    )
    if not fits:
        expected = f"(events, {', '.join(map(str, node.type.shape))})"
        raise DataError(f"input {name} has shape {array.shape}, expected {expected}: events first")
    if isinstance(element, Fixed) and array.size:
        low, high = int(array.min()), int(array.max())
        if low < element.lowest or high > element.highest:
            raise DataError(f"input {name} has mantissas {low}..{high}, outside {element}")
