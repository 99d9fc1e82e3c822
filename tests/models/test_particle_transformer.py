"""Particle Transformer: its size, its pair features by hand, its mask, its attention."""

from __future__ import annotations

from dataclasses import replace
from math import cosh, hypot, log, pi, sqrt

import numpy as np
import pytest

from inferon.errors import UsageError
from tests.absent import require_package

torch = require_package("torch")

from torch import nn  # noqa: E402

from inferon.models.jets.frame import JetFrame  # noqa: E402
from inferon.models.jets.pair_features import (  # noqa: E402
    SMALLEST_ANGLE,
    SMALLEST_MASS_SQUARED_GEV2,
    pair_features,
)
from inferon.models.jets.particle_transformer import (  # noqa: E402
    MASKED,
    Attention,
    ParticleTransformer,
    ParticleTransformerShape,
)
from tests.models.some_jets import CLASS_NAMES, Array, some_jets  # noqa: E402

SMALL = ParticleTransformerShape(
    constituents=8, embedding=(16, 32, 16), pair=(8, 8), heads=4, blocks=2, class_blocks=1
)


def test_the_parameters_are_those_of_the_paper() -> None:
    """2.14M, with 17 features and ten classes; we have seven features."""
    ten = tuple(f"class{i}" for i in range(10))
    count = sum(weight.numel() for weight in ParticleTransformer(PAPER, ten).parameters())
    missing_features = (17 - 7) * 128
    assert round((count + missing_features) / 1e6, 2) == 2.14
    five = sum(weight.numel() for weight in ParticleTransformer(PAPER, CLASS_NAMES).parameters())
    assert count - five == 5 * (128 + 1)


PAPER = ParticleTransformerShape()


def pairs_of(jet: Array) -> Array:
    """Return the features of the first two particles, and of the first with itself."""
    raw = torch.from_numpy(jet[None])
    first, second = torch.tensor([0, 0]), torch.tensor([1, 0])
    return np.asarray(pair_features(raw, JetFrame().double()(raw), first, second)[0].numpy())


def particle(pt: float, eta: float, phi: float, mass: float) -> list[float]:
    return [pt, eta, phi, sqrt((pt * cosh(eta)) ** 2 + mass**2)]


def test_pair_features_by_hand() -> None:
    """Two massless particles at the same phi: eqs. 3 to 6 are short, and logs exact to an ULP."""
    jet = np.array([particle(30.0, 0.5, 1.0, 0.0), particle(10.0, -0.5, 1.0, 0.0)])
    found = pairs_of(jet)[0]
    # Delta = 1, kT = 10, z = 1/4, m^2 = 2 pT pT (cosh 1 - 1)
    expected = np.array([0.0, log(10.0), log(0.25), log(600.0 * (cosh(1.0) - 1.0))])
    # rapidities from logs of E +- pz: some 30 roundings of numbers below 100
    assert (np.abs(found - expected) <= 30.0 * 100.0 * 2.0**-53).all()


@pytest.mark.parametrize("seed", range(4))
def test_pair_features_are_the_printed_formulas(seed: int) -> None:
    """Particles of like energies and masses, so that eq. 6 as printed keeps digits in float64."""
    rng = np.random.default_rng(seed)
    pt = np.sort(rng.uniform(1.0, 50.0, 2))[::-1]
    eta, phi, mass = rng.normal(0, 0.4, 2), rng.uniform(-pi, pi, 2), rng.uniform(0.1, 1.0, 2)
    jet = np.array([particle(*each) for each in zip(pt, eta, phi, mass, strict=True)])
    found = pairs_of(jet)[0]
    p = np.array([momentum(*each) for each in jet])
    y = 0.5 * np.log((p[:, 3] + p[:, 2]) / (p[:, 3] - p[:, 2]))  # eq. 3, below it
    delta_phi = (phi[0] - phi[1] + pi) % (2.0 * pi) - pi
    delta = hypot(y[0] - y[1], delta_phi)
    total = p.sum(axis=0)
    mass2 = total[3] ** 2 - (total[:3] ** 2).sum()
    expected = np.log([delta, pt.min() * delta, pt.min() / pt.sum(), mass2])
    # what plain float64 loses in eq. 6 as printed: some ten roundings of E^2
    bound = 2.0**-50 * np.array(
        [1.0 / delta, 1.0 / delta + 4.0, 2.0, 10.0 * total[3] ** 2 / mass2]
    )
    assert (np.abs(found - expected) <= bound).all()


def momentum(pt: float, eta: float, phi: float, energy: float) -> list[float]:
    return [pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), energy]


def test_a_particle_with_itself_has_twice_its_mass() -> None:
    jet = np.array([particle(5.0, 0.3, -3.0, 0.4937), particle(1.0, 0.0, 3.0, 0.0)])
    log_delta, log_kt, log_z, log_mass2 = pairs_of(jet)[1]
    energy2 = jet[0, 3] ** 2
    assert log_delta == 0.5 * log(SMALLEST_ANGLE**2)
    assert abs(log_kt - log(5.0 * SMALLEST_ANGLE)) <= 2.0**-50
    assert abs(log_z - log(0.5)) <= 2.0**-52
    mass2 = 4.0 * 0.4937**2
    assert abs(log_mass2 - log(mass2)) <= 20.0 * 2.0**-53 * 4.0 * energy2 / mass2


def test_collinear_massless_particles_stay_at_the_floors() -> None:
    jet = np.array([particle(900.0, 1.5, 2.0, 0.0), particle(0.5, 1.5, 2.0, 0.0)])
    jet[:, 3] *= 1.0 - 2.0**-10  # energies below the momenta
    found = pairs_of(jet)
    assert found[0, 0] == 0.5 * log(SMALLEST_ANGLE**2)
    assert found[0, 3] == log(SMALLEST_MASS_SQUARED_GEV2)
    assert np.isfinite(found).all()


def test_float32_keeps_the_pair_features() -> None:
    """Hard collinear particles: eq. 6 as printed has an error of E^2 2^-24, far above m^2.

    In our form the logs are off by what angles of float32 are off by, over the smallest angle.
    """
    raw = some_jets(50, 8, smallest=8).astype(np.float32)
    raw[:, 1, 1:3] = raw[:, 0, 1:3] + np.float32(2.0**-9)
    raw[:, :2, 0] *= 20.0
    raw[:, :2, 3] = raw[:, :2, 0] * np.cosh(raw[:, :2, 1])
    first, second = torch.triu_indices(8, 8)
    rough = torch.from_numpy(raw)
    fine = rough.double()
    got = pair_features(rough, JetFrame()(rough), first, second).double()
    expected = pair_features(fine, JetFrame().double()(fine), first, second)
    angles = 16.0 * 2.0**-24 * pi / SMALLEST_ANGLE  # of float32, relative; twice in a square
    assert float((got - expected).abs().max()) <= 2.0 * angles


def test_pairs_with_padding_have_no_features() -> None:
    jet = np.array([particle(5.0, 0.3, -3.0, 0.4937), [0.0, 1.0, 2.0, 0.0]])
    assert not pairs_of(jet)[0].any()


def test_the_bias_is_symmetric_and_belongs_to_its_pair() -> None:
    torch.manual_seed(0)
    tagger = ParticleTransformer(SMALL, CLASS_NAMES).eval().double()
    raw = torch.from_numpy(some_jets(3, 8))
    view = tagger.frame(raw)
    with torch.no_grad():
        whole = tagger.pairs(raw, view)
        one = pair_features(raw, view, torch.tensor([5]), torch.tensor([2]))
        alone = tagger.pairs.network(one.flatten(0, 1))
    assert whole.shape == (3, 4, 8, 8)
    assert torch.equal(whole, whole.transpose(2, 3))
    # the same sums, perhaps in another order: at most 8 terms of numbers below 10
    assert (whole[:, :, 2, 5] - alone).abs().max() <= 3 * 8 * 10.0 * 2.0**-52


def test_padding_has_no_weight_at_all() -> None:
    """Not a small one: what stands in padded slots changes no bit."""
    torch.manual_seed(0)
    attention = Attention(16, 4, 0.0).eval()
    x = torch.randn(2, 6, 16)
    z = x.clone()
    z[:, 4:] = 1e3 * torch.randn(2, 2, 16)
    bias = torch.zeros(2, 4, 6, 6)
    bias[:, :, :, 4:] = MASKED
    nothing = torch.zeros(2, 4, 6, 6)
    with torch.no_grad():
        assert torch.equal(attention(x, x, bias), attention(x, z, bias))
        assert not torch.equal(attention(x, x, nothing), attention(x, z, nothing))


def test_attention_is_torchs_own() -> None:
    """P-MHA against ``nn.MultiheadAttention``, in float64, with the bias as its mask."""
    torch.manual_seed(0)
    ours, theirs = Attention(16, 4, 0.0).double(), nn.MultiheadAttention(16, 4, batch_first=True)
    theirs = theirs.double().eval()
    with torch.no_grad():
        parts = (ours.query, ours.key, ours.value)
        theirs.in_proj_weight.copy_(torch.cat([each.weight for each in parts]))
        theirs.in_proj_bias.copy_(torch.cat([each.bias for each in parts]))
        theirs.out_proj.load_state_dict(ours.output.state_dict())
        x, z = torch.randn(2, 3, 16).double(), torch.randn(2, 5, 16).double()
        bias = torch.randn(2, 4, 3, 5).double()
        expected, _ = theirs(x, z, z, attn_mask=bias.flatten(0, 1))
        difference = (ours(x, z, bias) - expected).abs().max()
    # three linear layers of 16 and a softmax of 5, of numbers below 4: 100 roundings at most
    assert float(difference) <= 100 * 4.0 * 2.0**-53


def test_dropout_stays_out_of_the_class_blocks() -> None:
    tagger = ParticleTransformer(SMALL, CLASS_NAMES)

    def rates(blocks: nn.Module) -> set[float]:
        return {each.p for each in blocks.modules() if isinstance(each, nn.Dropout)}

    assert rates(tagger.blocks) == {0.1}
    assert rates(tagger.class_blocks) == {0.0}


def test_two_trainings_have_the_same_gradients_to_the_bit() -> None:
    runs = []
    for _ in range(2):
        torch.manual_seed(4)
        tagger = ParticleTransformer(SMALL, CLASS_NAMES)
        jets = torch.from_numpy(some_jets(32, 8).astype(np.float32))
        tagger.loss(jets, torch.arange(32) % 5).backward()
        runs.append(torch.cat([weight.grad.flatten() for weight in tagger.parameters()]))
    assert runs[0].any()
    assert torch.equal(runs[0], runs[1])


def test_heads_that_do_not_share_the_width_are_refused() -> None:
    with pytest.raises(UsageError, match="7 heads do not share a width of 16"):
        ParticleTransformer(replace(SMALL, heads=7), CLASS_NAMES)
