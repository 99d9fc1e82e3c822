"""One element of a value: the lines that compute it, inside of the loops that it stands in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from inferon.ir.node import Node
from inferon.ir.shape import static
from inferon.ir.types import BOOL, Element, Fixed, Int
from inferon.ops import arithmetic, bits, indexing, logic, movement
from inferon.ops.convert import Cast, Quantize
from inferon.ops.dot import Dot
from inferon.ops.mantissa import Overflow
from inferon.ops.reduction import ReduceMax, ReduceMin, Reduction, Sum
from inferon.ops.structure import Const
from inferon.ops.table import Table
from inferon.targets.hls.code import (
    Accumulate,
    Affine,
    As,
    Assign,
    Before,
    Between,
    Call,
    Choice,
    Expr,
    For,
    Helper,
    If,
    Ignore,
    Index,
    Infix,
    Item,
    Let,
    Looked,
    Name,
    Number,
    Plain,
    Prefix,
    Rounded,
    Stmt,
    Variable,
)
from inferon.targets.hls.constants import Constants
from inferon.targets.hls.placement import MOVEMENTS, regrouped

INFIX: dict[type, Infix] = {
    arithmetic.Add: Infix.ADD,
    arithmetic.Sub: Infix.SUB,
    arithmetic.Mul: Infix.MUL,
    logic.Less: Infix.LESS,
    logic.LessEqual: Infix.LESS_EQUAL,
    logic.Equal: Infix.EQUAL,
    logic.And: Infix.BOTH,
    logic.Or: Infix.EITHER,
    bits.BitAnd: Infix.BIT_AND,
    bits.BitOr: Infix.BIT_OR,
    bits.BitXor: Infix.BIT_XOR,
}


def shape_of(node: Node) -> tuple[int, ...]:
    """Return a shape as numbers."""
    return static(node.type.shape, "a value")


def flat(shape: Sequence[int], index: Index) -> Affine:
    """Return the place of an element in row-major order."""
    place, step = Affine(), 1
    for size, at in zip(reversed(shape), reversed(index), strict=True):
        place += at.times(step)
        step *= size
    return place


def variable(name: str) -> Affine:
    """Return the place that a loop's variable is."""
    return Affine(0, ((name, 1),))


@dataclass(slots=True)
class Writer:
    """Collects the statements of one function.

    Attributes
    ----------
    arrays : the array of each node that has one
    constants : of the whole project
    read : the nodes whose arrays are read, as keys
    done : the operators that are computed, as keys
    """

    arrays: Mapping[Node, str]
    constants: Constants
    blocks: list[list[Stmt]] = field(default_factory=lambda: [[]])
    known: list[dict[tuple[Node, Index], Expr]] = field(default_factory=lambda: [{}])
    read: dict[Node, None] = field(default_factory=dict)
    done: dict[str, None] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)

    @property
    def statements(self) -> tuple[Stmt, ...]:
        """What was written so far, outside of all loops."""
        (whole,) = self.blocks
        return tuple(whole)

    def put(self, statement: Stmt) -> None:
        """Write a statement into the innermost loop."""
        self.blocks[-1].append(statement)

    def name(self, letter: str) -> str:
        """Return a new name for a variable."""
        number = self.numbers.get(letter, 0)
        self.numbers[letter] = number + 1
        return f"{letter}{number}"

    @contextmanager
    def loops(self, sizes: Sequence[int]) -> Iterator[Index]:
        """Write what follows inside of loops, and give the place along each axis."""
        names = [self.name("i") if size != 1 else "" for size in sizes]
        self.blocks.append([])
        self.known.append({})
        yield tuple(variable(name) if name else Affine() for name in names)
        self.known.pop()
        body = tuple(self.blocks.pop())
        for name, size in reversed(list(zip(names, sizes, strict=True))):
            body = (For(name, size, body),) if name else body
        self.blocks[-1].extend(body)

    @contextmanager
    def condition(self, holds: Expr) -> Iterator[None]:
        """Write what follows under a condition."""
        self.blocks.append([])
        self.known.append({})
        yield
        self.known.pop()
        body = tuple(self.blocks.pop())
        self.put(If(holds, body))

    def let(self, node: Node, value: Expr) -> Expr:
        """Name the value of a node."""
        name = self.name("v")
        self.put(Let(name, node.type.element, value, remark(node)))
        return Name(name)

    def place(self, value: Expr) -> Affine:
        """Name a place that is computed."""
        name = self.name("at")
        self.put(Let(name, None, value))
        return variable(name)

    def array(self, node: Node) -> str:
        """Return the array of a node that has one."""
        return self.arrays[node] if node in self.arrays else self.constants.array(node)

    # -------------------------------------------------------------------------------- elements

    def element(self, node: Node, index: Index) -> Expr:
        """Return an element of a node, after writing what it needs."""
        if node in self.arrays:
            self.read.setdefault(node)
            return Item(self.arrays[node], flat(shape_of(node), index))
        if isinstance(node.op, Const):
            values = node.op.values.array
            if values.size == 1:
                return Number(int(values.ravel()[0]), node.type.element)
            return Item(self.constants.array(node), flat(shape_of(node), index))
        for known in reversed(self.known):
            if (node, index) in known:
                return known[node, index]
        found = self._computed(node, index)
        if not isinstance(node.op, MOVEMENTS):
            self.done.setdefault(node.op.spelling())
        self.known[-1][node, index] = found
        return found

    def _computed(self, node: Node, index: Index) -> Expr:
        moved = self._moved(node, index)
        if moved is not None:
            return moved
        op = node.op
        match op:
            case Reduction():
                return self._reduction(op, node, index)
            case Dot():
                return self._product(op, node, index)
            case indexing.Gather():
                return self._gathered(op, node, index)
            case Quantize() if _is_zero(op):
                return Number(0, op.to)
            case _:
                given = [self.element(each, index) for each in node.inputs]
                return self.let(node, self._applied(node, given))

    # ------------------------------------------------------------------------------- movements

    def _moved(self, node: Node, index: Index) -> Expr | None:
        match node.op:
            case movement.Reshape():
                return self._reshaped(node, index)
            case movement.Transpose(order=order):
                back = dict(zip(order, index, strict=True))
                before = tuple(back[axis] for axis in range(len(order)))
            case movement.Broadcast():
                sizes = shape_of(node.inputs[0])
                kept = index[len(index) - len(sizes) :]
                before = tuple(
                    at if size != 1 else Affine() for at, size in zip(kept, sizes, strict=True)
                )
            case movement.Slice(axis=axis, start=start, step=step):
                place = index[axis].times(step) + Affine(start)
                before = (*index[:axis], place, *index[axis + 1 :])
            case movement.Window(axis=axis, stride=stride, dilation=dilation):
                place = index[axis].times(stride) + index[-1].times(dilation)
                before = (*index[:axis], place, *index[axis + 1 : -1])
            case _:
                return None
        return self.element(node.inputs[0], before)

    def _reshaped(self, node: Node, index: Index) -> Expr:
        source, shape = node.inputs[0], shape_of(node)
        groups = regrouped(node)
        if groups is None:  # the source is an array, whose elements lie in the same order
            self.read.setdefault(source)
            return Item(self.array(source), flat(shape, index))
        before = tuple(
            flat([shape[axis] for axis in axes], tuple(index[axis] for axis in axes))
            for _, axes in groups
        )
        return self.element(source, before)

    # ----------------------------------------------------------------------------- elementwise

    def _applied(self, node: Node, given: list[Expr]) -> Expr:
        element = node.type.element
        match node.op:
            case Quantize() as op:
                source = node.inputs[0].type.element
                if isinstance(source, Int):
                    whole = Fixed(source.signed, source.bits, source.bits)
                    return Rounded(op, whole, As(whole, given[0]))
                assert isinstance(source, Fixed)
                return Rounded(op, source, given[0])
            case Table():
                return Looked(self.constants.table(node), Call(Helper.ENTRY, (given[0],)))
            case arithmetic.Max() | arithmetic.Min() as op:
                a, b = _comparable(node, given)
                less = Between(Infix.LESS, *((b, a) if isinstance(op, arithmetic.Max) else (a, b)))
                return Choice(less, *self._fitted(node, given))
            case logic.Select():
                return Choice(given[0], *self._fitted(node, given))
            case logic.Equal() if node.inputs[0].type.element == BOOL:
                # compilers take x == x on bools for a mistake
                return Before(Prefix.NOT, Between(Infix.BIT_XOR, *given))
            case logic.Comparison() as op:
                return Between(INFIX[type(op)], *_comparable(node, given))
            case logic.Not():
                return Before(Prefix.NOT, given[0])
            case arithmetic.Neg():
                return As(element, Before(Prefix.MINUS, given[0]))
            case arithmetic.Abs():
                zero = Number(0, node.inputs[0].type.element)
                opposite = As(element, Before(Prefix.MINUS, given[0]))
                return Choice(Between(Infix.LESS, given[0], zero), opposite, As(element, given[0]))
            case arithmetic.Div():
                zero, none = Number(0, element), Between(Infix.EQUAL, given[1], Number(0, element))
                return Choice(none, zero, As(element, Between(Infix.DIV, *given)))
            case bits.ShiftLeft(bits=count):
                return As(element, Between(Infix.LEFT, given[0], Plain(Affine(count))))
            case bits.ShiftRight(bits=count):
                return As(element, Between(Infix.RIGHT, given[0], Plain(Affine(count))))
            case Cast() | bits.Bitcast():
                return self._cast(node, given[0])
            case op:
                both = Between(INFIX[type(op)], *given)
                return both if element == BOOL else As(element, both)

    def _fitted(self, node: Node, given: list[Expr]) -> tuple[Expr, Expr]:
        """Return the last two operands, between which a node chooses, in its type."""
        pairs = zip(given[-2:], node.inputs[-2:], strict=True)
        a, b = (as_type(node.type.element, value, each.type.element) for value, each in pairs)
        return a, b

    def _cast(self, node: Node, value: Expr) -> Expr:
        source, element = node.inputs[0].type.element, node.type.element
        if source == element:
            return value
        if element != BOOL:
            return As(element, value)
        is_zero = Between(Infix.EQUAL, value, Number(0, source))
        return Before(Prefix.NOT, is_zero)

    # ------------------------------------------------------------------------------ many to one

    def _reduction(self, op: Reduction, node: Node, index: Index) -> Expr:
        source = node.inputs[0]
        sizes = [shape_of(source)[axis] for axis in op.axes]
        total = self._start(node, _identity(op, node.type.element))
        with self.loops(sizes) as inner:
            rest, turns = iter(index), iter(inner)
            axes = range(len(shape_of(source)))
            whole = tuple(next(turns if axis in op.axes else rest) for axis in axes)
            term = self.element(source, whole)
            self.put(_met(op, total, term, node.type.element))
        return total

    def _product(self, op: Dot, node: Node, index: Index) -> Expr:
        left, right = node.inputs
        free = len(shape_of(left)) - op.contract
        total = self._start(node, 0)
        with self.loops(shape_of(left)[free:]) as inner:
            a = self.element(left, (*index[:free], *inner))
            b = self.element(right, (*index[: op.batch], *inner, *index[free:]))
            self.put(Accumulate(total, Between(Infix.MUL, a, b)))
        return total

    def _start(self, node: Node, value: int) -> Name:
        name, element = self.name("sum"), node.type.element
        self.put(Variable(name, element, Number(value, element), remark(node)))
        return Name(name)

    def _gathered(self, op: indexing.Gather, node: Node, index: Index) -> Expr:
        source, where = node.inputs
        behind = op.axis + len(shape_of(where)) - op.batch
        chosen = self.element(where, (*index[: op.batch], *index[op.axis : behind]))
        size = Plain(Affine(shape_of(source)[op.axis]))
        at = self.place(Call(Helper.BOUNDED, (chosen, size)))
        found = self.element(source, (*index[: op.axis], at, *index[behind:]))
        if not (isinstance(found, Item) and at.terms[0][0] in _variables(found)):
            self.put(Ignore(at.terms[0][0]))  # a source that repeats along the axis
        return found


def compared(a: Element, b: Element) -> tuple[Element, Element]:
    """Return the types in which two values are compared: both with a sign, or both without.

    The open headers of ap_fixed compare numbers of 32 bits and more as C does, without their
    signs where one has none (ap_types of hls4ml 1.3): ap_ufixed<32, 32>(3) is less than
    ap_fixed<32, 32>(-7).
    """
    if not isinstance(a, Fixed) or not isinstance(b, Fixed) or a.signed == b.signed:
        return a, b
    first, second = (e if e.signed else Fixed(True, e.width + 1, e.integer + 1) for e in (a, b))
    return first, second


def _comparable(node: Node, given: list[Expr]) -> list[Expr]:
    """Return the operands of a comparison in the types in which they are compared."""
    sources = [each.type.element for each in node.inputs]
    types = zip(compared(*sources), given, sources, strict=True)
    return [as_type(to, value, source) for to, value, source in types]


def _is_zero(op: Quantize) -> bool:
    """Return whether the range of a quantizer is 0 alone: one signed bit without its lowest value.

    Both headers keep -1 there (ap_types of hls4ml 1.3, ac_types 4.8):
    ap_fixed<1, 1, AP_TRN, AP_SAT_SYM>(-4) is -1.
    """
    is_symmetric = op.overflow is Overflow.SATURATE_SYMMETRIC
    return is_symmetric and op.to.signed and op.to.width == 1


def as_type(element: Element, value: Expr, source: Element) -> Expr:
    """Return a value in a type that holds it; a number is written in that type."""
    if source == element:
        return value
    if isinstance(value, Number) and isinstance(element, Fixed) and isinstance(source, Fixed):
        mantissa = value.value << (element.fraction - source.fraction)
        if element.lowest <= mantissa <= element.highest:
            return Number(mantissa, element)
    return As(element, value)


def remark(node: Node) -> str:
    """Return what a line is about: the operator, and the layer it came from."""
    name = node.op.spelling()
    return f"{name}, {node.origin}" if node.origin else name


def _variables(item: Item) -> set[str]:
    """Return the variables that lead to an element."""
    return {name for name, _ in item.place.terms}


def _identity(op: Reduction, element: Element) -> int:
    """Return a value of the type that no element changes the result of."""
    assert isinstance(element, Int | Fixed)
    if isinstance(op, Sum):
        return 0
    return element.lowest if isinstance(op, ReduceMax) else element.highest


def _met(op: Reduction, total: Name, term: Expr, element: Element) -> Stmt:
    """Return how a total takes one more element."""
    match op:
        case Sum():
            return Accumulate(total, term)
        case ReduceMax() | ReduceMin():
            pair = (total, term) if isinstance(op, ReduceMax) else (term, total)
            return Assign(total, Choice(Between(Infix.LESS, *pair), term, total))
        case _:
            raise AssertionError(f"no way to reduce by {op}")
