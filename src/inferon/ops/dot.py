"""The batched product: every matrix product, convolution and attention score is one."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from inferon.errors import InvalidGraph
from inferon.ir.shape import Tensor, largest
from inferon.ir.types import Fixed, Float, Int
from inferon.ir.values import Array, storage
from inferon.ops import mantissa
from inferon.ops.base import Primitive, require
from inferon.ops.fma import fma_chain
from inferon.ops.reduction import is_power_of_two, joined


@dataclass(frozen=True, slots=True)
class Dot(Primitive):
    """Products summed over shared axes: ``(B.., M.., K..) . (B.., K.., N..) -> (B.., M.., N..)``.

    ``batch`` counts the leading axes B, ``contract`` the axes K.  The products over K, in
    row-major order, are fused multiply-add chains: element ``k`` goes to strand ``k mod strands``,
    each strand begins with +0, and the strands are joined by halves (docs/decisions/0001).
    """

    batch: int
    contract: int
    strands: int

    def infer(self, *inputs: Tensor) -> Tensor:
        require(len(inputs) == 2, "takes 2 inputs, not {}", len(inputs))
        a, b = inputs
        require(self.contract >= 1 and self.batch >= 0, "{} contracts nothing", self)
        require(a.rank >= self.batch + self.contract, "{} has too few axes for {}", a, self)
        require(b.rank >= self.batch + self.contract, "{} has too few axes for {}", b, self)
        require(is_power_of_two(self.strands), "the strands are {}, no power of two", self.strands)
        shared = a.shape[: self.batch] == b.shape[: self.batch]
        shared &= (
            a.shape[a.rank - self.contract :] == b.shape[self.batch : self.batch + self.contract]
        )
        require(shared, "{} and {} do not meet in {}", a, b, self)
        rows = a.shape[: a.rank - self.contract]
        columns = b.shape[self.batch + self.contract :]
        return Tensor((*rows, *columns), self._element(a, b))

    def _element(self, a: Tensor, b: Tensor) -> Float | Int | Fixed:
        if isinstance(a.element, Fixed) and isinstance(b.element, Fixed):
            number = self.terms(a)
            x, y = a.element, b.element
            products = [p * q for p in (x.lowest, x.highest) for q in (y.lowest, y.highest)]
            ends = [min(products) * number, max(products) * number]
            return mantissa.from_ends(ends, x.fraction + y.fraction)
        require(a.element == b.element, "element types differ: {} and {}", a, b)
        require(isinstance(a.element, Float | Int), "takes numbers, not {}", a.element)
        assert isinstance(a.element, Float | Int)
        return a.element

    def terms(self, left: Tensor) -> int:
        """Return how many products each element sums, with a left operand of a type."""
        return prod(largest(size) for size in left.shape[left.rank - self.contract :])

    def matrices(self, a: Array, b: Array) -> tuple[Array, Array]:
        """Return both as stacks of matrices, (events, B, M, K) and (events, B, K, N)."""
        lead = self.batch + 1
        size_b = prod(a.shape[1:lead])
        size_k = prod(a.shape[a.ndim - self.contract :])
        size_m = prod(a.shape[lead : a.ndim - self.contract])
        size_n = prod(b.shape[lead + self.contract :])
        left = a.reshape(a.shape[0], size_b, size_m, size_k)
        right = b.reshape(b.shape[0], size_b, size_k, size_n)
        return left, right

    def _shape(self, a: Array, b: Array) -> tuple[int, ...]:
        events = max(a.shape[0], b.shape[0])
        rows = a.shape[1 : a.ndim - self.contract]
        return (events, *rows, *b.shape[self.batch + 1 + self.contract :])

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        left, right = self.matrices(*args)
        if isinstance(out.element, Fixed):
            wide = mantissa.stored(left, out.element), mantissa.stored(right, out.element)
            return self._sequential(*wide).astype(storage(out.element)).reshape(self._shape(*args))
        if isinstance(out.element, Int):
            return self._sequential(left, right).reshape(self._shape(*args))
        if not isinstance(out.element, Float):
            raise InvalidGraph("a product of truth values has no meaning", rule="type")
        events = max(left.shape[0], right.shape[0])
        zero = np.zeros((events, *left.shape[1:3], right.shape[3]), left.dtype)
        rows, columns = left[:, :, :, None, :], np.swapaxes(right, 2, 3)[:, :, None, :, :]
        n = self.strands
        strands = [fma_chain(rows[..., s::n], columns[..., s::n], zero) for s in range(n)]
        return joined(strands, np.add).reshape(self._shape(*args))

    def _sequential(self, left: Array, right: Array) -> Array:
        """Return the sum of products where order does not matter: integers."""
        events = max(left.shape[0], right.shape[0])
        total = np.zeros((events, *left.shape[1:3], right.shape[3]), left.dtype)
        for k in range(left.shape[3]):
            total = total + left[:, :, :, k, None] * right[:, :, k, None, :]
        return total

    def real(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        left, right = self.matrices(*args)
        return np.asarray(np.matmul(left, right)).reshape(self._shape(*args))
