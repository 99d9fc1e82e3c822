"""The listing: a graph as text, for people, for golden files, for reports.

::

    graph jets
      %0: 16xf32 = input(name="x")
      %1: 16x5xf32 = const(f32, 3f1c09aa2b7d)                      # fc1
      %2: 5xf32 = dot(%0, %1, batch=0, contract=1, strands=4)      # fc1
      return y=%2

Bodies of loops are printed first, as ``body @0``.  Small constants are written out; of the others the listing
shows the digest, and ``show(graph, constants=True)`` appends their bytes so that the text parses back to an equal graph.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from enum import Enum
from typing import Any, Protocol

from inferon.ir.node import Node, ordered
from inferon.ir.shape import Tensor
from inferon.ir.types import Element
from inferon.ir.values import Array, Values

INLINE_VALUES = 8
"""Constants of at most so many elements are written out in the line."""

DIGEST_LETTERS = 12
"""So many letters of a constant's digest are printed: 48 bits."""

_COMMENT_COLUMN = 72


class GraphLike(Protocol):
    """What the printer needs of a graph."""

    @property
    def name(self) -> str: ...
    @property
    def inputs(self) -> tuple[Node, ...]: ...
    @property
    def outputs(self) -> tuple[Node, ...]: ...
    @property
    def output_names(self) -> tuple[str, ...]: ...
    @property
    def digest(self) -> bytes: ...


def show(graph: GraphLike, *, constants: bool = False) -> str:
    """Return the listing; with ``constants`` it holds everything that is needed to read it back."""
    bodies: dict[bytes, str] = {}
    blocks: list[str] = []
    payload: dict[str, Values] = {}
    _show_bodies(graph, bodies, blocks, payload)
    blocks.append(_block(f"graph {graph.name}", graph, bodies, payload))
    if constants and payload:
        lines = [_constant_line(key, values.array) for key, values in sorted(payload.items())]
        blocks.append("\n".join(["constants", *lines]))
    return "\n".join(blocks)


def _show_bodies(
    graph: GraphLike, bodies: dict[bytes, str], blocks: list[str], payload: dict[str, Values]
) -> None:
    for node in _nodes(graph):
        for _, value in node.op.attributes():
            if hasattr(value, "output_names") and value.digest not in bodies:
                _show_bodies(value, bodies, blocks, payload)
                bodies[value.digest] = f"@{len(bodies)}"
                blocks.append(_block(f"body {bodies[value.digest]} {value.name}", value, bodies, payload))


def _nodes(graph: GraphLike) -> tuple[Node, ...]:
    return ordered((*graph.inputs, *graph.outputs))


def _block(
    head: str, graph: GraphLike, bodies: dict[bytes, str], payload: dict[str, Values]
) -> str:
    names = {node: f"%{i}" for i, node in enumerate(_nodes(graph))}
    lines = [head]
    for node, name in names.items():
        arguments = [names[each] for each in node.inputs]
        arguments += _attributes(node, bodies, payload)
        text = f"  {name}: {node.type} = {node.op.spelling()}({', '.join(arguments)})"
        lines.append(f"{text:<{_COMMENT_COLUMN}} # {node.origin}" if node.origin else text)
    results = ", ".join(
        f"{name}={names[node]}" for name, node in zip(graph.output_names, graph.outputs, strict=True)
    )
    lines.append(f"  return {results}")
    return "\n".join(lines)


def _attributes(node: Node, bodies: dict[bytes, str], payload: dict[str, Values]) -> Iterator[str]:
    for name, value in node.op.attributes():
        if isinstance(value, Values):
            yield f"{name}={_values(value, payload)}"
        elif hasattr(value, "output_names"):
            yield f"{name}={bodies[value.digest]}"
        else:
            yield f"{name}={attribute(value)}"


def attribute(value: Any) -> str:
    """Return an attribute's value as the listing spells it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, float):
        return value.hex()
    if isinstance(value, tuple):
        return "(" + ", ".join(attribute(each) for each in value) + ")"
    if isinstance(value, int | Element | Tensor):
        return str(value)
    return str(value)


def _values(values: Values, payload: dict[str, Values]) -> str:
    array = values.array
    if array.size > INLINE_VALUES:
        key = values.digest[:DIGEST_LETTERS]
        payload[key] = values
        return f"${key}"
    return f"[{'x'.join(map(str, array.shape))}: {' '.join(map(number, array.ravel().tolist()))}]"


def number(value: bool | int | float) -> str:
    """Return a number so that it reads back exactly."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)


def _constant_line(key: str, array: Array) -> str:
    shape = "x".join(map(str, array.shape))
    if array.dtype == object:
        return f"  ${key} object {shape} {' '.join(map(str, array.ravel().tolist()))}"
    text = base64.b64encode(array.tobytes()).decode()
    return f"  ${key} {array.dtype.str} {shape} {text}"
