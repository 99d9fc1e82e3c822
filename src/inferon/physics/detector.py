"""What a detector makes of particles: tracks, and cells of two calorimeters, each smeared.

A parametrization in the manner of particle flow, not a simulation.  A charged particle that is
tracked is a track: its pT is smeared, its direction kept, its mass taken to be a pion's (electrons
and muons are known as such).  Everything else is summed in the cells of a calorimeter, photons and
electrons in the electromagnetic one, hadrons in the hadronic one; each cell's energy is smeared
and points at the cell's center, with the mass of a photon or of a neutral kaon.  Every object is
on its mass shell after the smearing, so that no jet gains mass from a particle that is not.

Left out: the magnetic field's bending, showers that spread over cells, noise without particles,
tracks that merge in a jet's core, and the energy of a track that leaks into its neighbor's cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inferon.physics.particles import (
    CHARGED,
    CHARGED_PION,
    ELECTRON,
    MUON,
    NEUTRAL_KAON,
    PDG_MASS_GEV,
    PHOTON,
    Particles,
    from_directions,
    joined,
)

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calorimeter:
    """Resolution sigma(E)/E = stochastic / sqrt(E) (+) noise / E (+) constant, E in GeV.

    Attributes
    ----------
    stochastic : [sqrt(GeV)]
    noise_gev : of one cell that holds a particle
    constant : relative
    cell : width of a cell in pseudorapidity and in azimuth [rad]
    """

    stochastic: float
    noise_gev: float
    constant: float
    cell: float


@dataclass(frozen=True, slots=True)
class Detector:
    """A tracker and two calorimeters.

    Attributes
    ----------
    name : what tables call it
    track_efficiency : probability that a charged particle in the tracker becomes a track
    track_abs_eta_max : where the tracker ends
    track_constant, track_slope_per_gev : sigma(pT)/pT = constant (+) slope * pT
    electromagnetic, hadronic : calorimeters
    """

    name: str
    track_efficiency: float
    track_abs_eta_max: float
    track_constant: float
    track_slope_per_gev: float
    electromagnetic: Calorimeter
    hadronic: Calorimeter


def detect(particles: Particles, detector: Detector, random: np.random.Generator) -> Particles:
    """Return what a detector sees of particles.

    Parameters
    ----------
    particles : visible particles of a collision
    detector : its efficiency, resolutions and cells
    random : source of the smearing

    Returns
    -------
    Tracks with the PDG code of a charged pion, electron or muon; cells of the electromagnetic
    calorimeter as photons (22), of the hadronic one as neutral kaons (130).
    """
    eta = particles.pt_eta_phi[:, 1]
    reached = np.abs(eta) < detector.track_abs_eta_max
    found = random.random(len(particles)) < detector.track_efficiency
    tracked = particles.is_kind(CHARGED) & reached & found
    rest = particles.select(~tracked & ~particles.is_kind((MUON,)))  # a muon leaves no cell
    is_electromagnetic = rest.is_kind((ELECTRON, PHOTON))
    return joined(
        [
            _tracks(particles.select(tracked), detector, random),
            _cells(rest.select(is_electromagnetic), detector.electromagnetic, PHOTON, random),
            _cells(rest.select(~is_electromagnetic), detector.hadronic, NEUTRAL_KAON, random),
        ]
    )


def _tracks(particles: Particles, detector: Detector, random: np.random.Generator) -> Particles:
    pt, eta, phi = particles.pt_eta_phi.T
    sigma = np.hypot(detector.track_constant, detector.track_slope_per_gev * pt)
    pt = pt * (1.0 + sigma * random.standard_normal(len(pt)))
    code = np.abs(particles.pdg_id)
    kind = np.where(particles.is_kind((ELECTRON, MUON)), code, CHARGED_PION)
    mass = np.array([PDG_MASS_GEV[each] for each in kind.tolist()], dtype=np.float64)
    charge_kept = (np.sign(particles.pdg_id) * kind).astype(np.int32)
    tracks = from_directions(pt, eta, phi, mass, charge_kept)
    return tracks.select(pt > 0.0)


def _cells(
    particles: Particles, calorimeter: Calorimeter, code: int, random: np.random.Generator
) -> Particles:
    """Sum energies in cells, smear the sums and point them at the cells' centers."""
    _, eta, phi = particles.pt_eta_phi.T
    around = round(2.0 * np.pi / calorimeter.cell)  # a whole number of cells in azimuth
    phi_cell = 2.0 * np.pi / around
    indices = np.stack(
        [np.floor(eta / calorimeter.cell), np.floor(phi / phi_cell) % around], axis=-1
    )
    cells, cell_of = np.unique(indices, axis=0, return_inverse=True)
    summed = np.bincount(cell_of.ravel(), particles.momenta_gev[:, 3], minlength=len(cells))
    energy = summed.astype(np.float64)  # of no particle, bincount makes integers
    sigma = np.sqrt(
        calorimeter.stochastic**2 * energy
        + calorimeter.noise_gev**2
        + (calorimeter.constant * energy) ** 2
    )
    energy = energy + sigma * random.standard_normal(len(energy))
    cell_eta = (cells[:, 0] + 0.5) * calorimeter.cell
    cell_phi = (cells[:, 1] + 0.5) * phi_cell
    mass = np.full(len(cells), PDG_MASS_GEV[code])
    codes = np.full(len(cells), code, dtype=np.int32)
    seen = energy > mass
    momentum = np.sqrt(np.maximum(energy**2 - mass**2, 0.0))
    pt = momentum / np.cosh(cell_eta)
    return from_directions(pt, cell_eta, cell_phi, mass, codes).select(seen)
