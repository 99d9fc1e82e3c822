"""The 16 high-level features of a jet, as in the hls4ml jet set.

E. Coleman et al., arXiv:1709.08705 (table 1) and J. Duarte et al., arXiv:1804.06913 (table 1)
chose them; the correlator ratios are from I. Moult, L. Necib, J. Thaler, arXiv:1609.07483.

===============  ==========================  ====================================================
name             published column            definition
===============  ==========================  ====================================================
zlogz            j_zlogz                     sum of z ln z over all constituents
c1_b0/b1/b2      j_c1_b{0,1,2}_mmdt          e2
c2_b1/b2         j_c2_b{1,2}_mmdt            e3 / e2^2
d2_b1/b2         j_d2_b{1,2}_mmdt            e3 / e2^3
d2_a1_b1/a1_b2   j_d2_a1_b{1,2}_mmdt         e3(beta=1) / e2(beta)^(3/beta)
m2_b1/b2         j_m2_b{1,2}_mmdt            1e3 / e2
n2_b1/b2         j_n2_b{1,2}_mmdt            2e3 / e2^2
mass             j_mass_mmdt                 groomed mass [GeV]
multiplicity     j_multiplicity              number of constituents
===============  ==========================  ====================================================

All but zlogz and multiplicity are of the constituents that the modified mass-drop tagger leaves;
z is the share of their summed pT, R the distance in (rapidity, azimuth).  A ratio with e2 = 0 (one
constituent left, or all in one direction) is 0, as is e3 of two constituents: no third prong.
``d2_b1`` and ``d2_a1_b1`` are equal by definition; both are published, so both are here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inferon.errors import DataError
from inferon.physics.energy_correlators import Correlators, correlators
from inferon.physics.grooming import modified_mass_drop, squared_distances

FloatArray = NDArray[np.float64]

FEATURE_NAMES: tuple[str, ...] = (
    "zlogz",
    "c1_b0",
    "c1_b1",
    "c1_b2",
    "c2_b1",
    "c2_b2",
    "d2_b1",
    "d2_b2",
    "d2_a1_b1",
    "d2_a1_b2",
    "m2_b1",
    "m2_b2",
    "n2_b1",
    "n2_b2",
    "mass",
    "multiplicity",
)
"""What ``high_level_features`` returns, in order: that of the published columns."""

MMDT_Z_CUT = 0.1
"""The published set's grooming (arXiv:1804.06913, section 2)."""


def high_level_features(constituents: NDArray[np.floating]) -> FloatArray:
    """Compute the 16 features of one jet.

    Parameters
    ----------
    constituents : shape (n, 4)
        pT [GeV], pseudorapidity, azimuth [rad], energy [GeV], in any order; rows with pT = 0 are
        padding.

    Returns
    -------
    shape (16,)
        In the order of ``FEATURE_NAMES``; always finite.

    Raises
    ------
    DataError
        The shape is another one, there is no constituent, a number is not finite or a pT is
        negative.
    """
    pt, eta, phi, energy = _checked(constituents).T
    momenta = np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), energy], axis=-1)
    kept = modified_mass_drop(momenta, MMDT_Z_CUT)
    share = pt / pt.sum()
    groomed_share = pt[kept] / pt[kept].sum()
    rapidity = _rapidity(momenta[kept])
    azimuth = np.arctan2(momenta[kept, 1], momenta[kept, 0])
    distance = np.sqrt(squared_distances(rapidity, azimuth))
    features: FloatArray = np.array(
        [
            share @ np.log(share),
            # e2 with R^0 = 1: half of all pairs i != j.
            groomed_share @ (1.0 - groomed_share) / 2.0,
            *_correlator_ratios(*correlators(groomed_share, distance, (1, 2))),
            _mass_gev(momenta[kept]),
            len(pt),
        ]
    )
    return features


def _correlator_ratios(one: Correlators, two: Correlators) -> list[float]:
    """``c1_b1`` to ``n2_b2`` from the sums at beta = 1 and 2."""
    return [
        one.e2,
        two.e2,
        _ratio(one.e3, one.e2, 2.0),
        _ratio(two.e3, two.e2, 2.0),
        _ratio(one.e3, one.e2, 3.0),
        _ratio(two.e3, two.e2, 3.0),
        _ratio(one.e3, one.e2, 3.0),
        _ratio(one.e3, two.e2, 1.5),
        _ratio(one.e3_one, one.e2, 1.0),
        _ratio(two.e3_one, two.e2, 1.0),
        _ratio(one.e3_two, one.e2, 2.0),
        _ratio(two.e3_two, two.e2, 2.0),
    ]


def _ratio(value: float, base: float, exponent: float) -> float:
    denominator = base**exponent
    return value / denominator if denominator > 0.0 else 0.0


def _checked(constituents: NDArray[np.floating]) -> FloatArray:
    if constituents.ndim != 2 or constituents.shape[1] != 4:
        raise DataError(
            "a jet is an array (constituents, 4) of pT [GeV], eta, phi [rad], energy [GeV], "
            f"not {constituents.shape}"
        )
    values = constituents.astype(np.float64)
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
        raise DataError(f"constituent {row} of the jet is not finite: {values[row].tolist()}")
    if values[:, 0].min(initial=0.0) < 0.0:
        row = int(values[:, 0].argmin())
        raise DataError(f"constituent {row} of the jet has a negative pT: {values[row, 0]} GeV")
    particles: FloatArray = values[values[:, 0] > 0.0]
    if len(particles) == 0:
        raise DataError("a jet without constituents has no features; drop it from the sample")
    return particles


def _rapidity(momenta_gev: FloatArray) -> FloatArray:
    px, py, pz, energy = momenta_gev.T
    # As in the clustering: at least the transverse mass of a massless particle.
    transverse_mass_squared = np.maximum((energy - pz) * (energy + pz), px**2 + py**2)
    return np.asarray(np.arcsinh(pz / np.sqrt(transverse_mass_squared)))


def _mass_gev(momenta_gev: FloatArray) -> float:
    px, py, pz, energy = momenta_gev.sum(axis=0)
    return float(np.sqrt(max((energy - pz) * (energy + pz) - px**2 - py**2, 0.0)))
