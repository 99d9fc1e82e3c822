"""Events as the bits of ports, clock by clock, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inferon.ir.types import Element, Fixed
from inferon.ir.values import Array, storage
from inferon.targets.rtl.netlist import Vector

WORD_BITS = 32
"""Simulators hold wide ports as words of so many bits, the lowest first."""


def to_bits(mantissas: Array, width: int) -> Array:
    """Return the bits (events, elements * width) of mantissas (events, elements), lowest first."""
    if mantissas.dtype == object:  # wider than an int64
        planes = [np.array((mantissas >> k) & 1, np.uint8) for k in range(width)]
    else:
        wide = mantissas.astype(np.int64)
        planes = [((wide >> min(k, 63)) & 1).astype(np.uint8) for k in range(width)]
    return np.stack(planes, axis=-1).reshape(len(mantissas), -1)


def from_bits(bits: Array, width: int, element: Element) -> Array:
    """Return the mantissas (events, elements) that such bits are."""
    planes = bits.reshape(len(bits), -1, width)
    dtype = storage(element)
    total = np.zeros(planes.shape[:2], object if dtype.kind == "O" else np.int64)
    for k in range(width):
        total += planes[..., k].astype(total.dtype) << k
    if isinstance(element, Fixed) and element.signed:
        total -= planes[..., -1].astype(total.dtype) << width
    return total.astype(dtype)


def words_of(width: int) -> int:
    """Return the words that a port of so many bits takes."""
    return -(-width // WORD_BITS)


def to_words(bits: Array) -> Array:
    """Return bits (events, width) as words (events, words)."""
    room = words_of(bits.shape[1]) * WORD_BITS
    padded = np.zeros((len(bits), room), np.uint8)
    padded[:, : bits.shape[1]] = bits
    return np.packbits(padded, axis=1, bitorder="little").view(np.uint32)


def from_words(words: Array, width: int) -> Array:
    """Return the bits (events, width) of words (events, words)."""
    octets = np.ascontiguousarray(words).view(np.uint8)
    return np.unpackbits(octets, axis=1, bitorder="little")[:, :width]


def to_hex(bits: Array) -> str:
    """Return bits (lines, width) as lines of hexadecimal digits, the highest bits first."""
    lines, width = bits.shape
    octets = -(-width // 8)
    padded = np.zeros((lines, octets * 8), np.uint8)
    padded[:, octets * 8 - width :] = bits[:, ::-1]
    digits = np.packbits(padded, axis=1).tobytes().hex()
    unused = 2 * octets - -(-width // 4)
    steps = range(0, len(digits), 2 * octets)
    return "".join(digits[i + unused : i + 2 * octets] + "\n" for i in steps)


def from_hex(text: str, width: int) -> Array:
    """Return the bits (lines, width) of such lines.

    Raises
    ------
    ValueError
        When a digit is none, such as ``x``.
    """
    digits = 2 * -(-width // 8)
    octets = bytes.fromhex("".join(line.rjust(digits, "0") for line in text.split()))
    bits = np.unpackbits(np.frombuffer(octets, np.uint8)).reshape(-1, 4 * digits)
    return bits[:, ::-1][:, :width]


@dataclass(frozen=True, slots=True)
class Gaps:
    """Clocks without an event, between events: what a pipeline must not be confused by.

    Attributes
    ----------
    every : after so many events on average comes a gap; 0 is for none
    seed : which events
    """

    every: int = 0
    seed: int = 0

    def clocks(self, events: int) -> Array:
        """Return for each clock whether it brings an event."""
        if not self.every:
            return np.ones(events, bool)
        rng = np.random.default_rng(self.seed)
        after = rng.integers(0, 2 * self.every, events) == 0
        lengths = 1 + after * rng.integers(1, 4, events)
        clocks = np.zeros(int(lengths.sum()), bool)
        clocks[np.cumsum(lengths) - lengths] = True
        return clocks


def port_bits(ports: Sequence[Vector], arrays: Sequence[Array]) -> list[Array]:
    """Return the bits of each port, (events, width), for arrays (events, shape)."""
    return [
        to_bits(array.reshape(len(array), -1), port.element_bits)
        for port, array in zip(ports, arrays, strict=True)
    ]
