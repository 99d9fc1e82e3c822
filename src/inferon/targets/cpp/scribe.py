"""Loops over a shape, and the statements for one element or one register of elements."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count

from inferon.ir.types import FLOAT32
from inferon.ops import logic
from inferon.targets.cpp import spell
from inferon.targets.cpp.code import (
    Affine,
    Assign,
    At,
    Call,
    Do,
    Expr,
    For,
    Let,
    Name,
    Number,
    Read,
    Stmt,
)
from inferon.targets.cpp.region import (
    Accumulator,
    Compute,
    Leaf,
    Literal,
    Term,
    are_same,
)
from inferon.targets.cpp.view import View


@dataclass(frozen=True, slots=True)
class Axis:
    """A loop: its variable, its count, and the stride of each view."""

    variable: str
    size: int
    strides: dict[View, int]


def nest(
    shape: Sequence[int], order: Sequence[int], views: Iterable[View], stem: str
) -> list[Axis]:
    """Return the loops over a shape, without axes of size 1; neighbours merge where they can."""
    views = list(dict.fromkeys(views))
    axes: list[Axis] = []
    for axis in order:
        size = shape[axis]
        strides = {view: view.strides[axis] for view in views}
        if size == 1:
            continue
        if axes and all(axes[-1].strides[v] == strides[v] * size for v in views):
            axes[-1] = Axis(axes[-1].variable, axes[-1].size * size, strides)
        else:
            axes.append(Axis(f"{stem}{len(axes)}", size, strides))
    return axes


def place(view: View, axes: Iterable[Axis]) -> Affine:
    """Return where the element of the current loop variables lies."""
    terms = tuple((axis.variable, axis.strides[view]) for axis in axes if axis.strides[view])
    return Affine(view.offset, terms)


def looped(axes: Sequence[Axis], body: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
    """Return the body inside its loops."""
    for axis in reversed(axes):
        body = (For(axis.variable, axis.size, body),)
    return body


@dataclass(slots=True)
class Scribe:
    """Turns a term into statements, one value a line; mutable because it collects them.

    ``lane`` is the axis that lies in registers, or None for one value at a time; ``lanes`` is
    the C++ expression for how many lanes count.  ``has_room`` says that what is written may be
    followed by anything up to the end of its register.
    """

    axes: Sequence[Axis]
    lane: Axis | None
    lanes: str = "count"
    row: int = 0
    accumulator: str = ""
    has_room: bool = False
    numbers: Iterable[int] = field(default_factory=count)
    statements: list[Stmt] = field(default_factory=list)
    known: dict[int | View, Expr] = field(default_factory=dict)

    def value(self, term: Term) -> Expr:
        """Return the expression of a term, after writing what it needs."""
        match term:
            case Accumulator():
                return Name(self.accumulator)
            case Literal(value, element):
                number = Number(value, element)
                return Call("all", (number,)) if self.lane else number
            case Leaf(view):
                if view not in self.known:
                    self.known[view] = self.let(self.leaf(view))
                return self.known[view]
            case Compute(op, arguments, element):
                if id(term) in self.known:  # several places of a term may share a part of it
                    return self.known[id(term)]
                kept = rectified(term)
                if kept is not None and self.lane:
                    self.known[id(term)] = self.let(Call(spell.RECTIFIED, (self.value(kept),)))
                    return self.known[id(term)]
                sources = tuple(each.element for each in arguments)
                steps = zip(arguments, spell.aligned(op, sources), strict=True)
                given = tuple(_aligned(self.value(each), step) for each, step in steps)
                if spell.is_doubling(op, element) and are_same(*arguments):
                    given = (Call(spell.OPAQUE, given[:1]), given[1])
                self.known[id(term)] = self.let(Call(spell.function(op, sources[0]), given))
                return self.known[id(term)]

    def let(self, value: Expr) -> Name:
        """Name a value."""
        name = f"v{next(iter(self.numbers))}"
        self.statements.append(Let(name, value))
        return Name(name)

    def leaf(self, view: View) -> Expr:
        """Return the load of an element, or of a register of elements."""
        if self.lane is None:
            return Read(view.buffer.name, place(view, self.axes))
        step = self.lane.strides[view]
        if step == 0:
            return Call("all", (Read(view.buffer.name, place(view, self.axes)),))
        if step != 1:
            pointer = At(view.buffer.name, place(view, (*self.axes, self.lane)))
            return Call("load_apart", (pointer, Name(str(step)), Name(self.lanes)))
        if self.row:
            pointer = At(view.buffer.name, place(view, self.axes))
            return Call(f"load_row<{self.row}>", (pointer, Name(self.lane.variable)))
        pointer = At(view.buffer.name, place(view, (*self.axes, self.lane)))
        return Call("load", (pointer, Name(self.lanes)))

    def store(self, view: View, value: Expr) -> None:
        """Write an element, or a register of elements."""
        if self.lane is None:
            self.statements.append(Assign(Read(view.buffer.name, place(view, self.axes)), value))
            return
        step = self.lane.strides[view]
        if step == 1 and self.has_room:
            # A masked store is not handed on to the loads of the next layer (Zen 4: 5 ns).
            pointer = At(view.buffer.name, place(view, (*self.axes, self.lane)))
            call = Call("store", (pointer, value))
        elif step == 1 and self.row:
            pointer = At(view.buffer.name, place(view, self.axes))
            call = Call(f"store_row<{self.row}>", (pointer, Name(self.lane.variable), value))
        elif step == 1:
            pointer = At(view.buffer.name, place(view, (*self.axes, self.lane)))
            call = Call("store", (pointer, value, Name(self.lanes)))
        else:
            pointer = At(view.buffer.name, place(view, (*self.axes, self.lane)))
            call = Call("store_apart", (pointer, Name(str(step)), value, Name(self.lanes)))
        self.statements.append(Do(call))


def rectified(term: Term) -> Term | None:
    """Return x of ``x < 0 ? 0 : x``, which registers have an instruction for; else None."""
    match term:
        case Compute(logic.Select(), (Compute(logic.Less(), (x, zero)), value, same), element):
            is_zero = [isinstance(each, Literal) and _is_plus_zero(each) for each in (zero, value)]
            is_rectified = are_same(same, x) and all(is_zero) and element == FLOAT32
            return x if is_rectified else None
        case _:
            return None


def _is_plus_zero(literal: Literal) -> bool:
    return literal.value == 0 and not math.copysign(1.0, literal.value) < 0


def _aligned(value: Expr, step: str) -> Expr:
    return Call(step, (value,)) if step else value
