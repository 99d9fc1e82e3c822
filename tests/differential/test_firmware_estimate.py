"""The estimate of firmware is within a tenth of what Yosys counts, on thirty networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import pytest

from benchmarks.firmware.graphs import graph_of
from benchmarks.firmware.networks import (
    Activation,
    Dense,
    Grid,
    Network,
    Step,
    SumOver,
    Windows,
)
from inferon.estimate.firmware import estimate
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import Fixed
from inferon.ir.values import Values
from inferon.measure.synthesis import synthesize_together
from inferon.ops import build as b
from inferon.ops.convert import Quantize
from inferon.ops.mantissa import Overflow, Rounding
from inferon.ops.table import Table
from inferon.targets.rtl import Verilog
from inferon.targets.rtl.design import Design

CLOCKS_NS = (3.0, 5.0, 20.0)


def _dense(rng: np.random.Generator, rows: int, columns: int, grid: Grid) -> Dense:
    low, high = grid.ends
    weights = np.clip(np.round(rng.normal(0, high / 3, (rows, columns))), low, high)
    weights[rng.random((rows, columns)) < rng.choice([0.0, 0.5])] = 0
    bias = np.clip(np.round(rng.normal(0, high / 4, columns)), low, high)
    return Dense(weights.astype(np.int64), bias.astype(np.int64), grid, grid)


def _chain(seed: int) -> Network:
    rng = np.random.default_rng(seed)
    grid, act = Grid(True, int(rng.integers(3, 9)), 1), Grid(False, int(rng.integers(4, 9)), 2)
    sizes = [int(n) for n in rng.integers(4, 15, rng.integers(2, 4))]
    steps: list[Step] = []
    for rows, columns in pairwise(sizes):
        steps += [_dense(rng, rows, columns, grid), Activation(act)]
    given = Grid(True, int(rng.integers(4, 12)), 3)
    return Network(f"chain_{seed}", "", (sizes[0],), given, tuple(steps))


def _set(seed: int) -> Network:
    rng = np.random.default_rng(seed)
    grid, act = Grid(True, 5, 1), Grid(False, 5, 2)
    steps = (
        *(_dense(rng, 3, 4, grid), Activation(act), SumOver(), Activation(Grid(False, 7, 4))),
        _dense(rng, 4, 2, grid),
    )
    return Network(f"set_{seed}", "", (5, 3), Grid(True, 6, 3), steps)


def _image(seed: int) -> Network:
    rng = np.random.default_rng(seed)
    grid, act = Grid(True, 4, 1), Grid(False, 4, 2)
    place = np.arange(25).reshape(5, 5)
    index = np.stack([place[i : i + 3, j : j + 3].ravel() for i in range(3) for j in range(3)])
    steps = (Windows(index), _dense(rng, 9, 2, grid), Activation(act))
    return Network(f"image_{seed}", "", (5, 5), Grid(True, 5, 2), steps)


def _tabulated(seed: int) -> Graph:
    rng = np.random.default_rng(seed)
    network = Network(
        f"table_{seed}", "", (5,), Grid(True, 6, 2), (_dense(rng, 5, 4, Grid(True, 4, 1)),)
    )
    graph = graph_of(network)
    index = Fixed(True, 6, 3)
    narrow = b.apply(Quantize(index, Rounding.FLOOR, Overflow.SATURATE), graph.outputs[0])
    values = np.arange(index.lowest, index.highest + 1) * 2.0**-index.fraction
    entries = np.round(255 / (1 + np.exp(-values))).astype(np.int64)
    curve = b.apply(Table(Values(entries), Fixed(False, 8, 0)), narrow)
    return Graph(network.name, graph.inputs, (curve,), ("y",))


def _extreme(seed: int) -> Graph:
    rng = np.random.default_rng(seed)
    x = b.input_("x", (6, 3), Fixed(True, int(rng.integers(4, 10)), 3))
    largest, smallest = b.reduce_max(x, [0]), b.reduce_min(x, [0])
    to = Quantize(Fixed(True, 4, 2), list(Rounding)[seed % len(Rounding)], Overflow.SATURATE)
    return Graph(
        f"extreme_{seed}", (x,), (Node(to, (b.sub(largest, smallest),)), largest), ("y", "z")
    )


def _networks() -> Iterator[Graph]:
    yield from (graph_of(_chain(seed)) for seed in range(16))
    makers: tuple[Callable[[int], Graph], ...] = (
        lambda seed: graph_of(_set(seed)),
        lambda seed: graph_of(_image(seed)),
        _tabulated,
        _extreme,
    )
    for number in range(14):
        yield makers[number % len(makers)](number)


@pytest.mark.needs_tool("yosys")
def test_luts_and_flip_flops_are_within_a_tenth_of_yosys() -> None:
    designs: list[Design] = []
    for number, graph in enumerate(_networks()):
        target = Verilog(clock_ns=CLOCKS_NS[number % len(CLOCKS_NS)])
        designs.append(target.build(graph).design)
    assert len(designs) == 30
    found = []
    for design, counted in zip(designs, synthesize_together(designs), strict=True):
        guess = estimate(design).total
        print(f"{design.name}: {guess} | {counted}")
        found.append((guess.lut / counted.lut - 1, guess.ff / counted.ff - 1))
    assert np.abs(found).max() <= 0.1, found
