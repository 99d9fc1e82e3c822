"""Conversion: ``Cast`` between machine types; ``Quantize``, which alone may lose a bit."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from inferon.ir.shape import Tensor
from inferon.ir.types import Bool, Element, Fixed, Float, Int
from inferon.ir.values import Array, storage
from inferon.ops.base import Primitive, require, same
from inferon.ops.mantissa import Overflow, Rounding, confined, rounded, shift_left


@dataclass(frozen=True, slots=True)
class Cast(Primitive):
    """The same number in another machine type.

    Floats become ints toward zero, saturated, NaN as 0; ints wrap; to float rounds to nearest
    even; bool is ``x != 0``. From fixed point to float the value is rounded to nearest even.
    """

    to: Element

    def infer(self, *inputs: Tensor) -> Tensor:
        value = same(inputs, 1)
        require(not isinstance(self.to, Fixed), "to {} is a Quantize, not a Cast", self.to)
        require(
            not isinstance(value.element, Fixed) or isinstance(self.to, Float),
            "from {} goes to a float only",
            value.element,
        )
        return Tensor(value.shape, self.to)

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        (x,) = args
        source = types[0].element
        if isinstance(source, Fixed):
            return _fixed_to_float(x, source, out.element)
        if isinstance(self.to, Bool):
            return np.asarray(x != 0)
        if isinstance(self.to, Int) and isinstance(source, Float):
            return _float_to_int(x, self.to)
        return x.astype(storage(self.to))

    def real(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        if isinstance(self.to, Float) and isinstance(types[0].element, Float):
            return args[0]
        return self.reference(out, types, *args)


def _float_to_int(x: Array, to: Int) -> Array:
    """Truncate; the ends are compared as floats, of which ``highest + 1`` is always one."""
    dtype = storage(to)
    inside = (x > float(to.lowest) - 1.0) & (x < float(to.highest) + 1.0)  # or it is an end
    low = np.array(to.lowest, dtype)
    high = np.array(to.highest, dtype)
    result = np.where(inside, x, 0).astype(dtype)
    nan = x != x  # NaN differs from itself
    return np.where(inside | nan, result, np.where(x < 0, low, high))


_ODD_BITS = 50
"""A mantissa cut to so many bits, the last one sticky, rounds to float32 as the whole would."""


def _fixed_to_float(x: Array, source: Fixed, to: Element) -> Array:
    """Return ``mantissa * 2**-fraction`` rounded once."""
    dtype = storage(to)
    convert = _to_float64 if dtype.itemsize == 8 else _to_float32
    flat = [convert(int(m), source.fraction) for m in x.ravel()]
    return np.array(flat, dtype).reshape(x.shape)


def _to_float64(m: int, fraction: int) -> float:
    try:
        return m / (1 << fraction) if fraction >= 0 else float(m << -fraction)
    except OverflowError:  # Python rounds correctly, but has no way to infinity
        return -math.inf if m < 0 else math.inf


def _to_float32(m: int, fraction: int) -> float:
    drop = max(0, m.bit_length() - _ODD_BITS)
    kept = abs(m) >> drop
    sticky = kept | (kept << drop != abs(m))
    return float(np.ldexp(np.float64(-sticky if m < 0 else sticky), drop - fraction))


@dataclass(frozen=True, slots=True)
class Quantize(Primitive):
    """The nearest value of a fixed-point type: ``ap_fixed<16, 6, AP_RND, AP_SAT>``.

    A NaN becomes 0.  An infinity is beyond every range; without low bits, it wraps to 0.
    """

    to: Fixed
    rounding: Rounding = Rounding.FLOOR
    overflow: Overflow = Overflow.WRAP

    def infer(self, *inputs: Tensor) -> Tensor:
        value = same(inputs, 1)
        require(not isinstance(value.element, Bool), "takes numbers, not bool")
        return Tensor(value.shape, self.to)

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        (x,) = args
        source = types[0].element
        if isinstance(source, Float):
            steps = self._from_float(x)
        else:
            steps = self._from_mantissa(x, source.fraction if isinstance(source, Fixed) else 0)
        return confined(steps, self.to, self.overflow).astype(storage(self.to))

    def _from_mantissa(self, x: Array, fraction: int) -> Array:
        wide = x.astype(object)  # slow and obvious: shifts may need any width
        bits = fraction - self.to.fraction
        return rounded(wide, bits, self.rounding) if bits > 0 else shift_left(wide, -bits)

    def _from_float(self, x: Array) -> Array:
        """Split into mantissa and exponent, which are exact, and go on as with integers."""
        finite = np.isfinite(x)
        digits = np.finfo(x.dtype).nmant + 1
        fraction, exponent = np.frexp(np.where(finite, x, 0).astype(np.float64))
        whole = np.ldexp(fraction, digits).astype(np.int64).astype(object)
        steps = np.zeros(x.shape, object)
        for each in np.unique(exponent):
            here = exponent == each
            steps[here] = self._from_mantissa(whole[here], digits - int(each))
        if self.overflow is not Overflow.WRAP:
            beyond = max(abs(self.to.lowest), self.to.highest) + 1
            steps[x == np.inf], steps[x == -np.inf] = beyond, -beyond
        return steps
