"""Loaders of the published jet sets: files as downloaded in, one ``Jets`` out.

``open_jets`` recognizes a layout by content, not by name; each layout is one file, which says what
was published and what is checked.  Nothing is downloaded, nothing unpickled.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from inferon.errors import DataError, UsageError
from inferon.physics.jets import Jets
from inferon.physics.loaders import (
    hdf5_file,
    hls4ml_jets,
    jetclass,
    jetnet,
    quark_gluon,
    top_tagging,
)
from inferon.physics.loaders.selection import EVERYTHING, Paths, Wanted, files_of
from inferon.physics.sample import load_jets

__all__ = ["EVERYTHING", "LAYOUTS", "OURS", "Wanted", "open_jets"]

LAYOUTS: Mapping[str, Callable[[Paths, Wanted], Jets]] = {
    jetclass.JETCLASS.name: jetclass.load_jetclass,
    jetnet.JETNET.name: jetnet.load_jetnet,
    hls4ml_jets.HLS4ML_JETS.name: hls4ml_jets.load_hls4ml_jets,
    top_tagging.TOP_TAGGING.name: top_tagging.load_top_tagging,
    quark_gluon.QUARK_GLUON.name: quark_gluon.load_quark_gluon,
}
"""The loader of each published layout."""

OURS = "inferon"
"""The layout of ``inferon data jets``, see ``inferon.physics.sample``."""

_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = b"PK"
_ROOT = b"root"


def open_jets(path: Paths, wanted: Wanted = EVERYTHING, *, layout: str | None = None) -> Jets:
    """Open jets of any layout that Inferon knows.

    Parameters
    ----------
    path : a file, a folder of files, or several files, all of one layout
    wanted : which jets, and how many constituents of each
    layout : a name in ``LAYOUTS``, or ``"inferon"``; None: recognized by content

    Returns
    -------
    Constituents by falling pT, whatever their order in the file.

    Raises
    ------
    UsageError
        There is no such layout.
    DataError
        The file is absent, of no known layout, damaged, or holds no jets of its set.
    ExtraMissing, ToolMissing
        A package that reads the file is absent.
    """
    files = files_of(path)
    if layout is None:
        layout = _layout_of_all(files)
    if layout == OURS:
        return _open_ours(files, wanted)
    if layout not in LAYOUTS:
        raise UsageError(f"no layout {layout!r}; there are {', '.join([OURS, *LAYOUTS])}")
    return LAYOUTS[layout](files, wanted)


def _open_ours(files: list[Path], wanted: Wanted) -> Jets:
    if len(files) > 1 or wanted != EVERYTHING:
        raise UsageError("a sample of Inferon is one file, opened whole; select jets afterwards")
    return load_jets(files[0])


def _layout_of_all(files: list[Path]) -> str:
    layouts = {file: _layout_of(file) for file in files}
    first = layouts[files[0]]
    other = next((file for file in files if layouts[file] != first), None)
    if other is not None:
        raise DataError(
            f"{files[0]} is of layout {first!r} and {other} of {layouts[other]!r}: "
            "open them one after the other"
        )
    return first


def _layout_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            magic = file.read(len(_HDF5))
    except OSError as error:
        raise DataError(f"{path} cannot be opened: {error.strerror}") from error
    if magic.startswith(_ROOT):
        return jetclass.JETCLASS.name
    if magic == _HDF5:
        return _known(path, _names_in_hdf5(path))
    if magic.startswith(_ZIP):
        return _known(path, _names_in_zip(path))
    raise DataError(f"{path} is neither ROOT, HDF5 nor .npz; known layouts: {_all_layouts()}")


def _known(path: Path, names: set[str]) -> str:
    marks = {
        hls4ml_jets.PARTICLES: hls4ml_jets.HLS4ML_JETS.name,
        jetnet.PARTICLES: jetnet.JETNET.name,
        "table": top_tagging.TOP_TAGGING.name,
        "X": quark_gluon.QUARK_GLUON.name,
        "constituents": OURS,
    }
    for mark, layout in marks.items():
        if mark in names:
            return layout
    raise DataError(
        f"{path} holds {', '.join(sorted(names)) or 'nothing'}, which is no known layout "
        f"({_all_layouts()})"
    )


def _names_in_hdf5(path: Path) -> set[str]:
    with hdf5_file.open_hdf5(path) as file:
        return set(hdf5_file.members(file, path))


def _names_in_zip(path: Path) -> set[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".npy") for name in archive.namelist()}
    except zipfile.BadZipFile as error:
        raise DataError(f"{path} cannot be read as .npz ({error})") from error


def _all_layouts() -> str:
    return ", ".join([OURS, *LAYOUTS])
