"""Writing into the folder of a report: refused early, and each file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from inferon.errors import OutputError


def prepare(folder: Path) -> None:
    """Make a folder, before the work that is to be written there.

    Raises
    ------
    OutputError
        When it is a link or a file, or cannot be made or written to.
    """
    if folder.is_symlink():
        raise OutputError(f"{folder} is a link; name the folder itself")
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file; name a folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _refused(folder, error) from error


def put(path: Path, text: str) -> None:
    """Write a file by replacing it.

    Raises
    ------
    OutputError
        When it cannot be written; an older file is then as it was.
    """
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError as error:
        raise _refused(path, error) from error
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)


def _refused(path: Path, error: OSError) -> OutputError:
    return OutputError(f"cannot write {path}: {error.strerror}; choose another folder")
