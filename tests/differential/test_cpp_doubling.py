"""``x + x`` beyond the largest float is infinite, whatever is added behind it (10 s).

g++ reads the sum as a product by two, and would contract that with the next addition, which then
does not overflow: ``fma(2, 3e38, -3e38)`` is 3e38.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import FLOAT32, FLOAT64, Float
from inferon.ir.values import Array
from inferon.ops import build as b
from inferon.targets.cpp import spell
from inferon.targets.toolchain import Compiler
from tests.differential.cpp_pack import BUILDS, Pack, check, each_build, require

SIZES = (1, 3, 8, 17)


BEHIND: dict[str, Callable[[Node, Node], Node]] = {
    "plus": b.add,
    "minus": b.sub,
    "from": lambda twice, z: b.sub(z, twice),
    "negative": lambda twice, z: b.neg(b.add(z, twice)),
}
"""What comes behind the doubling: alone in its graph, as a value with two users is stored."""


def doubled(kind: Float, size: int, behind: str) -> Graph:
    x, z = b.input_("x", (size,), kind), b.input_("z", (size,), kind)
    y = BEHIND[behind](b.add(x, x), z)
    return Graph(f"doubled_{behind}_{kind}_{size}", (x, z), (y,), ("y",))


def packed() -> Pack:
    graphs, events = [], []
    for kind, dtype in ((FLOAT32, np.float32), (FLOAT64, np.float64)):
        for size, behind in product(SIZES, BEHIND):
            x: Array = np.full(size, 0.75 * np.finfo(dtype).max, dtype)
            graphs.append(doubled(kind, size, behind))
            events.append((x, -x))
    return Pack(tuple(graphs), events=8, first=tuple(events))


def test_the_meaning_is_infinite() -> None:
    x = np.full((1, 1), 3e38, np.float32)
    found = [interpret(doubled(FLOAT32, 1, each), [x, -x])[0].item() for each in BEHIND]
    assert found == [np.inf, np.inf, -np.inf, -np.inf]


@each_build
def test_twice_a_value(build: Compiler) -> None:
    check(packed(), build)


def test_the_fault_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    require(BUILDS[0])
    monkeypatch.setattr(spell, "is_doubling", lambda op, element: False)
    assert list(packed().differences(BUILDS[0]))
