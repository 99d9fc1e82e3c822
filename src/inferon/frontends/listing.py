"""Listings as files: what ``show(graph, constants=True)`` printed becomes the graph again."""

from __future__ import annotations

from pathlib import Path

from inferon.errors import InvalidModel
from inferon.frontends.files import regular_file
from inferon.frontends.naming import label
from inferon.ir.graph import Graph
from inferon.ops.vocabulary import parse_listing

MAX_FILE_BYTES = 1 << 26
"""Bytes of a listing: 64 MB of text hold 12 million weights, and are read within 1 GB."""


def import_listing(path: Path) -> Graph:
    """Return the graph of a listing.

    Raises
    ------
    InvalidModel
        When the file cannot be read, is too large, or is no text.
    ListingError
        At the first line that makes no sense.
    """
    name = f"the listing {label(path.name)}"
    with regular_file(path, name) as (file, size):
        if size > MAX_FILE_BYTES:
            raise InvalidModel(f"{name} has {size >> 20} MB, above the limit of 64 MB")
        raw = file.read(MAX_FILE_BYTES)
    if not raw:
        raise InvalidModel(f"{name} is empty")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise InvalidModel(f"{name} is no text") from None
    return parse_listing(text)
