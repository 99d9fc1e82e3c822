"""Inputs that are sequences: the user says of which shapes, and each tensor becomes an input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from inferon.errors import UsageError
from inferon.frontends.naming import label
from inferon.frontends.onnx.limits import MAX_RANK
from inferon.frontends.onnx.read import Layer, Model, Slot, describe
from inferon.frontends.onnx.tensors import DTYPES


def with_sequences(model: Model, values: Mapping[str, Any]) -> Model:
    """Return the model with tensors in the place of some sequences.

    Parameters
    ----------
    model : the checked model
    values : lists of shapes by the names of inputs that are sequences: ``{"x": [[3], [5]]}``; the
        inputs ``x[0]`` of shape 3 and ``x[1]`` of shape 5 take the place of ``x``

    Raises
    ------
    UsageError
        When a value is no list of shapes.
    """
    slots = {slot.name: slot for slot in model.inputs if slot.name in values}
    parts = {name: tuple(_parts(slots[name], value)) for name, value in values.items()}
    inputs = [part for slot in model.inputs for part in parts.get(slot.name, (slot,))]
    begin = tuple(_layer(slots[name], parts[name]) for name in values)
    return replace(model, inputs=tuple(inputs), layers=(*begin, *model.layers))


def _parts(slot: Slot, value: Any) -> Iterator[Slot]:
    """Yield the inputs that are the sequence."""
    name = label(slot.name)
    if slot.sequence not in DTYPES:
        raise UsageError(f"{name} is a sequence of {describe(slot.sequence)}: it cannot be bound")
    if not isinstance(value, list | tuple):
        raise UsageError(_expected(name))
    for i, shape in enumerate(value):
        if not isinstance(shape, list | tuple) or len(shape) > MAX_RANK:
            raise UsageError(_expected(name))
        if not all(isinstance(size, int | np.integer) and 0 <= size < 1 << 31 for size in shape):
            raise UsageError(_expected(name))
        yield Slot(f"{slot.name}[{i}]", slot.sequence, tuple(int(size) for size in shape))


def _expected(name: str) -> str:
    return f"{name} is a sequence: give the list of its tensors' shapes, such as [[3], [5]]"


def _layer(slot: Slot, parts: tuple[Slot, ...]) -> Layer:
    """Return the layer that puts the sequence together again."""
    op = "SequenceConstruct" if parts else "SequenceEmpty"
    attributes = {} if parts else {"dtype": slot.sequence}
    return Layer(op, "", slot.name, tuple(part.name for part in parts), (slot.name,), attributes)
