"""Elementary functions of float32: the stated ULP, special values, the same bits in compiled C++.

A stratified third of a million inputs through the interpreter; tests/full has all 2**32.
"""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from benchmarks.elementary.exhaustive import FUNCTIONS, program
from inferon.errors import InvalidGraph
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.node import Node, ordered
from inferon.ir.types import FLOAT32, INT32
from inferon.ir.values import Array
from inferon.ops import (
    arithmetic,
    build,
    elementary,
    elementary_format,
    elementary_steps,
)
from inferon.ops.base import Primitive
from inferon.ops.elementary import (
    Cos,
    Cosh,
    Decay,
    Erf,
    Exp,
    Expm1,
    Log,
    Log1p,
    RealFunction,
    Sigmoid,
    Sin,
    Sinh,
    Tan,
    Tanh,
)
from inferon.ops.elementary_format import SINGLE
from inferon.ops.elementary_inverse import Acos, Acosh, Asin, Asinh, Atan, Atanh

OPS: tuple[RealFunction, ...] = (
    *(Exp(), Decay(), Expm1(), Log(), Log1p(), Sigmoid(), Erf(), Tanh(), Sinh(), Cosh()),
    *(Sin(), Cos(), Tan(), Asin(), Acos(), Atan(), Asinh(), Acosh(), Atanh()),
)
each_op = pytest.mark.parametrize("op", OPS, ids=lambda op: op.spelling())

NAN, INF = math.nan, math.inf
SMALLEST = 2.0**-149
NEIGHBORS = 64
"""Inputs taken on either side of a value at which something changes."""

TURNING_POINTS = (
    *(0.0, SMALLEST, 2.0**-126, 0.5, 2 / 3, 1.0, 4 / 3, 2.0**22, 2.0**28, 3.4028235e38),
    *(-SINGLE.lowest_exp, SINGLE.highest_exp, 1 + math.sqrt(2)),
    *(SINGLE.tanh_split, SINGLE.tanh_one, SINGLE.erf_split, SINGLE.erf_one),
    *(n * math.log(2) / 2 for n in range(1, 260, 2)),  # exp rounds to another integer
)


def bits_of(x: Array) -> Array:
    return np.asarray(x, np.float32).view(np.uint32)


@pytest.fixture(scope="module")
def inputs() -> Array:
    """Return float32 of every exponent, more where functions bend, and turning points."""
    rng = np.random.default_rng(2)
    everywhere, where_they_bend = np.arange(256), np.arange(112, 150)  # of these, 2^-15 to 2^22
    exponents = np.concatenate([everywhere.repeat(300), where_they_bend.repeat(4000)])
    signs = rng.integers(0, 2, exponents.size)
    mantissas = rng.integers(0, 2**23, exponents.size)
    strata = (signs << 31 | exponents << 23 | mantissas).astype(np.uint32)
    steps = np.arange(-NEIGHBORS, NEIGHBORS + 1, dtype=np.int64)
    centers = bits_of(np.array(TURNING_POINTS)).astype(np.int64)
    near = np.clip(centers[:, None] + steps, 0, 0x7F800000).ravel().astype(np.uint32)
    zeros = bits_of(np.arange(1, 20000) * (math.pi / 2))  # where sin or cos nearly vanish
    odd = np.array([0x7F800000, 0x7F800001, 0x7FC00000, 0x7FFFFFFF], np.uint32)
    positive = np.concatenate([near, zeros, odd])
    every = np.concatenate([strata, positive, positive | np.uint32(1 << 31)])
    return every.view(np.float32)


def function(op: RealFunction) -> Graph:
    x = build.input_("x", (), FLOAT32)
    return Graph("function", (x,), (build.apply(op, x),), ("y",))


def ours(op: RealFunction, x: Any) -> Array:
    (y,) = interpret(function(op), np.asarray(x, np.float32))
    return y


def promised(op: RealFunction, x: Array) -> Array:
    """Return the result in float64 that the op's docstring promises."""
    with np.errstate(all="ignore"):  # among the inputs are signaling NaN
        wide = x.astype(np.float64)
        beyond = (np.abs(wide) > op.limit_in(FLOAT32)) & np.isfinite(wide)
        exact = op.exact(np.where(beyond, np.copysign(0.0, wide), wide))
    return np.where(np.abs(exact) < op.smallest, 0.0, exact)


def ulps(got: Array, exact: Array) -> Array:
    """Return the distance in ULP; where the result is a zero, NaN or infinity, 0 or infinity."""
    with np.errstate(over="ignore", under="ignore"):
        nearest = exact.astype(np.float32)
    same = (bits_of(got) == bits_of(nearest)) | (np.isnan(got) & np.isnan(nearest))
    special = (exact == 0) | ~np.isfinite(nearest) | ~np.isfinite(got)
    exponent = np.maximum(np.frexp(np.where(special, 1.0, exact))[1], -125)
    with np.errstate(all="ignore"):
        distance = np.abs(got.astype(np.float64) - exact) / np.ldexp(1.0, exponent - 24)
    return np.where(special, np.where(same, 0.0, INF), distance)


def worst(op: RealFunction, x: Array) -> float:
    return float(ulps(ours(op, x), promised(op, x)).max())


@each_op
def test_error_is_within_the_stated_bound(op: RealFunction, inputs: Array) -> None:
    error = ulps(ours(op, inputs), promised(op, inputs))
    at = int(error.argmax())
    assert error[at] <= op.ulp, f"{op.spelling()}({inputs[at]!r}) is off by {error[at]} ULP"
    assert error[at] > 0.65 * op.ulp, (
        f"{error[at]} ULP here: the bound is slack, or the test blind"
    )


MPMATH = {
    "exp": mp.exp,
    "decay": lambda x: mp.exp(-abs(x)),
    "log": lambda x: mp.log(x) if x > 0 else mp.nan,
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "tanh": mp.tanh,
    "erf": mp.erf,
    "sin": mp.sin,
    "cos": mp.cos,
    "tan": mp.tan,
    "expm1": mp.expm1,
    "log1p": lambda x: mp.log1p(x) if x > -1 else mp.nan,
    "sinh": mp.sinh,
    "cosh": mp.cosh,
    "asin": lambda x: mp.asin(x) if abs(x) <= 1 else mp.nan,
    "acos": lambda x: mp.acos(x) if abs(x) <= 1 else mp.nan,
    "atan": mp.atan,
    "asinh": mp.asinh,
    "acosh": lambda x: mp.acosh(x) if x >= 1 else mp.nan,
    "atanh": lambda x: mp.atanh(x) if abs(x) < 1 else mp.nan,
}
"""Each function by its spelling; NaN where it has no real value."""


@each_op
def test_float64_function_agrees_with_mpmath(op: RealFunction, inputs: Array) -> None:
    """The yardstick of the tests above, measured by one that shares no code with numpy."""
    x = np.random.default_rng(3).choice(inputs[np.isfinite(inputs)], 500).astype(np.float64)
    x = x[(np.abs(x) < 700) & (x != 0)]  # mpmath has no overflow
    with mp.workdps(80), np.errstate(all="ignore"):
        exact = [MPMATH[op.spelling()](mp.mpf(float(value))) for value in x]
        got = op.exact(x)
        error = max(
            float(abs(mp.mpf(float(g)) - e) / max(abs(e), mp.mpf(2) ** -1022))
            for g, e in zip(got, exact, strict=True)
            if not (np.isnan(g) and mp.isnan(e))
        )
    assert error < 4 * 2.0**-53  # the C library and numpy promise 4 ULP


SPECIAL: tuple[tuple[RealFunction, tuple[tuple[float, float], ...]], ...] = (
    (
        Exp(),
        (
            *((0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, 0.0), (NAN, NAN)),
            *((88.72283, 3.4027985e38), (88.72284, INF), (3e38, INF)),
            *((-87.33654, 1.1754997e-38), (-87.33655, 0.0), (-3e38, 0.0)),
        ),
    ),
    (
        Decay(),
        (
            *((0.0, 1.0), (-0.0, 1.0), (INF, 0.0), (-INF, 0.0), (NAN, NAN), (-NAN, NAN)),
            *((87.33654, 1.1754997e-38), (-87.33654, 1.1754997e-38), (87.5, 9.982351e-39)),
            *((87.7, 0.0), (-88.0, 0.0), (88.1, 0.0), (3e38, 0.0), (-3e38, 0.0)),
        ),
    ),
    (
        Log(),
        (
            *((0.0, -INF), (-0.0, -INF), (1.0, 0.0), (INF, INF), (NAN, NAN)),
            *((-SMALLEST, NAN), (-1.0, NAN), (-INF, NAN), (SMALLEST, -103.27893)),
        ),
    ),
    (
        Sigmoid(),
        (
            *((0.0, 0.5), (-0.0, 0.5), (INF, 1.0), (-INF, 0.0), (NAN, NAN)),
            *((3e38, 1.0), (-3e38, 0.0), (-87.5, 9.982351e-39), (-87.7, 0.0)),
        ),
    ),
    (
        Tanh(),
        (
            *((0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0), (NAN, NAN)),
            *((SMALLEST, SMALLEST), (-SMALLEST, -SMALLEST), (1e-20, 1e-20), (9.1, 1.0)),
        ),
    ),
    (
        Erf(),
        (
            *((0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0), (NAN, NAN)),
            *((SMALLEST, SMALLEST), (-4.0, -1.0), (3e38, 1.0)),
        ),
    ),
    (
        Sin(),
        (
            *((0.0, 0.0), (-0.0, -0.0), (INF, NAN), (-INF, NAN), (NAN, NAN)),
            *((SMALLEST, SMALLEST), (4194304.5, 0.0), (-4194304.5, -0.0), (-3e38, -0.0)),
        ),
    ),
    (Tan(), ((0.0, 0.0), (-0.0, -0.0), (INF, NAN), (NAN, NAN), (-4194304.5, -0.0))),
    (Expm1(), ((0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -1.0), (NAN, NAN), (-3e38, -1.0))),
    (Log1p(), ((0.0, 0.0), (-0.0, -0.0), (INF, INF), (-1.0, -INF), (-1.5, NAN), (NAN, NAN))),
    (Sinh(), ((0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -INF), (NAN, NAN), (90.0, INF))),
    (Cosh(), ((0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, INF), (NAN, NAN), (-90.0, INF))),
    (Asin(), ((0.0, 0.0), (-0.0, -0.0), (1.0, 1.5707964), (1.0000001, NAN), (NAN, NAN))),
    (Acos(), ((1.0, 0.0), (0.0, 1.5707964), (-1.0, 3.1415927), (-1.5, NAN), (INF, NAN))),
    (Atan(), ((0.0, 0.0), (-0.0, -0.0), (INF, 1.5707964), (-INF, -1.5707964), (NAN, NAN))),
    (Asinh(), ((0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -INF), (NAN, NAN))),
    (Acosh(), ((1.0, 0.0), (0.9999999, NAN), (-3e38, NAN), (-INF, NAN), (INF, INF), (NAN, NAN))),
    (Atanh(), ((0.0, 0.0), (-0.0, -0.0), (1.0, INF), (-1.0, -INF), (1.5, NAN), (-INF, NAN))),
    (
        Cos(),
        (
            *((0.0, 1.0), (-0.0, 1.0), (INF, NAN), (-INF, NAN), (NAN, NAN)),
            *((SMALLEST, 1.0), (4194304.5, 1.0), (-3e38, 1.0)),
        ),
    ),
)


@pytest.mark.parametrize(
    ("op", "pairs"), SPECIAL, ids=lambda each: getattr(each, "spelling", str)()
)
def test_special_values(op: RealFunction, pairs: tuple[tuple[float, float], ...]) -> None:
    x, expected = np.array(pairs, np.float32).T
    y = ours(op, x)
    right = (bits_of(y) == bits_of(expected)) | (np.isnan(y) & np.isnan(expected))
    assert right.all(), [(a, b, c) for a, b, c in zip(x, y, expected, strict=True)]


@pytest.mark.parametrize(
    "op",
    [Tanh(), Erf(), Sin(), Tan(), Sinh(), Asin(), Atan(), Asinh(), Atanh()],
    ids=lambda op: op.spelling(),
)
def test_odd_functions_are_odd_in_bits(op: RealFunction, inputs: Array) -> None:
    numbers = inputs[np.isfinite(inputs)]
    left, right = ours(op, -numbers), ours(op, numbers)
    assert ((bits_of(left) == bits_of(-right)) | (np.isnan(left) & np.isnan(right))).all()


@pytest.mark.parametrize(
    ("op", "low", "high"),
    [
        (Exp(), 0, INF),
        (Decay(), 0, 1),
        (Sigmoid(), 0, 1),
        (Tanh(), -1, 1),
        (Erf(), -1, 1),
        (Sin(), -1, 1),
        (Cos(), -1, 1),
    ],
    ids=lambda each: each.spelling() if isinstance(each, RealFunction) else "",
)
def test_results_stay_in_range(op: RealFunction, low: float, high: float, inputs: Array) -> None:
    y = ours(op, inputs)
    y = y[~np.isnan(y)]
    assert low <= y.min()
    assert y.max() <= high


# ----------------------------------------------------------------- the tests above notice mistakes

COEFFICIENTS = (
    *(
        (Exp(), "exp"),
        (Decay(), "exp"),
        (Log(), "log"),
        (Sigmoid(), "exp"),
        (Tanh(), "tanh"),
        (Tanh(), "exp"),
    ),
    *(
        (Erf(), "erf"),
        (Erf(), "erfc"),
        (Erf(), "exp2"),
        (Sin(), "sin"),
        (Sin(), "cos"),
        (Cos(), "cos"),
    ),
    *((Tan(), "sin"), (Expm1(), "exp"), (Log1p(), "log"), (Sinh(), "sinh"), (Asin(), "asin")),
    *((Atan(), "atan"), (Asinh(), "asinh"), (Atanh(), "atanh")),
)


@pytest.mark.parametrize(("op", "name"), COEFFICIENTS, ids=str)
def test_changed_coefficient_is_caught(
    op: RealFunction, name: str, inputs: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *rest = getattr(SINGLE, name)
    changes: dict[str, Any] = {name: (first * (1 + 2.0**-12), *rest)}
    monkeypatch.setattr(elementary_format, "SINGLE", replace(SINGLE, **changes))
    assert worst(op, inputs[::4]) > op.ulp


@pytest.mark.parametrize(
    "op", [Exp(), Decay(), Log(), Sigmoid(), Sin(), Cos(), Tan()], ids=lambda op: op.spelling()
)
def test_lost_fma_is_caught(
    op: RealFunction, inputs: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    def two_roundings(a: Any, b: Any, c: Any) -> Node:
        return build.add(build.mul(a, b), c)

    for module in (elementary, elementary_steps):
        monkeypatch.setattr(module, "fma", two_roundings)
    assert worst(op, inputs[::4]) > op.ulp


ODD = (Tanh(), Erf(), Sin(), Tan(), Sinh(), Asin(), Atan(), Asinh(), Atanh(), Expm1(), Log1p())


@pytest.mark.parametrize("op", ODD, ids=lambda op: op.spelling())
def test_lost_sign_of_zero_is_caught(op: RealFunction, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_sign(x: Node) -> Node:
        return build.bit_and(elementary_steps.bits(x), 0)

    for module in (elementary, elementary_steps):
        monkeypatch.setattr(module, "sign_of", no_sign)
    assert worst(op, np.array([-0.0], np.float32)) == INF


# ------------------------------------------------------------------------------------ the programs


@each_op
def test_program_is_short_and_straight(op: RealFunction) -> None:
    nodes = ordered((op.decompose(build.input_("x", (), FLOAT32)),))
    steps = [node for node in nodes if node.inputs]
    assert all(isinstance(node.op, Primitive) for node in steps)
    assert sum(isinstance(node.op, arithmetic.Div | arithmetic.Sqrt) for node in steps) <= 3
    assert len(steps) <= 60


@each_op
def test_other_types_are_refused(op: RealFunction) -> None:
    with pytest.raises(InvalidGraph, match="takes f32 or f64, not i32"):
        build.apply(op, build.input_("x", (3,), INT32))


@each_op
def test_shape_is_kept(op: RealFunction) -> None:
    x = np.linspace(0.1, 2, 24, dtype=np.float32).reshape(2, 3, 4)
    node = build.input_("x", (3, 4), FLOAT32)
    graph = Graph("function", (node,), (build.apply(op, node),), ("y",))
    (y,) = interpret(graph, x)
    assert (bits_of(y) == bits_of(ours(op, x.ravel()).reshape(x.shape))).all()


@pytest.mark.needs_tool("g++")
@pytest.mark.needs_cpu("avx2", "fma")
@pytest.mark.parametrize(
    ("op", "reference"),
    [pair for pair in FUNCTIONS if isinstance(pair[0], Exp | Decay | Log | Tan | Asinh)],
    ids=lambda each: getattr(each, "spelling", str)(),
)
def test_compiled_program_has_the_same_bits(
    op: RealFunction, reference: str, inputs: Array, tmp_path: Path
) -> None:
    compiled = program(op, reference, tmp_path)
    y, expected = compiled.map(inputs), ours(op, inputs)
    assert ((bits_of(y) == bits_of(expected)) | (np.isnan(y) & np.isnan(expected))).all()
    first = int(bits_of(np.array([0.5]))[0])
    found = compiled.check(first, first + 100_000)
    slice_ = np.arange(first, first + 100_000, dtype=np.uint32).view(np.float32)
    assert found.wrong == 0
    assert abs(found.max_ulp - worst(op, slice_)) < 1e-4  # it prints four digits
