"""Sample files: jets with their raw constituents, as HDF5 with a unit on every dataset.

The only file that imports ``h5py`` for our own format (extra ``h5``).  A file has the groups
``constituents`` and ``jets``; their datasets, units and roundings are the table ``COLUMNS`` in
``sample_layout``.  Attributes of the file: ``format``, ``format_version``, ``title``,
``class_names``, ``content_sha256`` and, for a generated sample, its data card (``card``, JSON).
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np

from inferon.errors import DataError, ExtraMissing
from inferon.physics.jet_card import JetCard
from inferon.physics.jets import Jets
from inferon.physics.sample_layout import (
    COLUMNS,
    Array,
    Column,
    check_constituents,
    content_sha256,
    raw_constituents,
    stored_columns,
)
from inferon.whole_file import write_whole

FORMAT = "inferon jets"
FORMAT_VERSION = 2

MAX_EXPANSION = 100
"""A real sample shrinks by about 2 in its file; padding alone could reach this; more is a
decompression bomb."""

CHUNK_BYTES = 1 << 20
"""HDF5 compresses and caches chunks; this many bytes are its cache's default."""


def shipped_jets() -> Jets:
    """Load the 20,000 truth-matched jets that come with Inferon.

    4,000 a class, without a detector; see ``data/JETS_CARD.md``.
    """
    with as_file(files("inferon") / "data" / "jets20k.h5") as path:
        return load_jets(path)


def load_jets(path: str | os.PathLike[str]) -> Jets:
    """Read a sample.

    Parameters
    ----------
    path : file that ``save_jets`` or ``inferon data jets`` wrote

    Raises
    ------
    DataError
        The file is absent, is no jet sample, or its content does not have the hash it states.
    ExtraMissing
        h5py is not installed.
    """
    path = Path(path)
    with _open(path) as file:
        stored = _read_columns(path, file)
        card_text, sha256 = file.attrs.get("card"), str(file.attrs["content_sha256"])
        title, class_names = str(file.attrs["title"]), tuple(map(str, file.attrs["class_names"]))
    if content_sha256(stored) != sha256:
        raise DataError(f"the arrays of {path} do not have the hash it states: it was altered")
    label = stored["jets/label"]
    if len(label) and not 0 <= int(label.min()) <= int(label.max()) < len(class_names):
        raise DataError(f"labels of {path} are outside 0 to {len(class_names) - 1}")
    constituents = raw_constituents(stored)
    check_constituents(constituents, f" of {path}")
    card = None
    if card_text is not None:
        card = replace(JetCard.from_json(str(card_text)), content_sha256=sha256)
    return Jets(
        title=title,
        class_names=class_names,
        constituents=constituents,
        label=label,
        event_id=stored["jets/event_id"],
        pt_gev=stored["jets/pt"],
        eta=stored["jets/eta"],
        phi=stored["jets/phi"],
        mass_gev=stored["jets/mass"],
        features=stored.get("jets/features"),
        pdg_id=stored.get("constituents/pdg_id"),
        is_matched=stored.get("jets/is_matched"),
        is_contained=stored.get("jets/is_contained"),
        card=card,
    )


def save_jets(path: str | os.PathLike[str], jets: Jets) -> Jets:
    """Write a sample; the file appears whole or not at all.

    The bytes depend on the jets and on the versions of h5py, HDF5 and zlib only.

    Parameters
    ----------
    path : file to write or to replace
    jets : the sample; its constituents are rounded to the precision of the format

    Returns
    -------
    The sample as ``load_jets`` will return it.

    Raises
    ------
    DataError
        A constituent is not finite, out of the format's range or out of order.
    OutputError
        The file cannot be written there.
    ExtraMissing
        h5py is not installed.
    """
    stored = stored_columns(jets)
    sha256 = content_sha256(stored)
    card = replace(jets.card, content_sha256=sha256) if jets.card else None
    saved = replace(jets, constituents=raw_constituents(stored), card=card)
    write_whole(Path(path), _file_bytes(saved, stored, sha256))
    return saved


def _h5py() -> Any:
    try:
        import h5py
    except ModuleNotFoundError as error:
        raise ExtraMissing("h5py", "h5") from error
    return h5py


def _file_bytes(jets: Jets, stored: dict[str, Array], sha256: str) -> bytes:
    from inferon.physics.high_level_features import FEATURE_NAMES

    buffer = io.BytesIO()
    with _h5py().File(buffer, "w", libver=("v110", "v110")) as file:
        file.attrs["format"] = FORMAT
        file.attrs["format_version"] = FORMAT_VERSION
        file.attrs["title"] = jets.title
        file.attrs["class_names"] = list(jets.class_names)
        file.attrs["content_sha256"] = sha256
        if jets.card is not None:
            file.attrs["card"] = jets.card.to_json()
        for column in COLUMNS:
            if column.path in stored:
                data = np.ascontiguousarray(stored[column.path], dtype=column.dtype)
                dataset = file.create_dataset(column.path, data=data, **_compression(data))
                dataset.attrs["unit"] = column.unit
                dataset.attrs["description"] = column.description
        if "jets/features" in stored:
            file["jets/features"].attrs["names"] = list(FEATURE_NAMES)
    return buffer.getvalue()


def _compression(data: Array) -> dict[str, Any]:
    """Whole jets in each chunk; HDF5 cannot cut an array without elements."""
    if data.size == 0:
        return {}
    row_bytes = data.nbytes // len(data)
    chunk = (min(len(data), max(1, CHUNK_BYTES // row_bytes)), *data.shape[1:])
    return {"chunks": chunk, "compression": "gzip", "compression_opts": 9, "shuffle": True}


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    h5py = _h5py()
    try:
        if path.is_file():
            with h5py.File(path, "r") as file:
                if file.attrs.get("format") != FORMAT:
                    raise DataError(f"{path} is not a jet sample; {_REMEDY}")
                _check_version(path, file)
                yield file
                return
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, EOFError) as error:
        reason = str(error).splitlines() or [type(error).__name__]
        raise DataError(f"{path} is not a jet sample ({reason[0]}); {_REMEDY}") from error
    if path.exists():
        raise DataError(f"{path} is not a jet sample: it is no file; {_REMEDY}")
    raise DataError(f"there is no jet sample at {path}; make one with 'inferon data jets'")


_REMEDY = "make one with 'inferon data jets'"


def _check_version(path: Path, file: Any) -> None:
    version = int(file.attrs["format_version"])
    if version != FORMAT_VERSION:
        raise DataError(
            f"{path} has version {version} of the sample format, and this Inferon reads "
            f"{FORMAT_VERSION}; make it anew with 'inferon data jets'"
        )


def _read_columns(path: Path, file: Any) -> dict[str, Array]:
    datasets = {}
    for column in COLUMNS:
        dataset = _dataset(path, file, column)
        if dataset is not None:
            datasets[column.path] = dataset
        elif column.always or ("card" in file.attrs and column.path != "constituents/mass"):
            raise DataError(f"{path} has no dataset {column.path!r}; {_REMEDY}")
    size = sum(dataset.nbytes for dataset in datasets.values())
    if size > MAX_EXPANSION * path.stat().st_size:
        raise DataError(f"{path} expands to {size:,} bytes: that is no jet sample")
    jets, constituents = (*datasets["constituents/pt"].shape, 0, 0)[:2]
    for column in COLUMNS:
        if column.path in datasets:
            _check_dataset(path, column, datasets[column.path], jets, constituents)
    return {name: dataset[()] for name, dataset in datasets.items()}


def _dataset(path: Path, file: Any, column: Column) -> Any:
    """Return a dataset that lies in this file itself; None where it has none.

    HDF5 can point at other files; a sample never does, and a file of strangers must not.
    """
    h5py = _h5py()
    group_name, name = column.path.split("/")
    place = file
    for part in (group_name, name):
        link = place.get(part, getlink=True) if isinstance(place, h5py.Group) else None
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise DataError(f"{column.path!r} of {path} points elsewhere: that is no jet sample")
        place = place[part]
    if not isinstance(place, h5py.Dataset) or place.is_virtual or place.external:
        raise DataError(f"{column.path!r} of {path} is no dataset of numbers in this file")
    return place


def _check_dataset(path: Path, column: Column, dataset: Any, jets: int, constituents: int) -> None:
    tail = tuple(constituents if size == "K" else size for size in column.tail)
    if dataset.dtype != np.dtype(column.dtype) or dataset.shape != (jets, *tail):
        raise DataError(
            f"{column.path!r} of {path} is {dataset.dtype} of shape {dataset.shape}; "
            f"a jet sample has {column.dtype} of shape {(jets, *tail)}"
        )
    unit = str(dataset.attrs.get("unit", ""))
    if unit != column.unit:
        raise DataError(
            f"{column.path!r} of {path} is in {unit or 'no unit'!r}; a jet sample has it in "
            f"{column.unit!r}"
        )
