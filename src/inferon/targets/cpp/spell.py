"""How C++ spells the operators.

One table from operator to the function of ``runtime.hpp`` that computes it.
"""

from __future__ import annotations

from inferon.ir.node import Op
from inferon.ir.types import Bool, Element, Float, Int
from inferon.ops import arithmetic, bits, convert, logic
from inferon.ops.base import Elementary
from inferon.ops.reduction import ReduceMax, ReduceMin, Reduction, Sum
from inferon.targets.cpp.code import scalar_type

FUNCTION: dict[type[Op], str] = {
    arithmetic.Add: "add",
    arithmetic.Sub: "sub",
    arithmetic.Mul: "mul",
    arithmetic.Div: "div",
    arithmetic.Max: "larger",
    arithmetic.Min: "smaller",
    arithmetic.Fma: "fma",
    arithmetic.Sqrt: "root",
    arithmetic.RoundEven: "round_even",
    arithmetic.Floor: "round_down",
    arithmetic.Neg: "neg",
    arithmetic.Abs: "absolute",
    logic.Less: "less",
    logic.LessEqual: "less_equal",
    logic.Equal: "equal",
    logic.And: "both",
    logic.Or: "either",
    logic.Not: "opposite",
    logic.Select: "select",
    bits.BitAnd: "bit_and",
    bits.BitOr: "bit_or",
    bits.BitXor: "bit_xor",
}

COMBINE: dict[type[Reduction], str] = {Sum: "add", ReduceMax: "larger", ReduceMin: "smaller"}

IN_REGISTERS = (Float(32), Int(True, 32), Bool())
"""Element types that have registers; the others are computed one by one."""


def function(op: Op, source: Element) -> str:
    """Return the function that computes an operator on a first operand of type ``source``."""
    match op:
        case Elementary():
            return f"elementary_{op.spelling()}"
        case bits.ShiftLeft(bits=by):
            return f"shift_left<{by}>"
        case bits.ShiftRight(bits=by):
            return f"shift_right<{by}>"
        case bits.Bitcast(to=to):
            return _bitcast(source, to)
        case convert.Cast(to=to):
            return _cast(source, to)
        case _:
            return FUNCTION[type(op)]


def _bitcast(source: Element, to: Element) -> str:
    pair = (str(source), str(to))
    if pair == ("f32", "i32"):
        return "float_bits"
    if pair == ("i32", "f32"):
        return "bits_float"
    return f"bits_of<{scalar_type(to)}>"


def _cast(source: Element, to: Element) -> str:
    pair = (str(source), str(to))
    if pair in (("i32", "f32"), ("bool", "f32")):
        return "to_float"
    if pair == ("f32", "i32"):
        return "to_int"
    if isinstance(to, Bool):
        return "nonzero"
    if isinstance(source, Float) and isinstance(to, Int):
        return f"truncated<{scalar_type(to)}>"
    return f"static_cast<{scalar_type(to)}>"


def in_registers(op: Op, source: Element, to: Element) -> bool:
    """Whether registers can compute the operator."""
    if source not in IN_REGISTERS or to not in IN_REGISTERS:
        return False
    if isinstance(source, Bool) and isinstance(op, logic.Comparison):
        return False
    if isinstance(op, bits.Bitcast) and source == to:
        return False
    return not (isinstance(op, arithmetic.Div) and isinstance(to, Int)) and not (
        isinstance(op, convert.Cast) and (str(source), str(to)) == ("bool", "i32")
    )
