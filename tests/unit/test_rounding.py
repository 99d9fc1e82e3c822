"""Rounding to narrow floats against ml_dtypes and numpy, wrapping against Python's ints (1 s).

Every value of each type, the middles between neighbors and what lies just beside both, a dense
sample of all float32 and float64, and the special ones.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from onnx import numpy_helper

from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.types import FLOAT32, FLOAT64, INT64, Element, Int
from inferon.ir.values import Array
from inferon.ops import build as b
from inferon.ops.base import Composite
from inferon.ops.rounding import (
    MiniFloat,
    RoundTo,
    RoundToPower,
    Toward,
    WrapTo,
    sticky_float64,
)

OPS = (RoundTo(MiniFloat.FLOAT16), RoundToPower(), WrapTo(4))
"""What has its oracle here."""

DTYPES: dict[MiniFloat, Any] = {
    MiniFloat.FLOAT16: np.float16,
    MiniFloat.BFLOAT16: ml_dtypes.bfloat16,
    MiniFloat.FLOAT8E4M3FN: ml_dtypes.float8_e4m3fn,
    MiniFloat.FLOAT8E4M3FNUZ: ml_dtypes.float8_e4m3fnuz,
    MiniFloat.FLOAT8E5M2: ml_dtypes.float8_e5m2,
    MiniFloat.FLOAT8E5M2FNUZ: ml_dtypes.float8_e5m2fnuz,
    MiniFloat.FLOAT4E2M1: ml_dtypes.float4_e2m1fn,
}
SATURATED = (
    MiniFloat.FLOAT8E4M3FN,
    MiniFloat.FLOAT8E4M3FNUZ,
    MiniFloat.FLOAT8E5M2,
    MiniFloat.FLOAT8E5M2FNUZ,
)
SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e300, -1e300, 5e-324, 2.0**-149])
STEP = 9973
"""Every so many of the 2**32 bit patterns of float32: a prime, so that all low bits occur."""


def values_of(kind: MiniFloat) -> Array:
    """Return every finite value of a type in float64, in order."""
    dtype = np.dtype(DTYPES[kind])
    codes = np.arange(1 << 8 * dtype.itemsize, dtype=f"u{dtype.itemsize}")
    with np.errstate(invalid="ignore"):
        values = codes[:16].view(dtype) if kind is MiniFloat.FLOAT4E2M1 else codes.view(dtype)
        wide = values.astype(np.float64)
    return np.unique(wide[np.isfinite(wide)])


def probes(kind: MiniFloat, dtype: Any) -> Array:
    """Return the values, the middles, their neighbors in ``dtype``, and what is odd."""
    values = values_of(kind)
    beyond = values[-1] + np.array([0.5, 1.0, 2.0]) * (values[-1] - values[-2])
    ends = np.concatenate([values, (values[1:] + values[:-1]) / 2, beyond, -beyond, SPECIAL])
    with np.errstate(over="ignore"):
        near = ends.astype(dtype)
    up, down = np.nextafter(near, dtype(np.inf)), np.nextafter(near, dtype(-np.inf))
    return np.concatenate([near, up, down])


def rounded(op: Composite, values: Array, element: Element = FLOAT32) -> Array:
    x = b.input_("x", (), element)
    return interpret(Graph("rounding", (x,), (b.apply(op, x),), ("y",)), values)[0]


def same(ours: Array, theirs: Array) -> bool:
    """Return whether values, signs of zeros and places of NaN are the same."""
    nan = np.isnan(theirs)
    return bool(
        np.array_equal(np.isnan(ours), nan)
        and np.array_equal(ours[~nan], theirs[~nan])
        and np.array_equal(np.signbit(ours[~nan]), np.signbit(theirs[~nan]))
    )


def expected(kind: MiniFloat, values: Array) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(DTYPES[kind]).astype(np.float32)


def saturated(kind: MiniFloat, values: Array) -> Array:
    """Return the table of ONNX Cast: beyond the largest value, and infinity, become that value."""
    largest = np.float32(values_of(kind)[-1])
    free = expected(kind, values)
    over = (np.abs(values) > largest) & ~np.isfinite(free)
    return np.where(over, np.copysign(largest, values.astype(np.float32)), free)


@pytest.mark.parametrize("kind", MiniFloat, ids=lambda kind: kind.name)
def test_float32_becomes_the_nearest_narrow_float(kind: MiniFloat) -> None:
    dense = np.arange(0, 1 << 32, STEP, dtype=np.uint64).astype(np.uint32).view(np.float32)
    numbers = dense[~np.isnan(dense)]  # the sign of a NaN is nobody's
    values = np.concatenate([probes(kind, np.float32), numbers])
    assert same(rounded(RoundTo(kind, saturate=False), values), expected(kind, values))


@pytest.mark.parametrize("kind", SATURATED, ids=lambda kind: kind.name)
def test_a_saturated_float8_stays_finite(kind: MiniFloat) -> None:
    values = probes(kind, np.float32)
    with np.errstate(over="ignore"):
        assert same(rounded(RoundTo(kind), values), saturated(kind, values))


@pytest.mark.parametrize(
    "kind", [MiniFloat.FLOAT16, MiniFloat.BFLOAT16], ids=lambda kind: kind.name
)
def test_ieee_types_never_saturate(kind: MiniFloat) -> None:
    assert np.isinf(rounded(RoundTo(kind), np.array([3.4e38, -np.inf], np.float32))).all()


@pytest.mark.parametrize("kind", MiniFloat, ids=lambda kind: kind.name)
def test_float64_is_rounded_once(kind: MiniFloat) -> None:
    """Beside a middle there are float64 that float32 would put on it."""
    values = probes(kind, np.float64)
    ours = rounded(RoundTo(kind, saturate=False), values, FLOAT64)
    assert same(ours, nearest(kind, values))


def nearest(kind: MiniFloat, values: Array) -> Array:
    """Return the nearest values by exact comparison: ml_dtypes goes through float32."""
    table = values_of(kind)
    beyond = 2 * table[-1] - table[-2] if kind is not MiniFloat.FLOAT8E4M3FN else 480.0
    table = np.concatenate([[-beyond], table, [beyond]])
    clean = np.where(np.isnan(values), 0.0, values)
    high = np.clip(np.searchsorted(table, clean), 1, len(table) - 1)
    low = high - 1
    # exact: the middle of two values of these types is a float64
    middle = (table[low] + table[high]) / 2
    even = np.where(_is_even(kind, table[low]), low, high)
    index = np.where(clean < middle, low, np.where(clean > middle, high, even))
    found = np.copysign(table[index], values)
    layout = kind.value
    over = np.abs(found) > layout.largest
    worst = np.inf if layout.infinite else np.nan if layout.nan else layout.largest
    found = np.where(over, np.copysign(worst, values), found)
    found = np.where(found == 0, found if layout.signed_zero else 0.0, found)
    return np.where(np.isnan(values), np.nan if layout.nan else -0.0, found).astype(np.float32)


def _is_even(kind: MiniFloat, values: Array) -> Array:
    """Return whether the last digit of a value is 0."""
    layout = kind.value
    exponent = np.maximum(np.frexp(values)[1] - 1, 1 - layout.bias)
    return np.asarray(np.ldexp(values, layout.fraction - exponent) % 2 == 0)


def test_the_exact_table_is_ml_dtypes_where_float32_is_enough() -> None:
    for kind in MiniFloat:
        values = probes(kind, np.float32)
        assert same(nearest(kind, values.astype(np.float64)), expected(kind, values)), kind


@pytest.mark.parametrize("kind", MiniFloat, ids=lambda kind: kind.name)
def test_the_real_value_is_rounded_too(kind: MiniFloat) -> None:
    """A narrow type is a set of values, also where graphs are computed in float64."""
    values = values_of(kind).astype(np.float32)
    x = b.input_("x", (), FLOAT32)
    graph = Graph("rounding", (x,), (b.apply(RoundTo(kind), x),), ("y",))
    assert same(interpret(graph, values, real=True)[0], expected(kind, values))


@pytest.mark.parametrize("toward", Toward, ids=lambda toward: toward.name)
@pytest.mark.parametrize("saturate", [True, False])
def test_powers_of_two(toward: Toward, saturate: bool) -> None:
    exponents = np.arange(-126, 128)
    values = np.ldexp(np.array([1.0, 1.25, 1.5, 1.75])[:, None], exponents).astype(np.float32)
    values = np.concatenate([values.ravel(), np.array([np.inf, np.nan], np.float32)])
    oracle = numpy_helper.to_float8e8m0(values, saturate, toward.value).astype(np.float32)
    assert same(rounded(RoundToPower(toward, saturate), values), oracle)
    wide = values.astype(np.float64)
    assert same(rounded(RoundToPower(toward, saturate), wide, FLOAT64), oracle)


@pytest.mark.parametrize("toward", Toward, ids=lambda toward: toward.name)
def test_powers_below_the_range(toward: Toward) -> None:
    """The standard's reference takes 2**-127 for more than it is; here it is itself."""
    values = np.array([0.0, 2.0**-149, 2.0**-127, 1.25 * 2.0**-127, 1.5 * 2.0**-127], np.float32)
    above = {Toward.UP: (3, 4), Toward.DOWN: (), Toward.NEAREST: (4,)}[toward]
    oracle = np.array([2.0 ** (-126 if i in above else -127) for i in range(5)], np.float32)
    assert same(rounded(RoundToPower(toward), values), oracle)
    assert same(rounded(RoundToPower(toward), values.astype(np.float64), FLOAT64), oracle)


@pytest.mark.parametrize("bits", [2, 4])
def test_low_bits_of_every_byte(bits: int) -> None:
    signed = np.arange(-128, 128).astype(np.int8)
    half = 1 << bits - 1
    wrapped = [(int(each) + half) % (2 * half) - half for each in signed]
    assert rounded(WrapTo(bits), signed, Int(True, 8)).tolist() == wrapped
    unsigned = np.arange(256).astype(np.uint8)
    low = [int(each) % (1 << bits) for each in unsigned]
    assert rounded(WrapTo(bits), unsigned, Int(False, 8)).tolist() == low


@pytest.mark.parametrize("signed", [True, False])
def test_a_long_int_is_rounded_once(signed: bool) -> None:
    """int64 to bfloat16: beside a middle, float64 alone would go the wrong way."""
    middles = [((2 * m + 1) << e) for m in range(128, 256) for e in range(40, 55)]
    numbers = [m + d for m in middles for d in (-2, -1, 0, 1, 2)]
    numbers += [-n for n in numbers] if signed else []
    dtype, element = (np.int64, INT64) if signed else (np.uint64, Int(False, 64))
    x = b.input_("x", (), element)
    op = RoundTo(MiniFloat.BFLOAT16)
    graph = Graph("rounding", (x,), (b.apply(op, sticky_float64(x)),), ("y",))
    ours = interpret(graph, np.array(numbers, dtype))[0]
    assert [Fraction(float(each)) for each in ours] == [_to_bfloat16(n) for n in numbers]


def _to_bfloat16(number: int) -> int:
    drop = max(0, abs(number).bit_length() - 8)
    kept, rest = divmod(abs(number), 1 << drop)
    up = 2 * rest > 1 << drop or (2 * rest == 1 << drop and kept % 2 == 1)
    return (1 if number > 0 else -1) * ((kept + up) << drop)
