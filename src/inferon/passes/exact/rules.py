"""Which rule gives a node's value; each family of operators registers its own in its file."""

from __future__ import annotations

import numpy as np

from inferon.ir.node import Node
from inferon.ir.types import Float
from inferon.ir.values import storage
from inferon.ops import arithmetic, convert
from inferon.ops.base import Primitive
from inferon.passes.exact import arithmetics, choices, movements
from inferon.passes.exact.curve import tabulated
from inferon.passes.exact.dyadic import (
    grid_of_numbers,
)
from inferon.passes.exact.movements import MOVEMENT, move
from inferon.passes.exact.operands import (
    Values,
    float_constant,
    number_array,
    rule,
)
from inferon.passes.exact.value import (
    Curve,
    Grid,
    NotExact,
    Numbers,
    Plain,
    Value,
)

FAMILIES = (arithmetics, movements, choices)
"""The files whose rules are registered when they are imported."""


def by_rule(node: Node, values: Values) -> Value | None:
    """Return a node's value by its rule, or as a table; None where neither is possible."""
    if isinstance(node.op, Primitive) and all(
        isinstance(each, Plain | Numbers) for each in values
    ):
        known = _of_machine_types(node, values)
        if known is not None:
            return known
    if not any(isinstance(each, Curve) for each in values):
        found = _by_own_rule(node, values)
        return found if found is not None else tabulated(node, values)
    if isinstance(node.op, MOVEMENT) and isinstance(values[0], Curve):
        index = move(node.op, node, (values[0].index,))
        assert isinstance(index, Grid)
        return Curve(index, values[0].entries)
    return tabulated(node, values)


def _by_own_rule(node: Node, values: Values) -> Value | None:
    """Return what the operator's rule gives; constants that fit no grid stay numbers."""
    try:
        return rule(node.op, node, values)
    except NotExact:
        arrays = [number_array(each) for each in values]
        if any(array is None for array in arrays) or not isinstance(node.op, Primitive):
            raise
        kinds = [storage(each.type.element) for each in node.inputs]
        pairs = zip(arrays, kinds, strict=True)
        return _computed(node, [Numbers(a.astype(kind)) for a, kind in pairs if a is not None])


def _of_machine_types(node: Node, values: Values) -> Value | None:
    """Return ints and truth values as they are; constants are computed."""
    if all(isinstance(each, Numbers) for each in values):
        return _computed(node, values)
    floats = [node, *(each.node for each in values if isinstance(each, Plain))]
    arrays = [each.array for each in values if isinstance(each, Numbers)]
    if any(isinstance(each.type.element, Float) for each in floats) or any(
        array.dtype.kind == "f" for array in arrays
    ):
        return None
    inputs = [
        each.node if isinstance(each, Plain) else float_constant(each.array)
        for each in values
        if isinstance(each, Plain | Numbers)
    ]
    return Plain(Node(node.op, tuple(inputs)))


def _computed(node: Node, values: Values) -> Value:
    """Return a constant; one that has been rounded to whole numbers is on a grid."""
    arrays = [each.array[None] for each in values if isinstance(each, Numbers)]
    types = tuple(each.type for each in node.inputs)
    assert isinstance(node.op, Primitive)
    array = np.asarray(node.op.reference(node.type, types, *arrays))[0]
    whole = isinstance(node.op, arithmetic.RoundEven | arithmetic.Floor)
    whole |= isinstance(node.op, convert.Cast) and not isinstance(
        node.inputs[0].type.element, Float
    )
    if whole and array.dtype.kind == "f" and np.isfinite(array).all():
        return grid_of_numbers(array, 62, "constants")
    return Numbers(array)
