"""A value in the netlist: the signal that holds its mantissa, with interval and binary point."""

from __future__ import annotations

from dataclasses import dataclass

from inferon.targets.rtl.netlist import Bits, Extended, Literal, Ref, Signal, Slice


def bits_of(low: int, high: int) -> tuple[int, bool]:
    """Return width and sign of the narrowest vector that holds an interval of mantissas."""
    signed = low < 0
    magnitude = max(high.bit_length() if high > 0 else 0, (-low - 1).bit_length() if signed else 0)
    return max(1, magnitude + signed), signed


@dataclass(frozen=True, slots=True)
class Wire:
    """A mantissa between ``low`` and ``high``, in steps of ``2**-fraction``.

    Attributes
    ----------
    signal : its bits; None for a constant, which is ``low``
    """

    signal: Signal | None
    low: int
    high: int
    fraction: int

    @property
    def width(self) -> int:
        """Number of bits."""
        return bits_of(self.low, self.high)[0]

    @property
    def signed(self) -> bool:
        """Whether it may be negative."""
        return self.low < 0

    @property
    def held(self) -> Signal:
        """The signal of what is no constant."""
        assert self.signal is not None
        return self.signal

    def extended(self, width: int, drop: int = 0) -> Bits:
        """Return the number in so many bits, without its ``drop`` lowest ones."""
        if self.signal is None:
            return Literal(self.low >> drop, width)
        return extended(self.signal, width, drop)


def extended(signal: Signal, width: int, drop: int = 0) -> Bits:
    """Return a signal's number in so many bits, without its ``drop`` lowest ones."""
    left = signal.width - drop
    if left <= 0:  # nothing is left but the sign
        if not signal.signed:
            return Literal(0, width)
        sign = Slice(signal, signal.width - 1, 1)
        return Extended(sign, width, True) if width > 1 else sign
    part = Slice(signal, drop, left) if drop else Ref(signal)
    if width <= left:
        return Slice(signal, drop, width) if width < signal.width else Ref(signal)
    return Extended(part, width, signal.signed)
