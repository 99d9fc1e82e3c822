"""What two particles are to each other: the four pair features of the Particle Transformer.

H. Qu, C. Li, S. Qian, arXiv:2202.03772, eqs. 3 to 6, for particles a and b:

    Delta = sqrt((y_a - y_b)^2 + (phi_a - phi_b)^2)          y: rapidity
    kT    = min(pT_a, pT_b) Delta
    z     = min(pT_a, pT_b) / (pT_a + pT_b)
    m^2   = (E_a + E_b)^2 - |p_a + p_b|^2

and the network sees their logarithms.  As printed, eq. 6 leaves no correct digit of a pair of
collinear particles in float32, so it is computed as the same number in another form, a sum of
terms that are not negative.
"""

from __future__ import annotations

import torch
from torch import Tensor

from inferon.models.jets.frame import JetView, positive, wrap

PAIR_FEATURES = 4

SMALLEST_ANGLE = 1e-3
"""Floor of Delta: no calorimeter or tracker tells closer particles apart in a dense jet, and the
log of what is rounding of float32 angles (2e-7 near pi) would be noise."""

SMALLEST_MASS_SQUARED_GEV2 = 1e-6
"""Floor of m^2: two massless particles of 1 GeV at the smallest angle."""


def pair_features(view: JetView, first: Tensor, second: Tensor) -> Tensor:
    """Return ln Delta, ln kT, ln z, ln m^2 (GeV) of pairs of particles.

    Parameters
    ----------
    view : N jets with K slots
    first, second : int64, shape (P,)
        Slots of the two particles of each pair.

    Returns
    -------
    Shape (N, P, 4); 0 where one of the two is padding.
    """
    particle = _particles(view)
    pt_a, mass2_a, mt_a, y_a, phi_a, mask_a = particle.index_select(1, first).split(1, dim=2)
    pt_b, mass2_b, mt_b, y_b, phi_b, mask_b = particle.index_select(1, second).split(1, dim=2)
    y, phi = y_a - y_b, wrap(phi_a - phi_b)
    # Eq. 6 with E_a E_b - pz_a pz_b = mT_a mT_b cosh(y), cosh y - 1 = 2 sinh^2(y / 2) and
    # 1 - cos phi = 2 sin^2(phi / 2); mT_a mT_b - pT_a pT_b from the difference of their squares.
    pt_ab, mt_ab = pt_a * pt_b, mt_a * mt_b
    at_rest = mass2_a * (mass2_b + pt_b * pt_b) + mass2_b * pt_a * pt_a
    mass2 = (
        (mass2_a + mass2_b + 2.0 * at_rest / (mt_ab + pt_ab))
        + 4.0 * mt_ab * torch.sinh(0.5 * y).square()
        + 4.0 * pt_ab * torch.sin(0.5 * phi).square()
    )
    delta2 = (y * y + phi * phi).clamp(min=SMALLEST_ANGLE**2)
    smaller = torch.minimum(pt_a, pt_b)
    log_delta = 0.5 * torch.log(delta2)
    log_kt = torch.log(smaller) + log_delta
    log_z = torch.log(smaller / (pt_a + pt_b))
    log_mass2 = torch.log(mass2.clamp(min=SMALLEST_MASS_SQUARED_GEV2))
    return torch.cat([log_delta, log_kt, log_z, log_mass2], dim=2) * (mask_a * mask_b)


def _particles(view: JetView) -> Tensor:
    """Return pT, m^2, transverse mass [GeV], rapidity, azimuth, mask, shape (N, K, 6)."""
    px, py, pz, energy = view.momenta_gev.split(1, dim=2)
    pt2 = positive(px * px + py * py)  # padding: 1 GeV, along the axis
    mass2 = ((energy - pz) * (energy + pz) - pt2).clamp(min=0.0)
    mt = torch.sqrt(mass2 + pt2)
    rapidity = torch.asinh(pz / mt)
    return torch.cat(
        [torch.sqrt(pt2), mass2, mt, rapidity, view.angles[:, :, 1:], view.mask], dim=2
    )
