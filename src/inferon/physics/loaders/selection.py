"""Which files, and which of their jets, a loader is asked for. Reads nothing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from inferon.errors import DataError, UsageError

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
"""A file, a folder of files, or several files."""

SUFFIXES = (".root", ".h5", ".hdf5", ".npz")
"""What a file in a folder has to end with to be taken for one of jets."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The part of a published set that is loaded.

    Attributes
    ----------
    start : the first row that is read of *each* file
    jets : at most so many jets, in equal shares from all files, as JetClass and JetNet have one
        file a class; None: all
    constituents : the leading constituents kept of each jet, padded with zeros where the file has
        fewer; None: as many as the set is published with
    drop_empty : leave out jets without a particle, instead of refusing them
    """

    start: int = 0
    jets: int | None = None
    constituents: int | None = None
    drop_empty: bool = False

    def __post_init__(self) -> None:
        if self.start < 0:
            raise UsageError(f"start={self.start}: the first row is number 0")
        for name in ("jets", "constituents"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name}={value}: ask for 1 or more")

    def rows(self, stored: int, file: int, files: int) -> range:
        """Rows to read of file number ``file`` out of ``files``, which stores ``stored`` jets."""
        if self.jets is None:
            return range(self.start, max(stored, self.start))
        share = self.jets // files + (file < self.jets % files)
        return range(self.start, max(min(stored, self.start + share), self.start))


EVERYTHING = Wanted()


def files_of(path: Paths) -> list[Path]:
    """Files that a path means: itself, the jet files of a folder by name, or those listed.

    Raises
    ------
    DataError
        One is absent, or there are none.
    """
    if isinstance(path, str | os.PathLike):
        return _expand(Path(path))
    files = [file for each in path for file in _expand(Path(each))]
    if not files:
        raise DataError("no file of jets is given")
    return files


def _expand(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise DataError(f"there is no file {path}")
    files = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES)
    if not files:
        raise DataError(f"the folder {path} holds no file that ends with {', '.join(SUFFIXES)}")
    return files
