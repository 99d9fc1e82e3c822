"""A jet seen from its own axis: the seven kinematic features that all particle taggers read.

They are those of the Particle Transformer, H. Qu, C. Li, S. Qian, arXiv:2202.03772, table 2, with
the offsets and scales of its configuration.  Everything is computed from raw constituents inside
the network, so whoever runs it hands over what the reconstruction gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor, nn

FEATURE_NAMES: tuple[str, ...] = (
    *("log_pt", "log_energy", "log_pt_rel", "log_energy_rel", "delta_r", "delta_eta", "delta_phi"),
)

OFFSETS: tuple[float, ...] = (1.7, 2.0, -4.7, -4.7, 0.2, 0.0, 0.0)
"""Subtracted from the features."""

SCALES: tuple[float, ...] = (0.7, 0.7, 0.7, 0.7, 4.0, 1.0, 1.0)
"""Multiplied to them afterwards; with the offsets they bring all near zero mean, unit width."""

LIMIT = 5.0
"""A feature is cut off at plus and minus this."""


@dataclass(frozen=True, slots=True)
class JetView:
    """What the taggers see of N jets with K constituents.

    Attributes
    ----------
    mask : shape (N, K, 1)
        1 for a constituent, 0 for padding.
    features : shape (N, K, 7)
        In the order of ``FEATURE_NAMES``, scaled; 0 for padding.
    angles : shape (N, K, 2)
        Pseudorapidity and azimuth [rad] relative to the axis; 0 for padding.
    momenta_gev : shape (N, K, 4)
        px, py, pz, E [GeV], px along the azimuth of the leading constituent; 0 for padding.
    """

    mask: Tensor
    features: Tensor
    angles: Tensor
    momenta_gev: Tensor


class JetFrame(nn.Module):
    """Turns raw constituents into features relative to the jet's summed four-momentum."""

    offsets: Tensor
    scales: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("offsets", torch.tensor(OFFSETS), persistent=False)
        self.register_buffer("scales", torch.tensor(SCALES), persistent=False)

    def forward(self, constituents: Tensor) -> JetView:
        """Compute the features.

        Parameters
        ----------
        constituents : shape (N, K, 4)
            pT [GeV], eta, phi [rad], energy [GeV]; highest pT first, zero padded.
        """
        pt, eta, phi, energy = constituents.split(1, dim=2)
        mask = (pt > 0.0).to(pt.dtype)
        # Azimuths to the leading constituent first: the seam at pi is then far away.
        turned = wrap(phi - phi[:, 0:1])
        momenta = torch.cat(
            [pt * torch.cos(turned), pt * torch.sin(turned), pt * torch.sinh(eta), energy], dim=2
        )
        px, py, pz, jet_energy = momenta.sum(dim=1, keepdim=True).split(1, dim=2)
        jet_pt = positive(torch.sqrt(px * px + py * py))
        axis_eta = torch.asinh(pz / jet_pt)
        # The axis lies within a right angle of the leading constituent, so px > 0.
        axis_phi = torch.atan(py / positive(px))
        angles = torch.cat([eta - axis_eta, wrap(turned - axis_phi)], dim=2) * mask
        logs = torch.log(
            positive(
                torch.cat([pt, energy, pt / jet_pt, energy / positive(jet_energy)], dim=2),
            )
        )
        delta_r = torch.sqrt((angles * angles).sum(dim=2, keepdim=True))
        features = (torch.cat([logs, delta_r, angles], dim=2) - self.offsets) * self.scales
        return JetView(
            mask=mask,
            features=features.clamp(-LIMIT, LIMIT) * mask,
            angles=angles,
            momenta_gev=momenta,
        )


def wrap(angle: Tensor) -> Tensor:
    """Bring differences of azimuth [rad] into [-pi, pi]."""
    return angle - (2.0 * pi) * torch.round(angle * (0.5 / pi))


def positive(values: Tensor) -> Tensor:
    """Replace what is not above zero, as in padding, by one: its log and inverse are finite."""
    return torch.where(values > 0.0, values, 1.0)
