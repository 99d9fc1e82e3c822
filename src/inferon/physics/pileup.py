"""Pileup: collisions of other proton pairs, overlaid on the one of interest.

The number of collisions is Poisson distributed.  Their charged particles are left out where there
is a tracker, as they point at another vertex: an ideal charged-hadron subtraction.  Their neutral
particles, and the charged ones beyond the tracker, stay.

A chunk of jets draws from a pool of minimum-bias collisions; each time, a collision is turned by
another azimuth and sent forward or backward, under which proton collisions do not change.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inferon.physics.particles import CHARGED, Particles, joined

POOL_COLLISIONS = 1000
"""About 3 s of Pythia 8; at a mean of 20 a chunk of 1000 jets uses each some 10 times, turned."""

TRACKER_ABS_ETA_MAX = 2.5
"""Where charged particles are told from pileup; the tracker of both detectors of ``jet_setting``
ends here."""


class Pileup:
    """A source of pileup.

    Parameters
    ----------
    pool : minimum-bias collisions, see ``pythia_events.minimum_bias``
    mean : mean number of collisions overlaid
    random : source of the numbers and angles
    """

    def __init__(
        self, pool: Sequence[Particles], mean: float, random: np.random.Generator
    ) -> None:
        self._pool = [_without_tracks(collision) for collision in pool]
        self._mean = mean
        self._random = random

    def overlaid(self, particles: Particles) -> Particles:
        """Return the particles of a collision and those of its pileup."""
        count = int(self._random.poisson(self._mean))
        chosen = self._random.integers(len(self._pool), size=count)
        angles = self._random.uniform(0.0, 2.0 * np.pi, count)
        signs = self._random.choice((-1.0, 1.0), count)
        turned = [
            _turned(self._pool[index], angle, sign)
            for index, angle, sign in zip(chosen, angles, signs, strict=True)
        ]
        return joined([particles, *turned])


def _without_tracks(collision: Particles) -> Particles:
    central = np.abs(collision.pt_eta_phi[:, 1]) < TRACKER_ABS_ETA_MAX
    return collision.select(~(collision.is_kind(CHARGED) & central))


def _turned(collision: Particles, angle: float, sign: float) -> Particles:
    px, py, pz, energy = collision.momenta_gev.T
    cosine, sine = np.cos(angle), np.sin(angle)
    columns = (cosine * px - sine * py, sine * px + cosine * py, sign * pz, energy)
    return Particles(np.stack(columns, axis=-1), collision.mass_gev, collision.pdg_id)
