"""Which results of a layer are of a narrow type: a rule over operators, without inference.

ONNX's schemas say which inputs and outputs share a type.  The few operators whose result type an
attribute states are a table here.  Wide types need no rule: nodes have them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import onnx

from inferon.frontends.onnx.call import Value
from inferon.frontends.onnx.narrow import NARROW, NarrowTensor, brought_back
from inferon.frontends.onnx.read import Layer
from inferon.ir.node import Node
from inferon.ir.types import FLOAT32

Types = Sequence[int | None]
"""Numbers of narrow element types; None where a value is of another type."""


def result_types(layer: Layer, operands: Types, opset: int, inner: Types = ()) -> Types:
    """Return the narrow types of a layer's results.

    Parameters
    ----------
    layer : the layer
    operands : narrow types of its inputs
    opset : version of the operator set of the layer's domain
    inner : narrow types of what its sub-graph gives, where it has one
    """
    if layer.domain == "" and layer.op in _OF_ATTRIBUTE:
        stated = _OF_ATTRIBUTE[layer.op](layer)
        if stated:
            return [stated if stated in NARROW else None]
    if layer.domain == "" and layer.op in _OF_BODY:
        return inner[_OF_BODY[layer.op] :]
    if all(each is None for each in operands):
        return [None] * len(layer.outputs)
    if (layer.domain, layer.op) == ("", "DequantizeLinear"):
        return [operands[1]]
    origins = _origins(layer.op, layer.domain, opset, len(operands), len(layer.outputs))
    return [None if each is None else operands[each] for each in origins]


def _number(name: str) -> Callable[[Layer], int]:
    def stated(layer: Layer) -> int:
        value = layer.attributes.get(name, 0)
        return value if isinstance(value, int) else 0

    return stated


def _of_tensor(layer: Layer) -> int:
    value = layer.attributes.get("value")
    return value.data_type if isinstance(value, NarrowTensor) else 0


_OF_ATTRIBUTE: dict[str, Callable[[Layer], int]] = {
    "Cast": _number("to"),
    "BitCast": _number("to"),
    "EyeLike": _number("dtype"),
    "QuantizeLinear": _number("output_dtype"),
    "DequantizeLinear": _number("output_dtype"),
    "BlackmanWindow": _number("output_datatype"),
    "HammingWindow": _number("output_datatype"),
    "HannWindow": _number("output_datatype"),
    "MelWeightMatrix": _number("output_datatype"),
    "Constant": _of_tensor,
    "ConstantOfShape": _of_tensor,
}
"""Operators with an attribute for the type of their result, and what reads it; 0: not given."""

_OF_BODY = {"If": 0, "Loop": 1, "Scan": 0}
"""Operators that give what a sub-graph gives, and how many of its first outputs they keep."""


@lru_cache(maxsize=1024)
def _origins(
    op: str, domain: str, opset: int, operands: int, results: int
) -> tuple[int | None, ...]:
    """Return for each result the first input that has its type; the first one where unknown."""
    try:
        schema = onnx.defs.get_schema(op, max_inclusive_version=opset, domain=domain)
    except onnx.defs.SchemaError:
        return (0,) * results
    inputs = [each.type_str for each in schema.inputs]
    outputs = [each.type_str for each in schema.outputs]
    given = [inputs[min(i, len(inputs) - 1)] for i in range(operands if inputs else 0)]
    kinds = [outputs[min(i, len(outputs) - 1)] for i in range(results if outputs else 0)]
    return tuple(given.index(kind) if kind in given else None for kind in kinds)


_KEPT = frozenset(
    {
        *("Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Expand", "Tile"),
        *("Concat", "Split", "Slice", "Pad", "Gather", "GatherElements", "GatherND", "Compress"),
        *("ReverseSequence", "DepthToSpace", "SpaceToDepth", "Where", "Trilu", "OneHot", "Unique"),
        *("TopK", "Max", "Min", "MaxPool", "GlobalMaxPool", "ReduceMax", "ReduceMin", "Relu"),
        *("Constant", "ConstantOfShape", "EyeLike", "Cast", "CastLike", "BitCast", "Clip"),
        *("QuantizeLinear", "If", "Loop", "Scan"),
    }
)
"""Operators whose results are values of their inputs, or that round to the type themselves."""

_KEPT_FLOATS = frozenset({"Neg", "Abs"})
"""As above for floats; an int's lowest value has no opposite."""


def in_their_sets(
    layer: Layer, values: Sequence[Value], types: Types
) -> tuple[list[Value], list[int | None]]:
    """Return a layer's results, each brought back into the set of its narrow type, and the types.

    A result that is not held as its type says (an index, a truth value) has no narrow type.
    """
    results: list[Value] = []
    kinds: list[int | None] = []
    for value, kind in zip(values, [*types, *[None] * len(values)], strict=False):
        if kind is None or not isinstance(value, Node) or value.type.element != NARROW[kind].held:
            results.append(value)
            kinds.append(None)
        else:
            results.append(value if _is_kept(layer, value) else brought_back(value, kind))
            kinds.append(kind)
    return results, kinds


def _is_kept(layer: Layer, value: Node) -> bool:
    exact = layer.op in _KEPT_FLOATS and value.type.element == FLOAT32
    return layer.domain == "" and (layer.op in _KEPT or exact)
