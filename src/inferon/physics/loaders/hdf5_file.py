"""Opening the HDF5 files of others; the only file of the loaders that imports ``h5py``."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inferon.errors import DataError, ExtraMissing, ToolMissing
from inferon.physics.loaders.checks import Where


@contextmanager
def open_hdf5(path: Path) -> Iterator[Any]:
    """Open a file for reading.

    Raises
    ------
    ExtraMissing
        h5py is absent.
    DataError
        The file is no HDF5, cut short or damaged.
    """
    if importlib.util.find_spec("h5py") is None:
        raise ExtraMissing("h5py", "h5")
    import h5py

    with _reading(path):
        file = h5py.File(path, "r")
    with file:
        yield file


def members(file: Any, path: Path) -> list[str]:
    """Names of what a file holds."""
    with _reading(path):
        return [str(name) for name in file]  # a damaged name is bytes


def dataset(file: Any, name: str, path: Path, hint: str = "") -> Any:
    """Find a dataset and what is needed to decompress it.

    Raises
    ------
    DataError
        The file has none of that name.
    ToolMissing
        It is compressed by a filter that HDF5 does not come with.
    """
    import h5py

    with _reading(path):
        found = file.get(name)
        if isinstance(found, h5py.Dataset):
            _require_filters(found, Where(path, name))
            np.dtype(found.dtype)  # h5py reads a damaged type only when it is asked for
            return found
        names = ", ".join(members(file, path)) or "nothing"
        raise DataError(f"{path} has no dataset {name!r}; it holds {names}{hint}")


def read_names(file: Any, name: str, path: Path) -> list[str]:
    """Read a dataset of column names."""
    found = dataset(file, name, path)
    with _reading(path):
        names = np.ravel(found[()])
    return [
        each.decode(errors="backslashreplace") if isinstance(each, bytes) else str(each)
        for each in names
    ]


def attribute(found: Any, name: str, where: Where) -> Any:
    """Read an attribute of a dataset; None where there is none of that name."""
    with _reading(where.path):
        return found.attrs.get(name)


def require_numbers(found: Any, shape: tuple[int | None, ...], where: Where) -> None:
    """Refuse a dataset that holds no numbers, or has another shape (None: any size)."""
    is_same = len(found.shape) == len(shape) and all(
        size in (None, actual) for size, actual in zip(shape, found.shape, strict=True)
    )
    if not is_same or found.dtype.kind not in "fiub":
        expected = ", ".join("any" if size is None else str(size) for size in shape)
        raise DataError(
            f"{where} is {found.dtype} of shape {found.shape}; expected numbers of shape "
            f"({expected})"
        )


def read_rows(found: Any, rows: range, where: Where) -> NDArray[Any]:
    """Read consecutive rows of a dataset."""
    with _reading(where.path):
        values: NDArray[Any] = found[rows.start : rows.stop]
    return values


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what h5py raises for damaged files, which is no class of its own, into a DataError."""
    try:
        yield
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError) as error:
        raise DataError(
            f"{path} cannot be read as HDF5 ({error}); is the download complete?"
        ) from error


def _require_filters(found: Any, where: Where) -> None:
    """PyTables may compress with BLOSC and others, which h5py alone cannot read."""
    import h5py

    properties = found.id.get_create_plist()
    codes = [properties.get_filter(number)[0] for number in range(properties.get_nfilters())]
    if all(h5py.h5z.filter_avail(code) for code in codes):
        return
    if importlib.util.find_spec("hdf5plugin") is not None:
        importlib.import_module("hdf5plugin")  # registers its filters with HDF5
    absent = [code for code in codes if not h5py.h5z.filter_avail(code)]
    if absent:
        raise ToolMissing(
            "hdf5plugin", f"pip install hdf5plugin (HDF5 filter {absent[0]} compresses {where})"
        )
