"""Fmod against numpy's, which is the C library's and exact (1 s)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.types import FLOAT32, FLOAT64
from inferon.ir.values import Array
from inferon.ops import build as b
from inferon.ops.remainder import Fmod

OPS = (Fmod(),)
"""What has its oracle here."""

PAIRS = 4000


@np.errstate(all="ignore")
def operands(dtype: Any) -> tuple[Array, Array]:
    """Return pairs of every magnitude, whole multiples and their neighbors, and what is odd."""
    rng = np.random.default_rng(7)
    info = np.finfo(dtype)
    low, high = np.log2(float(info.smallest_subnormal)), np.log2(float(info.max))
    x, y = (np.exp2(rng.uniform(low, high, PAIRS)).astype(dtype) for _ in range(2))
    near = (np.abs(y[:500]) * rng.integers(1, 1 << 20, 500)).astype(dtype)
    x = np.concatenate([x, near, np.nextafter(near, dtype(0.0)), rng.integers(0, 999, PAIRS)])
    y = np.concatenate([y, y[:500], y[:500], rng.integers(1, 99, PAIRS)])
    special = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, info.smallest_subnormal, info.max]
    left, right = np.meshgrid(np.array(special), np.array(special))
    x = np.concatenate([x * rng.choice([-1, 1], x.shape), left.ravel()]).astype(dtype)
    y = np.concatenate([y * rng.choice([-1, 1], y.shape), right.ravel()]).astype(dtype)
    return x, y


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_remainder_is_exact(dtype: Any) -> None:
    element = FLOAT32 if dtype is np.float32 else FLOAT64
    x, y = (b.input_(name, (), element) for name in ("x", "y"))
    graph = Graph("remainder", (x, y), (b.apply(Fmod(), x, y),), ("z",))
    left, right = operands(dtype)
    with np.errstate(all="ignore"):
        expected = np.fmod(left, right)
    ours = interpret(graph, (left, right))[0]
    nan = np.isnan(expected)
    assert np.array_equal(np.isnan(ours), nan)
    assert np.array_equal(ours[~nan], expected[~nan])
    assert np.array_equal(np.signbit(ours[~nan]), np.signbit(expected[~nan]))


def test_the_oracle_is_exact() -> None:
    """numpy's fmod against fractions, on a sample."""
    x, y = operands(np.float64)
    finite = np.isfinite(x) & np.isfinite(y) & (y != 0)
    pairs = zip(x[finite][:200].tolist(), y[finite][:200].tolist(), strict=True)
    for left, right in pairs:
        exact = abs(Fraction(left)) % abs(Fraction(right))
        assert abs(Fraction(float(np.fmod(left, right)))) == exact
