"""Movement costs nothing: the operator's own reference moves the numbers of the elements."""

from __future__ import annotations

import numpy as np

from inferon.ir.shape import Tensor
from inferon.ir.types import INT64
from inferon.ir.values import Array
from inferon.ops import movement
from inferon.ops.base import Primitive
from inferon.passes.unroll.lower import lower
from inferon.passes.unroll.step import Step


@lower.register
def _movement(
    op: movement.Reshape
    | movement.Transpose
    | movement.Broadcast
    | movement.Slice
    | movement.Concat
    | movement.Pad
    | movement.Window,
    step: Step,
) -> Array:
    return moved(op, step, step.inputs)


def moved(op: Primitive, step: Step, arrays: list[Array], *more: Array) -> Array:
    """Return wires that an operator moves; ``more`` are operands that say where to."""
    source = np.concatenate([array.ravel() for array in arrays])
    numbers, first = [], 0
    for array in arrays:
        numbers.append(np.arange(first, first + array.size).reshape(1, *array.shape))
        first += array.size
    types = tuple(each.type for each in step.node.inputs)
    out = Tensor(step.shape, INT64)
    places = op.reference(out, types, *numbers, *more)[0]
    found: Array = source[places.ravel()].reshape(step.shape)
    return found
