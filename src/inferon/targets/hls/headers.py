"""Where the open headers of the number types are: ap_types and ac_types, both Apache-2.0.

They are not copied into Inferon.  hls4ml, a package on PyPI, brings both in its templates; a
vendor's tool brings its own.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from inferon.errors import ToolMissing
from inferon.targets.hls.dialect import Dialect, Spelling

VARIABLE = "INFERON_HLS_HEADERS"
"""Names folders, separated as in PATH."""

_IN_HLS4ML = {
    Dialect.VITIS: "templates/vivado/ap_types",
    Dialect.AC: "templates/catapult/ac_types/include",
}


def headers(spelling: Spelling, folder: str = "") -> Path:
    """Return the folder with the headers of a dialect.

    Parameters
    ----------
    spelling : the dialect
    folder : where they are; by default a folder of ``INFERON_HLS_HEADERS``, or hls4ml's

    Raises
    ------
    ToolMissing
        When they are in none of these.
    """
    places = [Path(folder)] if folder else list(_places(spelling.dialect))
    for place in places:
        if (place / spelling.header).is_file():
            return place
    where = f"{folder} has none; " if folder else ""
    remedy = f"name its folder in Hls(headers=...) or {VARIABLE}, or pip install 'inferon[hls]'"
    raise ToolMissing(spelling.header, where + remedy)


def _places(dialect: Dialect) -> Iterator[Path]:
    for each in os.environ.get(VARIABLE, "").split(os.pathsep):
        if each:
            yield Path(each)
    found = find_spec("hls4ml")  # found, not imported: it would load a framework
    for each in found.submodule_search_locations or () if found else ():
        yield Path(each) / _IN_HLS4ML[dialect]


def digest(folder: Path) -> str:
    """Return a hash of all headers in a folder: what a compiled simulation depends on."""
    hasher = hashlib.sha256()
    for path in sorted(folder.rglob("*.h")):
        hasher.update(f"{path.relative_to(folder).as_posix()} ".encode() + path.read_bytes())
    return hasher.hexdigest()
