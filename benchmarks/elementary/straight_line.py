"""Print the decomposition of an elementary function as one C++ function of a float.

The straight line of scalar operations, one a node; g++ makes SIMD code of it in a loop.  For the
exhaustive check only: the C++ target prints whole models.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from inferon.ir.node import Node, ordered
from inferon.ir.types import BOOL, FLOAT32, FLOAT64, INT32, INT64, Element, Float
from inferon.ops import arithmetic, bits, build, convert, logic
from inferon.ops.base import Elementary
from inferon.ops.structure import Const

PRELUDE = """\
#include <cmath>
#include <cstdint>
#include <cstring>

template <class To, class From>
static inline To bits(From value) {
    To result;
    static_assert(sizeof result == sizeof value, "same width");
    std::memcpy(&result, &value, sizeof result);
    return result;
}
"""

SPELLING: dict[type, Callable[[Node, tuple[str, ...]], str]] = {
    arithmetic.Add: lambda node, a: _wrapped(node, "+", a),
    arithmetic.Sub: lambda node, a: _wrapped(node, "-", a),
    arithmetic.Mul: lambda node, a: f"{a[0]} * {a[1]}",
    arithmetic.Div: lambda node, a: f"{a[0]} / {a[1]}",
    arithmetic.Fma: lambda node, a: f"std::fma({', '.join(a)})",
    arithmetic.Abs: lambda node, a: f"std::fabs({a[0]})",
    arithmetic.Neg: lambda node, a: _negative(node, a[0]),
    arithmetic.Max: lambda node, a: _extreme(node, ">", a),
    arithmetic.Min: lambda node, a: _extreme(node, "<", a),
    arithmetic.Floor: lambda node, a: f"std::floor({a[0]})",
    arithmetic.Sqrt: lambda node, a: f"std::sqrt({a[0]})",
    logic.Less: lambda node, a: f"{a[0]} < {a[1]}",
    logic.LessEqual: lambda node, a: f"{a[0]} <= {a[1]}",
    logic.Equal: lambda node, a: f"{a[0]} == {a[1]}",
    logic.And: lambda node, a: f"{a[0]} && {a[1]}",
    logic.Or: lambda node, a: f"{a[0]} || {a[1]}",
    logic.Not: lambda node, a: f"!{a[0]}",
    logic.Select: lambda node, a: f"{a[0]} ? {a[1]} : {a[2]}",
    bits.BitAnd: lambda node, a: f"{a[0]} & {a[1]}",
    bits.BitOr: lambda node, a: f"{a[0]} | {a[1]}",
    bits.BitXor: lambda node, a: f"{a[0]} ^ {a[1]}",
    bits.Bitcast: lambda node, a: f"bits<{_type(node)}>({a[0]})",
    bits.ShiftLeft: lambda node, a: (
        f"{_type(node)}(u{_type(node)}({a[0]}) << {node.op.bits})"  # type: ignore[attr-defined]
    ),
    bits.ShiftRight: lambda node, a: f"{a[0]} >> {node.op.bits}",  # type: ignore[attr-defined]
    convert.Cast: lambda node, a: f"{_type(node)}({a[0]})",
}


def straight_line(op: Elementary, name: str, element: Float = FLOAT32) -> str:
    """Return the C++ text of ``static inline float name(float)``; it needs `PRELUDE`."""
    inputs = tuple(build.input_(each, (), element) for each in op.operands)
    result = op.decompose(*inputs)
    names: dict[Node, str] = dict(zip(inputs, op.operands, strict=True))
    lines: list[str] = []
    for node in ordered((result,)):
        if node in names:
            continue
        if isinstance(node.op, Const):
            names[node] = _literal(node)
        else:
            names[node] = f"v{len(lines)}"
            text = SPELLING[type(node.op)](node, tuple(names[each] for each in node.inputs))
            lines.append(f"    const {_type(node)} {names[node]} = {text};\n")
    kind = _type(inputs[0])
    parameters = ", ".join(f"{kind} {each}" for each in op.operands)
    body = "".join(lines)
    return f"static inline {kind} {name}({parameters}) {{\n{body}    return {names[result]};\n}}\n"


def _extreme(node: Node, symbol: str, a: tuple[str, ...]) -> str:
    is_nan = f" || {a[0]} != {a[0]}" if isinstance(node.type.element, Float) else ""
    return f"{a[0]} {symbol} {a[1]}{is_nan} ? {a[0]} : {a[1]}"


def _wrapped(node: Node, symbol: str, a: tuple[str, ...]) -> str:
    if isinstance(node.type.element, Float):
        return f"{a[0]} {symbol} {a[1]}"
    kind = _type(node)
    return f"{kind}(u{kind}({a[0]}) {symbol} u{kind}({a[1]}))"


def _negative(node: Node, a: str) -> str:
    return f"-{a}" if isinstance(node.type.element, Float) else _wrapped(node, "-", ("0", a))


def _type(node: Node) -> str:
    return _TYPES[node.type.element]


_TYPES: dict[Element, str] = {
    BOOL: "bool",
    FLOAT32: "float",
    FLOAT64: "double",
    INT32: "int32_t",
    INT64: "int64_t",
}


def _literal(node: Node) -> str:
    number, kind = build.array_of(node), _type(node)
    assert number is not None
    if number.dtype.kind == "i":
        return f"{kind}({int(number) & (1 << 8 * number.itemsize) - 1:#x}u)"
    value, suffix = float(number), "f" if kind == "float" else ""
    if math.isfinite(value):
        return f"({value.hex()}{suffix})"
    return f"bits<{kind}>({int(number.view(f'u{number.itemsize}')):#x}u)"
