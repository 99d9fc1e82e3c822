"""Random graphs of fixed point, as firmware takes them: seeded, narrow and wide types mixed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import BOOL, Fixed
from inferon.ir.values import Values, storage
from inferon.ops import build as b
from inferon.ops.convert import Quantize
from inferon.ops.logic import And, Not, Or
from inferon.ops.mantissa import Overflow, Rounding
from inferon.ops.table import Table

MAX_ELEMENTS = 24
MAX_WIDTH_BITS = 40
"""What is wider is quantized before the next step, but for every fourth graph."""

STEPS = 12
ORIGINS = ("", "fc1", "block.0/attn", "out_valid", "Add-7")

Rng = np.random.Generator
Step = Callable[[Rng, Node, list[Node]], Node]


def fixed(rng: Rng, most: int = 10) -> Fixed:
    width = int(rng.integers(1, most))
    return Fixed(bool(rng.integers(2)), width, int(rng.integers(-3, width + 3)))


def shape_of(x: Node) -> tuple[int, ...]:
    return tuple(size for size in x.type.shape if isinstance(size, int))


def constant(rng: Rng, shape: tuple[int, ...]) -> Node:
    element = fixed(rng, 7)
    mantissas = rng.integers(element.lowest, element.highest, shape, endpoint=True)
    return b.constant(np.where(rng.random(shape) < 0.2, 0, mantissas), element)


def quantized(rng: Rng, x: Node, _: list[Node], most: int = 12) -> Node:
    modes = [each for each in Overflow if each is not Overflow.ERROR]
    rounding = list(Rounding)[int(rng.integers(len(Rounding)))]
    overflow = modes[int(rng.integers(len(modes)))]
    element = x.type.element
    assert isinstance(element, Fixed)
    to = fixed(rng, most)
    if rng.random() < 0.7:  # near the value's own range, so that something is left of it
        to = Fixed(to.signed, to.width, element.integer - int(rng.integers(0, 3)))
    return b.apply(Quantize(to, rounding, overflow), x)


def binary(rng: Rng, x: Node, nodes: list[Node]) -> Node:
    fitting = [n for n in nodes if n.type.shape == x.type.shape and n.type.element != BOOL]
    other = fitting[int(rng.integers(len(fitting)))]
    if rng.random() < 0.4:
        other = constant(rng, shape_of(x))
    functions = (b.add, b.sub, b.mul, b.maximum, b.minimum)
    function = functions[int(rng.integers(len(functions)))]
    return function(x, other) if rng.random() < 0.5 else function(other, x)


def chosen(rng: Rng, x: Node, nodes: list[Node]) -> Node:
    other, more = constant(rng, shape_of(x)), constant(rng, shape_of(x))
    ask = (b.less, b.less_equal, b.equal)
    condition = ask[int(rng.integers(3))](x, other)
    kind = int(rng.integers(4))
    if kind == 1:
        condition = b.apply(And(), condition, b.less(more, x))
    if kind == 2:
        condition = b.apply(Or(), b.apply(Not(), condition), b.equal(x, more))
    if kind == 3:
        return condition
    return b.select(condition, x, other)


def unary(rng: Rng, x: Node, _: list[Node]) -> Node:
    return b.neg(x) if rng.random() < 0.5 else b.absolute(x)


def tabulated(rng: Rng, x: Node, nodes: list[Node]) -> Node:
    narrow = quantized(rng, x, nodes, 7)
    to = fixed(rng)
    assert isinstance(narrow.type.element, Fixed)
    size = 1 << narrow.type.element.width
    entries = rng.integers(to.lowest, to.highest, size, endpoint=True).astype(storage(to))
    return b.apply(Table(Values(entries), to), narrow)


def dense(rng: Rng, x: Node, _: list[Node]) -> Node:
    shape = shape_of(x)
    if not shape:
        return b.mul(x, constant(rng, ()))
    columns = int(rng.integers(1, 6))
    y = b.product(x, constant(rng, (shape[-1], columns)))
    return b.add(y, constant(rng, (columns,))) if rng.random() < 0.7 else y


def attention(rng: Rng, x: Node, _: list[Node]) -> Node:
    shape = shape_of(x)
    if len(shape) != 2 or shape[0] > 4:
        return b.mul(x, x)
    return b.product(x, b.transpose(x, (1, 0)))


def summed(rng: Rng, x: Node, _: list[Node]) -> Node:
    shape = shape_of(x)
    if not shape:
        return b.add(x, x)
    functions = (b.sum_, b.reduce_max, b.reduce_min)
    axis = int(rng.integers(len(shape)))
    return functions[int(rng.integers(3))](x, [axis], keep=bool(rng.integers(2)))


def moved(rng: Rng, x: Node, _: list[Node]) -> Node:
    shape = shape_of(x)
    if not shape:
        return b.reshape(x, (1,))
    axis = int(rng.integers(len(shape)))
    match int(rng.integers(6)):
        case 0:
            return b.transpose(x, [int(i) for i in rng.permutation(len(shape))])
        case 1:
            return b.reshape(x, (int(np.prod(shape)),))
        case 2:
            start = int(rng.integers(shape[axis]))
            return b.slice_(x, axis, start, start + 1, -1)
        case 3:
            return b.concat([x, b.slice_(x, axis, shape[axis] - 1, shape[axis], -1)], axis)
        case 4:
            return b.pad(x, axis, 1, int(rng.integers(2)), _fill(rng, x))
        case _:
            return b.window(x, axis, int(rng.integers(1, shape[axis] + 1)))


def _fill(rng: Rng, x: Node) -> Node:
    element = x.type.element
    assert isinstance(element, Fixed)
    lowest, highest = max(element.lowest, -9), min(element.highest, 9)
    return b.constant(rng.integers(lowest, highest, endpoint=True), element)


KINDS: tuple[Step, ...] = (
    *(quantized, quantized, quantized, binary, binary, binary, chosen, unary, tabulated),
    *(dense, dense, attention, summed, moved, moved),
)


def program(seed: int) -> Graph:
    """Return a random graph; equal seeds give equal graphs."""
    rng = np.random.default_rng([17, seed])
    nodes: list[Node] = []
    for i in range(int(rng.integers(1, 4))):
        shape = tuple(int(n) for n in rng.integers(1, 4, int(rng.integers(0, 3))))
        nodes.append(b.input_(f"x{i}", shape, fixed(rng)))
    inputs = tuple(nodes)
    for _ in range(STEPS):
        numbers = [each for each in nodes if each.type.element != BOOL]
        recent = numbers[-3:] if rng.random() < 0.7 else numbers
        x = recent[int(rng.integers(len(recent)))]
        assert isinstance(x.type.element, Fixed)
        if x.type.element.width > MAX_WIDTH_BITS * (1 + 2 * (seed % 4 == 0)):
            x = quantized(rng, x, nodes)
        new = KINDS[int(rng.integers(len(KINDS)))](rng, x, nodes)
        if new not in nodes and 0 < int(np.prod(shape_of(new))) <= MAX_ELEMENTS:
            nodes.append(Node(new.op, new.inputs, str(rng.choice(ORIGINS))))
    used = {below for each in nodes for below in each.inputs}
    ends = [each for each in nodes if each not in used and each.inputs][-3:] or [nodes[-1]]
    if seed % 5 == 0:
        ends.append(inputs[0])
    if seed % 7 == 0:
        ends.append(constant(rng, (2,)))
    names = tuple(f"y{i}" for i in range(len(ends)))
    return Graph(f"exact_{seed}", inputs, tuple(ends), names)
