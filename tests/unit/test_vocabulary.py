"""The vocabulary is complete, and listings of operators from outside the package read back too."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import pytest

import inferon.ops
from inferon.errors import InvalidGraph, ListingError
from inferon.ir.graph import Graph
from inferon.ir.listing import show
from inferon.ir.node import Node, Op
from inferon.ir.shape import Dim, Shape, Tensor
from inferon.ir.types import FLOAT32, Element, Fixed
from inferon.ir.values import Array, Values
from inferon.ops import build
from inferon.ops.arithmetic import Add
from inferon.ops.base import Primitive
from inferon.ops.vocabulary import VOCABULARY, parse_listing


def concrete(kind: Any) -> set[type[Op]]:
    below = {each for child in kind.__subclasses__() for each in concrete(child)}
    return below if inspect.isabstract(kind) else below | {kind}


def test_the_vocabulary_holds_every_operator_of_the_package() -> None:
    for module in pkgutil.iter_modules(inferon.ops.__path__):
        importlib.import_module(f"inferon.ops.{module.name}")
    found = {
        each
        for each in concrete(Op)
        if each.__module__.startswith("inferon.ops.") and not each.__name__.startswith("_")
    }
    assert {each.__name__ for each in found} == {each.__name__ for each in VOCABULARY}


class Mode(Enum):
    FAST = 1
    SMALL = 2


@dataclass(frozen=True, slots=True)
class Odd(Primitive):
    """An operator with an attribute of every kind."""

    flag: bool
    number: int
    slope: float
    text: str
    mode: Mode
    numbers: tuple[int, ...]
    pair: tuple[float, bool]
    pairs: tuple[tuple[int, int], ...]
    size: int | Dim
    maybe: float | None
    fixed: Fixed
    any_element: Element
    other: Tensor
    shape: Shape
    values: Values

    def infer(self, *inputs: Tensor) -> Tensor:
        return inputs[0]

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        return args[0]


ODD = Odd(
    flag=True,
    number=-7,
    slope=1 / 3,
    text='quotes " and # and\nlines',
    mode=Mode.SMALL,
    numbers=(),
    pair=(float("inf"), False),
    pairs=((1, 2), (3, 4)),
    size=Dim("n", 4),
    maybe=None,
    fixed=Fixed(True, 8, -3),
    any_element=Fixed(False, 3, 9),
    other=Tensor((2, Dim("x", 4)), FLOAT32),
    shape=(Dim("x2x", 9), 1),
    values=Values(np.arange(3, dtype=np.int8)),
)


def graph_of(op: Op) -> Graph:
    x = build.input_("x", (2,), FLOAT32)
    return Graph("g", (x,), (Node(op, (x,), "layer.1"),), ("y",))


def test_attributes_of_every_kind_read_back() -> None:
    graph = graph_of(ODD)
    assert parse_listing(show(graph, constants=True), extra=[Odd]) == graph


def test_an_unknown_operator_is_named() -> None:
    with pytest.raises(ListingError, match="'odd' is no operator") as caught:
        parse_listing(show(graph_of(ODD), constants=True))
    assert caught.value.line == 3


def test_two_operators_of_one_spelling_are_refused() -> None:
    other: Any = dataclass(frozen=True, slots=True)(type("Add", (Add,), {}))
    with pytest.raises(InvalidGraph, match="spelled 'add'"):
        parse_listing("", extra=[other])


HEAD = 'graph g\n  %0: 2xf32 = input("x")\n'
BROKEN = [
    ("", 1, "ends before"),
    ("graph g\n", 1, "ends before"),
    ("nonsense\n", 1, "expected 'graph NAME'"),
    (HEAD + "  return y=%1\n", 3, "%1 is used before it is defined"),
    (HEAD + "  return Y=%0\n", 3, "'Y' is no name"),
    (HEAD + "  return x=%0\n", 3, "names repeat"),
    (HEAD + "  %0: 2xf32 = neg(%0)\n", 3, "defined twice"),
    (HEAD + "  %1: 3xf32 = neg(%0)\n", 3, "not the 3xf32 that the line says"),
    (HEAD + "  %1: 2xf31 = neg(%0)\n", 3, "31"),
    (HEAD + "  %1: 2xf32 = neg(%0, %0)\n", 3, "takes 1 inputs, not 2"),
    (HEAD + "  %1: 2xf32 = neg(%0, axis=1)\n", 3, "no attribute 'axis'"),
    (HEAD + "  %1: f32 = sum(%0, axes=(0))\n", 3, r"lacks the attributes \['strands'\]"),
    (HEAD + "  %1: f32 = sum(%0, axes=(0, strands=1)\n", 3, "wrong place|not closed|separated"),
    (HEAD + "  %1: f32 = sum(%0, axes=[0], strands=1)\n", 3, "expected a tuple"),
    (HEAD + "  %1: f32 = sum(%0, axes=(x), strands=1)\n", 3, "'x' is no integer"),
    (HEAD + "  %1: 2xf32 = const($0123)\n", 3, "not among the constants"),
    (HEAD + "  %1: 2xf32 = const([1.0])\n", 3, "not the 2xf32"),
    (HEAD + "  %1: 2x2xf32 = const([[1.0] [2.0 3.0]])\n", 3, "differ in length"),
    (HEAD + "  %1: 2xi8 = const([1 300])\n", 3, "300"),
    (HEAD + "  %1: 2xs4.0 = const([1 8])\n", 3, "outside s4.0"),
    (HEAD + f"  %1: f32 = const({'[' * 99}1.0{']' * 99})\n", 3, "nested deeper"),
    (HEAD + "  %1: 9999999999999x1xf32 = neg(%0)\n", 3, "too large"),
    (HEAD + "  return y=%0\ngraph h\n", 4, "nothing but constants"),
    (HEAD + "  return y=%0\nconstants\n  $00 <f4 1 AAAA\n", 5, "bytes"),
    (HEAD + "  return y=%0\nconstants\n  $00 <f4 1 AAAAAA==\n", 5, "another digest"),
    (HEAD + "  return y=%0\nconstants\n  $00 <V9 1 AAAAAA==\n", 5, "none of"),
    (HEAD + "  %1: 2xf32 = fold(%0, %0, body=@0, sequences=1)\n", 3, "no body"),
]


@pytest.mark.parametrize(("text", "line", "message"), BROKEN)
def test_broken_listings_are_refused_with_their_line(text: str, line: int, message: str) -> None:
    with pytest.raises(ListingError, match=message) as caught:
        parse_listing(text)
    assert caught.value.line == line
    assert str(caught.value).startswith(f"line {line}: ")


@pytest.mark.parametrize("name", ["X", "1x", "a b", "a\n", "", "ä", "a" * 65, '"'])
def test_names_of_graphs_are_identifiers(name: str) -> None:
    x = build.input_("x", (), FLOAT32)
    with pytest.raises(InvalidGraph, match="no name"):
        Graph(name, (x,), (x,), ("y",))
    with pytest.raises(InvalidGraph, match="no name"):
        Graph("g", (x,), (x,), (name,))


def test_run_time_sizes_come_from_inputs() -> None:
    n, m = Dim("n", 4), Dim("n", 5)
    x = build.input_("x", (n,), FLOAT32)
    y = build.input_("y", (m,), FLOAT32)
    ones = build.broadcast(build.constant(1.0, FLOAT32), (n,))
    Graph("g", (x,), (build.add(x, ones),), ("z",))
    with pytest.raises(InvalidGraph, match="no input has the size n<=4"):
        Graph("g", (), (ones,), ("z",))
    with pytest.raises(InvalidGraph, match="one name, two sizes: n<=4 and n<=5"):
        Graph("g", (x, y), (x, y), ("a", "b"))


@pytest.mark.parametrize("origin", ["a b", "a\n", "*/", "ä", "a" * 65, '"'])
def test_origins_are_labels(origin: str) -> None:
    with pytest.raises(InvalidGraph, match="no label"):
        Node(build.input_("x", (), FLOAT32).op, (), origin)
