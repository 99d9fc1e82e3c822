"""Random float programs as networks are: products, work behind them, movement, sums, loops.

Larger than what hypothesis draws, seeded with numpy, and with the sizes at which lanes end.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import FLOAT32, INT32
from inferon.ops import build as b
from inferon.ops import elementary, normalization
from inferon.ops.dot import Dot
from inferon.ops.reduction import Sum

SIZES = (1, 2, 3, 5, 7, 8, 13, 16, 17, 24, 31, 33)
MAX_ELEMENTS = 1500
STEPS = 22

Rng = np.random.Generator
Step = Callable[[Rng, Node, list[Node]], Node]


def _sizes(x: Node) -> tuple[int, ...]:
    return tuple(size for size in x.type.shape if isinstance(size, int))


def _pick(rng: Rng, choices: tuple[int, ...] = SIZES) -> int:
    return int(rng.choice(choices))


def _constant(rng: Rng, shape: tuple[int, ...]) -> Node:
    return b.constant(rng.normal(size=shape) / max(1, shape[0] if shape else 1) ** 0.5, FLOAT32)


def dense(rng: Rng, x: Node, _: list[Node]) -> Node:
    shape = _sizes(x)
    if not shape:
        return b.mul(x, _constant(rng, ()))
    columns = _pick(rng)
    op = Dot(0, 1, int(rng.choice([1, 1, 4, 16])))
    y = b.apply(op, x, _constant(rng, (shape[-1], columns)), origin="dense")
    return b.add(y, _constant(rng, (columns,))) if rng.random() < 0.7 else y


def attention(rng: Rng, x: Node, _: list[Node]) -> Node:
    """A batched product with itself turned."""
    shape = _sizes(x)
    if len(shape) < 2 or shape[-2] ** 2 * int(np.prod(shape[:-2])) > MAX_ELEMENTS:
        return b.neg(x)
    rank = len(shape)
    order = (*range(rank - 2), rank - 1, rank - 2)
    scores = b.apply(Dot(rank - 2, 1, 1), x, b.transpose(x, order), origin="attention")
    weights = b.apply(normalization.Softmax(rank - 1), scores)
    return b.apply(Dot(rank - 2, 1, 1), weights, x)


def bent(rng: Rng, x: Node, _: list[Node]) -> Node:
    kind = int(rng.integers(5))
    if kind == 0:
        return b.select(b.less(x, 0.0), 0.0, x)
    if kind == 1:
        return b.maximum(b.minimum(x, 2.0), b.mul(x, 0.01))
    if kind == 2:
        return b.apply(elementary.Tanh(), x)
    if kind == 3:
        return b.mul(x, b.apply(elementary.Sigmoid(), x))
    return b.sqrt(b.absolute(x))


def joined(rng: Rng, x: Node, nodes: list[Node]) -> Node:
    """Something with an earlier value of a fitting shape."""
    fitting = [each for each in nodes if _fits(_sizes(each), _sizes(x))]
    other = fitting[int(rng.integers(len(fitting)))]
    return [b.add, b.sub, b.mul, b.maximum][int(rng.integers(4))](x, other)


def _fits(small: tuple[int, ...], large: tuple[int, ...]) -> bool:
    padded = (1,) * (len(large) - len(small)) + small
    return len(small) <= len(large) and all(
        p in (1, n) for p, n in zip(padded, large, strict=True)
    )


def turned(rng: Rng, x: Node, _: list[Node]) -> Node:
    return b.transpose(x, [int(i) for i in rng.permutation(x.type.rank)])


def reshaped(rng: Rng, x: Node, _: list[Node]) -> Node:
    size = int(np.prod(_sizes(x)))
    first = int(rng.choice([n for n in range(1, size + 1) if size % n == 0]))
    return b.reshape(x, (size,) if rng.random() < 0.3 else (first, size // first))


def sliced(rng: Rng, x: Node, _: list[Node]) -> Node:
    shape = _sizes(x)
    if not shape:
        return b.absolute(x)
    axis = int(rng.integers(len(shape)))
    step = int(rng.choice([-2, -1, 1, 2, 3]))
    span = int(rng.integers(1, shape[axis] + 1))
    size = (span - 1) // abs(step) + 1
    begin = int(rng.integers(0, shape[axis] - (size - 1) * abs(step)))
    start = begin if step > 0 else begin + (size - 1) * abs(step)
    return b.slice_(x, axis, start, size, step)


def widened(rng: Rng, x: Node, nodes: list[Node]) -> Node:
    shape = _sizes(x)
    kind = int(rng.integers(4))
    if kind == 0 and len(shape) < 4:
        return b.broadcast(x, (_pick(rng, (2, 3, 5)), *shape))
    if not shape:
        return b.reshape(x, (1,))
    axis = int(rng.integers(len(shape)))
    if kind == 1:
        return b.pad(x, axis, int(rng.integers(3)), int(rng.integers(3)), 0.5)
    if kind == 2 and len(shape) < 4:
        return b.window(x, axis, int(rng.integers(1, min(shape[axis], 5) + 1)))
    return b.concat([x, b.neg(x)], axis)


def summed(rng: Rng, x: Node, _: list[Node]) -> Node:
    shape = _sizes(x)
    if not shape:
        return b.floor(x)
    count = int(rng.integers(1, len(shape) + 1))
    axes = tuple(sorted(int(i) for i in rng.permutation(len(shape))[:count]))
    if rng.random() < 0.3:
        return b.reduce_max(x, axes, keep=True)
    strands = int(rng.choice([1, 2, 4, 16]))
    return b.apply(Sum(axes, strands), x, origin="sum")


def chosen(rng: Rng, x: Node, _: list[Node]) -> Node:
    shape = _sizes(x)
    if not shape:
        return b.round_even(x)
    if rng.random() < 0.5:
        best = b.top_k(x, int(rng.integers(1, shape[-1] + 1)))
        return b.gather(x, best, len(shape) - 1, batch=len(shape) - 1)
    axis = int(rng.integers(len(shape)))
    index = b.constant(rng.integers(-shape[axis], shape[axis], _pick(rng, (1, 3, 5))), INT32)
    return b.gather(x, index, axis)


def recurrent(rng: Rng, x: Node, _: list[Node]) -> Node:
    shape = _sizes(x)
    if len(shape) != 2 or shape[0] > 8:
        return b.mul(x, x)
    n = shape[1]
    state, step = b.input_("state", (n,), FLOAT32), b.input_("step", (n,), FLOAT32)
    turned_ = b.product(state, _constant(rng, (n, n)))
    body = Graph(
        "cell", (state, step), (b.apply(elementary.Tanh(), b.add(turned_, step)),), ("h",)
    )
    first = b.broadcast(b.constant(0.0, FLOAT32), (n,))
    return (b.fold if rng.random() < 0.5 else b.scan)(body, first, [x])


KINDS: tuple[Step, ...] = (
    *(dense, dense, dense, bent, bent, joined, joined, joined, turned, turned, reshaped, sliced),
    *(widened, summed, chosen, recurrent, attention),
)


def program(seed: int) -> Graph:
    """Return a random program; equal seeds give equal programs."""
    rng = np.random.default_rng(seed)
    shapes = [tuple(_pick(rng) for _ in range(int(rng.integers(1, 4)))) for _ in range(2)]
    shapes = [shape if np.prod(shape) <= MAX_ELEMENTS else shape[:1] for shape in shapes]
    inputs = [b.input_(f"x{i}", shape, FLOAT32) for i, shape in enumerate(shapes)]
    nodes = list(inputs)
    for _ in range(STEPS):
        recent = nodes[-3:] if rng.random() < 0.7 else nodes
        x = recent[int(rng.integers(len(recent)))]
        new = KINDS[int(rng.integers(len(KINDS)))](rng, x, nodes)
        if new not in nodes and int(np.prod(_sizes(new))) <= MAX_ELEMENTS:
            nodes.append(new)
    used = {below for each in nodes for below in each.inputs}
    ends = [each for each in nodes if each not in used][-3:]
    names = tuple(f"y{i}" for i in range(len(ends)))
    return Graph(f"program_{seed}", tuple(inputs), tuple(ends), names)
