"""Activation functions."""

from __future__ import annotations

from math import prod

import numpy as np

from inferon.frontends.onnx.call import (
    Call,
    Operator,
    Table,
    fixed_shape,
    is_float,
    scalar_constant,
)
from inferon.ir.node import Node, Op
from inferon.ir.types import FLOAT64
from inferon.ops import build as b
from inferon.ops.activation import (
    Celu,
    Clip,
    Elu,
    Gelu,
    HardSigmoid,
    HardSwish,
    LeakyRelu,
    Mish,
    Relu,
    Selu,
    Silu,
    Softplus,
    Softsign,
)
from inferon.ops.base import require
from inferon.ops.elementary import Sigmoid


def _plain(op: Op) -> Operator:
    return lambda call: b.apply(op, call.node(0))


def _leaky_relu(call: Call) -> Node:
    return b.apply(LeakyRelu(call.number("alpha", 0.01)), call.node(0))


def _elu(call: Call) -> Node:
    return b.apply(Elu(call.number("alpha", 1.0)), call.node(0))


def _celu(call: Call) -> Node:
    return b.apply(Celu(call.number("alpha", 1.0)), call.node(0))


def _selu(call: Call) -> Node:
    """Return Selu; the defaults are those of the ONNX standard."""
    alpha = call.number("alpha", 1.67326319217681884765625)
    gamma = call.number("gamma", 1.05070102214813232421875)
    return b.apply(Selu(alpha, gamma), call.node(0))


def _gelu(call: Call) -> Node:
    call.only("approximate", "none", "tanh")
    return b.apply(Gelu(tanh=call.text("approximate", "none") == "tanh"), call.node(0))


def _swish(call: Call) -> Node:
    x, alpha = call.node(0), call.number("alpha", 1.0)
    if alpha == 1.0:
        return b.apply(Silu(), x)
    return b.mul(x, b.apply(Sigmoid(), b.mul(x, alpha)))


def _swiglu(call: Call) -> Node:
    require(call.node(0).type == call.node(1).type, "does not broadcast")
    return b.mul(_swish(call), call.node(1))


def _hard_sigmoid(call: Call) -> Node:
    return b.apply(HardSigmoid(call.number("alpha", 0.2), call.number("beta", 0.5)), call.node(0))


def _prelu(call: Call) -> Node:
    x, slope = call.node(0), call.node(1)
    return b.select(b.less(x, 0), b.mul(x, b.broadcast(slope, x.type.shape)), x)


def _thresholded_relu(call: Call) -> Node:
    x = call.node(0)
    return b.select(b.less(call.number("alpha", 1.0), x), x, 0.0)


def _shrink(call: Call) -> Node:
    """Return 0 up to ``lambd`` on both sides of 0, and x moved toward 0 by ``bias`` beyond."""
    given, edge, bias = call.node(0), call.number("lambd", 0.5), call.number("bias", 0.0)
    x = given if is_float(given) else b.cast(given, FLOAT64)
    right = b.select(b.less(edge, x), b.sub(x, bias), 0.0)
    return b.cast(b.select(b.less(x, -edge), b.add(x, bias), right), given.type.element)


def _clip(call: Call) -> Node:
    x = call.node(0)
    low, high = _end(call, 1, "min"), _end(call, 2, "max")
    ends = (scalar_constant(low) if low else None, scalar_constant(high) if high else None)
    if is_float(x) and ends[0] is not None and ends[1] is not None:
        return b.apply(Clip(float(ends[0]), float(ends[1])), x)
    if low is not None:
        x = b.maximum(x, low)
    return x if high is None else b.minimum(x, high)


def _end(call: Call, position: int, attribute: str) -> Node | None:
    """Return an end of the range: an input, before opset 11 an attribute."""
    if call.has(position):
        return call.node(position)
    if call.opset >= 11 or call.given(attribute) is None:
        return None
    return b.constant_like(call.node(0), call.number(attribute, 0.0))


def _hardmax(call: Call) -> Node:
    """Return 1 at the first of the largest along an axis, else 0; before opset 13 of many axes."""
    x = call.node(0)
    axis = call.axis(call.integer("axis", -1 if call.opset >= 13 else 1), x.type.rank)
    last = x.type.rank - 1
    if call.opset >= 13:
        order = [i for i in range(x.type.rank) if i != axis] + [axis]
        rows = b.transpose(x, order)
        back = [order.index(i) for i in range(x.type.rank)]
        return b.transpose(_first_largest(rows, last), back)
    shape = fixed_shape(x, "Hardmax")
    flat = b.reshape(x, (prod(shape[:axis]), prod(shape[axis:])))
    return b.reshape(_first_largest(flat, 1), x.type.shape)


def _first_largest(x: Node, axis: int) -> Node:
    """Return 1 at the first of the largest of the last axis, else 0."""
    size = fixed_shape(x, "Hardmax")[axis]
    places = b.broadcast(b.constant(np.arange(size)), x.type.shape)
    here = b.equal(b.broadcast(b.top_k(x, 1), x.type.shape), places)
    return b.select(here, b.constant_like(x, 1), 0)


TABLE: Table = {
    "Relu": _plain(Relu()),
    "LeakyRelu": _leaky_relu,
    "PRelu": _prelu,
    "ThresholdedRelu": _thresholded_relu,
    "Shrink": _shrink,
    "Elu": _elu,
    "Celu": _celu,
    "Selu": _selu,
    "Gelu": _gelu,
    "Swish": _swish,
    "SwiGLU": _swiglu,
    "Softplus": _plain(Softplus()),
    "Softsign": _plain(Softsign()),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _plain(HardSwish()),
    "Mish": _plain(Mish()),
    "Clip": _clip,
    "Hardmax": _hardmax,
}
