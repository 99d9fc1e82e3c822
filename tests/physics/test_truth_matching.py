"""Truth matching on hand-made events; angles and masses on hand-made particles."""

from __future__ import annotations

from math import cosh, pi, sqrt

import numpy as np
import pytest

from inferon.physics.jet_classes import JET_CLASSES, JET_CUTS
from inferon.physics.kinematics import delta_r, invariant_mass_gev, wrap_phi
from inferon.physics.truth_matching import Direction, TruthParticle, is_matched

QUARK, GLUON, W_BOSON, _, TOP = JET_CLASSES
JET: Direction = (0.5, 3.0)


def test_wrap_phi_at_the_seam() -> None:
    angles = np.array([0.0, 3.0 - -3.0, -6.0, 2 * pi, 1.0])
    expected = [0.0, 6.0 - 2 * pi, 2 * pi - 6.0, 0.0, 1.0]
    assert wrap_phi(angles).tolist() == expected


def test_delta_r_across_the_seam() -> None:
    # Rapidity 3 apart, azimuth 4 apart after the seam: 3-4-5 in units of 0.1.
    first, second = (0.0, pi - 0.1), (0.3, -pi + 0.3)
    assert delta_r(first, second) == pytest.approx(0.5, abs=1e-15 * 8)


def test_mass_of_two_massless_particles() -> None:
    """m^2 = 2 pT1 pT2 (cosh(deta) - cos(dphi)); here back to back in azimuth, one unit in eta."""
    pair = np.array([[[30.0, 0.5, 0.0], [20.0, -0.5, pi], [0.0, 0.0, 0.0]]])
    expected = sqrt(2 * 30.0 * 20.0 * (cosh(1.0) + 1.0))
    assert invariant_mass_gev(pair)[0] == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("pdg_id", "distance", "matched"),
    [
        (1, 0.39, True),
        (-3, 0.39, True),
        (2, 0.41, False),
        (4, 0.0, False),  # charm is no light quark
        (5, 0.0, False),
        (21, 0.0, False),
    ],
)
def test_a_quark_jet_points_at_a_light_quark(pdg_id: int, distance: float, matched: bool) -> None:
    truth = [TruthParticle(pdg_id, (JET[0] + distance, JET[1]))]
    assert is_matched(JET, truth, QUARK, JET_CUTS) is matched


def test_any_of_the_partons_may_match_also_across_the_seam() -> None:
    # Azimuth 3.0 and -3.1 are 0.18 apart.
    truth = [TruthParticle(21, (0.0, 0.0)), TruthParticle(21, (0.5, -3.1))]
    assert is_matched(JET, truth, GLUON, JET_CUTS)
    assert not is_matched(JET, truth[:1], GLUON, JET_CUTS)


@pytest.mark.parametrize(
    ("quarks", "matched"),
    [
        (((0.5, 3.0), (1.2, 3.0)), True),
        (((0.5, 3.0), (1.31, 3.0)), False),  # one quark left the jet
        (((0.5, 3.0),), False),  # decay not to quarks
    ],
)
def test_a_boson_jet_contains_both_quarks(quarks: tuple[Direction, ...], matched: bool) -> None:
    truth = [TruthParticle(-24, JET, quarks)]
    assert is_matched(JET, truth, W_BOSON, JET_CUTS) is matched


def test_a_top_jet_contains_three_quarks() -> None:
    near: Direction = (0.6, 2.9)
    assert is_matched(JET, [TruthParticle(6, JET, (near, near, near))], TOP, JET_CUTS)
    assert not is_matched(JET, [TruthParticle(6, JET, (near, near))], TOP, JET_CUTS)
    assert not is_matched(JET, [TruthParticle(6, JET, (near, near, (1.4, 3.0)))], TOP, JET_CUTS)
    assert not is_matched(JET, [TruthParticle(24, JET, (near, near, near))], TOP, JET_CUTS)
