"""Untrusted bytes become a `Model`: plain tables of checked names, sizes and connections."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.message import DecodeError

from inferon.errors import InvalidModel
from inferon.frontends.files import regular_file
from inferon.frontends.naming import label
from inferon.frontends.onnx.limits import (
    MAX_ATTRIBUTE_VALUES,
    MAX_FILE_BYTES,
    MAX_LAYERS,
    MAX_NAME_LETTERS,
    MAX_RANK,
)
from inferon.frontends.onnx.order import in_order
from inferon.frontends.onnx.tensors import Foreign, array_of_tensor, type_name
from inferon.ir.node import Node
from inferon.ops import build as b

Symbolic = int | str | None
"""A size in a file: a number, a name, or nothing."""

_MAGIC = (
    (
        b"PK\x03\x04",
        "a zip archive: unpack it, or export the model to ONNX if it is a torch or Keras file",
    ),
    (b"\x1f\x8b", "gzip data: unpack it first"),
    (b"\x89HDF", "an HDF5 file, such as Keras writes: export the model to ONNX"),
    (
        b"\x80\x02",
        "a Python pickle, which is never read from an untrusted source: export the model to ONNX",
    ),
    (
        b"\x80\x04",
        "a Python pickle, which is never read from an untrusted source: export the model to ONNX",
    ),
)


@dataclass(frozen=True, slots=True)
class Slot:
    """An input or output of the model: its name, element type and shape (None: not stated)."""

    name: str
    data_type: int
    shape: tuple[Symbolic, ...] | None


@dataclass(frozen=True, slots=True)
class Subgraph:
    """An attribute that is a graph or another thing that this front-end does not look into."""

    kind: str


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One node of the file: operator, names of what it takes and gives, attributes by name."""

    op: str
    domain: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    @property
    def label(self) -> str:
        """The layer's name for people: safe, never empty."""
        return label(self.name or next((name for name in self.outputs if name), self.op))


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A checked model: every value has one producer, and every layer comes after its producers."""

    name: str
    opsets: Mapping[str, int]
    inputs: tuple[Slot, ...]
    outputs: tuple[Slot, ...]
    constants: Mapping[str, Node | Foreign]
    layers: tuple[Layer, ...]
    functions: frozenset[tuple[str, str]]
    types: tuple[Slot, ...]


def read(source: str | os.PathLike[str] | onnx.ModelProto) -> Model:
    """Read a model.

    Raises
    ------
    InvalidModel
        When the file is missing, no ONNX model, damaged, above a limit, or contradicts itself.
    """
    if isinstance(source, onnx.ModelProto):
        return checked(source, None)
    path = Path(source)
    model = checked(_parsed(_file_bytes(path), label(path.name)), path.parent)
    return replace(model, name=path.stem) if model.name in _NAMES_OF_ANY_GRAPH else model


_NAMES_OF_ANY_GRAPH = ("", "main_graph", "torch_jit", "torch-jit-export", "graph", "model")
"""What exporters call every graph: the file's name says more."""


def _file_bytes(path: Path) -> bytes:
    name = f"the model {label(path.name)}"
    with regular_file(path, name, sole=False) as (file, size):
        if size > MAX_FILE_BYTES:
            limit = f"above the limit of {MAX_FILE_BYTES >> 20} MB"
            raise InvalidModel(f"{name} has {size >> 20} MB, {limit}")
        return file.read(MAX_FILE_BYTES)


def _parsed(data: bytes, name: str) -> onnx.ModelProto:
    if not data:
        raise InvalidModel(f"the model {name} is empty")
    for magic, what in _MAGIC:
        if data.startswith(magic):
            raise InvalidModel(f"the model {name} is {what}")
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except (DecodeError, RecursionError, MemoryError, ValueError):
        what = "text" if _is_text(data) else "damaged, cut short, or not an ONNX file"
        raise InvalidModel(f"the model {name} cannot be parsed: it is {what}") from None
    if not model.HasField("graph") or model.ir_version < 1:
        raise InvalidModel(
            f"the model {name} holds no ONNX graph: it is empty, damaged, or not an ONNX file"
        )
    return model


def _is_text(data: bytes) -> bool:
    head = data[:512]
    return all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in head)


def checked(model: onnx.ModelProto, folder: Path | None) -> Model:
    """Return the tables of a parsed model, or raise `InvalidModel`."""
    _check_names(model)
    graph = model.graph
    if not graph.output:
        raise InvalidModel("the model has no outputs, so there is nothing to compute")
    if len(graph.node) > MAX_LAYERS:
        raise InvalidModel(
            f"the model has {len(graph.node)} layers, above the limit of {MAX_LAYERS}"
        )
    constants = _constants(graph, folder)
    inputs = tuple(_slot(each) for each in graph.input if each.name not in constants)
    outputs = tuple(_slot(each) for each in graph.output)
    layers = tuple(_layer(each, folder) for each in graph.node)
    known = [*(slot.name for slot in inputs), *constants]
    return Model(
        name=graph.name,
        opsets={
            "" if each.domain == "ai.onnx" else each.domain: each.version
            for each in model.opset_import
        },
        inputs=inputs,
        outputs=outputs,
        constants=constants,
        layers=in_order(layers, known, [slot.name for slot in outputs]),
        functions=frozenset((each.domain, each.name) for each in model.functions),
        types=_types(graph),
    )


def _check_names(model: onnx.ModelProto) -> None:
    """Refuse names that only a damaged or hostile file has: no text, or far too long."""
    for name in _names(model):
        if not isinstance(name, str):  # protobuf hands over bytes that are not UTF-8 as they are
            raise InvalidModel("a name in the model is not UTF-8: the file is damaged")
        if len(name) > MAX_NAME_LETTERS:
            raise InvalidModel(f"a name of {len(name)} letters is above the limit: {label(name)}")


def _names(model: onnx.ModelProto) -> Iterator[object]:
    """Yield every text of the file that the import reads."""
    graph = model.graph
    yield graph.name
    for opset in model.opset_import:
        yield opset.domain
    for function in model.functions:
        yield from (function.domain, function.name)
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        for attribute in node.attribute:
            yield from (attribute.name, attribute.ref_attr_name)
            yield from _names_of_tensor(attribute.t)
    for slot in (*graph.input, *graph.output, *graph.value_info):
        yield slot.name
        yield from (each.dim_param for each in slot.type.tensor_type.shape.dim)
    for tensor in (*graph.initializer, *(each.values for each in graph.sparse_initializer)):
        yield from _names_of_tensor(tensor)


def _names_of_tensor(tensor: onnx.TensorProto) -> Iterator[object]:
    yield tensor.name
    for entry in tensor.external_data:
        yield from (entry.key, entry.value)


def _constants(graph: onnx.GraphProto, folder: Path | None) -> dict[str, Node | Foreign]:
    constants: dict[str, Node | Foreign] = {}
    total = 0
    for tensor in graph.initializer:
        if tensor.name in constants:
            raise InvalidModel(f"two initializers are called {label(tensor.name)}")
        value = array_of_tensor(tensor, folder)
        total += 0 if isinstance(value, Foreign) else value.nbytes
        if total > MAX_FILE_BYTES:
            raise InvalidModel(f"the weights are above the limit of {MAX_FILE_BYTES >> 20} MB")
        constants[tensor.name] = value if isinstance(value, Foreign) else b.constant(value)
    for sparse in graph.sparse_initializer:
        constants[sparse.values.name] = Foreign("sparse tensor")
    return constants


def _types(graph: onnx.GraphProto) -> tuple[Slot, ...]:
    """Return the types that the file states of inner values; they decide nothing."""
    slots = (each for each in graph.value_info if len(each.type.tensor_type.shape.dim) <= MAX_RANK)
    return tuple(_slot(each) for each in slots)


def _slot(info: onnx.ValueInfoProto) -> Slot:
    kind = info.type.WhichOneof("value")
    if kind != "tensor_type":
        return Slot(info.name, 0, None)
    tensor = info.type.tensor_type
    if not tensor.HasField("shape"):
        return Slot(info.name, tensor.elem_type, None)
    if len(tensor.shape.dim) > MAX_RANK:
        raise InvalidModel(
            f"{label(info.name)} has {len(tensor.shape.dim)} axes, above the limit of {MAX_RANK}"
        )
    return Slot(
        info.name, tensor.elem_type, tuple(_size(each, info.name) for each in tensor.shape.dim)
    )


def _size(dim: onnx.TensorShapeProto.Dimension, name: str) -> Symbolic:
    if dim.WhichOneof("value") == "dim_value":
        if dim.dim_value < 0:
            raise InvalidModel(f"{label(name)} has a negative size: {dim.dim_value}")
        return int(dim.dim_value)
    return str(dim.dim_param) or None


def _layer(node: onnx.NodeProto, folder: Path | None) -> Layer:
    name = label(node.name or next(iter(node.output), node.op_type))
    attributes: dict[str, Any] = {}
    for each in node.attribute:
        if each.name in attributes:
            raise InvalidModel(f"layer {name}: attribute {label(each.name)} is given twice")
        attributes[each.name] = _attribute(each, name, folder)
    domain = "" if node.domain == "ai.onnx" else node.domain
    return Layer(
        node.op_type, domain, node.name, tuple(node.input), tuple(node.output), attributes
    )


def _attribute(attribute: onnx.AttributeProto, layer: str, folder: Path | None) -> Any:
    kinds = onnx.AttributeProto
    plain: dict[int, Any] = {
        kinds.INT: lambda: int(attribute.i),
        kinds.FLOAT: lambda: float(attribute.f),
        kinds.STRING: lambda: _text(attribute.s, layer),
        kinds.TENSOR: lambda: array_of_tensor(attribute.t, folder),
        kinds.INTS: lambda: tuple(_bounded(attribute.ints, layer)),
        kinds.FLOATS: lambda: tuple(_bounded(attribute.floats, layer)),
        kinds.STRINGS: lambda: tuple(
            _text(each, layer) for each in _bounded(attribute.strings, layer)
        ),
    }
    if attribute.ref_attr_name or attribute.type not in plain:
        return Subgraph(kinds.AttributeType.Name(attribute.type).lower())
    return plain[attribute.type]()


def _bounded(values: Any, layer: str) -> Iterable[Any]:
    if len(values) > MAX_ATTRIBUTE_VALUES:
        raise InvalidModel(
            f"layer {layer}: an attribute of {len(values)} values is above the limit"
        )
    return list(values)


def _text(raw: bytes, layer: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise InvalidModel(f"layer {layer}: an attribute's text is not UTF-8") from None


def describe(data_type: int) -> str:
    """Return the name of an element type, or of what is no tensor."""
    return "no tensor" if data_type == 0 else type_name(data_type)
