"""What each operator asks of its operands: narrow, on a grid, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch

import numpy as np

from inferon.ir.node import Node, Op
from inferon.ir.types import Bool, Float, Int
from inferon.ir.values import Array
from inferon.ops import (
    activation,
    arithmetic,
    convert,
    convolution,
    indexing,
    logic,
    movement,
    reduction,
)
from inferon.ops import build as b
from inferon.ops.dot import Dot
from inferon.ops.quantization import OnGrid as Quantized
from inferon.ops.structure import Const, Input
from inferon.passes.quantizers.prepare import FUNCTIONS
from inferon.passes.quantizers.state import Constant, Curve, OnGrid, Plain, Rim, State
from inferon.passes.quantizers.walk import Stays, Walk, spread

States = Sequence[State]


def rule(op: Op, node: Node, states: States, walk: Walk) -> State:
    """Return the state of a node from those of its operands."""
    if node.inputs and all(isinstance(each, Constant) for each in states):
        return Constant(np.asarray(walk.values[node][0]))
    if isinstance(op, FUNCTIONS):
        return _function(node, states, walk)
    return _of(op, node, states, walk)


@singledispatch
def _of(op: Op, node: Node, states: States, walk: Walk) -> State:
    if all(isinstance(each, Plain | Constant) for each in states) and not isinstance(
        node.type.element, Float
    ):
        return Plain(Node(op, tuple(_plain(each, walk) for each in node.inputs), node.origin))
    raise Stays(f"{op.spelling()} has no quantized form", "a model that ends before it")


def _plain(node: Node, walk: Walk) -> Node:
    state = walk.states[node]
    if isinstance(state, Constant):
        element = node.type.element
        return b.broadcast(b.constant(state.array, element), node.type.shape)
    assert isinstance(state, Plain)
    return state.node


def _same(node: Node, *operands: Node) -> Node:
    return Node(node.op, operands, node.origin)


# ----------------------------------------------------------------------------------------- leaves


@_of.register(Input)
def _input(op: Input, node: Node, states: States, walk: Walk) -> State:
    if not isinstance(node.type.element, Float):
        return Plain(node)
    fixed = walk.widths.types.get(op.name)
    if fixed is None:
        return Rim(node)
    return walk.typed(node, fixed)


@_of.register(Const)
def _const(op: Const, node: Node, states: States, walk: Walk) -> State:
    return Constant(op.values.array)


@_of.register(Quantized)
def _quantized(op: Quantized, node: Node, states: States, walk: Walk) -> State:
    raise Stays("the model is quantized already", "inferon.exact(graph)")


# --------------------------------------------------------------------------------------- products


@_of.register(Dot)
def _dot(op: Dot, node: Node, states: States, walk: Walk) -> State:
    left, right = node.inputs
    rows = tuple(range(left.type.rank - op.contract))
    columns = (*range(op.batch), *range(op.batch + op.contract, right.type.rank))
    a, c = _factor(left, rows, walk), _factor(right, columns, walk)
    return OnGrid(_same(node, a.node, c.node), a.fraction + c.fraction)


@_of.register(convolution.Conv)
def _conv(op: convolution.Conv, node: Node, states: States, walk: Walk) -> State:
    x, w = _factor(node.inputs[0], (), walk), _factor(node.inputs[1], (0,), walk)
    return OnGrid(_same(node, x.node, w.node), x.fraction + w.fraction)


def _factor(node: Node, channels: tuple[int, ...], walk: Walk) -> OnGrid:
    state = walk.states[node]
    if isinstance(state, Constant):
        return walk.weights(node, state.array, channels)
    return walk.narrow(node)


@_of.register(arithmetic.Div)
def _div(op: Op, node: Node, states: States, walk: Walk) -> State:
    """Divide a constant, as a reciprocal does; other quotients are products by now."""
    return _function(node, states, walk)


@_of.register(arithmetic.Mul)
def _mul(op: Op, node: Node, states: States, walk: Walk) -> State:
    x, y = node.inputs
    for at, other in ((0, 1), (1, 0)):
        constant = states[other]
        if isinstance(constant, Constant):
            return _times(node, at, constant.array, states[at], walk)
    if _one_source(states) is not None:
        return _function(node, states, walk)
    a, c = walk.narrow(x), walk.narrow(y)
    width = max(a.width or 0, c.width or 0) if 1 in (a.width, c.width) else None
    return OnGrid(_same(node, a.node, c.node), a.fraction + c.fraction, width)


def _times(node: Node, at: int, array: Array, state: State, walk: Walk) -> State:
    """Multiply by constants; a power of two moves the binary point."""
    if isinstance(state, Rim):
        operands = [spread(array, node), spread(array, node)]
        operands[at] = state.node
        return Rim(_same(node, *operands))
    if isinstance(state, Curve) and _is_uniform(array):
        return Curve(state.source, node)
    x = walk.on_grid(node.inputs[at])
    power = _power_of_two(array)
    if power is not None:
        return OnGrid(_same(node, x.node, spread(array, node)), x.fraction - power, x.width)
    weights = walk.weights(node.inputs[1 - at], array, ())
    return OnGrid(_same(node, x.node, weights.node), x.fraction + weights.fraction)


def _is_uniform(array: Array) -> bool:
    return bool(array.size) and bool(np.all(array == array.flat[0]))


def _power_of_two(array: Array) -> int | None:
    if not _is_uniform(array) or array.flat[0] <= 0:
        return None
    significant, exponent = np.frexp(float(array.flat[0]))
    return int(exponent) - 1 if significant == 0.5 else None


# ------------------------------------------------------------------------------------------- sums


@_of.register(arithmetic.Add)
@_of.register(arithmetic.Sub)
def _add(op: Op, node: Node, states: States, walk: Walk) -> State:
    for at, other in ((0, 1), (1, 0)):
        constant, state = states[other], states[at]
        if not isinstance(constant, Constant):
            continue
        if isinstance(state, Rim):
            operands = [spread(constant.array, node), spread(constant.array, node)]
            operands[at] = state.node
            return Rim(_same(node, *operands))
        if isinstance(state, Curve) and _is_uniform(constant.array):
            return Curve(state.source, node)
        return _biased(node, at, constant.array, walk)
    if all(isinstance(each, Curve) for each in states) and _one_source(states) is not None:
        return _function(node, states, walk)
    a, c = (walk.on_grid(each) for each in node.inputs)
    return OnGrid(_same(node, a.node, c.node), max(a.fraction, c.fraction))


def _biased(node: Node, at: int, array: Array, walk: Walk) -> State:
    """Add a constant on the accumulator's grid, or on that of the result where it is finer."""
    x = walk.on_grid(node.inputs[at])
    if not array.any() and at == 0:
        return x
    fraction = max(x.fraction, walk.fraction_for(node))
    bias = walk.constant(node.inputs[1 - at], _bounded(array, node, walk), fraction)
    operands = [bias.node, bias.node]
    operands[at] = x.node
    return OnGrid(_same(node, *operands), fraction)


@_of.register(reduction.Sum)
def _sum(op: Op, node: Node, states: States, walk: Walk) -> State:
    x = walk.on_grid(node.inputs[0])
    return OnGrid(_same(node, x.node), x.fraction)


@_of.register(arithmetic.Neg)
@_of.register(arithmetic.Abs)
def _neg(op: Op, node: Node, states: States, walk: Walk) -> State:
    (state,) = states
    if isinstance(state, Rim) and isinstance(op, arithmetic.Neg):
        return Rim(_same(node, state.node))
    if isinstance(state, Curve):
        return Curve(state.source, node)
    x = walk.on_grid(node.inputs[0])
    return OnGrid(_same(node, x.node), x.fraction)


@_of.register(arithmetic.RoundEven)
@_of.register(arithmetic.Floor)
def _rounded(op: Op, node: Node, states: States, walk: Walk) -> State:
    x = walk.on_grid(node.inputs[0])
    return OnGrid(_same(node, x.node), 0)


# -------------------------------------------------------------------------- choices and movements


@_of.register(activation.Relu)
@_of.register(reduction.ReduceMax)
@_of.register(reduction.ReduceMin)
def _kept(op: Op, node: Node, states: States, walk: Walk) -> State:
    x = walk.on_grid(node.inputs[0])
    return OnGrid(_same(node, x.node), x.fraction, x.width)


@_of.register(convolution.MaxPool)
def _pooled(op: Op, node: Node, states: States, walk: Walk) -> State:
    """Round first: the maximum of rounded values is the rounded maximum, and comparing is less."""
    x = walk.narrow(node.inputs[0])
    return OnGrid(_same(node, x.node), x.fraction, x.width)


@_of.register(activation.Clip)
def _clip(op: activation.Clip, node: Node, states: States, walk: Walk) -> State:
    """Cut at the nearest values of the grid."""
    x = walk.on_grid(node.inputs[0])
    low, high = (
        float(np.ldexp(np.rint(np.ldexp(end, x.fraction)), -x.fraction))
        if np.isfinite(end)
        else end
        for end in (op.low, op.high)
    )
    clipped = Node(activation.Clip(low, high), (x.node,), node.origin)
    return OnGrid(clipped, x.fraction, x.width)


@_of.register(arithmetic.Max)
@_of.register(arithmetic.Min)
def _extreme(op: Op, node: Node, states: States, walk: Walk) -> State:
    return _together(node, list(node.inputs), walk, [])


@_of.register(logic.Select)
def _select(op: Op, node: Node, states: States, walk: Walk) -> State:
    if all(isinstance(each, Plain | Constant) for each in states[1:]) and not isinstance(
        node.type.element, Float
    ):
        return Plain(_same(node, *(_plain(each, walk) for each in node.inputs)))
    return _together(node, list(node.inputs[1:]), walk, [_plain(node.inputs[0], walk)])


def _together(node: Node, operands: list[Node], walk: Walk, before: list[Node]) -> State:
    """Choose among values; constants are rounded to the step of the others."""
    computed = [
        walk.on_grid(each) for each in operands if not isinstance(walk.states[each], Constant)
    ]
    if not computed:
        computed = [OnGrid(node, walk.fraction_for(node))]
    fraction = max(each.fraction for each in computed)
    found = []
    for each in operands:
        state = walk.states[each]
        if isinstance(state, Constant):
            found.append(walk.constant(each, _bounded(state.array, node, walk), fraction))
        else:
            found.append(walk.on_grid(each))
    width = computed[0].width if len(computed) == 1 else None
    return OnGrid(_same(node, *before, *(each.node for each in found)), fraction, width)


def _bounded(array: Array, node: Node, walk: Walk) -> Array:
    """Return a fill that stands for infinity as a number just beyond the finite ones."""
    reach = 2.0 * float(np.abs(walk.finite(node)).max()) + BEYOND
    return np.clip(array.astype(np.float64), -reach, reach)


BEYOND = 32.0
"""exp(-32) is below 2**-46, zero on any grid."""


@_of.register(movement.Reshape)
@_of.register(movement.Transpose)
@_of.register(movement.Broadcast)
@_of.register(movement.Slice)
@_of.register(movement.Window)
def _moved(op: Op, node: Node, states: States, walk: Walk) -> State:
    (state,) = states
    if isinstance(state, Rim):
        return Rim(_same(node, state.node))
    if isinstance(state, Plain):
        return Plain(_same(node, state.node))
    x = walk.on_grid(node.inputs[0])
    return OnGrid(_same(node, x.node), x.fraction, x.width)


@_of.register(movement.Concat)
def _concat(op: Op, node: Node, states: States, walk: Walk) -> State:
    if all(isinstance(each, Rim) for each in states):
        return Rim(_same(node, *(each.node for each in states if isinstance(each, Rim))))
    if all(isinstance(each, Plain | Constant) for each in states):
        return Plain(_same(node, *(_plain(each, walk) for each in node.inputs)))
    parts = [walk.on_grid(each) for each in node.inputs]
    alike = {(each.fraction, each.width) for each in parts}
    width = parts[0].width if len(alike) == 1 else None
    fraction = max(each.fraction for each in parts)
    return OnGrid(_same(node, *(each.node for each in parts)), fraction, width)


@_of.register(movement.Pad)
def _pad(op: Op, node: Node, states: States, walk: Walk) -> State:
    state, fill = states
    if not isinstance(fill, Constant):
        raise Stays("padding with a computed number", "padding with a constant")
    if isinstance(state, Rim):
        return Rim(_same(node, state.node, node.inputs[1]))
    x = walk.on_grid(node.inputs[0])
    number = walk.constant(node.inputs[1], fill.array, x.fraction)
    return OnGrid(_same(node, x.node, number.node), x.fraction, x.width)


@_of.register(indexing.Gather)
def _gather(op: Op, node: Node, states: States, walk: Walk) -> State:
    if not isinstance(states[1], Plain | Constant):
        raise Stays("indices that are computed from numbers", "integer indices")
    index = _plain(node.inputs[1], walk)
    if isinstance(states[0], Plain):
        return Plain(_same(node, states[0].node, index))
    x = walk.on_grid(node.inputs[0])
    return OnGrid(_same(node, x.node, index), x.fraction, x.width)


@_of.register(indexing.TopK)
@_of.register(logic.Comparison)
def _compared(op: Op, node: Node, states: States, walk: Walk) -> State:
    if all(isinstance(each, Plain | Constant) for each in states):
        return Plain(_same(node, *(_plain(each, walk) for each in node.inputs)))
    operands = []
    for each in node.inputs:
        state = walk.states[each]
        if isinstance(state, Constant):  # compared as it is: nothing of it goes on
            operands.append(spread(state.array, each))
        else:
            operands.append(walk.on_grid(each).node)
    return Plain(_same(node, *operands))


@_of.register(convert.Cast)
def _cast(op: convert.Cast, node: Node, states: States, walk: Walk) -> State:
    (state,) = states
    source = node.inputs[0].type.element
    if isinstance(op.to, Float):
        if isinstance(state, Rim):
            return Rim(_same(node, state.node))
        if isinstance(state, Plain):
            assert isinstance(source, Bool | Int)
            width = 1 if isinstance(source, Bool) else source.bits
            return OnGrid(_same(node, state.node), 0, width)
        x = walk.on_grid(node.inputs[0])
        return OnGrid(_same(node, x.node), x.fraction, x.width)
    if isinstance(state, Plain):
        return Plain(_same(node, state.node))
    raise Stays(f"a cast to {op.to}", "a comparison")


# -------------------------------------------------------------------------------------- functions


def _function(node: Node, states: States, walk: Walk) -> State:
    """Return a function of one value; what comes before is part of it where that is one, too."""
    source = _one_source(states)
    if source is None:
        computed = [
            each
            for each, state in zip(node.inputs, states, strict=True)
            if not isinstance(state, Constant)
        ]
        (source,) = set(computed)
        source = _base(source, walk)
    constants = [each.array for each in states if isinstance(each, Constant)]
    if not all(_is_uniform(each) for each in constants):
        raise Stays(f"{node.op.spelling()} with different constants", "the same for all elements")
    return Curve(source, node)


def _one_source(states: States) -> Node | None:
    """Return the argument that all operands are functions of; None where there is no such."""
    sources = {each.source for each in states if isinstance(each, Curve)}
    rest = [each for each in states if not isinstance(each, Curve | Constant)]
    return sources.pop() if len(sources) == 1 and not rest else None


def _base(node: Node, walk: Walk) -> Node:
    """Return what a number was added to, or multiplied with, on the way to a function."""
    while isinstance(node.op, arithmetic.Add | arithmetic.Sub | arithmetic.Mul | arithmetic.Div):
        states = [walk.states[each] for each in node.inputs]
        data = [
            each
            for each, state in zip(node.inputs, states, strict=True)
            if not isinstance(state, Constant)
        ]
        numbers = [each.array for each in states if isinstance(each, Constant)]
        on_grid = len(data) == 1 and isinstance(walk.states[data[0]], OnGrid)
        if not on_grid or not all(_is_uniform(each) for each in numbers):
            break
        node = data[0]
    return node
