"""Products turned round, choices for registers of rows, strides of two: the interpreter's bits."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np

from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.shape import static
from inferon.ir.types import FLOAT32
from inferon.ops import build as b
from inferon.ops.activation import Relu
from inferon.ops.normalization import Softmax
from inferon.passes.presets import CPU
from inferon.targets.cpp.fuse import plan
from inferon.targets.cpp.region import Choose, Product
from inferon.targets.toolchain import Compiler
from tests.differential.cpp_pack import Pack, check, each_build

EVENTS = 32
"""Four of each kind of `Samples`: ties, zeros of both signs and NaN among them."""

PLACES = (7, 8, 16, 17, 33)
"""Rows below, at and above whole registers."""


def attention(rows: int, keys: int, width: int) -> Graph:
    """Return softmax(q . k) . v of two heads."""
    q, k, v = (
        b.input_(name, (2, n, width), FLOAT32)
        for name, n in zip("qkv", (rows, keys, keys), strict=True)
    )
    scores = b.product(q, b.transpose(k, (0, 2, 1)), batch=1)
    weights = b.apply(Softmax(2), b.mul(scores, 0.25))
    mixed = b.transpose(b.product(weights, v, batch=1), (1, 0, 2))
    return Graph("attention", (q, k, v), (b.reshape(mixed, (rows, 2 * width)),), ("y",))


def nearest(rows: int, width: int, k: int, *, largest: bool) -> Graph:
    """Return the best k for each row of a product."""
    x = b.input_("x", (rows, width), FLOAT32)
    score = b.neg(b.product(x, b.transpose(x, (1, 0))))
    return Graph("nearest", (x,), (b.top_k(score, k, largest=largest),), ("y",))


def chosen(rows: int, size: int, k: int, *, largest: bool) -> Graph:
    """Return the best k of columns that lie apart."""
    x = b.input_("x", (size, rows), FLOAT32)
    best = b.top_k(b.transpose(x, (1, 0)), k, largest=largest)
    return Graph("chosen", (x,), (best,), ("y",))


def outer(rows: int, k: int) -> Graph:
    """Return the best k of what is computed for all pairs, not by a product."""
    x = b.input_("x", (rows,), FLOAT32)
    apart = b.sub(b.expand(x, 1), b.expand(x, 0))
    return Graph("outer", (x,), (b.top_k(b.mul(apart, apart), k, largest=False),), ("y",))


def windows(image: Node) -> Node:
    """Return all pieces of 3 x 3 of the first two axes, as two more axes at the end."""
    return b.window(b.window(image, 0, 3), 1, 3)


def pooled(height: int, width: int, channels: int) -> Graph:
    """Return a convolution to few channels, ReLU, and the largest of 2 x 2."""
    x = b.input_("x", (height, width), FLOAT32)
    weights = np.random.default_rng(1).normal(size=(3, 3, channels)).astype(np.float32)
    y = b.transpose(b.product(windows(x), b.constant(weights), contract=2), (2, 0, 1))
    pieces = b.window(b.window(b.apply(Relu(), y), 1, 2, 2), 2, 2, 2)
    return Graph("pooled", (x,), (b.reduce_max(pieces, (3, 4)),), ("y",))


def stacked(height: int, width: int, channels: tuple[int, ...], *, maps: bool = False) -> Graph:
    """Return convolutions with a bias for every channel, maybe for every pixel, and ReLU."""
    rng = np.random.default_rng(2)
    x = b.input_("x", (1, height, width), FLOAT32)
    y, before = x, 1
    for after in channels:
        pieces = windows(b.transpose(y, (1, 2, 0)))
        weights = rng.normal(size=(before, 3, 3, after)).astype(np.float32)
        mixed = b.transpose(b.product(pieces, b.constant(weights), contract=3), (2, 0, 1))
        biased = b.add(mixed, b.constant(rng.normal(size=(after, 1, 1)).astype(np.float32)))
        if maps:
            pixels = rng.normal(size=static(biased.type.shape[1:], "pixels"))
            biased = b.add(biased, b.constant(pixels.astype(np.float32)))
        y, before = b.apply(Relu(), biased), after
    return Graph("stacked", (x,), (y,), ("y",))


def graphs() -> Iterator[Graph]:
    yield stacked(11, 11, (16, 8, 2))
    yield stacked(12, 9, (5, 3), maps=True)
    yield stacked(9, 20, (4, 20, 1))
    for rows in PLACES:
        yield attention(rows, 9, 3)
        yield attention(rows, 16, 5)
        yield outer(rows, 3)
        for largest in (True, False):
            yield nearest(rows, 2, 5, largest=largest)
            yield chosen(rows, 20, 16, largest=largest)
    yield chosen(16, 17, 1, largest=True)
    yield chosen(16, 40, 17, largest=False)  # more than registers hold
    for width in (6, 18, 34, 36, 66):
        yield pooled(8, width, 5)


@cache
def pack() -> Pack:
    return Pack(tuple(graphs()), EVENTS)


@each_build
def test_bits(build: Compiler) -> None:
    check(pack(), build)


def products(graph: Graph) -> list[Product]:
    return [each for each in plan(CPU.run(graph)).regions if isinstance(each, Product)]


def test_queries_of_attention_lie_in_the_lanes() -> None:
    scores, values = products(attention(32, 20, 3))
    assert scores.to.shape == (2, 20, 32)
    assert values.to.shape == (2, 3, 32)
    assert scores.to.strides[-1] == values.right.strides[-1] == 1


def test_few_rows_and_pixels_that_lie_apart_are_not_turned() -> None:
    scores, _ = products(attention(8, 20, 16))
    assert scores.to.shape == (2, 8, 20)
    for shape, turned in (((9, 9, 16), False), ((16, 9, 9), True)):
        image = b.input_("x", shape, FLOAT32)
        x = windows(image if not turned else b.transpose(image, (1, 2, 0)))
        weights = b.constant(np.ones((16, 3, 3, 2), np.float32))
        graph = Graph("g", (image,), (b.product(x, weights, contract=3),), ("y",))
        assert products(graph)[0].to.shape == ((2, 7, 7) if turned else (7, 7, 2))


def test_pixels_lie_in_the_lanes_with_the_gaps_between_lines() -> None:
    first, second, third = products(stacked(11, 11, (16, 8, 2)))
    assert first.to.shape == (16, 9, 9)  # the caller's image: windows are copied without gaps
    assert second.to.shape == (8, 6 * 9 + 7)
    assert second.right.strides[-1] == 1
    assert third.to.shape == (2, 4 * 9 + 5)  # the gaps of the layer before are pixels of this one


def test_rows_of_a_choice_lie_side_by_side() -> None:
    for graph in (nearest(32, 2, 5, largest=True), outer(32, 3)):
        (choice,) = (each for each in plan(CPU.run(graph)).regions if isinstance(each, Choose))
        assert choice.source.strides[0] == 1
