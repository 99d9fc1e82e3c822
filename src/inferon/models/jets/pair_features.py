"""What two particles are to each other: the four pair features of the Particle Transformer.

H. Qu, C. Li, S. Qian, arXiv:2202.03772, eqs. 3 to 6, for particles a and b:

    Delta = sqrt((y_a - y_b)^2 + (phi_a - phi_b)^2)          y: rapidity
    kT    = min(pT_a, pT_b) Delta
    z     = min(pT_a, pT_b) / (pT_a + pT_b)
    m^2   = (E_a + E_b)^2 - |p_a + p_b|^2

and the network sees their logarithms.  A hard particle's energy and momentum agree in all digits
of float32, so its own mass and rapidity are computed in float64; and eq. 6, which leaves no
correct digit of two collinear particles, in another form: a sum of terms that are not negative.
"""

from __future__ import annotations

import torch
from torch import Tensor

from inferon.models.jets.frame import JetView, positive

PAIR_FEATURES = 4

SMALLEST_ANGLE = 1e-3
"""Floor of Delta [rad]: tracks 0.1 mm apart in a first layer at 3 cm, 3e-3, share their pixels;
and the log of what is rounding of float32 angles, 2e-7 near pi, would be noise."""

SMALLEST_MASS_SQUARED_GEV2 = 1e-6
"""Floor of m^2: two massless particles of 1 GeV at the smallest angle."""


def pair_features(constituents: Tensor, view: JetView, first: Tensor, second: Tensor) -> Tensor:
    """Return ln Delta, ln kT, ln z, ln m^2 (GeV) of pairs of particles.

    Parameters
    ----------
    constituents : shape (N, K, 4)
        pT [GeV], eta, phi [rad], energy [GeV]; zero padded.
    view : the same jets from their axes
    first, second : int64, shape (P,)
        Slots of the two particles of each pair.

    Returns
    -------
    Shape (N, P, 4); 0 where one of the two is padding.
    """
    particle = torch.cat([_particles(constituents), view.angles[:, :, 1:], view.mask], dim=2)
    pt_a, mass2_a, mt_a, y_a, phi_a, mask_a = particle.index_select(1, first).split(1, dim=2)
    pt_b, mass2_b, mt_b, y_b, phi_b, mask_b = particle.index_select(1, second).split(1, dim=2)
    y, phi = y_a - y_b, phi_a - phi_b  # both relative to the jet's axis, far from the seam
    # Eq. 6 with E_a E_b - pz_a pz_b = mT_a mT_b cosh(y), cosh y - 1 = 2 sinh^2(y / 2) and
    # 1 - cos phi = 2 sin^2(phi / 2); mT_a mT_b - pT_a pT_b from the difference of their squares.
    pt_ab, mt_ab = pt_a * pt_b, mt_a * mt_b
    at_rest = mass2_a * mt_b.square() + mass2_b * pt_a.square()
    mass2 = (
        (mass2_a + mass2_b + 2.0 * at_rest / (mt_ab + pt_ab))
        + 4.0 * mt_ab * torch.sinh(0.5 * y).square()
        + 4.0 * pt_ab * torch.sin(0.5 * phi).square()
    )
    smaller = torch.minimum(pt_a, pt_b)
    log_delta = 0.5 * torch.log((y * y + phi * phi).clamp(min=SMALLEST_ANGLE**2))
    log_kt = torch.log(smaller) + log_delta
    log_z = torch.log(smaller / (pt_a + pt_b))
    log_mass2 = torch.log(mass2.clamp(min=SMALLEST_MASS_SQUARED_GEV2))
    return torch.cat([log_delta, log_kt, log_z, log_mass2], dim=2) * (mask_a * mask_b)


def _particles(constituents: Tensor) -> Tensor:
    """Return pT [GeV], m^2, transverse mass, rapidity, shape (N, K, 4); padding has pT 1."""
    pt, eta, _, energy = constituents.double().split(1, dim=2)
    pz = 0.5 * pt * (torch.exp(eta) - torch.exp(-eta))
    momentum2 = pt * pt + pz * pz
    energy2 = torch.maximum(energy * energy, momentum2)  # where rounding made a mass imaginary
    mass2, energy = energy2 - momentum2, torch.sqrt(energy2)
    rapidity = 0.5 * torch.log(positive(energy + pz) / positive(energy - pz))
    pt = positive(pt)
    mt = torch.sqrt(mass2 + pt * pt)
    return torch.cat([pt, mass2, mt, rapidity], dim=2).to(constituents.dtype)
