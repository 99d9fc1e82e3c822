"""Quantizers against other definitions: Python's decimals, fractions, and what QONNX recorded."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Decimal,
)
from fractions import Fraction
from math import floor
from typing import Any

import numpy as np
import pytest

import inferon
from inferon.errors import InvalidModel, Unsupported
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import FLOAT32, Int
from inferon.ir.values import Array
from inferon.ops import build as b
from inferon.ops.base import Composite
from inferon.ops.quantization import BipolarQuant, Dequantize, IntQuant, ToWhole, Whole
from tests.differential.quantized_networks import QONNX, Writer
from tests.golden_files import FOLDER

OPS: tuple[Composite, ...] = (Whole(), Dequantize(), IntQuant(), BipolarQuant())
"""What has its oracle here."""

DECIMAL = {
    ToWhole.HALF_EVEN: ROUND_HALF_EVEN,
    ToWhole.HALF_AWAY: ROUND_HALF_UP,
    ToWhole.HALF_TOWARD_ZERO: ROUND_HALF_DOWN,
    ToWhole.FLOOR: ROUND_FLOOR,
    ToWhole.CEIL: ROUND_CEILING,
    ToWhole.TOWARD_ZERO: ROUND_DOWN,
    ToWhole.AWAY: ROUND_UP,
}
"""The same modes in the standard library; its "up" and "down" are about magnitudes."""

NUMBERS = np.concatenate(
    [
        np.arange(-30, 31) / 4,
        [0.49999997, -0.49999997, 0.50000006, 8388607.5, -8388607.5, 1e-30, -1e-30, 2.0**24],
        np.random.default_rng(0).normal(0, 50, 200),
    ]
).astype(np.float32)


def value(op: Composite, *inputs: Array) -> Array:
    """Return an operator's value on events of one number."""
    names = "abcde"
    kinds = [FLOAT32 if each.dtype.kind == "f" else Int(True, 8) for each in inputs]
    nodes = tuple(b.input_(name, (), kind) for name, kind in zip(names, kinds, strict=False))
    return interpret(Graph("g", nodes, (Node(op, nodes),), ("y",)), list(inputs))[0]


def decimal(number: float, mode: ToWhole) -> int:
    if mode is ToWhole.HALF_UP:  # the library's is away from zero
        return floor(Fraction(float(number)) + Fraction(1, 2))
    return int(Decimal(float(number)).to_integral_value(DECIMAL[mode]))


@pytest.mark.parametrize("mode", ToWhole)
def test_whole_rounds_like_decimals(mode: ToWhole) -> None:
    expected = [decimal(each, mode) for each in NUMBERS]
    assert value(Whole(mode), NUMBERS).tolist() == expected


def test_whole_keeps_what_is_no_number() -> None:
    odd = np.array([np.nan, np.inf, -np.inf], np.float32)
    for mode in ToWhole:
        assert np.array_equal(value(Whole(mode), odd), odd, equal_nan=True)


def test_dequantize_is_an_exact_difference_times_the_scale() -> None:
    q, zero = (each.ravel().astype(np.int8) for each in np.mgrid[-128:128, -128:128:5])
    scale = np.full(q.shape, 0.1, np.float32)
    steps = q.astype(int) - zero.astype(int)
    expected = np.array([float(np.float32(0.1)) * int(s) for s in steps]).astype(np.float32)
    assert np.array_equal(value(Dequantize(), q, scale, zero), expected)


@pytest.mark.parametrize("mode", ToWhole)
def test_int_quant_is_cut_and_rounded(mode: ToWhole) -> None:
    x = (np.arange(-100, 101) / 16).astype(np.float32)  # 2 x + 3 is exact
    half, three, low, high = (np.full(x.shape, c, np.float32) for c in (0.5, 3.0, -8.0, 7.0))
    steps = [min(max(decimal(2 * each + 3, mode), -8), 7) - 3 for each in x.astype(float)]
    found = value(IntQuant(mode), x, half, three, low, high)
    assert found.tolist() == [0.5 * each for each in steps]


def test_bipolar_quant_is_the_sign() -> None:
    x = np.array([1.0, 0.0, -0.0, -1e-30, -3.0], np.float32)
    scale = np.full(5, 0.75, np.float32)
    assert value(BipolarQuant(), x, scale).tolist() == [0.75, 0.75, 0.75, -0.75, -0.75]


# ------------------------------------------------------------------------------------------- QONNX

RECORD = json.loads((FOLDER / "qonnx_quantizers.json").read_text())


def model(case: dict[str, Any], domain: str = QONNX) -> Any:
    write = Writer(case["version"])
    parameters = [write.number(each) for each in case["inputs"]]
    y = write.layer(case["op"], "x", *parameters, domain=domain, **case["attributes"])
    return write.model((1,), y, domain)


def name(case: dict[str, Any]) -> str:
    attributes = "_".join(str(each) for each in case["attributes"].values())
    return f"{case['op']}{case['version']}_{attributes}"


@pytest.mark.parametrize("case", RECORD["cases"], ids=name)
def test_a_quantizer_has_the_numbers_of_qonnx(case: dict[str, Any]) -> None:
    x = np.array(RECORD["x"], np.float32)[:, None]
    (found,) = interpret(inferon.load(model(case)), x)
    assert found[:, 0].tolist() == case["y"]


@pytest.mark.parametrize("domain", ["finn.custom_op.general", "onnx.brevitas"])
def test_older_domains_mean_the_same(domain: str) -> None:
    case = RECORD["cases"][0]
    assert inferon.load(model(case, domain)).nodes() == inferon.load(model(case)).nodes()


REFUSED: dict[str, tuple[Callable[[Writer], str], type[Exception], str]] = {
    "width": (lambda w: w.quant("x", 1.0, 0), InvalidModel, "a bit width is 0"),
    "part of a bit": (lambda w: w.quant("x", 1.0, 2.5), InvalidModel, "a bit width is 2.5"),
    "too wide": (lambda w: w.quant("x", 1.0, 32), Unsupported, "at most 24"),
    "mode": (
        lambda w: w.quant("x", 1.0, 4, rounding_mode="STOCHASTIC"),
        Unsupported,
        "rounding_mode=STOCHASTIC",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_quantizer_is_refused(case: str) -> None:
    layer, kind, message = REFUSED[case]
    write = Writer()
    output = layer(write)
    with pytest.raises(kind, match=message):
        inferon.load(write.model((1,), output))
