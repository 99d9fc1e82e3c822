"""What is known before the first event: constants are computed, and steps that change nothing go.

Every rule keeps bits.  Constants are computed by the operators' own references, so folding cannot
disagree with them. A constant grows only up to `SMALL_ELEMENTS`; repetition of a constant stays a
`Broadcast`, and an elementwise operator on repeated constants is computed once, under the
repetition.
"""

from __future__ import annotations

import numpy as np

from inferon.errors import InvalidGraph
from inferon.ir.node import Node, Op
from inferon.ir.shape import Dim, count
from inferon.ir.types import Fixed, Float
from inferon.ir.values import Array, Values
from inferon.ops import arithmetic, bits, build, logic
from inferon.ops.base import Elementary
from inferon.ops.convert import Cast, Quantize
from inferon.ops.dot import Dot
from inferon.ops.evaluation import evaluate
from inferon.ops.indexing import Gather
from inferon.ops.mantissa import Overflow
from inferon.ops.movement import Broadcast, Concat, Pad, Reshape, Slice, Transpose
from inferon.ops.structure import Const
from inferon.ops.table import Table
from inferon.pipeline import BITS, Pass
from inferon.rewrite import rule
from inferon.stage import FLOAT

SMALL_ELEMENTS = 1024
"""A folded constant may have so many elements (4 kB of float32) where its inputs had fewer."""

ELEMENTWISE: tuple[type[Op], ...] = (
    arithmetic.Binary,
    arithmetic.Unary,
    arithmetic.Fma,
    arithmetic.Neg,
    arithmetic.Abs,
    bits.IntBinary,
    bits.Shift,
    bits.Bitcast,
    logic.Comparison,
    logic.Truth,
    logic.Select,
    Cast,
    Quantize,
    Table,
    Elementary,
)
"""Operators that work on each place alone, so that they commute with repetition."""


# --------------------------------------------------------------------------------------- constants


def constant_below(node: Node) -> Node | None:
    """Return the `Const` that a node is, or repeats; None where there is none."""
    below = node.inputs[0] if isinstance(node.op, Broadcast) else node
    return below if isinstance(below.op, Const) else None


@rule(Op)
def compute_constant(node: Node) -> Node | None:
    """f(constants) -> the constant that it is, if that is not much larger."""
    if not node.inputs or isinstance(node.op, Broadcast):
        return None
    found = [constant_below(each) for each in node.inputs]
    sources = [each for each in found if each is not None]
    if len(sources) < len(found):
        return None
    if isinstance(node.op, ELEMENTWISE):
        return _under_repetition(node, sources)
    if any(isinstance(size, Dim) for each in (node, *node.inputs) for size in each.type.shape):
        return None
    allowed = max(SMALL_ELEMENTS, sum(count(each.type.shape) for each in sources))
    return _computed(node) if count(node.type.shape) <= allowed else None


def _under_repetition(node: Node, sources: list[Node]) -> Node | None:
    """Return ``broadcast(op(constants))`` for ``op(broadcast(constant), ...)``."""
    shape = build.broadcast_shapes(*(each.type.shape for each in sources))
    value = _computed(
        Node(node.op, tuple(build.broadcast(each, shape) for each in sources), node.origin)
    )
    return None if value is None else build.broadcast(value, node.type.shape)


def _computed(node: Node) -> Node | None:
    """Return the value of a node that needs no input; None where `Overflow.ERROR` strikes."""
    try:
        value = evaluate((node,), {}, {})[node]
    except InvalidGraph:
        return None
    one = value.reshape(value.shape[1:])  # without the axis of events, which has size 1
    return Node(Const(Values(one), node.type.element), (), node.origin)


# ---------------------------------------------------------------------------------------- movement


@rule(Reshape)
def reshape_of_reshape(node: Node) -> Node | None:
    """reshape(reshape(x)) -> reshape(x)."""
    (x,) = node.inputs
    return build.reshape(x.inputs[0], node.type.shape) if isinstance(x.op, Reshape) else None


@rule(Transpose)
def transpose_of_transpose(node: Node) -> Node | None:
    """transpose(transpose(x)) -> transpose(x) by the product of the orders."""
    (x,) = node.inputs
    if isinstance(node.op, Transpose) and isinstance(x.op, Transpose):
        return build.transpose(x.inputs[0], [x.op.order[axis] for axis in node.op.order])
    return None


@rule(Transpose)
def transpose_of_ones(node: Node) -> Node | None:
    """transpose(x) -> reshape(x), where only axes of size 1 change places."""
    (x,) = node.inputs
    assert isinstance(node.op, Transpose)
    moved = [axis for axis in node.op.order if x.type.shape[axis] != 1]
    return build.reshape(x, node.type.shape) if moved == sorted(moved) else None


@rule(Broadcast)
def broadcast_of_broadcast(node: Node) -> Node | None:
    """broadcast(broadcast(x)) -> broadcast(x)."""
    (x,) = node.inputs
    return build.broadcast(x.inputs[0], node.type.shape) if isinstance(x.op, Broadcast) else None


@rule(Op)
def movement_that_moves_nothing(node: Node) -> Node | None:
    """reshape, transpose, broadcast, slice, pad and concat that return what they take."""
    match node.op:
        case Reshape() | Broadcast():
            still = node.type == node.inputs[0].type
        case Transpose(order):
            still = order == tuple(range(len(order)))
        case Slice(_, _, _, step):
            still = node.type == node.inputs[0].type and step == 1
        case Pad(_, before, after):
            still = before == after == 0
        case Concat():
            still = len(node.inputs) == 1
        case _:
            still = False
    return node.inputs[0] if still else None


# ------------------------------------------------------------------------------ conversion, choice


@rule(Cast)
def cast_to_own_type(node: Node) -> Node | None:
    """cast(x) -> x, where x has that type."""
    (x,) = node.inputs
    return x if x.type == node.type else None


@rule(Quantize)
def quantize_to_own_type(node: Node) -> Node | None:
    """quantize(x) -> x, where x has that type; but symmetric saturation has no lowest value."""
    (x,) = node.inputs
    assert isinstance(node.op, Quantize)
    loses = node.op.overflow is Overflow.SATURATE_SYMMETRIC and node.op.to.signed
    return x if x.type == node.type and not loses else None


@rule(logic.Select)
def select_by_constant(node: Node) -> Node | None:
    """select(true, a, b) -> a; select(false, a, b) -> b; select(c, a, a) -> a."""
    condition, a, b = node.inputs
    if a == b:
        return a
    known = constant_below(condition)
    array = None if known is None else build.array_of(known)
    if array is None or array.size == 0 or array.min() != array.max():
        return None
    chosen = a if array.flat[0] else b
    return chosen if chosen.type == node.type else None  # fixed point: the result may be wider


# -------------------------------------------------------------------------------- neutral operands


@rule(arithmetic.Binary)
def neutral_operand(node: Node) -> Node | None:
    """Keep x of ``x + -0``, ``x - +0``, ``x * 1``, ``x / 1``; not of ``x + +0``: -0 + +0 is +0."""
    if len(node.inputs) != 2:
        return None
    a, b = node.inputs
    match node.op:
        case arithmetic.Add():
            pairs, neutral = [(a, b), (b, a)], -0.0
        case arithmetic.Sub():
            pairs, neutral = [(a, b)], 0.0
        case arithmetic.Mul():
            pairs, neutral = [(a, b), (b, a)], 1.0
        case arithmetic.Div():
            pairs, neutral = [(a, b)], 1.0
        case _:
            return None
    return next((x for x, y in pairs if x.type == node.type and _is_all(y, neutral)), None)


def _is_all(node: Node, number: float) -> bool:
    """Return whether a node is a constant that holds nothing but the number, with its sign."""
    known = constant_below(node)
    array: Array | None = None if known is None else build.array_of(known)
    if array is None or not array.size:
        return False
    element = node.type.element
    if isinstance(element, Float):
        return bool(np.all((array == number) & (np.signbit(array) == np.signbit(number))))
    if isinstance(element, Fixed):
        return number == 0 and not array.any()  # fixed-point products change type anyway
    return bool(np.all(array == int(number)))


# ---------------------------------------------------------------------------------------- products


@rule(Dot)
def product_of_repeated_rows(node: Node) -> Node | None:
    """broadcast(x) . w -> broadcast(x . w), where rows of x are repeated."""
    op, (left, right) = node.op, node.inputs
    assert isinstance(op, Dot)
    if not isinstance(left.op, Broadcast):
        return None
    (x,) = left.inputs
    rank, first = left.type.rank, left.type.rank - op.contract
    ones = (*[1] * (rank - x.type.rank), *x.type.shape)
    rows = range(op.batch, first)
    once = tuple(ones[i] if i in rows else left.type.shape[i] for i in range(rank))
    if once == left.type.shape:
        return None
    product = Node(op, (build.broadcast(build.reshape(x, ones), once), right), node.origin)
    return build.broadcast(product, node.type.shape)


@rule(Dot)
def product_of_chosen_rows(node: Node) -> Node | None:
    """gather(x) . w -> gather(x . w), where more rows are chosen than x has."""
    op, (left, right) = node.op, node.inputs
    assert isinstance(op, Dot)
    choice = left.op
    if not isinstance(choice, Gather) or op.batch:
        return None
    x, where = left.inputs
    rows = x.type.rank - op.contract
    if choice.axis >= rows or count(where.type.shape[choice.batch :]) <= count(
        x.type.shape[choice.axis : choice.axis + 1]
    ):
        return None
    return build.gather(Node(op, (x, right), node.origin), where, choice.axis, batch=choice.batch)


FOLD = Pass(
    "fold",
    before=FLOAT,
    after=FLOAT,
    keeps=BITS,
    change=(
        movement_that_moves_nothing,
        reshape_of_reshape,
        transpose_of_transpose,
        transpose_of_ones,
        broadcast_of_broadcast,
        cast_to_own_type,
        quantize_to_own_type,
        select_by_constant,
        neutral_operand,
        compute_constant,
        product_of_repeated_rows,
        product_of_chosen_rows,
    ),
)
