"""Print the decomposition of an elementary function as one C++ function of a float.

The straight line of scalar operations, one a node; g++ makes SIMD code of it in a loop.  For the
exhaustive check only: the C++ target prints whole models.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from inferon.ir.node import Node, ordered
from inferon.ir.types import BOOL, Float
from inferon.ops import arithmetic, bits, build, convert, logic
from inferon.ops.base import Elementary
from inferon.ops.structure import Const, Input

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
    arithmetic.Neg: lambda node, a: f"-{a[0]}",
    arithmetic.Sqrt: lambda node, a: f"std::sqrt({a[0]})",
    logic.Less: lambda node, a: f"{a[0]} < {a[1]}",
    logic.LessEqual: lambda node, a: f"{a[0]} <= {a[1]}",
    logic.Equal: lambda node, a: f"{a[0]} == {a[1]}",
    logic.Select: lambda node, a: f"{a[0]} ? {a[1]} : {a[2]}",
    bits.BitAnd: lambda node, a: f"{a[0]} & {a[1]}",
    bits.BitOr: lambda node, a: f"{a[0]} | {a[1]}",
    bits.BitXor: lambda node, a: f"{a[0]} ^ {a[1]}",
    bits.Bitcast: lambda node, a: f"bits<{_type(node)}>({a[0]})",
    bits.ShiftLeft: lambda node, a: (
        f"int32_t(uint32_t({a[0]}) << {node.op.bits})"  # type: ignore[attr-defined]
    ),
    convert.Cast: lambda node, a: f"{_type(node)}({a[0]})",
}


def straight_line(op: Elementary, name: str) -> str:
    """Return the C++ text of ``static inline float name(float)``; it needs `PRELUDE`."""
    x = build.input_("x", (), Float(32))
    result = op.decompose(x)
    names: dict[Node, str] = {}
    lines: list[str] = []
    for node in ordered((result,)):
        if isinstance(node.op, Input):
            names[node] = "x"
        elif isinstance(node.op, Const):
            names[node] = _literal(node.op)
        else:
            names[node] = f"v{len(lines)}"
            text = SPELLING[type(node.op)](node, tuple(names[each] for each in node.inputs))
            lines.append(f"    const {_type(node)} {names[node]} = {text};\n")
    body = "".join(lines)
    return f"static inline float {name}(float x) {{\n{body}    return {names[result]};\n}}\n"


def _wrapped(node: Node, symbol: str, a: tuple[str, ...]) -> str:
    if isinstance(node.type.element, Float):
        return f"{a[0]} {symbol} {a[1]}"
    return f"int32_t(uint32_t({a[0]}) {symbol} uint32_t({a[1]}))"


def _type(node: Node) -> str:
    if node.type.element == BOOL:
        return "bool"
    return "float" if isinstance(node.type.element, Float) else "int32_t"


def _literal(op: Const) -> str:
    array = op.values.array
    if array.dtype.kind == "i":
        return f"int32_t({int(array) & 0xFFFFFFFF:#x}u)"
    value = float(array)
    if math.isfinite(value):
        return f"{value.hex()}f" if value >= 0 else f"({value.hex()}f)"
    return f"bits<float>({int(np.float32(value).view(np.uint32)):#x}u)"
