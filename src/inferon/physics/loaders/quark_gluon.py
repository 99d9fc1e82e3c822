"""Quark and gluon jets of EnergyFlow.

P. T. Komiske, E. M. Metodiev, J. Thaler, doi:10.5281/zenodo.3164691 (Pythia 8; the Herwig set,
10.5281/zenodo.3066475, has the same layout); arXiv:1810.05165.  A file ``QG_jets*.npz`` has

=======  =================  ======================================================================
array    shape              content
=======  =================  ======================================================================
``X``    (100000, M, 4)     float64; pT [GeV], rapidity, azimuth in [0, 2 pi], PDG code; M is the
                            largest multiplicity in the file, zeros after the last particle
``y``    (100000,)          1: quark, 0: gluon
=======  =================  ======================================================================

Energies need masses, which are those of the PDG codes.  Jets have pT from 500 to 550 GeV.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inferon.errors import DataError
from inferon.physics.jets import Jets
from inferon.physics.loaders.assembly import Block, Layout, chunks, collect
from inferon.physics.loaders.checks import Where, class_labels, require_finite
from inferon.physics.loaders.four_momenta import from_rapidity
from inferon.physics.loaders.selection import EVERYTHING, Paths, Wanted
from inferon.physics.particles import PDG_MASS_GEV

QUARK_GLUON = Layout(
    name="quark-gluon",
    title="EnergyFlow quark/gluon jets",
    class_names=("g", "q"),
    jet_pt_gev=(500.0, 550.0),
)

MASS_GEV: Mapping[int, float] = {
    0: 0.0,  # padding
    **PDG_MASS_GEV,
    310: 0.49761,
    3112: 1.19745,
    3122: 1.11568,
    3222: 1.18937,
    3312: 1.32171,
    3322: 1.31486,
    3334: 1.67245,
}
"""Masses by absolute PDG code; the strange particles, which decay in the published set and may not
in another generator's, from S. Navas et al. (PDG), Phys. Rev. D 110 (2024) 030001."""

MAX_EXPANSION = 1000
"""Zeros, which pad the file, shrink by at most 1032 in zip; the published files shrink by 5."""

_PARTICLE = ("pT (column 0)", "rapidity (column 1)", "azimuth (column 2)", "PDG code (column 3)")


def load_quark_gluon(path: Paths, wanted: Wanted = EVERYTHING) -> Jets:
    """Read files of the quark/gluon jets, with PDG codes; labels may also be one-hot (g, q).

    Raises
    ------
    DataError
        An array is absent or of another shape, or a row is no jet of this set; names it.
    """
    return collect(QUARK_GLUON, _open, path, wanted)


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    path: Path
    particles: NDArray[Any]
    label: NDArray[Any]

    def __len__(self) -> int:
        return len(self.label)

    def blocks(self, rows: range) -> Iterator[Block]:
        for chunk in chunks(rows):
            yield self._block(chunk)

    def _block(self, rows: range) -> Block:
        where = Where(self.path, "X", rows.start)
        particles = self.particles[rows.start : rows.stop].astype(np.float64)
        labels = self.label[rows.start : rows.stop]
        require_finite(particles, _PARTICLE, where)
        pt, rapidity, phi, code = np.moveaxis(particles, -1, 0)
        mass = _masses(code, where)
        return Block(
            where=where,
            constituents=from_rapidity(pt, rapidity, phi, mass, _PARTICLE, where),
            label=class_labels(labels, ["y"], 2, Where(self.path, "y", rows.start)),
            pdg_id=np.where(pt > 0.0, code, 0.0).astype(np.int32),
        )


@contextmanager
def _open(path: Path) -> Iterator[_Source]:
    # zip cannot be read in part: the arrays are whole in memory
    particles, label = read_arrays(path, ("X", "y"))
    if particles.ndim != 3 or particles.shape[2] != len(_PARTICLE) or particles.dtype.kind != "f":
        raise DataError(
            f"'X' of {path} is {particles.dtype} of shape {particles.shape}; expected floats of "
            f"shape (any, any, 4): {', '.join(_PARTICLE)}"
        )
    if label.shape[:1] != particles.shape[:1] or label.ndim > 2 or label.dtype.kind not in "fiub":
        raise DataError(
            f"'y' of {path} is {label.dtype} of shape {label.shape}; expected one label for each "
            f"of the {len(particles)} jets of 'X'"
        )
    yield _Source(path, particles, label)


def read_arrays(path: Path, names: tuple[str, ...]) -> list[NDArray[Any]]:
    """Read arrays of an ``.npz`` file; pickled objects are refused."""
    try:
        with zipfile.ZipFile(path) as archive:
            expanded = sum(entry.file_size for entry in archive.infolist())
        if expanded > MAX_EXPANSION * path.stat().st_size:
            raise DataError(f"{path} expands to {expanded:,} bytes: those are no jets")
        with np.load(path, allow_pickle=False) as stored:
            missing = [name for name in names if name not in stored.files]
            if missing:
                raise DataError(
                    f"{path} has no array {', '.join(map(repr, missing))}; "
                    f"it holds {', '.join(stored.files) or 'nothing'}"
                )
            return [stored[name] for name in names]
    except (
        OSError, EOFError, ValueError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error
    ) as error:  # fmt: skip
        raise DataError(
            f"{path} cannot be read as .npz ({error}); is the download complete?"
        ) from error


def _masses(code: NDArray[np.float64], where: Where) -> NDArray[np.float64]:
    known = np.array(sorted(MASS_GEV))
    place = np.minimum(np.searchsorted(known, np.abs(code)), len(known) - 1)
    bad = np.argwhere(known[place] != np.abs(code))
    if len(bad):
        raise DataError(
            f"{where.row(bad[0][0])}: {_PARTICLE[3]} of particle {bad[0][1]} is "
            f"{code[tuple(bad[0])]:.6g}, no particle of a jet; columns are {', '.join(_PARTICLE)}"
        )
    masses: NDArray[np.float64] = np.array([MASS_GEV[each] for each in known.tolist()])[place]
    return masses
