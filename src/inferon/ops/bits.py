"""Operators on bits, and the view of a float as an int: what elementary functions are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inferon.ir.shape import Tensor
from inferon.ir.types import Element, Float, Int
from inferon.ir.values import Array, storage
from inferon.ops.base import Primitive, require, same


@dataclass(frozen=True, slots=True)
class IntBinary(Primitive):
    """Base of the operators on two ints."""

    def infer(self, *inputs: Tensor) -> Tensor:
        out = same(inputs, 2)
        require(isinstance(out.element, Int), "takes ints, not {}", out.element)
        return out


@dataclass(frozen=True, slots=True)
class BitAnd(IntBinary):
    """Bits that both have."""

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        return np.bitwise_and(*args)


@dataclass(frozen=True, slots=True)
class BitOr(IntBinary):
    """Bits that either has."""

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        return np.bitwise_or(*args)


@dataclass(frozen=True, slots=True)
class BitXor(IntBinary):
    """Bits that one of them has."""

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        return np.bitwise_xor(*args)


@dataclass(frozen=True, slots=True)
class Shift(Primitive):
    """Base of the shifts of ints by a fixed number of bits, from 0 to the width less one."""

    bits: int

    def infer(self, *inputs: Tensor) -> Tensor:
        out = same(inputs, 1)
        require(isinstance(out.element, Int), "takes ints, not {}", out.element)
        assert isinstance(out.element, Int)
        require(0 <= self.bits < out.element.bits, "cannot shift {} by {}", out.element, self.bits)
        return out


@dataclass(frozen=True, slots=True)
class ShiftLeft(Shift):
    """Shift toward the high bits; zeros come in."""

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        return np.asarray(np.left_shift(args[0], args[0].dtype.type(self.bits)))


@dataclass(frozen=True, slots=True)
class ShiftRight(Shift):
    """Shift toward the low bits; copies of the sign come in, zeros where unsigned."""

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        return np.asarray(np.right_shift(args[0], args[0].dtype.type(self.bits)))


@dataclass(frozen=True, slots=True)
class Bitcast(Primitive):
    """The same bits, read as another type of the same width."""

    to: Element

    def infer(self, *inputs: Tensor) -> Tensor:
        value = same(inputs, 1)
        for each in (value.element, self.to):
            require(isinstance(each, Float | Int), "reads ints and floats, not {}", each)
        widths = storage(value.element).itemsize, storage(self.to).itemsize
        require(widths[0] == widths[1], "{} and {} differ in width", value.element, self.to)
        return Tensor(value.shape, self.to)

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        return np.ascontiguousarray(args[0]).view(storage(self.to))

    def real(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        # a float64 that stands for a real number has to be rounded before it has the type's bits
        bits = self.reference(out, types, args[0].astype(storage(types[0].element)))
        return bits.astype(np.float64) if isinstance(self.to, Float) else bits
