"""Untrusted bytes become a `Model`: plain tables whose names, sizes and connections have been checked."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.message import DecodeError

from inferon.errors import InvalidModel
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
from inferon.ir.values import Array

Symbolic = int | str | None
"""A size in a file: a number, a name, or nothing."""

_MAGIC = (
    (
        b"PK\x03\x04",
        "a zip archive: unpack it first, or export the model to ONNX if it is a torch or Keras file",
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
    constants: Mapping[str, Array | Foreign]
    layers: tuple[Layer, ...]
    functions: frozenset[tuple[str, str]]


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
    name = label(path.name)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the path is not valid"
        raise InvalidModel(f"cannot read the model {name}: {reason}") from None
    with os.fdopen(handle, "rb", closefd=True) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise InvalidModel(f"the model {name} is no regular file")
        if status.st_size > MAX_FILE_BYTES:
            limit = MAX_FILE_BYTES >> 20
            raise InvalidModel(
                f"the model {name} has {status.st_size >> 20} MB, above the limit of {limit} MB"
            )
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
    graph = model.graph
    if not graph.output:
        raise InvalidModel("the model has no outputs, so there is nothing to compute")
    if len(graph.node) > MAX_LAYERS:
        raise InvalidModel(
            f"the model has {len(graph.node)} layers, above the limit of {MAX_LAYERS}"
        )
    _check_names(graph)
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
    )


def _check_names(graph: onnx.GraphProto) -> None:
    """Refuse names that only an attack has: they cost memory in every table."""
    for node in graph.node:
        for name in (node.name, node.op_type, node.domain, *node.input, *node.output):
            if len(name) > MAX_NAME_LETTERS:
                raise InvalidModel(
                    f"a name of {len(name)} letters is above the limit: {label(name)}"
                )
    for slot in (*graph.input, *graph.output, *graph.initializer):
        if len(slot.name) > MAX_NAME_LETTERS:
            raise InvalidModel(
                f"a name of {len(slot.name)} letters is above the limit: {label(slot.name)}"
            )


def _constants(graph: onnx.GraphProto, folder: Path | None) -> dict[str, Array | Foreign]:
    constants: dict[str, Array | Foreign] = {}
    total = 0
    for tensor in graph.initializer:
        if tensor.name in constants:
            raise InvalidModel(f"two initializers are called {label(tensor.name)}")
        value = array_of_tensor(tensor, folder)
        total += 0 if isinstance(value, Foreign) else value.nbytes
        if total > MAX_FILE_BYTES:
            raise InvalidModel(f"the weights are above the limit of {MAX_FILE_BYTES >> 20} MB")
        constants[tensor.name] = value
    for sparse in graph.sparse_initializer:
        constants[sparse.values.name] = Foreign("sparse tensor")
    return constants


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
