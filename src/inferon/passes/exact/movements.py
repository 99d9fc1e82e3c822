"""What movements and choices of elements do to values on grids."""

from __future__ import annotations

import numpy as np

from inferon.ir.node import Node
from inferon.ir.types import Int
from inferon.ops import indexing, movement
from inferon.ops.base import Primitive
from inferon.passes.exact.curve import as_int
from inferon.passes.exact.dyadic import (
    at_step,
    common,
    constant,
    constant_at,
    grid,
    guard,
    level,
    made,
    one_type,
    shaped,
)
from inferon.passes.exact.operands import (
    Values,
    float_constant,
    is_rim,
    number_array,
    on_grid,
    on_rim,
    rule,
)
from inferon.passes.exact.value import (
    Grid,
    NotExact,
    Numbers,
    Plain,
    Rim,
    Value,
    is_power_of_two,
)

MOVEMENT = (
    movement.Reshape,
    movement.Transpose,
    movement.Broadcast,
    movement.Slice,
    movement.Window,
)


@rule.register(movement.Reshape)
@rule.register(movement.Transpose)
@rule.register(movement.Broadcast)
@rule.register(movement.Slice)
@rule.register(movement.Window)
def move(op: Primitive, node: Node, values: Values) -> Value | None:
    """Return the moved value, with the steps of its elements moved alike."""
    (x,) = values
    if isinstance(x, Rim):
        return on_rim(op, values)
    x = on_grid(x)
    return grid(made(op, x.node), shaped(op, x), x.low, x.high)


@rule.register(movement.Concat)
def _concat(op: movement.Concat, node: Node, values: Values) -> Value | None:
    if is_rim(values):
        return on_rim(op, values)
    grids = [on_grid(each) for each in values]
    grids = min(grids, _on_one_step(grids), key=_width_together)
    nodes = one_type([each.node for each in grids])
    step = np.concatenate([each.step for each in grids], op.axis)
    ends = min(each.low for each in grids), max(each.high for each in grids)
    return grid(Node(op, tuple(nodes)), step, *ends)


def _on_one_step(grids: list[Grid]) -> list[Grid]:
    """Return grids whose steps are powers of two with one of these: the rest moves the point."""
    scales = [each.scale for each in grids]
    if any(scale is None or not is_power_of_two(scale) for scale in scales):
        return grids
    steps = [np.broadcast_to(np.array(scales[0]), each.step.shape) for each in grids]
    return [at_step(each, step, guard(each)) for each, step in zip(grids, steps, strict=True)]


def _width_together(grids: list[Grid]) -> int:
    """Return the bits of the type that holds the mantissas of all."""
    return common([each.fixed for each in grids]).width


@rule.register(movement.Pad)
def _pad(op: movement.Pad, node: Node, values: Values) -> Value | None:
    if is_rim(values):
        return on_rim(op, values)
    x, fill = on_grid(values[0]), number_array(values[1])
    if fill is None:
        raise NotExact("padding with a computed number", "padding with a constant")
    widths = [(0, 0)] * x.step.ndim
    widths[op.axis] = (op.before, op.after)
    step = np.pad(x.step, widths, mode="edge")
    filling = _filling(x, float(fill.reshape(-1)[0]))
    nodes = one_type([x.node, filling.node])
    return grid(Node(op, tuple(nodes)), step, min(x.low, filling.low), max(x.high, filling.high))


def _filling(x: Grid, number: float) -> Grid:
    """Return the scalar around a value; nothing is lower than minus infinity."""
    scalar = np.ones(()) if x.scale is None else np.array(x.scale)
    if number == -np.inf:
        lowest = constant(np.array(x.fixed.lowest), x.fixed.fraction, ())
        return grid(lowest, scalar)
    if number != 0 and x.scale is None:
        raise NotExact("padding with a number where scales differ", "padding with 0")
    like = grid(constant(np.array(0), x.fixed.fraction, ()), scalar)
    return constant_at(np.array(number), like)


@rule.register(indexing.Gather)
def _gather(op: indexing.Gather, node: Node, values: Values) -> Value | None:
    index = values[1]
    if isinstance(index, Numbers):
        index = Plain(float_constant(index.array))
    element = node.inputs[1].type.element
    if isinstance(index, Grid) and isinstance(element, Int):
        index = Plain(as_int(index, element))
    if not isinstance(index, Plain):
        raise NotExact("indices that are computed from quantized values", "integer indices")
    x = on_grid(values[0])
    x = level(x, tuple(range(x.step.ndim)))
    result = Node(op, (x.node, index.node))
    return grid(result, np.array(x.scale or 1.0), x.low, x.high)


@rule.register(indexing.TopK)
def _top_k(op: indexing.TopK, node: Node, values: Values) -> Value | None:
    x = on_grid(values[0])
    return Plain(Node(op, (level(x, (x.step.ndim - 1,)).node,)))
