"""MLP, Deep Sets, PFN, JEDI-net and Mixer against their papers' equations, one jet at a time."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from inferon.errors import DataError
from inferon.physics.jets import Jets
from tests.absent import require_package

torch = require_package("torch")

from torch import Tensor  # noqa: E402
from torch.nn.functional import gelu, layer_norm  # noqa: E402

from inferon.models.jets.deep_sets import DeepSets  # noqa: E402
from inferon.models.jets.frame import JetFrame  # noqa: E402
from inferon.models.jets.jedi_net import JediNet  # noqa: E402
from inferon.models.jets.mixer import Mixer  # noqa: E402
from inferon.models.jets.mlp import Mlp, MlpShape  # noqa: E402
from inferon.models.jets.pfn import Pfn  # noqa: E402
from inferon.models.jets.standardize import Standardize  # noqa: E402
from tests.models.some_jets import CLASS_NAMES, small, some_jets  # noqa: E402

SLOTS = 9

UNITS = 2.0**-53 * 4096.0
"""Rounding of float64 in a row of some thousand operations on numbers of order one: two orders of
the same sums differ by less; a forgotten or doubled particle changes the scores by 0.001 and
more."""


def jets_with_features(features: NDArray[np.float32] | None) -> Jets:
    count = 6
    numbers = np.zeros(count, np.float32)
    return Jets(
        title="some jets",
        class_names=CLASS_NAMES,
        constituents=some_jets(count, SLOTS).astype(np.float32),
        label=np.zeros(count, np.int8),
        event_id=np.arange(count, dtype=np.int64),
        pt_gev=numbers,
        eta=numbers,
        phi=numbers,
        mass_gev=numbers,
        features=features,
    )


# ----------------------------------------------------------------------- the MLP on 16 features


def test_the_mlp_reads_the_features_and_asks_for_them() -> None:
    tagger = Mlp(MlpShape(), CLASS_NAMES)
    features = np.random.default_rng(0).normal(size=(6, 16)).astype(np.float32)
    assert np.array_equal(tagger.inputs(jets_with_features(features)), features)
    with pytest.raises(DataError, match="some jets has no high-level features, which the MLP"):
        tagger.inputs(jets_with_features(None))


def test_units_of_the_features_do_not_matter_after_fit() -> None:
    """Powers of two as units: the standardized features are the same to the bit."""
    rng = np.random.default_rng(1)
    features = torch.from_numpy(rng.normal(2.0, 3.0, (200, 16)).astype(np.float32))
    units = torch.from_numpy(2.0 ** rng.integers(-9, 9, 16).astype(np.float32))
    scores = []
    for values in (features, features * units):
        torch.manual_seed(0)
        tagger = Mlp(MlpShape(), CLASS_NAMES)
        tagger.fit(values)
        scores.append(tagger(values))
    assert torch.equal(*scores)


def test_standardize_gives_zero_mean_and_unit_width_and_survives_constants() -> None:
    rng = np.random.default_rng(2)
    values = torch.from_numpy(rng.normal(800.0, 30.0, (1000, 3)).astype(np.float32))
    values[:, 2] = 7.0
    scale = Standardize(3)
    scale.fit(values)
    result = scale(values).double()
    # the mean itself is rounded to float32: half a unit of 800, in widths of 30
    assert float(result.mean(dim=0).abs().max()) <= 2.0**-15 / 30.0 + 2.0**-24
    assert np.abs(result[:, :2].std(dim=0, correction=0).numpy() - 1.0).max() <= 2.0**-20
    assert not result[:, 2].any()


# ----------------------------------------------------------- against the equations, jet by jet


def particles(raw: Tensor, jet: int) -> Tensor:
    """Return the features of a jet's particles, without padding."""
    view = JetFrame().double()(raw[jet : jet + 1])
    return view.features[0, view.mask[0, :, 0] > 0.0]


def compare(name: str, by_hand: dict[int, Tensor], raw: Tensor) -> None:
    found = small(name, SLOTS).double().logits(raw)
    assert float((found - found.mean(dim=0)).abs().max()) > 1e-3
    for jet, scores in by_hand.items():
        assert float((found[jet] - scores).abs().max()) <= UNITS


@pytest.fixture
def raw() -> Tensor:
    return torch.from_numpy(some_jets(12, SLOTS))


@torch.no_grad()
def test_deep_sets_is_rho_of_the_mean_of_phi(raw: Tensor) -> None:
    tagger = small("deep-sets", SLOTS).double()
    assert isinstance(tagger, DeepSets)
    by_hand = {}
    for jet in range(len(raw)):
        hidden = [tagger.phi(x) for x in particles(raw, jet)]
        by_hand[jet] = tagger.rho(sum(hidden) / len(hidden))
    compare("deep-sets", by_hand, raw)


@torch.no_grad()
def test_pfn_is_f_of_the_sum_of_phi(raw: Tensor) -> None:
    tagger = small("pfn", SLOTS).double()
    assert isinstance(tagger, Pfn)
    by_hand = {
        jet: tagger.f(sum(tagger.phi(x) for x in particles(raw, jet))) for jet in range(len(raw))
    }
    compare("pfn", by_hand, raw)


@torch.no_grad()
def test_jedi_net_sums_the_effects_of_all_ordered_pairs(raw: Tensor) -> None:
    tagger = small("jedi-net", SLOTS).double()
    assert isinstance(tagger, JediNet)
    by_hand = {}
    for jet in range(len(raw)):
        x = list(particles(raw, jet))
        outputs = []
        for r in range(len(x)):
            effects = [
                tagger.relation(torch.relu(tagger.pair(torch.cat([x[r], x[s]]))))
                for s in range(len(x))
                if s != r
            ]
            outputs.append(tagger.object(torch.cat([x[r], sum(effects)])))
        by_hand[jet] = tagger.classifier(sum(outputs))
    compare("jedi-net", by_hand, raw)


@torch.no_grad()
def test_the_mixer_is_equation_1(raw: Tensor) -> None:
    """W1 and W2 act on the columns of X, which are channels; W3 and W4 on its rows."""
    tagger = small("mixer", SLOTS).double()
    assert isinstance(tagger, Mixer)
    channels = tagger.embedding.out_features
    features = JetFrame().double()(raw).features
    by_hand = {}
    for jet in range(len(raw)):
        x = features[jet] @ tagger.embedding.weight.T + tagger.embedding.bias
        for layer in tagger.layers:
            (w1, _, w2), (w3, _, w4) = layer.across_particles, layer.across_channels
            normal = layer_norm(x, (channels,))
            mixed = [
                w2.weight @ gelu(w1.weight @ normal[:, i] + w1.bias) + w2.bias
                for i in range(channels)
            ]
            x = x + torch.stack(mixed, dim=1)
            normal = layer_norm(x, (channels,))
            mixed = [w4.weight @ gelu(w3.weight @ row + w3.bias) + w4.bias for row in normal]
            x = x + torch.stack(mixed)
        by_hand[jet] = tagger.classifier(layer_norm(x, (channels,)).mean(dim=0))
    compare("mixer", by_hand, raw)


def test_the_taggers_learn_which_jets_are_wide() -> None:
    """Each simple one brings its loss on 128 jets of two kinds down by half in 60 steps."""
    narrow, wide = some_jets(64, SLOTS, seed=1), some_jets(64, SLOTS, seed=1)
    axis = wide[:, :1, 1:3].copy()
    real = wide[:, :, :1] > 0.0
    wide[:, :, 1:3] = np.where(real, axis + 0.3 * (wide[:, :, 1:3] - axis), 0.0)
    both = np.concatenate([narrow, wide]).astype(np.float32)
    inputs, label = torch.from_numpy(both), torch.arange(2).repeat_interleave(64)
    for name in ("deep-sets", "pfn", "jedi-net", "mixer"):
        tagger = small(name, SLOTS).train()
        step = torch.optim.Adam(tagger.parameters(), 1e-2)
        losses = []
        for _ in range(60):
            step.zero_grad()
            loss = tagger.loss(inputs, label)
            loss.backward()
            step.step()
            losses.append(loss.item())
        assert losses[-1] < 0.5 * np.log(2.0), name
