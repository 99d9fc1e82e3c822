"""The HLS projects, compiled against the open headers: the interpreter's bits in both dialects.

Takes a minute of the processor; most of it is the compiler, in the templates of ap_fixed.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

import inferon
from inferon.ir.graph import Graph
from inferon.ir.node import Op
from inferon.ir.types import BOOL, INT32, Fixed, Int
from inferon.ops import arithmetic, structure
from inferon.ops import build as b
from inferon.ops.vocabulary import PRIMITIVES
from inferon.passes.exact import exact_graph
from inferon.targets.hls import Dialect
from tests.differential import fixed_graphs, primitive_graphs
from tests.differential.hls_pack import check, each_dialect, exact_part
from tests.differential.primitive_graphs import Scope
from tests.differential.quantized_networks import NETWORKS, qdq, qonnx_cnn, qonnx_mlp
from tests.differential.random_exact import program
from tests.differential.test_exact_rules import GRAPHS, graph

WHOLE = Scope((INT32, Int(False, 8), BOOL), (1, 3))
"""Ints and truth values are what an exact graph holds beside fixed point."""

WIDER = Scope((Int(True, 64), Int(False, 64), Int(True, 16), BOOL), (1, 4, 7))

COMPARING = (b.less, b.equal, b.maximum)

GENERAL = 1.137
"""A factor that keeps scales from being powers of two."""


def exact_rules() -> Iterator[Graph]:
    """Every rule of the exact pass, on one small graph each."""
    for name in GRAPHS:
        yield exact_graph(graph(name)).graph


def networks() -> Iterator[Graph]:
    """QONNX and Q/DQ networks, as exporters write them."""
    yield exact_graph(inferon.load(qonnx_mlp(GENERAL, function="Tanh"))).graph
    yield exact_graph(inferon.load(qonnx_cnn())).graph
    yield exact_graph(inferon.load(qdq("mlp", per_channel=False, signed=False))).graph


def every_network() -> Iterator[Graph]:
    """All of them, with either kind of weights."""
    yield exact_graph(inferon.load(qonnx_mlp(GENERAL))).graph
    yield exact_graph(inferon.load(qonnx_mlp(1.0))).graph
    for function in ("Sigmoid", "LeakyRelu"):
        yield exact_graph(inferon.load(qonnx_mlp(1.0, function=function))).graph
    for name in NETWORKS:
        for both in (False, True):
            yield exact_graph(inferon.load(qdq(name, per_channel=both, signed=both))).graph


def comparisons() -> Graph:
    """Wide numbers with and without a sign: ap_fixed compares them as C does."""
    make = primitive_graphs.Maker("comparisons")
    with_sign = (Fixed(True, 32, 32), Fixed(True, 58, 30))
    without = (Fixed(False, 32, 32), Fixed(False, 60, 30))
    for function, a, c in product(COMPARING, with_sign, without):
        make.out(function(make.input((4,), a), make.input((4,), c)))
        make.out(function(make.input((4,), c), make.input((4,), a)))
    return make.graph()


def small_graphs() -> Iterator[Graph]:
    """Every primitive and every mode, on fixed point, ints and truth values.

    Of the conversions one in twelve; they take a third of the compiler's time otherwise.
    """
    for name, graphs in fixed_graphs.PACKS.items():
        yield from fixed_graphs.every_rounding(12) if name == "roundings" else graphs()
    for of_a_scope in primitive_graphs.PACKS.values():
        yield from of_a_scope(WHOLE)
    yield comparisons()


def whole_models() -> Iterator[Graph]:
    yield from exact_rules()
    yield from networks()
    yield from map(program, range(6))


# Few translation units: their types share the templates of ap_fixed, which take the time.


@each_dialect
def test_small_graphs(dialect: Dialect) -> None:
    check(tuple(small_graphs()), dialect, events=12)


@each_dialect
def test_whole_models(dialect: Dialect) -> None:
    check(tuple(whole_models()), dialect)


@pytest.mark.full
@each_dialect
@pytest.mark.parametrize("first", range(6, 306, 25))
def test_more_random_programs(first: int, dialect: Dialect) -> None:
    check([program(seed) for seed in range(first, first + 25)], dialect, events=64)


@pytest.mark.full
@each_dialect
def test_every_quantized_network(dialect: Dialect) -> None:
    check(tuple(every_network()), dialect, events=200)


@pytest.mark.full
@each_dialect
def test_every_rounding_of_every_number(dialect: Dialect) -> None:
    for one_mode in fixed_graphs.every_rounding():  # a minute of ap_fixed each
        check([one_mode], dialect, events=64)


@pytest.mark.full
@each_dialect
def test_wider_whole_numbers(dialect: Dialect) -> None:
    packs = primitive_graphs.PACKS.values()
    check([graph for graphs in packs for graph in graphs(WIDER)], dialect)


FLOATS_ONLY: set[type[Op]] = {
    *(arithmetic.Fma, arithmetic.Sqrt, arithmetic.RoundEven, arithmetic.Floor),
}


def test_every_primitive_is_compared() -> None:
    compared: set[type[Op]] = {structure.Input, structure.Const}
    for whole in small_graphs():
        part = exact_part(whole)
        compared.update(type(node.op) for node in (part.nodes() if part else ()))
    assert set(PRIMITIVES) - compared == FLOATS_ONLY
