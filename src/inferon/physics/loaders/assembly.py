"""Rows of published files become one ``Jets``: order, padding, whole-jet values, plausibility.

A loader says what its set is (``Layout``) and hands over its files as ``Source``; nothing here
knows a file format.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from inferon.errors import DataError
from inferon.physics.jets import Jets
from inferon.physics.loaders.checks import ROUNDING, Where
from inferon.physics.loaders.four_momenta import jet_of
from inferon.physics.loaders.selection import Paths, Wanted, files_of

FloatArray = NDArray[np.float64]

CHUNK_JETS = 4096
"""Rows read at once: the widest layout (150 particles, 16 doubles) then takes 80 MB."""

UNIT_FACTOR = 1000.0**0.5
"""A unit mistaken (MeV, TeV) is a factor of 1000; half of that, as a ratio, tells both apart."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What is known of a published set before its files are opened.

    Attributes
    ----------
    name : what ``open_jets(layout=...)`` takes
    title : title of the sample
    class_names : in the order of the labels
    jet_pt_gev : lowest and highest jet pT of the published set
    constituents : particles kept a jet; None: as many as the files have
    """

    name: str
    title: str
    class_names: tuple[str, ...]
    jet_pt_gev: tuple[float, float]
    constituents: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Consecutive rows of one file.

    Attributes
    ----------
    where : the place of the rows
    constituents : shape (rows, particles, 4)
        pT [GeV], pseudorapidity, azimuth, energy [GeV]; in any order, padding anywhere.
    label : shape (rows,)
    jet : shape (rows, 4), or None
        pT [GeV], pseudorapidity, azimuth, mass [GeV] as published; NaN where the file lacks one.
    features : shape (rows, 16), or None
    pdg_id : shape (rows, particles), or None
    """

    where: Where
    constituents: FloatArray
    label: NDArray[np.int8]
    jet: FloatArray | None = None
    features: NDArray[np.float32] | None = None
    pdg_id: NDArray[np.int32] | None = None


class Source(Protocol):
    """One open file."""

    def __len__(self) -> int:
        """Return the number of jets in the file."""

    def blocks(self, rows: range) -> Iterator[Block]:
        """Read consecutive rows, at most ``CHUNK_JETS`` or one unit of the file at once."""


def collect(
    layout: Layout,
    open_source: Callable[[Path], AbstractContextManager[Source]],
    path: Paths,
    wanted: Wanted,
) -> Jets:
    """Read the wanted jets of all files.

    The event id of a jet is its row, counted over all files as they are on disk: it does not
    depend on which rows are wanted, so neither does the part of a split that the jet is in.

    Raises
    ------
    DataError
        A file or a row is not what the layout says; names it.
    """
    files = files_of(path)
    parts: list[Jets] = []
    rows_before = 0
    for number, file in enumerate(files):
        with open_source(file) as source:
            rows = wanted.rows(len(source), number, len(files))
            if number == 0:
                _refuse_too_many(layout, len(rows) * len(files), file, wanted)
            parts += [_jets(layout, block, rows_before, wanted) for block in source.blocks(rows)]
            rows_before += len(source)
    if sum(map(len, parts)) == 0:
        raise DataError(f"no jets from row {wanted.start} on in {', '.join(map(str, files))}")
    _check_range(layout, parts, files[0])
    return _joined(parts, wanted.constituents or layout.constituents)


def chunks(rows: range) -> Iterator[range]:
    """Cut rows into pieces of ``CHUNK_JETS``."""
    for first in range(rows.start, rows.stop, CHUNK_JETS):
        yield range(first, min(first + CHUNK_JETS, rows.stop))


def _refuse_too_many(layout: Layout, jets: int, file: Path, wanted: Wanted) -> None:
    """Say before, not after an hour of reading, that the jets do not fit into memory."""
    particles = wanted.constituents or layout.constituents or 30
    needed = 2 * jets * particles * 4 * np.dtype(np.float32).itemsize  # parts, then joined
    if needed > _memory_bytes():
        raise DataError(
            f"about {jets:,} jets of {file} and its like need {needed / 1e9:.0f} GB of memory and "
            f"this machine has {_memory_bytes() / 1e9:.0f}: ask for fewer jets (jets=...)"
        )


def _memory_bytes() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _jets(layout: Layout, block: Block, rows_before: int, wanted: Wanted) -> Jets:
    row = np.arange(len(block.label), dtype=np.int64)
    kept = _nonempty(block, wanted.drop_empty)
    order = np.argsort(-block.constituents[:, :, 0], axis=1, kind="stable")
    constituents = np.take_along_axis(block.constituents, order[:, :, None], axis=1)
    jet = _whole_jets(block)
    _check_units(layout, block, jet, kept)
    keep = wanted.constituents or layout.constituents
    pdg_id = None
    if block.pdg_id is not None:
        pdg_id = np.take_along_axis(block.pdg_id, order, axis=1)[:, :keep]
    return Jets(
        title=layout.title,
        class_names=layout.class_names,
        constituents=constituents[:, :keep].astype(np.float32),
        label=block.label,
        event_id=rows_before + block.where.first_row + row,
        pt_gev=jet[:, 0].astype(np.float32),
        eta=jet[:, 1].astype(np.float32),
        phi=jet[:, 2].astype(np.float32),
        mass_gev=jet[:, 3].astype(np.float32),
        features=block.features,
        pdg_id=pdg_id,
    ).select(kept)


def _nonempty(block: Block, drop_empty: bool) -> NDArray[np.bool_]:
    has_particles: NDArray[np.bool_] = (block.constituents[:, :, 0] > 0.0).max(
        axis=1, initial=False
    )
    if not drop_empty and not has_particles.all():
        raise DataError(
            f"{block.where.row(np.argmin(has_particles))}: a jet without a particle; "
            "drop_empty=True leaves such jets out"
        )
    return has_particles


def _whole_jets(block: Block) -> FloatArray:
    """Take published values where there are any, else those of the summed four-momentum."""
    summed = jet_of(block.constituents)
    if block.jet is None:
        return summed
    ratio = block.jet[:, 0] / np.where(summed[:, 0] > 0.0, summed[:, 0], np.nan)
    bad = np.flatnonzero((ratio > UNIT_FACTOR) | (ratio < 1.0 / UNIT_FACTOR))
    if len(bad):
        raise DataError(
            f"{block.where.row(bad[0])}: the jet has a pT of {block.jet[bad[0], 0]:.6g}, its "
            f"particles sum to {summed[bad[0], 0]:.6g}: the two are in different units; "
            "both have to be in GeV"
        )
    return np.where(np.isnan(block.jet), summed, block.jet)


def _check_units(layout: Layout, block: Block, jet: FloatArray, kept: NDArray[np.bool_]) -> None:
    low, high = layout.jet_pt_gev
    in_gev = (jet[:, 0] > low / UNIT_FACTOR) & (jet[:, 0] < high * UNIT_FACTOR)
    bad = np.flatnonzero(kept & ~in_gev)
    if len(bad):
        raise DataError(
            f"{block.where.row(bad[0])}: a jet pT of {jet[bad[0], 0]:.6g}, where jets of "
            f"{layout.title} have {low:g} to {high:g} GeV; "
            "is the file in MeV or TeV? Scale its momenta to GeV"
        )


def _check_range(layout: Layout, parts: list[Jets], file: Path) -> None:
    """Refuse a set of which most jets are outside the published pT: swapped columns do that."""
    low, high = layout.jet_pt_gev[0] * (1.0 - ROUNDING), layout.jet_pt_gev[1] * (1.0 + ROUNDING)
    pt = np.concatenate([part.pt_gev for part in parts])
    inside = int(((pt >= low) & (pt <= high)).sum())
    if 2 * inside < len(pt):
        raise DataError(
            f"only {inside} of {len(pt)} jets of {file} have a pT of {layout.jet_pt_gev[0]:g} to "
            f"{layout.jet_pt_gev[1]:g} GeV, as all of {layout.title}: momentum columns are "
            "swapped, or this is another set"
        )


def _joined(parts: list[Jets], constituents: int | None) -> Jets:
    width = constituents or max(part.constituents.shape[1] for part in parts)
    padded = [_padded(part, width) for part in parts]
    joined: dict[str, Any] = {
        field.name: np.concatenate([getattr(part, field.name) for part in padded])
        for field in fields(Jets)
        if isinstance(getattr(padded[0], field.name), np.ndarray)
    }
    return replace(padded[0], **joined)


def _padded(jets: Jets, width: int) -> Jets:
    missing = width - jets.constituents.shape[1]
    if missing == 0:
        return jets
    pdg_id = jets.pdg_id
    if pdg_id is not None:
        pdg_id = np.pad(pdg_id, ((0, 0), (0, missing)))
    constituents = np.pad(jets.constituents, ((0, 0), (0, missing), (0, 0)))
    return replace(jets, constituents=constituents, pdg_id=pdg_id)
