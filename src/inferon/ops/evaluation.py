"""Evaluation of nodes in order: the engine of the interpreter, and of loop bodies."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from inferon.errors import InvalidGraph
from inferon.ir.graph import Graph
from inferon.ir.node import Node, ordered
from inferon.ir.shape import Dim, Tensor, bind, resolve
from inferon.ir.types import Fixed
from inferon.ir.values import Array, storage
from inferon.ops.base import Composite, Elementary, Primitive
from inferon.ops.structure import Input


def evaluate(
    roots: tuple[Node, ...],
    known: Mapping[Node, Array],
    sizes: Mapping[str, int],
    *,
    real: bool = False,
) -> dict[Node, Array]:
    """Return the value of every node that the roots need.

    Parameters ---------- roots : the nodes asked for known : values of inputs; arrays with a
    leading axis of events, of size 1 where all events agree sizes : the run-time sizes of named
    dimensions real : compute in float64 and in any order, as close to the real numbers as is cheap

    Returns
    -------
    Arrays by node, each with a leading axis of events or of 1.
    """
    values: dict[Node, Array] = {}
    with np.errstate(all="ignore"):
        for node in ordered(roots):
            values[node] = known[node] if node in known else _value(node, values, sizes, real=real)
            if not real:
                _keep_promise(node, values[node])
    return values


def _value(
    node: Node, values: Mapping[Node, Array], sizes: Mapping[str, int], *, real: bool
) -> Array:
    arguments = [values[each] for each in node.inputs]
    if real and isinstance(node.op, Elementary):
        return node.op.exact(*arguments)
    if isinstance(node.op, Composite):
        return _expanded(node, arguments, sizes, real=real)
    assert isinstance(node.op, Primitive), node.op
    events = max((each.shape[0] for each in arguments), default=1)
    arguments = [np.broadcast_to(each, (events, *each.shape[1:])) for each in arguments]
    out = node.type
    if any(isinstance(size, Dim) for size in out.shape):
        out = Tensor(resolve(out.shape, sizes), out.element)
    compute = node.op.real if real else node.op.reference
    return compute(out, tuple(each.type for each in node.inputs), *arguments)


def _expanded(
    node: Node, arguments: list[Array], sizes: Mapping[str, int], *, real: bool
) -> Array:
    """Evaluate a composite through its decomposition."""
    stand_ins = tuple(Node(Input(f"x{i}", each.type)) for i, each in enumerate(node.inputs))
    assert isinstance(node.op, Composite)
    root = node.op.decompose(*stand_ins)
    return evaluate((root,), dict(zip(stand_ins, arguments, strict=True)), sizes, real=real)[root]


def is_constant(node: Node) -> bool:
    """Return whether a value is the same for every event: no input reaches it."""
    return not any(isinstance(each.op, Input) for each in ordered((node,)))


def constant_value(node: Node) -> Array:
    """Return the value of a constant, or of what is computed from constants."""
    return np.asarray(evaluate((node,), {}, {})[node][0])


def call(body: Graph, arguments: list[Array], *, real: bool) -> list[Array]:
    """Return the outputs of a body for the values of its inputs."""
    known = dict(zip(body.inputs, arguments, strict=True))
    sizes: dict[str, int] = {}
    for node, array in known.items():
        bind(node.type.shape, array.shape[1:], sizes, f"input {node!r} of body {body.name}")
    values = evaluate(body.outputs, known, sizes, real=real)
    return [values[each] for each in body.outputs]


def _keep_promise(node: Node, array: Array) -> None:
    """Raise unless a value has its type: dtype, rank, and for fixed point the range."""
    element = node.type.element
    if array.dtype != storage(element) or array.ndim != node.type.rank + 1:
        message = f"{node!r} {node.origin} became an array {array.dtype}{array.shape}"
        raise InvalidGraph(message, node=node, rule="type is a promise")
    if not isinstance(element, Fixed) or not array.size:
        return
    low, high = int(array.min()), int(array.max())
    if low < element.lowest or high > element.highest:
        message = f"{node!r} {node.origin} reached the mantissas {low}..{high}, outside {element}"
        raise InvalidGraph(message, node=node, rule="type is a promise")
