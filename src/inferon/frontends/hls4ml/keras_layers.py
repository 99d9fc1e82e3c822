"""Keras 3 models, layer by layer, with the names that hls4ml gives their layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from inferon.errors import Gap, Unsupported
from inferon.frontends.hls4ml.network import (
    Conv,
    Dense,
    Layer,
    MaxPool,
    Network,
    Relu,
    Scale,
    Shape,
    Source,
    Sum,
)
from inferon.frontends.naming import label
from inferon.frontends.onnx.call import Refused
from inferon.frontends.quiet import quiet
from inferon.ir.values import Array

Read = Callable[[Any, tuple[str, ...]], Layer]


def network_of_keras(model: Any) -> Network:
    """Return a Keras model as layers.

    Raises
    ------
    Unsupported
        With every layer that has no form here.
    """
    layers: list[Layer] = []
    gaps: list[Gap] = []
    values: dict[int, str] = {}  # names of layers by the tensors that they make
    for layer in _in_order(model):
        read = READERS.get(type(layer).__name__)
        if read is None:
            gaps.append(_gap(layer, f"a Keras layer {type(layer).__name__}"))
            continue
        try:
            known = [values.get(id(each)) for each in _inputs_of(layer)]
            made = read(layer, tuple(each for each in known if each is not None))
        except Refused as refused:
            gaps.append(_gap(layer, refused.what))
            continue
        layers.append(made)
        name = made.name
        activation = _activation(layer)
        if activation == "relu":
            name = f"{layer.name}_relu"
            layers.append(Relu(name, (layer.name,)))
        elif activation != "linear":
            gaps.append(_gap(layer, f"the activation {activation}, a table of hls4ml's own"))
        values[id(layer.output)] = name
    if gaps:
        raise Unsupported(gaps)
    outputs = tuple(values[id(each)] for each in _listed(model.outputs))
    return Network(str(model.name), tuple(layers), outputs)


def _gap(layer: Any, what: str) -> Gap:
    return Gap(label(str(layer.name)), what, f"one of {', '.join(READERS)}; ReLU")


def _in_order(model: Any) -> list[Any]:
    """Return layers after what they need; the input of a Sequential model is one."""
    functional = getattr(model, "_functional", None)
    return list(model.layers if functional is None else functional.layers)


def _inputs_of(layer: Any) -> list[Any]:
    """Return the tensors that a layer takes."""
    try:
        return _listed(layer.input)
    except (AttributeError, ValueError):  # Keras: none yet, or several, one for each use
        what = "a layer without an input, or one that is used several times"
        raise Refused(what) from None


def _listed(tensors: Any) -> list[Any]:
    return list(tensors) if isinstance(tensors, list | tuple) else [tensors]


def _activation(layer: Any) -> str:
    if type(layer).__name__ == "Activation" or not hasattr(layer, "activation"):
        return "linear"
    return str(getattr(layer.activation, "__name__", layer.activation))


def _array(variable: Any) -> Array:
    from keras import ops

    with quiet():  # Keras on torch warns of how it asks numpy
        return np.asarray(ops.convert_to_numpy(variable))


# ---------------------------------------------------------------------------------------- readers


def _input(layer: Any, inputs: tuple[str, ...]) -> Layer:
    shape = tuple(_listed(layer.output)[0].shape[1:])
    if any(size is None for size in shape):
        raise Refused(f"an input of shape {shape}")
    return Source(layer.name, (), tuple(int(size) for size in shape))


def _dense(layer: Any, inputs: tuple[str, ...]) -> Layer:
    return Dense(layer.name, inputs, _array(layer.kernel), _bias(layer))


def _bias(layer: Any) -> Array | None:
    return _array(layer.bias) if layer.use_bias else None


def _conv(layer: Any, inputs: tuple[str, ...]) -> Layer:
    if layer.groups != 1 or any(each != 1 for each in layer.dilation_rate):
        raise Refused("a convolution with groups or dilation")
    _refuse_channels_first(layer)
    size, strides = tuple(layer.kernel_size), tuple(layer.strides)
    spatial = [int(each) for each in layer.input.shape[1:-1]]
    before, after = _padding(layer.padding, spatial, size, strides)
    return Conv(layer.name, inputs, _array(layer.kernel), _bias(layer), strides, before, after)


def _refuse_channels_first(layer: Any) -> None:
    if layer.data_format != "channels_last":
        raise Refused(f"the data format {layer.data_format}")


def _padding(
    kind: str, spatial: list[int], size: tuple[int, ...], strides: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return zeros before and after each axis; "same" gives ceil(size / stride) positions."""
    if kind == "valid":
        return (0,) * len(size), (0,) * len(size)
    if kind != "same":
        raise Refused(f"the padding {kind}")
    totals = [
        max((-(-length // stride) - 1) * stride + k - length, 0)
        for length, k, stride in zip(spatial, size, strides, strict=True)
    ]
    before = tuple(each // 2 for each in totals)
    return before, tuple(each - half for each, half in zip(totals, before, strict=True))


def _batch_norm(layer: Any, inputs: tuple[str, ...]) -> Layer:
    """Return factor and offset in float32, as hls4ml computes them."""
    axis = layer.axis if isinstance(layer.axis, int) else layer.axis[0]
    if axis not in (-1, len(layer.input.shape) - 1):
        raise Refused(f"a batch normalization along axis {axis}")
    mean, variance = _array(layer.moving_mean), _array(layer.moving_variance)
    gamma = _array(layer.gamma) if layer.scale else np.ones_like(mean)
    beta = _array(layer.beta) if layer.center else np.zeros_like(mean)
    scale = gamma / np.sqrt(variance + layer.epsilon)
    return Scale(layer.name, inputs, scale, beta - scale * mean)


def _relu(layer: Any, inputs: tuple[str, ...]) -> Layer:
    bounds = (layer.max_value, layer.negative_slope, layer.threshold)
    if bounds[0] not in (None, float("inf")) or bounds[1] or bounds[2]:
        raise Refused("a ReLU with a slope, a threshold or an upper end")
    return Relu(layer.name, inputs)


def _activation_layer(layer: Any, inputs: tuple[str, ...]) -> Layer:
    name = str(getattr(layer.activation, "__name__", layer.activation))
    if name != "relu":
        raise Refused(f"the activation {name}, a table of hls4ml's own")
    return Relu(layer.name, inputs)


def _max_pool(layer: Any, inputs: tuple[str, ...]) -> Layer:
    _refuse_channels_first(layer)
    if layer.padding != "valid":
        raise Refused("a pool with padding")
    return MaxPool(layer.name, inputs, tuple(layer.pool_size), tuple(layer.strides))


def _reshape(layer: Any, inputs: tuple[str, ...]) -> Layer:
    return Shape(layer.name, inputs, tuple(int(each) for each in layer.output.shape[1:]))


def _add(layer: Any, inputs: tuple[str, ...]) -> Layer:
    if len(inputs) != 2:
        raise Refused(f"a sum of {len(inputs)}")
    return Sum(layer.name, inputs)


READERS: dict[str, Read] = {
    "InputLayer": _input,
    "Dense": _dense,
    "Conv1D": _conv,
    "Conv2D": _conv,
    "BatchNormalization": _batch_norm,
    "ReLU": _relu,
    "Activation": _activation_layer,
    "MaxPooling1D": _max_pool,
    "MaxPooling2D": _max_pool,
    "Flatten": _reshape,
    "Reshape": _reshape,
    "Dropout": _reshape,
    "Add": _add,
}
