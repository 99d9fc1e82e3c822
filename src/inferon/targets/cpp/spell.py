"""How C++ spells the operators: from operator to a function of the runtime (``text/``)."""

from __future__ import annotations

from inferon.ir.node import Op
from inferon.ir.types import FLOAT32, Bool, Element, Fixed, Float, Int
from inferon.ops import arithmetic, bits, convert, logic
from inferon.ops.base import Elementary
from inferon.ops.mantissa import common_fraction
from inferon.ops.reduction import LargestNumber, ReduceMax, ReduceMin, Reduction, Sum
from inferon.ops.scatter import Combine
from inferon.targets.cpp.code import scalar_type
from inferon.targets.cpp.gaps import ALIGNED
from inferon.targets.cpp.region import Compute, Term, parts

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

AT_LEAST = "at_least"
"""``x < low ? low : x``, in registers one instruction; x where either is NaN."""

COMBINE: dict[type[Reduction], str] = {
    Sum: "add",
    ReduceMax: "larger",
    LargestNumber: AT_LEAST,
    ReduceMin: "smaller",
}

MEET: dict[Combine, str] = {
    Combine.REPLACE: "",
    Combine.ADD: "add",
    Combine.MUL: "mul",
    Combine.MIN: "smaller",
    Combine.MAX: "larger",
}
"""What an element and its update go through; an update that replaces needs nothing."""

OPAQUE = "opaque"
"""Hides from the compiler where a float comes from."""


RECTIFIED = "rectified"
"""``x < 0 ? 0 : x``, in registers one instruction."""


def is_doubling(op: Op, element: Element) -> bool:
    """Return whether an operator on one value twice is a product to the compiler.

    g++ reads ``x + x`` as ``2 * x`` and contracts that with an addition behind it; where ``x + x``
    overflows, the sum then does not.
    """
    return isinstance(op, arithmetic.Add) and isinstance(element, Float)


IN_REGISTERS = (Float(32), Int(True, 32), Bool())
"""Element types that have registers; the others are computed one by one."""


def function(op: Op, source: Element) -> str:
    """Return the function that computes an operator on a first operand of type ``source``."""
    match op:
        case Elementary():
            return f"elementary_{op.spelling()}{'' if source == FLOAT32 else f'_{source}'}"
        case bits.ShiftLeft(bits=by):
            return f"shift_left<{by}>"
        case bits.ShiftRight(bits=by):
            return f"shift_right<{by}>"
        case bits.Bitcast(to=to):
            return _bitcast(source, to)
        case convert.Cast(to=to):
            return _cast(source, to)
        case convert.Quantize():
            return _quantize(op, source)
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
    if isinstance(source, Fixed):
        return f"stepped<{scalar_type(to)}, {source.fraction}>"
    if isinstance(to, Bool):
        return "nonzero"
    if isinstance(source, Float) and isinstance(to, Int):
        return f"truncated<{scalar_type(to)}>"
    return f"static_cast<{scalar_type(to)}>"


def _quantize(op: convert.Quantize, source: Element) -> str:
    """Return ``quantized<rounding, overflow, width, signed, bits dropped>`` or its float form."""
    to = op.to
    rounding = f"Rounding::{op.rounding.name.lower()}"
    options = f"{rounding}, Overflow::{op.overflow.name.lower()}, {to.width}, {_truth(to.signed)}"
    if isinstance(source, Float):
        return f"quantized_real<{options}, {to.fraction}>"
    dropped = (source.fraction if isinstance(source, Fixed) else 0) - to.fraction
    return f"quantized<{options}, {dropped}>"


def _truth(value: bool) -> str:
    return "true" if value else "false"


def aligned(op: Op, sources: tuple[Element, ...]) -> list[str]:
    """Return, for each operand, the function that brings it to the common step, or nothing."""
    fixed = [element for element in sources if isinstance(element, Fixed)]
    if not isinstance(op, ALIGNED) or not fixed:
        return [""] * len(sources)
    fraction = common_fraction(*fixed)
    gaps = [fraction - e.fraction if isinstance(e, Fixed) else 0 for e in sources]
    return [f"shift_left<{gap}>" if gap else "" for gap in gaps]


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


def fits_registers(term: Term) -> bool:
    """Whether every part of a term can be computed in registers."""
    return all(_fits(part) for part in parts(term))


def _fits(part: Term) -> bool:
    if part.element not in IN_REGISTERS:
        return False
    if not isinstance(part, Compute):
        return True
    return in_registers(part.op, part.arguments[0].element, part.element)
