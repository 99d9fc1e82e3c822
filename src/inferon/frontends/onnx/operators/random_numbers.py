"""Operators that draw random numbers: refused, as a graph has one result for one event."""

from __future__ import annotations

import numpy as np

from inferon.frontends.onnx.call import Call, Refused, Result, Table, Value
from inferon.ir.node import Node
from inferon.ops import build as b


def _random(call: Call) -> Node:
    raise Refused(
        f"random numbers of {call.layer.op}", "a model that takes the random numbers as an input"
    )


def _dropout(call: Call) -> Result:
    """Return the input and a mask of true: nothing is dropped in evaluation, nor at ratio 0."""
    call.ignore("seed")
    training = call.has(2) and bool(call.array(2, "training_mode").any())
    if training and _ratio(call) != 0.0:
        raise Refused("Dropout in training mode", "an export in evaluation mode")
    call.ignore("ratio")
    x = call.value(0)
    return (x, _mask(x)) if len(call.layer.outputs) > 1 and call.layer.outputs[1] else x


def _ratio(call: Call) -> float:
    """Return the share that is dropped; 0.5 by the standard."""
    return float(call.array(1, "ratio").ravel()[0]) if call.has(1) else 0.5


def _mask(x: Value) -> Node:
    if not isinstance(x, Node):
        raise Refused("the mask of Dropout of a run-time size", "a fixed size for that dimension")
    return b.broadcast(b.constant(np.array(True)), x.type.shape)


TABLE: Table = {
    "Bernoulli": _random,
    "Dropout": _dropout,
    "Multinomial": _random,
    "RandomNormal": _random,
    "RandomNormalLike": _random,
    "RandomUniform": _random,
    "RandomUniformLike": _random,
}
