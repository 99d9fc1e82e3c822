"""Elementwise arithmetic: IEEE-754 on floats, wrapping on ints, exact on fixed point."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from inferon.ir.shape import Tensor
from inferon.ir.types import Fixed, Float, Int
from inferon.ir.values import Array, storage
from inferon.ops import mantissa
from inferon.ops.base import Primitive, require, same
from inferon.ops.fma import fma


def fixed_pair(inputs: tuple[Tensor, ...]) -> tuple[Fixed, Fixed] | None:
    """Return both fixed-point types when two operands of equal shape have them."""
    require(len(inputs) == 2, "takes 2 inputs, not {}", len(inputs))
    require(inputs[0].shape == inputs[1].shape, "shapes differ: {} and {}", *inputs)
    a, b = inputs[0].element, inputs[1].element
    return (a, b) if isinstance(a, Fixed) and isinstance(b, Fixed) else None


@dataclass(frozen=True, slots=True)
class Binary(Primitive):
    """Base of the operators on two values of one shape and type."""

    @staticmethod
    @abstractmethod
    def fixed(a: Fixed, b: Fixed) -> Fixed:
        """Return the narrowest type that holds every result."""

    @abstractmethod
    def number(self, a: Array, b: Array) -> Array:
        """Return the result for floats and ints."""

    def mantissa(self, out: Fixed, a: Fixed, b: Fixed, x: Array, y: Array) -> Array:
        """Return the mantissa of the result; by default both are aligned to the result's step."""
        wide = mantissa.from_ends(
            [
                *mantissa.ends(a, out.fraction),
                *mantissa.ends(b, out.fraction),
                out.lowest,
                out.highest,
            ],
            out.fraction,
        )
        return self.number(mantissa.aligned(x, a, wide), mantissa.aligned(y, b, wide))

    def infer(self, *inputs: Tensor) -> Tensor:
        pair = fixed_pair(inputs)
        if pair is not None:
            return Tensor(inputs[0].shape, self.fixed(*pair))
        both = same(inputs, 2)
        require(isinstance(both.element, Float | Int), "takes numbers, not {}", both.element)
        return both

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        a, b = types[0].element, types[1].element
        if isinstance(a, Fixed) and isinstance(b, Fixed) and isinstance(out.element, Fixed):
            result = self.mantissa(out.element, a, b, *args)
            return result.astype(storage(out.element))
        return self.number(*args)


@dataclass(frozen=True, slots=True)
class Add(Binary):
    """a + b."""

    @staticmethod
    def fixed(a: Fixed, b: Fixed) -> Fixed:
        f = mantissa.common_fraction(a, b)
        (al, ah), (bl, bh) = mantissa.ends(a, f), mantissa.ends(b, f)
        return mantissa.from_ends([al + bl, ah + bh], f)

    def number(self, a: Array, b: Array) -> Array:
        return np.add(a, b)


@dataclass(frozen=True, slots=True)
class Sub(Binary):
    """a - b."""

    @staticmethod
    def fixed(a: Fixed, b: Fixed) -> Fixed:
        f = mantissa.common_fraction(a, b)
        (al, ah), (bl, bh) = mantissa.ends(a, f), mantissa.ends(b, f)
        return mantissa.from_ends([al - bh, ah - bl], f)

    def number(self, a: Array, b: Array) -> Array:
        return np.subtract(a, b)


@dataclass(frozen=True, slots=True)
class Mul(Binary):
    """a * b."""

    @staticmethod
    def fixed(a: Fixed, b: Fixed) -> Fixed:
        products = [x * y for x in (a.lowest, a.highest) for y in (b.lowest, b.highest)]
        return mantissa.from_ends(products, a.fraction + b.fraction)

    def number(self, a: Array, b: Array) -> Array:
        return np.multiply(a, b)

    def mantissa(self, out: Fixed, a: Fixed, b: Fixed, x: Array, y: Array) -> Array:
        return mantissa.stored(x, out, a) * mantissa.stored(y, out, b)


@dataclass(frozen=True, slots=True)
class Div(Binary):
    """a / b; on ints toward zero, and x / 0 is 0."""

    @staticmethod
    def fixed(a: Fixed, b: Fixed) -> Fixed:
        require(False, "fixed-point values are not divided: multiply by a Table of the reciprocal")
        return a

    def number(self, a: Array, b: Array) -> Array:
        if a.dtype.kind == "f":
            return np.divide(a, b)
        zero = b == 0
        safe = np.where(zero, np.ones_like(b), b)
        floor = np.floor_divide(a, safe)
        inexact = (floor * safe != a) & ((a < 0) != (safe < 0))
        return np.where(zero, np.zeros_like(a), floor + inexact.astype(a.dtype))


@dataclass(frozen=True, slots=True)
class Max(Binary):
    """The larger: ``a`` where a > b or a is NaN, else ``b``; so of +0 and -0 it is the second."""

    @staticmethod
    def fixed(a: Fixed, b: Fixed) -> Fixed:
        f = mantissa.common_fraction(a, b)
        (al, ah), (bl, bh) = mantissa.ends(a, f), mantissa.ends(b, f)
        return mantissa.from_ends([max(al, bl), max(ah, bh)], f)

    def number(self, a: Array, b: Array) -> Array:
        return np.where((a > b) | (a != a), a, b)  # NaN differs from itself


@dataclass(frozen=True, slots=True)
class Min(Binary):
    """The smaller: ``a`` where a < b or a is NaN, else ``b``; so of +0 and -0 it is the second."""

    @staticmethod
    def fixed(a: Fixed, b: Fixed) -> Fixed:
        f = mantissa.common_fraction(a, b)
        (al, ah), (bl, bh) = mantissa.ends(a, f), mantissa.ends(b, f)
        return mantissa.from_ends([min(al, bl), min(ah, bh)], f)

    def number(self, a: Array, b: Array) -> Array:
        return np.where((a < b) | (a != a), a, b)  # NaN differs from itself


@dataclass(frozen=True, slots=True)
class Fma(Primitive):
    """a * b + c with a single rounding, on floats."""

    def infer(self, *inputs: Tensor) -> Tensor:
        out = same(inputs, 3)
        require(isinstance(out.element, Float), "takes floats, not {}", out.element)
        return out

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        return fma(*args)

    def real(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        a, b, c = args
        return a * b + c


@dataclass(frozen=True, slots=True)
class Unary(Primitive):
    """Base of the operators on one float."""

    @abstractmethod
    def number(self, a: Array) -> Array:
        """Return the result."""

    def infer(self, *inputs: Tensor) -> Tensor:
        out = same(inputs, 1)
        require(isinstance(out.element, Float), "takes floats, not {}", out.element)
        return out

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        return self.number(args[0])


@dataclass(frozen=True, slots=True)
class Sqrt(Unary):
    """The square root, correctly rounded; NaN below zero, and -0 stays -0."""

    def number(self, a: Array) -> Array:
        return np.asarray(np.sqrt(a))


@dataclass(frozen=True, slots=True)
class RoundEven(Unary):
    """The nearest integer, ties to even."""

    def number(self, a: Array) -> Array:
        return np.asarray(np.rint(a))


@dataclass(frozen=True, slots=True)
class Floor(Unary):
    """The largest integer not above the value."""

    def number(self, a: Array) -> Array:
        return np.asarray(np.floor(a))


@dataclass(frozen=True, slots=True)
class Neg(Primitive):
    """-a: the sign bit is flipped; ints wrap; fixed point is exact."""

    def infer(self, *inputs: Tensor) -> Tensor:
        (a,) = (same(inputs, 1),)
        if isinstance(a.element, Fixed):
            e = a.element
            return Tensor(a.shape, mantissa.from_ends([-e.lowest, -e.highest], e.fraction))
        require(isinstance(a.element, Float | Int), "takes numbers, not {}", a.element)
        return a

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        if isinstance(out.element, Fixed):
            return np.asarray(-args[0].astype(storage(out.element)))
        return np.negative(args[0])


@dataclass(frozen=True, slots=True)
class Abs(Primitive):
    """The magnitude: the sign bit is cleared; ints wrap; fixed point is exact."""

    def infer(self, *inputs: Tensor) -> Tensor:
        a = same(inputs, 1)
        if isinstance(a.element, Fixed):
            e = a.element
            return Tensor(a.shape, mantissa.from_ends([0, e.highest, -e.lowest], e.fraction))
        require(isinstance(a.element, Float | Int), "takes numbers, not {}", a.element)
        return a

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        if isinstance(out.element, Fixed):
            return np.asarray(np.abs(args[0].astype(storage(out.element))))
        return np.asarray(np.abs(args[0]))
