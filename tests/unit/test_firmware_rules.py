"""The rules for firmware keep every bit, and fire where they should."""

from __future__ import annotations

import numpy as np
import pytest

from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import Fixed
from inferon.ops import arithmetic
from inferon.ops import build as b
from inferon.ops.convert import Quantize
from inferon.ops.mantissa import Overflow, Rounding
from inferon.passes.presets import RTL

SOURCE = Fixed(True, 7, 3)
EVERY = np.arange(SOURCE.lowest, SOURCE.highest + 1)


def _graph(value: Node, x: Node) -> Graph:
    return Graph("g", (x,), (value,), ("y",))


@pytest.mark.parametrize("rounding", list(Rounding))
@pytest.mark.parametrize("overflow", [Overflow.WRAP, Overflow.SATURATE, Overflow.SATURATE_ZERO])
@pytest.mark.parametrize("signed", [True, False])
def test_a_quantized_relu_keeps_its_bits(
    rounding: Rounding, overflow: Overflow, signed: bool
) -> None:
    x = b.input_("x", (), SOURCE)
    positive = b.maximum(x, b.constant_like(x, 0))
    graph = _graph(Node(Quantize(Fixed(signed, 3, 1), rounding, overflow), (positive,)), x)
    ready = RTL.run(graph)
    assert (interpret(ready, EVERY)[0] == interpret(graph, EVERY)[0]).all()
    kept = any(isinstance(node.op, arithmetic.Max) for node in ready.nodes())
    assert kept == (signed or overflow is not Overflow.SATURATE)


@pytest.mark.parametrize("rounding", [Rounding.HALF_UP, Rounding.HALF_AWAY, Rounding.HALF_EVEN])
@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("bias", [None, 3])
def test_the_half_goes_into_the_constant(
    rounding: Rounding, signed: bool, bias: int | None
) -> None:
    x = b.input_("x", (1,), SOURCE)
    weights = b.constant(np.array([[3]]), Fixed(True, 4, 1))
    value = b.product(x, weights)
    if bias is not None:
        value = b.add(value, b.constant(np.array([bias]), Fixed(True, 5, 2)))
    narrow = Quantize(Fixed(signed, 4, 2), rounding, Overflow.SATURATE)
    graph = _graph(Node(narrow, (value,)), x)
    ready = RTL.run(graph)
    data = EVERY[:, None]
    assert (interpret(ready, data)[0] == interpret(graph, data)[0]).all()
    (last,) = ready.outputs
    assert isinstance(last.op, Quantize)
    moved = rounding is Rounding.HALF_UP or (rounding is Rounding.HALF_AWAY and not signed)
    assert (last.op.rounding is Rounding.FLOOR) == moved
