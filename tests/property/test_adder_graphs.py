"""Shared adder graphs are the matrix, exactly, within their depth and ranges, and cost no more."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from inferon.passes.share import AdderGraph, InputRange, Operand, plain, share
from inferon.passes.share.graph import Array
from tests.property.adder_graphs import (
    EXTRA_DEPTHS,
    Product,
    events,
    least_depth,
    products,
    values,
)

ROOT = Path(__file__).parents[2]


def is_product(graph: AdderGraph, matrix: Array, x: Array) -> bool:
    return bool((graph.evaluate(x) == matrix @ x).all())


@given(products(), EXTRA_DEPTHS)
def test_it_is_the_product(product: Product, extra: int | None) -> None:
    x = events(product)
    for graph in (
        share(product.matrix, product.inputs, extra),
        plain(product.matrix, product.inputs),
    ):
        assert is_product(graph, product.matrix, x)


@given(products(), EXTRA_DEPTHS)
def test_every_value_stays_in_its_interval(product: Product, extra: int | None) -> None:
    graph = share(product.matrix, product.inputs, extra)
    intervals = graph.intervals()
    for (low, high), row in zip(intervals, values(graph, events(product)), strict=True):
        assert low <= row.min()
        assert row.max() <= high


@given(products(), EXTRA_DEPTHS)
def test_no_output_is_too_deep(product: Product, extra: int | None) -> None:
    depth = share(product.matrix, product.inputs, extra).depth
    assert plain(product.matrix, product.inputs).depth <= least_depth(product)
    if extra is not None:
        assert depth <= least_depth(product) + extra


@given(products(), EXTRA_DEPTHS)
def test_sharing_never_costs(product: Product, extra: int | None) -> None:
    shared = share(product.matrix, product.inputs, extra)
    assert shared.luts <= plain(product.matrix, product.inputs).luts


@given(products(), EXTRA_DEPTHS)
def test_adders_need_earlier_values_only(product: Product, extra: int | None) -> None:
    graph = share(product.matrix, product.inputs, extra)
    for number, adder in enumerate(graph.adders, start=len(product.inputs)):
        assert max(adder.left.value, adder.right.value) < number
        assert min(adder.left.shift, adder.right.shift) == 0
        assert not adder.left.negative


@given(products())
def test_planted_faults_are_seen(product: Product) -> None:
    """A sign lost or a shift off by one, in the adder that the last output ends with."""
    x = events(product)
    graph = share(product.matrix, product.inputs, None)
    inputs = len(product.inputs)
    for output in graph.outputs:
        if output is None or output.value < inputs:
            continue
        number = output.value - inputs
        adder = graph.adders[number]
        wrong = (
            replace(adder, right=replace(adder.right, negative=not adder.right.negative)),
            replace(adder, right=replace(adder.right, shift=adder.right.shift + 1)),
        )
        if not values(graph, x)[adder.right.value].any():
            continue
        for fault in wrong:
            adders = (*graph.adders[:number], fault, *graph.adders[number + 1 :])
            assert not is_product(replace(graph, adders=adders), product.matrix, x)


@pytest.mark.parametrize("extra", [None, 0, 1])
@pytest.mark.parametrize(("bits", "density"), [(4, 1.0), (6, 0.5), (16, 0.5)])
def test_layers_of_random_weights(bits: int, density: float, extra: int | None) -> None:
    rng = np.random.default_rng(bits)
    most = 2 ** (bits - 1)
    matrix = rng.integers(-most, most, (24, 16)) * (rng.random((24, 16)) < density)
    inputs = [InputRange(0, 255)] * 16
    graph = share(matrix, inputs, extra)
    assert is_product(graph, matrix, rng.integers(0, 256, (16, 20)))
    alone = plain(matrix, inputs)
    # Less than three in four adders remain of each of these, and the bound is the tree's.
    assert 4 * len(graph.adders) < 3 * len(alone.adders)
    if extra is not None:
        assert graph.depth <= alone.depth + extra


def test_rows_that_repeat_cost_nothing() -> None:
    row = np.array([3, -5, 0, 7])
    inputs = [InputRange(-8, 7)] * 4
    alone = share(row[None], inputs)
    graph = share(np.stack([row, -row, 4 * row, 0 * row, row]), inputs)
    assert len(graph.adders) == len(alone.adders)
    assert graph.outputs[3] is None
    assert graph.outputs[0] == graph.outputs[4]


def test_what_needs_no_adder() -> None:
    inputs = [InputRange(-8, 7), InputRange(0, 0), InputRange(0, 1)]
    graph = share(np.array([[-4, 5, 0], [0, 3, 0], [0, 0, 8], [0, 0, 0]]), inputs, 0)
    expected = (Operand(0, 2, True), None, Operand(2, 3, False), None)
    assert (graph.adders, graph.outputs) == ((), expected)
    assert (graph.luts, graph.depth) == (0, 0)
    # One bit above eight others: no carry runs, so no look-up table is needed.
    assert share(np.array([[1, 256]]), [InputRange(0, 255), InputRange(0, 1)]).luts == 0


def test_late_inputs_are_added_last() -> None:
    inputs = [InputRange(0, 15, depth) for depth in (0, 3, 0, 0, 0)]
    graph = share(np.ones((1, 5), dtype=np.int64), inputs, 0)
    assert graph.depth == 4


def test_no_outputs_and_no_inputs() -> None:
    assert share(np.zeros((0, 3), dtype=np.int64), [InputRange(0, 1)] * 3).outputs == ()
    assert share(np.zeros((2, 0), dtype=np.int64), []).outputs == (None, None)


def test_the_same_graph_in_every_process() -> None:
    """Neither the seed of Python's hashes nor a former call matters."""
    program = (
        "import numpy as np; from inferon.passes.share import *;"
        "m = np.random.default_rng(1).integers(-31, 32, (16, 12));"
        "print(share(m, [InputRange(0, 255)] * 12, 1))"
    )
    command = [sys.executable, "-c", program]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    first, second = (
        subprocess.run(
            command, env={**environment, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("0", "12345")
    )
    assert first == second
    assert b"Adder(" in first


@pytest.mark.parametrize(
    ("matrix", "extra", "message"),
    [
        (np.ones((2, 3)), None, "whole numbers"),
        (np.ones(3, dtype=np.int64), None, r"shape \(3,\)"),
        (np.ones((2, 4), dtype=np.int64), None, "3 inputs"),
        (np.ones((2, 3), dtype=np.int64), -1, "0 or more"),
    ],
)
def test_bad_input(matrix: Array, extra: int | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        share(matrix, [InputRange(0, 1)] * 3, extra)


def test_bad_ranges() -> None:
    with pytest.raises(ValueError, match="takes no value"):
        InputRange(1, 0)
    with pytest.raises(ValueError, match="0 or more"):
        InputRange(0, 1, -1)
