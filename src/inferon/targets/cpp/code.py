"""The loop-level form: C++ as values, and the one printer that knows its punctuation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inferon.ir.types import Bool, Element, Fixed, Float, Int


@dataclass(frozen=True, slots=True)
class Name:
    """A variable, a type or a constant."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Number:
    """A literal of an element type, exact to the bit."""

    value: float | int | bool
    element: Element

    def __str__(self) -> str:
        return literal(self.value, self.element)


@dataclass(frozen=True, slots=True)
class Call:
    """A function applied to expressions."""

    function: str
    arguments: tuple[Expr, ...]

    def __str__(self) -> str:
        return f"{self.function}({', '.join(map(str, self.arguments))})"


@dataclass(frozen=True, slots=True)
class Affine:
    """``offset + sum(factor * variable)``: the place of an element."""

    offset: int
    terms: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        parts = [
            name if factor == 1 else f"{name} * {factor}" for name, factor in self.terms if factor
        ]
        if self.offset or not parts:
            parts.append(str(self.offset))
        return " + ".join(parts)


@dataclass(frozen=True, slots=True)
class At:
    """A pointer moved to an element."""

    pointer: str
    place: Affine

    def __str__(self) -> str:
        place = str(self.place)
        return self.pointer if place == "0" else f"{self.pointer} + {place}"


@dataclass(frozen=True, slots=True)
class Read:
    """One element."""

    pointer: str
    place: Affine

    def __str__(self) -> str:
        return f"{self.pointer}[{self.place}]"


Expr = Name | Number | Call | Affine | At | Read


@dataclass(frozen=True, slots=True)
class Let:
    """A named value: ``const auto t0 = ...``."""

    name: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Assign:
    """A place takes a value."""

    place: Expr
    value: Expr


@dataclass(frozen=True, slots=True)
class Do:
    """A call for its effect."""

    call: Call


@dataclass(frozen=True, slots=True)
class Declare:
    """A variable with a type and, if given, a first value."""

    type: str
    name: str
    value: Expr | None = None


@dataclass(frozen=True, slots=True)
class For:
    """A counted loop from 0."""

    variable: str
    count: int
    body: tuple[Stmt, ...]


@dataclass(frozen=True, slots=True)
class Apply:
    """A call whose last argument is a function written in place."""

    call: Call
    parameters: tuple[str, ...]
    body: tuple[Stmt, ...]
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class If:
    """A condition."""

    condition: Expr
    body: tuple[Stmt, ...]


@dataclass(frozen=True, slots=True)
class Return:
    """The result of a function."""

    value: Expr


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment; its text has been made safe by the front-end."""

    text: str


@dataclass(frozen=True, slots=True)
class Function:
    """A function with a remark that says what it computes."""

    head: str
    remark: str
    body: tuple[Stmt, ...]


Stmt = Let | Assign | Do | Declare | For | Apply | If | Return | Remark | Function


def printed(statements: Sequence[Stmt], indent: int = 0) -> Iterator[str]:
    """Yield the lines of the statements."""
    pad = "  " * indent
    for each in statements:
        match each:
            case Let(name, value):
                yield f"{pad}const auto {name} = {value};"
            case Assign(place, value):
                yield f"{pad}{place} = {value};"
            case Do(call):
                yield f"{pad}{call};"
            case Declare(kind, name, value):
                yield f"{pad}{kind} {name}{'' if value is None else f' = {value}'};"
            case Return(value):
                yield f"{pad}return {value};"
            case Remark(text):
                yield f"{pad}// {text}"
            case For(variable, count, body):
                yield f"{pad}for (index {variable} = 0; {variable} < {count}; ++{variable}) {{"
                yield from printed(body, indent + 1)
                yield f"{pad}}}"
            case If(condition, body):
                yield f"{pad}if ({condition}) {{"
                yield from printed(body, indent + 1)
                yield f"{pad}}}"
            case Apply(call, parameters, body, prefix):
                arguments = "".join(f"{argument}, " for argument in call.arguments)
                head = f"{prefix}{call.function}({arguments}[&]({', '.join(parameters)})"
                yield f"{pad}{head} INFERON_INLINED {{"
                yield from printed(body, indent + 1)
                yield f"{pad}}});"
            case Function(head, remark, body):
                yield ""
                yield f"{pad}// {remark}"
                yield f"{pad}{head} noexcept {{"
                yield from printed(body, indent + 1)
                yield f"{pad}}}"


def scalar_type(element: Element) -> str:
    """Return the C++ type that stores an element."""
    match element:
        case Float(bits=32):
            return "float"
        case Float():
            return "double"
        case Bool():
            return "bool"
        case Int(signed=signed, bits=bits):
            return f"std::{'' if signed else 'u'}int{bits}_t"
        case Fixed():
            return "std::int64_t"


def literal(value: float | int | bool, element: Element) -> str:
    """Return a number so that the compiler reads the same bits."""
    match element:
        case Bool():
            return "true" if value else "false"
        case Float(bits=bits):
            return _float_literal(float(value), bits)
        case _:
            number = int(value)
            if number == -(1 << 63):
                return "INT64_MIN"
            suffix = "u" if isinstance(element, Int) and not element.signed else ""
            if not -(1 << 31) <= number < (1 << 31):
                suffix += "ll"
            return f"{scalar_type(element)}{{{number}{suffix}}}"


def _float_literal(value: float, bits: int) -> str:
    suffix = "f" if bits == 32 else ""
    kind = "float" if bits == 32 else "double"
    if math.isnan(value):
        return f"std::numeric_limits<{kind}>::quiet_NaN()"
    if math.isinf(value):
        sign = "-" if value < 0 else ""
        return f"{sign}std::numeric_limits<{kind}>::infinity()"
    if value == int(value) and abs(value) < 1e6:
        return f"{'-' if math.copysign(1, value) < 0 else ''}{abs(int(value))}.0{suffix}"
    digits, exponent = value.hex().split("p")
    return f"{digits.rstrip('0').rstrip('.')}p{exponent}{suffix}"


WORDS_A_LINE = 12


def words(values: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a list of numbers."""
    for i in range(0, len(values), WORDS_A_LINE):
        yield "    " + ", ".join(values[i : i + WORDS_A_LINE]) + ","
