"""The remainder of a division of floats, exact: long division in steps that lose nothing."""

from __future__ import annotations

from dataclasses import dataclass

from inferon.ir.node import Node
from inferon.ir.types import Float
from inferon.ops import build as b
from inferon.ops.base import Composite, require


@dataclass(frozen=True, slots=True)
class _Digits:
    """How a float is divided: bits of the quotient a step, and the steps for the widest quotient.

    The quotient of the largest by the smallest float has 2 * bias + 1 + fraction bits.  A step's
    digit leaves room in the significand for the test whether it came out one too large.
    """

    bits: int
    steps: int


_DIGITS = {32: _Digits(22, 13), 64: _Digits(51, 42)}
"""13 * 22 >= 277 and 42 * 51 >= 2098."""


@dataclass(frozen=True, slots=True)
class Fmod(Composite):
    """``x - trunc(x / y) * y``, exact, with the sign of x: ``fmod`` of ISO C, section F.10.7.1.

    ``x`` itself where y is infinite, NaN where x is infinite or y is 0.
    """

    def decompose(self, *inputs: Node) -> Node:
        x, y = inputs
        element = x.type.element
        require(isinstance(element, Float), "takes floats, not {}", element)
        assert isinstance(element, Float)
        digits = _DIGITS[element.bits]
        scaled = [b.absolute(y)]
        for _ in range(digits.steps - 1):
            scaled.append(b.mul(scaled[-1], 2.0**digits.bits))
        rest = b.absolute(x)
        for divisor in reversed(scaled):
            rest = b.select(b.equal(divisor, float("inf")), rest, _step(rest, divisor))
        rest = b.select(b.less(b.absolute(x), float("inf")), rest, float("nan"))
        signed = b.select(b.less(x, 0.0), b.neg(rest), rest)
        return b.select(b.and_(b.equal(x, 0.0), b.equal(rest, 0.0)), x, signed)


def _step(rest: Node, divisor: Node) -> Node:
    """Return ``rest`` modulo the divisor, for a quotient below 2**bits.

    The rounded quotient may reach the next whole number; then the rest came out negative.  Both
    rests are multiples of the last digit of either operand and below the divisor: exact.
    """
    digit = b.floor(b.div(rest, divisor))
    left = b.fma(b.neg(digit), divisor, rest)
    return b.select(b.less(left, 0.0), b.add(left, divisor), left)
