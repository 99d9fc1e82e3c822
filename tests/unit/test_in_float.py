"""Fixed point in float32 has the bits of fixed point, or is left alone."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from inferon.analysis.samples import Samples
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import FLOAT32, Fixed
from inferon.ir.values import Values
from inferon.ops import build as b
from inferon.ops.convert import Quantize
from inferon.ops.dot import Dot
from inferon.ops.mantissa import Overflow, Rounding
from inferon.ops.table import Table
from inferon.passes.in_float import IN_FLOAT, in_float
from inferon.passes.presets import CPU
from inferon.targets.cpp.fuse import plan
from inferon.targets.cpp.region import Product
from inferon.targets.cpp.spell import fits_registers
from tests.differential import fixed_graphs
from tests.differential.random_exact import program

SOURCE = Fixed(True, 8, 3)
EVERY = np.arange(SOURCE.lowest, SOURCE.highest + 1)[:, None]
TYPES = (
    Fixed(True, 4, 2),
    Fixed(False, 5, 3),
    Fixed(True, 1, 1),
    Fixed(False, 3, -1),
    Fixed(True, 14, 5),
)


def multiplied(factor: int = 3) -> tuple[Node, Node]:
    """Return an input, and a product of it that makes translation worth while."""
    x = b.input_("x", (1,), SOURCE)
    return x, b.product(x, b.constant(np.array([[factor]]), Fixed(True, 4, 1)))


def is_translated(graph: Graph) -> bool:
    products = [node for node in graph.nodes() if isinstance(node.op, Dot)]
    return all(node.type.element == FLOAT32 for node in products)


@pytest.mark.parametrize("rounding", list(Rounding))
@pytest.mark.parametrize("overflow", [each for each in Overflow if each is not Overflow.ERROR])
def test_every_quantizer_has_the_same_bits(rounding: Rounding, overflow: Overflow) -> None:
    for to, factor in product(TYPES, (3, -5)):
        x, value = multiplied(factor)
        graph = Graph("g", (x,), (b.apply(Quantize(to, rounding, overflow), value),), ("y",))
        made = in_float(graph)
        assert (interpret(made, EVERY)[0] == interpret(graph, EVERY)[0]).all(), to
        known = rounding in (Rounding.FLOOR, Rounding.HALF_UP, Rounding.HALF_EVEN)
        assert is_translated(made) == (known or to.fraction >= value.type.element.fraction)  # type: ignore[union-attr]


def test_a_zero_has_no_sign() -> None:
    x, value = multiplied(-3)
    graph = Graph("g", (x,), (b.cast(value, FLOAT32),), ("y",))
    made = in_float(graph)
    assert is_translated(made)
    zero = np.zeros((1, 1), np.int64)
    assert interpret(made, zero)[0].tobytes() == np.float32(0).tobytes()


@pytest.mark.parametrize("bits", [24, 25])
def test_what_float32_cannot_hold_stays(bits: int) -> None:
    """A product of 25 bits with its sign reaches 2**24; one bit more is too wide."""
    x = b.input_("x", (1,), Fixed(True, bits - 6, 3))
    value = b.product(x, b.constant(np.array([[31]]), Fixed(True, 7, 1)))
    graph = Graph("g", (x,), (value,), ("y",))
    element = value.type.element
    assert isinstance(element, Fixed)
    assert element.width == bits + 1
    assert is_translated(in_float(graph)) == (bits == 24)


def test_tables_are_read_by_the_mantissa() -> None:
    x, value = multiplied()
    index = Fixed(True, 5, 3)
    narrow = b.apply(Quantize(index, Rounding.HALF_UP, Overflow.SATURATE), value)
    entries = Values(np.arange(32)[::-1] - 16)
    graph = Graph("g", (x,), (b.apply(Table(entries, Fixed(True, 6, 2)), narrow),), ("y",))
    made = in_float(graph)
    assert is_translated(made)
    assert (interpret(made, EVERY)[0] == interpret(graph, EVERY)[0]).all()


@pytest.mark.parametrize("seed", range(80))
def test_random_programs_keep_their_bits(seed: int) -> None:
    IN_FLOAT.run(CPU.passes[0].run(program(seed)), check=Samples(32))


def test_fixed_graphs_keep_their_bits() -> None:
    for graph in fixed_graphs.arithmetic():
        IN_FLOAT.run(graph, check=Samples(32))


def test_a_product_stays_in_registers() -> None:
    """What gives its result the type back is a step of its own: in the product it took 5 times."""
    x = b.input_("x", (32,), SOURCE)
    weights = b.constant(np.arange(32 * 20).reshape(32, 20) % 7 - 3, Fixed(True, 4, 1))
    graph = CPU.run(Graph("g", (x,), (b.product(x, weights),), ("y",)))
    (product_,) = (each for each in plan(graph).regions if isinstance(each, Product))
    assert product_.to.buffer.element == FLOAT32
    assert fits_registers(product_.term)
