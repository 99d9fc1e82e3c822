"""More jets out of those at hand: each is turned about its leading particle before it is seen."""

from __future__ import annotations

from math import pi

import torch
from torch import Tensor

from inferon.models.jets.frame import wrap


def turn(raw: Tensor, random: torch.Generator) -> Tensor:
    """Rotate each jet by a random angle about its leading particle and mirror half of them.

    In the plane of (eta, phi) around a central, fast jet no direction is special, so a turned jet
    is about as likely as the jet itself.  pT stays, and so does each particle's mass: the energy
    changes with cosh(eta).

    Parameters
    ----------
    raw : shape (N, K, 4)
        pT [GeV], eta, phi [rad], energy [GeV]; highest pT first, zero padded.
    random : source of the angles

    Returns
    -------
    The same shape; the leading particle stays where it was.
    """
    pt, eta, phi, energy = raw.unbind(dim=2)
    angle = (torch.rand(len(raw), 1, generator=random) * (2.0 * pi)).to(raw.device)
    side = torch.rand(len(raw), 1, generator=random).to(raw.device)
    mirror = torch.where(side < 0.5, -1.0, 1.0)
    delta_eta = eta - eta[:, :1]
    delta_phi = mirror * wrap(phi - phi[:, :1])
    new_eta = eta[:, :1] + torch.cos(angle) * delta_eta - torch.sin(angle) * delta_phi
    new_phi = wrap(phi[:, :1] + torch.sin(angle) * delta_eta + torch.cos(angle) * delta_phi)
    # E^2 = m^2 + pT^2 cosh^2(eta), and cosh^2 = 1 + sinh^2
    change = pt * pt * (torch.sinh(new_eta) ** 2 - torch.sinh(eta) ** 2)
    new_energy = torch.sqrt((energy * energy + change).clamp(min=0.0))
    particle = pt > 0.0
    turned = torch.stack([pt, new_eta, new_phi, new_energy], dim=2)
    return torch.where(particle[:, :, None], turned, 0.0)
