"""Sampled inputs that are rough on arithmetic: what a proof by examples is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.shape import Dim, largest
from inferon.ir.types import Bool, Fixed, Float, Int
from inferon.ir.values import Array, storage

Shape = tuple[int, ...]
Draw = Callable[[np.random.Generator, Shape], Array]


@dataclass(frozen=True, slots=True)
class Samples:
    """Random events for any graph; equal seeds draw equal events.

    The events take turns: normal values, small ones, large ones, all magnitudes at once, many
    zeros of both signs, small integers (ties), and special values (NaN, infinities, subnormals)
    among normal ones.

    Attributes
    ----------
    events : number of events, at least 1
    seed : of numpy's default generator
    special : whether NaN, infinities and subnormals occur
    """

    events: int
    seed: int = 0
    special: bool = True

    def draw(self, graph: Graph) -> tuple[Array, ...]:
        """Return one array (events, ...) for each input.

        A named dimension takes one random size up to its bound.
        """
        rng = np.random.default_rng(self.seed)
        sizes: dict[str, int] = {}
        return tuple(self._array(rng, node, sizes) for node in graph.inputs)

    def _array(self, rng: np.random.Generator, node: Node, sizes: dict[str, int]) -> Array:
        for size in node.type.shape:
            if isinstance(size, Dim):
                sizes.setdefault(size.name, int(rng.integers(1, size.max, endpoint=True)))
        shape = tuple(
            sizes[size.name] if isinstance(size, Dim) else largest(size)
            for size in node.type.shape
        )
        element = node.type.element
        if isinstance(element, Float):
            return self._floats(rng, shape).astype(storage(element))
        if isinstance(element, Bool):
            return rng.random((self.events, *shape)) < 0.5
        return _whole(rng, element, (self.events, *shape))

    def _floats(self, rng: np.random.Generator, shape: Shape) -> Array:
        kinds = _KINDS if self.special else _KINDS[:-1]
        rows = [kinds[event % len(kinds)](rng, shape) for event in range(self.events)]
        return np.stack(rows) if rows else np.zeros((0, *shape))


def _normal(rng: np.random.Generator, shape: Shape) -> Array:
    return rng.standard_normal(shape)


def _small(rng: np.random.Generator, shape: Shape) -> Array:
    return rng.standard_normal(shape) * 2.0**-20


def _large(rng: np.random.Generator, shape: Shape) -> Array:
    return rng.standard_normal(shape) * 2.0**20


def _mixed(rng: np.random.Generator, shape: Shape) -> Array:
    return rng.standard_normal(shape) * np.exp2(rng.integers(-30, 31, shape))


def _sparse(rng: np.random.Generator, shape: Shape) -> Array:
    zeros = np.where(rng.random(shape) < 0.5, 0.0, -0.0)
    return np.where(rng.random(shape) < 0.5, rng.standard_normal(shape), zeros)


def _integers(rng: np.random.Generator, shape: Shape) -> Array:
    return rng.integers(-4, 5, shape).astype(np.float64)


def _special(rng: np.random.Generator, shape: Shape) -> Array:
    odd = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 2.0**-149, -(2.0**-127), 3.0e38])
    return np.where(rng.random(shape) < 0.2, rng.choice(odd, shape), rng.standard_normal(shape))


_KINDS: tuple[Draw, ...] = (_normal, _small, _large, _mixed, _sparse, _integers, _special)


def _whole(rng: np.random.Generator, element: Int | Fixed, shape: Shape) -> Array:
    """Return integers: uniform in even events, close to zero and to the ends in odd ones."""
    low, high = element.lowest, element.highest
    uniform = np.array(
        [low + _below(rng, high - low + 1) for _ in range(int(np.prod(shape)))], object
    ).reshape(shape)
    near = rng.choice(np.array([-2, -1, 0, 1, 2, low, low + 1, high - 1, high], object), shape)
    near = np.minimum(np.maximum(near, low), high)
    odd = (np.arange(shape[0]) % 2 == 1).reshape(-1, *[1] * (len(shape) - 1))
    return np.where(odd, near, uniform).astype(storage(element))


def _below(rng: np.random.Generator, bound: int) -> int:
    """Return a random integer from 0 to ``bound - 1``, of any width."""
    return int.from_bytes(rng.bytes((bound.bit_length() + 7) // 8 + 8), "little") % bound
