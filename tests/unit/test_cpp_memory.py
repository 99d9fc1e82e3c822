"""The workspace of a C++ model: who may lie where another one lay."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pytest

from inferon.ir.graph import Graph
from inferon.ir.types import FLOAT32
from inferon.ir.values import storage
from inferon.ops import build as b
from inferon.passes.presets import CPU
from inferon.targets.cpp.fuse import plan
from inferon.targets.cpp.memory import Layout, allocate, size_bytes
from inferon.targets.cpp.view import Buffer
from tests.differential.random_programs import program

WITH_CHOICES = (3, 5, 12)
"""Seeds of random graphs that have both floats and indices in their workspace."""


def layout(graph: Graph) -> Layout:
    return allocate(plan(CPU.run(graph)).regions)


def shared(found: Layout) -> Iterator[tuple[Buffer, Buffer]]:
    """Pairs of buffers that have bytes in common."""
    for one, other in combinations(found.offsets, 2):
        begins = found.offsets[one], found.offsets[other]
        ends = begins[0] + size_bytes(one), begins[1] + size_bytes(other)
        if max(begins) < min(ends):
            yield one, other


@pytest.mark.parametrize("seed", WITH_CHOICES)
def test_a_place_keeps_its_type(seed: int) -> None:
    found = layout(program(seed))
    assert len({storage(each.element) for each in found.offsets}) > 1
    for one, other in shared(found):
        assert storage(one.element) == storage(other.element)


def test_a_place_is_used_again() -> None:
    x = b.input_("x", (4, 16), FLOAT32)
    weights = b.constant(np.arange(256, dtype=np.float32).reshape(16, 16), FLOAT32)
    y = x
    for _ in range(4):
        y = b.product(y, weights)
    found = layout(Graph("chain", (x,), (y,), ("y",)))
    assert len(found.offsets) == 3
    assert len(list(shared(found))) == 1
