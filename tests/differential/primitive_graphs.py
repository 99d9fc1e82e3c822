"""Small graphs for each primitive: odd sizes on each axis, operands laid out in every way.

A graph holds many outputs of one operator; a wrong one is named by its output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, product

import numpy as np

from inferon.ir.graph import Graph
from inferon.ir.node import Node, Op
from inferon.ir.types import BOOL, FLOAT32, FLOAT64, INT32, INT64, Element, Fixed, Float, Int
from inferon.ir.values import storage
from inferon.ops import arithmetic, bits, build, convert, dot, logic, loop, reduction
from inferon.ops.scatter import Combine

Shape = tuple[int, ...]

INTS: tuple[Element, ...] = tuple(
    Int(signed, width) for width in (8, 16, 32, 64) for signed in (True, False)
)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which element types and which sizes of an axis are tried.

    Attributes
    ----------
    elements : the types of operands
    sizes : at least two, below, at and above whole registers
    """

    elements: tuple[Element, ...]
    sizes: tuple[int, ...]

    def of(self, kinds: Sequence[Element]) -> tuple[Element, ...]:
        """Return those of some types that are in the scope."""
        return tuple(each for each in kinds if each in self.elements)

    @property
    def numbers(self) -> tuple[Element, ...]:
        """The types on which arithmetic is defined."""
        return tuple(each for each in self.elements if each != BOOL)


REGISTERS = Scope((FLOAT32, INT32, BOOL), (1, 3, 5, 8, 16, 17, 31, 33))
"""What the target computes in registers of 4, 8 or 16 lanes."""

SINGLE = Scope((FLOAT64, *(each for each in INTS if each != INT32)), (3, 17))
"""What it computes one by one: sizes matter less."""

FLOATS = (FLOAT32, FLOAT64)


@dataclass(slots=True)
class Maker:
    """Collects the inputs and outputs of one graph."""

    name: str
    inputs: list[Node] = field(default_factory=list)
    outputs: dict[str, Node] = field(default_factory=dict)
    turn: Iterator[int] = field(default_factory=count)

    def input(self, shape: Shape, element: Element) -> Node:
        node = build.input_(f"x{len(self.inputs)}", shape, element)
        self.inputs.append(node)
        return node

    def constant(self, shape: Shape, element: Element) -> Node:
        rng = np.random.default_rng([len(self.name), len(self.outputs)])
        if isinstance(element, Float):
            return build.constant(rng.normal(size=shape), element)
        low, high = (0, 1) if element == BOOL else (0, 100)
        if isinstance(element, Fixed):
            low, high = element.lowest, element.highest
        return build.constant(rng.integers(low, high, shape, endpoint=True), element)

    def operand(self, shape: Shape, element: Element) -> Node:
        """Return a value of a shape; each call lays it out in memory in the next way."""
        return LAYOUTS[next(self.turn) % len(LAYOUTS)](self, shape, element)

    def out(self, node: Node, name: str = "y") -> None:
        self.outputs[f"{name}_{len(self.outputs)}"] = node

    def graph(self) -> Graph:
        nodes, names = tuple(self.outputs.values()), tuple(self.outputs)
        return Graph(self.name, tuple(self.inputs), nodes, names)


# ------------------------------------------------------------------------------ layouts in memory


def dense(make: Maker, shape: Shape, element: Element) -> Node:
    return make.input(shape, element)


def turned(make: Maker, shape: Shape, element: Element) -> Node:
    order = range(len(shape))[::-1]
    return build.transpose(make.input(shape[::-1], element), order)


def part(make: Maker, shape: Shape, element: Element) -> Node:
    if not shape:
        return make.input(shape, element)
    whole = make.input((*shape[:-1], shape[-1] + 3), element)
    return build.slice_(whole, len(shape) - 1, 2, shape[-1])


def backwards(make: Maker, shape: Shape, element: Element) -> Node:
    x = make.input(shape, element)
    for axis, size in enumerate(shape):
        if size > 1:
            x = build.slice_(x, axis, size - 1, size, -1)
    return x


def every_second(make: Maker, shape: Shape, element: Element) -> Node:
    if not shape:
        return make.input(shape, element)
    whole = make.input((2 * shape[0] + 1, *shape[1:]), element)
    return build.slice_(whole, 0, 2 * shape[0] - 1, shape[0], -2)


def row_repeated(make: Maker, shape: Shape, element: Element) -> Node:
    return build.broadcast(make.input(shape[-1:], element), shape)


def column_repeated(make: Maker, shape: Shape, element: Element) -> Node:
    return build.broadcast(make.input((*shape[:-1], *[1] * len(shape[-1:])), element), shape)


def windows(make: Maker, shape: Shape, element: Element) -> Node:
    if len(shape) < 2:
        return make.input(shape, element)
    size, positions = shape[-1], shape[-2]
    whole = make.input((*shape[:-2], 2 * (positions - 1) + 3 * (size - 1) + 1), element)
    return build.window(whole, len(shape) - 2, size, 2, 3)


def fixed(make: Maker, shape: Shape, element: Element) -> Node:
    return make.constant(shape, element)


def number(make: Maker, shape: Shape, element: Element) -> Node:
    return build.broadcast(make.constant((), element), shape)


def scalar(make: Maker, shape: Shape, element: Element) -> Node:
    return build.broadcast(make.input((), element), shape)


def computed(make: Maker, shape: Shape, element: Element) -> Node:
    """Return the result of an operator with two users: it has to be stored first."""
    x = make.input(shape, element)
    y = build.select(build.equal(x, x), x, make.constant(shape, element))
    make.out(y, "shared")
    return y


LAYOUTS: tuple[Callable[[Maker, Shape, Element], Node], ...] = (
    *(dense, turned, part, backwards, every_second, row_repeated, column_repeated),
    *(windows, fixed, number, scalar, computed, dense),
)
"""Thirteen, coprime to the number of operands: in the end they meet in all pairs."""


def shapes_of(size: int) -> tuple[Shape, ...]:
    return ((size,), (3, size), (size, 3), (2, size, 1), (2, 3, size))


# ------------------------------------------------------------------------------------ elementwise

Applied = tuple[Op, tuple[Element, ...]]


def elementwise(name: str, applied: Sequence[Applied], scope: Scope) -> Iterator[Graph]:
    """Yield one graph of operators on operands of some element types, if there are any."""
    make = Maker(name)
    shapes = [shape for s in scope.sizes for shape in shapes_of(s)[s % 3 :: 3]]
    for op, elements in applied:
        label = "_".join(dict.fromkeys(map(str, elements)))
        for shape in [(), *shapes]:
            operands = [make.operand(shape, element) for element in elements]
            make.out(build.apply(op, *operands), label)
    if make.outputs:
        yield make.graph()


def _each(op: Op, operands: int, elements: Sequence[Element], scope: Scope) -> Iterator[Graph]:
    applied: list[Applied] = [(op, (each,) * operands) for each in scope.of(elements)]
    yield from elementwise(op.spelling(), applied, scope)


def arithmetics(scope: Scope) -> Iterator[Graph]:
    binary = (arithmetic.Add, arithmetic.Sub, arithmetic.Mul, arithmetic.Div)
    for kind in (*binary, arithmetic.Max, arithmetic.Min):
        yield from _each(kind(), 2, scope.numbers, scope)
    yield from _each(arithmetic.Fma(), 3, FLOATS, scope)
    for unary in (arithmetic.Neg, arithmetic.Abs):
        yield from _each(unary(), 1, scope.numbers, scope)
    for rounding in (arithmetic.Sqrt, arithmetic.RoundEven, arithmetic.Floor):
        yield from _each(rounding(), 1, FLOATS, scope)


def logics(scope: Scope) -> Iterator[Graph]:
    for comparison in (logic.Less, logic.LessEqual, logic.Equal):
        yield from _each(comparison(), 2, scope.elements, scope)
    for truth in (logic.And, logic.Or):
        yield from _each(truth(), 2, (BOOL,), scope)
    yield from _each(logic.Not(), 1, (BOOL,), scope)
    select: list[Applied] = [(logic.Select(), (BOOL, each, each)) for each in scope.elements]
    yield from elementwise("select", select, scope)


def bit_patterns(scope: Scope) -> Iterator[Graph]:
    for kind in (bits.BitAnd, bits.BitOr, bits.BitXor):
        yield from _each(kind(), 2, INTS, scope)
    for shift in (bits.ShiftLeft, bits.ShiftRight):
        ints = [each for each in scope.of(INTS) if isinstance(each, Int)]
        by: list[Applied] = [(shift(n), (e,)) for e in ints for n in (0, 1, e.bits - 1)]
        yield from elementwise(shift.spelling(), by, scope)
    same_width: list[Applied] = [
        (bits.Bitcast(to), (source,))
        for source, to in product(scope.numbers, (*FLOATS, *INTS))
        if storage(source).itemsize == storage(to).itemsize
    ]
    yield from elementwise("bitcast", same_width, scope)


def conversions(scope: Scope) -> Iterator[Graph]:
    for source in scope.elements:
        to_each: list[Applied] = [
            (convert.Cast(to), (source,))
            for to in (*FLOATS, *INTS, BOOL)
            if scope is REGISTERS or to != INT64
        ]
        yield from elementwise(f"cast_{source}", to_each, Scope((), scope.sizes[1::3]))


# --------------------------------------------------------------------------------------- movement


def _reshapes(make: Maker, element: Element, size: int) -> Iterator[Node]:
    yield build.reshape(make.operand((2, size), element), (size, 2))
    yield build.reshape(make.operand((size, 6), element), (3, size, 2))
    yield build.reshape(make.operand((2, size, 3), element), (2, 3 * size))
    yield build.reshape(make.operand((1, size, 1), element), (size,))
    yield build.reshape(make.operand((size,), element), (1, 1, size, 1))
    yield build.reshape(make.operand((1, 1), element), ())


def _transposes(make: Maker, element: Element, size: int) -> Iterator[Node]:
    yield build.transpose(make.operand((3, size), element), (1, 0))
    yield build.transpose(make.operand((2, size, 3), element), (2, 0, 1))
    yield build.transpose(make.operand((size, 2, 1, 3), element), (3, 1, 0, 2))


def _broadcasts(make: Maker, element: Element, size: int) -> Iterator[Node]:
    yield build.broadcast(make.operand((), element), (size,))
    yield build.broadcast(make.operand((size,), element), (3, size))
    yield build.broadcast(make.operand((size, 1), element), (2, size, 3))
    yield build.broadcast(make.operand((1, size, 1), element), (3, size, 2))


def _slices(make: Maker, element: Element, size: int) -> Iterator[Node]:
    yield build.slice_(make.operand((2, size + 2), element), 1, 1, size)
    yield build.slice_(make.operand((2 * size, 3), element), 0, 1, size, 2)
    yield build.slice_(make.operand((3, size), element), 1, size - 1, size, -1)
    yield build.slice_(make.operand((3 * size + 1, 2), element), 0, 3 * size, size, -3)


def _concats(make: Maker, element: Element, size: int) -> Iterator[Node]:
    yield build.concat([make.operand((size,), element), make.operand((3,), element)], 0)
    yield build.concat([make.operand((2, n), element) for n in (size, 1, 7)], 1)
    x = make.operand((size, 2), element)
    yield build.concat([x, x, make.operand((1, 2), element)], 0)


def _pads(make: Maker, element: Element, size: int) -> Iterator[Node]:
    fill = make.operand((), element)
    yield build.pad(make.operand((size,), element), 0, 1, 2, fill)
    yield build.pad(make.operand((3, size), element), 1, 0, 1, make.constant((), element))
    yield build.pad(make.operand((size, 3), element), 0, 2, 0, fill)


def _windows(make: Maker, element: Element, size: int) -> Iterator[Node]:
    yield build.window(make.operand((size,), element), 0, 1 + size // 2)
    yield build.window(make.operand((3, size + 4), element), 1, 3, 2)
    yield build.window(make.operand((size + 4, 2), element), 0, 3, 1, 2)
    twice = build.window(make.operand((2, size + 2, 5), element), 1, 3)
    yield build.window(twice, 2, 2, 2)


_MOVES = {
    "reshape": _reshapes,
    "transpose": _transposes,
    "broadcast": _broadcasts,
    "slice": _slices,
    "concat": _concats,
    "pad": _pads,
    "window": _windows,
}


def movements(scope: Scope) -> Iterator[Graph]:
    for name, moves in _MOVES.items():
        make = Maker(name)
        widths = {storage(each).itemsize: each for each in scope.elements}
        elements = scope.elements if scope is REGISTERS else tuple(widths.values())
        for element in elements:  # only the width matters where values lie one by one
            for size in scope.sizes if element == FLOAT32 else scope.sizes[1::3]:
                for node in moves(make, element, size):
                    make.out(node, f"{element}_size_{size}")
        yield make.graph()


# ---------------------------------------------------------------------------- reductions, products


def _sums(
    make: Maker, kind: type[reduction.Reduction], element: Element, size: int
) -> Iterator[Node]:
    for strands in (1, 4, 16, 32) if element == FLOAT32 else (1, 8):
        yield build.apply(kind((0,), strands), make.operand((size,), element))
        yield build.apply(kind((0,), strands), make.operand((size, 5), element))
        yield build.apply(kind((1,), strands), make.operand((3, size), element))
    yield build.apply(kind((0, 2), 8), make.operand((3, size, 2), element))
    yield build.apply(kind((1, 2), 16), make.operand((2, 3, size), element))
    yield build.apply(kind((1,), 2), make.operand((2, size, 17), element))


def reductions(scope: Scope) -> Iterator[Graph]:
    for kind in (reduction.Sum, reduction.ReduceMax, reduction.LargestNumber, reduction.ReduceMin):
        make = Maker(kind.spelling())
        for element in scope.numbers:
            sizes = scope.sizes if kind is reduction.Sum else scope.sizes[1::3]
            for size in sizes if element == FLOAT32 else scope.sizes[1:3]:
                for node in _sums(make, kind, element, size):
                    make.out(node, f"{element}_size_{size}")
        yield make.graph()


def _dots(make: Maker, element: Element, size: int, strands: int) -> Iterator[Node]:
    def of(batch: int, contract: int, left: Shape, right: Shape) -> Node:
        op = dot.Dot(batch, contract, strands)
        return build.apply(op, make.operand(left, element), make.operand(right, element))

    yield of(0, 1, (size,), (size, 3))
    yield of(0, 1, (3,), (3, size))
    yield of(0, 1, (size, 5), (5, 17))
    yield of(0, 1, (2, size), (size, 2, 3))
    yield of(0, 2, (3, 5, size), (5, size, 4))
    yield of(1, 1, (2, 3, 5), (2, 5, size))
    yield of(2, 1, (2, 1, size, 3), (2, 1, 3, 5))
    yield of(0, 1, (3, size), (size,))
    yield of(0, 1, (size,), (size,))
    yield of(1, 1, (size, 3), (size, 3))


def _behind(make: Maker, size: int, strands: int) -> Iterator[Node]:
    """Products with work in their registers: bias, turned results, two users, misfits; windows."""
    padded = build.pad(make.operand((3, size), FLOAT32), 1, 1, 0)
    heard = build.transpose(build.window(padded, 1, 2), (0, 2, 1))  # its two axes are not one
    yield build.apply(dot.Dot(0, 2, strands), make.operand((2, 3, 2), FLOAT32), heard)
    op = dot.Dot(0, 1, strands)
    x, w = make.operand((5, 7), FLOAT32), make.constant((7, size), FLOAT32)
    yield build.maximum(build.add(build.apply(op, x, w), make.operand((size,), FLOAT32)), 0.0)
    other = build.mul(build.apply(op, make.operand((4, 7), FLOAT32), w), make.operand((), FLOAT32))
    yield build.add(build.transpose(other, (1, 0)), make.operand((size, 4), FLOAT32))
    three = build.apply(op, make.operand((2, 3, 7), FLOAT32), w)
    flat = build.reshape(three, (6 * size,))
    yield build.select(build.less(flat, 0.0), 0.0, flat)
    halves = build.reshape(build.neg(three), (2, 3 * size))
    yield build.mul(halves, make.operand((2, 3 * size), FLOAT32))
    pair = build.apply(op, make.operand((2, 7), FLOAT32), w)
    twin = build.apply(op, make.operand((2, 7), FLOAT32), w)
    yield build.sub(pair, twin)
    yield build.reduce_max(pair, [1])
    yield build.less(build.apply(op, make.operand((3, 7), FLOAT32), w), 0.0)


def products(scope: Scope) -> Iterator[Graph]:
    for strands in (1, 2, 4, 8):
        make = Maker(f"dot_{strands}")
        for element in scope.numbers:
            if element in INTS and strands in (2, 8):
                continue  # on ints every order has the same result
            sizes = scope.sizes if strands == 1 else scope.sizes[1::3]
            for size in sizes if element == FLOAT32 else scope.sizes[1:2]:
                for node in _dots(make, element, size, strands):
                    make.out(node, f"{element}_size_{size}")
        if make.outputs:
            yield make.graph()
    for strands in (1, 4, 16) if FLOAT32 in scope.elements else ():
        make = Maker(f"dot_then_{strands}")
        for size in scope.sizes[1::2] if strands == 1 else scope.sizes[2::3]:
            for node in _behind(make, size, strands):
                make.out(node, f"size_{size}")
        yield make.graph()


# ------------------------------------------------------------------------------ choice, collection

_GATHERED: tuple[tuple[int, int, Callable[[int], Shape], Shape], ...] = (
    (0, 0, lambda n: (n,), ()),
    (0, 0, lambda n: (n, 5), (3,)),
    (1, 0, lambda n: (3, n), (2, 2)),
    (1, 1, lambda n: (3, n), (3, 4)),
    (2, 1, lambda n: (2, 3, n), (2, 5)),
    (1, 1, lambda n: (2, 3, n), (2,)),
)
"""Axis, batch, shape of the source for a size, shape of the index."""


def gathers(scope: Scope) -> Iterator[Graph]:
    make = Maker("gather")
    for element in scope.elements:
        for number_, size in enumerate(scope.sizes):
            index = INTS[number_ % len(INTS)] if element == scope.elements[0] else INT64
            for axis, batch, shape, where in _GATHERED:
                near = make.operand(where, index)
                if len(make.outputs) % 2:  # near the axis, so that not all are its ends
                    near = build.bit_and(near, 31)
                x = make.operand(shape(size), element)
                make.out(build.gather(x, near, axis, batch=batch), f"{element}_{index}_{size}")
    yield make.graph()


def scatters(scope: Scope) -> Iterator[Graph]:
    """Indices near the axis meet each other and miss it now and then."""
    for combine in Combine:
        make = Maker(f"scatter_{combine.name.lower()}")
        replaces, adds = combine is Combine.REPLACE, combine is Combine.ADD
        for element in scope.elements if replaces else scope.numbers:
            sizes = (3, 17) if element == FLOAT32 and adds else (5,)
            for size, (axis, batch, shape, where) in product(
                sizes, _GATHERED[:: 1 if adds else 2]
            ):
                number_ = len(make.outputs)
                index = INTS[number_ % len(INTS)] if element == scope.elements[0] else INT64
                near = make.operand(where, index)
                near = build.bit_and(near, 7) if number_ % 3 else near
                x = shape(size)
                update = (*x[:axis], *where[batch:], *x[axis + 1 :])
                given, updates = make.operand(x, element), make.operand(update, element)
                if number_ % 2 and element != BOOL:  # computed where it is needed
                    updates = build.neg(updates)
                node = build.scatter_(given, near, updates, axis, combine, batch=batch)
                make.out(node, f"{element}_{index}_{size}")
        yield make.graph()


def choices(scope: Scope) -> Iterator[Graph]:
    make = Maker("top_k")
    for element, size in product(scope.numbers, scope.sizes):
        for k in sorted({1, (size + 1) // 2, size}):
            label = f"{element}_{size}_{k}"
            make.out(build.top_k(make.operand((size,), element), k, largest=k % 2 == 0), label)
            make.out(build.top_k(make.operand((3, size), element), k), label)
            make.out(build.top_k(make.operand((2, size), element), k, largest=False), label)
    yield make.graph()


# ------------------------------------------------------------------------------------------- loops


@dataclass(frozen=True, slots=True)
class Body:
    """A body with the shapes of state, steps and shared values, and the number of sequences."""

    graph: Graph
    shapes: tuple[Shape, ...]
    sequences: int = 1


def _bodies(size: int, element: Element) -> Iterator[Body]:
    state, step = build.input_("state", (size,), element), build.input_("step", (size,), element)
    shared, other = build.input_("shared", (size,), element), build.input_("other", (), element)
    weights = build.input_("weights", (size, size), element)
    table = build.input_("table", (3, size), element)
    one = (size,)

    def body(name: str, inputs: tuple[Node, ...], result: Node) -> Graph:
        return Graph(name, inputs, (result,), ("following",))

    yield Body(body("sum_up", (state, step), build.add(state, step)), (one, one))
    yield Body(body("keep", (state, step), state), (one, one))
    yield Body(body("take", (state, step), step), (one, one))
    mixed = build.sub(build.mul(state, shared), step)
    yield Body(body("mix", (state, step, shared), mixed), (one, one, one))
    turned_ = build.add(build.product(state, weights), step)
    yield Body(body("turn", (state, step, weights), turned_), (one, one, (size, size)))
    parts = [build.slice_(state, 0, size - 1, 1), build.slice_(state, 0, 0, size - 1)]
    rolled = build.add(build.concat(parts, 0), build.broadcast(other, one))
    yield Body(body("roll", (state, step, other), build.add(rolled, step)), (one, one, ()), 2)
    two = build.input_("two", (2, size), element)
    rows = [build.slice_(two, 0, 0, 1), build.slice_(two, 0, 1, 1)]
    gate = build.add(build.product(build.reshape(rows[0], one), weights), step)
    kept = build.add(rows[1], gate)  # all of the old state is read before any of the new one is
    cell = build.concat([build.mul(gate, kept), kept], 0)
    yield Body(body("cell", (two, step, weights), cell), ((2, size), one, (size, size)))
    swap = build.concat([rows[1], build.add(rows[0], step)], 0)  # here it is not
    yield Body(body("swap", (two, step), swap), ((2, size), one))
    inner = body("inner", (state, step), build.sub(build.add(state, step), step))
    nested = build.fold(inner, build.add(state, step), [table])
    yield Body(body("nest", (state, step, table), nested), (one, one, (3, size)))
    same = build.broadcast(build.constant(2, element), one)
    yield Body(body("reset", (state, step), same), (one, one))
    yield Body(body("fill", (state, step), build.constant(np.ones(one), element)), (one, one))


def loops(scope: Scope) -> Iterator[Graph]:
    for kind in (loop.Fold, loop.Scan):
        make = Maker(kind.spelling())
        for element in scope.numbers:
            sizes = ((1, 1), (3, 5), (17, 4), (33, 2)) if element == FLOAT32 else ((5, 3),)
            for size, steps in sizes:
                for body in _bodies(size, element):
                    split = 1 + body.sequences
                    given = [make.operand(body.shapes[0], element)]
                    given += [make.operand((steps, *s), element) for s in body.shapes[1:split]]
                    given += [make.operand(s, element) for s in body.shapes[split:]]
                    node = build.apply(kind(body.graph, body.sequences), *given)
                    make.out(node, f"{body.graph.name}_{element}_{size}")
        yield make.graph()
    yield last_states(scope)


def last_states(scope: Scope) -> Graph:
    """Scans of which the last state is read, or a part of it, or that of one step before, too."""
    make = Maker("last")
    for element, (size, steps) in product(scope.numbers, ((17, 4), (2, 1))):
        for form in range(4):
            body = next(each for each in _bodies(size, element) if each.graph.name == "cell")
            state, row, weights = body.shapes
            given = [make.operand(shape, element) for shape in (state, (steps, *row), weights)]
            states = build.apply(loop.Scan(body.graph, body.sequences), *given)
            if form == 1:
                states = build.reshape(build.slice_(states, 1, 1, 1), (steps, 1, size))
            if form == 2:
                states = build.reshape(build.slice_(states, 2, 1, size - 1), (steps, 2 * size - 2))
            taken = min(steps, 2) if form == 3 else 1
            make.out(build.slice_(states, 0, steps - taken, taken), f"form{form}_{element}_{size}")
    return make.graph()


# -------------------------------------------------------------------------------- edges of a graph


def edges(scope: Scope) -> Iterator[Graph]:
    for element in scope.numbers[:1]:
        make = Maker("edges")
        x, y = make.input((3, 5), element), make.input((), element)
        make.input((2,), element)  # no output depends on it
        make.out(x, "input")
        make.out(x, "input_again")
        make.out(y, "number")
        make.out(make.constant((4,), element), "constant")
        make.out(make.constant((), element), "single_constant")
        make.out(build.broadcast(make.constant((), BOOL), (3,)), "truths")
        z = build.add(x, y)
        make.out(z, "twice")
        make.out(z, "twice_again")
        make.out(build.transpose(z, (1, 0)), "turned")
        make.out(build.neg(z), "used_and_given")
        make.out(build.reshape(build.sum_(z), (1, 1)), "one")
        yield make.graph()
        make = Maker("empty")
        x = make.input((3, 0), element)
        make.out(build.neg(x), "nothing")
        make.out(build.sum_(x, [1]), "sum_of_nothing")
        make.out(build.concat([x, make.input((3, 2), element)], 1), "nothing_and_two")
        make.out(build.slice_(make.input((5,), element), 0, 0, 0), "empty_slice")
        make.out(build.reduce_max(x, [1]), "largest_of_nothing")
        if isinstance(element, Float):
            make.out(build.product(x, make.input((0, 4), element)), "product_over_nothing")
        yield make.graph()


PACKS: dict[str, Callable[[Scope], Iterator[Graph]]] = {
    "arithmetic": arithmetics,
    "logic": logics,
    "bits": bit_patterns,
    "convert": conversions,
    "movement": movements,
    "reduction": reductions,
    "product": products,
    "gather": gathers,
    "scatter": scatters,
    "choice": choices,
    "loop": loops,
    "edges": edges,
}
