"""Narrow types, remainders and ints as C++: bits of the interpreter where they are odd (20 s).

The values are those on which the oracles of the same operators are asked: middles between narrow
neighbors and what lies beside them, whole multiples, the ends of ints.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

from inferon.frontends.onnx.narrow import NARROW
from inferon.frontends.onnx.operators.bit_patterns import from_pattern, pattern
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import FLOAT32, FLOAT64, Element, Int
from inferon.ir.values import Array
from inferon.ops import build as b
from inferon.ops.remainder import Fmod
from inferon.ops.rounding import (
    MiniFloat,
    RoundTo,
    RoundToPower,
    Toward,
    sticky_float64,
)
from inferon.targets.toolchain import Compiler
from tests.differential.cpp_pack import BUILDS, Pack, check, name_of
from tests.unit import test_onnx_integers, test_remainder, test_rounding

SIZE = 203
"""Elements of one event: many registers, and a rest."""

FLOATS = {np.float32: FLOAT32, np.float64: FLOAT64}
Case = tuple[Graph, tuple[Array, ...]]


def some(values: Array) -> Array:
    """Return as many of the values as an event has; the last ones, which are odd, for sure."""
    rng = np.random.default_rng(1)
    return np.concatenate([rng.choice(values, SIZE - 30), values[-30:]]).astype(values.dtype)


def unary(name: str, y: Node, x: Node, values: Array) -> Case:
    return Graph(name, (x,), (y,), ("y",)), (some(values),)


def x_of(element: Element) -> Node:
    return b.input_("x", (SIZE,), element)


def roundings() -> Iterator[Case]:
    for dtype, element in FLOATS.items():
        x = x_of(element)
        for kind in MiniFloat:
            values = test_rounding.probes(kind, dtype)
            for saturate in (True, False)[: 2 if element == FLOAT32 else 1]:
                y = b.apply(RoundTo(kind, saturate), x)
                yield unary(f"{kind.name}_{element}".lower(), y, x, values)
        values = test_rounding.probes(MiniFloat.BFLOAT16, dtype)
        for toward in Toward:
            y = b.apply(RoundToPower(toward), x)
            yield unary(f"power_{toward.value}_{element}", y, x, values)


def patterns() -> Iterator[Case]:
    for number, kind in NARROW.items():
        x = x_of(Int(False, max(8, kind.bits)))
        codes = np.arange(1 << kind.bits).astype(np.uint16 if kind.bits == 16 else np.uint8)
        value = from_pattern(x, kind.held, number)
        both = (value, pattern(value, number))
        values = some(np.resize(codes, max(len(codes), SIZE)))
        yield Graph(f"pattern_{number}", (x,), both, ("value", "code")), (values,)


def remainders() -> Iterator[Case]:
    for dtype, element in FLOATS.items():
        x, y = (b.input_(name, (SIZE,), element) for name in ("x", "y"))
        left, right = test_remainder.operands(dtype)
        chosen = some(np.arange(len(left)))
        graph = Graph(f"fmod_{element}", (x, y), (b.apply(Fmod(), x, y),), ("z",))
        yield graph, (left[chosen], right[chosen])


def integers() -> Iterator[Case]:
    operators: tuple[tuple[str, dict[str, Any]], ...] = (
        *(("Div", {}), ("Mod", {"fmod": 0}), ("Mod", {"fmod": 1})),
        *(("BitShift", {"direction": "LEFT"}), ("BitShift", {"direction": "RIGHT"})),
    )
    for dtype in (np.int8, np.uint16, np.int32, np.uint64):
        left, right = test_onnx_integers.operands(dtype)
        size = len(left)
        for op, attributes in operators:
            yield test_onnx_integers.graph_of(op, dtype, 2, size, **attributes), (left, right)
        x = x_of(b.element_of(np.dtype(dtype)))
        y = b.apply(RoundTo(MiniFloat.BFLOAT16), sticky_float64(x))
        yield unary("long", y, x, np.concatenate([left, right]))


FAMILIES = {
    "roundings": roundings,
    "patterns": patterns,
    "remainders": remainders,
    "ints": integers,
}


@cache
def pack(name: str) -> Pack:
    graphs, first = zip(*FAMILIES[name](), strict=True)
    return Pack(graphs, events=4, first=first)


@pytest.mark.parametrize("name", FAMILIES)
def test_bits_of_the_interpreter(name: str) -> None:
    check(pack(name), BUILDS[0])


@pytest.mark.full
@pytest.mark.parametrize("build", BUILDS[1:], ids=name_of)
@pytest.mark.parametrize("name", FAMILIES)
def test_bits_on_the_other_builds(name: str, build: Compiler) -> None:
    check(pack(name), build)
