"""Elementary functions: each is printed once, from its decomposition."""

from __future__ import annotations

from collections.abc import Iterable

from inferon.ir.node import Node, ordered
from inferon.ir.shape import Tensor
from inferon.ir.types import FLOAT32
from inferon.ops.base import Elementary
from inferon.ops.structure import Const, Input
from inferon.targets.cpp import spell
from inferon.targets.cpp.code import Call, Expr, Function, Let, Name, Number, Return, Stmt
from inferon.targets.cpp.region import Compute, Deposit, Map, Product, Reduce, Region, Repeat, Term


def elementary(op: Elementary) -> Function:
    """Return the function of an elementary operator, printed from its decomposition."""
    x = Node(Input("x", Tensor((), FLOAT32)))
    root = op.decompose(x)
    names: dict[Node, Expr] = {x: Name("x")}
    statements: list[Stmt] = []
    for node in ordered((root,)):
        if node in names:
            continue
        if isinstance(node.op, Const):
            number = Number(node.op.values.array.item(), node.type.element)
            names[node] = Call("like", (Name("x"), number))
            continue
        call = Call(
            spell.function(node.op, node.inputs[0].type.element),
            tuple(names[i] for i in node.inputs),
        )
        name = f"t{len(statements)}"
        statements.append(Let(name, call))
        names[node] = Name(name)
    remark = f"{op.spelling()}: at most {op.ulp} ULP from the exact result"
    head = f"template <class V>\nINFERON_INLINE V elementary_{op.spelling()}(V x)"
    return Function(head, remark, (*statements, Return(names[root])))


def elementary_used(regions: Iterable[Region]) -> list[Elementary]:
    """Return the elementary operators of all terms and of those operators, in order of need."""
    found: dict[Elementary, None] = {}

    def visit(term: Term) -> None:
        if isinstance(term, Compute):
            for each in term.arguments:
                visit(each)
            if isinstance(term.op, Elementary):
                _with_parts(term.op, found)

    for region in regions:
        match region:
            case Map() | Reduce() | Product() | Deposit():
                visit(region.term)
            case Repeat(body=body):
                found.update(dict.fromkeys(elementary_used(body)))
    return list(found)


def _with_parts(op: Elementary, found: dict[Elementary, None]) -> None:
    for node in ordered((op.decompose(Node(Input("x", Tensor((), FLOAT32)))),)):
        if isinstance(node.op, Elementary):
            _with_parts(node.op, found)
    found.setdefault(op)
