"""What of a model is given once and for all: inputs that state shapes or axes, symbolic sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from inferon.errors import UsageError
from inferon.frontends.naming import label
from inferon.frontends.onnx.bind_sequences import with_sequences
from inferon.frontends.onnx.narrow import NARROW, NarrowTensor, brought_back
from inferon.frontends.onnx.read import Absent, Model, Slot, describe
from inferon.frontends.onnx.tensors import held_in
from inferon.ir.node import Node
from inferon.ir.values import Array, storage
from inferon.ops import build as b
from inferon.ops.evaluation import evaluate

Place = str | tuple[str, int]
"""A symbolic size: its name, or an input and an axis of it."""


def bound(model: Model, values: Mapping[str, Any]) -> Model:
    """Return the model with constants in the place of some inputs, and numbers for some sizes.

    Parameters
    ----------
    model : the checked model
    values : numbers or arrays by the names of inputs, each of the shape and type in the file; and
        whole numbers by the names of symbolic sizes, or by ``input.axis`` where a size has no
        name.  None leaves out an optional input; of a sequence a list of its tensors' shapes

    Raises
    ------
    UsageError
        When no input or size has that name, or the value does not fit it.
    """
    slots = {slot.name: slot for slot in model.inputs}
    sizes = dict(_sizes(model))
    for name in values:
        if name not in slots and name not in sizes:
            shown = ", ".join(label(each) for each in (*slots, *sizes)) or "none"
            what = "no input or symbolic size is called"
            raise UsageError(f"{what} {label(str(name))}; there are: {shown}")
    lists = [name for name in values if name in slots and slots[name].sequence]
    lists = [name for name in lists if not (values[name] is None and slots[name].optional)]
    model = with_sequences(model, {name: values[name] for name in lists})
    whole = [name for name in values if name in slots and name not in lists]
    fixed = {name: _constant(slots[name], values[name]) for name in whole}
    numbers = {sizes[name]: _size(name, values[name]) for name in values if name not in slots}
    return replace(
        model,
        inputs=tuple(_sized(slot, numbers) for slot in model.inputs if slot.name not in fixed),
        outputs=tuple(_sized(slot, numbers) for slot in model.outputs),
        types=tuple(_sized(slot, numbers) for slot in model.types),
        constants={**model.constants, **fixed},
    )


def _sizes(model: Model) -> Iterator[tuple[str, Place]]:
    """Yield what one may call each symbolic size, and where it stands."""
    for slot in model.inputs:
        for axis, size in enumerate(slot.shape or ()):
            if isinstance(size, str):
                yield size, size
            elif size is None:
                yield f"{slot.name}.{axis}", (slot.name, axis)


def _size(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not value >= 1:
        raise UsageError(f"the size {label(name)} is {value!r}: give a whole number, 1 or more")
    return int(value)


def _sized(slot: Slot, numbers: Mapping[Place, int]) -> Slot:
    if slot.shape is None:
        return slot
    shape = tuple(
        size
        if isinstance(size, int)
        else numbers.get((slot.name, axis) if size is None else size, size)
        for axis, size in enumerate(slot.shape)
    )
    return replace(slot, shape=shape)


def _constant(slot: Slot, value: Any) -> Node | NarrowTensor | Absent:
    """Return a value as a constant of the input's type; None where it is left out."""
    if value is None and slot.optional:
        return Absent()
    node = b.constant(_fitting(slot, value))
    if slot.data_type not in NARROW:
        return node
    inside = brought_back(node, slot.data_type)
    return NarrowTensor(evaluate((inside,), {}, {})[inside][0], slot.data_type)


def _fitting(slot: Slot, value: Any) -> Array:
    """Return a value as an array of the input's shape, and the type that holds its type."""
    name = f"the value for {label(slot.name)}"
    element = held_in(slot.data_type)
    if element is None:
        raise UsageError(f"{name}: inputs of {describe(slot.data_type)} cannot be bound")
    try:
        array = np.asarray(value)
    except ValueError:
        raise UsageError(f"{name} is no array: its rows differ in length") from None
    sizes = slot.shape
    if sizes is not None and not (
        len(sizes) == array.ndim
        and all(
            size == got or not isinstance(size, int)
            for size, got in zip(sizes, array.shape, strict=True)
        )
    ):
        wanted = "x".join(str(size or "?") for size in sizes) or "a scalar"
        raise UsageError(f"{name} has shape {array.shape}, expected {wanted}")
    return _of_type(array, storage(element), name)


def _of_type(array: Array, dtype: np.dtype[Any], name: str) -> Array:
    """Return the same numbers as another type; only a float may be rounded, to a float."""
    kinds = {"b": "b", "i": "iu", "u": "iu", "f": "iuf"}[dtype.kind]
    if array.dtype.kind not in kinds and array.size:
        raise UsageError(f"{name} holds {array.dtype}, expected {dtype}")
    with np.errstate(all="ignore"):
        converted = array.astype(dtype)
    rounded = dtype.kind == "f" and array.dtype.kind == "f"
    same = np.isfinite(array) == np.isfinite(converted) if rounded else array == converted
    if not np.all(same):
        raise UsageError(f"{name} holds numbers that {dtype} does not")
    return converted
