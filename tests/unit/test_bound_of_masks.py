"""Bounds beside the lowest float32, which exporters add where attention must not look."""

from __future__ import annotations

import numpy as np
import pytest

from inferon.analysis.accuracy import ONNX_RUNTIME
from inferon.analysis.ball import LARGEST
from inferon.analysis.bound import agreement, bound
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.types import FLOAT32
from inferon.ops import build as b
from inferon.ops.normalization import Softmax

X = np.random.default_rng(5).standard_normal((50, 6)).astype(np.float32)
MASK = np.array([0.0, 0.0, -LARGEST, 0.0, -LARGEST, -LARGEST], np.float32)


def graph(mask: np.ndarray[tuple[int, ...], np.dtype[np.float32]], *, softmax: bool) -> Graph:
    x = b.input_("x", (6,), FLOAT32)
    masked = b.add(b.mul(x, 3.0), b.constant(mask))
    y = b.apply(Softmax(0), masked) if softmax else masked
    return Graph("masked", (x,), (y,), ("y",))


@pytest.mark.parametrize("softmax", [False, True])
def test_a_masked_softmax_is_decided(softmax: bool) -> None:
    masked = graph(MASK, softmax=softmax)
    limits = bound(masked, X, accuracy=ONNX_RUNTIME)
    assert not limits.undecided.any()
    (y,) = interpret(masked, X)
    assert agreement(masked, X, (y,)).undecided == 0
    if softmax:
        assert (y[:, MASK < 0.0] == 0.0).all()
        assert limits.errors[0].max() < 1e-5
    else:
        assert (y[:, MASK < 0.0] == -np.float32(LARGEST)).all()


@pytest.mark.parametrize("more", [2.0**103, 2.0**102, 2.0**104])
def test_what_may_overflow_beside_it_is_still_undecided(more: float) -> None:
    """2**103 is the half ULP from which on the sum is infinite; 2**102 is within the reserve."""
    x = b.input_("x", (1,), FLOAT32)
    summed = Graph("edge", (x,), (b.add(x, float(np.float32(more))),), ("y",))
    data = np.array([[LARGEST]], np.float32)
    limits = bound(summed, data)
    (y,) = interpret(summed, data)
    if np.isinf(y).any():
        assert limits.undecided.all()
    else:
        agreement(summed, data, (y,))


def test_every_sum_of_numbers_at_the_edge_keeps_its_bound() -> None:
    """Numbers near the largest, and of the size of its ULP: no sum leaves its ball."""
    rng = np.random.default_rng(7)
    near = LARGEST - 2.0**104 * rng.integers(0, 4, 4000)
    other = 2.0**102 * rng.integers(-12, 13, 4000)
    signs = rng.choice([-1.0, 1.0], 4000)
    u, v = (b.input_(name, (1,), FLOAT32) for name in ("u", "v"))
    summed = Graph("edges", (u, v), (b.add(u, v),), ("y",))
    data = [(signs * each).astype(np.float32)[:, None] for each in (near, other)]
    (y,) = interpret(summed, data)
    limits = bound(summed, data)
    (error,), (value,) = limits.errors, limits.values
    doubtful = np.isinf(error)
    assert np.isinf(y).any()
    assert not np.isinf(y[~doubtful & np.isfinite(value)]).any()
    inside = ~doubtful & np.isfinite(value)
    assert (np.abs(y[inside].astype(np.float64) - value[inside]) <= error[inside]).all()
