"""How each operator becomes wires: one function an operator, on arrays of scalars.

Each family of operators registers its functions in its own file.
"""

from __future__ import annotations

from functools import singledispatch

from inferon.ir.node import Op
from inferon.ir.values import Array
from inferon.passes.unroll.step import Step


@singledispatch
def lower(op: Op, step: Step) -> Array:
    """Return the wires of an operator's result."""
    raise step.gap(f"firmware has no {op.spelling()}")


def is_known(op: Op) -> bool:
    """Return whether an operator has wires."""
    return lower.dispatch(type(op)) is not lower.dispatch(object)
