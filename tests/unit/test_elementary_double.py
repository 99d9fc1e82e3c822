"""Elementary functions of float64 against mpmath: dense samples, and where they are hardest.

Hardest are the ends of the range, subnormals, neighbors of the numbers at which a program changes,
and float64 closest to multiples of pi/2.  benchmarks/elementary/double.json has the maxima over
12 million samples against the C library in long double.
"""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from benchmarks.elementary.double import FUNCTIONS, RESULTS, TURNS
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import FLOAT64
from inferon.ir.values import Array
from inferon.ops import (
    activation,
    build,
    elementary,
    elementary_format,
    elementary_steps,
    normalization,
)
from inferon.ops.base import Composite, Elementary
from inferon.ops.elementary import NUMERICS_VERSION, RealFunction, Trigonometric
from inferon.ops.elementary_format import DOUBLE
from tests.unit.test_elementary import MPMATH, OPS

DIGITS = 60
SAMPLES = 300
"""Of a kind; some 6000 numbers a function in all."""

each_op = pytest.mark.parametrize("op", OPS, ids=lambda op: op.spelling())


def near_multiples_of_half_pi() -> Iterator[float]:
    """Yield for each exponent the float64 with the smallest remainders: convergents of pi/2."""
    with mp.workdps(400):
        for exponent in range(-52, -2):
            rest = mp.pi / 2 * mp.mpf(2) ** -exponent  # x 2^-exponent = n rest
            above, below, before = 1, 0, (0, 1)  # convergents of rest / 1, by continued fractions
            while above < 2**53:
                whole = int(mp.floor(rest))
                (above, below), before = (
                    (whole * above + before[0], whole * below + before[1]),
                    (above, below),
                )
                rest = 1 / (rest - whole)
                if 2**50 < above < 2**53:
                    yield math.ldexp(above, exponent)


@pytest.fixture(scope="module")
def inputs() -> Array:
    """Return float64 of every kind, both signs."""
    rng = np.random.default_rng(64)
    any_bits = rng.integers(0, 2**63, 2 * SAMPLES, np.uint64).view(np.float64)
    subnormal = rng.integers(0, 2**52, SAMPLES // 4, np.uint64).view(np.float64)
    exponents = np.exp2(rng.uniform(-60, 10, 3 * SAMPLES))
    dense = np.concatenate([rng.uniform(0, end, SAMPLES) for end in (1, 2, 10, 50, 750)])
    steps = np.arange(-2, 3)
    turns = (np.array(TURNS).view(np.int64)[:, None] + steps).ravel()
    near = np.clip(turns, 0, None).view(np.float64)
    hard = np.array(list(near_multiples_of_half_pi()))
    every = np.concatenate(
        [any_bits, subnormal, exponents, dense, near, hard, [math.inf, math.nan]]
    )
    return np.concatenate([every, -every])


def ours(op: Elementary, *x: Array) -> Array:
    nodes = tuple(build.input_(name, (), FLOAT64) for name in op.operands)
    graph = Graph("function", nodes, (build.apply(op, *nodes),), ("y",))
    return interpret(graph, list(x))[0]


def exact(op: RealFunction, x: float) -> Any:
    """Return what is promised as an mpmath number; zeros, infinities and NaN as floats."""
    if isinstance(op, Trigonometric) and op.limit64 < abs(x) < math.inf:
        x = math.copysign(0.0, x)
    value = float(op.exact(np.array(x)))
    if value == 0.0 or not math.isfinite(value):
        return value  # of the C library: mpmath has no sign of 0, and takes long for exp(1e300)
    return MPMATH[op.spelling()](mp.mpf(x))


def error(got: float, wanted: Any) -> float:
    """Return the distance in ULP; infinity where a zero, an infinity or a NaN is wrong."""
    nearest = float(wanted)
    if mp.isnan(wanted) or math.isinf(nearest) or wanted == 0:
        same = got == nearest and math.copysign(1, got) == math.copysign(1, nearest)
        return 0.0 if same or (math.isnan(got) and mp.isnan(wanted)) else math.inf
    if not math.isfinite(got):
        return math.inf
    _, exponent = mp.frexp(wanted)
    ulp = mp.mpf(2) ** (max(int(exponent), -1021) - 53)
    return float(abs(mp.mpf(got) - wanted) / ulp)


def worst(op: RealFunction, x: Array) -> tuple[float, float]:
    """Return the largest error and its place."""
    with mp.workdps(DIGITS), np.errstate(all="ignore"):
        pairs = zip(x, ours(op, x), strict=True)
        return max((error(float(y), exact(op, float(v))), float(v)) for v, y in pairs)


@each_op
def test_error_is_within_the_stated_bound(op: RealFunction, inputs: Array) -> None:
    found, at = worst(op, inputs)
    assert found <= op.ulp64, f"{op.spelling()}({at!r}) is off by {found} ULP"
    assert found > 0.5 * op.ulp64, f"{found} ULP here: the bound is slack, or the test blind"


@pytest.mark.parametrize("op", [op for op, _ in FUNCTIONS], ids=lambda op: op.spelling())
def test_record_is_of_this_version_and_within_the_bounds(op: Elementary) -> None:
    record = json.loads(RESULTS.read_text())
    assert record["numerics_version"] == NUMERICS_VERSION
    entry = record[op.spelling()]
    assert entry["wrong"] == 0
    assert entry["samples"] >= 12_000_000
    assert 0.9 * op.ulp64 < entry["max_ulp"] <= op.ulp64


COEFFICIENTS = (
    *(("exp", "exp"), ("log", "log_series"), ("tanh", "tanh"), ("erf", "erf"), ("erf", "erfc")),
    *(("sin", "sin"), ("cos", "cos"), ("tan", "cos"), ("expm1", "exp"), ("sinh", "sinh")),
    *(("asin", "asin"), ("acos", "asin"), ("atan", "atan"), ("asinh", "asinh")),
    *(("atanh", "atanh"), ("log1p", "log_series")),
)
BY_NAME = {op.spelling(): op for op in OPS}


@pytest.mark.parametrize(("function", "name"), COEFFICIENTS)
def test_changed_coefficient_is_caught(
    function: str, name: str, inputs: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *rest = getattr(DOUBLE, name)
    changes: dict[str, Any] = {name: (first * (1 + 2.0**-44), *rest)}
    monkeypatch.setattr(elementary_format, "DOUBLE", replace(DOUBLE, **changes))
    op = BY_NAME[function]
    assert worst(op, inputs[::3])[0] > op.ulp64


@pytest.mark.parametrize("name", ["exp", "log1p", "sin", "tan"])
def test_lost_fma_is_caught(name: str, inputs: Array, monkeypatch: pytest.MonkeyPatch) -> None:
    def two_roundings(a: Any, b: Any, c: Any) -> Node:
        return build.add(build.mul(a, b), c)

    for module in (elementary, elementary_steps):
        monkeypatch.setattr(module, "fma", two_roundings)
    assert worst(BY_NAME[name], inputs[::3])[0] > BY_NAME[name].ulp64


ACTIVATIONS: tuple[tuple[Composite, Callable[[Any], Any]], ...] = (
    (activation.Softplus(), lambda x: mp.log1p(mp.exp(x))),
    (activation.Elu(), lambda x: x if x >= 0 else mp.expm1(x)),
    (activation.Celu(2.0), lambda x: x if x >= 0 else 2 * mp.expm1(x / 2)),
    (activation.Silu(), lambda x: x / (1 + mp.exp(-x))),
    (activation.Mish(), lambda x: x * mp.tanh(mp.log1p(mp.exp(x)))),
)


@pytest.mark.parametrize(("op", "function"), ACTIVATIONS, ids=lambda each: type(each).__name__)
def test_activations_lose_nothing_near_zero_and_far_left(
    op: Composite, function: Callable[[Any], Any]
) -> None:
    """In float64 they are within 3 ULP everywhere, where log(1 + exp(x)) would be 0 or cancel."""
    rng = np.random.default_rng(65)
    x = np.concatenate([rng.normal(0, scale, 200) for scale in (1e-9, 1e-3, 1, 20, 200)])
    node = build.input_("x", (), FLOAT64)
    (y,) = interpret(Graph("g", (node,), (build.apply(op, node),), ("y",)), x)
    with mp.workdps(400):
        found = max(error(float(g), function(mp.mpf(float(v)))) for g, v in zip(y, x, strict=True))
    assert found <= 3.0


@pytest.mark.parametrize("op", [normalization.Softmax(0), normalization.LogSoftmax(0)], ids=str)
def test_softmax_of_float64(op: Composite) -> None:
    """Against long double, within the roundings of x - max and of a sum in 8 strands."""
    x = np.random.default_rng(66).normal(0, 20, (200, 50))
    node = build.input_("x", (50,), FLOAT64)
    (y,) = interpret(Graph("g", (node,), (build.apply(op, node),), ("y",)), x)
    below = x.astype(np.longdouble) - x.max(axis=1, keepdims=True)
    total = np.exp(below).sum(axis=1, keepdims=True)
    if isinstance(op, normalization.Softmax):
        wanted, size = np.exp(below) / total, np.exp(below) / total * (12 + np.abs(below))
    else:
        wanted, size = below - np.log(total), 12 + 2 * np.abs(below)
    assert (np.abs(y - wanted) <= size * 2.0**-53).all()


def test_angles_up_to_the_limit_are_reduced() -> None:
    """The limit of float64 is 2**50: numbers there are 1/4 apart."""
    x = np.array([DOUBLE.largest_angle, np.nextafter(DOUBLE.largest_angle, math.inf)])
    sine, cosine = ours(elementary.Sin(), x), ours(elementary.Cos(), x)
    assert sine[0] == pytest.approx(float(mp.sin(mp.mpf(2) ** 50)), rel=1e-15)
    assert (sine[1], cosine[1]) == (0.0, 1.0)
