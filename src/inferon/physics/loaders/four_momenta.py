"""From the coordinates of a published file to pT [GeV], pseudorapidity, azimuth and energy [GeV].

Every array has particles in axis 1; a particle whose components are all zero is padding.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inferon.errors import DataError
from inferon.physics.kinematics import wrap_phi
from inferon.physics.loaders.checks import ROUNDING, Where, require_finite

FloatArray = NDArray[np.float64]

BEAM_RAPIDITY = 9.61
"""ln(14 TeV / proton mass): nothing that a collision of the LHC makes is beyond."""


def from_cartesian(components: FloatArray, columns: Sequence[str], where: Where) -> FloatArray:
    """Convert px, py, pz, E.

    Parameters
    ----------
    components : shape (rows, particles, 4), px, py, pz, E [GeV]
    columns : names of the four in the file, for error messages

    Returns
    -------
    shape (rows, particles, 4): pT [GeV], pseudorapidity, azimuth [rad], energy [GeV]

    Raises
    ------
    DataError
        Not finite, or no four-momentum of a particle: E < |p|, or E without transverse momentum.
    """
    require_finite(components, columns, where)
    px, py, pz, energy = np.moveaxis(components, -1, 0)
    pt = np.hypot(px, py)
    momentum = np.hypot(pt, pz)
    bad = np.argwhere((energy < momentum * (1.0 - ROUNDING)) | ((pt == 0.0) & (energy != 0.0)))
    if len(bad):
        row, particle = bad[0]
        raise DataError(
            f"{where.row(row)}: particle {particle} has {columns[3]} = "
            f"{energy[row, particle]:.6g} and (px, py, pz) = ({px[row, particle]:.6g}, "
            f"{py[row, particle]:.6g}, {pz[row, particle]:.6g}), which is no four-momentum; "
            f"are {', '.join(columns)} in another order or unit?"
        )
    return _polar(pt, pz, np.arctan2(py, px), energy)


def from_rapidity(
    pt: FloatArray,
    rapidity: FloatArray,
    phi: FloatArray,
    mass_gev: FloatArray | float,
    columns: Sequence[str],
    where: Where,
) -> FloatArray:
    """Convert pT, rapidity (of massless particles: pseudorapidity), azimuth and mass.

    Parameters
    ----------
    pt, rapidity, phi, mass_gev : shape (rows, particles)
        GeV and rad; finite; padding has pT 0.
    columns : names of pT and rapidity in the file, for error messages

    Returns
    -------
    shape (rows, particles, 4), as ``from_cartesian``

    Raises
    ------
    DataError
        A pT is negative, or a rapidity beyond that of the beam.
    """
    is_particle = pt != 0.0
    _refuse(pt < 0.0, pt, columns[0], "which is no pT", where)
    beyond = is_particle & (np.abs(rapidity) > BEAM_RAPIDITY)
    _refuse(beyond, rapidity, columns[1], "beyond the rapidity of the beams", where)
    transverse_mass = np.where(is_particle, np.hypot(pt, mass_gev), 0.0)
    rapidity = np.where(is_particle, rapidity, 0.0)
    pz, energy = transverse_mass * np.sinh(rapidity), transverse_mass * np.cosh(rapidity)
    return _polar(pt, pz, np.where(is_particle, wrap_phi(phi), 0.0), energy)


def _refuse(
    bad: NDArray[np.bool_], values: FloatArray, column: str, why: str, where: Where
) -> None:
    if bad.any():
        row, particle = np.argwhere(bad)[0]
        raise DataError(
            f"{where.row(row)}: {column} of particle {particle} is {values[row, particle]:.6g}, "
            f"{why}; are columns in another order?"
        )


def _polar(pt: FloatArray, pz: FloatArray, phi: FloatArray, energy: FloatArray) -> FloatArray:
    slope = np.divide(pz, pt, out=np.zeros_like(pt), where=pt > 0.0)
    return np.stack([pt, np.arcsinh(slope), phi, energy], axis=-1)


def jet_of(constituents: FloatArray) -> FloatArray:
    """Sum of four-momenta.

    Parameters
    ----------
    constituents : shape (rows, particles, 4), pT, pseudorapidity, azimuth, energy

    Returns
    -------
    shape (rows, 4): pT [GeV], pseudorapidity, azimuth [rad], mass [GeV] of the jets
    """
    pt, eta, phi, energies = np.moveaxis(constituents, -1, 0)
    px, py, pz = ((pt * part).sum(axis=1) for part in (np.cos(phi), np.sin(phi), np.sinh(eta)))
    energy = energies.sum(axis=1)
    squared_mass = energy**2 - px**2 - py**2 - pz**2
    jet = _polar(np.hypot(px, py), pz, np.arctan2(py, px), energy)
    jet[:, 3] = np.sqrt(np.maximum(squared_mass, 0.0))
    return jet
