"""Operators that make constants."""

from __future__ import annotations

from typing import Any

import numpy as np

from inferon.errors import InvalidModel
from inferon.frontends.onnx.call import Call, Refused, Table
from inferon.frontends.onnx.limits import MAX_FOLDED_ELEMENTS
from inferon.frontends.onnx.narrow import NarrowTensor
from inferon.frontends.onnx.room import make_room
from inferon.frontends.onnx.tensors import Foreign, held_in, type_name
from inferon.ir.node import Node
from inferon.ir.shape import largest
from inferon.ops import build as b

_NUMBERS: dict[str, np.dtype[Any]] = {
    "value_int": np.dtype(np.int64),
    "value_ints": np.dtype(np.int64),
    "value_float": np.dtype(np.float32),
    "value_floats": np.dtype(np.float32),
}


def _constant(call: Call) -> Node:
    value = call.given("value")
    if isinstance(value, np.ndarray):
        return b.constant(value)
    if isinstance(value, NarrowTensor):
        return value.node
    if isinstance(value, Foreign):
        raise Refused(f"a constant of {value.type_name}", "float32 constants")
    for name, dtype in _NUMBERS.items():
        number = call.given(name)
        if isinstance(number, int | float | tuple):
            return b.constant(np.array(number).astype(dtype))
    raise Refused("a Constant that is text, sparse, or empty", "a constant of numbers")


def _constant_of_shape(call: Call) -> Node:
    sizes = call.sizes(0, "shape")
    value = call.given("value")
    if isinstance(value, Foreign):
        raise Refused(f"a constant of {value.type_name}", "float32 constants")
    value = value.array if isinstance(value, NarrowTensor) else value
    element = (
        b.constant(value.reshape(-1)[:1])
        if isinstance(value, np.ndarray)
        else b.constant(np.zeros(1, np.float32))
    )
    if element.type.shape != (1,):
        raise InvalidModel(f"layer {call.layer.label}: its value is not one number")
    make_room(sizes, "a constant")
    return b.broadcast(b.reshape(element, ()), sizes)


def _range(call: Call) -> Node:
    start, limit, step = (call.array(i, "bound").ravel() for i in range(3))
    if any(each.size != 1 for each in (start, limit, step)) or step[0] == 0:
        raise InvalidModel(
            f"layer {call.layer.label}: Range takes three numbers, and a step that is not 0"
        )
    number = max(0, int(np.ceil((float(limit[0]) - float(start[0])) / float(step[0]))))
    if number > MAX_FOLDED_ELEMENTS:
        raise Refused(f"a Range of {number} elements", f"at most {MAX_FOLDED_ELEMENTS}")
    return b.constant((start[0] + step[0] * np.arange(number)).astype(start.dtype))


def _trilu(call: Call) -> Node:
    """Return one triangle of the last two axes; the other becomes 0."""
    x = call.node(0)
    rows, columns = x.type.shape[-2:] if x.type.rank >= 2 else (0, 0)
    if not isinstance(rows, int) or not isinstance(columns, int):
        raise Refused("Trilu over a run-time size", "a fixed size for that dimension")
    shift = call.numbers(1, "diagonal")[0] if call.has(1) else 0
    distance = np.arange(columns)[None, :] - np.arange(rows)[:, None]
    inside = distance >= shift if call.integer("upper", 1) else distance <= shift
    return b.select(b.broadcast(b.constant(inside), x.type.shape), x, 0)


def _eye_like(call: Call) -> Node:
    """Return ones on a diagonal, of the input's type unless another one is stated."""
    x, number = call.node(0), call.integer("dtype", 0)
    element = held_in(number) if number else x.type.element
    if element is None:
        raise Refused(f"EyeLike of {type_name(number)}", "float32")
    if x.type.rank != 2 or not all(isinstance(size, int) for size in x.type.shape):
        raise Refused("EyeLike of anything but a matrix of fixed sizes", "a constant")
    rows, columns = (largest(size) for size in x.type.shape)
    return b.constant(np.eye(rows, columns, call.integer("k", 0)), element)


TABLE: Table = {
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Range": _range,
    "Trilu": _trilu,
    "EyeLike": _eye_like,
}
