"""Constants that are computed at import, where that is cheap and takes no more room."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from inferon.frontends.onnx.call import constant_array
from inferon.frontends.onnx.empty import is_empty
from inferon.frontends.onnx.limits import MAX_FOLDED_ELEMENTS, MAX_FOLDED_PRODUCTS, MAX_TURNS
from inferon.ir.node import Node, ordered
from inferon.ir.shape import count, largest
from inferon.ir.types import Element, Float
from inferon.ir.values import Array
from inferon.ops import build as b
from inferon.ops.base import Composite
from inferon.ops.dot import Dot
from inferon.ops.evaluation import evaluate
from inferon.ops.loop import Loop
from inferon.ops.quantization import OnGrid
from inferon.ops.structure import Const, Input


def fold(root: Node) -> Node:
    """Return a constant where that is cheap and takes no more room; else the node itself.

    Numbers of shapes and masks are always folded, because operators ask for their values; so is
    what is left of values without elements, which no target computes with.  What lies on a grid of
    a quantizer stays: a folded weight no longer says which grid it came from.
    """
    if constant_array(root) is not None:
        return root
    nodes = ordered((root,))
    if any(isinstance(node.op, OnGrid) for node in nodes):
        return root
    room = sum(count(node.type.shape) for node in nodes if isinstance(node.op, Const))
    small = isinstance(root.type.element, Float) and not any(map(is_empty, nodes))
    limit = max(room, _SMALL) if small else MAX_FOLDED_ELEMENTS
    if count(root.type.shape) > limit or _costly(nodes):
        return root
    value = np.asarray(evaluate((root,), {}, {})[root][0])
    return _written(value, root.type.element)


def computed(root: Node) -> Array | None:
    """Return the array of a value that no event changes, also of one that is not folded."""
    array = constant_array(root)
    nodes = ordered((root,)) if array is None else []
    if array is None and not any(isinstance(n.op, Input) for n in nodes) and not _costly(nodes):
        array = np.asarray(evaluate((root,), {}, {})[root][0])
    return array


def _written(array: Array, element: Element) -> Node:
    """Return a constant; one number that fills a shape is written once."""
    first = array.reshape(-1)[:1]
    if array.size > 1 and array.tobytes() == first.tobytes() * array.size:
        return b.broadcast(b.constant(first.reshape(()), element), array.shape)
    return b.constant(array, element)


_SMALL = 256
"""Constants of at most so many elements (1 kB) are written out rather than computed."""


def _costly(nodes: Sequence[Node]) -> bool:
    """Return whether nodes, or the simpler ones that they stand for, take long to compute."""
    turns = 0
    for node in nodes:
        number = count(node.type.shape)
        products = number * prod(_contracted(node)) if isinstance(node.op, Dot) else 0
        turns += _turns(node)
        if (
            number > MAX_FOLDED_ELEMENTS
            or products > MAX_FOLDED_PRODUCTS
            or turns > MAX_TURNS
            or (isinstance(node.op, Composite) and _costly(_within(node.op, node.inputs)))
        ):
            return True
    return False


def _turns(node: Node) -> int:
    if not isinstance(node.op, Loop):
        return 0
    sequence = node.inputs[1].type.shape
    return largest(sequence[0])


def _within(op: Composite, inputs: Sequence[Node]) -> Sequence[Node]:
    """Return the nodes that a composite stands for."""
    stand_ins = (Node(Input(f"x{i}", each.type)) for i, each in enumerate(inputs))
    return ordered((op.decompose(*stand_ins),))


def _contracted(node: Node) -> tuple[int, ...]:
    assert isinstance(node.op, Dot)
    shape = node.inputs[0].type.shape
    return tuple(size for size in shape[len(shape) - node.op.contract :] if isinstance(size, int))
