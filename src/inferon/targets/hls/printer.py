"""The printer: the one place that knows the punctuation of C++ and where directives stand."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from inferon.ir.types import Bool, Element, Fixed, Int
from inferon.targets.hls.code import (
    Accumulate,
    Affine,
    Array,
    As,
    Assign,
    Before,
    Between,
    Call,
    Choice,
    Constant,
    Do,
    Expr,
    For,
    Function,
    If,
    Ignore,
    Item,
    Let,
    Looked,
    Name,
    Number,
    Parameter,
    Plain,
    Rounded,
    Stmt,
    Variable,
)
from inferon.targets.hls.dialect import Spelling
from inferon.targets.hls.naming import alias

DOUBLE_BITS = 53
"""Significant bits of a double: numbers with more are written as a sum."""

NUMBERS_A_LINE = 12


@dataclass(frozen=True, slots=True)
class Printer:
    """Prints the loop-level form in one dialect."""

    spelling: Spelling

    def expression(self, expr: Expr) -> str:
        """Return an expression; what stands inside of another is bracketed where it needs it."""
        match expr:
            case Name(text):
                return text
            case Number(value, element):
                return _number(value, element)
            case Plain(place):
                return _place(place)
            case Item(array, place):
                return f"{array}[{_place(place)}]"
            case Looked(array, at):
                return f"{array}[{self.expression(at)}]"
            case Between(operator, left, right):
                return f"{self.inner(left)} {operator.value} {self.inner(right)}"
            case Before(operator, value):
                return f"{operator.value}{self.inner(value)}"
            case As(element, value):
                return f"{alias(element)}({self.expression(value)})"
            case Rounded(quantize, source, value):
                return self.spelling.rounded(quantize, source, self.expression(value))
            case Choice(condition, yes, no):
                return f"{self.inner(condition)} ? {self.inner(yes)} : {self.inner(no)}"
            case Call(function, arguments):
                return f"{function.value}({', '.join(map(self.expression, arguments))})"

    def inner(self, expr: Expr) -> str:
        """Return an expression as an operand."""
        text = self.expression(expr)
        is_long = isinstance(expr, Between | Before | Choice | Plain) and not text.isalnum()
        return f"({text})" if is_long else text

    def statements(self, statements: Iterable[Stmt], indent: int = 1) -> Iterator[str]:
        """Yield the lines of some statements."""
        pad = "  " * indent
        for each in statements:
            match each:
                case Let(name, element, value, remark):
                    line = f"const {_type(element)} {name} = {self.expression(value)};"
                    yield f"{pad}{line}{_remark(remark)}"
                case Variable(name, element, value, remark):
                    line = f"{_type(element)} {name} = {self.expression(value)};"
                    yield f"{pad}{line}{_remark(remark)}"
                case Array(name, element, size, remark):
                    yield f"{pad}{alias(element)} {name}[{max(1, size)}];{_remark(remark)}"
                    yield from (f"{pad}{line}" for line in self.spelling.in_registers(name))
                case Assign(place, value):
                    yield f"{pad}{self.expression(place)} = {self.expression(value)};"
                case Accumulate(place, value):
                    yield f"{pad}{self.expression(place)} += {self.expression(value)};"
                case For(variable, count, body):
                    loop = f"for (int {variable} = 0; {variable} < {count}; ++{variable}) {{"
                    yield from (f"{pad}{line}" for line in self.spelling.before_loop())
                    yield f"{pad}{loop}"
                    yield from (f"{pad}  {line}" for line in self.spelling.in_loop())
                    yield from self.statements(body, indent + 1)
                    yield f"{pad}}}"
                case If(condition, body):
                    yield f"{pad}if ({self.expression(condition)}) {{"
                    yield from self.statements(body, indent + 1)
                    yield f"{pad}}}"
                case Ignore(name):
                    yield f"{pad}static_cast<void>({name});"
                case Do(function, arguments):
                    yield f"{pad}{function}({', '.join(arguments)});"

    def function(self, function: Function) -> Iterator[str]:
        """Yield the lines of a function inside of the design."""
        yield ""
        yield f"// {function.remark}"
        yield f"static void {signature(function)} {{"
        yield from (f"  {line}" for line in self.spelling.in_function())
        yield from self.statements(function.body)
        yield "}"

    def top(self, function: Function, scope: str) -> Iterator[str]:
        """Yield the lines of the design's top function; its types are those of a namespace."""
        yield ""
        yield f"// {function.remark}"
        yield from self.spelling.before_top()
        yield f"void {signature(function, scope)} {{"
        yield from (f"  {line}" for line in self.spelling.in_top(function.parameters))
        yield f"  using namespace {scope};"
        yield from self.statements(function.body)
        yield "}"

    def types(self, elements: Iterable[Element]) -> Iterator[str]:
        """Yield the definitions of types."""
        for each in elements:
            if not isinstance(each, Bool):
                yield f"typedef {self.spelling.type(each)} {alias(each)};"

    def constant(self, constant: Constant) -> Iterator[str]:
        """Yield the lines of a constant array."""
        yield ""
        yield f"// {constant.remark}"
        size = max(1, len(constant.values))
        yield f"static const {alias(constant.element)} {constant.name}[{size}] = {{"
        values = constant.values or (0,)
        yield from _lines([_entry(value, constant.element) for value in values])
        yield "};"


def signature(function: Function, scope: str = "") -> str:
    """Return name and parameters."""
    parameters = ", ".join(_parameter(each, scope) for each in function.parameters)
    return f"{function.name}({parameters})"


def _parameter(parameter: Parameter, scope: str) -> str:
    is_own = bool(scope) and not isinstance(parameter.element, Bool)
    kind = f"{scope}::{alias(parameter.element)}" if is_own else alias(parameter.element)
    const = "" if parameter.is_filled else "const "
    return f"{const}{kind} {parameter.name}[{max(1, parameter.size)}]"


def _type(element: Element | None) -> str:
    return "int" if element is None else alias(element)


def _remark(text: str) -> str:
    return f"  // {text}" if text else ""


def _place(place: Affine) -> str:
    terms = sorted(place.terms, key=lambda term: -abs(term[1]))
    parts = [name if factor == 1 else f"{name} * {factor}" for name, factor in terms]
    if place.offset or not parts:
        parts.append(str(place.offset))
    return " + ".join(parts)


def _number(value: int, element: Element) -> str:
    if isinstance(element, Bool):
        return "true" if value else "false"
    return f"{alias(element)}({_entry(value, element)})"


def _entry(value: int, element: Element) -> str:
    """Return a number that an element is made from."""
    match element:
        case Bool():
            return "true" if value else "false"
        case Int(signed=signed, bits=bits):
            return _whole(value, signed=signed) if bits == 64 else str(value)
        case Fixed():
            return " + ".join(_doubles(value, element))
        case _:
            raise AssertionError("the core of an exact graph has no floats")


def _whole(value: int, *, signed: bool) -> str:
    if value == -(1 << 63):  # C++ has no negative literals
        return "-9223372036854775807ll - 1"
    return f"{value}{'ll' if signed else 'ull'}"


def _doubles(mantissa: int, fixed: Fixed) -> Iterator[str]:
    """Yield a value, or where a double cannot hold it parts that can, each as the type."""
    zeros = (mantissa & -mantissa).bit_length() - 1 if mantissa else 0
    if (mantissa >> zeros).bit_length() <= DOUBLE_BITS:
        yield repr(math.ldexp(float(mantissa >> zeros), zeros - fixed.fraction))
        return
    rest = mantissa
    while rest:
        low = max(0, rest.bit_length() - DOUBLE_BITS)
        part = (rest >> low) << low
        yield f"{alias(fixed)}({math.ldexp(float(part >> low), low - fixed.fraction)!r})"
        rest -= part


def _lines(values: Sequence[str]) -> Iterator[str]:
    for i in range(0, len(values), NUMBERS_A_LINE):
        yield "  " + ", ".join(values[i : i + NUMBERS_A_LINE]) + ","
