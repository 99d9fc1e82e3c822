"""Every rounding and overflow from every small type to every small type, all values."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from inferon.errors import InvalidGraph
from inferon.ir.types import FLOAT32, FLOAT64, Element, Fixed, Float, Int
from inferon.ops.convert import Quantize
from inferon.ops.mantissa import Overflow, Rounding
from tests.grid.second_definition import (
    Array,
    OutOfRangeError,
    apply,
    mantissas,
    quantized,
    values,
)

TARGETS = [
    Fixed(signed, width, integer)
    for signed in (False, True)
    for width in (1, 2, 3, 4)
    for integer in (-1, 0, 2, 6)
]
SOURCES = [*TARGETS, Fixed(True, 6, 3), Fixed(False, 6, 2)]
MORE = [
    Fixed(signed, width, integer)
    for signed in (False, True)
    for width in (1, 2, 3, 4, 5, 6, 7)
    for integer in (-3, -1, 0, 1, 2, 3, 5, 9)
]
"""For the long count."""


def expected(
    xs: list[Fraction], to: Fixed, rounding: Rounding, overflow: Overflow
) -> list[int] | None:
    """Return the mantissas, or None where one leaves a type that promised to hold it."""
    try:
        return [quantized(x, to, rounding, overflow) for x in xs]
    except OutOfRangeError:
        return None


def got(op: Quantize, array: Array, element: Element) -> list[int] | None:
    try:
        type_, value = apply(op, (array, element))
    except InvalidGraph as error:
        return None if error.rule == "overflow" else []
    assert type_.element == op.to
    found: list[int] = value.tolist()
    return found


def check(xs: list[Fraction], array: Array, element: Element, to: Fixed) -> int:
    """Compare all modes; return the number of values compared."""
    for rounding in Rounding:
        for overflow in Overflow:
            wanted = expected(xs, to, rounding, overflow)
            found = got(Quantize(to, rounding, overflow), array, element)
            assert found == wanted, (element, to, rounding, overflow)
    return len(xs) * len(Rounding) * len(Overflow)


def grid(sources: list[Fixed], targets: list[Fixed]) -> int:
    return sum(
        check(values(source), np.array(mantissas(source)), source, to)
        for source in sources
        for to in targets
    )


@pytest.mark.parametrize("signed", [False, True])
def test_fixed_to_fixed(signed: bool) -> None:
    sources = [each for each in SOURCES if each.signed == signed]
    assert grid(sources, TARGETS) > 100_000


@pytest.mark.full
@pytest.mark.parametrize("source", MORE, ids=str)
def test_fixed_to_fixed_of_more_types(source: Fixed) -> None:
    assert grid([source], MORE) > 7_000


@pytest.mark.parametrize("element", [Int(True, 8), Int(False, 8)], ids=str)
def test_int_to_fixed(element: Int) -> None:
    numbers = np.arange(element.lowest, element.highest + 1)
    array = numbers.astype("i1" if element.signed else "u1")
    for to in TARGETS:
        check([Fraction(int(n)) for n in numbers], array, element, to)


@pytest.mark.parametrize("element", [FLOAT32, FLOAT64], ids=str)
def test_float_to_fixed(element: Float) -> None:
    """All values of a tiny float (4 bits, 8 exponents), and both ends of the real one."""
    dtype = np.dtype(f"f{element.bits // 8}")
    info = np.finfo(dtype)
    tiny = [m * 2.0**e for m in range(16) for e in range(-4, 4)]
    ends = [info.smallest_subnormal, info.tiny, info.max, 1 + info.eps, 1 - info.epsneg, 0.1]
    array = np.array([*tiny, *(-x for x in tiny), *ends, *(-x for x in ends)], dtype)
    exact = [Fraction(float(x)) for x in array]
    for to in TARGETS:
        check(exact, array, element, to)


@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("signed", [False, True])
def test_not_a_number_and_infinities(rounding: Rounding, dtype: type, signed: bool) -> None:
    """NaN is 0; an infinity is beyond every range, and has no low bits that a wrap could keep."""
    to = Fixed(signed, 3, 2)
    low, high = mantissas(to)[0], mantissas(to)[-1]
    array: Array = np.array([np.nan, np.inf, -np.inf], dtype)
    wanted = {
        Overflow.WRAP: [0, 0, 0],
        Overflow.SATURATE: [0, high, low],
        Overflow.SATURATE_ZERO: [0, 0, 0],
        Overflow.SATURATE_SYMMETRIC: [0, high, -high if signed else low],
        Overflow.ERROR: None,
    }
    element = Float(np.dtype(dtype).itemsize * 8)
    for overflow, result in wanted.items():
        assert got(Quantize(to, rounding, overflow), array, element) == result
    assert got(Quantize(to, rounding, Overflow.ERROR), array[:1], element) == [0]
