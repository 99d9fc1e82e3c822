"""The loop-level form: C++ for synthesis as values.  `printer` knows its punctuation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from inferon.ir.types import Element, Fixed
from inferon.ops.convert import Quantize


@dataclass(frozen=True, slots=True)
class Affine:
    """``offset + sum(factor * variable)``: a place along an axis, or in an array."""

    offset: int = 0
    terms: tuple[tuple[str, int], ...] = ()

    def __add__(self, other: Affine) -> Affine:
        factors = dict(self.terms)
        for name, factor in other.terms:
            factors[name] = factors.get(name, 0) + factor
        terms = tuple((name, factor) for name, factor in factors.items() if factor)
        return Affine(self.offset + other.offset, terms)

    def times(self, factor: int) -> Affine:
        """Return the place, so many times as far."""
        if not factor:
            return Affine()
        return Affine(self.offset * factor, tuple((n, f * factor) for n, f in self.terms))


Index = tuple[Affine, ...]
"""Where an element stands: a place along each axis."""


class Infix(Enum):
    """Operators between two values."""

    ADD = "+"
    SUB = "-"
    MUL = "*"
    DIV = "/"
    LESS = "<"
    LESS_EQUAL = "<="
    EQUAL = "=="
    BOTH = "&&"
    EITHER = "||"
    BIT_AND = "&"
    BIT_OR = "|"
    BIT_XOR = "^"
    LEFT = "<<"
    RIGHT = ">>"


class Prefix(Enum):
    """Operators before one value."""

    MINUS = "-"
    NOT = "!"


class Helper(Enum):
    """Functions of the header's fixed part."""

    BOUNDED = "bounded"
    INSIDE = "inside"
    ENTRY = "entry"


@dataclass(frozen=True, slots=True)
class Name:
    """A variable."""

    text: str


@dataclass(frozen=True, slots=True)
class Number:
    """A literal of an element type: of fixed point the mantissa."""

    value: int
    element: Element


@dataclass(frozen=True, slots=True)
class Plain:
    """A small C++ integer: a loop's number, a place."""

    place: Affine


@dataclass(frozen=True, slots=True)
class Item:
    """An element of an array."""

    array: str
    place: Affine


@dataclass(frozen=True, slots=True)
class Looked:
    """An element of an array at a place that is computed."""

    array: str
    place: Expr


@dataclass(frozen=True, slots=True)
class Between:
    """An operator on two values; of numbers the type is one that holds every result."""

    operator: Infix
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Before:
    """An operator on one value."""

    operator: Prefix
    value: Expr


@dataclass(frozen=True, slots=True)
class As:
    """A value as another type that holds it, or, of ints, wraps."""

    element: Element
    value: Expr


@dataclass(frozen=True, slots=True)
class Rounded:
    """A value after a `Quantize`; ``source`` is its type before."""

    quantize: Quantize
    source: Fixed
    value: Expr


@dataclass(frozen=True, slots=True)
class Choice:
    """One value where a condition holds, else another one of the same type."""

    condition: Expr
    yes: Expr
    no: Expr


@dataclass(frozen=True, slots=True)
class Call:
    """A function of the header's fixed part."""

    function: Helper
    arguments: tuple[Expr, ...]


Expr = Name | Number | Plain | Item | Looked | Between | Before | As | Rounded | Choice | Call


@dataclass(frozen=True, slots=True)
class Let:
    """A named value; ``element`` is None for a place."""

    name: str
    element: Element | None
    value: Expr
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable with a first value; ``element`` is None for a place."""

    name: str
    element: Element | None
    value: Expr
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Array:
    """A tensor inside of a function: all of its elements are registers."""

    name: str
    element: Element
    size: int
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Assign:
    """A place takes a value."""

    place: Expr
    value: Expr


@dataclass(frozen=True, slots=True)
class Accumulate:
    """A variable grows by a value."""

    place: Expr
    value: Expr


@dataclass(frozen=True, slots=True)
class For:
    """A counted loop from 0, unrolled by the tool."""

    variable: str
    count: int
    body: tuple[Stmt, ...]


@dataclass(frozen=True, slots=True)
class If:
    """A condition."""

    condition: Expr
    body: tuple[Stmt, ...]


@dataclass(frozen=True, slots=True)
class Do:
    """A call of one of the functions on arrays."""

    function: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ignore:
    """A parameter that nobody reads."""

    name: str


Stmt = Let | Variable | Array | Assign | Accumulate | For | If | Do | Ignore


@dataclass(frozen=True, slots=True)
class Parameter:
    """An array that a function takes, or fills."""

    name: str
    element: Element
    size: int
    is_filled: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """Loops over arrays, with a remark that says what they compute; it returns nothing."""

    name: str
    parameters: tuple[Parameter, ...]
    body: tuple[Stmt, ...]
    remark: str


@dataclass(frozen=True, slots=True)
class Constant:
    """A tensor that is the same for every event, as mantissas in row-major order."""

    name: str
    element: Element
    values: tuple[int, ...]
    remark: str
