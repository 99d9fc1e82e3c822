"""Convolutions, pools, determinants against their definitions as loops: mostly ``==`` (7 s)."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inferon.errors import InvalidGraph
from inferon.frontends.onnx.operators.interpolation import meant
from inferon.frontends.onnx.operators.picking import picked
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.types import FLOAT32, FLOAT64, INT64, Int
from inferon.ir.values import Array
from inferon.ops import build as b
from inferon.ops import convolution as c
from inferon.ops.base import Composite
from inferon.ops.determinant import Determinant
from inferon.passes.decompose import DECOMPOSE
from inferon.passes.fold import FOLD
from inferon.pipeline import Pipeline

EVENTS = 2


def result(op: Composite, x: Array, *weights: Array) -> Array:
    """Return the value of an operator for events (EVENTS, ...) and constants."""
    element = b.element_of(x.dtype)
    node = b.input_("x", x.shape[1:], element)
    value = b.apply(op, node, *(b.constant(each) for each in weights))
    return np.asarray(interpret(Graph("case", (node,), (value,), ("y",)), [x])[0])


def whole(shape: tuple[int, ...], seed: int, low: int = -9, high: int = 10) -> Array:
    return np.random.default_rng(seed).integers(low, high, shape)


axis = st.fixed_dictionaries(
    {
        "size": st.integers(1, 5),
        "kernel": st.integers(1, 5),
        "stride": st.integers(1, 4),
        "dilation": st.integers(1, 3),
        "before": st.integers(0, 3),
        "after": st.integers(0, 3),
        "extra": st.integers(0, 2),
    }
)


def numbers(axes: list[dict[str, int]], name: str) -> tuple[int, ...]:
    return tuple(each[name] for each in axes)


def transposed(x: Array, w: Array, axes: list[dict[str, int]], groups: int) -> Array:
    """Add every product to the place where it belongs, and cut: the definition."""
    whole_sizes = [
        (a["size"] - 1) * a["stride"] + (a["kernel"] - 1) * a["dilation"] + 1 for a in axes
    ]
    out, fan_in = w.shape[1] * groups, w.shape[0] // groups
    pairs = list(zip(axes, whole_sizes, strict=True))
    full = np.zeros(
        (EVENTS, out, *(s + a["extra"] for s, a in zip(whole_sizes, axes, strict=True))), np.int64
    )
    columns = w.shape[1]
    for o, i in product(range(out), range(fan_in)):
        channel = o // columns * fan_in + i
        for place in np.ndindex(*numbers(axes, "size")):
            for tap in np.ndindex(*numbers(axes, "kernel")):
                to = tuple(
                    p * a["stride"] + k * a["dilation"]
                    for p, k, a in zip(place, tap, axes, strict=True)
                )
                full[(slice(None), o, *to)] += (
                    x[(slice(None), channel, *place)] * w[(channel, o % columns, *tap)]
                )
    cut = [slice(a["before"], size - a["after"] + a["extra"]) for a, size in pairs]
    return full[(slice(None), slice(None), *cut)]


@given(
    axes=st.lists(axis, min_size=1, max_size=2), groups=st.integers(1, 2), seed=st.integers(0, 9)
)
@settings(max_examples=60, deadline=None)
def test_a_transposed_convolution_adds_every_product_where_it_belongs(
    axes: list[dict[str, int]], groups: int, seed: int
) -> None:
    names = ("stride", "before", "after", "extra", "dilation")
    strides, before, after, extra, dilations = (numbers(axes, name) for name in names)
    op = c.ConvTranspose(strides, before, after, extra, dilations, groups)
    x = whole((EVENTS, 2 * groups, *numbers(axes, "size")), seed)
    w = whole((2 * groups, 2, *numbers(axes, "kernel")), seed + 1)
    wanted = transposed(x, w, axes, groups)
    if 0 in wanted.shape:
        with pytest.raises(InvalidGraph, match="leaves the sizes"):
            result(op, x, w)
    else:
        np.testing.assert_array_equal(result(op, x, w), wanted)


def test_an_infinity_reaches_only_its_own_kernel() -> None:
    """A stride of 2 in front of zeros would make NaN of 0 * infinity everywhere around."""
    x = np.ones((EVENTS, 1, 6), np.float32)
    x[:, :, 3] = np.inf
    w = np.ones((1, 1, 3), np.float32)
    y = result(c.ConvTranspose((2,), (0,), (0,), (0,), (1,)), x, w)
    assert np.isinf(y).sum() == EVENTS * 3
    assert not np.isnan(y).any()


def test_stride_and_kernel_of_one_size_are_one_product() -> None:
    """The usual way to grow in a U-Net costs no more than its products."""
    x, w = b.input_("x", (8, 4, 4), FLOAT32), b.constant(np.ones((8, 5, 2, 2), np.float32))
    op = c.ConvTranspose((2, 2), (0, 0), (0, 0), (0, 0), (1, 1))
    graph = Graph("grow", (x,), (b.apply(op, x, w),), ("y",))
    nodes = Pipeline("lower", (DECOMPOSE, FOLD)).run(graph).nodes()
    dots = [node for node in nodes if node.op.spelling() == "dot"]
    assert [node.type.shape for node in dots] == [(4, 4, 20)]


def windows(a: dict[str, int]) -> list[list[int]]:
    """Return the places of each window of one axis, also those outside of it."""
    span = (a["kernel"] - 1) * a["dilation"] + 1
    starts = range(-a["before"], a["size"] + a["after"] - span + 1, a["stride"])
    return [[at + k * a["dilation"] for k in range(a["kernel"])] for at in starts]


def pooled(x: Array, axes: list[dict[str, int]], function: Any) -> Array:
    """Return a function of the places and values of every window that lie inside."""
    rows = [windows(a) for a in axes]
    shape = x.shape[:2]
    out = np.zeros((*shape, *(len(r) for r in rows)), np.float64)
    for event, channel in np.ndindex(*shape):
        image = x[event, channel]
        for at in np.ndindex(*(len(r) for r in rows)):
            places = list(product(*(r[i] for r, i in zip(rows, at, strict=True))))
            inside = [
                p for p in places if all(0 <= i < s for i, s in zip(p, image.shape, strict=True))
            ]
            out[(event, channel, *at)] = function(image, inside, places)
    return out


def usable(axes: list[dict[str, int]]) -> bool:
    """Return whether every window sees an element."""
    return all(
        windows(a) and all(any(0 <= i < a["size"] for i in w) for w in windows(a)) for a in axes
    )


def arguments(axes: list[dict[str, int]]) -> dict[str, tuple[int, ...]]:
    return {
        "kernel": numbers(axes, "kernel"),
        "strides": numbers(axes, "stride"),
        "pads_before": numbers(axes, "before"),
        "pads_after": numbers(axes, "after"),
        "dilations": numbers(axes, "dilation"),
    }


some_axes = st.lists(axis, min_size=1, max_size=2).filter(usable)


@given(axes=some_axes, seed=st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_the_index_of_the_largest_is_the_first_inside(
    axes: list[dict[str, int]], seed: int
) -> None:
    """Int8 with many ties, and many of the lowest number, which also is in the padding."""
    shape = (EVENTS, 2, *numbers(axes, "size"))
    x = np.where(whole(shape, seed, 0, 2) > 0, whole(shape, seed + 1, -2, 1), -128)
    x = x.astype(np.int8)

    def first(image: Array, inside: list[tuple[int, ...]], _: Any) -> float:
        best = max(inside, key=lambda p: (image[p], [-i for i in p]))
        return float(np.ravel_multi_index(best, image.shape))

    wanted = pooled(x, axes, first)
    np.testing.assert_array_equal(result(c.MaxPoolIndex(**arguments(axes)), x), wanted)


@given(axes=some_axes, count=st.booleans(), data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_mean_counts_what_it_says(
    axes: list[dict[str, int]], count: bool, data: st.DataObject
) -> None:
    beyond = tuple(data.draw(st.integers(0, a["after"])) for a in axes)
    x = whole((EVENTS, 1, *numbers(axes, "size")), 3).astype(np.float64)
    ends = [a["size"] + a["after"] - more for a, more in zip(axes, beyond, strict=True)]
    starts = [-a["before"] for a in axes]

    def mean(image: Array, inside: list[tuple[int, ...]], places: list[tuple[int, ...]]) -> float:
        padded = [
            p
            for p in places
            if all(low <= i < high for i, low, high in zip(p, starts, ends, strict=True))
        ]
        return float(sum(image[p] for p in inside)) / len(padded if count else inside)

    wanted = pooled(x, axes, mean)
    op = c.AveragePool(**arguments(axes), count_pad=count, beyond=beyond)
    np.testing.assert_array_equal(result(op, x), wanted)


@pytest.mark.parametrize("p", [1, 2, 3, 4, 6])
def test_norms_are_those_of_numpy(p: int) -> None:
    x = whole((EVENTS, 2, 7), 3).astype(np.float32)
    node = b.input_("x", x.shape[1:], FLOAT32)
    value = b.apply(c.LpPool((3,), (2,), (0,), (0,), (1,), p), node)
    (y,) = interpret(Graph("case", (node,), (value,), ("y",)), [x], real=True)
    rows = np.lib.stride_tricks.sliding_window_view(x.astype(np.float64), 3, 2)[:, :, ::2]
    wanted = (np.abs(rows) ** p).sum(-1) ** (1.0 / p)
    assert np.abs(y - wanted).max() <= 2.0**-40 * wanted.max()  # float64, exp and log


def exact_determinant(rows: list[list[Fraction]]) -> Fraction:
    if not rows:
        return Fraction(1)
    minors = ([row[:i] + row[i + 1 :] for row in rows[1:]] for i in range(len(rows)))
    terms = zip(rows[0], minors, strict=True)
    return sum(
        ((-1) ** i * each * exact_determinant(minor) for i, (each, minor) in enumerate(terms)),
        Fraction(0),
    )


@given(size=st.integers(1, 5), seed=st.integers(0, 99), low=st.sampled_from([0, -3]))
@settings(max_examples=40, deadline=None)
def test_a_determinant_is_the_sum_over_permutations(size: int, seed: int, low: int) -> None:
    """Matrices of few different numbers: many are singular, many need exchanges of rows."""
    x = whole((EVENTS, size, size), seed, low, 3)
    wanted = [float(exact_determinant([[Fraction(int(n)) for n in row] for row in m])) for m in x]
    y = result(Determinant(), x.astype(np.float64))
    scale = np.prod(np.maximum(1.0, np.sqrt((x.astype(np.float64) ** 2).sum(-1))), -1)
    assert (np.abs(y - wanted) <= 2.0**-46 * size * scale).all()  # Hadamard's bound


def test_a_determinant_of_zeros_is_zero() -> None:
    x = np.zeros((EVENTS, 6, 6), np.float32)
    np.testing.assert_array_equal(result(Determinant(), x), np.zeros(EVENTS))


@given(
    places=st.one_of(
        st.lists(st.integers(0, 6), min_size=1, max_size=12),
        st.builds(lambda n, k: sorted(list(range(n)) * k), st.integers(1, 7), st.integers(1, 3)),
        st.builds(lambda a, s, n: [(a + s * i) % 7 for i in range(n)], *[st.integers(1, 6)] * 3),
    ),
    axis=st.integers(0, 2),
)
@settings(max_examples=80, deadline=None)
def test_picked_elements_are_those_of_numpy(places: list[int], axis: int) -> None:
    x = whole((EVENTS, 7, 7, 7), 3)
    node = b.input_("x", (7, 7, 7), INT64)
    value = picked(node, axis, np.array(places))
    (y,) = interpret(Graph("case", (node,), (value,), ("y",)), [x])
    np.testing.assert_array_equal(y, np.take(x, places, axis + 1))


def test_padding_and_repetition_need_no_gather() -> None:
    node = b.input_("x", (7,), FLOAT64)
    for places in ([2, 1, 0, 1, 2, 3, 4, 5, 6, 5], [0, 0, 1, 1, 2, 2], [0, 0, 0, 1, 2], [1, 3, 5]):
        graph = Graph("case", (node,), (picked(node, 0, np.array(places)),), ("y",))
        assert all(each.op.spelling() != "gather" for each in graph.nodes())


@pytest.mark.parametrize(("top", "bottom"), [(1, 3), (2, 3), (7, 10), (5, 4), (31, 13), (640, 7)])
def test_a_scale_is_the_fraction_that_was_meant(top: int, bottom: int) -> None:
    assert meant(float(np.float32(top / bottom))) == Fraction(top, bottom)


def test_any_other_scale_is_taken_as_it_stands() -> None:
    number = float(np.float32(0.7182818))
    assert meant(number) == Fraction(number)


def test_int8_is_pooled_as_it_is() -> None:
    x = whole((EVENTS, 1, 6), 5, -128, 128).astype(np.int8)
    y = result(c.MaxPool((2,), (2,), (1,), (1,), (1,)), x)
    assert y.dtype == np.int8
    assert b.element_of(y.dtype) == Int(True, 8)
    np.testing.assert_array_equal(y[:, 0, 0], x[:, 0, 0])
