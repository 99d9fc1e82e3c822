"""The fixed texts of an artefact."""

from __future__ import annotations

from inferon.targets.texts import Texts

_TEXTS = Texts("inferon.targets.cpp")
text, filled = _TEXTS.text, _TEXTS.filled


def runtime() -> str:
    """Return what every generated kernel stands on: values, registers, loops over registers."""
    return "".join(text(f"{part}.hpp") for part in ("values", "registers", "loops"))
