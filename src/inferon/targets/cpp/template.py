"""The fixed texts of an artefact: files in ``text/``, where ``@{name}`` stands for a value."""

from __future__ import annotations

from importlib.resources import files
from string import Template


class _Text(Template):
    """C++, CMake and Markdown use ``$``; they have no use for ``@{``."""

    delimiter = "@"


def text(file: str) -> str:
    """Return a fixed text as it is."""
    return files("inferon.targets.cpp").joinpath("text", file).read_text()


def runtime() -> str:
    """Return what every generated kernel stands on: values, registers, loops over registers."""
    return "".join(text(f"{part}.hpp") for part in ("values", "registers", "loops"))


def filled(file: str, **values: object) -> str:
    """Return a fixed text with its values."""
    return _Text(text(file)).substitute(values)
