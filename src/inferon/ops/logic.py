"""Comparisons, truth values, selection."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from inferon.ir.shape import Tensor
from inferon.ir.types import BOOL, Bool, Fixed
from inferon.ir.values import Array
from inferon.ops import mantissa
from inferon.ops.arithmetic import fixed_pair
from inferon.ops.base import Primitive, require, same


@dataclass(frozen=True, slots=True)
class Comparison(Primitive):
    """Base of the comparisons; a comparison with NaN is false."""

    @abstractmethod
    def holds(self, a: Array, b: Array) -> Array:
        """Return where the comparison holds."""

    def infer(self, *inputs: Tensor) -> Tensor:
        if fixed_pair(inputs) is None:
            same(inputs, 2)
        return Tensor(inputs[0].shape, BOOL)

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        a, b = types[0].element, types[1].element
        if isinstance(a, Fixed) and isinstance(b, Fixed):
            f = mantissa.common_fraction(a, b)
            wide = mantissa.from_ends([*mantissa.ends(a, f), *mantissa.ends(b, f)], f)
            args = (mantissa.aligned(args[0], a, wide), mantissa.aligned(args[1], b, wide))
        return self.holds(*args).astype(np.bool_)


@dataclass(frozen=True, slots=True)
class Less(Comparison):
    """a < b."""

    def holds(self, a: Array, b: Array) -> Array:
        return np.asarray(a < b)


@dataclass(frozen=True, slots=True)
class LessEqual(Comparison):
    """a <= b."""

    def holds(self, a: Array, b: Array) -> Array:
        return np.asarray(a <= b)


@dataclass(frozen=True, slots=True)
class Equal(Comparison):
    """a == b."""

    def holds(self, a: Array, b: Array) -> Array:
        return np.asarray(a == b)


@dataclass(frozen=True, slots=True)
class Truth(Primitive):
    """Base of the operators on truth values."""

    def infer(self, *inputs: Tensor) -> Tensor:
        out = same(inputs, 1 if isinstance(self, Not) else 2)
        require(isinstance(out.element, Bool), "takes bool, not {}", out.element)
        return out


@dataclass(frozen=True, slots=True)
class And(Truth):
    """Both."""

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        return np.logical_and(*args)


@dataclass(frozen=True, slots=True)
class Or(Truth):
    """Either."""

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        return np.logical_or(*args)


@dataclass(frozen=True, slots=True)
class Not(Truth):
    """The opposite."""

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        return np.logical_not(args[0])


@dataclass(frozen=True, slots=True)
class Select(Primitive):
    """``a`` where the condition holds, else ``b``; fixed-point operands may differ in type."""

    def infer(self, *inputs: Tensor) -> Tensor:
        require(len(inputs) == 3, "takes 3 inputs, not {}", len(inputs))
        condition, a, b = inputs
        require(
            isinstance(condition.element, Bool), "the condition is {}, not bool", condition.element
        )
        require(condition.shape == a.shape, "shapes differ: {} and {}", condition, a)
        pair = fixed_pair((a, b))
        if pair is None:
            return same((a, b), 2)
        f = mantissa.common_fraction(*pair)
        both = [*mantissa.ends(pair[0], f), *mantissa.ends(pair[1], f)]
        return Tensor(a.shape, mantissa.from_ends(both, f))

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        condition, a, b = args
        if isinstance(out.element, Fixed):
            left, right = types[1].element, types[2].element
            assert isinstance(left, Fixed)
            assert isinstance(right, Fixed)
            a, b = mantissa.aligned(a, left, out.element), mantissa.aligned(b, right, out.element)
        return np.where(condition, a, b)
