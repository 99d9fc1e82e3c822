"""The networks of the firmware benchmark, as numbers: what ours and every peer builds from.

numpy only, so that it runs in each peer's environment.  A network is a list of steps on whole
numbers.  Weights are random with a fixed seed, so nothing is claimed about accuracy; those of one
network are the shipped tagger's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]

TRAINED = Path(__file__).with_name("jet_trained.json")
"""Numbers of the 6-bit tagger that ships, as ``trained.py`` takes them out of its file."""


@dataclass(frozen=True)
class Grid:
    """A fixed-point type: ``width`` bits, of which ``integer`` before the point, sign included."""

    signed: bool
    width: int
    integer: int

    @property
    def fraction(self) -> int:
        """Bits behind the point."""
        return self.width - self.integer

    @property
    def ends(self) -> tuple[int, int]:
        """Lowest and highest mantissa."""
        low = -(1 << self.width - 1) if self.signed else 0
        return low, (1 << self.width - self.signed) - 1


@dataclass(frozen=True)
class Dense:
    """``x @ weights + bias`` on the last axis, on mantissas."""

    weights: Whole
    bias: Whole
    grid: Grid
    bias_grid: Grid


@dataclass(frozen=True)
class Activation:
    """ReLU, rounded half up to a grid, saturated."""

    grid: Grid


@dataclass(frozen=True)
class Windows:
    """Elements of the flattened value by index (positions, elements): a convolution's view."""

    index: Whole


@dataclass(frozen=True)
class SumOver:
    """The sum over the first axis."""


Step = Dense | Activation | Windows | SumOver


@dataclass(frozen=True)
class Network:
    """A network and what it takes."""

    name: str
    title: str
    shape: tuple[int, ...]
    grid: Grid
    steps: tuple[Step, ...]


NARROW = Grid(True, 6, 1)
NARROW_ACTIVATION = Grid(False, 6, 2)
NARROW_INPUT = Grid(True, 8, 3)
WIDE = Grid(True, 16, 6)


def _weights(
    rng: np.random.Generator, rows: int, columns: int, grid: Grid, zero: float
) -> tuple[Whole, Whole]:
    """Return He-normal weights of which a share is zero, and small biases, as mantissas."""
    weights = rng.normal(0, np.sqrt(2 / rows), (rows, columns))
    if zero:
        weights[np.abs(weights) < np.quantile(np.abs(weights), zero)] = 0
    bias = rng.normal(0, 0.1, columns)
    low, high = grid.ends
    whole = [np.floor(each * 2**grid.fraction + 0.5) for each in (weights, bias)]
    return tuple(np.clip(each, low, high).astype(np.int64) for each in whole)


def _chain(
    rng: np.random.Generator, sizes: Sequence[int], grid: Grid, activation: Grid, zero: float
) -> list[Step]:
    steps: list[Step] = []
    for rows, columns in pairwise(sizes):
        steps.append(Dense(*_weights(rng, rows, columns, grid, zero), grid, grid))
        steps.append(Activation(activation))
    return steps[:-1]


def jet_wide() -> Network:
    """Return the jet network at 16 bits, as hls4ml's default has it."""
    rng = np.random.default_rng(1)
    steps = _chain(rng, (16, 64, 32, 32, 5), WIDE, Grid(False, 15, 5), 0.0)
    return Network("jet_16bit", "jet MLP, fixed<16,6>", (16,), WIDE, tuple(steps))


def jet_narrow() -> Network:
    """Return the jet network at 6 bits, half of the weights zero."""
    rng = np.random.default_rng(1)
    steps = _chain(rng, (16, 64, 32, 32, 5), NARROW, NARROW_ACTIVATION, 0.5)
    title = "jet MLP, 6 bits, half of the weights zero"
    return Network("jet_6bit", title, (16,), NARROW_INPUT, tuple(steps))


def jet_trained() -> Network:
    """Return the jet network trained at 6 bits, with half up where its file has half even."""
    steps: list[Step] = []
    given, *layers = json.loads(TRAINED.read_text())
    for layer in layers:
        if "activation" in layer:
            steps.append(Activation(_grid(layer["activation"])))
            continue
        weights, bias = (np.array(layer[each], np.int64) for each in ("weights", "bias"))
        grids = _grid(layer["weights_grid"]), _grid(layer["bias_grid"])
        steps.append(Dense(weights, bias, *grids))
    title = "jet MLP, trained at 6 bits"
    return Network("jet_trained", title, (16,), _grid(given["activation"]), tuple(steps))


def _grid(stored: Sequence[int]) -> Grid:
    signed, width, integer = stored
    return Grid(bool(signed), width, integer)


def autoencoder() -> Network:
    """Return an autoencoder for anomalies, 6 bits, half of the weights zero."""
    rng = np.random.default_rng(2)
    sizes = (57, 32, 16, 3, 16, 32, 57)
    steps = _chain(rng, sizes, NARROW, NARROW_ACTIVATION, 0.5)
    title = "autoencoder 57-32-16-3-16-32-57, 6 bits"
    return Network("autoencoder", title, (57,), NARROW_INPUT, tuple(steps))


def deep_sets() -> Network:
    """Return Deep Sets of 16 particles with 3 features, 6 bits."""
    rng = np.random.default_rng(3)
    each = _chain(rng, (3, 16, 16), NARROW, NARROW_ACTIVATION, 0.5)
    summed = Grid(False, 8, 5)
    head = _chain(rng, (16, 16, 5), NARROW, NARROW_ACTIVATION, 0.5)
    steps = [*each, Activation(NARROW_ACTIVATION), SumOver(), Activation(summed), *head]
    title = "Deep Sets of 16 particles, 3-16-16, sum, 16-5"
    return Network("deep_sets", title, (16, 3), NARROW_INPUT, tuple(steps))


def bragg() -> Network:
    """Return a small CNN on 11 x 11 pixels, like BraggNN."""
    rng = np.random.default_rng(4)
    first = Dense(*_weights(rng, 9, 4, NARROW, 0.5), NARROW, NARROW)
    second = Dense(*_weights(rng, 36, 4, NARROW, 0.5), NARROW, NARROW)
    steps: list[Step] = [
        *(Windows(_windows(11, 11, 1)), first, Activation(NARROW_ACTIVATION)),
        *(Windows(_windows(9, 9, 4, stride=2)), second, Activation(NARROW_ACTIVATION)),
        Windows(np.arange(64)[None, :]),
        *_chain(rng, (64, 16, 2), NARROW, NARROW_ACTIVATION, 0.5),
    ]
    title = "CNN on 11 x 11: 4 x 3x3, 4 x 3x3 stride 2, 64-16-2"
    return Network("bragg", title, (11, 11, 1), NARROW_INPUT, tuple(steps))


def _windows(rows: int, columns: int, channels: int, stride: int = 1) -> Whole:
    """Return the indices of 3 x 3 windows of (rows, columns, channels), one row a position."""
    place = np.arange(rows * columns * channels).reshape(rows, columns, channels)
    found = [
        place[i : i + 3, j : j + 3].ravel()
        for i in range(0, rows - 2, stride)
        for j in range(0, columns - 2, stride)
    ]
    return np.stack(found)


def small(name: str, seed: int) -> Network:
    """Return a network that is placed and routed in seconds: a chain, a set, or an image."""
    rng = np.random.default_rng(seed)
    head = _chain(rng, (12, 12, 5), NARROW, NARROW_ACTIVATION, 0.5)
    if name == "chain":
        return Network(name, "dense 12-12-5", (12,), NARROW_INPUT, tuple(head))
    if name == "set":
        each = _chain(rng, (3, 6, 12), NARROW, NARROW_ACTIVATION, 0.5)
        middle = (Activation(NARROW_ACTIVATION), SumOver(), Activation(Grid(False, 8, 4)))
        steps = (*each, *middle, *head)
        return Network(name, "Deep Sets of 4 particles", (4, 3), NARROW_INPUT, steps)
    kernel = Dense(*_weights(rng, 9, 3, NARROW, 0.5), NARROW, NARROW)
    image = (Windows(_windows(5, 5, 1, stride=2)), kernel, Activation(NARROW_ACTIVATION))
    steps = (*image, Windows(np.arange(12)[None, :]), *head)
    return Network("image", "CNN on 5 x 5", (5, 5, 1), NARROW_INPUT, steps)


NETWORKS: dict[str, Callable[[], Network]] = {
    "jet_16bit": jet_wide,
    "jet_6bit": jet_narrow,
    "jet_trained": jet_trained,
    "autoencoder": autoencoder,
    "deep_sets": deep_sets,
    "bragg": bragg,
}


def events(network: Network, number: int, seed: int = 7) -> Whole:
    """Return random mantissas of the input."""
    low, high = network.grid.ends
    shape = (number, *network.shape)
    return np.random.default_rng(seed).integers(low, high + 1, shape, dtype=np.int64)


def outputs(network: Network, x: Whole) -> tuple[Whole, int]:
    """Return the outputs in exact arithmetic, and their fraction: what everyone must give."""
    value, fraction = x.astype(np.int64), network.grid.fraction
    for step in network.steps:
        match step:
            case Dense(weights, bias, grid, bias_grid):
                fraction += grid.fraction
                value = value @ weights + (bias << fraction - bias_grid.fraction)
            case Activation(grid):
                drop = fraction - grid.fraction
                if drop > 0:
                    value = (value + (1 << drop - 1)) >> drop
                else:
                    value = value << -drop
                value, fraction = np.clip(value, 0, grid.ends[1]), grid.fraction
            case Windows(index):
                value = value.reshape(len(value), -1)[:, index]
                if len(index) == 1:
                    value = value[:, 0]
            case SumOver():
                value = value.sum(axis=1)
    return value, fraction
