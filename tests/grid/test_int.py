"""Machine integers against Python's, which have no width."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from inferon.ir.node import Op
from inferon.ir.types import BOOL, FLOAT32, FLOAT64, Float, Int
from inferon.ops.arithmetic import Abs, Add, Div, Max, Min, Mul, Neg, Sub
from inferon.ops.bits import BitAnd, Bitcast, BitOr, BitXor, ShiftLeft, ShiftRight
from inferon.ops.convert import Cast
from inferon.ops.dot import Dot
from inferon.ops.logic import Equal, Less, LessEqual
from inferon.ops.reduction import ReduceMax, ReduceMin, Sum
from tests.grid.second_definition import Array, apply

INTS = [Int(signed, bits) for bits in (8, 16, 32, 64) for signed in (True, False)]


def dtype_of(element: Int) -> np.dtype[np.signedinteger | np.unsignedinteger]:
    return np.dtype(f"{'i' if element.signed else 'u'}{element.bits // 8}")


def wrapped(n: int, element: Int) -> int:
    """Keep the low bits, and read the highest of them as a sign."""
    patterns = 1 << element.bits
    low = n % patterns
    return low - patterns if element.signed and low >= patterns // 2 else low


def quotient(a: int, b: int) -> int:
    """Toward zero; by zero it is 0."""
    if b == 0:
        return 0
    size = abs(a) // abs(b)
    return size if (a < 0) == (b < 0) else -size


MEANING: dict[type[Op], Callable[[int, int], int]] = {
    Add: lambda a, b: a + b,
    Sub: lambda a, b: a - b,
    Mul: lambda a, b: a * b,
    Div: quotient,
    Max: max,
    Min: min,
    BitAnd: lambda a, b: a & b,
    BitOr: lambda a, b: a | b,
    BitXor: lambda a, b: a ^ b,
}
TRUTH: dict[type[Op], Callable[[int, int], bool]] = {
    Less: lambda a, b: a < b,
    LessEqual: lambda a, b: a <= b,
    Equal: lambda a, b: a == b,
}


def samples(element: Int) -> Array:
    """All values of 8 bits; of more the ends, powers of two, their neighbors, random ones."""
    if element.bits == 8:
        return np.arange(element.lowest, element.highest + 1).astype(dtype_of(element))
    powers = [s * 2**k + d for k in range(0, 64, 3) for d in (-1, 0, 1) for s in (1, -1)]
    ends = [element.lowest, element.lowest + 1, element.highest, element.highest - 1]
    rng = np.random.default_rng(3)
    wide = [int.from_bytes(rng.bytes(8), "little") for _ in range(40)]
    numbers = sorted({wrapped(n, element) for n in (*powers, *ends, *wide)})
    return np.array(numbers, dtype_of(element))


def pairs(element: Int) -> tuple[Array, Array]:
    one = samples(element)
    x, y = np.meshgrid(one, one)
    return x.ravel(), y.ravel()


@pytest.mark.parametrize("element", INTS, ids=str)
@pytest.mark.parametrize("kind", MEANING)
def test_two_operands(element: Int, kind: type[Op]) -> None:
    x, y = pairs(element)
    type_, got = apply(kind(), (x, element), (y, element))
    assert type_.element == element
    meaning = MEANING[kind]
    wanted = [wrapped(meaning(a, b), element) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    assert got.tolist() == wanted


@pytest.mark.parametrize("element", INTS, ids=str)
@pytest.mark.parametrize("kind", TRUTH)
def test_comparisons(element: Int, kind: type[Op]) -> None:
    x, y = pairs(element)
    _, got = apply(kind(), (x, element), (y, element))
    meaning = TRUTH[kind]
    assert got.tolist() == [meaning(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]


@pytest.mark.parametrize("element", INTS, ids=str)
def test_one_operand(element: Int) -> None:
    x = samples(element)
    for op, meaning in ((Neg(), lambda n: -n), (Abs(), abs)):
        _, got = apply(op, (x, element))
        assert got.tolist() == [wrapped(meaning(n), element) for n in x.tolist()]


@pytest.mark.parametrize("element", INTS, ids=str)
def test_shifts(element: Int) -> None:
    """To the right is division by a power of two, toward minus infinity."""
    x = samples(element)
    for bits in range(element.bits):
        _, left = apply(ShiftLeft(bits), (x, element))
        _, right = apply(ShiftRight(bits), (x, element))
        assert left.tolist() == [wrapped(n * 2**bits, element) for n in x.tolist()]
        assert right.tolist() == [n // 2**bits for n in x.tolist()]


@pytest.mark.parametrize("element", INTS, ids=str)
def test_sums_and_products_wrap(element: Int) -> None:
    x, y = pairs(element)
    rng = np.random.default_rng(4)
    x, y = rng.choice(x, (20, 7)), rng.choice(y, (20, 7))
    for strands in (1, 4):
        _, got = apply(Sum((0,), strands), (x, element))
        assert got.tolist() == [wrapped(sum(row), element) for row in x.tolist()]
        _, got = apply(Dot(0, 1, strands), (x, element), (y, element))
        rows = zip(x.tolist(), y.tolist(), strict=True)
        wanted = [wrapped(sum(a * b for a, b in zip(*row, strict=True)), element) for row in rows]
        assert got.tolist() == wanted
        for kind, meaning in ((ReduceMax, max), (ReduceMin, min)):
            _, got = apply(kind((0,), strands), (x, element))
            assert got.tolist() == [meaning(row) for row in x.tolist()]


@pytest.mark.parametrize("source", INTS, ids=str)
@pytest.mark.parametrize("to", INTS, ids=str)
def test_cast_between_ints_wraps(source: Int, to: Int) -> None:
    x = samples(source)
    type_, got = apply(Cast(to), (x, source))
    assert type_.element == to
    assert got.tolist() == [wrapped(n, to) for n in x.tolist()]
    if source.bits == to.bits:
        assert apply(Bitcast(to), (x, source))[1].tolist() == got.tolist()


@pytest.mark.parametrize("source", [FLOAT32, FLOAT64], ids=str)
@pytest.mark.parametrize("to", INTS, ids=str)
def test_cast_from_float_truncates_and_saturates(source: Float, to: Int) -> None:
    dtype = np.dtype(f"f{source.bits // 8}")
    ends = np.array([to.lowest, to.highest, to.highest + 1, 0, 1, -1, 100, 1e30, -1e30], dtype)
    near = [np.nextafter(ends, dtype.type(np.inf)), np.nextafter(ends, dtype.type(-np.inf))]
    odd = [np.inf, -np.inf, -0.0, 0.5, -0.5, 0.999, -0.999, 1.5, -1.5, 2.5, 127.9, -128.9, 255.5]
    x = np.concatenate([ends, *near, np.array(odd, dtype)])
    _, got = apply(Cast(to), (x, source))
    wanted = [
        to.highest
        if v == np.inf
        else to.lowest
        if v == -np.inf
        else min(max(int(v), to.lowest), to.highest)
        for v in x.tolist()
    ]
    assert got.tolist() == wanted
    assert apply(Cast(to), (np.array([np.nan], dtype), source))[1].tolist() == [0]


@pytest.mark.parametrize("source", INTS, ids=str)
def test_cast_to_float_rounds_to_nearest_even(source: Int) -> None:
    """Python rounds int to float64 so; to float32 by the distance to both neighbors."""
    x = samples(source)
    _, got = apply(Cast(FLOAT64), (x, source))
    assert got.tolist() == [float(n) for n in x.tolist()]
    _, narrow = apply(Cast(FLOAT32), (x, source))
    for n, value in zip(x.tolist(), narrow, strict=True):
        up, down = (
            np.nextafter(value, np.float32(np.inf)),
            np.nextafter(value, np.float32(-np.inf)),
        )
        distance = abs(n - int(value))
        others = [abs(n - int(up)), abs(n - int(down))]
        even = int(value.view(np.int32)) % 2 == 0
        assert distance < min(others) or (distance == min(others) and even)


@pytest.mark.parametrize("source", INTS, ids=str)
def test_cast_to_bool_and_back(source: Int) -> None:
    x = samples(source)
    _, truth = apply(Cast(BOOL), (x, source))
    assert truth.tolist() == [n != 0 for n in x.tolist()]
    _, back = apply(Cast(source), (truth, BOOL))
    assert back.tolist() == [int(n != 0) for n in x.tolist()]
