"""Activation functions."""

from __future__ import annotations

from inferon.frontends.onnx.call import Call, Operator, Table, scalar_constant
from inferon.ir.node import Node, Op
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
    return b.select(b.less(x, 0.0), b.mul(x, b.broadcast(slope, x.type.shape)), x)


def _thresholded_relu(call: Call) -> Node:
    x = call.node(0)
    return b.select(b.less(call.number("alpha", 1.0), x), x, 0.0)


def _clip(call: Call) -> Node:
    x = call.node(0)
    low = call.node(1) if call.has(1) else None
    high = call.node(2) if call.has(2) else None
    ends = (scalar_constant(low) if low else None, scalar_constant(high) if high else None)
    if ends[0] is not None and ends[1] is not None:
        return b.apply(Clip(float(ends[0]), float(ends[1])), x)
    if low is not None:
        x = b.maximum(x, low)
    return x if high is None else b.minimum(x, high)


TABLE: Table = {
    "Relu": _plain(Relu()),
    "LeakyRelu": _leaky_relu,
    "PRelu": _prelu,
    "ThresholdedRelu": _thresholded_relu,
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
}
