"""Arithmetic on all pairs of small fixed-point types, all values: exact, no wider than needed."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from inferon.ir.node import Op
from inferon.ir.types import BOOL, FLOAT32, FLOAT64, Fixed, Float
from inferon.ir.values import Values
from inferon.ops.arithmetic import Abs, Add, Max, Min, Mul, Neg, Sub
from inferon.ops.convert import Cast
from inferon.ops.dot import Dot
from inferon.ops.logic import Equal, Less, LessEqual, Select
from inferon.ops.reduction import ReduceMax, ReduceMin, Sum
from inferon.ops.table import Table
from tests.grid.second_definition import (
    Array,
    apply,
    mantissas,
    narrowest,
    needs_step,
    step,
    values,
)

TYPES = [
    Fixed(signed, width, integer)
    for signed in (False, True)
    for width in (1, 2, 3)
    for integer in (-2, 0, 1, 5)
]
"""Negative integer bits, more integer bits than bits, and what lies between."""

PAIRS = [(a, b) for a in TYPES for b in TYPES]
MEANING: dict[type[Op], Callable[[Fraction, Fraction], Fraction]] = {
    Add: lambda a, b: a + b,
    Sub: lambda a, b: a - b,
    Mul: lambda a, b: a * b,
    Max: max,
    Min: min,
}
TRUTH: dict[type[Op], Callable[[Fraction, Fraction], bool]] = {
    Less: lambda a, b: a < b,
    LessEqual: lambda a, b: a <= b,
    Equal: lambda a, b: a == b,
}


def both(a: Fixed, b: Fixed) -> tuple[Array, Array]:
    """All pairs of mantissas."""
    x, y = zip(*product(mantissas(a), mantissas(b)), strict=True)
    return np.array(x), np.array(y)


def exact(element: object, array: Array) -> list[Fraction]:
    assert isinstance(element, Fixed)
    return [int(m) * step(element) for m in array.ravel()]


@pytest.mark.parametrize("kind", MEANING)
def test_two_operands(kind: type[Op]) -> None:
    for a, b in PAIRS:
        x, y = both(a, b)
        type_, got = apply(kind(), (x, a), (y, b))
        wanted = [MEANING[kind](p, q) for p, q in product(values(a), values(b))]
        unit = step(a) * step(b) if kind is Mul else min(step(a), step(b))
        assert exact(type_.element, got) == wanted, (a, b)
        assert type_.element == narrowest(wanted, unit), (a, b)
        if kind not in (Max, Min):  # there the finer operand may never win
            assert needs_step(wanted, unit), (a, b)


@pytest.mark.parametrize("kind", TRUTH)
def test_comparisons(kind: type[Op]) -> None:
    for a, b in PAIRS:
        x, y = both(a, b)
        type_, got = apply(kind(), (x, a), (y, b))
        assert type_.element == BOOL
        assert got.tolist() == [TRUTH[kind](p, q) for p, q in product(values(a), values(b))]


def test_select() -> None:
    for a, b in PAIRS:
        x, y = both(a, b)
        unit = min(step(a), step(b))
        wanted = []
        for truth in (True, False):
            condition = np.full(x.shape, truth)
            type_, got = apply(Select(), (condition, BOOL), (x, a), (y, b))
            found = exact(type_.element, got)
            assert found == [p if truth else q for p, q in product(values(a), values(b))]
            wanted += found
        assert type_.element == narrowest(wanted, unit)
        assert needs_step(wanted, unit)


@pytest.mark.parametrize(("kind", "meaning"), [(Neg, lambda a: -a), (Abs, abs)])
def test_one_operand(kind: type[Op], meaning: Callable[[Fraction], Fraction]) -> None:
    for a in TYPES:
        type_, got = apply(kind(), (np.array(mantissas(a)), a))
        wanted = [meaning(x) for x in values(a)]
        assert exact(type_.element, got) == wanted
        assert type_.element == narrowest(wanted, step(a))


@pytest.mark.parametrize(("kind", "meaning"), [(Sum, sum), (ReduceMax, max), (ReduceMin, min)])
@pytest.mark.parametrize("strands", [1, 4])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_reductions(
    kind: type[Sum], meaning: Callable[..., Fraction], strands: int, number: int
) -> None:
    for a in TYPES:
        rows = list(product(mantissas(a), repeat=number))
        type_, got = apply(kind((0,), strands), (np.array(rows), a))
        wanted = [meaning(m * step(a) for m in row) for row in rows]
        assert exact(type_.element, got) == wanted
        assert type_.element == narrowest(wanted, step(a))


@pytest.mark.parametrize("number", [1, 2])
def test_dot(number: int) -> None:
    for a, b in product(TYPES, TYPES):
        if number * (a.width + b.width) > 10:
            continue
        left = list(product(mantissas(a), repeat=number))
        right = list(product(mantissas(b), repeat=number))
        x, y = zip(*product(left, right), strict=True)
        type_, got = apply(Dot(0, 1, 4), (np.array(x), a), (np.array(y), b))
        unit = step(a) * step(b)
        wanted = [
            sum(p * q for p, q in zip(r, s, strict=True)) * unit for r, s in zip(x, y, strict=True)
        ]
        assert exact(type_.element, got) == wanted, (a, b)
        assert type_.element == narrowest(wanted, unit), (a, b)


def test_table() -> None:
    """The entry of each value, counted from the lowest."""
    for a in TYPES:
        to = Fixed(False, 5, 2)
        entries = {m: (7 * m + 3) % 32 for m in mantissas(a)}
        op = Table(Values(np.array(list(entries.values()))), to)
        type_, got = apply(op, (np.array(mantissas(a)), a))
        assert type_.element == to
        assert got.tolist() == [entries[m] for m in mantissas(a)]


@pytest.mark.parametrize("element", [FLOAT32, FLOAT64])
def test_cast_to_float(element: Float) -> None:
    for a in TYPES:
        type_, got = apply(Cast(element), (np.array(mantissas(a)), a))
        assert type_.element == element
        assert [Fraction(float(x)) for x in got] == values(a)
