"""A model in double precision, to see what single precision costs it.

Every value of 32 bits becomes one of 64, weights exactly as they are.  The graph keeps a BOUND: it
stays as close to the real numbers as `inferon.analysis.bound.bound` of the new graph says, and the
old one as that of the old graph says, so that both differ by the sum at most.  It is no step of a
pipeline, because its inputs and outputs have other types.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from inferon.errors import Gap, Unsupported
from inferon.ir.graph import Graph
from inferon.ir.node import Node, Op
from inferon.ir.shape import Tensor
from inferon.ir.types import FLOAT32, FLOAT64, Element
from inferon.ir.values import Values
from inferon.ops.bits import Bitcast
from inferon.ops.convert import Cast
from inferon.ops.loop import Loop
from inferon.ops.rounding import RoundTo, RoundToPower
from inferon.ops.structure import Const, Input
from inferon.ops.table import Table


def in_double(graph: Graph) -> Graph:
    """Return the graph with float64 in the place of float32, inputs and outputs too.

    Raises
    ------
    Unsupported
        With every layer that works on the bits of a float32, or rounds to a narrower float.
    """
    gaps = list(_gaps(graph))
    if gaps:
        raise Unsupported(gaps)
    return _widened(graph)


def _gaps(graph: Graph) -> Iterator[Gap]:
    """Yield what has no meaning in another width, in loops too."""
    for node in graph.nodes():
        op, layer = node.op, node.origin or graph.name
        if isinstance(op, Loop):
            yield from _gaps(op.body)
        if isinstance(op, RoundTo | RoundToPower):
            yield Gap(layer, f"{op.spelling()} holds narrow floats as float32")
        types = [each.type.element for each in (node, *node.inputs)]
        if isinstance(op, Bitcast) and FLOAT32 in types:
            yield Gap(layer, f"{op.spelling()} reads the bits of a float32")


def _widened(graph: Graph) -> Graph:
    wide: dict[Node, Node] = {}
    for node in graph.nodes():
        inputs = tuple(wide[each] for each in node.inputs)
        wide[node] = Node(_wide_op(node.op), inputs, node.origin)
    return replace(
        graph,
        inputs=tuple(wide[node] for node in graph.inputs),
        outputs=tuple(wide[node] for node in graph.outputs),
    )


def _wide_op(op: Op) -> Op:
    match op:
        case Input(name, type):
            return Input(name, Tensor(type.shape, _wide(type.element)))
        case Const(values, element):
            return Const(_wide_values(values), _wide(element))
        case Table(entries, element):
            return Table(_wide_values(entries), _wide(element))
        case Cast(to):
            return Cast(_wide(to))
        case Loop(body=body):
            return replace(op, body=_widened(body))
        case _:
            return op


def _wide(element: Element) -> Element:
    return FLOAT64 if element == FLOAT32 else element


def _wide_values(values: Values) -> Values:
    is_narrow = values.array.dtype == np.float32
    return Values(values.array.astype(np.float64)) if is_narrow else values
