"""Small graphs of fixed point: every rounding and overflow, exact arithmetic, tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np

from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import BOOL, FLOAT32, FLOAT64, INT32, Element, Fixed, Int
from inferon.ir.values import Values, storage
from inferon.ops import build as b
from inferon.ops.convert import Quantize
from inferon.ops.dot import Dot
from inferon.ops.mantissa import Overflow, Rounding
from inferon.ops.reduction import ReduceMax, ReduceMin, Sum
from inferon.ops.scatter import Combine
from inferon.ops.table import Table
from tests.differential.primitive_graphs import Maker

NARROW = Fixed(True, 6, 3)
BYTE = Fixed(False, 8, 2)
USUAL = Fixed(True, 16, 6)
COARSE = Fixed(True, 7, 12)
TINY = Fixed(True, 9, -4)
WIDE = Fixed(True, 40, 12)
WIDEST = Fixed(True, 62, 20)
KINDS: tuple[type[Sum | ReduceMax | ReduceMin], ...] = (Sum, ReduceMax, ReduceMin)
FIXED = (NARROW, BYTE, USUAL, COARSE, TINY)

OVERFLOWS = (
    Overflow.WRAP,
    Overflow.SATURATE,
    Overflow.SATURATE_ZERO,
    Overflow.SATURATE_SYMMETRIC,
)
SOURCES: tuple[Element, ...] = (
    *(FLOAT32, FLOAT64, USUAL, WIDE, WIDEST),
    *(Int(True, 16), Int(False, 8), INT32),
)
TARGETS = (NARROW, BYTE, COARSE, TINY, Fixed(True, 1, 1), Fixed(False, 3, 5), WIDEST)


def every_rounding(every: int = 1) -> Iterator[Graph]:
    """Every mode from every kind of number to every type, or one in ``every`` of all cases."""
    for turn, rounding in enumerate(Rounding):
        make = Maker(f"quantize_{rounding.name.lower()}")
        for source, to, overflow in list(product(SOURCES, TARGETS, OVERFLOWS))[
            turn % every :: every
        ]:
            x = make.input((5,), source)
            make.out(b.apply(Quantize(to, rounding, overflow), x), overflow.name.lower())
        promised = b.apply(Quantize(USUAL, rounding, Overflow.ERROR), make.input((5,), NARROW))
        make.out(promised, "promised")
        yield make.graph()


def roundings() -> Iterator[Graph]:
    """A sixth of the cases for each mode; together the modes see all of them."""
    yield from every_rounding(6)


def arithmetic() -> Iterator[Graph]:
    binary = (b.add, b.sub, b.mul, b.maximum, b.minimum, b.less, b.less_equal, b.equal)
    for function in binary:
        make = Maker(f"fixed_{function.__name__}")
        for left, right in product(FIXED, FIXED):
            make.out(function(make.operand((3, 5), left), make.operand((3, 5), right)))
        yield make.graph()
    make = Maker("fixed_unary")
    for element in (*FIXED, WIDE, Fixed(True, 61, 20)):
        for unary in (b.neg, b.absolute):
            make.out(unary(make.operand((17,), element)))
        for to in (FLOAT32, FLOAT64):
            make.out(b.cast(make.operand((17,), element), to), f"to_{to}")
    for left, right in product(FIXED, FIXED):
        condition = make.operand((5,), BOOL)
        chosen = b.select(condition, make.operand((5,), left), make.operand((5,), right))
        make.out(chosen, "select")
    yield make.graph()


def sums() -> Iterator[Graph]:
    make = Maker("fixed_sums")
    for element, kind in product(FIXED, KINDS):
        for shape, axes in (((17,), (0,)), ((3, 5), (1,)), ((5, 3), (0,)), ((2, 3, 5), (0, 2))):
            make.out(b.apply(kind(axes, 4), make.operand(shape, element)), kind.spelling())
    yield make.graph()
    make = Maker("fixed_products")
    for (left, right), strands in product(product(FIXED, FIXED), (1, 4)):
        x = make.operand((3, 7), left)
        y = b.apply(Dot(0, 1, strands), x, make.constant((7, 5), right))
        make.out(b.add(y, make.constant((5,), right)) if strands == 1 else y)
    yield make.graph()


def moves() -> Iterator[Graph]:
    make = Maker("fixed_moves")
    for element in FIXED:
        x, y = make.operand((3, 5), element), make.operand((3, 2), element)
        make.out(b.concat([x, y], 1), "concat")
        make.out(b.pad(x, 0, 1, 2, make.operand((), element)), "pad")
        make.out(b.gather(x, make.operand((4,), INT32), 1), "gather")
        make.out(b.top_k(x, 3), "largest")
        make.out(b.top_k(x, 2, largest=False), "smallest")
        make.out(b.transpose(b.window(x, 1, 3), (2, 0, 1)), "window")
    yield make.graph()


def updates() -> Iterator[Graph]:
    """Updates of one step and another range; the sum has room for all of them."""
    make = Maker("fixed_updates")
    for element, (axis, shape) in product(FIXED, ((0, (4, 5)), (1, (3, 4)))):
        x, index = make.operand(shape, element), make.operand((7,), INT32)
        index = b.sub(b.bit_and(index, 7), 2)
        given = make.operand((*shape[:axis], 7, *shape[axis + 1 :]), element)
        for combine in (Combine.REPLACE, Combine.MIN, Combine.MAX):
            make.out(b.scatter_(x, index, given, axis, combine), combine.name.lower())
        width = max(2, element.width // 2)
        small = Fixed(element.signed, width, width - element.fraction)
        few = make.operand((*shape[:axis], 7, *shape[axis + 1 :]), small)
        make.out(b.scatter_(x, index, few, axis, Combine.ADD), "add")
    yield make.graph()


def tables() -> Iterator[Graph]:
    make = Maker("tables")
    entries: tuple[Element, ...] = (FLOAT32, FLOAT64, INT32, Int(False, 8), BOOL, NARROW, WIDE)
    for source, to in product((NARROW, BYTE, COARSE), entries):
        rng = np.random.default_rng(source.width)
        values = rng.integers(0, 2, 1 << source.width).astype(storage(to))
        if to in (FLOAT32, FLOAT64):
            values = rng.normal(size=1 << source.width).astype(storage(to))
        node = b.apply(Table(Values(values), to), make.operand((3, 5), source))
        make.out(node, f"{source}_{to}".replace(".", "_").replace("-", "m"))
    yield make.graph()


def accumulators() -> Iterator[Graph]:
    """A narrow accumulator is a Quantize inside of a sequential loop."""
    make = Maker("accumulators")
    for rounding, overflow in product((Rounding.HALF_EVEN, Rounding.FLOOR), OVERFLOWS):
        state, step = b.input_("state", (5,), NARROW), b.input_("step", (5,), BYTE)
        total = b.apply(Quantize(NARROW, rounding, overflow), b.add(state, step))
        body = Graph("accumulate", (state, step), (total,), ("following",))
        first, steps = make.operand((5,), NARROW), make.operand((6, 5), BYTE)
        make.out(b.fold(body, first, [steps]), "last")
        make.out(b.scan(body, first, [steps]), "all")
    yield make.graph()


def layers() -> Iterator[Graph]:
    """Float in, quantized product with bias and ReLU, table, float out: a firmware layer."""
    make = Maker("firmware_layer")
    x = make.input((16,), FLOAT32)
    narrow = b.apply(Quantize(USUAL, Rounding.HALF_UP, Overflow.SATURATE), x)
    dense = b.add(b.product(narrow, make.constant((16, 9), NARROW)), make.constant((9,), BYTE))
    zero = b.constant_like(dense, 0)
    relu = b.select(b.less(dense, zero), zero, dense)
    act: Node = b.apply(Quantize(BYTE, Rounding.HALF_EVEN, Overflow.SATURATE), relu)
    make.out(b.cast(act, FLOAT32), "activation")
    table = Values(np.exp(-np.arange(256) / 64).astype(np.float32))
    make.out(b.sum_(b.apply(Table(table, FLOAT32), act)), "looked_up")
    yield make.graph()


PACKS: dict[str, Callable[[], Iterator[Graph]]] = {
    "roundings": roundings,
    "arithmetic": arithmetic,
    "sums": sums,
    "moves": moves,
    "updates": updates,
    "tables": tables,
    "accumulators": accumulators,
    "layers": layers,
}
