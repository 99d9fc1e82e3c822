"""ParticleNet: its size, its neighbors against plain loops, EdgeConv as the paper prints it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inferon.errors import UsageError
from tests.absent import require_package

torch = require_package("torch")

from torch import Tensor, nn  # noqa: E402

from inferon.models.jets.frame import FEATURE_NAMES  # noqa: E402
from inferon.models.jets.neighbors import FEW_COORDINATES, gather, nearest  # noqa: E402
from inferon.models.jets.particlenet import (  # noqa: E402
    LITE,
    EdgeConv,
    ParticleNet,
    ParticleNetShape,
)
from tests.models.some_jets import CLASS_NAMES, some_jets  # noqa: E402

TOP_OR_NOT = ("top", "not")

PADDED_AFTER = (9, 4, 2, 1, 0)
"""Particles of the jets below; all have nine slots."""


def parameters(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


def test_the_parameters_are_those_of_the_paper() -> None:
    """366k and 26k, with the seven features and two classes that are ours here, too."""
    assert len(FEATURE_NAMES) == 7
    assert parameters(ParticleNet(ParticleNetShape(), TOP_OR_NOT)) == 366_160
    assert parameters(ParticleNet(LITE, TOP_OR_NOT)) == 26_416


def test_five_classes_add_their_weights_of_the_last_layer() -> None:
    more = len(CLASS_NAMES) - len(TOP_OR_NOT)
    assert parameters(ParticleNet(ParticleNetShape(), CLASS_NAMES)) == 366_160 + more * (256 + 1)
    assert parameters(ParticleNet(LITE, CLASS_NAMES)) == 26_416 + more * (128 + 1)


def clouds(dimensions: int, *, grid: bool) -> tuple[Tensor, Tensor]:
    """Return coordinates and mask of jets; on a grid of small integers many distances tie."""
    rng = np.random.default_rng(dimensions)
    size = (len(PADDED_AFTER), 9, dimensions)
    x = rng.integers(-2, 3, size).astype(np.float64) if grid else rng.normal(size=size)
    mask = np.arange(9) < np.array(PADDED_AFTER)[:, None]
    return torch.from_numpy(x), torch.from_numpy(mask[:, :, None].astype(np.float64))


def preferred(x: Tensor, mask: Tensor, jet: int, i: int) -> list[tuple[bool, float, int]]:
    """Return all other slots, in the order in which they become neighbors: a plain loop."""
    found = []
    for j in range(x.shape[1]):
        if j != i:
            distance = sum(
                (float(a) - float(b)) ** 2 for a, b in zip(x[jet, i], x[jet, j], strict=True)
            )
            absent = not bool(mask[jet, j, 0])
            found.append((absent, 0.0 if absent else distance, j))
    return sorted(found)


@pytest.mark.parametrize("dimensions", [2, FEW_COORDINATES, FEW_COORDINATES + 1, 12])
def test_the_neighbors_are_those_of_a_plain_loop(dimensions: int) -> None:
    x, mask = clouds(dimensions, grid=False)
    places = nearest(x, mask, 5)
    for jet in range(len(x)):
        for i in range(x.shape[1]):
            expected = preferred(x, mask, jet, i)[:5]
            got = places[jet, i].tolist()
            particles = [j for absent, _, j in expected if not absent]
            assert got[: len(particles)] == particles
            assert not mask[jet, got[len(particles) :]].any()  # padding, whichever


@pytest.mark.parametrize("dimensions", [2, 12])
def test_of_tied_neighbors_the_first_is_taken(dimensions: int) -> None:
    """Integers are exact in both formulas, so ties are exact."""
    x, mask = clouds(dimensions, grid=True)
    places = nearest(x, mask, 5)
    ties = 0
    for jet, i in np.ndindex(x.shape[:2]):
        ranked = preferred(x, mask, jet, i)
        assert places[jet, i].tolist() == [j for _, _, j in ranked[:5]]
        ties += ranked[4][:2] == ranked[5][:2]
    assert ties > 10


def test_padding_is_a_neighbor_only_where_particles_are_missing() -> None:
    x, mask = clouds(2, grid=False)
    chosen = gather(mask, nearest(x, mask, 3))[..., 0].sum(dim=2)
    for jet, particles in enumerate(PADDED_AFTER):
        assert (chosen[jet, :particles] == min(3, max(0, particles - 1))).all()


def test_gather_is_a_plain_loop_and_the_exported_one_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x, mask = clouds(3, grid=False)
    places = nearest(x, mask, 4)
    found = gather(x, places)
    for jet, i, n in np.ndindex(*places.shape):
        assert torch.equal(found[jet, i, n], x[jet, places[jet, i, n]])
    monkeypatch.setattr(torch.onnx, "is_in_onnx_export", lambda: True)
    assert torch.equal(gather(x, places), found)


def test_edge_conv_is_what_the_paper_prints() -> None:
    """All numbers are small multiples of powers of two, so that every sum is exact."""
    rng = np.random.default_rng(3)
    block = EdgeConv(3, (4, 8)).eval().double()
    with torch.no_grad():
        for weight in block.parameters():
            weight.copy_(torch.from_numpy(rng.integers(-2, 3, weight.shape)))
        for norm in (*block.norms, block.shortcut_norm):
            norm.eps = 0.0
            norm.running_mean.copy_(torch.from_numpy(rng.integers(-3, 4, norm.num_features)))
            norm.running_var.fill_(4.0)
    x = torch.from_numpy(rng.integers(-4, 5, (2, 6, 3)).astype(np.float64))
    places = nearest(x, torch.ones(2, 6, 1), 4)
    got = block(x, places).detach()
    for jet, i in np.ndindex(2, 6):
        here = x[jet, i]
        messages = [
            message(block, torch.cat([here, x[jet, j] - here])) for j in places[jet, i].tolist()
        ]
        mean = torch.stack(messages).sum(dim=0) / 4.0
        straight = normed(block.shortcut_norm, block.shortcut.weight @ here)
        assert torch.equal(got[jet, i], (mean + straight).clamp(min=0.0).detach())


def message(block: EdgeConv, edge: Tensor) -> Tensor:
    """Return h(x_i, x_j - x_i)."""
    for layer, norm in zip(block.layers, block.norms, strict=True):
        edge = normed(norm, layer.weight @ edge).clamp(min=0.0)
    return edge


def normed(norm: nn.BatchNorm1d, x: Tensor) -> Tensor:
    return (x - norm.running_mean) / norm.running_var.sqrt() * norm.weight + norm.bias


def test_missing_neighbors_have_features_of_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    """In every block, so that a jet's scores do not tell how many slots stand empty."""
    seen = []
    block = EdgeConv.forward

    def watched(self: EdgeConv, x: Tensor, neighbors: Tensor) -> Tensor:
        seen.append((x, gather(x, neighbors)))
        return block(self, x, neighbors)

    monkeypatch.setattr(EdgeConv, "forward", watched)
    tagger = ParticleNet(replace(LITE, constituents=12, neighbors=3), CLASS_NAMES).eval()
    lone = torch.zeros(1, 12, 4)
    lone[0, 0] = torch.from_numpy(some_jets(1, 12)[0, 0].astype(np.float32))
    with torch.no_grad():
        tagger(lone)
    assert len(seen) == 2
    for x, neighbors in seen:
        assert x[0, 0].any()
        assert not neighbors[0, 0].any()


def test_two_trainings_have_the_same_gradients_to_the_bit() -> None:
    runs = []
    for _ in range(2):
        torch.manual_seed(4)
        tagger = ParticleNet(replace(LITE, constituents=16), CLASS_NAMES)
        jets = torch.from_numpy(some_jets(32, 16).astype(np.float32))
        tagger.loss(jets, torch.arange(32) % 5).backward()
        runs.append(torch.cat([weight.grad.flatten() for weight in tagger.parameters()]))
    assert runs[0].any()
    assert torch.equal(runs[0], runs[1])


def test_more_neighbors_than_slots_are_refused() -> None:
    with pytest.raises(UsageError, match="at most 15 neighbors, not 16"):
        ParticleNet(ParticleNetShape(constituents=16), CLASS_NAMES)
