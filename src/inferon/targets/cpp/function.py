"""Elementary functions: each is printed once for each format, from its decomposition."""

from __future__ import annotations

from collections.abc import Iterable

from inferon.ir.node import Node, ordered
from inferon.ir.shape import Tensor
from inferon.ir.types import FLOAT32, Element, Float
from inferon.ops import logic
from inferon.ops.base import Elementary
from inferon.ops.structure import Const, Input
from inferon.targets.cpp import spell
from inferon.targets.cpp.code import Call, Expr, Function, Let, Name, Number, Return, Stmt
from inferon.targets.cpp.region import (
    Blocked,
    Compute,
    Deposit,
    Map,
    Product,
    Reduce,
    Region,
    Repeat,
    Term,
    parts,
)

Used = tuple[Elementary, Element]
"""An elementary operator and the format on which it is used."""


def elementary(op: Elementary, element: Element) -> Function:
    """Return the function of an elementary operator, printed from its decomposition.

    That of float32 takes values or registers, that of float64 values.
    """
    inputs = _inputs(op, element)
    root = op.decompose(*inputs)
    operands = [node.op.name for node in inputs if isinstance(node.op, Input)]
    names: dict[Node, Expr] = {n: Name(x) for n, x in zip(inputs, operands, strict=True)}
    statements: list[Stmt] = []
    steps = ordered((root,))
    read = {each for node in steps for each in _read(node)}
    for node in steps:
        if node in names or (node not in read and node is not root):
            continue
        if isinstance(node.op, Const):
            number = Number(node.op.values.array.item(), node.type.element)
            names[node] = (
                Call("like", (Name(operands[0]), number)) if element == FLOAT32 else number
            )
            continue
        kind, given = node.inputs[0].type.element, tuple(names[i] for i in _read(node))
        if spell.is_doubling(node.op, kind) and node.inputs[0] == node.inputs[1]:
            given = (Call(spell.OPAQUE, given[:1]), given[1])
        called = spell.AT_LEAST if _is_at_least(node) else spell.function(node.op, kind)
        call = Call(called, given)
        name = f"t{len(statements)}"
        statements.append(Let(name, call))
        names[node] = Name(name)
    name = spell.function(op, element)
    remark = f"{op.spelling()}: at most {op.ulp_in(element)} ULP from the exact result"
    value = "V" if element == FLOAT32 else "double"
    head = f"INFERON_INLINE {value} {name}({', '.join(f'{value} {x}' for x in operands)})"
    if element == FLOAT32:
        head = f"template <class V>\n{head}"
    return Function(head, remark, (*statements, Return(names[root])))


def _read(node: Node) -> tuple[Node, ...]:
    """Return what the printed form of a node reads."""
    return node.inputs[:0:-1] if _is_at_least(node) else node.inputs


def _is_at_least(node: Node) -> bool:
    """Return whether a node is ``x < low ? low : x``, which has a form of its own."""
    if not isinstance(node.op, logic.Select) or not isinstance(node.type.element, Float):
        return False
    condition, low, x = node.inputs
    return isinstance(condition.op, logic.Less) and condition.inputs == (x, low)


def _inputs(op: Elementary, element: Element) -> tuple[Node, ...]:
    return tuple(Node(Input(name, Tensor((), element))) for name in op.operands)


def elementary_used(regions: Iterable[Region]) -> list[Used]:
    """Return the elementary operators of all terms and of those operators, in order of need."""
    found: dict[Used, None] = {}

    def visit(term: Term) -> None:
        for part in parts(term):
            if isinstance(part, Compute) and isinstance(part.op, Elementary):
                _with_parts((part.op, part.element), found)

    for region in regions:
        match region:
            case Map() | Reduce() | Product() | Deposit():
                visit(region.term)
            case Repeat(body=body):
                found.update(dict.fromkeys(elementary_used(body)))
            case Blocked(body=blocks):
                found.update(dict.fromkeys(elementary_used(each.region for each in blocks)))
    return list(found)


def needed(functions: Iterable[Used]) -> list[Used]:
    """Return elementary operators with those that they are made of, in order of need."""
    found: dict[Used, None] = {}
    for used in functions:
        _with_parts(used, found)
    return list(found)


def _with_parts(used: Used, found: dict[Used, None]) -> None:
    op, element = used
    for node in ordered((op.decompose(*_inputs(op, element)),)):
        if isinstance(node.op, Elementary):
            _with_parts((node.op, node.type.element), found)
    found.setdefault(used)
