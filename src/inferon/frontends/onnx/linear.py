"""Matrix products: Gemm, MatMul, Einsum."""

from __future__ import annotations

from inferon.frontends.onnx.call import Call, Refused, Table
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
    if alpha != 1.0:
        product = b.mul(product, alpha)
    if not call.has(2) or beta == 0.0:
        return product
    bias = call.node(2) if beta == 1.0 else b.mul(call.node(2), beta)
    return b.add(product, b.broadcast(bias, product.type.shape))


def _matmul(call: Call) -> Node:
    x, y = call.node(0), call.node(1)
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


def _einsum(call: Call) -> Node:
    equation = call.text("equation", "").replace(" ", "")
    nodes = call.nodes()
    if "." in equation or "->" not in equation or not 1 <= len(nodes) <= 2:
        raise Refused(
            "Einsum with '...', an implicit result, or more than two operands",
            "one or two operands, 'ij,jk->ik'",
        )
    left, result = equation.split("->")
    terms = left.split(",")
    require(len(terms) == len(nodes), "{} names {} operands", equation, len(terms))
    for term, node in zip([*terms, result], [*nodes, None], strict=True):
        if len(set(term)) != len(term):
            raise Refused(
                f"Einsum with a repeated letter in {term}", "a diagonal taken beforehand"
            )
        require(node is None or node.type.rank == len(term), "{} does not fit its operand", term)
    needed = [set(result).union(*terms[:i], *terms[i + 1 :]) for i in range(len(terms))]
    reduced = [
        _summed(node, term, keep) for node, term, keep in zip(nodes, terms, needed, strict=True)
    ]
    value, letters = (
        reduced[0] if len(reduced) == 1 else _contracted(*reduced[0], *reduced[1], result)
    )
    require(set(result) <= set(letters), "{} asks for an unknown letter", equation)
    return b.transpose(value, [letters.index(letter) for letter in result])


def _summed(x: Node, term: str, keep: set[str]) -> tuple[Node, str]:
    """Sum over the letters that no one else has."""
    axes = [axis for axis, letter in enumerate(term) if letter not in keep]
    return (b.sum_(x, axes), "".join(c for c in term if c in keep)) if axes else (x, term)


def _contracted(x: Node, x_term: str, y: Node, y_term: str, result: str) -> tuple[Node, str]:
    """Return the product of two operands and the letters of its axes."""
    shared = [letter for letter in x_term if letter in y_term]
    batch = "".join(letter for letter in shared if letter in result)
    inner = "".join(letter for letter in shared if letter not in result)
    rows = "".join(letter for letter in x_term if letter not in shared)
    columns = "".join(letter for letter in y_term if letter not in shared)
    if not inner:  # an outer product: contract a new axis of size 1
        x, y, x_term, y_term, inner = (
            b.expand(x, 0),
            b.expand(y, 0),
            "." + x_term,
            "." + y_term,
            ".",
        )
    left = b.transpose(x, [x_term.index(letter) for letter in batch + rows + inner])
    right = b.transpose(y, [y_term.index(letter) for letter in batch + inner + columns])
    return b.product(left, right, batch=len(batch), contract=len(inner)), batch + rows + columns


TABLE: Table = {
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Einsum": _einsum,
}
