"""Sequences of tensors and optional values: their number and presence are known at import."""

from __future__ import annotations

from itertools import accumulate

import numpy as np

from inferon.errors import InvalidModel
from inferon.frontends.onnx.call import (
    Call,
    Nothing,
    Operator,
    Refused,
    Result,
    Several,
    Table,
    Value,
)
from inferon.frontends.onnx.limits import MAX_UNROLLED_LAYERS
from inferon.frontends.onnx.read import describe
from inferon.frontends.onnx.tensors import held_in
from inferon.ir.node import Node
from inferon.ir.shape import Dim
from inferon.ops import build as b
from inferon.ops.base import require


def _sequence(call: Call, position: int) -> Several:
    value = call.any_value(position)
    if not isinstance(value, Several):
        raise InvalidModel(f"layer {call.layer.label}: input {position} is no sequence")
    return value


def _place(call: Call, position: int, default: int, places: int) -> int:
    """Return a constant position, counted from the front, among so many."""
    if not call.has(position):
        return default
    numbers = call.numbers(position, "position")
    require(len(numbers) == 1, "the position is {}", numbers)
    (place,) = numbers
    if not -places <= place < places:
        raise InvalidModel(f"layer {call.layer.label}: position {place} of {places}")
    return place % places


def _construct(call: Call) -> Value:
    return Several(tuple(call.nodes()))


def _empty(call: Call) -> Value:
    number = call.integer("dtype", 1)
    element = held_in(number)
    if element is None:
        raise Refused(f"a sequence of {describe(number)}", "float32")
    return Several((), element)


def _at(call: Call) -> Value:
    parts = _sequence(call, 0).parts
    return parts[_place(call, 1, 0, len(parts))]


def _length(call: Call) -> Value:
    return b.constant(np.int64(len(_sequence(call, 0).parts)))


def _insert(call: Call) -> Value:
    """Insert before a position; counted from the back, the end is the length itself."""
    parts, tensor = _sequence(call, 0).parts, call.node(1)
    number = len(parts)
    place = number
    if call.has(2):
        (place,) = call.numbers(2, "position")
        if not -number <= place <= number:
            raise InvalidModel(f"layer {call.layer.label}: position {place} of {number}")
    return Several((*parts[:place], tensor, *parts[place:]))


def _erase(call: Call) -> Value:
    sequence = _sequence(call, 0)
    parts = sequence.parts
    place = _place(call, 1, len(parts) - 1, len(parts))
    element = parts[place].type.element if parts else sequence.element
    return Several((*parts[:place], *parts[place + 1 :]), element)


def _concat(call: Call) -> Value:
    parts = _sequence(call, 0).parts
    require(bool(parts), "joins nothing")
    rank = parts[0].type.rank
    if call.integer("new_axis", 0):
        axis = call.axis(call.integer("axis", 0), rank + 1)
        return b.concat([b.expand(part, axis) for part in parts], axis)
    axis = call.axis(call.integer("axis", 0), rank)
    filled = [part for part in parts if part.type.shape[axis : axis + 1] != (0,)]
    return b.concat(filled or parts, axis)


def _split(call: Call) -> Value:
    x = call.node(0)
    axis = call.axis(call.integer("axis", 0), x.type.rank)
    length = x.type.shape[axis]
    if isinstance(length, Dim):
        raise Refused(f"a split of the run-time size {length.name}", "a fixed size")
    keep = bool(call.integer("keepdims", 1)) or call.has(1)
    sizes = _sizes(call, length)
    _check_number(len(sizes))
    require(sum(sizes) == length and min(sizes, default=0) >= 0, "{} does not split {}", sizes, x)
    starts = accumulate(sizes, initial=0)
    parts = [b.slice_(x, axis, start, size) for start, size in zip(starts, sizes, strict=False)]
    return Several(
        tuple(part if keep else b.squeeze(part, axis) for part in parts), x.type.element
    )


def _check_number(parts: int) -> None:
    if parts > MAX_UNROLLED_LAYERS:
        raise Refused(f"a sequence of {parts} tensors", f"at most {MAX_UNROLLED_LAYERS}")


def _sizes(call: Call, length: int) -> tuple[int, ...]:
    if not call.has(1):
        _check_number(length)
        return (1,) * length
    listed = call.numbers(1, "split")
    if call.node(1).type.rank:
        return listed
    (size,) = listed
    require(size >= 1, "splits into parts of {}", size)
    _check_number(length // size)
    return tuple(min(size, length - start) for start in range(0, length, size))


def _map(call: Call) -> Result:
    """Translate the body once for each element; tensors are the same for all."""
    body = call.subgraph("body")
    given = [call.any_value(i) for i in range(len(call.operands))]
    first = _sequence(call, 0)
    lists = [each for each in given if isinstance(each, Several)]
    require(len({len(each.parts) for each in lists}) == 1, "its sequences differ in length")
    columns: list[list[Node]] = [[] for _ in body.outputs]
    for i in range(len(first.parts)):
        operands = [each.parts[i] if isinstance(each, Several) else each for each in given]
        for column, value in zip(columns, call.translate(body, operands), strict=True):
            if not isinstance(value, Node):
                raise Refused("a SequenceMap whose body gives no tensors", "tensors")
            column.append(value)
    elements = [held_in(slot.data_type) for slot in body.outputs]
    return [
        Several(tuple(column), element) for column, element in zip(columns, elements, strict=True)
    ]


# ---------------------------------------------------------------------------------------- optional


def _optional(call: Call) -> Value:
    call.ignore("type")
    return call.any_value(0) if call.has(0) else Nothing()


def _get(call: Call) -> Value:
    value = call.any_value(0)
    if isinstance(value, Nothing):
        raise InvalidModel(
            f"layer {call.layer.label}: it takes an optional value that is left out"
        )
    return value


def _has(call: Call) -> Value:
    present = call.has(0) and not isinstance(call.any_value(0), Nothing)
    return b.constant(np.bool_(present))


def _wide(operator: Operator) -> Operator:
    """Refuse narrow types: a sequence does not carry that its nodes only hold them."""

    def checked(call: Call) -> Result:
        for number in call.narrow:
            if number is not None:
                raise Refused(f"{call.layer.op} of {describe(number)}", "float32")
        return operator(call)

    return checked


_OPERATORS: Table = {
    "SequenceConstruct": _construct,
    "SequenceEmpty": _empty,
    "SequenceAt": _at,
    "SequenceLength": _length,
    "SequenceInsert": _insert,
    "SequenceErase": _erase,
    "ConcatFromSequence": _concat,
    "SplitToSequence": _split,
    "SequenceMap": _map,
    "Optional": _optional,
    "OptionalGetElement": _get,
    "OptionalHasElement": _has,
}

TABLE: Table = {name: _wide(operator) for name, operator in _OPERATORS.items()}
