"""Ragged sets: which inputs of a model are rows of any number, and how the number is told."""

from __future__ import annotations

from dataclasses import dataclass

from inferon.errors import UsageError
from inferon.ir.graph import Graph
from inferon.ir.shape import count
from inferon.ir.types import Fixed


@dataclass(frozen=True, slots=True)
class Ragged:
    """Inputs that callers hold as rows of all events and offsets; masks are made inside.

    An input of shape (particles, ...) becomes one row of ``...`` for each particle that there is.
    Rows beyond the shape are dropped, missing ones are 0.  Names are those of the graph or of the
    source model.

    Attributes
    ----------
    values : the input of shape (particles, ...), or several that share their offsets
    mask : an input with an element for each particle: 1 (true) for those that there are; or ""
    count : an input with one element: how many there are; or ""
    """

    values: str | tuple[str, ...]
    mask: str = ""
    count: str = ""

    def of(self, graph: Graph) -> RaggedPorts:
        """Return the places of these inputs among those of a graph.

        Raises
        ------
        UsageError
            When there is no such input, or its shape or type does not fit.
        """
        if not self.values:
            raise UsageError("a ragged set needs an input for its values")
        names = (self.values,) if isinstance(self.values, str) else self.values
        places = [_place(graph, name) for name in names]
        most = _most(graph, places[0])
        for place in places[1:]:
            if _most(graph, place) != most:
                raise UsageError(
                    f"ragged sets share their offsets: {_shown(graph, places[0])} has up to "
                    f"{most} rows, which {_shown(graph, place)} has not"
                )
        mask = _told(graph, self.mask, most) if self.mask else None
        number = _told(graph, self.count, 1) if self.count else None
        taken = [place for place in (*places, mask, number) if place is not None]
        if len(set(taken)) < len(taken):
            raise UsageError(f"a ragged set names an input twice: {self}")
        return RaggedPorts(most, frozenset(places), mask, number)


@dataclass(frozen=True, slots=True)
class RaggedPorts:
    """The inputs of a ragged set by their numbers.

    Attributes
    ----------
    most : rows of an event at most
    values, mask, count : numbers of inputs
    """

    most: int
    values: frozenset[int]
    mask: int | None
    count: int | None


def _place(graph: Graph, name: str) -> int:
    ours = {source: own for own, source in graph.renamed}.get(name, name)
    if ours in graph.input_names:
        return graph.input_names.index(ours)
    known = ", ".join(_shown(graph, place) for place in range(len(graph.inputs)))
    raise UsageError(f"{name!r} of the ragged set is no input of {graph.name}: it has {known}")


def _shown(graph: Graph, place: int) -> str:
    return f"{graph.input_names[place]} ({graph.inputs[place].type})"


def _most(graph: Graph, place: int) -> int:
    shape = graph.inputs[place].type.shape
    size = shape[0] if shape else None
    if not isinstance(size, int) or size < 1:
        raise UsageError(
            f"a ragged set has the shape (particles, ...), unlike {_shown(graph, place)}"
        )
    return size


def _told(graph: Graph, name: str, elements: int) -> int:
    """Return the place of an input that tells how many rows there are."""
    place = _place(graph, name)
    given = graph.inputs[place].type
    if count(given.shape) != elements or isinstance(given.element, Fixed):
        what = f"mask has {elements} numbers, one a row" if elements > 1 else "count is one number"
        raise UsageError(
            f"a ragged set's {what}, and not of fixed point, unlike {_shown(graph, place)}"
        )
    return place
