"""QONNX models of every kind of layer, each value behind a quantizer of a power of two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.differential.quantized_networks import QONNX, Writer


class Layers(Writer):
    """Writes layers with numbers from one generator."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.rng = np.random.default_rng(seed)

    def q(self, x: str, fraction: int, bits: int, *, signed: bool = True) -> str:
        """Return a value behind a quantizer of step ``2**-fraction``."""
        return self.quant(x, 2.0**-fraction, bits, signed=int(signed))

    def stored(self, *shape: int, fraction: int = 4, bits: int = 5, size: float = 0.4) -> str:
        """Return quantized weights."""
        return self.q(self.number(self.rng.normal(0, size, shape)), fraction, bits)

    def whole(self, *values: int) -> str:
        """Return whole numbers, for shapes and axes."""
        name = f"c{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    def dense(self, x: str, inputs: int, outputs: int) -> str:
        """Return a product with quantized weights."""
        return self.layer("MatMul", x, self.stored(inputs, outputs))

    def reshape(self, x: str, *shape: int) -> str:
        """Return a value in another shape; the axis of events is the first."""
        return self.layer("Reshape", x, self.whole(-1, *shape))

    def layers(self, op: str, count: int, *inputs: str, **attributes: Any) -> list[str]:
        """Return the results of an operator that has several."""
        names = [f"{op.lower()}_{len(self.nodes)}_{i}" for i in range(count)]
        self.nodes.append(helper.make_node(op, inputs, names, name=names[0], **attributes))
        return names

    def results(self, shape: tuple[int, ...], **kinds: int) -> onnx.ModelProto:
        """Return the model of some results, by name, with their element types."""
        model = self.model(shape, next(iter(kinds)))
        del model.graph.output[:]
        for name, kind in kinds.items():
            model.graph.output.append(helper.make_tensor_value_info(name, kind, None))
        return model


@dataclass(frozen=True)
class Layer:
    """A model of events ``x`` of a shape."""

    shape: tuple[int, ...]
    make: Callable[[Layers], Any]

    def model(self) -> onnx.ModelProto:
        """Return the model."""
        write = Layers()
        made = self.make(write)
        return made if isinstance(made, onnx.ModelProto) else write.model(self.shape, made)


# ----------------------------------------------------------------------------- one value by itself


def _softmax(write: Layers, x: str, axis: int = -1) -> str:
    """Return the softmax of a quantized value: differences, powers, their sum, its reciprocal."""
    largest = write.layer("ReduceMax", x, axes=[axis], keepdims=1)
    power = write.q(write.layer("Exp", write.layer("Sub", x, largest)), 8, 9, signed=False)
    total = write.q(
        write.layer("ReduceSum", power, write.whole(axis), keepdims=1), 6, 10, signed=False
    )
    inverse = write.q(write.layer("Reciprocal", total), 10, 11, signed=False)
    return write.q(write.layer("Mul", power, inverse), 8, 9, signed=False)


def softmax(write: Layers) -> str:
    return _softmax(write, write.q("x", 4, 8))


def layer_norm(write: Layers) -> str:
    x = write.q("x", 4, 8)
    mean = write.q(write.layer("ReduceMean", x, axes=[-1], keepdims=1), 4, 8)
    away = write.layer("Sub", x, mean)
    square = write.layer("ReduceMean", write.layer("Mul", away, away), axes=[-1], keepdims=1)
    variance = write.q(square, 4, 11, signed=False)
    root = write.layer("Sqrt", write.layer("Add", variance, write.number(0.0625)))
    inverse = write.q(write.layer("Reciprocal", root), 7, 10, signed=False)
    normal = write.q(write.layer("Mul", away, inverse), 5, 9)
    scaled = write.layer("Mul", normal, write.stored(8, size=1.0))
    return write.q(write.layer("Add", scaled, write.stored(8)), 5, 9)


def attention(write: Layers) -> str:
    x = write.q("x", 4, 8)
    query, key, value = (write.q(write.dense(x, 4, 3), 3, 7) for _ in range(3))
    turned = write.layer("Transpose", key, perm=[0, 2, 1])
    scores = write.layer("MatMul", query, turned)
    scores = write.q(write.layer("Mul", scores, write.number(0.5)), 3, 7)
    return write.q(write.layer("MatMul", _softmax(write, scores), value), 5, 9)


def functions(write: Layers) -> str:
    """Every function of one value as a table, side by side."""
    x = write.q("x", 4, 8)
    plain = ("Relu", "Sigmoid", "Tanh", "Softplus", "Softsign", "Erf", "HardSwish", "Exp", "Abs")
    made = [write.q(write.layer(op, x), 5, 9) for op in plain]
    made += [
        write.q(write.layer("LeakyRelu", x, alpha=0.1), 5, 9),
        write.q(write.layer("Elu", x, alpha=0.7), 5, 9),
        write.q(write.layer("Selu", x), 5, 9),
        write.q(write.layer("Celu", x, alpha=0.5), 5, 9),
        write.q(write.layer("HardSigmoid", x, alpha=0.25, beta=0.5), 5, 9),
        write.q(write.layer("Clip", x, write.number(0.0), write.number(6.0)), 5, 9),
        write.q(write.layer("Clip", x, write.number(-1.0), write.number(1.0)), 5, 9),
        write.q(write.layer("PRelu", x, write.number([0.5, 0.25, -1.0, 2.0])), 5, 9),
        write.q(write.layer("Mish", x), 5, 9),
    ]
    erf = write.layer("Erf", write.layer("Mul", x, write.number(2**-0.5)))
    gelu = write.layer("Mul", x, write.layer("Add", erf, write.number(1.0)))
    made.append(write.q(write.layer("Mul", gelu, write.number(0.5)), 5, 9))
    silu = write.layer("Mul", x, write.layer("Sigmoid", x))
    return write.layer("Concat", *made, write.q(silu, 5, 9), axis=1)


def arithmetic(write: Layers) -> str:
    x, y = write.layers("Split", 2, write.q("x", 4, 8), axis=1)
    y = write.q(y, 2, 6)
    made = [write.layer(op, x, y) for op in ("Add", "Sub", "Mul", "Max", "Min")]
    made.append(write.layer("Div", x, write.number(4.0)))
    made.append(write.layer("Mul", x, write.number([3.0, -0.5, 0.0])))
    made.append(write.layer("Neg", write.layer("Abs", y)))
    made.append(write.layer("Pow", x, write.number(2.0)))
    made.append(write.layer("Where", write.layer("Less", x, y), x, y))
    return write.layer("Concat", *made, axis=1)


# ------------------------------------------------------------------------------------ convolutions


def convolution_1d(write: Layers) -> str:
    x = write.q("x", 4, 8)
    h = write.layer("Conv", x, write.stored(4, 3, 3), strides=[2], pads=[1, 1])
    h = write.q(write.layer("Relu", h), 3, 6, signed=False)
    h = write.layer("MaxPool", h, kernel_shape=[2], strides=[1])
    h = write.layer("Conv", h, write.stored(4, 1, 2), group=4)
    return write.q(write.layer("GlobalAveragePool", h), 6, 10)


def convolution_2d(write: Layers) -> str:
    """Depthwise, then pointwise with batch normalization; dilated with groups; both pools."""
    x = write.q("x", 4, 8)
    sides: dict[str, Any] = {"pads": [1, 1, 1, 1], "strides": [2, 1]}
    h = write.layer("Conv", x, write.stored(2, 1, 3, 3), group=2, **sides)
    h = write.layer("Conv", write.q(h, 4, 8), write.stored(4, 2, 1, 1))
    h = write.layer("BatchNormalization", h, *map(write.number, _statistics(4)), epsilon=0.25)
    h = write.q(write.layer("Relu", h), 3, 6, signed=False)
    h = write.layer("Conv", h, write.stored(4, 2, 2, 2), group=2, dilations=[1, 2])
    h = write.q(h, 4, 8)
    means = write.layer("AveragePool", h, kernel_shape=[2, 2])
    largest = write.layer("GlobalMaxPool", h)
    return write.layer("Add", write.q(means, 5, 9), largest)


def _statistics(channels: int) -> tuple[list[float], ...]:
    """Return scale, bias, mean and variance, of which only powers of two remain."""
    return (
        [1.0, 2.0, 0.5, 4.0][:channels],
        [0.5, 0.0, -1.0, 0.25][:channels],
        [0.25, -0.5, 1.0, 0.0][:channels],
        [0.75, 15.75, 3.75, 0.0][:channels],
    )


def normalized_input(write: Layers) -> str:
    """Batch normalization with scales that are no powers of two, behind a dense layer."""
    x = write.q("x", 4, 8)
    h = write.dense(x, 5, 4)
    numbers = ([1.1, 0.7, 0.3, 1.9], [0.1, 0.0, -1.0, 0.3], [0.2, -0.5, 1.0, 0.0], [0.3, 1, 2, 4])
    h = write.layer("BatchNormalization", h, *map(write.number, numbers))
    return write.q(h, 4, 8)


def movements(write: Layers) -> str:
    x = write.q("x", 4, 8)
    turned = write.layer("Transpose", write.reshape(x, 2, 6), perm=[0, 2, 1])
    flat = write.reshape(turned, 12)
    ends = [write.whole(each) for each in (1, 10, 1, 3)]
    cut = write.layer("Slice", flat, *ends)
    end = write.whole(0, 1, 0, 2)
    padded = write.layer("Pad", cut, end, write.number(0.5))
    return write.layer("Concat", padded, write.q(flat, 2, 5), axis=1)


def residual(write: Layers) -> str:
    x = write.q("x", 4, 8)
    h = write.layer("Add", write.dense(x, 6, 6), write.stored(6))
    h = write.q(write.layer("Relu", h), 3, 7, signed=False)
    return write.q(write.layer("Add", x, write.dense(h, 6, 6)), 4, 9)


def signs(write: Layers) -> str:
    """Weights and activations of one bit."""
    weight = write.number(write.rng.normal(size=(6, 8)))
    sign = write.layer("BipolarQuant", weight, write.number(1.0), domain=QONNX)
    h = write.layer("MatMul", write.q("x", 4, 8), sign)
    h = write.layer("BipolarQuant", h, write.number(0.5), domain=QONNX)
    weight = write.number(write.rng.normal(size=(8, 3)))
    sign = write.layer("BipolarQuant", weight, write.number(0.25), domain=QONNX)
    return write.layer("MatMul", h, sign)


# ---------------------------------------------------------------------------------- sets of things


def masked_sum(write: Layers) -> onnx.ModelProto:
    """Deep Sets over those particles whose first feature is above zero."""
    x = write.q("x", 4, 8)
    first = write.layer("Slice", x, write.whole(0), write.whole(1), write.whole(2))
    mask = write.layer("Greater", first, write.number(0.0))
    h = write.q(write.layer("Relu", write.dense(x, 3, 4)), 3, 6, signed=False)
    masked = write.layer("Mul", h, write.layer("Cast", mask, to=TensorProto.FLOAT))
    total = write.layer("ReduceSum", masked, write.whole(1), keepdims=0)
    chosen = write.layer("Where", mask, h, write.number(0.0))
    largest = write.layer("ReduceMax", chosen, axes=[1], keepdims=0)
    both = write.layer("Concat", total, largest, axis=1)
    y = write.q(write.dense(both, 8, 2), 4, 10)
    return write.results((5, 3), **{y: TensorProto.FLOAT, mask: TensorProto.BOOL})


def reductions(write: Layers) -> str:
    x = write.q("x", 4, 8)
    made = [write.layer(op, x, axes=[1], keepdims=0) for op in ("ReduceMax", "ReduceMin")]
    made.append(write.layer("ReduceSum", x, write.whole(1), keepdims=0))
    made.append(write.q(write.layer("ReduceMean", x, axes=[1], keepdims=0), 5, 9))
    made.append(write.layer("ReduceL1", x, axes=[1], keepdims=0))
    made.append(write.layer("ReduceSumSquare", x, axes=[1], keepdims=0))
    return write.layer("Concat", *made, axis=1)


def order(write: Layers) -> onnx.ModelProto:
    """The best three particles with another feature of theirs; the class; a lookup by class."""
    x = write.q("x", 3, 6)
    first, second = write.layers("Split", 2, x, axis=1)
    first, second = (write.reshape(each, 6) for each in (first, second))
    values, index = write.layers("TopK", 2, first, write.whole(3), axis=1)
    theirs = write.layer("GatherElements", second, index, axis=1)
    best = write.layer("ArgMax", first, axis=1, keepdims=0)
    worst = write.layer("ArgMin", second, axis=1, keepdims=0, select_last_index=1)
    looked_up = write.layer("Gather", write.stored(6, 2), best, axis=0)
    kinds = dict.fromkeys((values, theirs, looked_up), TensorProto.FLOAT)
    return write.results((2, 6), **kinds, **dict.fromkeys((index, best, worst), TensorProto.INT64))


# ------------------------------------------------------------------------------------------- loops


def _scan(write: Layers, cell: Callable[..., list[str]], states: list[str]) -> str:
    """Return the last state of a Scan over ``x`` (1, T, I), whose body has quantizers."""
    body = Layers(1)
    names = [f"state_{i}" for i in range(len(states))]
    following = cell(body, "element", *names)
    given, results = (
        [helper.make_tensor_value_info(each, TensorProto.FLOAT, None) for each in several]
        for several in ([*names, "element"], following)
    )
    inner = helper.make_graph(body.nodes, "cell", given, results, body.weights)
    steps = write.layer("Transpose", write.q("x", 4, 8), perm=[1, 0, 2])
    made = write.layers("Scan", len(states), *states, steps, body=inner, num_scan_inputs=1)
    return made[0]


def _gru_cell(write: Layers, x: str, h: str) -> list[str]:
    def gate(function: str, inside: str) -> str:
        return write.q(write.layer(function, write.q(inside, 4, 8)), 6, 8)

    def opened(state: str) -> str:
        recurrent = write.dense(state, 2, 2)
        own = write.dense(x, 2, 2)
        return write.layer("Add", write.layer("Add", own, recurrent), write.stored(2))

    z, r = gate("Sigmoid", opened(h)), gate("Sigmoid", opened(h))
    n = gate("Tanh", opened(write.q(write.layer("Mul", r, h), 6, 8)))
    rest = write.layer("Sub", write.number(1.0), z)
    mixed = write.layer("Add", write.layer("Mul", rest, n), write.layer("Mul", z, h))
    return [write.q(mixed, 6, 8)]


STEPS = 17
"""So many turns stay a loop when they are read; fewer are written out."""


def gru(write: Layers) -> str:
    return _scan(write, _gru_cell, [_zeros(write, 2)])


def _zeros(write: Layers, size: int) -> str:
    """Return zeros of as many rows as there are events."""
    x = write.q("x", 4, 8)
    first = write.layer("Slice", x, write.whole(0, 0), write.whole(1, 1), write.whole(1, 2))
    return write.layer("MatMul", write.reshape(first, 1), write.number(np.zeros((1, size))))


def _lstm_cell(write: Layers, x: str, h: str, c: str) -> list[str]:
    def gate(function: str) -> str:
        recurrent = write.dense(h, 3, 3)
        total = write.layer("Add", write.dense(x, 2, 3), recurrent)
        return write.q(write.layer(function, write.q(total, 4, 8)), 6, 8)

    i, o, f = (gate("Sigmoid") for _ in range(3))
    kept = write.layer("Mul", f, c)
    cell = write.q(write.layer("Add", kept, write.layer("Mul", i, gate("Tanh"))), 5, 9)
    shown = write.q(write.layer("Tanh", write.q(cell, 4, 8)), 6, 8)
    return [write.q(write.layer("Mul", o, shown), 6, 8), cell]


def lstm(write: Layers) -> str:
    return _scan(write, _lstm_cell, [_zeros(write, 3), _zeros(write, 3)])


LAYERS = {
    "softmax": Layer((6,), softmax),
    "layer norm": Layer((8,), layer_norm),
    "attention": Layer((5, 4), attention),
    "functions": Layer((4,), functions),
    "arithmetic": Layer((6,), arithmetic),
    "convolution 1d": Layer((3, 11), convolution_1d),
    "convolution 2d": Layer((2, 6, 6), convolution_2d),
    "normalized": Layer((5,), normalized_input),
    "movements": Layer((12,), movements),
    "residual": Layer((6,), residual),
    "signs": Layer((6,), signs),
    "masked sum": Layer((5, 3), masked_sum),
    "reductions": Layer((5, 3), reductions),
    "order": Layer((2, 6), order),
    "gru": Layer((STEPS, 2), gru),
    "lstm": Layer((4, 2), lstm),
}
"""Every kind of layer, by name."""
