"""Differences of angles: azimuth is periodic."""

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
