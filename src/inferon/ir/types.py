"""Element types: which set of numbers one element of a tensor can be.

A type is a *set of values*; two types are equal when the sets are.  How a value got there
(rounding, overflow) is not part of the type: it belongs to the one operator that can lose a bit,
``Quantize``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from inferon.errors import InvalidGraph

MAX_FIXED_WIDTH_BITS = 4096
"""Bound on the width of a fixed-point type: past it a listing or a model file asks for a bomb."""


@dataclass(frozen=True, slots=True)
class Float:
    """IEEE-754 binary floating point of 32 or 64 bits."""

    bits: int

    def __post_init__(self) -> None:
        if self.bits not in (32, 64):
            raise InvalidGraph(f"a float has 32 or 64 bits, not {self.bits}", rule="type")

    def __str__(self) -> str:
        return f"f{self.bits}"


@dataclass(frozen=True, slots=True)
class Int:
    """Machine integers of 8, 16, 32 or 64 bits; arithmetic wraps around, as in ONNX."""

    signed: bool
    bits: int

    def __post_init__(self) -> None:
        if self.bits not in (8, 16, 32, 64):
            raise InvalidGraph(f"an int has 8, 16, 32 or 64 bits, not {self.bits}", rule="type")

    @property
    def lowest(self) -> int:
        """The smallest value."""
        return -(1 << self.bits - 1) if self.signed else 0

    @property
    def highest(self) -> int:
        """The largest value."""
        return (1 << self.bits - self.signed) - 1

    def __str__(self) -> str:
        return f"{'i' if self.signed else 'u'}{self.bits}"


@dataclass(frozen=True, slots=True)
class Bool:
    """True or false."""

    def __str__(self) -> str:
        return "bool"


@dataclass(frozen=True, slots=True)
class Fixed:
    """The numbers ``m * 2**-(width - integer)``, for every ``width``-bit integer ``m``.

    ``m`` is called the mantissa.  ``integer`` counts the bits before the binary point and includes
    the sign bit, as in ``ap_fixed<width, integer>``; it may be negative or exceed ``width``.
    """

    signed: bool
    width: int
    integer: int

    def __post_init__(self) -> None:
        if not 1 <= self.width <= MAX_FIXED_WIDTH_BITS:
            raise InvalidGraph(
                f"a fixed-point width is 1 to {MAX_FIXED_WIDTH_BITS} bits, not {self.width}",
                rule="type",
            )

    @property
    def fraction(self) -> int:
        """Number of bits behind the binary point; one step is ``2**-fraction``."""
        return self.width - self.integer

    @property
    def lowest(self) -> int:
        """The smallest mantissa."""
        return -(1 << self.width - 1) if self.signed else 0

    @property
    def highest(self) -> int:
        """The largest mantissa."""
        return (1 << self.width - self.signed) - 1

    def __str__(self) -> str:
        return f"{'s' if self.signed else 'u'}{self.width}.{self.fraction}"

    @classmethod
    def holding(cls, lowest: int, highest: int, fraction: int) -> Fixed:
        """Return the narrowest type of step ``2**-fraction`` that holds these mantissas."""
        signed = lowest < 0
        magnitude = max(highest.bit_length(), (-lowest - 1).bit_length() if signed else 0)
        width = max(1, magnitude + signed)
        return cls(signed, width, width - fraction)


Element = Float | Int | Bool | Fixed

FLOAT32 = Float(32)
FLOAT64 = Float(64)
INT32 = Int(True, 32)
INT64 = Int(True, 64)
BOOL = Bool()

_ELEMENT = re.compile(
    r"(?:f(?P<float>\d+)|(?P<sign>[iu])(?P<int>\d+)|(?P<fs>[su])(?P<width>\d+)\.(?P<fraction>-?\d+)|bool)"
)


def parse_element(text: str) -> Element:
    """Read an element type as ``str`` prints it: ``f32``, ``i64``, ``bool``, ``s16.10``."""
    match = _ELEMENT.fullmatch(text)
    if match is None:
        raise InvalidGraph(
            f"{text!r} is no element type (f32, i64, u8, bool, s16.10)", rule="type"
        )
    if match["float"]:
        return Float(int(match["float"]))
    if match["width"]:
        width = int(match["width"])
        return Fixed(match["fs"] == "s", width, width - int(match["fraction"]))
    if match["int"]:
        return Int(match["sign"] == "i", int(match["int"]))
    return BOOL
