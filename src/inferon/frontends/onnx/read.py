"""Untrusted bytes become a `Model`: plain tables of checked names, sizes and connections."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from inferon.errors import InvalidModel
from inferon.frontends.naming import label
from inferon.frontends.onnx.limits import MAX_ATTRIBUTE_VALUES, MAX_FILE_BYTES, MAX_RANK
from inferon.frontends.onnx.narrow import NarrowTensor
from inferon.frontends.onnx.nested import check_graphs
from inferon.frontends.onnx.order import in_order
from inferon.frontends.onnx.parse import file_bytes, parsed
from inferon.frontends.onnx.tensors import Foreign, array_of_tensor, type_name
from inferon.ir.node import Node
from inferon.ir.values import Array
from inferon.ops import build as b

Symbolic = int | str | None
"""A size in a file: a number, a name, or nothing."""


@dataclass(frozen=True, slots=True)
class Slot:
    """An input or output of the model: its name, element type and shape (None: not stated).

    An optional tensor is a tensor that is given, unless the user says otherwise.  ``sequence`` is
    the element type of a sequence of tensors; 0 of anything else.
    """

    name: str
    data_type: int
    shape: tuple[Symbolic, ...] | None
    optional: bool = False
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Absent:
    """An optional input that the user leaves out."""


@dataclass(frozen=True, slots=True)
class Unread:
    """An attribute that this front-end does not look into."""

    kind: str


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One node of the file: operator, names of what it takes and gives, attributes by name.

    ``captured`` are the names that its sub-graphs take from the graphs around them.
    """

    op: str
    domain: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    captured: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The layer's name for people: safe, never empty."""
        return label(self.name or next((name for name in self.outputs if name), self.op))

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of all values that must be known before this layer."""
        return (*self.inputs, *self.captured)


@dataclass(frozen=True, slots=True, eq=False)
class Subgraph:
    """A graph in an attribute, checked like a model; ``captured`` comes from the graphs around."""

    name: str
    inputs: tuple[Slot, ...]
    outputs: tuple[Slot, ...]
    constants: Mapping[str, Node | NarrowTensor | Foreign]
    layers: tuple[Layer, ...]
    types: tuple[Slot, ...]
    captured: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A checked model: every value has one producer, and every layer comes after its producers.

    ``own`` holds the user's functions for operators by domain and name (`inferon.extension`).
    """

    name: str
    opsets: Mapping[str, int]
    inputs: tuple[Slot, ...]
    outputs: tuple[Slot, ...]
    constants: Mapping[str, Node | NarrowTensor | Foreign | Absent]
    layers: tuple[Layer, ...]
    functions: frozenset[tuple[str, str]]
    types: tuple[Slot, ...]
    own: Mapping[tuple[str, str], Callable[[Any], Any]] = field(default_factory=dict)


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
    model = checked(parsed(file_bytes(path), label(path.name)), path.parent)
    return replace(model, name=path.stem) if model.name in _NAMES_OF_ANY_GRAPH else model


_NAMES_OF_ANY_GRAPH = ("", "main_graph", "torch_jit", "torch-jit-export", "graph", "model")
"""What exporters call every graph: the file's name says more."""


def checked(model: onnx.ModelProto, folder: Path | None) -> Model:
    """Return the tables of a parsed model, or raise `InvalidModel`."""
    check_graphs(model)
    if not model.graph.output:
        raise InvalidModel("the model has no outputs, so there is nothing to compute")
    graph = _Reader(folder).graph(model.graph)
    if graph.captured:
        missing = label(graph.captured[0])
        taker = next((each for each in graph.layers if graph.captured[0] in each.needs), None)
        if taker is None:
            raise InvalidModel(f"output {missing} is produced by nothing")
        raise InvalidModel(f"layer {taker.label} takes {missing}, which nothing produces")
    return Model(
        name=graph.name,
        opsets={
            "" if each.domain == "ai.onnx" else each.domain: each.version
            for each in model.opset_import
        },
        inputs=graph.inputs,
        outputs=graph.outputs,
        constants=graph.constants,
        layers=graph.layers,
        functions=frozenset((each.domain, each.name) for each in model.functions),
        types=graph.types,
    )


@dataclass(slots=True)
class _Reader:
    """Reads graphs, inner ones before the layers that hold them; counts the bytes of weights.

    The depth of graphs in each other has been checked.
    """

    folder: Path | None
    nbytes: int = 0

    def graph(self, graph: onnx.GraphProto) -> Subgraph:
        """Return the tables of a graph."""
        constants = self._constants(graph)
        inputs = tuple(_slot(each) for each in graph.input if each.name not in constants)
        outputs = tuple(_slot(each) for each in graph.output)
        layers = tuple(self._layer(each) for each in graph.node)
        known = [*(slot.name for slot in inputs), *constants]
        captured = _captured(layers, known, outputs)
        return Subgraph(
            name=graph.name,
            inputs=inputs,
            outputs=outputs,
            constants=constants,
            layers=in_order(layers, [*known, *captured], [slot.name for slot in outputs]),
            types=_types(graph),
            captured=captured,
        )

    def _constants(self, graph: onnx.GraphProto) -> dict[str, Node | NarrowTensor | Foreign]:
        constants: dict[str, Node | NarrowTensor | Foreign] = {}
        for tensor in graph.initializer:
            if tensor.name in constants:
                raise InvalidModel(f"two initializers are called {label(tensor.name)}")
            value = self._array(tensor)
            constants[tensor.name] = b.constant(value) if isinstance(value, np.ndarray) else value
        for sparse in graph.sparse_initializer:
            constants[sparse.values.name] = Foreign("sparse tensor")
        return constants

    def _array(self, tensor: onnx.TensorProto) -> Array | NarrowTensor | Foreign:
        value = array_of_tensor(tensor, self.folder)
        self.nbytes += 0 if isinstance(value, Foreign) else value.nbytes
        if self.nbytes > MAX_FILE_BYTES:
            raise InvalidModel(f"the weights are above the limit of {MAX_FILE_BYTES >> 20} MB")
        return value

    def _layer(self, node: onnx.NodeProto) -> Layer:
        name = label(node.name or next(iter(node.output), node.op_type))
        attributes: dict[str, Any] = {}
        for each in node.attribute:
            if each.name in attributes:
                raise InvalidModel(f"layer {name}: attribute {label(each.name)} is given twice")
            attributes[each.name] = self._attribute(each, name)
        bodies = (each for each in attributes.values() if isinstance(each, Subgraph))
        captured = dict.fromkeys(name for body in bodies for name in body.captured)
        domain = "" if node.domain == "ai.onnx" else node.domain
        return Layer(
            node.op_type,
            domain,
            node.name,
            tuple(node.input),
            tuple(node.output),
            attributes,
            tuple(captured),
        )

    def _attribute(self, attribute: onnx.AttributeProto, layer: str) -> Any:
        kinds = onnx.AttributeProto
        plain: dict[int, Any] = {
            kinds.INT: lambda: int(attribute.i),
            kinds.FLOAT: lambda: float(attribute.f),
            kinds.STRING: lambda: _text(attribute.s, layer),
            kinds.TENSOR: lambda: self._array(attribute.t),
            kinds.GRAPH: lambda: self.graph(attribute.g),
            kinds.INTS: lambda: tuple(_bounded(attribute.ints, layer)),
            kinds.FLOATS: lambda: tuple(_bounded(attribute.floats, layer)),
            kinds.STRINGS: lambda: tuple(
                _text(each, layer) for each in _bounded(attribute.strings, layer)
            ),
        }
        if attribute.ref_attr_name or attribute.type not in plain:
            return Unread(kinds.AttributeType.Name(attribute.type).lower())
        return plain[attribute.type]()


def _captured(
    layers: Sequence[Layer], known: Sequence[str], outputs: Sequence[Slot]
) -> tuple[str, ...]:
    """Return the names that a graph takes and that nothing in it makes."""
    own = {*known, *(name for layer in layers for name in layer.outputs)}
    taken = [name for layer in layers for name in layer.needs if name]
    taken += [slot.name for slot in outputs if slot.name]
    return tuple(dict.fromkeys(name for name in taken if name not in own))


def _types(graph: onnx.GraphProto) -> tuple[Slot, ...]:
    """Return the types that the file states of inner values; they decide nothing."""
    slots = (each for each in graph.value_info if len(each.type.tensor_type.shape.dim) <= MAX_RANK)
    return tuple(_slot(each) for each in slots)


def _slot(info: onnx.ValueInfoProto) -> Slot:
    kind = info.type
    optional = kind.WhichOneof("value") == "optional_type"
    if optional:
        kind = kind.optional_type.elem_type
    if kind.WhichOneof("value") == "sequence_type":
        inner = kind.sequence_type.elem_type
        return Slot(info.name, 0, None, optional, int(inner.tensor_type.elem_type))
    if kind.WhichOneof("value") != "tensor_type":
        return Slot(info.name, 0, None, optional)
    tensor = kind.tensor_type
    if not tensor.HasField("shape"):
        return Slot(info.name, tensor.elem_type, None, optional)
    if len(tensor.shape.dim) > MAX_RANK:
        raise InvalidModel(
            f"{label(info.name)} has {len(tensor.shape.dim)} axes, above the limit of {MAX_RANK}"
        )
    shape = tuple(_size(each, info.name) for each in tensor.shape.dim)
    return Slot(info.name, tensor.elem_type, shape, optional)


def _size(dim: onnx.TensorShapeProto.Dimension, name: str) -> Symbolic:
    if dim.WhichOneof("value") == "dim_value":
        if dim.dim_value < 0:
            raise InvalidModel(f"{label(name)} has a negative size: {dim.dim_value}")
        return int(dim.dim_value)
    return str(dim.dim_param) or None


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
