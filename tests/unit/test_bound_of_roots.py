"""Bounds of a root whose argument is small but never negative: the length of a short vector."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest

from inferon.analysis.accuracy import ONNX_RUNTIME
from inferon.analysis.bound import agreement, bound
from inferon.analysis.signs import never_negative
from inferon.errors import Mismatch
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import FLOAT32
from inferon.ops import build as b

THIRD = float(np.float32(1.0 / 3.0))


def length_graph() -> Graph:
    """Return the distance of two points behind roundings, and what a layer makes of it."""
    x = b.input_("x", (4,), FLOAT32)
    y = b.input_("y", (4,), FLOAT32)
    apart = b.sub(b.mul(b.mul(x, 3.0), THIRD), y)
    length = b.sqrt(b.sum_(b.mul(apart, apart), (0,)))
    return Graph("length", (x, y), (length, b.mul(length, length)), ("length", "square"))


def near_points(events: int) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    """Return pairs of points: the same, an ULP or so apart, and far apart."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((events, 4)).astype(np.float32)
    distance = 10.0 ** rng.uniform(-12.0, 0.0, (events, 1)) * (rng.random((events, 1)) < 0.8)
    return [x, (x + distance * rng.standard_normal((events, 4))).astype(np.float32)]


def test_the_length_of_a_short_vector_is_decided_and_bounded() -> None:
    graph, data = length_graph(), near_points(2000)
    limits = bound(graph, data)
    assert not limits.undecided.any()
    assert 0.0 < agreement(graph, data, interpret(graph, data)).worst <= 1.0
    # three roundings of numbers up to 4, and four of them in the vector
    assert limits.errors[0].max() < 3.0 * 4.0 * 4.0 * 2.0**-24 * 2.0


def test_another_order_keeps_the_bound_of_a_peer() -> None:
    graph, (x, y) = length_graph(), near_points(2000)
    apart = x * np.float32(3.0) * np.float32(THIRD) - y
    length = np.sqrt((apart[:, ::-1] * apart[:, ::-1]).sum(axis=1, dtype=np.float32))
    found = agreement(graph, [x, y], (length, length * length), accuracy=ONNX_RUNTIME)
    assert found.undecided == 0


def test_a_wrong_length_of_a_short_vector_is_found() -> None:
    graph, data = length_graph(), near_points(200)
    length, square = interpret(graph, data)
    with pytest.raises(Mismatch, match="output length"):
        agreement(graph, data, (length + np.float32(1e-4), square))


def test_the_form_tells_what_cannot_be_negative() -> None:
    x, y = (b.input_(name, (3,), FLOAT32) for name in "xy")
    squares = b.add(b.mul(x, x), b.mul(y, y))
    for node in (squares, b.fma(x, x, squares), b.sum_(squares, (0,)), b.absolute(b.sub(x, y))):
        assert never_negative(node)
    for node in (x, b.mul(x, y), b.add(squares, x), b.sub(squares, squares), b.fma(x, y, squares)):
        assert not never_negative(node)


def test_long_and_wide_sums_take_no_time() -> None:
    """A chain of 5,000 sums, and a node whose paths double 60 times."""
    x = b.input_("x", (1,), FLOAT32)
    square = b.mul(x, x)
    chain: Node = reduce(lambda node, _: b.add(node, square), range(5000), square)
    doubled: Node = reduce(lambda node, _: b.add(node, node), range(60), square)
    assert never_negative(chain)
    assert never_negative(doubled)
