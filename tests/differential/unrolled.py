"""An exact graph and its scalars, compared bit by bit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inferon.analysis.compare import same_bits
from inferon.analysis.samples import Samples
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.values import Array
from inferon.passes.presets import RTL
from inferon.passes.rim import split
from inferon.passes.unroll import Sharing, Unrolled, unroll

EVENTS = 128
"""Random events that both are interpreted on, besides those that a test gives."""


def check(
    graph: Graph, data: Sequence[Array] | None = None, sharing: Sharing | None = None
) -> Unrolled:
    """Return the scalars of an exact graph, after both gave the same bits."""
    made = RTL.run(graph)
    parts = split(made)
    wires = unroll(parts.core, sharing or Sharing())
    arrays = Samples(EVENTS).draw(graph) if data is None else list(data)
    wanted = interpret(graph, arrays)
    into = parts.into_core(arrays)
    found = wires.tensors(interpret(wires.graph, wires.scalars(into)))
    given_back = parts.out_of_core(found)
    for name, old, new in zip(graph.output_names, wanted, given_back, strict=True):
        assert old.dtype == new.dtype, name
        wrong = ~same_bits(old, new)
        assert not wrong.any(), f"{graph.name}.{name}: {int(wrong.sum())} of {wrong.size} differ"
    return wires


def size_of(wires: Unrolled) -> int:
    """Return the number of scalars."""
    return len(wires.graph.nodes())


def mantissas(rng: np.random.Generator, low: int, high: int, *shape: int) -> Array:
    """Return random mantissas, both ends included."""
    return rng.integers(low, high + 1, shape)
