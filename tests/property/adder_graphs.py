"""Random products with a constant matrix, and what every adder graph of one has to keep."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from inferon.passes.share import AdderGraph, InputRange
from inferon.passes.share.graph import Array


@dataclass(frozen=True)
class Product:
    """A matrix (outputs, inputs) of Python's whole numbers and what its inputs take."""

    matrix: Array
    inputs: tuple[InputRange, ...]


WEIGHTS = st.one_of(
    st.integers(-9, 9),
    st.sampled_from([0, 0, 1, -1, 3, -3, 7]),
    st.integers(0, 40).map(lambda k: 1 << k),
    st.integers(-(1 << 16), 1 << 16),
    st.integers(-(1 << 70), 1 << 70),
)


@st.composite
def ranges(draw: st.DrawFn) -> InputRange:
    low = draw(st.sampled_from([0, 0, -1, -128, -5, 3, -(1 << 40)]))
    high = low + draw(st.sampled_from([0, 1, 2, 127, 255, 1 << 40]))
    return InputRange(low, high, draw(st.sampled_from([0, 0, 0, 1, 4])))


@st.composite
def products(draw: st.DrawFn) -> Product:
    """Draw a matrix of up to 6 x 6, with rows that are others shifted, negated, or nothing."""
    inputs = draw(st.integers(1, 6))
    rows: list[list[int]] = []
    for _ in range(draw(st.integers(1, 6))):
        if rows and draw(st.integers(0, 3)) == 0:
            source, factor = draw(st.sampled_from(rows)), draw(st.sampled_from([1, -1, 4, -8, 0]))
            rows.append([factor * number for number in source])
        else:
            rows.append(draw(st.lists(WEIGHTS, min_size=inputs, max_size=inputs)))
    matrix = np.array(rows, dtype=object)
    return Product(matrix, tuple(draw(ranges()) for _ in range(inputs)))


EXTRA_DEPTHS = st.sampled_from([None, 0, 1, 2])


def events(product: Product, count: int = 40) -> Array:
    """Return (inputs, count): random whole numbers of the ranges, both ends among them."""
    rng = np.random.default_rng(0)
    rows = [
        [each.low, each.high, *(int(n) for n in rng.integers(each.low, each.high + 1, count - 2))]
        for each in product.inputs
    ]
    return np.array(rows, dtype=object)


def values(graph: AdderGraph, x: Array) -> Array:
    """Return every value of the graph, inputs first: (values, events)."""
    rows = list(x)
    for adder in graph.adders:
        left, right = (
            rows[each.value] * (1 << each.shift) * (-1 if each.negative else 1)
            for each in (adder.left, adder.right)
        )
        rows.append(left + right)
    return np.array(rows, dtype=object)


def least_depth(product: Product) -> int:
    """Return the depth of the shallowest trees, counted digit by digit."""
    deepest = 0
    for row in product.matrix:
        loads = 0
        for number, each in zip(row, product.inputs, strict=True):
            if (each.low, each.high) == (0, 0):
                continue
            rest = abs(int(number))
            while rest:
                if rest & 1:
                    rest += 1 if rest & 3 == 3 else -1
                    loads += 1 << each.depth
                rest >>= 1
        while (1 << deepest) < loads:
            deepest += 1
    return deepest
