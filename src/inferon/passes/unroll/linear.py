"""Products with constant matrices as adders that the rows of the matrix share.

::

    y = W x + c   ->   integers: S = sum_k w_k m_k + c      (`inferon.passes.share`)
                       y = S * 2**-fraction                  (moves the binary point)

The same matrix on inputs of the same ranges is solved once: every window of a convolution gets the
same adders, and where windows overlap, equal sums are one node.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from inferon.analysis.interval import Interval
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import Fixed
from inferon.ir.values import Array
from inferon.ops import arithmetic, logic
from inferon.ops.convert import Quantize
from inferon.ops.dot import Dot
from inferon.ops.evaluation import is_constant
from inferon.ops.mantissa import Overflow, Rounding
from inferon.ops.structure import Const
from inferon.passes.unroll.step import Step
from inferon.passes.unroll.wiring import constant, fixed, number, value_of


@dataclass(frozen=True, slots=True)
class Affine:
    """A product with a constant matrix, and a constant that is added to it."""

    product: Node
    bias: Node | None


def affine(node: Node) -> Affine | None:
    """Return an addition as product and bias, where it is that."""
    if not isinstance(node.op, arithmetic.Add):
        return None
    for product, bias in (node.inputs, node.inputs[::-1]):
        if isinstance(product.op, Dot) and is_constant(bias):
            return Affine(product, bias)
    return None


def absorbed_products(graph: Graph) -> frozenset[Node]:
    """Return the products that only additions of constants use: they become one with them."""
    users = Counter(each for node in graph.nodes() for each in node.inputs)
    users.update(graph.outputs)
    found = (affine(node) for node in graph.nodes())
    absorbing = Counter(each.product for each in found if each is not None)
    return frozenset(node for node, count in absorbing.items() if count == users[node])


def products(form: Affine, step: Step) -> Array:
    """Return the wires of a product, of constants or not, plus a bias."""
    op = form.product.op
    assert isinstance(op, Dot)
    a, b = (step.wires[each] for each in form.product.inputs)
    left, right = (each[0] for each in op.matrices(a[None], b[None]))
    made = np.empty((left.shape[0], left.shape[1], right.shape[2]), object)
    bias = np.full(made.shape, None)
    if form.bias is not None:
        bias = step.wires[form.bias].reshape(made.shape)
    for block in range(len(made)):
        made[block] = _block(left[block], right[block], bias[block], step)
    return made.reshape(step.shape)


def _block(left: Array, right: Array, bias: Array, step: Step) -> Array:
    """Return (M, K) . (K, N) + (M, N)."""
    if _constant(right):
        rows = [_matrix(right.T, row, c, step) for row, c in zip(left, bias, strict=True)]
        return np.stack(rows)
    if _constant(left):
        columns = [_matrix(left, x, c, step) for x, c in zip(right.T, bias.T, strict=True)]
        return np.stack(columns, axis=1)
    made = np.empty(bias.shape, object)
    for m, n in np.ndindex(*made.shape):
        terms = [_term(x, y, step) for x, y in zip(left[m], right[:, n], strict=True)]
        factors = np.array([[factor for factor, _ in terms]], object)
        wires = np.array([wire for _, wire in terms], object)
        made[m, n] = _matrix(factors, wires, bias[m, n : n + 1], step)[0]
    return made


def _term(x: Node, y: Node, step: Step) -> tuple[Node, Node]:
    """Return constant and wire whose product is that of two wires."""
    for factor, wire in ((x, y), (y, x)):
        if isinstance(factor.op, Const):
            return factor, wire
    return number(1), product(x, y, step)


def product(x: Node, y: Node, step: Step) -> Node:
    """Return the product of two wires."""
    for bit, other in ((x, y), (y, x)):
        low, high = step.wiring.interval(bit)
        if low >= 0 and high <= 1:  # a bit that is known chooses now
            zero = constant(0, fixed(other))
            chosen = step.apply(logic.Select(), step.is_set(bit), other, zero)
            return step.wiring.shifted(chosen, -fixed(bit).fraction)
    bits = [_bits(step.wiring.interval(wire)) for wire in (x, y)]
    if min(bits) < step.adders.sharing.multiplier_bits:
        narrow, other = (x, y) if bits[0] <= bits[1] else (y, x)
        return _bit_by_bit(narrow, other, min(bits), step)
    return step.apply(arithmetic.Mul(), x, y)


def _bits(interval: Interval) -> int:
    low, high = interval
    return Fixed.holding(low, high, 0).width


def _bit_by_bit(narrow: Node, other: Node, bits: int, step: Step) -> Node:
    """Return a product as a sum of one operand under each bit of the other; a sign subtracts."""
    signed = step.wiring.interval(narrow)[0] < 0
    terms, signs = [], []
    for place in range(bits):
        fraction = fixed(narrow).fraction - place
        alone = Quantize(Fixed(False, 1, 1 - fraction), Rounding.FLOOR, Overflow.WRAP)
        terms.append(product(step.apply(alone, narrow), other, step))
        signs.append(number(-1 if signed and place == bits - 1 else 1))
    factors, wires = np.array([signs], object), np.array(terms, object)
    made: Node = _matrix(factors, wires, np.full(1, None), step)[0]
    return made


def _constant(wires: Array) -> bool:
    return all(isinstance(wire.op, Const) for wire in wires.flat)


def sums(rows: Array, step: Step) -> Array:
    """Return the sums over the last axis."""
    flat = rows.reshape(-1, rows.shape[-1])
    made = np.empty(len(flat), object)
    for i, row in enumerate(flat):
        ones = np.full((1, len(row)), 1, object)
        none = np.full(1, None)
        made[i] = _solved(ones, 0, row, none, step)[0]
    return made.reshape(rows.shape[:-1])


def multiples(wire: Node, factors: list[Node], step: Step) -> Array:
    """Return the products of one wire with constants."""
    column = np.empty((len(factors), 1), object)
    column[:, 0] = factors
    return _matrix(column, np.array([wire], object), np.full(len(factors), None), step)


def _matrix(matrix: Array, x: Array, bias: Array, step: Step) -> Array:
    """Return a matrix of constants (N, K) times wires (K,) plus a bias (N,)."""
    fraction = max(fixed(each).fraction for each in matrix.flat)
    numbers = [_whole(each, fraction) for each in matrix.flat]
    return _solved(np.array(numbers, object).reshape(matrix.shape), fraction, x, bias, step)


def _whole(constant: Node, fraction: int) -> int:
    """Return a constant in steps of ``2**-fraction``."""
    return value_of(constant) << fraction - fixed(constant).fraction


def _solved(matrix: Array, fraction: int, x: Array, bias: Array, step: Step) -> Array:
    """Return integers (N, K), in steps of ``2**-fraction``, times wires plus a bias."""
    added = [c for c in bias if c is not None]
    points = [fixed(wire).fraction for wire in x]
    point = max([*points, *(fixed(c).fraction - fraction for c in added)], default=0)
    scaled = matrix * np.array([1 << point - each for each in points], object)
    total = [0 if c is None else _whole(c, point + fraction) for c in bias]
    columns, leaves = [], []
    for column, wire in zip(scaled.T, x, strict=True):
        constant_, factor, leaf = _parts(wire, step)
        total = [t + w * constant_ for t, w in zip(total, column, strict=True)]
        if leaf is not None:
            columns.append(column * factor)
            leaves.append(leaf)
    whole = np.stack(columns, axis=1) if columns else np.zeros((len(matrix), 0), object)
    made = step.adders.sums(whole, leaves, total, step.node.origin)
    return np.array([step.wiring.shifted(wire, -point - fraction) for wire in made], object)


def _parts(wire: Node, step: Step) -> tuple[int, int, Node | None]:
    """Return c, f and b, so that c + f b is a wire's mantissa; b is None for a constant.

    Of a choice between two constants, like a sign, b has one bit.
    """
    if isinstance(wire.op, Const):
        return value_of(wire), 0, None
    point = fixed(wire).fraction
    if isinstance(wire.op, logic.Select):
        condition, *ends = wire.inputs
        if all(isinstance(each.op, Const) for each in ends):
            yes, no = (_whole(each, point) for each in ends)
            bit = step.apply(wire.op, condition, number(1), number(0))
            return no, yes - no, bit
    return 0, 1, step.wiring.shifted(wire, point)
