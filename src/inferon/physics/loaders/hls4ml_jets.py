"""The hls4ml LHC jets: five classes, up to 150 particles a jet, 16 high-level features.

M. Pierini et al., doi:10.5281/zenodo.3602260 (150 particles; records with 30, 50 and 100 have the
same layout); E. A. Moreno et al., arXiv:1908.05318.  A file has 10,000 jets:

========================  ====================  ==================================================
dataset                   shape                 content
========================  ====================  ==================================================
``jetConstituentList``    (N, 150, 16)          float64; zeros after the last particle
``particleFeatureNames``  (17,)                 names of its columns; a last one, ``j1_pdgid``,
                                                has a column in some files only
``jets``                  (N, 59)               float64; jet values, features, one-hot classes
``jetFeatureNames``       (59,)                 names of its columns
========================  ====================  ==================================================

Columns are found by name.  A class is one-hot in ``j_g, j_q, j_w, j_z, j_t``; ``j_undef`` is 0.
Jets have pT from 159 to 3157 GeV (all files), around 1 TeV.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inferon.physics.high_level_features import FEATURE_NAMES
from inferon.physics.jet_classes import CLASS_NAMES
from inferon.physics.jets import Jets
from inferon.physics.loaders import hdf5_file
from inferon.physics.loaders.assembly import Block, Layout, chunks, collect
from inferon.physics.loaders.checks import Where, class_labels, find_columns, require_finite
from inferon.physics.loaders.four_momenta import from_cartesian
from inferon.physics.loaders.selection import EVERYTHING, Paths, Wanted

HLS4ML_JETS = Layout(
    name="hls4ml",
    title="hls4ml LHC jets",
    class_names=CLASS_NAMES,
    jet_pt_gev=(159.0, 3157.0),
)

PARTICLES, JETS = "jetConstituentList", "jets"

_MOMENTUM = ("j1_px", "j1_py", "j1_pz", "j1_e")
_JET = ("j_pt", "j_eta", "j_mass")
_CLASSES = tuple(f"j_{name.lower()}" for name in CLASS_NAMES)
_UNGROOMED = ("zlogz", "multiplicity")
_FEATURES = tuple(
    f"j_{name}" if name in _UNGROOMED else f"j_{name}_mmdt" for name in FEATURE_NAMES
)


def load_hls4ml_jets(path: Paths, wanted: Wanted = EVERYTHING) -> Jets:
    """Read files of the hls4ml LHC jets, with their 16 features.

    Classes are in the order of our own samples (q, g, W, Z, t), whatever theirs is in the file.
    The files lack the azimuth of the jets: it is that of their summed particles.

    Raises
    ------
    DataError
        A column is absent, or a row is no jet of this set; names it.
    """
    return collect(HLS4ML_JETS, _open, path, wanted)


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    path: Path
    particles: Any
    jets: Any
    momentum: list[int]
    pdg_id: int | None
    jet: list[int]
    features: list[int]
    classes: list[int]

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
        published, features = jets[:, self.jet], jets[:, self.features]
        require_finite(published, _JET, in_jets)
        require_finite(features, _FEATURES, in_jets)
        pt, eta, mass = published.T
        no_phi = np.full(len(pt), np.nan)
        pdg_id = None if self.pdg_id is None else particles[:, :, self.pdg_id].astype(np.int32)
        return Block(
            where=where,
            constituents=from_cartesian(particles[:, :, self.momentum], _MOMENTUM, where),
            label=class_labels(jets[:, self.classes], _CLASSES, len(_CLASSES), in_jets),
            jet=np.stack([pt, eta, no_phi, mass], axis=-1),
            features=features.astype(np.float32),
            pdg_id=pdg_id,
        )


@contextmanager
def _open(path: Path) -> Iterator[_Source]:
    with hdf5_file.open_hdf5(path) as file:
        particles = hdf5_file.dataset(file, PARTICLES, path)
        jets = hdf5_file.dataset(file, JETS, path)
        particle_names = hdf5_file.read_names(file, "particleFeatureNames", path)
        jet_names = hdf5_file.read_names(file, "jetFeatureNames", path)
        where, in_jets = Where(path, PARTICLES), Where(path, JETS)
        if particle_names[-1:] == ["j1_pdgid"] and particles.shape[-1] == len(particle_names) - 1:
            particle_names.pop()  # named, but not stored
        hdf5_file.require_numbers(jets, (None, len(jet_names)), in_jets)
        hdf5_file.require_numbers(particles, (len(jets), None, len(particle_names)), where)
        yield _Source(
            path,
            particles,
            jets,
            momentum=find_columns(particle_names, _MOMENTUM, where),
            pdg_id=particle_names.index("j1_pdgid") if "j1_pdgid" in particle_names else None,
            jet=find_columns(jet_names, _JET, in_jets),
            features=find_columns(jet_names, _FEATURES, in_jets),
            classes=find_columns(jet_names, _CLASSES, in_jets),
        )
