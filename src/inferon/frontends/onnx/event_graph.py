"""From a file to a graph of one event: read, translate, take the batch away, prove it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import onnx

from inferon.errors import Gap, InvalidGraph, Unsupported
from inferon.frontends.naming import Names, label
from inferon.frontends.onnx.bind import bound
from inferon.frontends.onnx.call import Nothing, Operator, Rebinding, constant_array
from inferon.frontends.onnx.independence import EVENTS, Comparison, Three, misfit, too_large
from inferon.frontends.onnx.read import Model, read
from inferon.frontends.onnx.slots import (
    Batch,
    bounds,
    check_dims,
    event_inputs,
    find_batch,
    many_events,
    one_event,
    slot_gaps,
)
from inferon.frontends.onnx.survey import survey
from inferon.frontends.onnx.translate import LayerError, Translation, translate
from inferon.frontends.unit_axes import without_unit_axes
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.shape import Dim
from inferon.ops import build as b

Source = str | os.PathLike[str] | onnx.ModelProto


def import_model(
    source: Source,
    batch_axis: int | str | None = "auto",
    dims: Mapping[str, int] | None = None,
    bind: Mapping[str, Any] | None = None,
    own: Mapping[tuple[str, str], Operator] | None = None,
) -> Graph:
    """Return the graph of one event of an ONNX model; see `inferon.load`.

    ``own`` are functions of the user for operators that are not in the table.
    """
    model = replace(bound(read(source), bind or {}), own=own or {})
    check_dims(model, dims or {})
    return _Import(model, batch_axis, bounds(dims or {})).graph()


def find_gaps(
    source: Source,
    batch_axis: int | str | None = "auto",
    dims: Mapping[str, int] | None = None,
    bind: Mapping[str, Any] | None = None,
) -> tuple[Gap, ...]:
    """Return everything that keeps a valid model from being loaded; empty when it loads.

    Raises
    ------
    InvalidModel
        When the file is no model.
    """
    try:
        import_model(source, batch_axis, dims, bind)
    except Unsupported as error:
        return error.gaps
    return ()


@dataclass(slots=True)
class _Import:
    """One model on its way."""

    model: Model
    batch_axis: int | str | None
    dims: Mapping[str, Dim]

    def graph(self) -> Graph:
        """Return the graph, or raise `Unsupported` with every gap, in the order of the file."""
        try:
            return self._graph()
        except Unsupported as error:
            found = survey(self.model)
            known = {gap.layer for gap in found}
            others = [gap for gap in error.gaps if gap.layer not in known]
            raise Unsupported(tuple(dict.fromkeys((*others, *found)))) from None

    def _graph(self) -> Graph:
        model = self.model
        batch = find_batch(model, self.batch_axis, self.dims)
        _raise(slot_gaps(model, batch, self.dims))
        names = Names()
        inputs = event_inputs(model, batch, self.dims, names)
        if batch is None:
            one = translate(model, one_event(model, None, inputs, self.dims))
            _raise(one.gaps)
            wanted = one.outputs(model)
            outputs = tuple(_node(one, name) for name in wanted)
            return self._tidy(names, inputs, wanted, outputs, one)
        return self._of_batch(batch, names, inputs)

    def _of_batch(self, batch: Batch, names: Names, inputs: tuple[Node, ...]) -> Graph:
        three, batched = self._three(batch, inputs)
        _raise(_one(too_large(three)), _one(misfit(three)))
        comparison = Comparison(three, inputs, batched)
        wanted = three.outputs()
        outputs = tuple(_without_batch(three, name) for name in wanted)
        graph = self._tidy(names, inputs, wanted, outputs, three.one)
        wrong = comparison.of_graph(graph.outputs, wanted)
        if wrong is not None:
            _raise(_one(comparison.blame()), _one(_of_all_events(three, wrong)))
            raise InvalidGraph(
                f"taking the batch away changed output {wrong}: this is a fault of the importer"
            )
        return graph

    def _three(self, batch: Batch, inputs: tuple[Node, ...]) -> tuple[Three, Mapping[str, Node]]:
        """Translate at batches 2, 3 and 1; at 1 with an eye on 2, as other sizes are 1 too."""
        alone = one_event(self.model, batch, inputs, self.dims)
        if batch.fixed is not None:
            self._as_it_stands(batch, inputs)
        try:
            at_2, at_3 = (
                many_events(self.model, batch, inputs, self.dims, size) for size in (2, EVENTS)
            )
            two = self._at(at_2, 2, batch)
            three = self._at(at_3, EVENTS, batch)
        except LayerError as error:
            _raise(translate(self.model, alone).gaps)  # and if even that is wrong, the model is
            _raise(
                [
                    Gap(
                        error.layer,
                        f"it does not allow another batch: {error}",
                        "an export with a symbolic batch",
                    )
                ]
            )
            raise
        one = self._at(alone, 1, batch, guide=two)
        _raise(one.gaps)
        return Three(self.model, batch, one, two, three), at_3

    def _at(
        self, inputs: Mapping[str, Node], size: int, batch: Batch, guide: Translation | None = None
    ) -> Translation:
        rebinding = None if batch.fixed in (None, size) else Rebinding(batch.fixed or 1, size)
        translation = translate(self.model, inputs, guide=guide, rebinding=rebinding)
        _raise(translation.gaps)
        return translation

    def _as_it_stands(self, batch: Batch, inputs: tuple[Node, ...]) -> None:
        """Raise when a model of fixed batch is wrong or has gaps at that batch."""
        whole = many_events(self.model, batch, inputs, self.dims, batch.fixed or 1)
        _raise(translate(self.model, whole).gaps)

    def _tidy(
        self,
        names: Names,
        inputs: tuple[Node, ...],
        wanted: Sequence[str],
        outputs: tuple[Node, ...],
        one: Translation,
    ) -> Graph:
        output_names = tuple(names.identifier(each, "output") for each in wanted)
        name = Names().identifier(self.model.name, "model")
        graph = Graph(name, inputs, outputs, output_names, names.renamed)
        return without_unit_axes(graph, one.origins)


def _one(gap: Gap | None) -> list[Gap]:
    return [] if gap is None else [gap]


def _node(translation: Translation, name: str) -> Node:
    value = translation.values[name]
    if isinstance(value, Nothing):
        raise Unsupported([Gap(name, "an output that is left out", "a model without that output")])
    if not isinstance(value, Node):
        raise Unsupported(
            [Gap(name, "an output that is a run-time size", "a fixed size for that dimension")]
        )
    return value


def _without_batch(three: Three, name: str) -> Node:
    """Return an output of one event without the axis that was the batch."""
    node = _node(three.one, name)
    growth = three.growth(name)
    if growth is None or growth.factor != 1:
        return node
    return b.squeeze(node, growth.axis)


def _of_all_events(three: Three, name: str) -> Gap | None:
    """Return the gap of an output that tells the number of events, as the shape of an input."""
    one, many = (each.values.get(name) for each in (three.one, three.three))
    arrays = [constant_array(each) for each in (one, many) if isinstance(each, Node)]
    if len(arrays) < 2 or any(array is None for array in arrays):
        return None
    what = "an output that changes with the number of events, and not with the events"
    return Gap(label(name), what, "a model without that output")


def _raise(*gaps: Iterable[Gap]) -> None:
    """Raise all gaps at once, each one time."""
    found: dict[Gap, None] = {}
    for several in gaps:
        found.update(dict.fromkeys(several))
    if found:
        raise Unsupported(tuple(found))
