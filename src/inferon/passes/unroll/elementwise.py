"""Operators on each element alone: arithmetic, comparisons, choices, rounding, tables."""

from __future__ import annotations

import numpy as np

from inferon.ir.node import Node
from inferon.ir.types import Fixed, Int
from inferon.ir.values import Array, Values, storage
from inferon.ops import arithmetic, logic
from inferon.ops.convert import Quantize
from inferon.ops.dot import Dot
from inferon.ops.structure import Const
from inferon.ops.table import Table
from inferon.passes.unroll.linear import Affine, affine, multiples, product, products
from inferon.passes.unroll.lower import lower
from inferon.passes.unroll.step import Step
from inferon.passes.unroll.wiring import wire_type


@lower.register
def _elementwise(
    op: arithmetic.Sub
    | arithmetic.Max
    | arithmetic.Min
    | arithmetic.Neg
    | arithmetic.Abs
    | logic.Comparison
    | logic.Truth
    | logic.Select
    | Quantize,
    step: Step,
) -> Array:
    return step.elementwise(op, *step.inputs)


@lower.register
def _add(op: arithmetic.Add, step: Step) -> Array:
    found = affine(step.node)
    if found is None or found.product in step.wires:  # others need the product alone
        return step.elementwise(op, *step.inputs)
    return products(found, step)


@lower.register
def _dot(op: Dot, step: Step) -> Array:
    return products(Affine(step.node, None), step)


@lower.register
def _mul(op: arithmetic.Mul, step: Step) -> Array:
    """Return products; those with constants become adders, those with one bit a choice."""
    a, b = (each.ravel() for each in step.inputs)
    made = np.empty(a.size, object)
    by_constants: dict[Node, list[int]] = {}
    for i, (x, y) in enumerate(zip(a, b, strict=True)):
        if isinstance(x.op, Const) or isinstance(y.op, Const):
            by_constants.setdefault(y if isinstance(x.op, Const) else x, []).append(i)
        else:
            made[i] = product(x, y, step)
    for wire, places in by_constants.items():
        factors = [a[i] if isinstance(a[i].op, Const) else b[i] for i in places]
        made[places] = multiples(wire, factors, step)
    return made.reshape(step.shape)


@lower.register
def _table(op: Table, step: Step) -> Array:
    """Return the entries; each belongs to a mantissa in the type of the tensor."""
    element = step.node.inputs[0].type.element
    (wires,) = step.inputs
    made = np.empty(wires.size, object)
    op = _of_fixed_point(op)
    for i, wire in enumerate(wires.flat):
        made[i] = step.apply(op, step.wiring.typed(wire, element))
    return made.reshape(wires.shape)


def _of_fixed_point(op: Table) -> Table:
    """Return a table of integers as one of fixed point."""
    if not isinstance(op.element, Int):
        return op
    element = wire_type(op.element)
    assert isinstance(element, Fixed)
    return Table(Values(op.entries.array.astype(storage(element))), element)
