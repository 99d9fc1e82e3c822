"""Rules that make firmware smaller and keep every bit.

A rounding to nearest is an addition of a half and a cut; where a constant is added before, the
half goes into it.  A saturation at 0 needs no ReLU before it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from inferon.ir.node import Node
from inferon.ir.types import Fixed
from inferon.ops import arithmetic
from inferon.ops import build as b
from inferon.ops.convert import Quantize
from inferon.ops.dot import Dot
from inferon.ops.evaluation import is_constant
from inferon.ops.mantissa import Overflow, Rounding
from inferon.ops.movement import Broadcast
from inferon.ops.structure import Const
from inferon.pipeline import BITS, Pass
from inferon.rewrite import rule
from inferon.stage import EXACT


@rule(Quantize)
def saturation_is_relu(node: Node) -> Node | None:
    """quantize(max(x, 0)) -> quantize(x), where it saturates at 0 itself."""
    assert isinstance(node.op, Quantize)
    (value,) = node.inputs
    cuts = not node.op.to.signed and node.op.overflow is Overflow.SATURATE
    if not cuts or not isinstance(value.op, arithmetic.Max):
        return None
    for x, zero in (value.inputs, value.inputs[::-1]):
        if _is_zero(zero):
            return Node(node.op, (x,), node.origin)
    return None


@rule(Quantize)
def half_up_where_negatives_saturate(node: Node) -> Node | None:
    """quantize(x, half_away) -> quantize(x, half_up), where what is below 0 becomes 0 anyway."""
    assert isinstance(node.op, Quantize)
    cuts = not node.op.to.signed and node.op.overflow is Overflow.SATURATE
    if not cuts or node.op.rounding is not Rounding.HALF_AWAY:
        return None
    return Node(replace(node.op, rounding=Rounding.HALF_UP), node.inputs, node.origin)


@rule(Quantize)
def half_into_bias(node: Node) -> Node | None:
    """quantize(product + constant, half_up) -> quantize(product + (constant + half), floor)."""
    assert isinstance(node.op, Quantize)
    (value,) = node.inputs
    element = value.type.element
    if node.op.rounding is not Rounding.HALF_UP or not isinstance(element, Fixed):
        return None
    if element.fraction <= node.op.to.fraction:
        return None
    product, bias = _parts(value)
    if product is None:
        return None
    half = Fixed(False, 1, -node.op.to.fraction)
    more = b.broadcast(b.constant(np.array(1), half), value.type.shape)
    total = more if bias is None else b.add(bias, more)
    moved = Node(arithmetic.Add(), (product, total), value.origin)
    return Node(Quantize(node.op.to, Rounding.FLOOR, node.op.overflow), (moved,), node.origin)


def _parts(value: Node) -> tuple[Node | None, Node | None]:
    """Return product and constant of their sum."""
    if isinstance(value.op, Dot):
        return value, None
    if isinstance(value.op, arithmetic.Add):
        for product, bias in (value.inputs, value.inputs[::-1]):
            if isinstance(product.op, Dot) and is_constant(bias):
                return product, bias
    return None, None


def _is_zero(node: Node) -> bool:
    while isinstance(node.op, Broadcast):
        node = node.inputs[0]
    return isinstance(node.op, Const) and not np.any(node.op.values.array)


FIRMWARE = Pass(
    "firmware",
    before=EXACT,
    after=EXACT,
    keeps=BITS,
    change=(saturation_is_relu, half_up_where_negatives_saturate, half_into_bias),
)
