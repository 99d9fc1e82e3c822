"""GravNet: its size, its layer as the paper prints it, and what empty slots send."""

from __future__ import annotations

from dataclasses import replace
from math import exp

import numpy as np
import pytest

from inferon.errors import UsageError
from tests.absent import require_package

torch = require_package("torch")

from inferon.models.jets.frame import FEATURE_NAMES  # noqa: E402
from inferon.models.jets.gravnet import (  # noqa: E402
    STEEPNESS,
    Block,
    GravNet,
    GravNetLayer,
    GravNetShape,
)
from inferon.models.jets.neighbors import nearest  # noqa: E402
from tests.models.some_jets import CLASS_NAMES, some_jets  # noqa: E402

SMALL = GravNetShape(
    constituents=9, blocks=2, hidden=(8, 8), space=3, sent=4, outputs=6, neighbors=3, dense=8
)


def test_the_parameters_are_those_of_its_layers() -> None:
    """Three dense layers of 64, S = 4, F_LR = 22, F_OUT = 48, four blocks, 128, mean and max."""

    def linear(inputs: int, outputs: int) -> int:
        return (inputs + 1) * outputs

    def block(inputs: int) -> int:
        dense = linear(2 * inputs, 64) + 2 * linear(64, 64)
        return dense + linear(64, 4) + linear(64, 22) + linear(64 + 2 * 22, 48) + 2 * 48

    expected = block(len(FEATURE_NAMES)) + 3 * block(48) + linear(4 * 48, 128) + linear(256, 5)
    tagger = GravNet(GravNetShape(), CLASS_NAMES)
    assert sum(weight.numel() for weight in tagger.parameters()) == expected


def test_the_layer_is_what_the_paper_prints() -> None:
    """A plain loop over particles and neighbors, in float64.

    Two sums of the same terms differ by ``2 * terms * 2**-53`` of the sum of magnitudes at most,
    and tanh does not enlarge that.
    """
    torch.manual_seed(0)
    layer = GravNetLayer(8, SMALL).double()
    rng = np.random.default_rng(1)
    x = torch.from_numpy(rng.normal(size=(2, 9, 8)))
    mask = torch.ones(2, 9, 1, dtype=torch.float64)
    mask[1, 6:] = 0.0
    got = layer(x, mask).detach()
    place, sent = layer.space(x).detach(), layer.sent(x).detach()
    neighbors = nearest(place, mask, SMALL.neighbors)
    terms = 8 + 2 * SMALL.sent
    for jet, i in np.ndindex(2, 9):
        messages = []
        for j in neighbors[jet, i].tolist():
            assert mask[jet, j, 0] == 1.0
            distance = sum(
                (float(a) - float(b)) ** 2
                for a, b in zip(place[jet, i], place[jet, j], strict=True)
            )
            messages.append(sent[jet, j] * exp(-STEEPNESS * distance))
        stacked = torch.stack(messages)
        joined = torch.cat([x[jet, i], stacked.max(dim=0).values, stacked.mean(dim=0)])
        products = layer.output.weight.detach() * joined
        expected = torch.tanh(products.sum(dim=1) + layer.output.bias.detach())
        # the messages themselves are off by exp's argument: 10 d^2 of some 20 roundings
        bound = (terms + 200) * 2.0**-52 * (products.abs().sum(dim=1) + 1.0)
        assert ((got[jet, i] - expected).abs() <= bound).all()


def test_padding_sends_nothing() -> None:
    """A particle alone hears zeros: the maximum and the mean over its neighbors vanish."""
    torch.manual_seed(0)
    layer = GravNetLayer(8, SMALL)
    heard = []
    layer.output.register_forward_pre_hook(lambda _, inputs: heard.append(inputs[0].detach()))
    mask = torch.zeros(1, 9, 1)
    mask[0, 0] = 1.0
    layer(torch.randn(1, 9, 8), mask)
    assert not heard[0][0, 0, 8:].any()


def test_a_block_appends_the_mean_over_particles_only() -> None:
    torch.manual_seed(0)
    block = Block(2, SMALL).eval()
    seen = []
    block.dense.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    x = torch.tensor([[[1.0, -2.0], [3.0, 4.0], [100.0, 100.0]]]).repeat(1, 3, 1)[:, :9]
    mask = torch.zeros(1, 9, 1)
    mask[0, :2] = 1.0
    result = block(x, mask)
    assert torch.equal(seen[0][0, :, 2:], torch.tensor([2.0, 1.0]).expand(9, 2))
    assert result[0, :2].any()
    assert not result[0, 2:].any()


def test_neighbors_weigh_less_the_farther_they_are() -> None:
    """Along one axis, all send the same: what is heard falls with distance as exp(-10 d^2)."""
    shape = replace(SMALL, space=1, sent=1, neighbors=1)
    layer = GravNetLayer(1, shape).double()
    with torch.no_grad():
        layer.space.weight.fill_(1.0)
        layer.space.bias.zero_()
        layer.sent.weight.zero_()
        layer.sent.bias.fill_(1.0)
    heard = []
    layer.output.register_forward_pre_hook(lambda _, inputs: heard.append(inputs[0].detach()))
    for distance in (0.0, 0.25, 0.5):
        x = torch.tensor([[[0.0], [distance]]], dtype=torch.float64)
        layer(x, torch.ones(1, 2, 1, dtype=torch.float64))
        expected = exp(-10.0 * distance**2)  # dyadic numbers: only exp rounds, within an ULP each
        assert abs(float(heard[-1][0, 0, 1]) - expected) <= 2.0**-52 * expected


def test_two_trainings_have_the_same_gradients_to_the_bit() -> None:
    runs = []
    for _ in range(2):
        torch.manual_seed(4)
        tagger = GravNet(SMALL, CLASS_NAMES)
        jets = torch.from_numpy(some_jets(32, 9).astype(np.float32))
        tagger.loss(jets, torch.arange(32) % 5).backward()
        runs.append(torch.cat([weight.grad.flatten() for weight in tagger.parameters()]))
    assert runs[0].any()
    assert torch.equal(runs[0], runs[1])


def test_the_papers_neighbors_need_as_many_particles() -> None:
    with pytest.raises(UsageError, match="at most 31 neighbors, not 40"):
        GravNet(GravNetShape(constituents=32), CLASS_NAMES)
