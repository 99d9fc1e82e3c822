"""The generated jets look like the particles they come from, as theory and other programs say."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from numpy.typing import NDArray

from inferon.physics.high_level_features import FEATURE_NAMES
from inferon.physics.jets import Jets
from inferon.physics.sample import shipped_jets
from tests.absent import needs_package

pytestmark = needs_package("h5py")

Q, G, W, Z, T = range(5)

W_MASS_GEV, Z_MASS_GEV, TOP_MASS_GEV = 80.4, 91.2, 173.0
"""Pythia 8.3: 80.385, 91.188 (Review of Particle Physics) and 173."""

BOTH_PRONGS_LOST = 0.056
"""A longitudinal boson's decay quark has the share z with density 6 z (1 - z); mass drop with
z_cut = 0.1 loses a prong with probability 2 (3 * 0.1^2 - 2 * 0.1^3)."""


@pytest.fixture(scope="module")
def jets() -> Jets:
    return shipped_jets()


def feature(jets: Jets, name: str, label: int) -> NDArray[np.float32]:
    assert jets.features is not None
    column: NDArray[np.float32] = jets.features[jets.label == label, FEATURE_NAMES.index(name)]
    return column


def mean_and_error(values: NDArray[np.float32]) -> tuple[float, float]:
    wide = values.astype(np.float64)
    return float(wide.mean()), float(wide.std(ddof=1) / sqrt(len(wide)))


@pytest.mark.parametrize(
    ("label", "mass_gev", "half_width_gev"),
    [(W, W_MASS_GEV, 15.0), (Z, Z_MASS_GEV, 15.0), (T, TOP_MASS_GEV, 30.0)],
)
def test_groomed_mass_peaks_at_the_particle(
    jets: Jets, label: int, mass_gev: float, half_width_gev: float
) -> None:
    """The most populated 2 GeV of the groomed mass lie within 2 GeV of the particle's mass.

    Neutrinos of the decay and grooming pull down, the underlying event up, by about 1 GeV each.
    """
    mass = feature(jets, "mass", label)
    counts, edges = np.histogram(mass, np.arange(40.0, 220.0, 2.0))
    peak = edges[int(counts.argmax())] + 1.0
    assert abs(peak - mass_gev) <= 2.0
    inside = float(np.mean(np.abs(mass - mass_gev) < half_width_gev))
    for other in (Q, G):
        elsewhere = feature(jets, "mass", other)
        assert np.mean(np.abs(elsewhere - mass_gev) < half_width_gev) < inside / 3.0


@pytest.mark.parametrize("label", [W, Z])
def test_longitudinal_bosons_lose_a_prong_as_often_as_theory_says(jets: Jets, label: int) -> None:
    """Below 30 GeV a boson has lost a prong; 4 binomial standard errors around the theory.

    Transverse bosons would lose 0.272, isotropic decays 0.200: 40 and more standard errors off.
    """
    mass = feature(jets, "mass", label)
    error = sqrt(BOTH_PRONGS_LOST * (1.0 - BOTH_PRONGS_LOST) / len(mass))
    assert abs(float(np.mean(mass < 30.0)) - BOTH_PRONGS_LOST) < 4.0 * error


def test_the_w_window_holds_what_an_earlier_program_found(jets: Jets) -> None:
    """An independent program found 0.80 of W jets in 65 to 95 GeV (two digits)."""
    mass = feature(jets, "mass", W)
    inside = float(np.mean((mass > 65.0) & (mass < 95.0)))
    assert abs(inside - 0.80) < 4.0 * sqrt(0.8 * 0.2 / len(mass)) + 0.005


def test_the_z_is_heavier_than_the_w_by_eleven_gev(jets: Jets) -> None:
    """m_Z - m_W = 10.8 GeV; radiation does the same to both, so the difference stays.

    The median of n values that spread like a Gaussian is known to 1.25 sigma / sqrt(n).
    """
    inside = [feature(jets, "mass", label) for label in (W, Z)]
    cores = [
        mass[np.abs(mass - center) < 15.0]
        for mass, center in zip(inside, (W_MASS_GEV, Z_MASS_GEV), strict=True)
    ]
    difference = float(np.median(cores[1]) - np.median(cores[0]))
    error = 1.25 * sqrt(sum(float(core.std()) ** 2 / len(core) for core in cores))
    assert abs(difference - (Z_MASS_GEV - W_MASS_GEV)) < 4.0 * error


def test_gluons_have_more_particles_than_quarks(jets: Jets) -> None:
    """Color factors: C_A / C_F = 9/4 as many in the limit of infinite energy, fewer below it."""
    quark, quark_error = mean_and_error(feature(jets, "multiplicity", Q))
    gluon, gluon_error = mean_and_error(feature(jets, "multiplicity", G))
    ratio = gluon / quark
    error = ratio * sqrt((quark_error / quark) ** 2 + (gluon_error / gluon) ** 2)
    assert 1.0 + 4.0 * error < ratio < 9.0 / 4.0 - 4.0 * error


def test_a_top_jet_has_three_prongs_and_a_boson_two(jets: Jets) -> None:
    """D2 and N2 are small for two prongs: I. Moult, L. Necib, J. Thaler, arXiv:1609.07483."""
    for name in ("d2_b2", "n2_b1"):
        bosons = [float(np.median(feature(jets, name, label))) for label in (W, Z)]
        others = [float(np.median(feature(jets, name, label))) for label in (Q, G, T)]
        assert max(bosons) < min(others)


@pytest.mark.parametrize(
    ("label", "expected"), [(Q, 0.927), (G, 0.951), (W, 0.987), (Z, 0.989), (T, 0.845)]
)
def test_matching_efficiency_agrees_with_an_earlier_program(
    jets: Jets, label: int, expected: float
) -> None:
    """An independent program measured these on 100,000 jets; 4 standard errors of ours."""
    assert jets.card is not None
    efficiency, error = jets.card.classes[label].clean_fraction
    assert abs(efficiency - expected) < 4 * error


def test_containment_is_what_costs_top_jets(jets: Jets) -> None:
    """Another program: 0.991 of top jets point at the top, 0.845 hold all three quarks."""
    assert jets.card is not None
    matched, error = jets.card.classes[T].matched_fraction
    assert abs(matched - 0.991) < 4 * error
