"""Names in the project: types as listings spell them, layers as far as C++ allows."""

from __future__ import annotations

import re

from inferon.ir.types import Element


def alias(element: Element) -> str:
    """Return the name of a type: s16.10 of a listing is ``s16_10``, and s7.-5 is ``s7_m5``."""
    return str(element).replace(".", "_").replace("-", "m")


def stem(origin: str, otherwise: str) -> str:
    """Return a layer's name as the beginning of a C++ name."""
    text = re.sub(r"[^a-z0-9]+", "_", origin.lower()).strip("_")
    if not text:
        return otherwise
    return f"layer_{text}" if text[0].isdigit() else text
