"""Composites become primitives; elementary functions stay whole, for targets to print."""

from __future__ import annotations

from inferon.ir.node import Node
from inferon.ops.base import Composite, Elementary
from inferon.pipeline import BITS, Pass
from inferon.rewrite import rule
from inferon.stage import FLOAT, SOURCE


@rule(Composite)
def decompose_composite(node: Node) -> Node | None:
    """Replace a composite by its decomposition."""
    if isinstance(node.op, Elementary):
        return None
    assert isinstance(node.op, Composite)
    return node.op.decompose(*node.inputs)


DECOMPOSE = Pass(
    "decompose", before=SOURCE, after=FLOAT, keeps=BITS, change=(decompose_composite,)
)
