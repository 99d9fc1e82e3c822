"""Writing a file so that it appears whole or not at all, also on a disk that is full."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from inferon.errors import OutputError


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, or replace it: beside its place first, then moved there.

    Raises
    ------
    OutputError
        The file cannot be written there; what was there before is unchanged.
    """
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # some file systems find the disk full only now
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror}; make room, or choose another folder"
        ) from error
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
