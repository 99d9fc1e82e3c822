"""Opening files that someone else named: regular ones only, and without waiting for a pipe."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from inferon.errors import InvalidModel


@contextmanager
def regular_file(path: Path, what: str) -> Iterator[tuple[BinaryIO, int]]:
    """Open a file for reading and yield it with its size in bytes.

    Parameters
    ----------
    path : of the file
    what : its name in messages

    Raises
    ------
    InvalidModel
        When it cannot be opened, or is a folder, a pipe or a device.
    """
    handle = _opened(path, what, _FLAGS, None)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise InvalidModel(f"{what} must be a regular file")
    with os.fdopen(handle, "rb") as file:
        yield file, os.fstat(handle).st_size


@contextmanager
def file_below(folder: Path, parts: Sequence[str], what: str) -> Iterator[tuple[BinaryIO, int]]:
    """Open a file inside a folder that someone else named; yield it with its size in bytes.

    Every step is opened from the one before, without following links, so that nobody can exchange
    a folder for a link between a check and the opening.

    Parameters
    ----------
    folder : where the file has to be
    parts : the names on the way from there, none of them ``..``
    what : its name in messages

    Raises
    ------
    InvalidModel
        When it cannot be opened, lies behind a link, has a second name (a hard link, which may be
        of a file elsewhere), or is a folder, a pipe or a device.
    """
    handle = _opened(folder, what, _FLAGS | os.O_DIRECTORY, None)
    try:
        for number, part in enumerate(parts, 1):
            flags = _FLAGS | os.O_NOFOLLOW | (os.O_DIRECTORY if number < len(parts) else 0)
            following = _opened(part, what, flags, handle)
            os.close(handle)
            handle = following
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            raise InvalidModel(f"{what} must be a regular file, not a link")
    except BaseException:
        os.close(handle)
        raise
    with os.fdopen(handle, "rb") as file:
        yield file, status.st_size


_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
"""A pipe must not be waited for."""


def _opened(path: Path | str, what: str, flags: int, folder: int | None) -> int:
    try:
        return os.open(path, flags, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR) and folder is not None:
            raise InvalidModel(f"{what} behind a link are refused") from None
        raise InvalidModel(f"{what} cannot be read: {error.strerror}") from None
    except ValueError:
        raise InvalidModel(f"{what} cannot be read: the path is not valid") from None
