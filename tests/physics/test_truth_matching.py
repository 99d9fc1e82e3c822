"""Truth matching on hand-made events; angles across the seam of azimuth."""

from __future__ import annotations

from math import pi

import numpy as np
import pytest

from inferon.physics.jet_classes import JET_CLASSES, JET_CUTS, JetClass
from inferon.physics.kinematics import delta_r, wrap_phi
from inferon.physics.truth_matching import Direction, TruthMatch, TruthParticle, truth_match

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


def match(truth: list[TruthParticle], jet_class: JetClass) -> TruthMatch:
    return truth_match(JET, truth, jet_class, JET_CUTS)


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
    # A quark does not decay, so nothing can be outside the jet.
    assert match(truth, QUARK) == TruthMatch(matched, True)
    assert match(truth, QUARK).is_clean is matched


def test_any_of_the_partons_may_match_also_across_the_seam() -> None:
    # Azimuth 3.0 and -3.1 are 0.18 apart.
    truth = [TruthParticle(21, (0.0, 0.0)), TruthParticle(21, (0.5, -3.1))]
    assert match(truth, GLUON).is_clean
    assert not match(truth[:1], GLUON).is_matched


@pytest.mark.parametrize(
    ("quarks", "contained"),
    [
        (((0.5, 3.0), (1.2, 3.0)), True),
        (((0.5, 3.0), (1.31, 3.0)), False),  # one quark left the jet
        (((0.5, 3.0),), False),  # decay not to quarks
    ],
)
def test_a_boson_jet_contains_both_quarks(quarks: tuple[Direction, ...], contained: bool) -> None:
    assert match([TruthParticle(-24, JET, quarks)], W_BOSON) == TruthMatch(True, contained)


def test_containment_is_that_of_the_particle_the_jet_points_at() -> None:
    inside, outside = (JET, JET), ((0.5, 0.0), JET)
    far: Direction = (0.5, 3.0 - 0.6)
    near_lost, far_whole = TruthParticle(24, JET, outside), TruthParticle(24, far, inside)
    assert match([near_lost, far_whole], W_BOSON) == TruthMatch(True, False)
    # A jet that points at none may still hold a whole decay; it is not clean.
    assert match([far_whole], W_BOSON) == TruthMatch(False, True)
    assert not match([far_whole], W_BOSON).is_clean
    assert match([], W_BOSON) == TruthMatch(False, False)


def test_a_top_jet_contains_three_quarks() -> None:
    near: Direction = (0.6, 2.9)
    assert match([TruthParticle(6, JET, (near, near, near))], TOP).is_clean
    assert not match([TruthParticle(6, JET, (near, near))], TOP).is_contained
    assert not match([TruthParticle(6, JET, (near, near, (1.4, 3.0)))], TOP).is_contained
    assert not match([TruthParticle(24, JET, (near, near, near))], TOP).is_matched
