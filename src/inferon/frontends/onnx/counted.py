"""Results whose number of elements depends on the event, and the layers that they may go through.

Sizes are fixed in the language, so such a result is *bounded*: as long as it can ever be, zeros
from its count on (`Counted`).  A layer that treats each element by itself keeps it so; what it
makes of the zeros has no meaning.  Every other layer refuses it, because it would compute with
elements that are not there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import prod

from inferon.frontends.onnx.call import Call, Counted, Operator, Refused, Result, Value
from inferon.ir.node import Node
from inferon.ir.shape import Shape

Follow = Callable[[Call, Counted, Node], int | None]
"""Which axis of a layer's result is the counted one of its operand; None where there is none."""


def carried(function: Operator, call: Call) -> Result:
    """Return the results of a layer; where it keeps counted elements in place, with the count."""
    given = [value for value in call.operands if isinstance(value, Counted)]
    follow = _KEEPING.get(call.layer.op) if call.layer.domain == "" else None
    if not given or follow is None:
        return function(call)  # which refuses an operand as soon as it asks for it
    if len(set(given)) > 1:
        raise Refused(f"{call.layer.op} of two results with run-time numbers of elements")
    bare = replace(call, operands=tuple(_bare(value) for value in call.operands))
    result = function(bare)
    if not isinstance(result, Node):
        return function(call)
    axis = follow(bare, given[0], result)
    if axis is None:
        raise Refused(
            f"{call.layer.op} moves the axis with a run-time number of elements into others",
            "the elements in one axis of their own",
        )
    return Counted(result, axis, given[0].count)


def _bare(value: Value | None) -> Value | None:
    return value.value if isinstance(value, Counted) else value


def _one_by_one(call: Call, given: Counted, result: Node) -> int | None:
    """Follow elements that meet numbers which are the same for all of them."""
    behind = given.value.type.rank - given.axis
    for value in call.operands:
        if isinstance(value, Node) and value != given.value:
            shape = value.type.shape
            if len(shape) >= behind and shape[len(shape) - behind] != 1:
                return None
    return result.type.rank - behind


def _transposed(call: Call, given: Counted, result: Node) -> int | None:
    order = call.integers("perm") or tuple(reversed(range(result.type.rank)))
    return order.index(given.axis)


def _reshaped(call: Call, given: Counted, result: Node) -> int | None:
    """Follow an axis that stays between the same numbers of elements."""
    return same_place(given.value.type.shape, given.axis, result.type.shape)


def same_place(old: Shape, axis: int, new: Shape) -> int | None:
    """Return which axis of a shape lies where another shape has ``axis``; None where none does."""
    sizes = [size if isinstance(size, int) else 0 for size in old]
    others = [size if isinstance(size, int) else 0 for size in new]
    for place, size in enumerate(others):
        if size == sizes[axis] and prod(others[:place]) == prod(sizes[:axis]):
            return place
    return None


def _picked(call: Call, given: Counted, result: Node) -> int | None:
    """Follow an index into what it picks; or the counted data, off the axis that is indexed."""
    data, index = call.node(0), call.node(1)
    axis = call.axis(call.integer("axis", 0), data.type.rank)
    if index == given.value and data != given.value:
        return axis + given.axis
    if data == given.value and index != given.value and axis != given.axis:
        return given.axis if given.axis < axis else given.axis + index.type.rank - 1
    return None


def _picked_by_tuples(call: Call, given: Counted, result: Node) -> int | None:
    index = call.node(1)
    by_index = index == given.value and call.node(0) != given.value
    return given.axis if by_index and given.axis < index.type.rank - 1 else None


_UNARY = (
    *("Identity", "Cast", "Abs", "Neg", "Ceil", "Floor", "Round", "Sqrt", "Exp", "Log", "Sign"),
    *("Reciprocal", "Relu", "LeakyRelu", "Elu", "Sigmoid", "Tanh", "Erf", "Sin", "Cos", "Not"),
    *("IsNaN", "IsInf", "Clip", "Softplus", "Gelu", "HardSigmoid", "HardSwish"),
)
_BINARY = (
    *("Add", "Sub", "Mul", "Div", "Mod", "Pow", "Max", "Min", "And", "Or", "Xor"),
    *("Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"),
)

_KEEPING: Mapping[str, Follow] = {
    **dict.fromkeys((*_UNARY, *_BINARY), _one_by_one),
    "Transpose": _transposed,
    **dict.fromkeys(("Reshape", "Squeeze", "Unsqueeze", "Flatten"), _reshaped),
    "Gather": _picked,
    "GatherND": _picked_by_tuples,
}
