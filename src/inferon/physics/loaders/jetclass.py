"""JetClass: ten classes, 100 million jets for training, ROOT files of 100,000 jets.

H. Qu, C. Li, S. Qian, arXiv:2202.03772, doi:10.5281/zenodo.6619768.  Each file has one class
(``HToBB_000.root``, ``ZJetsToNuNu_000.root`` ...) and a TTree ``tree`` with

===========================================  ========  ==========================================
branches                                     a jet     content
===========================================  ========  ==========================================
``part_px``, ``part_py``, ``part_pz``,       a list    four-momenta of the particles [GeV]
``part_energy``
``part_deta`` ... ``part_isMuon``            a list    12 more: displacement, charge, kind
``label_QCD`` ... ``label_Tbl``              a number  one-hot class, some as bool, some as int
``jet_pt``, ``jet_eta``, ``jet_phi``         a number  the jet [GeV, rad]
``jet_energy`` ... ``aux_truth_match``       a number  12 more
===========================================  ========  ==========================================

The mass of a jet is that of its summed particles (``jet_sdmass`` is groomed).  The particles'
kinds are no PDG codes and are not read.  Jets have pT from 500 to 1000 GeV.

The only file that imports ``uproot``.
"""

from __future__ import annotations

import importlib.util
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inferon.errors import DataError, ExtraMissing
from inferon.physics.jets import Jets
from inferon.physics.loaders.assembly import CHUNK_JETS, Block, Layout, collect
from inferon.physics.loaders.checks import Where, class_labels, find_columns, require_finite
from inferon.physics.loaders.four_momenta import from_cartesian
from inferon.physics.loaders.selection import EVERYTHING, Paths, Wanted

JETCLASS = Layout(
    name="jetclass",
    title="JetClass",
    class_names=("QCD", "Hbb", "Hcc", "Hgg", "H4q", "Hqql", "Zqq", "Wqq", "Tbqq", "Tbl"),
    jet_pt_gev=(500.0, 1000.0),
    constituents=128,
)

_MOMENTUM = ("part_px", "part_py", "part_pz", "part_energy")
_JET = ("jet_pt", "jet_eta", "jet_phi")
_CLASSES = tuple(f"label_{name}" for name in JETCLASS.class_names)
_BRANCHES = (*_MOMENTUM, *_JET, *_CLASSES)


def load_jetclass(path: Paths, wanted: Wanted = EVERYTHING) -> Jets:
    """Read files of JetClass.

    Rows are read in chunks: what is not wanted does not go through memory.

    Raises
    ------
    ExtraMissing
        uproot or awkward is absent.
    DataError
        A branch is absent, or a row is no jet of this set; names it.
    """
    return collect(JETCLASS, _open, path, wanted)


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    path: Path
    tree: Any

    def __len__(self) -> int:
        return int(self.tree.num_entries)

    def blocks(self, rows: range) -> Iterator[Block]:
        chunks = self.tree.iterate(
            _BRANCHES,
            step_size=CHUNK_JETS,
            entry_start=rows.start,
            entry_stop=max(rows.stop, rows.start),
            library="ak",
        )
        first = rows.start
        while (chunk := _next(chunks, self.path)) is not None:
            yield _block(chunk, Where(self.path, str(self.tree.name), first))
            first += len(chunk)


def _next(chunks: Iterator[Any], path: Path) -> Any:
    with _reading(path):
        return next(chunks, None)


def _block(chunk: Any, where: Where) -> Block:
    jet = np.stack([_numbers(chunk, name, where) for name in _JET], axis=-1)
    require_finite(jet, _JET, where)
    labels = np.stack([_numbers(chunk, name, where) for name in _CLASSES], axis=-1)
    no_mass = np.full((len(jet), 1), np.nan)
    return Block(
        where=where,
        constituents=from_cartesian(_momenta(chunk, where), _MOMENTUM, where),
        label=class_labels(labels, _CLASSES, len(_CLASSES), where),
        jet=np.concatenate([jet, no_mass], axis=-1),
    )


def _numbers(chunk: Any, name: str, where: Where) -> NDArray[np.float64]:
    """One number a jet."""
    values = chunk[name]
    if values.ndim != 1:
        raise DataError(f"{where}: branch {name!r} has lists; expected one number a jet")
    numbers: NDArray[np.float64] = values.to_numpy().astype(np.float64)
    return numbers


def _momenta(chunk: Any, where: Where) -> NDArray[np.float64]:
    """Pad the lists of particles with zeros: shape (rows, most particles, 4)."""
    import awkward as ak

    if not all(chunk[name].ndim == 2 for name in _MOMENTUM):
        raise DataError(f"{where}: {', '.join(_MOMENTUM)} have to be lists, one a jet")
    counts = np.stack([ak.num(chunk[name]).to_numpy() for name in _MOMENTUM])
    bad = np.flatnonzero((counts != counts[0]).any(axis=0))
    if len(bad):
        raise DataError(
            f"{where.row(bad[0])}: {', '.join(_MOMENTUM)} have {counts[:, bad[0]].tolist()} "
            "particles; expected the same number"
        )
    is_particle = np.arange(counts.max(initial=1)) < counts[0][:, None]
    momenta = np.zeros((*is_particle.shape, len(_MOMENTUM)))
    for column, name in enumerate(_MOMENTUM):
        momenta[is_particle, column] = ak.flatten(chunk[name]).to_numpy()
    return momenta


@contextmanager
def _open(path: Path) -> Iterator[_Source]:
    for package in ("uproot", "awkward"):
        if importlib.util.find_spec(package) is None:
            raise ExtraMissing(package, "root")
    import uproot

    with _reading(path):
        file = uproot.open(path)
    with file:
        with _reading(path):
            tree = _tree(file, path)
        yield _Source(path, tree)


def _tree(file: Any, path: Path) -> Any:
    """Find the one tree with particles, whatever its name."""
    names = {name.partition(";")[0] for name, kind in file.classnames().items() if kind == "TTree"}
    with_particles = [name for name in sorted(names) if _MOMENTUM[0] in file[name]]
    chosen = with_particles if len(with_particles) == 1 else sorted(names & {"tree"})
    if len(chosen) != 1:
        raise DataError(
            f"{path} has no tree with a branch {_MOMENTUM[0]!r}, as JetClass has; its trees are "
            f"{', '.join(sorted(names)) or 'none'}"
        )
    tree = file[chosen[0]]
    find_columns(tree.keys(), _BRANCHES, Where(path, chosen[0]))
    if tree.num_entries < 0:
        raise DataError(f"tree {chosen[0]!r} of {path} has {tree.num_entries} jets: it is damaged")
    return tree


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what uproot raises for damaged files into a DataError."""
    import uproot

    try:
        yield
    except (
        OSError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError,
        AssertionError, NotImplementedError, ArithmeticError, MemoryError, RecursionError,
        struct.error, zlib.error, uproot.DeserializationError,
    ) as error:  # fmt: skip
        raise DataError(
            f"{path} cannot be read as ROOT ({type(error).__name__}: {error}); "
            "is the download complete?"
        ) from error
