"""Every operator of firmware on every value of small types, in every simulator.

One module holds hundreds of them.  Takes 30 s of CPU time.
"""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
import pytest

from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import BOOL, Element, Fixed
from inferon.ir.values import Array, Values, storage
from inferon.ops import build as b
from inferon.ops.convert import Quantize
from inferon.ops.logic import And, Not, Or
from inferon.ops.mantissa import Overflow, Rounding
from inferon.ops.table import Table
from inferon.targets.rtl import Simulator
from tests.differential.rtl_pack import SIMULATORS, check, check_unrolled, each_simulator

OVERFLOWS = [each for each in Overflow if each is not Overflow.ERROR]
SOURCES = (Fixed(True, 7, 3), Fixed(False, 7, 4), Fixed(True, 7, 9))
TARGETS = (
    *(Fixed(True, 4, 2), Fixed(False, 4, 3), Fixed(True, 6, 1), Fixed(False, 3, -1)),
    *(Fixed(True, 1, 1), Fixed(False, 1, 1), Fixed(True, 3, 6), Fixed(True, 12, 5)),
    SOURCES[0],  # nothing to round, and one end that symmetric saturation cuts
)
PAIRS = (Fixed(True, 4, 2), Fixed(False, 4, 2), Fixed(True, 3, 4), Fixed(False, 3, -1))
BINARY = (b.add, b.sub, b.mul, b.maximum, b.minimum, b.less, b.less_equal, b.equal)


def every(element: Element) -> Array:
    """Return all mantissas of a type."""
    if not isinstance(element, Fixed):
        return np.array([False, True])
    return np.arange(element.lowest, element.highest + 1).astype(storage(element))


@cache
def quantizers() -> tuple[Graph, list[Array]]:
    """All modes from every source to every target, on all 128 mantissas."""
    inputs = [b.input_(f"x{i}", (), source) for i, source in enumerate(SOURCES)]
    outputs = [
        b.apply(Quantize(to, rounding, overflow), x, origin=f"{rounding.name}_{overflow.name}")
        for x, to, rounding, overflow in product(inputs, TARGETS, Rounding, OVERFLOWS)
    ]
    return _graph("quantizers", inputs, outputs), [every(each) for each in SOURCES]


@cache
def operators() -> tuple[Graph, list[Array]]:
    """All operators of one and two numbers, on all pairs of mantissas of all pairs of types."""
    left = [b.input_(f"a{i}", (), each) for i, each in enumerate(PAIRS)]
    right = [b.input_(f"b{i}", (), each) for i, each in enumerate(PAIRS)]
    outputs: list[Node] = []
    for x, y in product(left, right):
        outputs += [function(x, y) for function in BINARY]
        outputs.append(b.select(b.less(x, y), y, x))
        outputs.append(b.add(b.mul(x, x), y))
    conditions = [b.less(x, y) for x, y in zip(left, right, strict=True)]
    for one, two in product(conditions, conditions):
        outputs += [b.apply(And(), one, two), b.apply(Or(), one, two), b.apply(Not(), one)]
    for x in left:
        outputs += [b.neg(x), b.absolute(x), b.mul(x, x), b.sub(x, x)]
        outputs += [_tabulated(x, to) for to in (Fixed(True, 5, 2), Fixed(False, 9, 4), BOOL)]
        outputs += _with_constants(x)
    first, second = np.divmod(np.arange(256), 16)  # 16 mantissas at most of either side
    columns = [np.resize(every(each), 16)[first] for each in PAIRS]
    columns += [np.resize(every(each), 16)[second] for each in PAIRS]
    return _graph("operators", [*left, *right], list(dict.fromkeys(outputs))), columns


def _with_constants(x: Node) -> list[Node]:
    """Sums, products and comparisons with numbers of another binary point, at and beyond ends.

    The smaller of ``x`` and a number far below its steps has fewer bits than lie between the two.
    """
    nodes = []
    types = Fixed(True, 3, 1), Fixed(True, 3, 5), Fixed(True, 3, -4)
    for mantissa, to in product((-3, 1, 2), types):
        constant = b.constant(np.array(mantissa), to)
        nodes += [function(x, constant) for function in (*BINARY, b.sub)]
        nodes += [b.sub(constant, x), b.less(constant, x)]
    return nodes


def _tabulated(x: Node, to: Element) -> Node:
    assert isinstance(x.type.element, Fixed)
    rng = np.random.default_rng(x.type.element.width)
    low, high = (to.lowest, to.highest) if isinstance(to, Fixed) else (0, 1)
    entries = rng.integers(low, high, 1 << x.type.element.width, endpoint=True)
    return b.apply(Table(Values(entries.astype(storage(to))), to), x)


def _graph(name: str, inputs: list[Node], outputs: list[Node]) -> Graph:
    names = tuple(f"y{i}" for i in range(len(outputs)))
    return Graph(name, tuple(inputs), tuple(outputs), names)


@each_simulator
def test_every_quantizer(simulator: Simulator) -> None:
    graph, arrays = quantizers()
    assert len(graph.outputs) == len(SOURCES) * len(TARGETS) * 7 * 4
    check(graph, simulator, arrays)


@each_simulator
def test_every_operator(simulator: Simulator) -> None:
    graph, arrays = operators()
    check(graph, simulator, arrays)


@pytest.mark.parametrize("clock_ns", [2.0, 1000.0])
def test_the_clock_changes_no_bit(clock_ns: float) -> None:
    graph, arrays = operators()
    made = check(graph, SIMULATORS[0], arrays, clock_ns)
    assert (made.design.pipeline.latency_cycles == 1) == (clock_ns > 100)


def test_unrolling_keeps_bits() -> None:
    for graph, arrays in (quantizers(), operators()):
        check_unrolled(graph, arrays)
