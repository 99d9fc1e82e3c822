"""If: one branch where the condition is known, a choice of values where it is not."""

from __future__ import annotations

from inferon.errors import InvalidModel
from inferon.frontends.onnx.call import (
    Call,
    Nothing,
    Refused,
    Result,
    Several,
    Table,
    Value,
    constant_array,
)
from inferon.frontends.onnx.operators import loops, sequences
from inferon.ir.node import Node
from inferon.ir.shape import count
from inferon.ir.types import Bool
from inferon.ops import build as b
from inferon.ops.base import require


def _if(call: Call) -> Result:
    """Take one branch where the condition is constant; else compute both and choose."""
    condition = call.node(0)
    require(
        isinstance(condition.type.element, Bool) and count(condition.type.shape) == 1,
        "the condition is {}, not one truth",
        condition.type,
    )
    branches = [call.subgraph(name) for name in ("then_branch", "else_branch")]
    known = constant_array(condition)
    if known is not None and known.size == 1:
        return call.translate(branches[0 if known.all() else 1], ())
    yes, no = (call.translate(branch, ()) for branch in branches)
    if len(yes) != len(no):
        raise InvalidModel(
            f"layer {call.layer.label}: its branches give {len(yes)} and {len(no)} results"
        )
    return [_choice(condition, *pair) for pair in zip(yes, no, strict=True)]


def _choice(condition: Node, yes: Value, no: Value) -> Value:
    """Return one of two values at run time."""
    if yes == no:
        return yes
    if isinstance(yes, Several) and isinstance(no, Several) and len(yes.parts) == len(no.parts):
        parts = [_chosen(condition, *pair) for pair in zip(yes.parts, no.parts, strict=True)]
        return Several(tuple(parts), yes.element)
    return _chosen(condition, yes, no)


def _chosen(condition: Node, yes: Value, no: Value) -> Node:
    if not isinstance(yes, Node) or not isinstance(no, Node) or yes.type != no.type:
        raise Refused(
            f"an If whose branches give {_shown(yes)} and {_shown(no)}",
            "branches that agree in type and shape, or a condition that is bound: load(bind=...)",
        )
    return b.select(b.broadcast(b.reshape(condition, ()), yes.type.shape), yes, no)


def _shown(value: Value) -> str:
    if isinstance(value, Several):
        return f"a sequence of {len(value.parts)}"
    if isinstance(value, Nothing):
        return "an optional value that is left out"
    return str(value.type) if isinstance(value, Node) else "a run-time size"


TABLE: Table = {"If": _if, **loops.TABLE, **sequences.TABLE}
