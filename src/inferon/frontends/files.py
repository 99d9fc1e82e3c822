"""Opening files that someone else named: regular ones only, and without waiting for a pipe."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from inferon.errors import InvalidModel


@contextmanager
def regular_file(path: Path, what: str, *, sole: bool) -> Iterator[tuple[BinaryIO, int]]:
    """Open a file for reading and yield it with its size in bytes.

    Parameters
    ----------
    path : of the file
    what : its name in messages
    sole : refuse links, also hard ones: the file has to be reachable by this path only

    Raises
    ------
    InvalidModel
        When it cannot be opened, or is a folder, a pipe, a device or, with ``sole``, a link.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (os.O_NOFOLLOW if sole else 0)
    try:
        handle = os.open(path, flags)
    except OSError as error:
        raise InvalidModel(f"{what} cannot be read: {error.strerror}") from None
    except ValueError:
        raise InvalidModel(f"{what} cannot be read: the path is not valid") from None
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode) or (sole and status.st_nlink != 1):
        os.close(handle)
        raise InvalidModel(f"{what} must be a regular file{', not a link' if sole else ''}")
    with os.fdopen(handle, "rb") as file:
        yield file, status.st_size
