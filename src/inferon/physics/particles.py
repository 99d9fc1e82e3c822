"""Particles of one collision, as a generator or a detector gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

CHARGED_HADRONS = (211, 321, 2212)
NEUTRAL_HADRONS = (130, 2112)
ELECTRON, MUON, PHOTON, CHARGED_PION, NEUTRAL_KAON = 11, 13, 22, 211, 130
CHARGED = (ELECTRON, MUON, *CHARGED_HADRONS)
"""Absolute PDG codes of the charged particles that live long enough to reach a detector."""

PDG_MASS_GEV: Mapping[int, float] = {
    11: 0.00051,
    13: 0.10566,
    22: 0.0,
    130: 0.49761,
    211: 0.13957,
    321: 0.49368,
    2112: 0.93957,
    2212: 0.93827,
}
"""Masses of the particles that reach a detector, by absolute PDG code: those of Pythia 8.3, from
the Review of Particle Physics."""


@dataclass(frozen=True, slots=True, eq=False)
class Particles:
    """Visible particles.

    Attributes
    ----------
    momenta_gev : shape (n, 4)
        px, py, pz, E [GeV].
    mass_gev : shape (n,)
        Their masses, which a difference of large numbers in ``momenta_gev`` would blur.
    pdg_id : shape (n,)
        PDG codes.
    """

    momenta_gev: FloatArray
    mass_gev: FloatArray
    pdg_id: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.pdg_id)

    def select(self, which: NDArray[np.bool_] | NDArray[np.integer]) -> Particles:
        """Keep the particles at a mask or at indices."""
        return Particles(self.momenta_gev[which], self.mass_gev[which], self.pdg_id[which])

    def is_kind(self, codes: Sequence[int]) -> NDArray[np.bool_]:
        """Tell which particles have one of these absolute PDG codes, shape (n,)."""
        return np.isin(np.abs(self.pdg_id), codes)

    @property
    def pt_eta_phi(self) -> FloatArray:
        """PT [GeV], pseudorapidity, azimuth [rad], shape (n, 3)."""
        px, py, pz, _ = self.momenta_gev.T
        pt = np.hypot(px, py)
        # A particle along the beam has no finite pseudorapidity; it falls to any cut on pT or eta.
        eta = np.arcsinh(pz / np.maximum(pt, np.finfo(np.float64).tiny))
        return np.stack([pt, eta, np.arctan2(py, px)], axis=-1)


def from_directions(
    pt_gev: FloatArray,
    eta: FloatArray,
    phi: FloatArray,
    mass_gev: FloatArray,
    pdg_id: NDArray[np.int32],
) -> Particles:
    """Return particles on their mass shell."""
    p_gev = pt_gev * np.cosh(eta)
    columns = (pt_gev * np.cos(phi), pt_gev * np.sin(phi), pt_gev * np.sinh(eta))
    energy_gev = np.hypot(p_gev, mass_gev)
    return Particles(np.stack([*columns, energy_gev], axis=-1), mass_gev, pdg_id)


def joined(parts: Sequence[Particles]) -> Particles:
    """Return all particles of several collisions or detector parts."""
    return Particles(
        np.concatenate([part.momenta_gev for part in parts]),
        np.concatenate([part.mass_gev for part in parts]),
        np.concatenate([part.pdg_id for part in parts]),
    )
