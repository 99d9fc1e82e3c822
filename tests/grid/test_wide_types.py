"""Fixed-point types wider than a machine word, by samples: the path over Python integers."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from inferon.errors import InvalidGraph
from inferon.ir.node import Op
from inferon.ir.types import BOOL, FLOAT32, FLOAT64, Fixed, Float
from inferon.ops.arithmetic import Abs, Add, Max, Min, Mul, Neg, Sub
from inferon.ops.convert import Cast, Quantize
from inferon.ops.dot import Dot
from inferon.ops.logic import Equal, Less, LessEqual, Select
from inferon.ops.mantissa import Overflow, Rounding
from inferon.ops.reduction import Sum
from tests.grid.second_definition import Array, OutOfRangeError, apply, quantized, step

WIDTHS = (1, 8, 31, 32, 33, 53, 60, 61, 62, 63, 64, 65, 100, 130)
COUNT = 24
SEED = 5


def random_type(rng: np.random.Generator) -> Fixed:
    width = int(rng.choice(WIDTHS))
    return Fixed(bool(rng.integers(2)), width, int(rng.integers(-4, width + 5)))


def random_mantissas(rng: np.random.Generator, fixed: Fixed, count: int = COUNT) -> Array:
    low, high = fixed.lowest, fixed.highest
    span = high - low + 1
    inside = [low + int.from_bytes(rng.bytes(20), "little") % span for _ in range(count - 4)]
    array = np.array([low, high, min(max(low, 0), high), low + span // 3, *inside], object)
    return array if fixed.width > 62 else array.astype(np.int64)


def exact(fixed: object, array: Array) -> list[Fraction]:
    assert isinstance(fixed, Fixed)
    return [int(m) * step(fixed) for m in array]


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


def test_two_operands() -> None:
    rng = np.random.default_rng(SEED)
    for _ in range(400):
        a, b = random_type(rng), random_type(rng)
        x, y = random_mantissas(rng, a), random_mantissas(rng, b)
        p, q = exact(a, x), exact(b, y)
        for kind, meaning in MEANING.items():
            type_, got = apply(kind(), (x, a), (y, b))
            assert exact(type_.element, got) == list(map(meaning, p, q)), (kind, a, b)
        for truth, holds in TRUTH.items():
            _, got = apply(truth(), (x, a), (y, b))
            assert got.tolist() == list(map(holds, p, q)), (truth, a, b)
        condition = np.arange(COUNT) % 2 == 0
        type_, got = apply(Select(), (condition, BOOL), (x, a), (y, b))
        wanted = [u if c else v for c, u, v in zip(condition, p, q, strict=True)]
        assert exact(type_.element, got) == wanted, (a, b)


def test_one_operand() -> None:
    rng = np.random.default_rng(SEED)
    for _ in range(200):
        a = random_type(rng)
        x = random_mantissas(rng, a)
        for op, meaning in ((Neg(), lambda v: -v), (Abs(), abs)):
            type_, got = apply(op, (x, a))
            assert exact(type_.element, got) == [meaning(v) for v in exact(a, x)], (op, a)


def test_sums_and_products() -> None:
    rng = np.random.default_rng(SEED)
    for _ in range(200):
        a, b = random_type(rng), random_type(rng)
        x, y = random_mantissas(rng, a), random_mantissas(rng, b)
        p, q = exact(a, x), exact(b, y)
        type_, got = apply(Sum((0,), 4), (x[None], a))
        assert exact(type_.element, got) == [sum(p)], a
        type_, got = apply(Dot(0, 1, 4), (x[None], a), (y[None], b))
        assert exact(type_.element, got) == [sum(u * v for u, v in zip(p, q, strict=True))], (a, b)


def quantized_or_none(
    xs: list[Fraction], to: Fixed, rounding: Rounding, overflow: Overflow
) -> list[int] | None:
    try:
        return [quantized(x, to, rounding, overflow) for x in xs]
    except OutOfRangeError:
        return None


def got_or_none(op: Quantize, x: Array, element: Fixed | Float) -> list[int] | None:
    try:
        return [int(m) for m in apply(op, (x, element))[1]]
    except InvalidGraph:
        return None


@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize("overflow", Overflow)
def test_quantize(rounding: Rounding, overflow: Overflow) -> None:
    rng = np.random.default_rng(SEED)
    for _ in range(60):
        a, to = random_type(rng), random_type(rng)
        x = random_mantissas(rng, a)
        wanted = quantized_or_none(exact(a, x), to, rounding, overflow)
        assert got_or_none(Quantize(to, rounding, overflow), x, a) == wanted, (a, to)


@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize("overflow", Overflow)
@pytest.mark.parametrize("element", [FLOAT32, FLOAT64])
def test_quantize_of_floats(rounding: Rounding, overflow: Overflow, element: Float) -> None:
    rng = np.random.default_rng(SEED)
    for _ in range(20):
        to = random_type(rng)
        scale = np.exp2(rng.integers(-to.fraction - 4, to.integer + 4, COUNT).astype(float))
        x = (rng.standard_normal(COUNT) * scale).astype(f"f{element.bits // 8}")
        wanted = quantized_or_none([Fraction(float(v)) for v in x], to, rounding, overflow)
        assert got_or_none(Quantize(to, rounding, overflow), x, element) == wanted, to


def nearest_float(x: Fraction, dtype: type[np.floating]) -> float:
    """Round by the distances to neighbors; beyond the largest number, by the IEEE threshold."""
    info = np.finfo(dtype)
    largest = Fraction(float(info.max))
    half_step = Fraction(2) ** (info.maxexp - info.nmant - 2)
    if abs(x) >= largest + half_step:
        return math.inf if x > 0 else -math.inf
    near = dtype(float(min(max(x, -largest), largest)))
    near = dtype(np.clip(near, info.min, info.max))
    candidates = [near, np.nextafter(near, dtype(np.inf)), np.nextafter(near, dtype(-np.inf))]
    finite = [c for c in candidates if np.isfinite(c)]
    bits = f"i{np.dtype(dtype).itemsize}"
    best = min(finite, key=lambda c: (abs(Fraction(float(c)) - x), int(c.view(bits)) & 1))
    return float(best)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cast_to_float_rounds_once(dtype: type[np.floating]) -> None:
    rng = np.random.default_rng(SEED)
    element = Float(np.dtype(dtype).itemsize * 8)
    for _ in range(300):
        a = random_type(rng)
        x = random_mantissas(rng, a)
        _, got = apply(Cast(element), (x, a))
        assert got.tolist() == [nearest_float(v, dtype) for v in exact(a, x)], a


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "integer", [-1100, -1050, -150, -130, -100, 128, 129, 200, 1024, 1025, 2000]
)
def test_cast_to_float_at_the_ends_of_its_range(dtype: type[np.floating], integer: int) -> None:
    """Subnormals, underflow and overflow; ties of subnormals among them."""
    a = Fixed(True, 70, integer)
    ties = [(1 << k) + (1 << j) for k in range(20, 68, 3) for j in range(0, k, 5)]
    x = np.array([0, 1, -1, *ties, *(t + 1 for t in ties), a.lowest, a.highest], object)
    _, got = apply(Cast(Float(np.dtype(dtype).itemsize * 8)), (x, a))
    assert got.tolist() == [nearest_float(v, dtype) for v in exact(a, x)]
