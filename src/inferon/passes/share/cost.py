"""What one adder costs in look-up tables.

The sum of ``a * 2**s`` and ``b * 2**t`` is a carry chain with one look-up table per bit, except

* below the higher of both shifts, where a sum is a copy of one operand, and so is a difference
  whose right operand has the higher shift;
* above the shorter operand of a sum, where that one is not negative: nothing is added there;
* above the result's own width.

Yosys 0.23 counts the same for one adder (``synth_xilinx -family xcup``: look-up tables and
inverters; a vendor's tool packs an inverter into the chain's look-up table).
"""

from __future__ import annotations

Interval = tuple[int, int]
"""The lowest and the highest value."""


def width(interval: Interval) -> int:
    """Return how many bits hold the interval: two's complement where it goes below zero."""
    low, high = interval
    if low >= 0:
        return high.bit_length()
    return max(high.bit_length(), (~low).bit_length()) + 1


def adder_luts(
    left: Interval,
    left_shift: int,
    right: Interval,
    right_shift: int,
    minus: bool,
    result: Interval | None,
) -> int:
    """Return the look-up tables of ``left * 2**left_shift +- right * 2**right_shift``.

    Intervals of operands are without their shifts; `result` is the sum's, None if not known.
    """
    tops = width(left) + left_shift, width(right) + right_shift
    if minus:
        top, bottom = max(tops), right_shift
    else:
        shorter = left if tops[0] < tops[1] else right
        top = min(tops) if shorter[0] >= 0 else max(tops)
        bottom = max(left_shift, right_shift)
    return max(0, (top if result is None else min(top, width(result))) - bottom)
