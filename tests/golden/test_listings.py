"""Listings as people read them: a change of their form shows up here as a difference of text."""

from __future__ import annotations

import numpy as np

from inferon.ir.graph import Graph
from inferon.ir.listing import show
from inferon.ir.node import Node
from inferon.ir.shape import Dim
from inferon.ir.types import FLOAT32, Fixed
from inferon.ir.values import Values
from inferon.ops import build
from inferon.ops.activation import Relu, Silu
from inferon.ops.convert import Quantize
from inferon.ops.elementary import Sigmoid
from inferon.ops.mantissa import Overflow, Rounding
from inferon.ops.table import Table
from inferon.ops.vocabulary import parse_listing
from inferon.passes.presets import CPU
from tests.golden_files import Golden


def dense(x: Node, width: int, name: str) -> Node:
    size = x.type.shape[-1]
    assert isinstance(size, int)
    weights = np.arange(size * width, dtype=np.float32).reshape(size, width) / 8 - 1
    bias = np.linspace(-1, 1, width).astype(np.float32)
    product = build.product(x, build.constant(weights))
    total = build.add(product, build.constant(bias))
    return Node(total.op, tuple(Node(i.op, i.inputs, name) for i in total.inputs), name)


def mlp() -> Graph:
    x = build.input_("x", (4,), FLOAT32)
    hidden = build.apply(Relu(), dense(x, 6, "fc1"), origin="relu1")
    score = build.apply(Sigmoid(), dense(hidden, 1, "fc2"), origin="score")
    return Graph("tagger", (x,), (score, hidden), ("score", "hidden"))


def deep_sets() -> Graph:
    particles = Dim("particles", 64)
    x = build.input_("x", (particles, 3), FLOAT32)
    mask = build.input_("mask", (particles, 1), FLOAT32)
    phi = build.apply(Silu(), dense(x, 5, "phi.0"), origin="phi.1")
    pooled = build.sum_(build.mul(phi, mask), [0])
    return Graph("deep_sets", (x, mask), (dense(pooled, 2, "rho.0"),), ("logits",))


def firmware() -> Graph:
    """A sequential accumulator of 12 bits that wraps, then a table."""
    fixed = Fixed(True, 12, 4)
    state = build.input_("sum", (), fixed)
    x, w = build.input_("x", (), Fixed(True, 8, 2)), build.input_("w", (), Fixed(True, 6, 1))
    total = build.add(state, build.mul(x, w))
    step = build.apply(Quantize(fixed, Rounding.FLOOR, Overflow.WRAP), total)
    body = Graph("accumulate", (state, x, w), (step,), ("next_sum",))
    inputs = build.input_("x", (10,), FLOAT32)
    data = build.apply(Quantize(Fixed(True, 8, 2), Rounding.HALF_EVEN, Overflow.SATURATE), inputs)
    weights = build.constant(np.arange(-5, 5), Fixed(True, 6, 1))
    folded = build.fold(body, build.constant(0, fixed), [data, weights])
    narrow = build.apply(Quantize(Fixed(True, 3, 3), Rounding.HALF_UP, Overflow.SATURATE), folded)
    entries = Values(np.array([0, 1, 3, 7, 8, 9, 13, 15]))
    result = build.apply(Table(entries, Fixed(False, 4, 0)), narrow, origin="sigmoid")
    return Graph("firmware", (inputs,), (build.cast(result, FLOAT32),), ("score",))


def odd_numbers() -> Graph:
    """Values whose text must not lose a bit."""
    odd = np.array([np.nan, -np.inf, -0.0, 0.1, 1e-45, 3.4028235e38], np.float32)
    payload = np.array([0x7FC00001, 0xFFC00000], np.uint32).view(np.float32)  # NaN with payloads
    outputs = (
        build.constant(odd),
        build.constant(payload),
        build.constant(np.array([[True], [False]])),
        build.constant(np.array([-(1 << 69), (1 << 69) - 1], object), Fixed(True, 70, 4)),
        build.constant(np.zeros((2, 0), np.int8)),
    )
    return Graph("odd_numbers", (), outputs, ("odd", "payload", "truth", "wide", "empty"))


def check(graph: Graph, name: str, golden: Golden) -> None:
    text = show(graph, constants=True)
    assert parse_listing(text) == graph
    golden(name, text + "\n")


def test_mlp(golden: Golden) -> None:
    check(mlp(), "mlp.txt", golden)


def test_mlp_for_cpu(golden: Golden) -> None:
    check(CPU.run(mlp()), "mlp_cpu.txt", golden)


def test_deep_sets(golden: Golden) -> None:
    check(deep_sets(), "deep_sets.txt", golden)


def test_deep_sets_for_cpu(golden: Golden) -> None:
    check(CPU.run(deep_sets()), "deep_sets_cpu.txt", golden)


def test_firmware(golden: Golden) -> None:
    check(firmware(), "firmware.txt", golden)


def test_odd_numbers(golden: Golden) -> None:
    check(odd_numbers(), "odd_numbers.txt", golden)
