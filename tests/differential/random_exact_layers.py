"""Random programs of fixed point, as firmware is: products, sums, quantizers, tables, movement.

The counterpart of `random_programs` for exact graphs; equal seeds give equal programs.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import FLOAT32, Fixed
from inferon.ir.values import Values
from inferon.ops import build as b
from inferon.ops.convert import Quantize
from inferon.ops.mantissa import Overflow, Rounding
from inferon.ops.table import Table

SIZES = (1, 2, 3, 5, 7)
MAX_ELEMENTS = 60
STEPS = 12
WIDEST = 30
"""What is wider is quantized first: exact products of products explode."""

OVERFLOWS = tuple(each for each in Overflow if each is not Overflow.ERROR)

Rng = np.random.Generator
Step = Callable[[Rng, Node, list[Node]], Node]


def _shape(x: Node) -> tuple[int, ...]:
    return tuple(size for size in x.type.shape if isinstance(size, int))


def _fixed(x: Node) -> Fixed:
    assert isinstance(x.type.element, Fixed)
    return x.type.element


def _type(rng: Rng, most: int = 10) -> Fixed:
    width = int(rng.integers(1, most + 1))
    return Fixed(bool(rng.integers(2)), width, int(rng.integers(-2, width + 3)))


def _constant(rng: Rng, shape: tuple[int, ...]) -> Node:
    element = _type(rng, 6)
    return b.constant(rng.integers(element.lowest, element.highest + 1, shape), element)


def quantized(rng: Rng, x: Node, _: list[Node]) -> Node:
    """Return the value in a type whose range and step are about its own."""
    near = _fixed(x)
    width = int(rng.integers(1, 11))
    integer = min(near.integer, 12) - int(rng.integers(-1, 4))
    rounding = list(Rounding)[int(rng.integers(len(Rounding)))]
    overflow = OVERFLOWS[int(rng.integers(len(OVERFLOWS)))]
    to = Fixed(bool(rng.integers(2)), width, integer)
    return b.apply(Quantize(to, rounding, overflow), x, origin="quant")


def dense(rng: Rng, x: Node, _: list[Node]) -> Node:
    shape = _shape(x)
    if not shape:
        return b.mul(x, _constant(rng, ()))
    columns = int(rng.choice(SIZES))
    y = b.product(x, _constant(rng, (shape[-1], columns)))
    return b.add(y, _constant(rng, (columns,))) if rng.random() < 0.6 else y


def joined(rng: Rng, x: Node, nodes: list[Node]) -> Node:
    fitting = [each for each in nodes if _shape(each) == _shape(x)]
    other = fitting[int(rng.integers(len(fitting)))]
    pairs = (b.add, b.sub, b.mul, b.maximum, b.minimum)
    return pairs[int(rng.integers(len(pairs)))](x, other)


def bent(rng: Rng, x: Node, nodes: list[Node]) -> Node:
    kind = int(rng.integers(4))
    if kind == 0:
        return b.maximum(x, b.constant_like(x, 0))
    if kind == 1:
        return b.absolute(x)
    if kind == 2:
        return b.neg(x)
    other = joined(rng, x, nodes)
    return b.select(b.less(x, other), x, other)


def looked(rng: Rng, x: Node, nodes: list[Node]) -> Node:
    if _fixed(x).width > 8:
        x = quantized(rng, x, nodes)
        if _fixed(x).width > 8:
            return x
    element = _type(rng)
    entries = rng.integers(element.lowest, element.highest + 1, 1 << _fixed(x).width)
    return b.apply(Table(Values(entries.astype(np.int64)), element), x, origin="table")


def moved(rng: Rng, x: Node, _: list[Node]) -> Node:
    shape = _shape(x)
    kind = int(rng.integers(6))
    if not shape:
        return b.reshape(x, (1,))
    axis = int(rng.integers(len(shape)))
    if kind == 0:
        return b.transpose(x, [int(i) for i in rng.permutation(len(shape))])
    if kind == 1:
        return b.slice_(x, axis, shape[axis] - 1, shape[axis], -1)
    if kind == 2:
        return b.window(x, axis, int(rng.integers(1, shape[axis] + 1)))
    if kind == 3:
        return b.concat([x, b.slice_(x, axis, 0, 1)], axis)
    if kind == 4:
        zero = b.constant(np.array(0), _fixed(x))
        return b.pad(x, axis, int(rng.integers(3)), int(rng.integers(3)), zero)
    size = int(np.prod(shape))
    first = int(rng.choice([n for n in range(1, size + 1) if size % n == 0]))
    return b.reshape(x, (first, size // first))


def gathered(rng: Rng, x: Node, _: list[Node]) -> Node:
    shape = _shape(x)
    if not shape:
        return b.reshape(x, (1, 1))
    axis = int(rng.integers(len(shape)))
    kind = int(rng.integers(4))
    if kind == 0:
        return b.sum_(x, [axis])
    if kind == 1:
        return b.reduce_max(x, [axis])
    if kind == 2:
        return b.reduce_min(x, [axis])
    lead = len(shape) - 1
    best = b.top_k(x, int(rng.integers(1, shape[-1] + 1)), largest=bool(rng.integers(2)))
    return b.gather(x, best, lead, batch=lead)


def repeated(rng: Rng, x: Node, nodes: list[Node]) -> Node:
    """Return a sequential sum in a narrow accumulator."""
    shape = _shape(x)
    if not shape or not shape[0]:
        return quantized(rng, x, nodes)
    narrow = Fixed(True, 7, min(_fixed(x).integer, 12) + 1)
    state = b.input_("state", shape[1:], narrow)
    step = b.input_("step", shape[1:], _fixed(x))
    overflow = OVERFLOWS[int(rng.integers(len(OVERFLOWS)))]
    total = b.apply(Quantize(narrow, Rounding.HALF_EVEN, overflow), b.add(state, step))
    body = Graph("accumulate", (state, step), (total,), ("following",))
    first = b.broadcast(b.constant(np.array(1), narrow), shape[1:])
    return (b.fold if rng.random() < 0.5 else b.scan)(body, first, [x])


KINDS: tuple[Step, ...] = (
    *(dense, dense, joined, joined, bent, bent, quantized, quantized, looked, moved, moved),
    *(gathered, repeated),
)


def program(seed: int) -> Graph:
    """Return a random exact program of one float input and one of fixed point."""
    rng = np.random.default_rng(seed)
    shapes = [tuple(int(n) for n in rng.choice(SIZES, int(rng.integers(1, 3)))) for _ in range(2)]
    x = b.input_("x", shapes[0], FLOAT32)
    entered = b.apply(Quantize(Fixed(True, 8, 4), Rounding.HALF_UP, Overflow.SATURATE), x)
    plain = b.input_("plain", shapes[1], _type(rng))
    nodes = [entered, plain]
    for _ in range(STEPS):
        recent = nodes[-3:] if rng.random() < 0.7 else nodes
        node = recent[int(rng.integers(len(recent)))]
        if _fixed(node).width > WIDEST:
            node = quantized(rng, node, nodes)
        new = KINDS[int(rng.integers(len(KINDS)))](rng, node, nodes)
        if new not in nodes and 0 < int(np.prod(_shape(new))) <= MAX_ELEMENTS:
            nodes.append(new)
    used = {below for each in nodes for below in each.inputs}
    ends = [each for each in nodes if each not in used][-3:]
    outputs = [b.cast(end, FLOAT32) if rng.random() < 0.5 else end for end in ends]
    names = tuple(f"y{i}" for i in range(len(outputs)))
    return Graph(f"exact_{seed}", (x, plain), tuple(outputs), names)
