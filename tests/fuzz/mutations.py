"""Damaged models: bytes and fields of valid ones, changed at random but reproducibly.

A corpus of models for every operator is damaged in two ways.  *Bytes*: flips, cuts, repeats and
splices, as a bad disk or a careless program leaves them; most do not parse.  *Fields*: sizes,
types, names, attributes and layers of the parsed model, as a hostile author writes them; these
reach the operators.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

SIZES = (
    -1,
    0,
    1,
    2,
    3,
    7,
    64,
    1 << 16,
    (1 << 31) - 1,
    1 << 31,
    1 << 40,
    (1 << 63) - 1,
    -(1 << 63),
)
"""Numbers at the edges of what sizes, axes and indices may be."""

NUMBERS = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-30, 3.4e38, float("inf"), float("-inf"), float("nan"))

Rng = np.random.Generator
Array = NDArray[Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Corpus:
    """Valid models, serialized; ``draw`` returns the bytes of a damaged one."""

    models: tuple[bytes, ...]

    def draw(self, seed: int) -> bytes:
        """Return the damaged model of a seed."""
        rng = np.random.default_rng(seed)
        data = self.models[int(rng.integers(len(self.models)))]
        if rng.random() < 0.25:
            other = self.models[int(rng.integers(len(self.models)))]
            return _bytes(rng, data, other)
        model = onnx.ModelProto()
        model.ParseFromString(data)
        for _ in range(int(rng.integers(1, 4))):
            _pick(rng, _FIELDS)(rng, model)
        return bytes(model.SerializeToString())


def _pick(rng: Rng, choices: Sequence[T]) -> T:
    return choices[int(rng.integers(len(choices)))]


def _bytes(rng: Rng, data: bytes, other: bytes) -> bytes:
    """Flip, cut, repeat, or splice."""
    begin, end = sorted(int(each) for each in rng.integers(0, len(data) + 1, 2))
    kind = int(rng.integers(4))
    if kind == 0:
        damaged = bytearray(data)
        for place in rng.integers(0, len(data), int(rng.integers(1, 6))).tolist():
            damaged[place] = int(rng.integers(256))
        return bytes(damaged)
    if kind == 1:
        return data[:begin] + data[end:]
    if kind == 2:
        return data[:end] + data[begin:]
    cut = int(rng.integers(0, len(other) + 1))
    return data[:begin] + other[cut:]


# ---------------------------------------------------------------------------------------- fields


def _an_input_size(rng: Rng, model: onnx.ModelProto) -> None:
    slots = [*model.graph.input, *model.graph.output, *model.graph.value_info]
    dims = [dim for slot in slots for dim in slot.type.tensor_type.shape.dim]
    if dims:
        dim = _pick(rng, dims)
        if rng.random() < 0.3:
            dim.dim_param = _pick(rng, ("N", "M", "", "batch"))
        else:
            dim.dim_value = _pick(rng, SIZES)


def _an_input_rank(rng: Rng, model: onnx.ModelProto) -> None:
    if model.graph.input:
        shape = _pick(rng, model.graph.input).type.tensor_type.shape
        if rng.random() < 0.5 and shape.dim:
            del shape.dim[int(rng.integers(len(shape.dim)))]
        else:
            shape.dim.add().dim_value = int(rng.integers(1, 5))


def _an_element_type(rng: Rng, model: onnx.ModelProto) -> None:
    slots = [*model.graph.input, *model.graph.output]
    if slots:
        _pick(rng, slots).type.tensor_type.elem_type = int(rng.integers(0, 27))


def _a_tensor(rng: Rng, model: onnx.ModelProto) -> None:
    tensors = [*model.graph.initializer]
    tensors += [
        each.t for node in model.graph.node for each in node.attribute if each.HasField("t")
    ]
    if not tensors:
        return
    tensor = _pick(rng, tensors)
    kind = int(rng.integers(4))
    if kind == 0 and tensor.dims:
        tensor.dims[int(rng.integers(len(tensor.dims)))] = _pick(rng, SIZES)
    elif kind == 1:
        tensor.data_type = int(rng.integers(0, 27))
    elif kind == 2 and tensor.int64_data:
        tensor.int64_data[int(rng.integers(len(tensor.int64_data)))] = _pick(rng, SIZES)
    elif tensor.raw_data:
        raw = bytearray(tensor.raw_data)
        raw[int(rng.integers(len(raw)))] = int(rng.integers(256))
        tensor.raw_data = bytes(raw)


def _a_weight_for_an_input(rng: Rng, model: onnx.ModelProto) -> None:
    """Make an input a constant of extreme numbers: shapes, axes and indices become hostile."""
    if not model.graph.input:
        return
    slot = _pick(rng, model.graph.input)
    shape = [dim.dim_value for dim in slot.type.tensor_type.shape.dim]
    if any(not 0 <= size <= 64 for size in shape) or np.prod(shape, dtype=float) > 4096:
        return
    kinds = {1: np.float32, 6: np.int32, 7: np.int64, 9: np.bool_, 11: np.float64}
    kind = kinds.get(slot.type.tensor_type.elem_type)
    if kind is None:
        return
    numbers = NUMBERS if kind in (np.float32, np.float64) else SIZES
    with np.errstate(all="ignore"):
        values: Array = rng.choice(np.array(numbers), shape).astype(kind)
    model.graph.initializer.append(onnx.numpy_helper.from_array(values, slot.name))


def _an_attribute(rng: Rng, model: onnx.ModelProto) -> None:
    attributes = [each for node in model.graph.node for each in node.attribute]
    if not attributes:
        return
    attribute = _pick(rng, attributes)
    if attribute.ints:
        if rng.random() < 0.3:
            attribute.ints.append(_pick(rng, SIZES))
        else:
            attribute.ints[int(rng.integers(len(attribute.ints)))] = _pick(rng, SIZES)
    elif attribute.type == onnx.AttributeProto.INT:
        attribute.i = _pick(rng, SIZES)
    elif attribute.type == onnx.AttributeProto.FLOAT:
        attribute.f = _pick(rng, NUMBERS)
    elif attribute.type == onnx.AttributeProto.STRING:
        attribute.s = _pick(rng, (b"", b"SAME_UPPER", b"constant", b"\xff\xfe", b"sum", b"add"))
    else:
        attribute.type = int(rng.integers(0, 15))


def _an_extra_attribute(rng: Rng, model: onnx.ModelProto) -> None:
    names = ("axis", "axes", "k", "keepdims", "perm", "pads", "strides", "group", "mode", "to")
    if model.graph.node:
        node = _pick(rng, model.graph.node)
        value = _pick(rng, SIZES) if rng.random() < 0.5 else [_pick(rng, SIZES) for _ in range(3)]
        node.attribute.append(onnx.helper.make_attribute(_pick(rng, names), value))


def _an_operator(rng: Rng, model: onnx.ModelProto) -> None:
    names = ("Reshape", "Conv", "Gather", "Concat", "MatMul", "Loop", "Resize", "Expand", "Range")
    more = ("Tile", "ConstantOfShape", "OneHot", "ScatterND", "Einsum", "Attention", "LSTM", "If")
    if model.graph.node:
        _pick(rng, model.graph.node).op_type = _pick(rng, names + more)


def _a_connection(rng: Rng, model: onnx.ModelProto) -> None:
    """Let a layer read another value, also one of its own or of later layers."""
    names = [name for node in model.graph.node for name in (*node.input, *node.output)]
    readers = [node for node in model.graph.node if node.input]
    if readers:
        node = _pick(rng, readers)
        node.input[int(rng.integers(len(node.input)))] = _pick(rng, [*names, "", "nowhere"])


def _a_missing_or_extra_operand(rng: Rng, model: onnx.ModelProto) -> None:
    if model.graph.node:
        node = _pick(rng, model.graph.node)
        if node.input and rng.random() < 0.5:
            del node.input[int(rng.integers(len(node.input)))]
        else:
            node.input.append(_pick(rng, [*node.input, ""]))


def _a_layer(rng: Rng, model: onnx.ModelProto) -> None:
    nodes = model.graph.node
    if nodes:
        if rng.random() < 0.5:
            del nodes[int(rng.integers(len(nodes)))]
        else:
            nodes.append(_pick(rng, nodes))


def _an_opset(rng: Rng, model: onnx.ModelProto) -> None:
    if model.opset_import:
        _pick(rng, model.opset_import).version = int(_pick(rng, (0, 1, 7, 9, 11, 13, 18, 23, 99)))


def _a_nested_graph(rng: Rng, model: onnx.ModelProto) -> None:
    """Put the model's own graph into an If, a Loop or a Scan of the model."""
    copy = onnx.GraphProto()
    copy.CopyFrom(model.graph)
    node = model.graph.node.add(op_type=_pick(rng, ("If", "Loop", "Scan")), output=["nested"])
    node.input.extend(list(copy.node[0].output[:1]) if copy.node else ["c"])
    for name in ("then_branch", "else_branch") if node.op_type == "If" else ("body",):
        node.attribute.append(onnx.helper.make_attribute(name, copy))


_FIELDS: tuple[Callable[[Rng, onnx.ModelProto], None], ...] = (
    *(_an_input_size, _an_input_rank, _an_element_type, _a_tensor, _a_weight_for_an_input),
    *(_a_weight_for_an_input, _an_attribute, _an_attribute, _an_extra_attribute, _an_operator),
    *(_a_connection, _a_missing_or_extra_operand, _a_layer, _an_opset, _a_nested_graph),
)


def parses(data: bytes) -> bool:
    """Return whether the bytes are still a model."""
    try:
        onnx.ModelProto().ParseFromString(data)
    except DecodeError:
        return False
    return True
