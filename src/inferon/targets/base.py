"""What every target gives: an artefact, which is files and a way to run them."""

from __future__ import annotations

import os
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from inferon.errors import OutputError
from inferon.interpret import Feed
from inferon.ir.graph import Graph
from inferon.ir.values import Array

MANIFEST = "manifest.json"
"""The file that marks a folder as an artefact, so that only artefacts are ever replaced."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of an artefact; ``path`` is relative and uses forward slashes."""

    path: str
    content: bytes


class Artifact(ABC):
    """Files, and a way to compute with them.

    Attributes
    ----------
    emulated : whether `predict` is slow enough that software uses the C++ target in its place
    """

    emulated: ClassVar[bool] = False

    @property
    @abstractmethod
    def files(self) -> tuple[File, ...]:
        """The files, the same for the same model on every machine."""

    @abstractmethod
    def predict(self, data: Feed, *, threads: int = 1) -> tuple[Array, ...]:
        """Return the outputs for events of shape (events, input shape).

        Parameters
        ----------
        data : one array for a single input, or arrays in order, or arrays by name
        threads : how many of them compute at once, each a range of the events
        """

    def readings(self, arrays: Sequence[Array]) -> Iterator[tuple[str, tuple[Array, ...]]]:
        """Yield the outputs in every way in which events may be handed over, and its name."""
        yield "in a batch", self.predict(arrays)
        count = len(arrays[0]) if arrays else 1
        alone = [self.predict([array[i : i + 1] for array in arrays]) for i in range(count)]
        if alone:
            yield "alone", tuple(np.concatenate(parts) for parts in zip(*alone, strict=True))

    def write(self, folder: str | os.PathLike[str]) -> Path:
        """Write the files into a folder, all or none.

        An older artefact there is replaced at the end.

        Raises
        ------
        OutputError
            When the folder is a link, a file, not ours, or not writable.
        """
        return write_folder(self.files, folder)


class Target(ABC):
    """A way of spelling the language."""

    @abstractmethod
    def build(self, graph: Graph) -> Artifact:
        """Return the artefact of a graph; raise `Unsupported` with every gap."""


def write_folder(files: Sequence[File], folder: str | os.PathLike[str]) -> Path:
    """Write files beside the folder, then put the whole in its place."""
    target = Path(folder)
    _check(target)
    parent = target.absolute().parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{target.name[:40]}-", dir=parent))
    except OSError as error:
        raise OutputError(
            f"cannot write into {parent}: {error.strerror}; choose another folder"
        ) from error
    try:
        for file in files:
            path = fresh / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.content)
        fresh.chmod(0o755)
        _put(fresh, target)
    except OSError as error:
        raise OutputError(
            f"cannot write {target}: {error.strerror}; the older content is whole"
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return target


def _check(target: Path) -> None:
    if not target.name or target.absolute() == Path(target.anchor):
        raise OutputError(f"{target} cannot be an output folder; name a new one")
    if target.is_symlink():
        raise OutputError(f"{target} is a link; name the folder itself")
    if target.exists() and not target.is_dir():
        raise OutputError(f"{target} is a file; name a folder")
    if target.is_dir() and any(target.iterdir()) and not (target / MANIFEST).is_file():
        raise OutputError(f"{target} holds files that are no artefact; name a new or empty folder")


def _put(fresh: Path, target: Path) -> None:
    """Exchange the folders: whenever this is interrupted, the old or the new one is whole."""
    if not target.exists():
        fresh.rename(target)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{target.name[:40]}-old-", dir=target.absolute().parent))
    try:
        target.rename(old / "artifact")
        fresh.rename(target)
    except BaseException:  # Ctrl-C too
        if not target.exists():
            (old / "artifact").rename(target)
        raise
    finally:
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)
