"""Awkward arrays: sets of any length become padded arrays with a mask, piece by piece, and back.

A set is given for an input whose first axis are N particles.  Of a longer set the first N count; a
shorter one is filled with zeros.  The mask is the input that nobody gave: 1 for a particle, 0 for
what was filled in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inferon.containers.foreign import as_numpy
from inferon.containers.kinds import is_awkward, listed
from inferon.errors import DataError, UsageError
from inferon.interpret import Feed
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.shape import static
from inferon.ir.types import Fixed
from inferon.ir.values import Array, storage

PIECE_BYTES = 1 << 24
"""Padded sets exist for so many bytes at a time: thousands of events, never a copy of all."""

Predict = Callable[[Feed], tuple[Array, ...]]
"""Numpy arrays to numpy arrays: an artefact's ``predict``."""


@dataclass(frozen=True, slots=True)
class Jagged:
    """How sets of any length become the inputs of a model, and outputs become sets again.

    Attributes
    ----------
    mask : the input that is 1 for a particle and 0 for padding; by default the only one that is
        not given, of shape (N), (N, 1) or (1, N)
    outputs : the outputs that have a row for each particle; by default those whose first size is
        the N of a set
    """

    mask: str = ""
    outputs: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class _Set:
    """The jagged array of one input, events * var * row, of which the first ``most`` count."""

    name: str
    array: Any
    counts: Array
    most: int

    @classmethod
    def of(cls, name: str, array: Any, node: Node) -> _Set:
        import awkward as ak

        shape = _shape(node)
        if not shape:
            raise DataError(f"input {name} is one number for each event: it cannot hold a set")
        counts = np.asarray(ak.to_numpy(ak.num(array, axis=1)))
        return cls(name, array, np.minimum(counts, shape[0]), shape[0])

    def present(self, events: slice) -> Array:
        """Return (events, most): whether there is a particle."""
        present: Array = np.arange(self.most) < self.counts[events, None]
        return present

    def padded(self, events: slice) -> Array:
        """Return (events, most, row) with zeros where there is no particle."""
        import awkward as ak

        rows = _rows(self.name, ak.flatten(self.array[events, : self.most], axis=1))
        present = self.present(events)
        padded = np.zeros((*present.shape, *rows.shape[1:]), rows.dtype)
        padded[present] = rows
        return padded


@dataclass(frozen=True, slots=True)
class _Mask:
    """The input that says where a set has particles."""

    node: Node
    of: _Set

    def made(self, events: slice) -> Array:
        present = self.of.present(events)
        return present.astype(storage(self.node.type.element)).reshape(-1, *_shape(self.node))


def predict_jagged(graph: Graph, predict: Predict, data: Any, jagged: Jagged) -> tuple[Any, ...]:
    """Return the outputs for data with awkward arrays.

    Raises
    ------
    DataError
        Where sets, mask and numbers of events do not fit together.
    UsageError
        Where `Jagged` names what the model does not have.
    """
    _check(graph, jagged)
    nodes = dict(zip(graph.input_names, graph.inputs, strict=True))
    given = _named(graph, data, jagged)
    sets = [_Set.of(name, array, nodes[name]) for name, array in given.items() if _is_set(array)]
    plain = {name: _plain(name, array) for name, array in given.items() if not _is_set(array)}
    masks = {
        name: _Mask(node, _set_behind(name, node, sets))
        for name, node in nodes.items()
        if name not in given
    }
    events = _events({**plain, **{each.name: each.counts for each in sets}})
    owners = [_owner(*output, sets, jagged) for output in _outputs(graph)]
    step = max(1, PIECE_BYTES // max(1, sum(map(_bytes, graph.inputs))))
    pieces = []
    for begin in range(0, max(events, 1), step):
        here = slice(begin, begin + step)
        feed = {each.name: each.padded(here) for each in sets}
        feed |= {name: array[here] for name, array in plain.items()}
        feed |= {name: mask.made(here) for name, mask in masks.items()}
        outputs = zip(predict(feed), owners, strict=True)
        pieces.append([out[owner.present(here)] if owner else out for out, owner in outputs])
    return tuple(map(_joined, zip(*pieces, strict=True), owners))


# ----------------------------------------------------------------------------------- what is given


def _check(graph: Graph, jagged: Jagged) -> None:
    if jagged.mask and jagged.mask not in graph.input_names:
        raise UsageError(f"Jagged(mask={jagged.mask!r}): the inputs are {list(graph.input_names)}")
    if jagged.mask and jagged.mask not in _possible_masks(graph):
        raise UsageError(
            f"Jagged(mask={jagged.mask!r}): a mask is of shape (N), (N, 1) or (1, N) beside an "
            "input of N rows, and no fixed-point number"
        )
    unknown = set(jagged.outputs or ()) - set(graph.output_names)
    if unknown:
        raise UsageError(
            f"Jagged(outputs=...) names {sorted(unknown)}: the outputs are "
            f"{list(graph.output_names)}"
        )


def _named(graph: Graph, data: Any, jagged: Jagged) -> dict[str, Any]:
    """Return the arrays by their inputs' names; no more than a mask is missing."""
    names = list(graph.input_names)
    masks = [jagged.mask] if jagged.mask else _possible_masks(graph)
    if isinstance(data, Mapping):
        renamed = {theirs: ours for ours, theirs in graph.renamed}
        given = {renamed.get(str(name), str(name)): array for name, array in data.items()}
    else:
        given = _in_order(names, listed(data), masks)
    missing, unknown = set(names) - set(given), set(given) - set(names)
    if unknown or len(missing) > 1 or not missing <= set(masks):
        raise DataError(
            f"inputs are {names}; missing {sorted(missing)}, unknown {sorted(unknown)}; "
            "a mask can be made where its shape is (N), (N, 1) or (1, N)"
        )
    return given


def _in_order(names: list[str], arrays: Sequence[Any], masks: list[str]) -> dict[str, Any]:
    """Return arrays by name; where there are too few, the mask is the one left out."""
    wanted = names
    if len(arrays) < len(names):
        wanted = [name for name in names if name not in masks]
    if len(arrays) != len(wanted):
        raise DataError(
            f"the model takes {names}, not {len(arrays)} arrays: give them by name, and name "
            "the mask with Jagged(mask=...)"
        )
    return dict(zip(wanted, arrays, strict=True))


def _possible_masks(graph: Graph) -> list[str]:
    """Return the inputs that have a number for each row of another input."""
    pairs = list(zip(graph.input_names, graph.inputs, strict=True))
    return [
        name
        for name, node in pairs
        if any(_fits_mask(node, other) for other in graph.inputs if other is not node)
    ]


def _fits_mask(mask: Node, behind: Node) -> bool:
    rows = _shape(behind)[:1]
    return (
        bool(rows)
        and not isinstance(mask.type.element, Fixed)
        and _shape(mask) in ((*rows,), (*rows, 1), (1, *rows))
    )


def _set_behind(name: str, mask: Node, sets: list[_Set]) -> _Set:
    """Return the set that a mask belongs to."""
    size = int(np.prod(_shape(mask)))
    fitting = [each for each in sets if each.most == size]
    if not fitting:
        raise DataError(f"input {name} is not given, and no jagged input has room for {size} rows")
    for other in fitting[1:]:
        if not np.array_equal(other.counts, fitting[0].counts):
            raise DataError(
                f"inputs {fitting[0].name} and {other.name} differ in their numbers of particles: "
                f"give the mask {name} as well"
            )
    return fitting[0]


def _is_set(array: Any) -> bool:
    if not is_awkward(array):
        return False
    import awkward as ak

    return isinstance(array.type.content, ak.types.ListType)


def _plain(name: str, array: Any) -> Array:
    return _rows(name, array) if is_awkward(array) else as_numpy(name, array)


def _rows(name: str, array: Any) -> Array:
    """Return an array without jagged axes; fields of records are its columns, in their order."""
    import awkward as ak

    try:
        fields = [array[field] for field in array.fields] or [array]
        columns = [np.asarray(ak.to_numpy(each, allow_missing=False)) for each in fields]
    except (TypeError, ValueError) as error:
        raise DataError(
            f"input {name} has to be rows of numbers, none missing, not {array.type.content}"
        ) from error
    return np.stack(columns, axis=-1) if array.fields else columns[0]


def _events(arrays: Mapping[str, Array]) -> int:
    events = {name: len(array) for name, array in arrays.items()}
    if len(set(events.values())) > 1:
        raise DataError(f"inputs differ in their number of events: {events}")
    return next(iter(events.values()))


# -------------------------------------------------------------------------------- what comes back


def _outputs(graph: Graph) -> list[tuple[str, Node]]:
    return list(zip(graph.output_names, graph.outputs, strict=True))


def _owner(name: str, output: Node, sets: list[_Set], jagged: Jagged) -> _Set | None:
    """Return the set that an output has a row for each particle of."""
    if jagged.outputs is not None and name not in jagged.outputs:
        return None
    fitting = [each for each in sets if _shape(output)[:1] == (each.most,)]
    if jagged.outputs is not None and not fitting:
        raise UsageError(
            f"Jagged(outputs=...): output {name} of shape {_shape(output)} has no row for each "
            "particle of a jagged input"
        )
    return fitting[0] if fitting else None


def _joined(parts: tuple[Array, ...], owner: _Set | None) -> Any:
    whole = np.concatenate(parts)
    if owner is None:
        return whole
    import awkward as ak

    return ak.unflatten(whole, owner.counts)


def _shape(node: Node) -> tuple[int, ...]:
    return static(node.type.shape, "an array of the model")


def _bytes(node: Node) -> int:
    return int(np.prod(_shape(node))) * storage(node.type.element).itemsize
