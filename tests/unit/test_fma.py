"""The fused multiply-add of the interpreter against the hardware's and against exact fractions."""

from __future__ import annotations

import ctypes
import math
import platform
import subprocess
import warnings
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from inferon.ops.fma import fma, fma_chain
from tests.absent import require_tool

Array = NDArray[Any]
Triple = tuple[Array, Array, Array]

HARDWARE_SOURCE = """
#include <cmath>
extern "C" void fma_float32(const float* a, const float* b, const float* c, float* r, long n) {
  for (long i = 0; i < n; ++i) r[i] = std::fma(a[i], b[i], c[i]);
}
extern "C" void fma_float64(const double* a, const double* b, const double* c, double* r, long n) {
  for (long i = 0; i < n; ++i) r[i] = std::fma(a[i], b[i], c[i]);
}
"""

SPECIAL32 = np.array(
    [
        *(0.0, 1.0, 1.5, 1 / 3, 3.0, 2**12 + 1, 2**24 - 1, 2**24, 2**-24, 2**-25, 2**-63, 2**64),
        *(2**-149, 3 * 2**-149, 2**-126 - 2**-149, 2**-126, 2**-75, 2**-74, 1 + 2**-23),
        *(1 - 2**-24, 2.0**127, (2 - 2**-23) * 2.0**127, math.inf, math.nan),
    ],
    np.float32,
)
SPECIAL64 = np.array(
    [
        *(0.0, 1.0, 1.5, 1 / 3, 3.0, 2**27 + 1, 2.0**53 - 1, 2.0**53, 2**-53, 2**-54, 2.0**512),
        *(2.0**-1074, 3 * 2.0**-1074, 2.0**-1022 - 2.0**-1074, 2.0**-1022, 2.0**-537, 2.0**-538),
        *(1 + 2**-52, 1 - 2**-53, 2.0**1023, (2 - 2**-52) * 2.0**1023, 2.0**-969, 2.0**991),
        *(math.inf, math.nan),
    ],
    np.float64,
)


def bits_of(x: Array) -> Array:
    """Bit patterns, with every NaN made equal: its payload is not promised."""
    x = np.where(np.isnan(x), np.array(np.nan, x.dtype), x)
    return x.view(np.int32 if x.dtype == np.float32 else np.int64)


def assert_same_bits(found: Array, wanted: Array, triple: Triple) -> None:
    assert found.dtype == wanted.dtype
    assert found.shape == wanted.shape
    wrong = np.flatnonzero(bits_of(found) != bits_of(wanted))
    shown = [tuple(float(x[i]).hex() for x in (*triple, found, wanted)) for i in wrong[:5]]
    assert wrong.size == 0, f"{wrong.size} of {found.size} differ; a, b, c, found, wanted: {shown}"


def all_triples(values: Array) -> Triple:
    signed = np.concatenate([values, -values])
    a, b, c = np.meshgrid(values, signed, signed, indexing="ij")
    return a.ravel(), b.ravel(), c.ravel()


def random_patterns(rng: np.random.Generator, dtype: Any, n: int) -> Triple:
    size = np.dtype(dtype).itemsize
    a, b, c = (np.frombuffer(rng.bytes(size * n), dtype) for _ in range(3))
    return a, b, c


def near_cancellation(rng: np.random.Generator, dtype: Any, n: int) -> Triple:
    """``c`` is minus the rounded product, moved by up to two last places."""
    a, b = rng.standard_normal((2, n)).astype(dtype)
    c = -(a * b)
    for _ in range(2):
        away = rng.choice(np.array([-np.inf, np.inf], dtype), n)
        c = np.where(rng.random(n) < 0.5, np.nextafter(c, away), c)
    return a, b, c


def moderate(rng: np.random.Generator, dtype: Any, n: int) -> Triple:
    """What networks compute: similar sizes, many zeros after ReLU."""
    a, b, c = rng.standard_normal((3, n)).astype(dtype)
    return np.maximum(a, 0), b, c * np.exp2(rng.integers(-30, 31, n)).astype(dtype)


def near_ties(rng: np.random.Generator, dtype: Any, n: int) -> Triple:
    """``c`` has a full significand, ``a * b`` is half of its last place or a hair beside it."""
    precision = np.finfo(dtype).nmant + 1
    c = rng.integers(2 ** (precision - 1), 2**precision, n).astype(dtype)
    hair = np.exp2(rng.integers(-precision - 6, -precision // 2, n)).astype(dtype)
    factor = (1 + rng.choice([-1, 0, 1], n) * hair).astype(dtype)
    other = (1 + rng.choice([-1, 0, 1], n) * hair).astype(dtype)
    half = rng.choice([-0.5, 0.5, 1.5, 0.25], n).astype(dtype)
    scale = np.exp2(rng.integers(-40, 41, n)).astype(dtype)
    return factor * scale, other * half, c * scale


def subnormal_results(rng: np.random.Generator, dtype: Any, n: int) -> Triple:
    lowest = int(np.finfo(dtype).minexp) - np.finfo(dtype).nmant
    share = rng.integers(-60, 60, n) + lowest // 2
    spread = rng.integers(-30, 30, n)
    a = np.ldexp(rng.standard_normal(n).astype(dtype), share)
    b = np.ldexp(rng.standard_normal(n).astype(dtype), lowest - share + spread)
    steps = rng.integers(-50, 51, n) * 2 ** rng.integers(0, np.finfo(dtype).nmant, n)
    c = np.ldexp(steps.astype(dtype), lowest)
    return a, b, c


def subnormal_ties(rng: np.random.Generator, dtype: Any, n: int) -> Triple:
    """As near_ties, with ``c`` a large subnormal number and the tie half of the smallest one."""
    precision = np.finfo(dtype).nmant + 1
    lowest = int(np.finfo(dtype).minexp) - np.finfo(dtype).nmant
    hair = np.exp2(rng.integers(-precision + 1, -precision // 2, n))
    share = rng.integers(-40, 41, n) + lowest // 2
    a = np.ldexp((1 + hair * rng.choice([-1, 1], n)).astype(dtype), share)
    b = np.ldexp((1 + hair * rng.choice([-1, 1], n)).astype(dtype), lowest - 1 - share)
    steps = rng.integers(-(2 ** (precision - 1)), 2 ** (precision - 1), n)
    return a, b, np.ldexp(steps.astype(dtype), lowest)


def near_overflow(rng: np.random.Generator, dtype: Any, n: int) -> Triple:
    top = int(np.finfo(dtype).maxexp)
    share = rng.integers(2, top, n)
    a = np.ldexp(rng.uniform(0.9, 1.1, n).astype(dtype), share)
    b = np.ldexp(rng.uniform(0.5, 0.6, n).astype(dtype), top - share - rng.integers(-1, 2, n))
    b = np.minimum(b, np.finfo(dtype).max)
    c = np.ldexp(rng.uniform(-1, 1, n).astype(dtype), top - rng.integers(0, 60, n))
    return a, b, c


STRATA: dict[str, Callable[[np.random.Generator, Any, int], Triple]] = {
    "random_patterns": random_patterns,
    "near_cancellation": near_cancellation,
    "moderate": moderate,
    "near_ties": near_ties,
    "subnormal_results": subnormal_results,
    "subnormal_ties": subnormal_ties,
    "near_overflow": near_overflow,
}


def stratum(name: str, dtype: Any, n: int) -> Triple:
    rng = np.random.default_rng([sorted(STRATA).index(name), np.dtype(dtype).itemsize])
    return STRATA[name](rng, dtype, n)


@pytest.fixture(scope="module")
def hardware(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    compiler = require_tool("g++")
    folder: Path = tmp_path_factory.mktemp("hardware_fma")
    source, library = folder / "fma.cpp", folder / "fma.so"
    source.write_text(HARDWARE_SOURCE)
    # Without the flag std::fma would call the C library, which may itself be an emulation.
    flags = ["-mfma"] if platform.machine() == "x86_64" else []
    subprocess.run(
        [compiler, "-O2", "-fno-math-errno", *flags, "-shared", "-fPIC", source, "-o", library],
        check=True,
    )
    return ctypes.CDLL(str(library))


def on_hardware(library: ctypes.CDLL, triple: Triple) -> Array:
    a, b, c = (np.ascontiguousarray(x) for x in triple)
    result = np.empty_like(a)
    function = library.fma_float32 if a.dtype == np.float32 else library.fma_float64
    pointers = [ctypes.c_void_p(x.ctypes.data) for x in (a, b, c, result)]
    function(*pointers, ctypes.c_long(a.size))
    return result


def by_fractions(triple: Triple) -> Array:
    """The definition, one element at a time: exact, then rounded by hand to the nearest even."""
    dtype = triple[0].dtype
    a, b, c = (x.tolist() for x in triple)
    rows = zip(a, b, c, strict=True)
    return np.array([_one_by_fractions(x, y, z, dtype) for x, y, z in rows], dtype)


def _one_by_fractions(a: float, b: float, c: float, dtype: Any) -> float:
    if not (math.isfinite(a) and math.isfinite(b)):
        return a * b + c
    if not math.isfinite(c):
        return c
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    if exact == 0:
        signs = {math.copysign(1, a) * math.copysign(1, b), math.copysign(1, c)}
        return -0.0 if signs == {-1.0} else 0.0
    return _round_to_nearest_even(exact, dtype)


def _round_to_nearest_even(exact: Fraction, dtype: Any) -> float:
    info = np.finfo(dtype)
    size = abs(exact)
    exponent = size.numerator.bit_length() - size.denominator.bit_length()
    if Fraction(2) ** exponent > size:
        exponent -= 1
    step = Fraction(2) ** (max(exponent, int(info.minexp)) - info.nmant)
    rounded = round(size / step) * step  # round() of a Fraction is to even
    value = math.inf if rounded >= Fraction(2) ** int(info.maxexp) else float(rounded)
    return -value if exact < 0 else value


@pytest.mark.parametrize("name", sorted(STRATA))
def test_float32_equals_the_hardware(name: str, hardware: ctypes.CDLL) -> None:
    triple = stratum(name, np.float32, 150_000)
    assert_same_bits(fma(*triple), on_hardware(hardware, triple), triple)


@pytest.mark.parametrize("name", sorted(STRATA))
def test_float64_equals_the_hardware(name: str, hardware: ctypes.CDLL) -> None:
    triple = stratum(name, np.float64, 10_000)
    assert_same_bits(fma(*triple), on_hardware(hardware, triple), triple)


@pytest.mark.parametrize("values", [SPECIAL32, SPECIAL64], ids=["float32", "float64"])
def test_all_triples_of_special_values(values: Array, hardware: ctypes.CDLL) -> None:
    triple = all_triples(values)
    assert_same_bits(fma(*triple), on_hardware(hardware, triple), triple)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", sorted(STRATA))
def test_equals_exact_fractions(name: str, dtype: Any) -> None:
    triple = stratum(name, dtype, 600)
    assert_same_bits(fma(*triple), by_fractions(triple), triple)


@pytest.mark.parametrize("values", [SPECIAL32, SPECIAL64], ids=["float32", "float64"])
def test_special_values_equal_exact_fractions(values: Array) -> None:
    a, b, c = all_triples(values)
    triple = a[::17], b[::17], c[::17]
    assert_same_bits(fma(*triple), by_fractions(triple), triple)


@pytest.mark.parametrize(
    ("scale", "c", "wrong"),
    [
        (2**-24, 1 + 2**-23, 1 + 2**-22),
        (2**-25, 1 - 2**-24, 1.0),
        (2**-150, 2**-126 - 2**-149, 2**-126),
        (2**-150, 2**-127 - 2**-149, 2**-127),
    ],
)
def test_rounding_twice_is_caught(scale: float, c: float, wrong: float) -> None:
    """``c + scale`` is a tie; the product is a hair less, which a float64 sum cannot see."""
    a = np.array([2**-20 * (1 + 2**-18)], np.float32)
    b = np.array([2**20 * scale * (1 - 2**-18)], np.float32)
    addend = np.array([c], np.float32)
    naive = (a.astype(np.float64) * b + addend).astype(np.float32)
    assert naive[0] == np.float32(wrong)
    assert fma(a, b, addend)[0] == np.float32(c)


def test_the_strata_catch_rounding_twice(hardware: ctypes.CDLL) -> None:
    caught = {}
    for name in STRATA:
        a, b, c = stratum(name, np.float32, 150_000)
        with np.errstate(all="ignore"):
            naive = (a.astype(np.float64) * b + c).astype(np.float32)
        wrong = bits_of(naive) != bits_of(on_hardware(hardware, (a, b, c)))
        caught[name] = int(wrong.sum())
    assert caught["near_ties"] > 100
    assert caught["subnormal_ties"] > 100


def test_operands_broadcast() -> None:
    rng = np.random.default_rng(5)
    a, b, c = (rng.standard_normal(s).astype(np.float32) for s in ((4, 1, 3), (2, 3), (1, 1, 1)))
    full = [np.broadcast_to(x, (4, 2, 3)).ravel() for x in (a, b, c)]
    assert (fma(a, b, c).ravel() == fma(*full)).all()
    # the addend alone may carry the shape
    assert (fma(c, c, a) == fma(np.broadcast_to(c, a.shape), np.broadcast_to(c, a.shape), a)).all()
    two, three, one = (np.array(x, np.float32) for x in (2.0, 3.0, 1.0))
    scalar = fma(two, three, one)
    assert scalar.shape == ()
    assert scalar == 7.0
    assert fma(a[:0], b, c).shape == (0, 2, 3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_chain_is_a_loop_of_fma(dtype: Any) -> None:
    rng = np.random.default_rng(6)
    a, b = rng.standard_normal((5, 1, 40)).astype(dtype), rng.standard_normal((1, 7, 40))
    b = b.astype(dtype)
    wanted = np.full((5, 7), -0.0, dtype)
    for k in range(40):
        wanted = fma(a[..., k], b[..., k], wanted)
    found = fma_chain(a, b, np.array(-0.0, dtype))
    assert found.dtype == wanted.dtype
    assert (bits_of(found) == bits_of(wanted)).all()
    on_axis_0 = fma_chain(np.moveaxis(a, 2, 0), np.moveaxis(b, 2, 0), np.array(-0.0, dtype), 0)
    assert (bits_of(on_axis_0) == bits_of(wanted)).all()


@pytest.mark.parametrize(
    ("shape_a", "shape_b", "shape_start"),
    [
        ((300, 1), (1, 200), ()),
        ((1, 200), (300, 1), (200,)),
        ((300, 200), (1, 1), (300, 1)),
        ((3, 1, 1), (1, 200, 100), (3, 200, 100)),
        ((1, 1), (1, 1), (2, 50_000)),
        ((1, 1), (70_000, 1), (2, 1, 1)),
    ],
)
def test_long_chains_are_cut_in_blocks(
    shape_a: tuple[int, ...], shape_b: tuple[int, ...], shape_start: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(7)
    a, b = (rng.standard_normal((*s, 3)).astype(np.float32) for s in (shape_a, shape_b))
    start = rng.standard_normal(shape_start).astype(np.float32)
    wanted = start
    for k in range(3):
        wanted = fma(a[..., k], b[..., k], wanted)
    found = fma_chain(a, b, start)
    assert found.shape == wanted.shape
    assert (bits_of(found) == bits_of(wanted)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_chain_of_nothing_is_its_start(dtype: Any) -> None:
    nothing = np.empty((2, 3, 0), dtype)
    found = fma_chain(nothing, nothing, np.array(-0.0, dtype))
    assert found.shape == (2, 3)
    assert np.signbit(found).all()


def test_no_warning_escapes() -> None:
    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        for values in (SPECIAL32, SPECIAL64):
            triple = all_triples(values)
            fma(*triple)
            fma_chain(triple[0][:, None], triple[1][:, None], triple[2])


def test_mixed_types_are_refused() -> None:
    x = np.ones(2, np.float32)
    wide: Any = x.astype(np.float64)
    whole: Any = x.astype(np.int64)
    with pytest.raises(TypeError, match="float32, float64, float32"):
        fma(x, wide, x)
    with pytest.raises(TypeError, match="int64"):
        fma(whole, whole, whole)
    with pytest.raises(ValueError, match="axis"):
        fma_chain(x, x[:1], x[0:1])
