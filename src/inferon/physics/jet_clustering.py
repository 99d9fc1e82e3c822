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
from inferon.physics.particles import Particles

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Jet:
    """One jet.

    Attributes
    ----------
    pt_gev, eta, phi, mass_gev : the jet's own momentum; phi in [-pi, pi]
    rapidity : the jet axis for distances
    constituents : shape (particles, 4)
        pT [GeV], pseudorapidity, azimuth [rad] and energy [GeV], highest pT first.
    constituent_mass_gev, constituent_pdg_id : shape (particles,)
        The same particles' masses and PDG codes.
    """

    pt_gev: float
    eta: float
    phi: float
    mass_gev: float
    rapidity: float
    constituents: FloatArray
    constituent_mass_gev: FloatArray
    constituent_pdg_id: NDArray[np.int32]


def leading_jets(particles: Particles, cuts: JetCuts) -> list[Jet]:
    """Find the leading jets of an event that pass the cuts.

    A jet is leading if it is among the first ``cuts.leading_jets`` in pT, before the cuts on jets.

    Parameters
    ----------
    particles : visible particles, or what a detector saw of them
    cuts : cuts on particles and jets, jet radius
    """
    particles = _in_acceptance(particles, cuts)
    pseudojets = [fastjet.PseudoJet(*row) for row in particles.momenta_gev.tolist()]
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


def _in_acceptance(particles: Particles, cuts: JetCuts) -> Particles:
    pt, eta, _ = particles.pt_eta_phi.T
    return particles.select(
        (pt > cuts.particle_pt_min_gev) & (np.abs(eta) < cuts.particle_abs_eta_max)
    )


def _jet(pseudojet: fastjet.PseudoJet, particles: Particles) -> Jet:
    indices = np.sort([part.user_index() for part in pseudojet.constituents()])
    inside = particles.select(indices)
    inside = inside.select(np.argsort(-inside.pt_eta_phi[:, 0], kind="stable"))
    return Jet(
        pt_gev=pseudojet.pt(),
        eta=pseudojet.eta(),
        phi=pseudojet.phi_std(),
        mass_gev=pseudojet.m(),
        rapidity=pseudojet.rap(),
        constituents=np.column_stack([inside.pt_eta_phi, inside.momenta_gev[:, 3]]),
        constituent_mass_gev=inside.mass_gev,
        constituent_pdg_id=inside.pdg_id,
    )
