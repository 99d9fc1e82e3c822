"""The determinant of small square matrices, written out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inferon.ir.node import Node
from inferon.ir.shape import static
from inferon.ops import build as b
from inferon.ops.base import Composite, require

BY_FORMULA = 3
"""Up to this size Leibniz' formula is as short as elimination, and needs no division."""


@dataclass(frozen=True, slots=True)
class Determinant(Composite):
    """The determinant of each matrix of (.., M, M), on floats.

    Up to 3 rows by Leibniz' formula; beyond, by Gaussian elimination that takes the largest
    element of each column as its pivot (G. Golub, C. Van Loan, Matrix Computations, 3.4).  A
    column of zeros gives 0.
    """

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        rank = x.type.rank
        require(rank >= 2, "{} is no matrix", x.type)
        rows, columns = static(x.type.shape[-2:], "a matrix")
        require(rows == columns >= 1, "{} is no square matrix", x.type)
        return _formula(x, rows) if rows <= BY_FORMULA else _eliminated(x, rows)


def _at(x: Node, row: int, column: int) -> Node:
    """Return one element of each matrix."""
    axis = x.type.rank - 2
    part = b.slice_(b.slice_(x, axis, row, 1), axis + 1, column, 1)
    return b.reshape(part, x.type.shape[:-2])


def _minor(x: Node, rows: tuple[int, int], columns: tuple[int, int]) -> Node:
    (i, j), (k, n) = rows, columns
    return b.sub(b.mul(_at(x, i, k), _at(x, j, n)), b.mul(_at(x, i, n), _at(x, j, k)))


def _formula(x: Node, size: int) -> Node:
    if size == 1:
        return _at(x, 0, 0)
    if size == 2:
        return _minor(x, (0, 1), (0, 1))
    cofactors = [_minor(x, (1, 2), pair) for pair in ((1, 2), (0, 2), (0, 1))]
    terms = [b.mul(_at(x, 0, column), each) for column, each in enumerate(cofactors)]
    return b.add(b.sub(terms[0], terms[1]), terms[2])


def _eliminated(x: Node, size: int) -> Node:
    value: Node | None = None
    for left in range(size, BY_FORMULA, -1):
        pivot, x = _step(x, left)
        value = pivot if value is None else b.mul(value, pivot)
    assert value is not None
    return b.mul(value, _formula(x, BY_FORMULA))


def _step(x: Node, size: int) -> tuple[Node, Node]:
    """Return the pivot, with the sign of the exchange of rows, and what is left of the matrix."""
    lead = x.type.rank - 2
    column = b.squeeze(b.slice_(x, lead + 1, 0, 1), lead + 1)
    place = b.top_k(b.absolute(column), 1)  # (.., 1)
    row = b.gather(x, place, lead, batch=lead)  # (.., 1, size)
    is_row = b.equal(b.constant(np.arange(size)), place)
    first = b.broadcast(b.slice_(x, lead, 0, 1), x.type.shape)
    others = b.slice_(b.select(b.expand(is_row, lead + 1), first, x), lead, 1, size - 1)
    pivot = b.slice_(row, lead + 1, 0, 1)  # (.., 1, 1)
    divisor = b.select(b.equal(pivot, 0.0), 1.0, pivot)  # of a column of zeros
    factors = b.neg(b.div(b.slice_(others, lead + 1, 0, 1), divisor))
    rest = b.slice_(row, lead + 1, 1, size - 1)
    left = b.fma(factors, rest, b.slice_(others, lead + 1, 1, size - 1))
    value, exchanged = b.reshape(pivot, x.type.shape[:-2]), b.reshape(place, x.type.shape[:-2])
    return b.select(b.equal(exchanged, 0), value, b.neg(value)), left
