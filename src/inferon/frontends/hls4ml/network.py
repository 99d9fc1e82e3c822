"""A network as hls4ml sees it: named layers, channels last."""

from __future__ import annotations

from dataclasses import dataclass

from inferon.ir.values import Array


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer.

    Attributes
    ----------
    name : in the source model, and in the configuration
    inputs : names of the layers before it
    """

    name: str
    inputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Source(Layer):
    """An input of floats."""

    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Dense(Layer):
    """``x W + b`` over the last axis; kernel (in, out)."""

    kernel: Array
    bias: Array | None


@dataclass(frozen=True, slots=True, eq=False)
class Conv(Layer):
    """A convolution; kernel (K.., in, out)."""

    kernel: Array
    bias: Array | None
    strides: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Scale(Layer):
    """``x * scale + bias`` along the last axis: batch normalization."""

    scale: Array
    bias: Array


@dataclass(frozen=True, slots=True, eq=False)
class Offset(Layer):
    """``x + bias``: an addition of constants in an ONNX file."""

    bias: Array


@dataclass(frozen=True, slots=True)
class Relu(Layer):
    """``max(x, 0)``."""


@dataclass(frozen=True, slots=True)
class MaxPool(Layer):
    """The largest of each window of (S.., C)."""

    size: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Shape(Layer):
    """The same values under another shape, in row-major order; no type of its own."""

    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sum(Layer):
    """The sum of two values."""


@dataclass(frozen=True, slots=True)
class Network:
    """Layers in order, each after its inputs.

    Attributes
    ----------
    name : of the model
    layers : all of them
    outputs : names of layers
    """

    name: str
    layers: tuple[Layer, ...]
    outputs: tuple[str, ...]
