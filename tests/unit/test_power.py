"""Powers: the special values of IEEE 754, the stated ULP, wraparound, and ONNX's mixed types."""

import itertools
import math
from typing import Any

import mpmath as mp
import numpy as np
import onnx
import pytest
from onnx import helper

from inferon.errors import InvalidGraph
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.types import BOOL, FLOAT32, Int
from inferon.ir.values import Array
from inferon.load import load
from inferon.ops import build, elementary_steps, power
from inferon.ops.power import Power, RealPower

SPECIAL = (
    *(0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 3.0, -3.0, 0.5, -0.5, 1.5, -1.5, math.inf, -math.inf),
    *(math.nan, 5e-324, -5e-324, 1e308, -1e308, 2.0**53, -(2.0**53), 2.0**53 - 1, 1e19),
    *(1 - 2.0**-53, 1 + 2.0**-52, -1 - 2.0**-52, 1e-45, 3.4e38, -7.0),
)
INTS = [Int(signed, bits) for bits in (8, 16, 32, 64) for signed in (True, False)]


def powers(base: Array, exponent: Array) -> Array:
    nodes = [
        build.input_(name, (), build.element_of(each.dtype))
        for name, each in (("base", base), ("exponent", exponent))
    ]
    graph = Graph("powers", tuple(nodes), (build.apply(Power(), *nodes),), ("y",))
    return interpret(graph, [base, exponent])[0]


def hard_pairs(count: int) -> tuple[Array, Array]:
    """Return positive bases of all sizes and near 1, with powers between all ends of the range."""
    rng = np.random.default_rng(11)
    base = np.concatenate(
        [
            np.exp(rng.uniform(-700, 700, count)),
            np.exp(rng.uniform(-1, 1, count)),
            1 + rng.choice([-1.0, 1.0], count) * np.exp2(-rng.uniform(1, 52, count)),
            rng.uniform(0.6, 0.75, count),
            np.exp2(rng.uniform(-1074, -1020, count)),
        ]
    )
    with np.errstate(all="ignore"):
        exponent = rng.uniform(-746, 710, base.size) / np.log(base)
    return base, np.where(np.isfinite(exponent), exponent, 2.0)


def worst(base: Array, exponent: Array) -> float:
    """Return the largest error in ULP; infinity where an infinity is wrong."""
    found = 0.0
    with mp.workdps(50):
        for x, y, got in zip(base, exponent, powers(base, exponent), strict=True):
            wanted = mp.mpf(float(x)) ** mp.mpf(float(y))
            if math.isinf(float(wanted)) or math.isinf(got):
                found = max(found, 0.0 if float(wanted) == got else math.inf)
                continue
            ulp = mp.mpf(2) ** (max(int(mp.frexp(wanted)[1]), -1021) - 53)
            found = max(found, float(abs(mp.mpf(float(got)) - wanted) / ulp))
    return found


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_special_values_are_those_of_ieee(dtype: Any) -> None:
    """The C library's pow, which numpy calls, has them; values in between within one ULP."""
    with np.errstate(all="ignore"):
        base, exponent = np.array(list(itertools.product(SPECIAL, SPECIAL)), dtype).T
        wide = np.power(base.astype(np.float64), exponent.astype(np.float64))
        wanted, got = wide.astype(dtype), powers(base.copy(), exponent.copy())
        near = np.abs(got - wanted) <= np.spacing(np.abs(wanted))
    same = (got == wanted) & (np.signbit(got) == np.signbit(wanted))
    right = same | (np.isnan(got) & np.isnan(wanted)) | (near & (wanted != 0))
    assert right.all(), (base[~right], exponent[~right], got[~right], wanted[~right])


def test_float64_is_within_the_stated_bound() -> None:
    found = worst(*hard_pairs(400))
    assert 0.6 * RealPower.ulp64 < found <= RealPower.ulp64


@pytest.mark.parametrize("name", ["third", "low", "fma"])
def test_a_lost_low_part_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "third":
        monkeypatch.setattr(power, "THIRD", (power.THIRD[0] * (1 + 2.0**-52), 0.0))
    elif name == "low":
        monkeypatch.setattr(power, "LARGEST_REST", 0.0)
    else:
        two_roundings = lambda a, b, c: build.add(build.mul(a, b), c)  # noqa: E731
        for module in (elementary_steps, build):
            monkeypatch.setattr(module, "fma", two_roundings)
    assert worst(*hard_pairs(100)) > RealPower.ulp64


def test_float32_is_a_rounding_of_the_float64() -> None:
    rng = np.random.default_rng(12)
    base = np.exp(rng.uniform(-80, 80, 20000)).astype(np.float32)
    exponent = (rng.uniform(-104, 89, base.size) / np.log(base)).astype(np.float32)
    got = powers(base, exponent)
    with np.errstate(all="ignore"):
        wanted = np.power(base.astype(np.longdouble), exponent.astype(np.longdouble))
        error = np.abs(got - wanted) / np.spacing(wanted.astype(np.float32))
    finite = np.isfinite(got) & (got < 3e38)
    assert error[finite].max() <= 0.5001


@pytest.mark.parametrize("exponent_type", [Int(True, 8), Int(True, 64), Int(False, 32)], ids=str)
@pytest.mark.parametrize("base_type", INTS, ids=str)
def test_ints_wrap_around(base_type: Int, exponent_type: Int) -> None:
    rng = np.random.default_rng(13)
    low, high = base_type.lowest, base_type.highest
    some = [
        *range(max(low, -4), 5),
        low,
        high,
        low + 1,
        high - 1,
        *rng.integers(0, min(high, 2**63 - 1), 4),
    ]
    counts = [0, 1, 2, 3, 5, 8, 31, 63, 64, 100, 127]
    counts += [-1, -2, -3] if exponent_type.signed else [2**32 - 1]
    base, exponent = (list(each) for each in zip(*itertools.product(some, counts), strict=True))
    got = powers(
        np.array(base, f"{'i' if base_type.signed else 'u'}{base_type.bits // 8}"),
        np.array(exponent, f"{'i' if exponent_type.signed else 'u'}{exponent_type.bits // 8}"),
    )
    wanted = [wrapped(int(x), int(n), base_type) for x, n in zip(base, exponent, strict=True)]
    assert got.tolist() == wanted


def wrapped(x: int, n: int, element: Int) -> int:
    """Return Python's power in the range of a type; a negative one is a quotient toward zero."""
    modulus = 1 << element.bits
    value = pow(x, n, modulus) if n >= 0 else (x**-n if abs(x) == 1 else 0)
    return (value - element.lowest) % modulus + element.lowest


def test_other_types_are_refused() -> None:
    x, flag = build.input_("x", (2,), FLOAT32), build.input_("flag", (2,), BOOL)
    with pytest.raises(InvalidGraph, match="takes floats and ints, not bool"):
        build.apply(Power(), x, flag)
    with pytest.raises(InvalidGraph, match="takes f64, not f32"):
        build.apply(RealPower(), x, x)


# ------------------------------------------------------------------------------------------ ONNX


def onnx_pow(base: Array, exponent: Array, *, constant: bool) -> Array:
    """Return the result of a model with one Pow; the exponent may be a weight of it."""
    kinds = [helper.np_dtype_to_tensor_dtype(each.dtype) for each in (base, exponent)]
    values = [
        helper.make_tensor_value_info(name, kind, each.shape)
        for name, kind, each in zip("xy", kinds, (base, exponent), strict=True)
    ]
    out = helper.make_tensor_value_info("z", kinds[0], np.broadcast(base, exponent).shape)
    weights = [onnx.numpy_helper.from_array(exponent, "y")] if constant else []
    node = helper.make_node("Pow", ["x", "y"], ["z"])
    inputs = values[:1] if constant else values
    graph = helper.make_graph([node], "g", inputs, [out], initializer=weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    data = [base[None]] if constant else [base[None], exponent[None]]
    result: Array = interpret(load(model, batch_axis=None), data)[0][0]
    return result


@pytest.mark.parametrize("constant", [False, True], ids=["computed", "constant"])
@pytest.mark.parametrize("exponent_type", ["float32", "float64", "int32", "int64", "uint8"])
@pytest.mark.parametrize("base_type", ["float32", "float64", "int32", "int64"])
def test_onnx_pow_has_the_type_of_the_base(
    base_type: str, exponent_type: str, constant: bool
) -> None:
    base = np.array([[1, 2, 3], [4, 5, 6]], base_type)
    exponent = np.array([[0], [3]], exponent_type)
    got = onnx_pow(base, exponent, constant=constant)
    assert got.dtype == base.dtype
    assert got == pytest.approx(np.power(base.astype(float), exponent.astype(float)), rel=1e-7)


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0, 7.0, 0.5, 1.5, -1.0, -0.5, 0.3, -2.7, 11.0])
def test_onnx_pow_with_one_constant_exponent(exponent: float) -> None:
    base = np.array([0.25, 1.0, 2.0, 9.5], np.float32)
    got = onnx_pow(base, np.array(exponent, np.float32), constant=True)
    wanted = np.power(base.astype(float), float(np.float32(exponent)))
    assert got == pytest.approx(wanted, rel=5 * 2.0**-24)


def test_onnx_pow_of_ints_with_a_constant_exponent() -> None:
    base = np.array([-2, -1, 0, 1, 2, 50000], np.int32)
    assert onnx_pow(base, np.array(2, np.int32), constant=True)[-1] == np.int32(-1794967296)
    assert onnx_pow(base, np.array(-1, np.int32), constant=True).tolist() == [0, -1, 0, 1, 0, 0]
    roots = onnx_pow(base, np.array(0.5, np.float32), constant=True)
    assert roots.tolist() == [0, 0, 0, 1, 1, 223]  # NaN becomes 0
