"""JetNet: one file a class, the 30 or 150 particles of highest pT, relative to the jet.

R. Kansal et al., doi:10.5281/zenodo.6975118 (30 particles) and 10.5281/zenodo.6975117 (150),
arXiv:2106.11535.  A file ``g.hdf5``, ``q.hdf5``, ``t.hdf5``, ``w.hdf5`` or ``z.hdf5`` (with 150
particles ``g150.hdf5`` ...) has

=====================  =============  ============================================================
dataset                shape          content
=====================  =============  ============================================================
``particle_features``  (N, 30, 4)     etarel, phirel, ptrel, mask (1: a particle, 0: padding)
``jet_features``       (N, 4)         pT [GeV], eta, mass [GeV], number of particles
=====================  =============  ============================================================

and no names of columns.  The particles are massless, ptrel is a fraction of the jet's pT, and the
azimuth of the jet is not stored: it is 0 here.  The jets are those of the hls4ml LHC jets, so
their pT is from 159 to 3157 GeV.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inferon.errors import DataError
from inferon.physics.jet_classes import CLASS_NAMES
from inferon.physics.jets import Jets
from inferon.physics.loaders import hdf5_file
from inferon.physics.loaders.assembly import Block, Layout, chunks, collect
from inferon.physics.loaders.checks import Where, require_finite
from inferon.physics.loaders.four_momenta import from_rapidity
from inferon.physics.loaders.selection import EVERYTHING, Paths, Wanted

JETNET = Layout(
    name="jetnet",
    title="JetNet",
    class_names=CLASS_NAMES,
    jet_pt_gev=(159.0, 3157.0),
)

PARTICLES, JETS = "particle_features", "jet_features"

MAX_PT_SHARE = 1.0 + 2.0**-10
"""A particle has at most the jet's pT, up to rounding (to half precision, at worst)."""

_PARTICLE = ("etarel", "phirel", "ptrel", "mask")
_JET = ("pt", "eta", "mass", "num_particles")
_FILE_NAME = re.compile(r"^([gqtwz])\d*$", re.IGNORECASE)


def load_jetnet(path: Paths, wanted: Wanted = EVERYTHING) -> Jets:
    """Read files of JetNet; the class of each is in its name.

    Classes are those of our own samples (q, g, W, Z, t), also where only some of the five files
    are given.

    Raises
    ------
    DataError
        A file is not named after its class, or a row is no jet of this set; names it.
    """
    return collect(JETNET, _open, path, wanted)


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    path: Path
    particles: Any
    jets: Any
    label: int

    def __len__(self) -> int:
        return int(self.jets.shape[0])

    def blocks(self, rows: range) -> Iterator[Block]:
        for chunk in chunks(rows):
            yield self._block(chunk)

    def _block(self, rows: range) -> Block:
        where = Where(self.path, PARTICLES, rows.start)
        in_jets = Where(self.path, JETS, rows.start)
        particles = hdf5_file.read_rows(self.particles, rows, where).astype(np.float64)
        jets = hdf5_file.read_rows(self.jets, rows, in_jets).astype(np.float64)
        require_finite(particles, _PARTICLE, where)
        require_finite(jets, _JET, in_jets)
        is_particle = _mask(particles, where)
        _require_shares(particles, is_particle, where)
        _require_counts(jets, is_particle, in_jets)
        pt, eta, mass = jets[:, 0], jets[:, 1], jets[:, 2]
        constituents = from_rapidity(
            pt=np.where(is_particle, particles[:, :, 2] * pt[:, None], 0.0),
            rapidity=particles[:, :, 0] + eta[:, None],
            phi=particles[:, :, 1],
            mass_gev=0.0,
            columns=("ptrel (column 2)", "eta + etarel (column 0)"),
            where=where,
        )
        return Block(
            where=where,
            constituents=constituents,
            label=np.full(len(pt), self.label, dtype=np.int8),
            jet=np.stack([pt, eta, np.zeros_like(pt), mass], axis=-1),
        )


@contextmanager
def _open(path: Path) -> Iterator[_Source]:
    label = _label_of(path)
    with hdf5_file.open_hdf5(path) as file:
        particles = hdf5_file.dataset(file, PARTICLES, path)
        jets = hdf5_file.dataset(file, JETS, path)
        hdf5_file.require_numbers(jets, (None, len(_JET)), Where(path, JETS))
        hdf5_file.require_numbers(
            particles, (len(jets), None, len(_PARTICLE)), Where(path, PARTICLES)
        )
        yield _Source(path, particles, jets, label)


def _label_of(path: Path) -> int:
    match = _FILE_NAME.match(path.stem)
    if match is None:
        raise DataError(
            f"the class of a JetNet file is in its name (g, q, t, w or z, as in g.hdf5 or "
            f"t150.hdf5), which {path} does not tell: rename it"
        )
    return [name.lower() for name in CLASS_NAMES].index(match[1].lower())


def _mask(particles: NDArray[np.float64], where: Where) -> NDArray[np.bool_]:
    mask = particles[:, :, 3]
    bad = np.argwhere((mask != 0.0) & (mask != 1.0))
    if len(bad):
        raise DataError(
            f"{where.row(bad[0][0])}: the mask (column 3) of particle {bad[0][1]} is "
            f"{mask[tuple(bad[0])]:.6g}, not 0 or 1; columns are {', '.join(_PARTICLE)}"
        )
    is_particle: NDArray[np.bool_] = mask == 1.0
    return is_particle


def _require_shares(
    particles: NDArray[np.float64], is_particle: NDArray[np.bool_], where: Where
) -> None:
    share = particles[:, :, 2]
    bad = np.argwhere(is_particle & ((share < 0.0) | (share > MAX_PT_SHARE)))
    if len(bad):
        raise DataError(
            f"{where.row(bad[0][0])}: ptrel (column 2) of particle {bad[0][1]} is "
            f"{share[tuple(bad[0])]:.6g}, which is no share of the jet's pT; "
            f"columns are {', '.join(_PARTICLE)}"
        )


def _require_counts(
    jets: NDArray[np.float64], is_particle: NDArray[np.bool_], where: Where
) -> None:
    stored, counted = jets[:, 3], is_particle.sum(axis=1)
    bad = np.flatnonzero(np.minimum(stored, is_particle.shape[1]) != counted)
    if len(bad):
        raise DataError(
            f"{where.row(bad[0])}: num_particles (column 3) is {stored[bad[0]]:.6g} and the mask "
            f"of {PARTICLES!r} has {counted[bad[0]]}; columns are {', '.join(_JET)}"
        )
