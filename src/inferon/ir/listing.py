"""The listing: a graph as text, for people, for golden files, for reports.

::

    graph jets
      %0: 16xf32   = input("x")
      %1: 16x5xf32 = const($3f1c09aa2b7d)                         # fc1
      %2: 5xf32    = dot(%0, %1, batch=0, contract=1, strands=4)  # fc1
      %3: f32      = const(0.5)
      %4: 5xf32    = broadcast(%3)
      %5: 5xf32    = mul(%2, %4)
      return y=%5

A line is a node: its name, its type, the operator with inputs and attributes, and the layer it
comes from.  What the type tells is not repeated as an attribute.  Bodies of loops are printed
first, as ``body @0``.  Small constants are written out; of the others the listing shows a digest,
and ``show(graph, constants=True)`` appends their bytes, so that `inferon.ir.parse` reads the text
back as an equal graph.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

import numpy as np

from inferon.ir.attribute import attribute_types, told_by_type
from inferon.ir.node import Node, ordered
from inferon.ir.shape import Tensor
from inferon.ir.values import Array, Values, storage

INLINE_VALUES = 8
"""Constants of at most so many elements are written out in the line."""

DIGEST_LETTERS = 12
"""So many letters of a constant's digest are printed: 48 bits."""

_MAX_COMMENT_COLUMN = 96
_MAX_TYPE_COLUMN = 28


class GraphLike(Protocol):
    """What the printer needs of a graph."""

    @property
    def name(self) -> str:
        """An identifier."""

    @property
    def inputs(self) -> tuple[Node, ...]:
        """Input nodes."""

    @property
    def outputs(self) -> tuple[Node, ...]:
        """One node for each output."""

    @property
    def output_names(self) -> tuple[str, ...]:
        """One identifier for each output."""

    @property
    def digest(self) -> bytes:
        """What equality compares."""


def show(graph: GraphLike, *, constants: bool = False) -> str:
    """Return the listing; with ``constants`` it holds all that is needed to read it back."""
    printer = _Printer()
    printer.bodies_of(graph)
    blocks = [*printer.blocks, printer.block(f"graph {graph.name}", graph)]
    if constants and printer.payload:
        lines = [_constant_line(key, each.array) for key, each in sorted(printer.payload.items())]
        blocks.append("\n".join(["constants", *lines]))
    return "\n".join(blocks)


@dataclass(slots=True)
class _Printer:
    """The names that one listing gives to bodies, and the constants that it refers to."""

    names: dict[bytes, str] = field(default_factory=dict)
    blocks: list[str] = field(default_factory=list)
    payload: dict[str, Values] = field(default_factory=dict)

    def bodies_of(self, graph: GraphLike) -> None:
        """Print the bodies of all loops, innermost first, each once."""
        for node in _nodes(graph):
            for _, value in node.op.attributes():
                if _is_graph(value) and value.digest not in self.names:
                    self.bodies_of(value)
                    name = f"@{len(self.names)}"
                    self.names[value.digest] = name
                    self.blocks.append(self.block(f"body {name} {value.name}", value))

    def block(self, head: str, graph: GraphLike) -> str:
        """Return one graph: a head, a line for each node, the outputs."""
        names = {node: f"%{i}" for i, node in enumerate(_nodes(graph))}
        left = max((len(name) for name in names.values()), default=0) + 1
        middle = max((len(str(node.type)) for node in names), default=0)
        middle = min(middle, _MAX_TYPE_COLUMN)
        code = {
            node: f"  {name + ':':<{left}} {node.type!s:<{middle}} = {self._call(node, names)}"
            for node, name in names.items()
        }
        widest = max((len(text) for node, text in code.items() if node.origin), default=0)
        column = min(widest, _MAX_COMMENT_COLUMN)
        lines = [f"{t:<{column}}  # {n.origin}" if n.origin else t for n, t in code.items()]
        results = zip(graph.output_names, graph.outputs, strict=True)
        last = ", ".join(f"{name}={names[node]}" for name, node in results)
        return "\n".join([head, *lines, f"  return {last}"])

    def _call(self, node: Node, names: Mapping[Node, str]) -> str:
        inputs = [names[each] for each in node.inputs]
        annotations = attribute_types(type(node.op))
        shown = {
            name: self._value(value, node)
            for name, value in node.op.attributes()
            if value is None or value != told_by_type(annotations[name], node.type)
        }
        alone = len(shown) == 1 and not inputs
        attributes = [text if alone else f"{name}={text}" for name, text in shown.items()]
        return f"{node.op.spelling()}({', '.join([*inputs, *attributes])})"

    def _value(self, value: Any, node: Node) -> str:
        if _is_graph(value):
            return self.names[value.digest]
        if not isinstance(value, Values):
            return attribute(value)
        if is_inline(value, node.type):
            return inline(value.array)
        key = value.digest[:DIGEST_LETTERS]
        self.payload[key] = value
        return f"${key}"


def _nodes(graph: GraphLike) -> tuple[Node, ...]:
    return ordered((*graph.inputs, *graph.outputs))


def _is_graph(value: Any) -> bool:
    return hasattr(value, "output_names")


def attribute(value: Any) -> str:
    """Return an attribute's value as the listing spells it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, float):
        return repr(float(value))  # shortest text that reads back exactly
    if isinstance(value, tuple):
        return "(" + ", ".join(attribute(each) for each in value) + ")"
    return str(value)


def is_inline(values: Values, type_: Tensor) -> bool:
    """Return whether a constant is written out: it is small, and its text reads back exactly."""
    array = values.array
    if not 1 <= array.size <= INLINE_VALUES or array.dtype != storage(type_.element):
        return False
    if array.dtype.kind != "f":
        return True
    odd = array[np.isnan(array)]  # only one of the many NaN has a spelling
    return odd.tobytes() == np.full_like(odd, np.nan).tobytes()


def inline(array: Array) -> str:
    """Return ``[[1.0 2.0] [3.0 4.0]]``."""
    if array.ndim:
        rows = (np.asarray(each, array.dtype) for each in array)  # rows of objects are bare ints
        return "[" + " ".join(inline(row) for row in rows) + "]"
    if array.dtype == np.bool_:
        return "true" if array else "false"
    return str(array[()])  # the shortest text that reads back exactly in this dtype


def _constant_line(key: str, array: Array) -> str:
    shape = "x".join(map(str, array.shape)) or "scalar"
    if array.dtype == object:
        return f"  ${key} object {shape} {' '.join(map(str, array.ravel().tolist()))}"
    return f"  ${key} {array.dtype.str} {shape} {base64.b64encode(array.tobytes()).decode()}"
