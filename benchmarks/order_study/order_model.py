"""What the C++ kernels have to compute, in numpy, from the words of the definition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inferon.ops.fma import fma_chain

Array = NDArray[Any]
Layer = tuple[Array, Array]  # weights [K, N], bias [N]


@dataclass(frozen=True)
class DotOrder:
    """``strands`` chains over K: element k in strand k mod strands, or in contiguous ranges."""

    strands: int
    strided: bool = True

    @classmethod
    def parse(cls, text: str) -> DotOrder:
        """Read ``1``, ``4s`` (strided) or ``4c`` (contiguous)."""
        return cls(int(text.rstrip("sc")), not text.endswith("c"))

    def elements(self, strand: int, k: int) -> slice:
        if self.strided:
            return slice(strand, k, self.strands)
        length = -(-k // self.strands)
        return slice(min(strand * length, k), min((strand + 1) * length, k))


def join_halves(strands: list[Array]) -> Array:
    """s[i] + s[i + n/2] until one is left."""
    while len(strands) > 1:
        half = len(strands) // 2
        strands = [strands[i] + strands[i + half] for i in range(half)]
    return strands[0]


def dot(x: Array, w: Array, order: DotOrder) -> Array:
    """x [..., K] times w [K, N]: chains of fma from +0, joined by halves."""
    rows, columns = x[..., None, :], np.expand_dims(w.T, tuple(range(x.ndim - 1)))
    parts = [order.elements(strand, w.shape[0]) for strand in range(order.strands)]
    zero = np.zeros((), np.float32)
    return join_halves([fma_chain(rows[..., p], columns[..., p], zero) for p in parts])


def strand_sum(x: Array, strands: int) -> Array:
    """Sum over axis -2: element k in strand k mod n, from -0, joined by halves."""
    sums = []
    for strand in range(strands):
        total = np.full(x.shape[:-2] + x.shape[-1:], -0.0, np.float32)
        for k in range(strand, x.shape[-2], strands):
            total = total + x[..., k, :]
        sums.append(total)
    return join_halves(sums)


def relu(x: Array) -> Array:
    return np.where(x < 0, np.float32(0), x)


def mlp(x: Array, layers: list[Layer], order: DotOrder, relu_at_end: bool = False) -> Array:
    for i, (weights, bias) in enumerate(layers):
        x = dot(x, weights, order) + bias
        if relu_at_end or i + 1 < len(layers):
            x = relu(x)
    return x


def deep_sets(x: Array, layers: list[Layer], phi: DotOrder, head: DotOrder, strands: int) -> Array:
    """x [events, particles, 3]."""
    return mlp(strand_sum(mlp(x, layers[:3], phi, True), strands), layers[3:], head)
