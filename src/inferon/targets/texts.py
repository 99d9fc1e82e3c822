"""Fixed texts of a target: files in its folder ``text/``, where ``@{name}`` stands for a value."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from string import Template


class _Text(Template):
    """C++, CMake, Verilog and Markdown use ``$``; they have no use for ``@{``."""

    delimiter = "@"


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of a package."""

    package: str

    def text(self, file: str) -> str:
        """Return a fixed text as it is."""
        return files(self.package).joinpath("text", file).read_text()

    def filled(self, file: str, **values: object) -> str:
        """Return a fixed text with its values."""
        return _Text(self.text(file)).substitute(values)
