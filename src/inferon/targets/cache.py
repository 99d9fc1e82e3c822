"""The cache of what compilers made: named by what it was made from, shared by all processes.

Libraries mostly, and what simulators run.  A library appears whole, by one rename: of processes
that make the same one at once each puts its own there, and they are alike.  It ends with a
checksum of itself, so that one that a disk has damaged is made again and not loaded.  What was
used last stays longest; what was used in the last minute stays in any case, since a process may be
about to load it.  (A library that is loaded already may go: Linux keeps a file until the last
process has closed it.)
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import Enum
from pathlib import Path

from inferon.errors import OutputError

KEPT_LIBRARIES = 200
"""So many libraries stay at most: those of a long day's work."""

KEPT_BYTES = 1 << 30
"""So many bytes stay at most: a tenth of the 10 GB that a home folder often has."""

IN_USE_S = 60.0
"""A library is loaded within milliseconds after it was found; a stalled disk may take seconds."""

ABANDONED_S = 3600.0
"""A folder of a compilation that is older belongs to a process that was killed."""

_MAKING = "making-"
_SUM_BYTES = hashlib.sha256().digest_size


def cache_folder() -> Path:
    """Return where compiled libraries are kept: ``INFERON_CACHE``, or the user's cache folder."""
    chosen = os.environ.get("INFERON_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or (Path.home() / ".cache")
    return Path(chosen) if chosen else Path(base) / "inferon"


class Kind(Enum):
    """What is kept, by the ending of its file."""

    LIBRARY = "so"
    OBJECT = "o"
    SIMULATION = "vvp"


def kept(key: str, make: Callable[[Path], Path], kind: Kind = Kind.LIBRARY) -> Path:
    """Return the library of a key, made now or earlier.

    Parameters
    ----------
    key : a hash of everything that the library depends on
    make : compiles in an empty folder and returns the file
    kind : of file

    Raises
    ------
    OutputError
        When the folder of the cache cannot be written.
    """
    place = cache_folder()
    library = place / f"{key}.{kind.value}"
    if _is_sound(library):
        with suppress(OSError):  # a cache that others fill, and that we may only read
            os.utime(library)
        return library
    try:
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place, prefix=_MAKING) as folder:
            made = make(Path(folder))
            _seal(made)
            made.replace(library)
    except OSError as error:
        raise OutputError(
            f"cannot keep a compiled library in {place}: {error.strerror}; make room there, or "
            "name another folder in INFERON_CACHE"
        ) from error
    _tidy(place)
    return library


def content_of(library: Path) -> bytes:
    """Return what was made, without the checksum behind it."""
    return library.read_bytes()[:-_SUM_BYTES]


def _seal(library: Path) -> None:
    """Put the checksum behind the end: loaders and linkers do not look there."""
    with library.open("r+b") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
        file.write(digest)
        file.flush()
        os.fsync(file.fileno())  # a rename may reach the disk before what it renames


def _is_sound(library: Path) -> bool:
    try:
        content = library.read_bytes()
    except OSError:
        return False
    return hashlib.sha256(content[:-_SUM_BYTES]).digest() == content[-_SUM_BYTES:]


def _tidy(place: Path) -> None:
    """Remove what was not used for longest, until the rest is within the bounds."""
    now = time.time()
    libraries, size_bytes = 0, 0
    for used, size, path in sorted(_entries(place), reverse=True):
        libraries, size_bytes = libraries + 1, size_bytes + size
        is_too_much = libraries > KEPT_LIBRARIES or size_bytes > KEPT_BYTES
        if is_too_much and now - used > IN_USE_S:
            path.unlink(missing_ok=True)
    for folder in place.glob(f"{_MAKING}*"):
        with suppress(OSError):
            if now - folder.stat().st_mtime > ABANDONED_S:
                shutil.rmtree(folder, ignore_errors=True)


def _entries(place: Path) -> Iterator[tuple[float, int, Path]]:
    """Yield when each library was used last, its bytes, and its path."""
    for kind in Kind:
        for path in place.glob(f"*.{kind.value}"):
            with suppress(OSError):  # another process was faster
                status = path.stat()
                yield status.st_mtime, status.st_size, path
