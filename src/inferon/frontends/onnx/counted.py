"""Results whose number of elements depends on the event, and the layers that they may go through.

Sizes are fixed in the language, so such a result is *bounded*: as long as it can ever be, zeros
from its count on (`Counted`).  A layer that treats each element by itself keeps it so; what it
makes of the zeros has no meaning.  So does one that treats each row by itself, where the elements
are rows.  A reduction over them fills in what does not change it.  Every other layer refuses it,
because it would compute with elements that are not there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from inferon.frontends.onnx.call import Call, Counted, Operator, Refused, Result, Sizes, Value
from inferon.ir.node import Node
from inferon.ir.shape import Dim, Shape
from inferon.ir.types import Element, Float
from inferon.ops import build as b

Follow = Callable[[Call, Counted, Node], int | None]
"""Which axis of a layer's result is the counted one of its operand; None where there is none."""


@dataclass(frozen=True, slots=True)
class Number(Dim):
    """The count of a result, as a size in shape arithmetic: good for nothing but that result."""

    @classmethod
    def of(cls, counted: Counted) -> Number:
        """Return the size of the counted axis."""
        bound = counted.value.type.shape[counted.axis]
        assert isinstance(bound, int)
        return cls(f"count_{counted.count.digest.hex()}", bound)


def carried(function: Operator, call: Call) -> Result:
    """Return the results of a layer; where it keeps counted elements in place, with the count."""
    given = [value for value in call.operands if isinstance(value, Counted)]
    numbers = {each for value in call.operands for each in _numbers(value)}
    follow = _KEEPING.get(call.layer.op) if call.layer.domain == "" else None
    if not given and numbers and call.layer.op not in _SHAPE_ARITHMETIC:
        raise Refused(f"{call.layer.op} of a run-time number of elements", "a fixed number")
    if len(given) == 1 and call.layer.domain == "" and call.layer.op in _NEUTRAL:
        return _reduced(function, call, given[0])
    if not given or follow is None:
        return function(call)  # which refuses an operand as soon as it asks for it
    if len(set(given)) > 1 or numbers - {Number.of(given[0])}:
        raise Refused(f"{call.layer.op} of two results with run-time numbers of elements")
    bare = replace(call, operands=tuple(_bare(value) for value in call.operands))
    if call.layer.op == "Shape":
        return _shape(bare, given[0])
    result = function(bare)
    if not isinstance(result, Node):
        return function(call)
    axis = follow(bare, given[0], result)
    if axis is None or not _in_place(call, axis, result.type.rank):
        raise Refused(
            f"{call.layer.op} mixes the axis with a run-time number of elements with others",
            "the elements in one axis of their own",
        )
    return Counted(result, axis, given[0].count)


def _reduced(function: Operator, call: Call, given: Counted) -> Result:
    """Return a reduction: of what counts alone, where it is over the counted axis."""
    if call.operands[0] is not given:
        return function(call)
    bound, rank = Number.of(given).max, given.value.type.rank
    here = b.less(b.constant(np.arange(bound)), given.count)
    here = b.reshape(here, tuple(bound if i == given.axis else 1 for i in range(rank)))
    fill = b.constant_like(given.value, _NEUTRAL[call.layer.op](given.value.type.element))
    known = b.select(b.broadcast(here, given.value.type.shape), given.value, fill)
    bare = replace(call, operands=(known, *call.operands[1:]))
    result = function(bare)
    assert isinstance(result, Node)
    axes = bare.axes_input(1, rank, 13 if call.layer.op == "ReduceSum" else 18)
    if not axes and call.integer("noop_with_empty_axes", 0):
        return Counted(result, given.axis, given.count)
    if not axes or given.axis in axes:
        return result
    before = sum(axis < given.axis for axis in axes) if not call.integer("keepdims", 1) else 0
    return Counted(result, given.axis - before, given.count)


def _numbers(value: Value | None) -> list[Number]:
    sizes = value.sizes if isinstance(value, Sizes) else ()
    return [size for size in sizes if isinstance(size, Number)]


def _in_place(call: Call, axis: int, rank: int) -> bool:
    """Return whether a shape that is asked for has the count where the result has it."""
    shapes = [value.sizes for value in call.operands if isinstance(value, Sizes)]
    places = [
        len(shape) - i for shape in shapes for i, n in enumerate(shape) if isinstance(n, Number)
    ]
    return all(place == rank - axis for place in places)


def _shape(call: Call, given: Counted) -> Value:
    """Return the sizes, with the count as one that only the result itself may be given."""
    rank = given.value.type.rank
    end = call.integer("end", rank) if call.given("end") is not None else rank
    axes = range(rank)[slice(call.integer("start", 0), end)]
    sizes = given.value.type.shape
    return Sizes(tuple(Number.of(given) if axis == given.axis else sizes[axis] for axis in axes))


def _bare(value: Value | None) -> Value | None:
    """Return a value with bounds in the place of counts."""
    if isinstance(value, Counted):
        return value.value
    if not _numbers(value):
        return value
    assert isinstance(value, Sizes)
    return Sizes(tuple(n.max if isinstance(n, Number) else n for n in value.sizes), value.scalar)


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


def _expanded(call: Call, given: Counted, result: Node) -> int | None:
    """Follow elements that are repeated along other axes."""
    axis = result.type.rank - (given.value.type.rank - given.axis)
    return axis if result.type.shape[axis] == given.value.type.shape[given.axis] else None


def _row_by_row(call: Call, given: Counted, result: Node) -> int | None:
    """Follow the rows of the left operand of a product."""
    rows, last = call.node(0), given.value.type.rank - 1
    others = [each for each in call.nodes()[1:] if each == given.value]
    turned = call.layer.op == "Gemm" and call.integer("transA", 0)
    if (
        rows != given.value
        or others
        or given.axis == last
        or turned
        or call.node(1).type.rank != 2
    ):
        return None
    bias = call.node(2).type.shape if call.has(2) else ()
    return None if len(bias) == 2 and bias[0] != 1 else given.axis


def _along_another(call: Call, given: Counted, result: Node) -> int | None:
    """Follow elements next to an axis along which a layer computes."""
    axis = call.axis(call.integer("axis", -1), given.value.type.rank)
    return None if axis == given.axis or call.opset < 13 else given.axis


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


def _lowest(element: Element) -> float:
    return -np.inf if isinstance(element, Float) else int(getattr(element, "lowest", 0))


def _highest(element: Element) -> float:
    return np.inf if isinstance(element, Float) else int(getattr(element, "highest", 1))


_NEUTRAL: Mapping[str, Callable[[Element], float]] = {
    **dict.fromkeys(("ReduceSum", "ReduceL1", "ReduceL2", "ReduceSumSquare"), lambda _: 0),
    "ReduceProd": lambda _: 1,
    "ReduceMax": _lowest,
    "ReduceMin": _highest,
}
"""Reductions, and the number that does not change them."""

_SHAPE_ARITHMETIC = ("Gather", "Concat", "Slice", "Squeeze", "Unsqueeze", "Cast", "Identity")

_KEEPING: Mapping[str, Follow] = {
    **dict.fromkeys((*_UNARY, *_BINARY), _one_by_one),
    "Transpose": _transposed,
    **dict.fromkeys(("Reshape", "Squeeze", "Unsqueeze", "Flatten"), _reshaped),
    "Shape": _expanded,
    "Expand": _expanded,
    **dict.fromkeys(("MatMul", "Gemm"), _row_by_row),
    **dict.fromkeys(("Softmax", "LogSoftmax"), _along_another),
    "Gather": _picked,
    "GatherND": _picked_by_tuples,
}
