"""Detectors smear by what they state and keep every object on its mass shell; pileup adds."""

from __future__ import annotations

from dataclasses import replace
from math import pi, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferon.physics.detector import Calorimeter, Detector, detect
from inferon.physics.jet_setting import JET_SETTINGS
from inferon.physics.particles import PDG_MASS_GEV, Particles, from_directions, joined
from inferon.physics.pileup import Pileup

PERFECT = Detector(
    name="perfect",
    track_efficiency=1.0,
    track_abs_eta_max=2.5,
    track_constant=0.0,
    track_slope_per_gev=0.0,
    electromagnetic=Calorimeter(0.0, 0.0, 0.0, 1e-4),
    hadronic=Calorimeter(0.0, 0.0, 0.0, 1e-4),
)
DETECTORS = [JET_SETTINGS[name].detector for name in ("A", "B")]


def particles_of(code: int, count: int, pt_gev: float = 50.0, seed: int = 0) -> Particles:
    """Particles of one kind and pT, in any direction."""
    random = np.random.default_rng(seed)
    return from_directions(
        np.full(count, pt_gev),
        random.uniform(-2.4, 2.4, count),
        random.uniform(-pi, pi, count),
        np.full(count, PDG_MASS_GEV[abs(code)]),
        np.full(count, code, dtype=np.int32),
    )


def a_collision(seed: int, count: int = 300) -> Particles:
    random = np.random.default_rng(seed)
    codes = random.choice([11, -13, 22, 211, -211, 321, -2212, 130, 2112], count)
    return from_directions(
        random.exponential(5.0, count) + 0.1,
        random.uniform(-4.0, 4.0, count),
        random.uniform(-pi, pi, count),
        np.array([PDG_MASS_GEV[abs(code)] for code in codes.tolist()]),
        codes.astype(np.int32),
    )


def seen(particles: Particles, detector: Detector, seed: int = 1) -> Particles:
    return detect(particles, detector, np.random.default_rng(seed))


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: detector.name)
@given(st.integers(0, 1000))
def test_every_object_is_on_its_mass_shell(detector: Detector, seed: int) -> None:
    """E^2 - p^2 = m^2 to the rounding of E^2, and the mass is that of the object's code.

    A smeared energy with an unsmeared momentum would give a 50 GeV photon some 10 GeV of mass.
    """
    objects = seen(a_collision(seed), detector)
    momentum, energy = objects.momenta_gev[:, :3], objects.momenta_gev[:, 3]
    squared = energy**2 - (momentum**2).sum(axis=1)
    # Some 10 roundings on the way: cos, sin, sinh, cosh, squares, sums.
    assert (np.abs(squared - objects.mass_gev**2) <= 20 * 2.0**-53 * energy**2).all()
    masses = [PDG_MASS_GEV[abs(code)] for code in objects.pdg_id.tolist()]
    assert objects.mass_gev.tolist() == masses
    assert set(np.abs(objects.pdg_id).tolist()) <= {11, 13, 22, 130, 211}
    assert (objects.pt_eta_phi[:, 0] > 0.0).all()


def test_a_perfect_detector_changes_masses_and_nothing_else() -> None:
    """Charged particles become pions with the pT they had; photons keep their place to a cell."""
    protons = particles_of(-2212, 200)
    tracks = seen(protons, PERFECT)
    assert (tracks.pdg_id == -211).all()
    moved = np.abs(tracks.pt_eta_phi - protons.pt_eta_phi)
    assert (moved <= 8 * 2.0**-53 * np.array([50.0, 2.4, pi])).all()
    photons = seen(particles_of(22, 200), PERFECT)
    total = particles_of(22, 200).momenta_gev.sum(axis=0)
    # Each direction moves by at most half a cell of 1e-4 either way.
    scalar = np.abs(particles_of(22, 200).momenta_gev[:, 3]).sum()
    assert np.abs(photons.momenta_gev.sum(axis=0) - total).max() < 1e-4 * scalar
    assert abs(photons.momenta_gev[:, 3].sum() - total[3]) < 200 * 2.0**-53 * total[3]


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: detector.name)
def test_tracks_are_found_and_smeared_as_stated(detector: Detector) -> None:
    """20,000 pions: efficiency within 4 binomial errors, resolution within 4 sigma/sqrt(2n)."""
    count, pt = 20_000, 100.0
    objects = seen(particles_of(211, count, pt), detector)
    tracks = objects.select(objects.pdg_id == 211)
    efficiency = detector.track_efficiency
    error = sqrt(efficiency * (1.0 - efficiency) / count)
    assert abs(len(tracks) / count - efficiency) < 4.0 * error
    stated = sqrt(detector.track_constant**2 + (detector.track_slope_per_gev * pt) ** 2)
    pulls = (tracks.pt_eta_phi[:, 0] / pt - 1.0) / stated
    assert abs(float(pulls.std()) - 1.0) < 4.0 / sqrt(2 * len(tracks))
    assert abs(float(pulls.mean())) < 4.0 / sqrt(len(tracks))
    assert 0 < np.count_nonzero(objects.pdg_id == 130) <= count - len(tracks)


def test_a_charged_particle_that_is_not_tracked_is_energy_in_a_cell() -> None:
    blind = replace(PERFECT, track_efficiency=0.5)
    pions = particles_of(211, 1000)
    objects = seen(pions, blind)
    assert set(objects.pdg_id.tolist()) == {211, 130}
    # The cells are too small for two, and smear nothing; 1000 energies add up to rounding.
    assert len(objects) == 1000
    total = float(pions.momenta_gev[:, 3].sum())
    assert abs(float(objects.momenta_gev[:, 3].sum()) - total) < 1000 * 2.0**-53 * total


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: detector.name)
@pytest.mark.parametrize("code", [22, 130])
def test_calorimeters_smear_as_stated(detector: Detector, code: int) -> None:
    """4000 particles, each alone in the middle of a cell; 4 sigma/sqrt(2n) again."""
    calorimeter = detector.electromagnetic if code == 22 else detector.hadronic
    around = round(2 * pi / calorimeter.cell)
    column, row = np.divmod(np.arange(4000), around)
    eta, phi = (column + 0.5) * calorimeter.cell, (row + 0.5) * 2 * pi / around
    momentum, mass = 80.0, PDG_MASS_GEV[code]
    energy = sqrt(momentum**2 + mass**2)
    count = np.count_nonzero(eta < 2.4)
    eta, phi = eta[:count], phi[:count]
    codes = np.full(count, code, dtype=np.int32)
    alone = from_directions(momentum / np.cosh(eta), eta, phi, np.full(count, mass), codes)
    objects = seen(alone, detector)
    assert len(objects) == count
    assert np.abs(objects.pt_eta_phi[:, 1] - np.sort(eta)).max() < 1e-12
    energies = objects.momenta_gev[:, 3]
    stated = sqrt(
        calorimeter.stochastic**2 / energy
        + (calorimeter.noise_gev / energy) ** 2
        + calorimeter.constant**2
    )
    pulls = (energies / energy - 1.0) / stated
    assert abs(float(pulls.std()) - 1.0) < 4.0 / sqrt(2 * count)
    assert abs(float(pulls.mean())) < 4.0 / sqrt(count)


def test_a_cell_sums_what_falls_into_it_also_across_the_seam() -> None:
    """Two photons in one cell are one object; azimuth pi and -pi are one place."""
    coarse = replace(PERFECT, electromagnetic=Calorimeter(0.0, 0.0, 0.0, 0.1))
    cell = 2 * pi / round(2 * pi / 0.1)
    codes = np.full(3, 22, dtype=np.int32)
    phi = np.array([0.2 * cell, 0.8 * cell, 0.2 * cell - 2 * pi])
    photons = from_directions(np.full(3, 10.0), np.full(3, 0.05), phi, np.zeros(3), codes)
    (cell_sum,) = seen(photons, coarse).momenta_gev
    assert abs(cell_sum[3] - 30.0 * np.cosh(0.05)) < 8 * 2.0**-53 * 31.0
    (place,) = seen(photons, coarse).pt_eta_phi
    assert abs(place[1] - 0.05) < 1e-12
    assert abs(place[2] - 0.5 * cell) < 1e-12


def test_cells_on_both_sides_of_the_seam_stay_apart_by_a_cell() -> None:
    coarse = replace(PERFECT, electromagnetic=Calorimeter(0.0, 0.0, 0.0, 0.1))
    cell = 2 * pi / round(2 * pi / 0.1)
    codes = np.full(2, 22, dtype=np.int32)
    phi = np.array([pi - 0.2 * cell, -pi + 0.2 * cell])
    photons = from_directions(np.full(2, 10.0), np.full(2, 0.05), phi, np.zeros(2), codes)
    near = np.abs(seen(photons, coarse).pt_eta_phi[:, 2])
    # The seam lies on the border of two cells or in the middle of one.
    distance = 2 * pi - near.sum() if len(near) == 2 else 0.0
    assert min(abs(distance - cell), abs(distance)) < 1e-12
    assert np.abs(near - pi).max() <= cell / 2 + 1e-12


def test_muons_beyond_the_tracker_are_not_seen_and_hadrons_are_energy() -> None:
    def forward(code: int) -> Particles:
        mass = np.array([PDG_MASS_GEV[code]])
        direction = (np.array([20.0]), np.array([2.8]), np.array([0.3]))
        return from_directions(*direction, mass, np.array([code], dtype=np.int32))

    assert len(seen(forward(13), PERFECT)) == 0
    assert seen(forward(211), PERFECT).pdg_id.tolist() == [130]
    assert seen(forward(11), PERFECT).pdg_id.tolist() == [22]


def test_nothing_in_nothing_out() -> None:
    nothing = a_collision(0, 0)
    assert len(seen(nothing, DETECTORS[0])) == 0


def test_detector_b_is_coarser() -> None:
    first, second = DETECTORS
    assert second.electromagnetic.cell > first.electromagnetic.cell
    assert second.hadronic.cell > first.hadronic.cell
    assert second.track_slope_per_gev > first.track_slope_per_gev


def test_pileup_is_poisson_and_has_no_tracks() -> None:
    """Each pool collision has one neutral kaon and one pion in the tracker, one beyond it."""
    eta = np.array([0.5, 0.5, 2.8])
    codes = np.array([130, 211, 211], dtype=np.int32)
    mass = np.array([PDG_MASS_GEV[code] for code in codes.tolist()])
    one = from_directions(np.array([3.0, 2.0, 1.0]), eta, np.zeros(3), mass, codes)
    jet = a_collision(5, 10)
    pileup = Pileup([one], 20.0, np.random.default_rng(2))
    counts = []
    for _ in range(500):
        whole = pileup.overlaid(jet)
        assert np.array_equal(whole.momenta_gev[:10], jet.momenta_gev)
        extra = whole.select(np.arange(10, len(whole)))
        assert sorted(set(extra.pdg_id.tolist())) == [130, 211]
        assert (np.abs(extra.pt_eta_phi[extra.pdg_id == 211, 1]) > 2.5).all()
        counts.append(len(extra) / 2)
    # Poisson: mean 20 with an error of sqrt(20 / 500); variance 20, relative error sqrt(2 / 500).
    assert abs(np.mean(counts) - 20.0) < 4.0 * sqrt(20.0 / 500)
    assert abs(np.var(counts) / 20.0 - 1.0) < 4.0 * sqrt(2.0 / 500 + 1.0 / (20.0 * 500))


def test_turning_a_collision_keeps_its_masses_and_momenta() -> None:
    one = a_collision(7).select(a_collision(7).is_kind((22, 130)))
    turned = Pileup([one], 3.0, np.random.default_rng(4)).overlaid(a_collision(8, 0))
    assert len(turned) % len(one) == 0
    for part in np.split(turned.momenta_gev, len(turned) // len(one)):
        before, after = one.momenta_gev, part
        assert np.array_equal(before[:, 3], after[:, 3])
        assert np.array_equal(np.abs(before[:, 2]), np.abs(after[:, 2]))
        change = np.hypot(*after[:, :2].T) / np.hypot(*before[:, :2].T) - 1.0
        assert np.abs(change).max() < 8 * 2.0**-53
    angles = turned.pt_eta_phi[:: len(one), 2]
    assert len(np.unique(np.round(angles, 6))) == len(angles)


def test_joining_keeps_order() -> None:
    first, second = a_collision(1, 3), a_collision(2, 4)
    whole = joined([first, second])
    assert whole.pdg_id.tolist() == [*first.pdg_id.tolist(), *second.pdg_id.tolist()]
