"""Functions of narrow values as tables: every value of the type goes through the float layers.

The entries are computed by the interpreter in the model's floats, so that behind the next
quantizer a table gives what the float model gives, bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from inferon.ir.node import Node
from inferon.ir.types import Fixed, Float, Int
from inferon.ir.values import Array, Values, storage
from inferon.ops import activation, arithmetic, convert, quantization
from inferon.ops import build as b
from inferon.ops.base import Elementary
from inferon.ops.evaluation import evaluate
from inferon.ops.table import Table
from inferon.passes.exact.dyadic import grid
from inferon.passes.exact.value import Curve, Grid, NotExact, Numbers, Value, uniform

MAX_INDEX_BITS = 12
"""A table of 4096 entries: past it logic is larger than the function (hls4ml takes 1024)."""

MAX_ENTRY_BITS = 16
"""Entries that are whole numbers of so few bits count as quantized."""

OUTPUT_BITS = 24
"""A function that is an output keeps as many bits as float32 has for its largest value."""


ELEMENTWISE = (
    *(arithmetic.Binary, arithmetic.Fma, arithmetic.Unary, arithmetic.Neg, arithmetic.Abs),
    *(convert.Cast, quantization.Whole, Elementary),
    *(activation.Relu, activation.LeakyRelu, activation.Elu, activation.Selu, activation.Celu),
    *(activation.Gelu, activation.Silu, activation.Softplus, activation.Softsign, activation.Mish),
    *(activation.HardSigmoid, activation.HardSwish, activation.Clip),
)
"""Operators of which each element of the result depends on the same element of the operands."""


def tabulated(node: Node, values: Sequence[Value]) -> Curve | Grid | None:
    """Return an elementwise operator on one narrow value and numbers; None where it is no such."""
    index = _index(values) if isinstance(node.op, ELEMENTWISE) else None
    if index is None or node.type.shape != index.node.type.shape:
        return None
    kinds = [_float_of(each) for each in node.inputs]
    columns = [_column(each, index, kind) for each, kind in zip(values, kinds, strict=True)]
    if any(each is None for each in columns):
        return None
    arrays = [b.constant(each) for each in columns if each is not None]
    applied = Node(node.op, tuple(arrays))
    entries = np.asarray(evaluate((applied,), {}, {})[applied][0])
    if not isinstance(applied.type.element, Float):
        return None
    curve = Curve(replace(index, offset=None), entries)
    return quantized(curve) or curve


def _index(values: Sequence[Value]) -> Grid | None:
    """Return the one narrow value that all operands are functions of."""
    found: Grid | None = None
    for each in values:
        here = each.index if isinstance(each, Curve) else each
        if isinstance(here, Numbers):
            continue
        if not isinstance(here, Grid) or here.fixed.width > MAX_INDEX_BITS or here.scale is None:
            return None
        if here.offset is not None and uniform(here.offset) is None:
            return None
        if found is not None and found.node != here.node:
            return None
        found = here
    return found


def _float_of(node: Node) -> np.dtype[Any]:
    """Return the float in which the float model has an operand."""
    element = node.type.element
    return storage(element) if isinstance(element, Float) else np.dtype(np.float32)


def _column(value: Value, index: Grid, kind: np.dtype[Any]) -> Array | None:
    """Return an operand for every value of the index."""
    fixed = index.fixed
    if isinstance(value, Curve):
        return value.entries
    if isinstance(value, Grid):
        assert value.scale is not None
        mantissas = np.arange(fixed.lowest, fixed.highest + 1, dtype=np.float64)
        numbers = (mantissas * value.resolution * value.scale).astype(kind)
        offset = None if value.offset is None else uniform(value.offset)
        return numbers if offset is None else numbers + kind.type(offset)
    assert isinstance(value, Numbers)
    number = uniform(value.array)
    if number is None:
        return None
    return np.full(fixed.highest - fixed.lowest + 1, number, value.array.dtype)


def quantized(curve: Curve) -> Grid | None:
    """Return a curve whose entries are whole numbers as a table, else None."""
    entries = curve.entries
    if not np.all(np.isfinite(entries)) or np.any(entries != np.rint(entries)):
        return None
    if np.abs(entries).max(initial=0) >= 2.0**MAX_ENTRY_BITS:
        return None
    return _table(curve, 0)


def _table(curve: Curve, fraction: int) -> Grid:
    whole = np.rint(np.ldexp(curve.entries.astype(np.float64), fraction)).astype(np.int64)
    fixed = Fixed.holding(int(whole.min()), int(whole.max()), fraction)
    op = Table(Values(whole.astype(storage(fixed))), fixed)
    return grid(Node(op, (curve.index.node,)), np.ones(()))


def as_output(curve: Curve) -> Grid:
    """Return a curve that nothing quantizes, at 24 bits for its largest entry."""
    if not np.all(np.isfinite(curve.entries)):
        raise NotExact("a function that is infinite or NaN somewhere", "a quantizer before it")
    largest = float(np.abs(curve.entries).max(initial=0.0))
    exponent = int(np.frexp(largest)[1]) if largest else 0
    return _table(curve, OUTPUT_BITS - exponent)


def as_int(x: Grid, element: Int) -> Node:
    """Return a narrow grid of whole numbers as machine integers: a table from one to the other."""
    fixed, scale = x.fixed, x.scale
    if fixed.width > MAX_ENTRY_BITS or scale is None:
        raise NotExact(f"integers of {fixed} as {element}", "integers of at most 16 bits")
    mantissas = np.arange(fixed.lowest, fixed.highest + 1)
    whole = np.rint(mantissas * x.resolution * scale).astype(np.int64)
    held = np.clip(whole, element.lowest, element.highest).astype(storage(element))
    return Node(Table(Values(held), element), (x.node,))
