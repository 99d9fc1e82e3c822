"""Elementary functions and powers as C++: the interpreter's bits, also where programs change.

float32 in registers and one by one, float64 one by one.
"""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
import pytest

from benchmarks.elementary.double import TURNS
from inferon.ir.graph import Graph
from inferon.ir.types import FLOAT32, FLOAT64, Element, Float, Int
from inferon.ir.values import Array, storage
from inferon.ops import build as b
from inferon.ops.power import Power
from inferon.targets.toolchain import Compiler
from tests.differential.cpp_pack import BUILDS, ROUGH, Pack, check, name_of
from tests.unit.test_elementary import OPS

PAIRS: tuple[tuple[Element, Element], ...] = (
    *((FLOAT64, FLOAT64), (FLOAT32, FLOAT32), (FLOAT32, Int(True, 64)), (FLOAT64, Int(False, 8))),
    *((Int(True, 32), FLOAT32), (Int(True, 64), FLOAT64)),
    *((Int(True, 64), Int(True, 64)), (Int(False, 8), Int(True, 32)), (Int(True, 32),) * 2),
)
"""Bases and exponents."""


def functions(element: Element) -> Graph:
    x = b.input_("x", turning_points(element).shape, element)
    names = tuple(op.spelling() for op in OPS)
    return Graph(f"functions_{element}", (x,), tuple(b.apply(op, x) for op in OPS), names)


def powers(base: Element, exponent: Element) -> Graph:
    x, y = (
        b.input_(name, array.shape, element)
        for name, element, array in zip(
            "xy", (base, exponent), odd_pairs(base, exponent), strict=True
        )
    )
    return Graph(f"{base}_to_{exponent}", (x, y), (b.apply(Power(), x, y),), ("z",))


def turning_points(element: Element) -> Array:
    """Return numbers at which a program changes, each with its neighbors, and odd ones."""
    ends = (88.72283, 87.33654, 9.010913, 3.92)  # of float32, as far as TURNS lacks them
    with np.errstate(all="ignore"):
        turns = np.array([*TURNS, *ROUGH, *ends]).astype(storage(element))
        near = [turns, np.nextafter(turns, np.inf), np.nextafter(turns, -np.inf)]
    every = np.concatenate(near)
    return np.concatenate([every, -every, turns[:1]])  # an odd number: a rest beside the registers


def odd_pairs(base: Element, exponent: Element) -> tuple[Array, Array]:
    """Return pairs on which a power has a special value."""
    odd = (*ROUGH, 2.0, -2.0, 3.0, -3.0, 1e300, 5e-324)
    pairs = np.array(list(product(odd, odd)))
    return _as(base, pairs[:, 0]), _as(exponent, pairs[:, 1])


def _as(element: Element, values: Array) -> Array:
    whole = not isinstance(element, Float)
    with np.errstate(all="ignore"):
        numbers = np.clip(np.nan_to_num(values), 0, 70) if whole else values
        return numbers.astype(storage(element))


@cache
def pack() -> Pack:
    graphs = (*(functions(e) for e in (FLOAT32, FLOAT64)), *(powers(*pair) for pair in PAIRS))
    first = (
        *((turning_points(e),) for e in (FLOAT32, FLOAT64)),
        *(odd_pairs(*pair) for pair in PAIRS),
    )
    return Pack(graphs, 8, first)


@pytest.mark.parametrize("build", BUILDS[:1], ids=name_of)
def test_bits_are_those_of_the_interpreter(build: Compiler) -> None:
    check(pack(), build)


@pytest.mark.full
@pytest.mark.parametrize("build", BUILDS[1:], ids=name_of)
def test_bits_are_those_of_the_interpreter_on_the_other_builds(build: Compiler) -> None:
    check(pack(), build)
