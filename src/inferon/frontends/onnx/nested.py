"""Limits of a file's graphs, which may lie in each other, before anything walks into them."""

from __future__ import annotations

from collections.abc import Iterator

import onnx

from inferon.errors import InvalidModel
from inferon.frontends.naming import label
from inferon.frontends.onnx.limits import MAX_DEPTH, MAX_LAYERS, MAX_NAME_LETTERS


def check_graphs(model: onnx.ModelProto) -> None:
    """Refuse too many layers, too deep nesting, and names that only a damaged file has.

    Raises
    ------
    InvalidModel
        With the limit that is passed, or the name that is no text or far too long.
    """
    graphs = _graphs(model.graph)
    for name in (*_names_of_model(model), *(name for each in graphs for name in _names(each))):
        if not isinstance(name, str):  # protobuf hands over bytes that are not UTF-8 as they are
            raise InvalidModel("a name in the model is not UTF-8: the file is damaged")
        if len(name) > MAX_NAME_LETTERS:
            raise InvalidModel(f"a name of {len(name)} letters is above the limit: {label(name)}")


def _graphs(top: onnx.GraphProto) -> list[onnx.GraphProto]:
    """Return a graph and all graphs in it, by an explicit stack."""
    found, layers = [], 0
    stack = [(top, 1)]
    while stack:
        graph, depth = stack.pop()
        if depth > MAX_DEPTH:
            what = f"nested above the limit of {MAX_DEPTH} graphs in each other"
            raise InvalidModel(f"the model's branches and loops are {what}")
        layers += len(graph.node)
        if layers > MAX_LAYERS:
            raise InvalidModel(
                f"the model has {layers} layers or more, above the limit of {MAX_LAYERS}"
            )
        found.append(graph)
        for node in graph.node:
            inner = (each.g for each in node.attribute if each.HasField("g"))
            stack.extend((each, depth + 1) for each in inner)
    return found


def _names_of_model(model: onnx.ModelProto) -> Iterator[object]:
    for opset in model.opset_import:
        yield opset.domain
    for function in model.functions:
        yield from (function.domain, function.name)


def _names(graph: onnx.GraphProto) -> Iterator[object]:
    """Yield every text of a graph that the import reads; those of inner graphs are not among."""
    yield graph.name
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
