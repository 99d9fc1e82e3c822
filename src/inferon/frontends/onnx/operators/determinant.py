"""Det: the determinant of small matrices."""

from __future__ import annotations

from inferon.frontends.onnx.call import Call, Refused, Table, fixed_shape
from inferon.ir.node import Node
from inferon.ops import build as b
from inferon.ops.base import require
from inferon.ops.determinant import Determinant

MAX_ROWS = 32
"""The elimination is written out: a dozen steps for each row."""


def _det(call: Call) -> Node:
    x = call.node(0)
    require(x.type.rank >= 2, "{} is no matrix", x.type)
    rows = fixed_shape(x, "Det")[-1]
    if rows > MAX_ROWS:
        raise Refused(f"the determinant of {rows} rows", f"at most {MAX_ROWS}")
    return b.apply(Determinant(), x)


TABLE: Table = {
    "Det": _det,
}
