"""The taggers that choose or weigh pairs, on real jets: undecided ones are counted, not hidden.

`test_taggers_compiled` proves bits and bounds on drawn jets for all taggers.  Here the leading
particles of shipped jets are the input: their angles lie on a grid, so neighbors tie exactly.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import inferon
from inferon.analysis.accuracy import ONNX_RUNTIME
from inferon.analysis.bound import Bound, bound
from inferon.interpret import interpret
from inferon.measure.onnxruntime_peer import OnnxRuntime, compare
from inferon.physics.sample import shipped_jets
from inferon.targets.cpp import Cpp
from tests.absent import require_package, require_tool

torch = require_package("torch")
require_package("onnxscript")
require_package("onnxruntime")

from torch import Tensor, nn  # noqa: E402

from inferon.models.jets.neighbors import gather, nearest  # noqa: E402
from inferon.training.onnx_export import export_onnx  # noqa: E402
from tests.models.test_taggers_compiled import SLOTS, exported  # noqa: E402

JETS = 100

UNDECIDED = {"particlenet": 5, "gravnet": 20, "part": 0}
"""The most jets of 100 that may hang on a choice; what is found is printed.

An untrained GravNet puts all particles at nearly the same place.
"""

each_tagger = pytest.mark.parametrize("name", UNDECIDED)


@cache
def real_jets() -> NDArray[np.float32]:
    """Return leading particles of jets of all classes."""
    jets = shipped_jets()
    return jets.select(np.arange(0, len(jets), len(jets) // JETS)).leading(SLOTS)


@cache
def limits_of(name: str) -> Bound:
    return bound(exported(name).graph, real_jets(), accuracy=ONNX_RUNTIME)


@each_tagger
def test_real_jets_keep_the_bounds(name: str) -> None:
    found, jets = exported(name), real_jets()
    agreed = compare(OnnxRuntime(found.onnx, found.graph), interpret(found.graph, jets), jets)
    print(name, agreed)
    assert agreed.events == JETS
    assert agreed.undecided <= UNDECIDED[name]
    assert 0.0 < agreed.worst_peer <= 1.0
    assert 0.0 < agreed.worst_ours <= 1.0


@each_tagger
def test_the_bounds_are_small_against_what_tells_jets_apart(name: str) -> None:
    (errors,), (probabilities,) = limits_of(name).errors, limits_of(name).values
    assert np.median(errors) < 0.02 * probabilities.std(axis=0).min()


@each_tagger
def test_only_choices_and_what_hangs_on_them_are_undecided(name: str) -> None:
    limits = limits_of(name)
    close = [each for each in limits.decisions if each.undecided.any()]
    assert {each.label.split()[0] for each in close} <= {"top_k"}
    if name == "part":  # it has none
        assert not close


class Neighborhood(nn.Module):
    """The places of two neighbors of every particle, and what stands there."""

    def forward(self, particles: Tensor) -> Tensor:
        coordinates, mask = particles[:, :, :2], particles[:, :, 2:]
        places = nearest(coordinates, mask, 2)
        there = gather(coordinates * mask, places)
        return torch.cat([places.to(particles.dtype)[..., None], there], dim=3)


def test_of_tied_neighbors_the_first_is_taken(tmp_path: Path) -> None:
    """Small integers: torch, the interpreter, C++ and ONNX Runtime agree with a plain loop."""
    require_tool("g++")
    rng = np.random.default_rng(0)
    jets = np.zeros((64, 5, 3), np.float32)
    jets[:, :, :2] = rng.integers(-1, 2, (64, 5, 2))
    jets[:, :, 2] = np.arange(5) < rng.integers(0, 6, 64)[:, None]
    path = tmp_path / "neighbors.onnx"
    export_onnx(Neighborhood(), jets[:2], path, "dynamo", input_name="particles")
    graph = inferon.load(path)
    compiled = inferon.compile(graph, Cpp())
    compiled.verify(jets)
    (ours,) = interpret(graph, jets)
    (theirs,) = OnnxRuntime(path, graph).predict(jets)
    expected = np.array([by_loop(jet) for jet in jets], np.float32)
    assert np.array_equal(Neighborhood()(torch.from_numpy(jets)).numpy(), expected)
    assert np.array_equal(ours, expected)
    assert np.array_equal(theirs, expected)


def by_loop(jet: NDArray[np.float32]) -> list[list[list[float]]]:
    """Return place, and coordinates there, of two neighbors of each of five particles."""
    rows = []
    for i in range(5):
        others = [
            (jet[j, 2] == 0.0, 0.0 if jet[j, 2] == 0.0 else ((jet[i] - jet[j])[:2] ** 2).sum(), j)
            for j in range(5)
            if j != i
        ]
        rows.append([[j, *(jet[j, :2] * jet[j, 2])] for _, _, j in sorted(others)[:2]])
    return rows
