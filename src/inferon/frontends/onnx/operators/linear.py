"""Matrix products: Gemm, MatMul."""

from __future__ import annotations

from inferon.frontends.onnx.call import Call, Refused, Table, is_float
from inferon.ir.node import Node
from inferon.ops import build as b
from inferon.ops.base import require


def _gemm(call: Call) -> Node:
    x, w = call.node(0), call.node(1)
    require(x.type.rank == 2 and w.type.rank == 2, "takes matrices, not {} and {}", x.type, w.type)
    x = b.transpose(x, (1, 0)) if call.integer("transA", 0) else x
    w = b.transpose(w, (1, 0)) if call.integer("transB", 0) else w
    product = b.product(x, w)
    alpha, beta = call.number("alpha", 1.0), call.number("beta", 1.0)
    product = _scaled(product, alpha)
    if not call.has(2) or beta == 0.0:
        return product
    return b.add(product, b.broadcast(_scaled(call.node(2), beta), product.type.shape))


def _scaled(x: Node, factor: float) -> Node:
    if factor == 1.0:
        return x
    if not is_float(x) and factor != int(factor):
        raise Refused(f"Gemm of {x.type.element} with the factor {factor:g}", "a whole factor")
    return b.mul(x, factor)


def _matmul(call: Call) -> Node:
    return multiplied(call.node(0), call.node(1))


def multiplied(x: Node, y: Node) -> Node:
    """Return what MatMul makes of two operands of any rank."""
    require(x.type.rank >= 1 and y.type.rank >= 1, "takes no scalars")
    if x.type.rank == 1:
        return _without_axis(
            matmul(b.expand(x, 0), y if y.type.rank > 1 else b.expand(y, 1)), -2, y.type.rank == 1
        )
    if y.type.rank == 1:
        return b.squeeze(matmul(x, b.expand(y, 1)), x.type.rank - 1)
    return matmul(x, y)


def _without_axis(x: Node, axis: int, both: bool) -> Node:
    x = b.squeeze(x, x.type.rank + axis)
    return b.squeeze(x, x.type.rank - 1) if both else x


def matmul(x: Node, y: Node) -> Node:
    """Return the product of stacks of matrices, whose leading axes broadcast."""
    if y.type.rank == 2:
        return b.product(x, y)
    lead = b.broadcast_shapes(x.type.shape[:-2], y.type.shape[:-2])
    x = b.broadcast(x, (*lead, *x.type.shape[-2:]))
    y = b.broadcast(y, (*lead, *y.type.shape[-2:]))
    return b.product(x, y, batch=len(lead))


TABLE: Table = {
    "Gemm": _gemm,
    "MatMul": _matmul,
}
