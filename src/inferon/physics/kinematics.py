"""Angles and masses of particles given as pT [GeV], pseudorapidity and azimuth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def wrap_phi(angle: FloatArray) -> FloatArray:
    """Azimuthal differences [rad] brought into [-pi, pi]."""
    wrapped: FloatArray = angle - 2.0 * np.pi * np.round(angle / (2.0 * np.pi))
    return wrapped


def delta_r(first: tuple[float, float], second: tuple[float, float]) -> float:
    """Distance in the plane of (rapidity, azimuth [rad])."""
    azimuth = float(wrap_phi(np.asarray(first[1] - second[1], dtype=np.float64)))
    return float(np.hypot(first[0] - second[0], azimuth))


def invariant_mass_gev(constituents: NDArray[np.floating]) -> FloatArray:
    """Mass [GeV] of the sum of massless particles.

    Parameters
    ----------
    constituents : array of shape (..., particles, 3)
        pT [GeV], pseudorapidity, azimuth [rad]; a particle with pT 0 adds nothing.

    Returns
    -------
    array of shape (...)
    """
    pt, eta, phi = np.moveaxis(constituents.astype(np.float64), -1, 0)
    energy = (pt * np.cosh(eta)).sum(-1)
    momentum = [(pt * part).sum(-1) for part in (np.cos(phi), np.sin(phi), np.sinh(eta))]
    squared = energy**2 - sum(component**2 for component in momentum)
    mass: FloatArray = np.sqrt(np.maximum(squared, 0.0))
    return mass
