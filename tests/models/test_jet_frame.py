"""The seven features of a particle, each computed by hand on a jet of two."""

from __future__ import annotations

from math import asinh, atan2, cos, hypot, log, pi, sin, sinh

import numpy as np
import pytest

from tests.absent import require_package

torch = require_package("torch")

from inferon.models.jets.frame import FEATURE_NAMES, LIMIT, JetFrame, JetView, wrap  # noqa: E402
from tests.models.some_jets import Array, some_jets  # noqa: E402

# Two particles of 20 GeV at eta 0.1 and phi 0.3, -0.1: by symmetry the axis is at phi 0.1.
PT, ETA, PHI, ENERGY = (20.0, 20.0), (0.1, 0.1), (0.3, -0.1), (25.0, 30.0)
JET_PT = 40.0 * cos(0.2)
JET_ETA = asinh(2.0 * 20.0 * sinh(0.1) / JET_PT)
DELTA_ETA = 0.1 - JET_ETA


def scaled(value: float, offset: float, scale: float) -> float:
    """Return (value - offset) * scale, both constants as the network holds them, in float32."""
    return (value - float(np.float32(offset))) * float(np.float32(scale))


def each(name: str, particle: int) -> float:
    """Return a feature by the definition: arXiv:2202.03772, table 2, scaled as its authors do."""
    jet_energy = sum(ENERGY)
    match name:
        case "log_pt":
            return scaled(log(PT[particle]), 1.7, 0.7)
        case "log_energy":
            return scaled(log(ENERGY[particle]), 2.0, 0.7)
        case "log_pt_rel":
            return scaled(log(PT[particle] / JET_PT), -4.7, 0.7)
        case "log_energy_rel":
            return scaled(log(ENERGY[particle] / jet_energy), -4.7, 0.7)
        case "delta_r":
            return scaled(hypot(DELTA_ETA, 0.2), 0.2, 4.0)
        case "delta_eta":
            return DELTA_ETA
    assert name == "delta_phi"
    return (0.2, -0.2)[particle]


BOUND = 64.0 * 2.0**-53 * 4.0
"""Some 30 roundings of float64, each of numbers below 4 (offset by up to 5)."""


def view(raw: Array) -> JetView:
    frame = JetFrame()
    frame.double()
    return frame.forward(torch.from_numpy(raw))


def two_particles(turn: float = 0.0) -> Array:
    jet = np.zeros((1, 3, 4))
    jet[0, :2] = np.stack([PT, ETA, np.add(PHI, turn), ENERGY], axis=1)
    return jet


@pytest.mark.parametrize("turn", [0.0, pi - 0.1, 3.0])
@pytest.mark.parametrize("name", FEATURE_NAMES)
def test_each_feature_is_the_hand_computed_one(name: str, turn: float) -> None:
    """Also across the seam: one particle above pi comes as one below -pi."""
    raw = two_particles(turn)
    raw[0, :2, 2] = np.where(raw[0, :2, 2] > pi, raw[0, :2, 2] - 2.0 * pi, raw[0, :2, 2])
    seen = view(raw).features[0, :, FEATURE_NAMES.index(name)].numpy()
    assert np.abs(seen[:2] - [each(name, 0), each(name, 1)]).max() <= BOUND
    assert seen[2] == 0.0


def test_the_angles_are_the_last_two_features_without_limit() -> None:
    seen = view(two_particles())
    assert torch.equal(seen.angles[0, :2], seen.features[0, :2, -2:])
    far = two_particles()
    far[0, 1, 1] += 20.0
    assert float(view(far).angles.abs().max()) > LIMIT
    assert float(view(far).features.abs().max()) == LIMIT


def test_features_stop_at_the_limit() -> None:
    """A particle of 10 TeV: (ln 10000 - 1.7) * 0.7 is 5.26."""
    hard = two_particles()
    hard[0, 0, 0] = 1e4
    assert view(hard).features[0, 0, 0] == LIMIT


def test_mask_and_momenta() -> None:
    """px points along the leading particle: 20 (1 + cos 0.4) in all, py -20 sin 0.4."""
    seen = view(two_particles())
    assert seen.mask[0, :, 0].tolist() == [1.0, 1.0, 0.0]
    px, py, pz, energy = seen.momenta_gev[0].sum(dim=0).tolist()
    expected = (20.0 * (1.0 + cos(0.4)), -20.0 * sin(0.4), 40.0 * sinh(0.1), 55.0)
    for got, wanted in zip((px, py, pz, energy), expected, strict=True):
        assert abs(got - wanted) <= BOUND * 55.0
    assert not seen.momenta_gev[0, 2].any()


def test_a_mirrored_jet_has_mirrored_angles_and_the_same_rest() -> None:
    """eta to -eta and phi to -phi turn the signs of delta eta and delta phi, and nothing else."""
    raw = some_jets(50, 8)
    eta, phi = FEATURE_NAMES.index("delta_eta"), FEATURE_NAMES.index("delta_phi")
    plain = view(raw).features.numpy()
    for column, feature in ((1, eta), (2, phi)):
        mirrored = raw.copy()
        mirrored[:, :, column] *= -1.0
        wanted = plain.copy()
        wanted[:, :, feature] *= -1.0
        assert np.array_equal(view(mirrored).features.numpy(), wanted)


def test_the_axis_is_that_of_the_summed_momentum() -> None:
    """Against another way to the axis: the angle of the sum in the laboratory."""
    raw = some_jets(50, 8)
    pt, eta, phi, _ = np.moveaxis(raw, 2, 0)
    px, py, pz = ((pt * f).sum(axis=1) for f in (np.cos(phi), np.sin(phi), np.sinh(eta)))
    angles = view(raw).angles.numpy()
    for i in range(len(raw)):
        axis = asinh(pz[i] / hypot(px[i], py[i])), atan2(py[i], px[i])
        assert abs(angles[i, 0, 0] - (eta[i, 0] - axis[0])) <= BOUND
        delta_phi = (phi[i, 0] - axis[1] + pi) % (2.0 * pi) - pi
        assert abs(angles[i, 0, 1] - delta_phi) <= BOUND


def test_wrap_brings_an_angle_around_the_circle() -> None:
    angles = torch.tensor([0.0, 3.0, 4.0, -4.0, 2.0 * pi + 0.5, -6.0 * pi], dtype=torch.float64)
    wanted = [0.0, 3.0, 4.0 - 2.0 * pi, 2.0 * pi - 4.0, 0.5, 0.0]
    assert np.abs(wrap(angles).numpy() - wanted).max() <= BOUND
