"""Memory: a place in the workspace for every buffer, reused as soon as its last reader is done.

A place keeps its type.  To a compiler an integer and a float are never at one place, so that it
may write the one before it has read the other (clang 14 for AArch64 does).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from inferon.ir.values import storage
from inferon.targets.cpp.region import Region, Repeat, written
from inferon.targets.cpp.view import Buffer

ALIGNMENT_BYTES = 64
"""Every buffer begins on a cache line, which is also a 512-bit register."""


REGISTER = ALIGNMENT_BYTES // 4
"""Floats of the widest register; narrower ones divide it."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Byte offsets of the buffers, and the size of the whole."""

    offsets: dict[Buffer, int]
    size_bytes: int


def size_bytes(buffer: Buffer) -> int:
    """Return the bytes that a buffer takes, up to the next cache line."""
    item = max(1, storage(buffer.element).itemsize)
    size = buffer.size * item
    return -(-size // ALIGNMENT_BYTES) * ALIGNMENT_BYTES


def touched(region: Region) -> list[Buffer]:
    """Return every buffer that a region reads or writes, inside loops too."""
    buffers = [view.buffer for view in (*region.views(), *written(region))]
    if isinstance(region, Repeat):
        for each in region.body:
            buffers.extend(touched(each))
    return list(dict.fromkeys(buffers))


def allocate(
    regions: tuple[Region, ...], given: Collection[Buffer] = (), kept: Collection[Buffer] = ()
) -> Layout:
    """Return the first-fit layout; a buffer lives while regions touch it.

    What is ``given`` lies there before the first region, what is ``kept`` after the last.
    """
    life: dict[Buffer, tuple[int, int]] = {}
    for at, region in enumerate(regions):
        for buffer in touched(region):
            if buffer.array is None and not buffer.external:
                first = -1 if buffer in given else life.get(buffer, (at, at))[0]
                life[buffer] = (first, len(regions) if buffer in kept else at)
    offsets: dict[Buffer, int] = {}
    for buffer in sorted(life, key=lambda b: (-size_bytes(b), life[b][0])):
        offsets[buffer] = _first_fit(buffer, life, offsets)
    total = max((offsets[b] + size_bytes(b) for b in offsets), default=0)
    return Layout(
        offsets, total + ALIGNMENT_BYTES
    )  # one register may be read past the last buffer


def _first_fit(
    buffer: Buffer, life: dict[Buffer, tuple[int, int]], offsets: dict[Buffer, int]
) -> int:
    first, last = life[buffer]
    taken = sorted(
        (offset, offset + size_bytes(other))
        for other, offset in offsets.items()
        if storage(other.element) != storage(buffer.element)
        or (life[other][0] <= last and first <= life[other][1])
    )
    place = 0
    for begin, end in taken:
        if place + size_bytes(buffer) <= begin:
            break
        place = max(place, end)
    return place
