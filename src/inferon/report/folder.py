"""Writing into the folder of a report: refused early, and each file whole or not at all."""

from __future__ import annotations

import tempfile
from pathlib import Path

from inferon.errors import OutputError
from inferon.whole_file import write_whole


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
    """Write a text by replacing it.

    Raises
    ------
    OutputError
        When it cannot be written; an older file is then as it was.
    """
    write_whole(path, text.encode())


def _refused(path: Path, error: OSError) -> OutputError:
    return OutputError(f"cannot write {path}: {error.strerror}; choose another folder")
