"""``ap_fixed<16,6,AP_RND,AP_SAT>``: a type with what happens on the way into it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from inferon.ir.node import Node
from inferon.ir.types import Fixed
from inferon.ops.convert import Quantize
from inferon.ops.mantissa import Overflow, Rounding

WIDEST = 62
"""The targets hold mantissas of so many bits in a register."""

LARGEST_WIDTH = 64
"""Above it a width is taken for a slip."""

ROUNDINGS = {
    "RND": Rounding.HALF_UP,
    "RND_ZERO": Rounding.HALF_TOWARD_ZERO,
    "RND_MIN_INF": Rounding.HALF_DOWN,
    "RND_INF": Rounding.HALF_AWAY,
    "RND_CONV": Rounding.HALF_EVEN,
    "TRN": Rounding.FLOOR,
    "TRN_ZERO": Rounding.TOWARD_ZERO,
}
OVERFLOWS = {
    "WRAP": Overflow.WRAP,
    "SAT": Overflow.SATURATE,
    "SAT_ZERO": Overflow.SATURATE_ZERO,
    "SAT_SYM": Overflow.SATURATE_SYMMETRIC,
}

_TEXT = re.compile(r"(?:ap_)?(u?)(fixed|int)\s*<([^<>]*)>")


class BadPrecision(ValueError):
    """A text that names no type; the message says why, ``hint`` what to write."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Precision:
    """A fixed-point type, and how a value goes into it."""

    fixed: Fixed
    rounding: Rounding = Rounding.FLOOR
    overflow: Overflow = Overflow.WRAP

    def of(self, x: Node, origin: str) -> Node:
        """Return a value in this type; itself where it has the type."""
        if x.type.element == self.fixed and self.overflow is not Overflow.SATURATE_SYMMETRIC:
            return x
        return Node(Quantize(self.fixed, self.rounding, self.overflow), (x,), origin)


def parse_precision(text: object) -> Precision:
    """Read ``fixed<W,I>``, ``ufixed<W,I,Q,O>`` or ``int<W>``, with ``ap_`` or without.

    Raises
    ------
    BadPrecision
    """
    example = "ap_fixed<16,6>"
    if not isinstance(text, str):
        raise BadPrecision(f"{text!r} is no precision", example)
    if text.strip().lower() == "auto":
        raise BadPrecision("the precision auto, which hls4ml derives by itself", "a precision")
    match = _TEXT.fullmatch(text.strip())
    if match is None:
        raise BadPrecision(f"the precision {text[:60]!r}", example)
    fields = [each.strip() for each in match[3].split(",")]
    count = 2 if match[2] == "fixed" else 1
    try:
        numbers = [int(each) for each in fields[:count]]
    except ValueError:
        numbers = []
    if len(numbers) < count:
        raise BadPrecision(f"the precision {text[:60]!r}", example)
    width, integer = numbers[0], numbers[-1]
    _check(text, width, integer, signed=not match[1])
    return Precision(
        Fixed(not match[1], width, integer), *_modes(text, fields[count:], signed=not match[1])
    )


def _check(text: str, width: int, integer: int, *, signed: bool) -> None:
    if not 1 <= width <= LARGEST_WIDTH:
        raise BadPrecision(f"{text}: a width of {width}", f"1 to {LARGEST_WIDTH} bits")
    if width > WIDEST:
        raise BadPrecision(f"{text}: {width} bits are above what targets hold", f"{WIDEST} bits")
    if integer > width:
        hint = "as many bits as integer bits at least, or a scaled layer"
        raise BadPrecision(f"{text}: {integer} integer bits of {width}", hint)


def _modes(text: str, fields: list[str], *, signed: bool) -> tuple[Rounding, Overflow]:
    names = [each.upper().removeprefix("AP_") for each in fields]
    if len(names) > 3:
        raise BadPrecision(f"{text}: {len(names)} modes", "a rounding and an overflow")
    rounding = ROUNDINGS.get(names[0]) if names else Rounding.FLOOR
    overflow = OVERFLOWS.get(names[1]) if len(names) > 1 else Overflow.WRAP
    if rounding is None:
        raise BadPrecision(f"{text}: the rounding {fields[0]}", ", ".join(ROUNDINGS))
    if overflow is None:
        raise BadPrecision(f"{text}: the overflow {fields[1]}", ", ".join(OVERFLOWS))
    if overflow is Overflow.SATURATE_SYMMETRIC and not signed:
        raise BadPrecision(f"{text}: symmetric saturation of unsigned numbers", "AP_SAT")
    if len(names) == 3 and names[2] != "0":
        raise BadPrecision(f"{text}: {fields[2]} saturated bits on wrapping", "none")
    return rounding, overflow
