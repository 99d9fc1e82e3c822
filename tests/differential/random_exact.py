"""Random exact graphs, as firmware and its emulator take them: seeded, of mixed widths.

The counterpart of `random_programs` for fixed point: products, joints, comparisons, quantizers,
tables, movement, sorting and loops, some of it behind a float input or before a float output.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import BOOL, FLOAT32, Fixed
from inferon.ir.values import Values, storage
from inferon.ops import build as b
from inferon.ops.convert import Quantize
from inferon.ops.logic import And, Not, Or
from inferon.ops.mantissa import Overflow, Rounding
from inferon.ops.table import Table

SIZES = (1, 2, 3, 5)
MAX_ELEMENTS = 30

QUANTIZED_BITS = 30
"""What is wider is quantized before the next step, but for every fourth graph."""

MAX_BITS = 62
"""What an emulator holds in 64 bits, with one more to round it."""

STEPS = 12
ORIGINS = ("", "fc1", "block.0/attn", "out_valid", "Add-7")
OVERFLOWS = tuple(each for each in Overflow if each is not Overflow.ERROR)

Rng = np.random.Generator
Step = Callable[[Rng, Node, list[Node]], Node]


def _fixed(x: Node) -> Fixed:
    assert isinstance(x.type.element, Fixed)
    return x.type.element


def _shape(x: Node) -> tuple[int, ...]:
    return tuple(size for size in x.type.shape if isinstance(size, int))


def _type(rng: Rng, most: int = 10) -> Fixed:
    width = int(rng.integers(1, most + 1))
    return Fixed(bool(rng.integers(2)), width, int(rng.integers(-3, width + 3)))


def _constant(rng: Rng, shape: tuple[int, ...]) -> Node:
    """A fifth of it is zero, as pruned weights are."""
    element = _type(rng, 6)
    mantissas = rng.integers(element.lowest, element.highest, shape, endpoint=True)
    return b.constant(np.where(rng.random(shape) < 0.2, 0, mantissas), element)


def _overflow(rng: Rng) -> Overflow:
    return OVERFLOWS[int(rng.integers(len(OVERFLOWS)))]


def quantized(rng: Rng, x: Node, _: list[Node], most: int = 12) -> Node:
    rounding = list(Rounding)[int(rng.integers(len(Rounding)))]
    to = _type(rng, most)
    if rng.random() < 0.7:  # near the value's own range, so that something is left of it
        integer = min(_fixed(x).integer, MAX_BITS // 4) - int(rng.integers(-1, 4))
        to = Fixed(to.signed, to.width, integer)
    return b.apply(Quantize(to, rounding, _overflow(rng)), x)


def joined(rng: Rng, x: Node, nodes: list[Node]) -> Node:
    fitting = [each for each in nodes if _shape(each) == _shape(x)]
    other = fitting[int(rng.integers(len(fitting)))]
    if rng.random() < 0.4:
        other = _constant(rng, _shape(x))
    functions = (b.add, b.sub, b.mul, b.maximum, b.minimum)
    function = functions[int(rng.integers(len(functions)))]
    return function(x, other) if rng.random() < 0.5 else function(other, x)


def chosen(rng: Rng, x: Node, nodes: list[Node]) -> Node:
    other, more = joined(rng, x, nodes), _constant(rng, _shape(x))
    ask = (b.less, b.less_equal, b.equal)
    condition = ask[int(rng.integers(3))](x, other)
    match int(rng.integers(4)):
        case 1:
            condition = b.apply(And(), condition, b.less(more, x))
        case 2:
            condition = b.apply(Or(), b.apply(Not(), condition), b.equal(x, more))
        case 3:
            return condition
    return b.select(condition, x, other)


def bent(rng: Rng, x: Node, _: list[Node]) -> Node:
    functions = (b.neg, b.absolute, lambda node: b.maximum(node, b.constant_like(node, 0)))
    return functions[int(rng.integers(3))](x)


def tabulated(rng: Rng, x: Node, nodes: list[Node]) -> Node:
    narrow = quantized(rng, x, nodes, 7)
    to = _type(rng)
    size = 1 << _fixed(narrow).width
    entries = rng.integers(to.lowest, to.highest, size, endpoint=True).astype(storage(to))
    return b.apply(Table(Values(entries), to), narrow)


def dense(rng: Rng, x: Node, _: list[Node]) -> Node:
    shape = _shape(x)
    if not shape:
        return b.mul(x, _constant(rng, ()))
    columns = int(rng.integers(1, 7))
    y = b.product(x, _constant(rng, (shape[-1], columns)))
    return b.add(y, _constant(rng, (columns,))) if rng.random() < 0.7 else y


def attention(rng: Rng, x: Node, _: list[Node]) -> Node:
    shape = _shape(x)
    if len(shape) != 2 or shape[0] > 4:
        return b.mul(x, x)
    return b.product(x, b.transpose(x, (1, 0)))


def gathered(rng: Rng, x: Node, _: list[Node]) -> Node:
    shape = _shape(x)
    if not shape:
        return b.add(x, x)
    lead = len(shape) - 1
    axis, keep = int(rng.integers(len(shape))), bool(rng.integers(2))
    match int(rng.integers(4)):
        case 0:
            return b.sum_(x, [axis], keep=keep)
        case 1:
            return b.reduce_max(x, [axis], keep=keep)
        case 2:
            return b.reduce_min(x, [axis], keep=keep)
        case _:
            best = b.top_k(x, int(rng.integers(1, shape[-1] + 1)), largest=keep)
            return b.gather(x, best, lead, batch=lead)


def moved(rng: Rng, x: Node, _: list[Node]) -> Node:
    shape = _shape(x)
    if not shape:
        return b.reshape(x, (1,))
    axis = int(rng.integers(len(shape)))
    match int(rng.integers(6)):
        case 0:
            return b.transpose(x, [int(i) for i in rng.permutation(len(shape))])
        case 1:
            size = int(np.prod(shape))
            first = int(rng.choice([n for n in range(1, size + 1) if size % n == 0]))
            return b.reshape(x, (first, size // first))
        case 2:
            start = int(rng.integers(shape[axis]))
            return b.slice_(x, axis, start, start + 1, -1)
        case 3:
            return b.concat([x, b.slice_(x, axis, shape[axis] - 1, shape[axis], -1)], axis)
        case 4:
            return b.pad(x, axis, int(rng.integers(3)), int(rng.integers(3)), _fill(rng, x))
        case _:
            return b.window(x, axis, int(rng.integers(1, shape[axis] + 1)))


def _fill(rng: Rng, x: Node) -> Node:
    element = _fixed(x)
    lowest, highest = max(element.lowest, -9), min(element.highest, 9)
    return b.constant(rng.integers(lowest, highest, endpoint=True), element)


def repeated(rng: Rng, x: Node, nodes: list[Node]) -> Node:
    """Return a sequential sum in a narrow accumulator."""
    shape = _shape(x)
    if not shape:
        return quantized(rng, x, nodes)
    narrow = Fixed(True, 7, min(_fixed(x).integer, MAX_BITS // 4) + 1)
    state = b.input_("state", shape[1:], narrow)
    step = b.input_("step", shape[1:], _fixed(x))
    rounded = Quantize(narrow, Rounding.HALF_EVEN, _overflow(rng))
    total = b.apply(rounded, b.add(state, step))
    body = Graph("accumulate", (state, step), (total,), ("following",))
    first = b.broadcast(b.constant(np.array(1), narrow), shape[1:])
    return (b.fold if rng.random() < 0.5 else b.scan)(body, first, [x])


KINDS: tuple[Step, ...] = (
    *(quantized, quantized, joined, joined, joined, chosen, bent, tabulated),
    *(dense, dense, attention, gathered, moved, moved, repeated),
)


def program(seed: int) -> Graph:
    """Return a random graph; equal seeds give equal graphs."""
    rng = np.random.default_rng([17, seed])
    inputs = [_input(rng, f"x{i}") for i in range(int(rng.integers(1, 4)))]
    nodes = [_entered(each) for each in inputs]
    for _ in range(STEPS):
        new = _step(rng, nodes, QUANTIZED_BITS if seed % 4 else MAX_BITS)
        if new not in nodes and _is_small(new):
            nodes.append(Node(new.op, new.inputs, str(rng.choice(ORIGINS))))
    used = {below for each in nodes for below in each.inputs}
    ends = [each for each in nodes if each not in used and each.inputs][-3:] or [nodes[-1]]
    ends = [b.cast(each, FLOAT32) if rng.random() < 0.3 else each for each in ends]
    if seed % 5 == 0:
        ends.append(nodes[0])
    if seed % 7 == 0:
        ends.append(_constant(rng, (2,)))
    names = tuple(f"y{i}" for i in range(len(ends)))
    return Graph(f"exact_{seed}", tuple(inputs), tuple(ends), names)


def _input(rng: Rng, name: str) -> Node:
    shape = tuple(int(n) for n in rng.choice(SIZES, int(rng.integers(0, 3))))
    return b.input_(name, shape, FLOAT32 if rng.random() < 0.3 else _type(rng))


def _entered(x: Node) -> Node:
    if x.type.element != FLOAT32:
        return x
    return b.apply(Quantize(Fixed(True, 8, 4), Rounding.HALF_UP, Overflow.SATURATE), x)


def _step(rng: Rng, nodes: list[Node], widest: int) -> Node:
    numbers = [each for each in nodes if each.type.element != BOOL]
    recent = numbers[-3:] if rng.random() < 0.7 else numbers
    x = recent[int(rng.integers(len(recent)))]
    if _fixed(x).width > widest:
        x = quantized(rng, x, nodes)
    return KINDS[int(rng.integers(len(KINDS)))](rng, x, numbers)


def _is_small(x: Node) -> bool:
    width = 1 if x.type.element == BOOL else _fixed(x).width
    return 0 < int(np.prod(_shape(x))) <= MAX_ELEMENTS and width <= MAX_BITS
