"""Random graphs over the primitives and some composites, for properties that hold for every graph.

A graph grows step by step: each step applies one builder to nodes that are there already.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.shape import Dim, Shape
from inferon.ir.types import BOOL, FLOAT32, FLOAT64, Element, Fixed, Float, Int
from inferon.ir.values import Array, Values
from inferon.ops import activation, build, elementary, normalization
from inferon.ops.convert import Quantize
from inferon.ops.mantissa import Overflow, Rounding
from inferon.ops.scatter import Combine
from inferon.ops.table import Table

ROUNDINGS = st.sampled_from(Rounding)
OVERFLOWS = st.sampled_from([each for each in Overflow if each is not Overflow.ERROR])
ORIGINS = st.sampled_from(["", "fc1", "block.0/attn", "a-b_c"])
SIZES = st.integers(1, 4)
SHAPES = st.lists(SIZES, max_size=3).map(tuple)
FIXED = st.builds(Fixed, st.booleans(), st.integers(1, 12), st.integers(-3, 14))
WIDE_FIXED = st.builds(Fixed, st.booleans(), st.integers(60, 90), st.integers(-3, 14))
FLOATS = st.sampled_from([FLOAT32, FLOAT64])
INTS = st.builds(Int, st.booleans(), st.sampled_from([8, 16, 32, 64]))
ELEMENTS = st.one_of(FLOATS, FLOATS, INTS, FIXED, WIDE_FIXED, st.just(BOOL))
MAX_WIDTH_BITS = 200
MAX_SIZE = 256


@st.composite
def arrays(draw: st.DrawFn, element: Element, shape: tuple[int, ...]) -> Array:
    """Values of an element type, rough ones among them."""
    size = int(np.prod(shape))
    numbers: st.SearchStrategy[object]
    if isinstance(element, Float):
        numbers = st.floats(width=32 if element.bits == 32 else 64)
        dtype: object = np.dtype(f"f{element.bits // 8}")
    elif isinstance(element, Int | Fixed):
        numbers = st.integers(element.lowest, element.highest)
        dtype = object
    else:
        numbers, dtype = st.booleans(), np.bool_
    values = draw(st.lists(numbers, min_size=size, max_size=size))
    return np.array(values, dtype).reshape(shape)  # type: ignore[call-overload,no-any-return]


@st.composite
def constants(draw: st.DrawFn, element: Element, shape: tuple[int, ...]) -> Node:
    return build.constant(draw(arrays(element, shape)), element)


def _static(shape: Shape) -> tuple[int, ...]:
    return tuple(size if isinstance(size, int) else 1 for size in shape)


def _pick(draw: st.DrawFn, nodes: Sequence[Node], *kinds: type) -> Node | None:
    fitting = [each for each in nodes if isinstance(each.type.element, kinds)]
    return draw(st.sampled_from(fitting)) if fitting else None


def _partner(draw: st.DrawFn, nodes: Sequence[Node], x: Node) -> Node:
    """Return a node that `build` can combine with ``x`` elementwise."""
    fitting = [each for each in nodes if each.type == x.type]
    shared: bool = draw(st.booleans())
    if shared and fitting:
        return draw(st.sampled_from(fitting))
    element = x.type.element
    if isinstance(element, Fixed):
        element = draw(FIXED)
    shape = draw(st.sampled_from([(), _static(x.type.shape)]))
    if any(isinstance(size, Dim) for size in x.type.shape):
        shape = ()
    return draw(constants(element, shape))


def _has_static_axis(x: Node, axis: int) -> bool:
    return x.type.rank > 0 and isinstance(x.type.shape[axis], int) and x.type.shape[axis] != 0


def binary(draw: st.DrawFn, nodes: Sequence[Node]) -> Node | None:
    x = _pick(draw, nodes, Float, Int, Fixed)
    if x is None or (isinstance(x.type.element, Fixed) and x.type.element.width > MAX_WIDTH_BITS):
        return None
    functions = [build.add, build.sub, build.mul, build.maximum, build.minimum]
    if not isinstance(x.type.element, Fixed):
        functions.append(build.div)
    return draw(st.sampled_from(functions))(x, _partner(draw, nodes, x))


def comparison(draw: st.DrawFn, nodes: Sequence[Node]) -> Node | None:
    x = _pick(draw, nodes, Float, Int, Fixed)
    if x is None:
        return None
    function = draw(st.sampled_from([build.less, build.less_equal, build.equal]))
    return function(x, _partner(draw, nodes, x))


def choice(draw: st.DrawFn, nodes: Sequence[Node]) -> Node | None:
    x = _pick(draw, nodes, Float, Int, Fixed)
    if x is None:
        return None
    other = _partner(draw, nodes, x)
    condition = draw(st.sampled_from([build.less(x, other), build.constant(draw(st.booleans()))]))
    return build.select(condition, x, other)


def unary(draw: st.DrawFn, nodes: Sequence[Node]) -> Node | None:
    x = _pick(draw, nodes, Float, Int, Fixed)
    if x is None:
        return None
    functions = [build.neg, build.absolute]
    if isinstance(x.type.element, Float):
        functions += [build.sqrt, build.floor, build.round_even]
    return draw(st.sampled_from(functions))(x)


def layer(draw: st.DrawFn, nodes: Sequence[Node]) -> Node | None:
    fitting = [each for each in nodes if each.type.element == FLOAT32]
    if not fitting:
        return None
    x = draw(st.sampled_from(fitting))
    ops = [activation.Relu(), activation.LeakyRelu(0.1), activation.Clip(-1.5, 0.1)]
    ops += [elementary.Exp(), elementary.Tanh(), activation.Silu()]
    if x.type.rank and isinstance(x.type.shape[-1], int):
        ops.append(normalization.Softmax(x.type.rank - 1))
    return build.apply(draw(st.sampled_from(ops)), x, origin=draw(ORIGINS))


def conversion(draw: st.DrawFn, nodes: Sequence[Node]) -> Node | None:
    x = draw(st.sampled_from(list(nodes)))
    if isinstance(x.type.element, Fixed) and draw(st.booleans()):
        return build.cast(x, draw(FLOATS))
    if x.type.element != BOOL and draw(st.booleans()):
        op = Quantize(draw(st.one_of(FIXED, WIDE_FIXED)), draw(ROUNDINGS), draw(OVERFLOWS))
        return build.apply(op, x, origin=draw(ORIGINS))
    if isinstance(x.type.element, Fixed):
        return None
    return build.cast(x, draw(st.one_of(FLOATS, INTS, st.just(BOOL))))


def table(draw: st.DrawFn, nodes: Sequence[Node]) -> Node | None:
    x = _pick(draw, nodes, Fixed)
    if x is None or not isinstance(x.type.element, Fixed) or x.type.element.width > 6:
        return None
    element = draw(ELEMENTS)
    entries = build.array_of(draw(constants(element, (1 << x.type.element.width,))))
    assert entries is not None
    return build.apply(Table(Values(entries), element), x)


def movement(draw: st.DrawFn, nodes: Sequence[Node]) -> Node | None:
    x = draw(st.sampled_from(list(nodes)))
    shape = x.type.shape
    kind = draw(st.integers(0, 6))
    if kind == 0:
        return build.transpose(x, draw(st.permutations(range(x.type.rank))))
    if kind == 1:
        return build.expand(x, draw(st.integers(0, x.type.rank))) if x.type.rank < 4 else None
    if any(isinstance(size, Dim) for size in shape):
        return None
    sizes = _static(shape)
    if kind == 2:
        return build.reshape(x, (int(np.prod(sizes)),))
    if kind == 3 and x.type.rank < 4 and int(np.prod(sizes)) <= MAX_SIZE // 4:
        return build.broadcast(x, (draw(SIZES), *sizes))
    axes = [axis for axis, size in enumerate(sizes) if size > 0]
    if not axes:
        return None
    axis = draw(st.sampled_from(axes))
    size = sizes[axis]
    if kind == 4:
        start, stop = draw(st.integers(0, size - 1)), draw(st.integers(0, size - 1))
        step = 1 if stop >= start else -1
        return build.slice_(x, axis, start, abs(stop - start) + 1, step)
    if kind == 5 and int(np.prod(sizes)) <= MAX_SIZE // 2:
        return build.concat([x, x], axis)
    if x.type.rank < 4:
        return build.window(x, axis, draw(st.integers(1, size)))
    return None


def reduction(draw: st.DrawFn, nodes: Sequence[Node]) -> Node | None:
    x = _pick(draw, nodes, Float, Int, Fixed)
    if x is None or not x.type.rank or 0 in x.type.shape:
        return None
    function = draw(st.sampled_from([build.sum_, build.reduce_max, build.reduce_min]))
    return function(x, [draw(st.integers(0, x.type.rank - 1))], keep=draw(st.booleans()))


def product(draw: st.DrawFn, nodes: Sequence[Node]) -> Node | None:
    x = _pick(draw, nodes, Float, Int, Fixed)
    if x is None or not _has_static_axis(x, -1):
        return None
    if isinstance(x.type.element, Fixed) and x.type.element.width > MAX_WIDTH_BITS:
        return None
    element = draw(FIXED) if isinstance(x.type.element, Fixed) else x.type.element
    rows = _static(x.type.shape[-1:])
    return build.product(x, draw(constants(element, (*rows, draw(SIZES)))))


def selection(draw: st.DrawFn, nodes: Sequence[Node]) -> Node | None:
    x = _pick(draw, nodes, Float, Int, Fixed)
    if x is None or not _has_static_axis(x, -1):
        return None
    (size,) = _static(x.type.shape[-1:])
    best = build.top_k(x, draw(st.integers(1, size)), largest=draw(st.booleans()))
    return build.gather(x, best, x.type.rank - 1, batch=x.type.rank - 1)


def updates(draw: st.DrawFn, nodes: Sequence[Node]) -> Node | None:
    """Slices of one axis, the best ones of each event doubled, or some of them more than once."""
    x = _pick(draw, nodes, Float, Int)
    if x is None or any(isinstance(size, Dim) for size in x.type.shape) or not x.type.rank:
        return None
    axis = draw(st.integers(0, x.type.rank - 1))
    (size,) = _static(x.type.shape[axis : axis + 1])
    index = build.constant(draw(st.lists(st.integers(-size - 1, size), min_size=1, max_size=3)))
    if axis == 0 and x.type.rank == 1 and draw(st.booleans()):
        index = build.top_k(x, draw(st.integers(1, size)))
    new = build.gather(x, index, axis)
    return build.scatter_(x, index, build.add(new, new), axis, draw(st.sampled_from(Combine)))


def loop(draw: st.DrawFn, nodes: Sequence[Node]) -> Node | None:
    """A loop whose body adds an element of a sequence to the state, then rounds or scales it."""
    x = _pick(draw, nodes, Float, Fixed)
    if x is None or not _has_static_axis(x, 0):
        return None
    element, shape = x.type.element, x.type.shape[1:]
    if any(isinstance(size, Dim) for size in shape):
        return None
    state, step = build.input_("state", shape, element), build.input_("step", shape, element)
    total = build.add(state, step)
    if isinstance(element, Fixed):
        following = build.apply(Quantize(element, draw(ROUNDINGS), draw(OVERFLOWS)), total)
    else:
        following = build.mul(build.mul(total, 1.0), draw(constants(element, ())))
    body = Graph("step", (state, step), (following,), ("following",))
    first = build.broadcast(draw(constants(element, ())), shape)
    return draw(st.sampled_from([build.fold, build.scan]))(body, first, [x])


STEPS = (
    *(binary, binary, comparison, choice, unary, layer, layer, conversion, conversion),
    *(table, movement, movement, movement, reduction, product, selection, updates, loop),
)


@st.composite
def graphs(draw: st.DrawFn, steps: int = 10, dims: bool = True) -> Graph:
    """A graph of one or two inputs; its outputs are up to three of the nodes that none uses."""
    inputs = []
    for name in ["x", "y"][: draw(st.integers(1, 2))]:
        shape: Shape = draw(SHAPES)
        if dims and draw(st.integers(0, 4)) == 0:
            shape = (Dim("particles", 5), *shape)
        inputs.append(build.input_(name, shape, draw(ELEMENTS)))
    nodes = list(inputs)
    if draw(st.booleans()):
        known = constants(draw(ELEMENTS), draw(SHAPES))
        nodes.append(draw(known))
    for _ in range(draw(st.integers(steps // 2, steps))):
        recent = nodes[-4:] if draw(st.booleans()) else nodes
        new = draw(st.sampled_from(STEPS))(draw, recent)
        if new is not None and new not in nodes:
            nodes.append(Node(new.op, new.inputs, new.origin or draw(ORIGINS)))
    used = {below for each in nodes for below in each.inputs}
    outputs = tuple([each for each in nodes if each not in used][-3:])
    return Graph("random", tuple(inputs), outputs, ("u", "v", "w")[: len(outputs)])
