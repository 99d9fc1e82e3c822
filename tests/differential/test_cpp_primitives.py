"""Every primitive as C++: bits of the interpreter, for every size, layout and element type."""

from __future__ import annotations

from functools import cache

import pytest

from inferon.errors import Unsupported
from inferon.ir.graph import Graph
from inferon.ir.node import Node, Op
from inferon.ir.shape import Dim
from inferon.ir.types import FLOAT32, Fixed
from inferon.ops import build as b
from inferon.ops import structure
from inferon.ops.vocabulary import PRIMITIVES
from inferon.targets.cpp import Cpp
from inferon.targets.toolchain import Compiler
from tests.differential import fixed_graphs
from tests.differential.cpp_pack import Pack, check, each_build, two_builds
from tests.differential.primitive_graphs import PACKS, REGISTERS, SINGLE, Scope

EVENTS = 8
"""Events that each output sees: six kinds of `Samples`, two of nothing but odd numbers."""


@cache
def pack(name: str, scope: Scope) -> Pack:
    return Pack(tuple(PACKS[name](scope)), EVENTS)


@each_build
@pytest.mark.parametrize("name", PACKS)
def test_primitives(name: str, build: Compiler) -> None:
    check(pack(name, REGISTERS), build)
    check(pack(name, SINGLE), build)


@cache
def fixed_pack(name: str) -> Pack:
    return Pack(tuple(fixed_graphs.PACKS[name]()), EVENTS)


@two_builds
@pytest.mark.parametrize("name", fixed_graphs.PACKS)
def test_fixed_point(name: str, build: Compiler) -> None:
    check(fixed_pack(name), build)


@pytest.mark.full
@each_build
def test_every_rounding_of_every_number(build: Compiler) -> None:
    check(tuple(fixed_graphs.every_rounding()), build)


def test_every_primitive_is_compared() -> None:
    """Nothing of the vocabulary is refused as such; widths and run-time sizes are."""
    compared: set[type[Op]] = {structure.Input, structure.Const}
    packs = [graphs(scope) for graphs in PACKS.values() for scope in (REGISTERS, SINGLE)]
    packs += [graphs() for graphs in fixed_graphs.PACKS.values()]
    for graphs in packs:
        for graph in graphs:
            compared.update(type(node.op) for node in graph.nodes())
    assert set(PRIMITIVES) - compared == set()


# ---------------------------------------------------------------------------------------- refused


def _refused(node: Node) -> str:
    inputs = tuple({each: None for each in node.inputs if isinstance(each.op, structure.Input)})
    with pytest.raises(Unsupported) as caught:
        Cpp().build(Graph("refused", inputs, (node,), ("y",)))
    return str(caught.value)


def test_fixed_point_wider_than_int64_is_refused_by_layer() -> None:
    x = b.input_("x", (3,), Fixed(True, 62, 20))
    message = _refused(Node(b.mul(x, x).op, (x, x), "square"))
    assert "square" in message
    assert "62 bits" in message


def test_a_step_that_no_float_has_is_refused() -> None:
    x = b.input_("x", (3,), Fixed(True, 8, 100))
    assert "layer" in _refused(Node(b.cast(x, FLOAT32).op, (x,), "layer"))


def test_run_time_sizes_are_refused() -> None:
    x = b.input_("x", (Dim("particles", 8), 3), FLOAT32)
    assert "particles" in _refused(b.neg(x))
