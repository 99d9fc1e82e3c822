"""QONNX: convolutions and pooling whose channels are the last axis, as TensorFlow has them.

Each is the standard's operator between two transpositions; the weights of a convolution are
(outputs, ..., inputs), as the wrapped operators of the QONNX project have them.
"""

from __future__ import annotations

from dataclasses import replace

from inferon.frontends.onnx.call import Call, Operator
from inferon.frontends.onnx.operators import convolution, normalization, pooling
from inferon.ir.node import Node
from inferon.ops import build as b
from inferon.ops.base import require

DOMAIN = "qonnx.custom_op.channels_last"

_STANDARD_OPSET = 13
"""The version of the standard's operators that are wrapped."""


def _wrapped(operator: Operator, *, weighted: bool) -> Operator:
    """Return the operator for activations, and perhaps weights, whose last axis is channels."""

    def apply(call: Call) -> Node:
        turned = [_channels_first(call.node(i)) for i in range(1 + weighted)]
        operands = (*turned, *call.operands[len(turned) :])
        result = operator(replace(call, operands=operands, opset=_STANDARD_OPSET))
        y = result if isinstance(result, Node) else next(iter(result))  # type: ignore[arg-type]
        assert isinstance(y, Node)
        return b.transpose(y, (0, *range(2, y.type.rank), 1))

    return apply


def _channels_first(x: Node) -> Node:
    rank = x.type.rank
    require(rank >= 3, "takes (batch, ..., channels), not {}", x.type)
    return b.transpose(x, (0, rank - 1, *range(1, rank - 1)))


_NAMES = ("Conv", "MaxPool", "AveragePool", "GlobalAveragePool", "BatchNormalization")

OPERATORS: dict[tuple[str, str], Operator] = {
    (DOMAIN, name): _wrapped(family.TABLE[name], weighted=name == "Conv")
    for family in (convolution, pooling, normalization)
    for name in _NAMES
    if name in family.TABLE
}
