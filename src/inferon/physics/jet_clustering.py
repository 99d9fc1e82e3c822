"""Anti-kT jets of one event, through FastJet.

The only file that imports ``fastjet`` (GPL-2.0-or-later, an optional extra; used as it is).
References: M. Cacciari, G. P. Salam, G. Soyez, arXiv:1111.6097 (FastJet), arXiv:0802.1189
(anti-kT).
"""

from __future__ import annotations

from dataclasses import dataclass

import fastjet
import numpy as np
from numpy.typing import NDArray

from inferon.physics.jet_classes import JetCuts

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Jet:
    """One jet.

    Attributes
    ----------
    pt_gev, eta, phi, mass_gev : the jet's own momentum; phi in [-pi, pi]
    rapidity : the jet axis for distances
    constituents : shape (particles, 3)
        pT [GeV], pseudorapidity and azimuth [rad], highest pT first.
    """

    pt_gev: float
    eta: float
    phi: float
    mass_gev: float
    rapidity: float
    constituents: FloatArray


def leading_jets(momenta_gev: FloatArray, cuts: JetCuts) -> list[Jet]:
    """Find the leading jets of an event that pass the cuts.

    A jet is leading if it is among the first ``cuts.leading_jets`` in pT, before the cuts on jets.

    Parameters
    ----------
    momenta_gev : shape (particles, 4)
        px, py, pz, E [GeV] of the visible particles.
    cuts : cuts on particles and jets, jet radius
    """
    particles = _particles_in_acceptance(momenta_gev, cuts)
    pseudojets = [fastjet.PseudoJet(*row) for row in particles.tolist()]
    for index, pseudojet in enumerate(pseudojets):
        pseudojet.set_user_index(index)
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, cuts.radius)
    # The sequence owns what its jets refer to, so it must outlive them.
    sequence = fastjet.ClusterSequence(pseudojets, definition)
    by_pt = fastjet.sorted_by_pt(sequence.inclusive_jets(cuts.jet_pt_min_gev))
    return [
        _jet(pseudojet, particles)
        for pseudojet in by_pt[: cuts.leading_jets]
        if pseudojet.pt() < cuts.jet_pt_max_gev and abs(pseudojet.eta()) < cuts.jet_abs_eta_max
    ]


def _particles_in_acceptance(momenta_gev: FloatArray, cuts: JetCuts) -> FloatArray:
    pt, eta, _ = _pt_eta_phi(momenta_gev).T
    kept = (pt > cuts.particle_pt_min_gev) & (np.abs(eta) < cuts.particle_abs_eta_max)
    inside: FloatArray = momenta_gev[kept]
    return inside


def _pt_eta_phi(momenta_gev: FloatArray) -> FloatArray:
    px, py, pz, _ = momenta_gev.T
    pt = np.hypot(px, py)
    # A particle along the beam has no finite pseudorapidity; it falls to the cut on pT or on
    # |eta|.
    eta = np.arcsinh(pz / np.maximum(pt, np.finfo(np.float64).tiny))
    return np.stack([pt, eta, np.arctan2(py, px)], axis=-1)


def _jet(pseudojet: fastjet.PseudoJet, particles: FloatArray) -> Jet:
    indices = sorted(part.user_index() for part in pseudojet.constituents())
    constituents = _pt_eta_phi(particles[indices])
    order = np.argsort(-constituents[:, 0], kind="stable")
    return Jet(
        pt_gev=pseudojet.pt(),
        eta=pseudojet.eta(),
        phi=pseudojet.phi_std(),
        mass_gev=pseudojet.m(),
        rapidity=pseudojet.rap(),
        constituents=constituents[order],
    )
