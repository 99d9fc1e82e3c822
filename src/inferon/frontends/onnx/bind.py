"""Inputs of a model that are given once and for all: shapes, axes, a condition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from inferon.errors import UsageError
from inferon.frontends.naming import label
from inferon.frontends.onnx.narrow import NARROW, NarrowTensor, brought_back
from inferon.frontends.onnx.read import Model, Slot, describe
from inferon.frontends.onnx.tensors import held_in
from inferon.ir.node import Node
from inferon.ir.values import Array, storage
from inferon.ops import build as b
from inferon.ops.evaluation import evaluate


def bound(model: Model, values: Mapping[str, Any]) -> Model:
    """Return the model with constants in the place of some inputs.

    Parameters
    ----------
    model : the checked model
    values : numbers or arrays by the names of inputs, each of the shape and type in the file

    Raises
    ------
    UsageError
        When no input has that name, or the value does not fit it.
    """
    slots = {slot.name: slot for slot in model.inputs}
    for name in values:
        if name not in slots:
            shown = ", ".join(label(each) for each in slots) or "none"
            raise UsageError(f"no input is called {label(str(name))}; there are: {shown}")
    fixed = {name: _constant(slots[name], value) for name, value in values.items()}
    return replace(
        model,
        inputs=tuple(slot for slot in model.inputs if slot.name not in values),
        constants={**model.constants, **fixed},
    )


def _constant(slot: Slot, value: Any) -> Node | NarrowTensor:
    """Return a value as a constant of the input's type."""
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
