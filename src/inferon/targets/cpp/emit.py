"""From regions to loops: each region becomes one function.

A product of 150 rows and 64 columns with a bias and a ReLU behind it becomes::

    // phi.2: 150 x 64 = 150 x 32 . 32 x 64, then add, less, select
    inline void phi_2(const float* t1, const float* c2, const float* c3, float* t4) noexcept {
      tiles<150, 64, 1>([&](auto tile, index row, index column) noexcept {
        in_strands<1>(32, [&](auto s, index k) noexcept {
          tile.step(s, t1 + row * 32 + k, 32, c2 + k * 64 + column);
        });
        tile.finish([&](index r, index c, F sum) noexcept {
          ...
          store_row<64>(t4 + m * 64, n, v3);
        });
      });
    }
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from math import prod

from inferon.ir.node import Node, ordered
from inferon.ir.types import FLOAT32, Bool, Element, Float, Fixed, Int
from inferon.ops.base import Elementary
from inferon.ops.structure import Const, Input
from inferon.ir.shape import Tensor
from inferon.targets.cpp import spell
from inferon.targets.cpp.code import (
    Affine,
    Apply,
    Assign,
    At,
    Call,
    Declare,
    Do,
    Expr,
    For,
    Function,
    Let,
    Name,
    Number,
    Read,
    Remark,
    Return,
    Stmt,
    scalar_type,
)
from inferon.targets.cpp.fuse import axis_order
from inferon.targets.cpp.memory import touched
from inferon.targets.cpp.region import (
    Accumulator,
    Choose,
    Collect,
    Compute,
    Leaf,
    Literal,
    Map,
    Product,
    Reduce,
    Region,
    Repeat,
    Term,
    elements,
    leaves,
    written,
)
from inferon.targets.cpp.view import Buffer, View, reshaped


@dataclass(frozen=True, slots=True)
class Axis:
    """A loop: its variable, its count, and the stride of each view."""

    variable: str
    size: int
    strides: dict[View, int]


def nest(shape: Sequence[int], order: Sequence[int], views: Iterable[View], stem: str) -> list[Axis]:
    """Return the loops over a shape: axes of size 1 dropped, neighbours merged where every view allows it."""
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

    ``lane`` is the axis that lies in registers, or None for one value at a time; ``lanes`` is the C++ expression for how
    many lanes count.
    """

    axes: Sequence[Axis]
    lane: Axis | None
    lanes: str = "count"
    row: int = 0
    accumulator: str = ""
    numbers: Iterable[int] = field(default_factory=count)
    statements: list[Stmt] = field(default_factory=list)

    def value(self, term: Term) -> Expr:
        """Return the expression of a term, after writing what it needs."""
        match term:
            case Accumulator():
                return Name(self.accumulator)
            case Literal(value, element):
                number = Number(value, element)
                return Call("all", (number,)) if self.lane else number
            case Leaf(view):
                return self.let(self.leaf(view))
            case Compute(op, arguments, element):
                given = tuple(self.value(each) for each in arguments)
                return self.let(Call(spell.function(op, arguments[0].element), given))

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
        if step == 1 and self.row:
            pointer = At(view.buffer.name, place(view, self.axes))
            call = Call(f"store_row<{self.row}>", (pointer, Name(self.lane.variable), value))
        elif step == 1:
            pointer = At(view.buffer.name, place(view, (*self.axes, self.lane)))
            call = Call("store", (pointer, value, Name(self.lanes)))
        else:
            pointer = At(view.buffer.name, place(view, (*self.axes, self.lane)))
            call = Call("store_apart", (pointer, Name(str(step)), value, Name(self.lanes)))
        self.statements.append(Do(call))


def fits_registers(term: Term) -> bool:
    """Whether every part of a term can be computed in registers."""
    if any(element not in spell.IN_REGISTERS for element in elements(term)):
        return False
    match term:
        case Compute(op, arguments, element):
            able = spell.in_registers(op, arguments[0].element, element)
            return able and all(fits_registers(each) for each in arguments)
        case _:
            return True


# ------------------------------------------------------------------------------------------- regions


def region_body(region: Region) -> tuple[Stmt, ...]:
    """Return the statements of one region that is not a loop over steps."""
    match region:
        case Map():
            return _map(region)
        case Reduce():
            return _reduce(region)
        case Product():
            return _product(region)
        case Choose():
            return _choose(region)
        case Collect():
            return _collect(region)
        case Repeat():
            raise AssertionError("a repeat is printed where it is called")


def _map(region: Map) -> tuple[Stmt, ...]:
    views = (*region.views(), region.to)
    order = axis_order(region.to.strides, region.to.shape)
    axes = nest(region.to.shape, order, views, "i")
    if not axes or not fits_registers(region.term):
        scribe = Scribe(axes, None)
        scribe.store(region.to, scribe.value(region.term))
        return looped(axes, tuple(scribe.statements))
    *outer, lane = axes
    scribe = Scribe(outer, lane)
    scribe.store(region.to, scribe.value(region.term))
    lanes = Apply(
        Call(f"along<{lane.size}>", ()), (f"index {lane.variable}", "auto count"), tuple(scribe.statements)
    )
    return looped(outer, (lanes,))


def _main(views: Sequence[View]) -> View | None:
    return max(views, key=lambda view: sum(s != 0 for s in view.strides), default=None)


def _reduce(region: Reduce) -> tuple[Stmt, ...]:
    kept_axes = [axis for axis in range(len(region.shape)) if axis not in region.op.axes]
    strides = dict.fromkeys(range(len(region.shape)), 0)
    for axis, stride in zip(kept_axes, region.to.strides, strict=True):
        strides[axis] = stride
    to = replace(region.to, shape=region.shape, strides=tuple(strides[a] for a in range(len(region.shape))))
    views = (*region.views(), to)
    order = [kept_axes[i] for i in axis_order(region.to.strides, region.to.shape)]
    kept = nest(region.shape, order, views, "i")
    reduced = nest(region.shape, region.op.axes, views, "k")
    main = _main(region.views())
    if not fits_registers(region.term) or region.term.element != FLOAT32 or main is None:
        return _reduce_single(region, to, kept, reduced)
    strands, size = region.op.strands, prod(axis.size for axis in reduced)
    across = len(reduced) == 1 and (reduced[0].strides[main] == 1 or not kept)
    if across and (strands >= 16 or size <= strands):
        return _reduce_across(region, to, kept, reduced[0])
    if not kept:
        return _reduce_single(region, to, kept, reduced)
    return _reduce_beside(region, to, kept, reduced)


def _identity(region: Reduce) -> Number:
    element = region.to.buffer.element
    assert isinstance(element, Float | Int)
    return Number(region.op.identity(element), element)


def _combine(region: Reduce) -> Name:
    name = spell.COMBINE[type(region.op)]
    return Name(f"[](auto a, auto b) noexcept {{ return {name}(a, b); }}")


def _reduce_across(region: Reduce, to: View, kept: list[Axis], lane: Axis) -> tuple[Stmt, ...]:
    scribe = Scribe(kept, lane)
    result = scribe.value(region.term)
    call = Call(f"across<{region.op.strands}, {lane.size}>", (_identity(region), _combine(region)))
    total = Apply(
        call,
        (f"[[maybe_unused]] index {lane.variable}", "[[maybe_unused]] auto count"),
        (*scribe.statements, Return(result)),
        prefix="const float total = ",
    )
    store = Assign(Read(to.buffer.name, place(to, kept)), Name("total"))
    return looped(kept, (total, store))


def _reduce_beside(region: Reduce, to: View, kept: list[Axis], reduced: list[Axis]) -> tuple[Stmt, ...]:
    *outer, lane = kept
    strands = region.op.strands
    scribe = Scribe((*outer, *reduced), lane)
    term = scribe.value(region.term)
    start: tuple[Stmt, ...] = (
        Declare("F", f"strand[{strands}]"),
        Do(
            Call(
                "fill",
                (
                    Name("strand"),
                    Call("all", (_identity(region),)),
                    Name(f"upto<{strands}>{{}}"),
                ),
            )
        ),
        Let("combine", _combine(region)),
    )
    finish = Scribe(outer, lane)
    finish.store(to, Call(f"joined<{strands}>", (Name("strand"), Name("combine"))))
    body = (*start, *_chained(reduced, strands, tuple(scribe.statements), term), *finish.statements)
    lanes = Apply(Call(f"along<{lane.size}>", ()), (f"index {lane.variable}", "auto count"), body)
    return looped(outer, (lanes,))


def _chained(
    reduced: list[Axis], strands: int, statements: tuple[Stmt, ...], term: Expr
) -> tuple[Stmt, ...]:
    """Return the loop that adds each element to its strand."""
    if len(reduced) == 1:
        (axis,) = reduced
        step = Assign(Name("strand[s]"), Call("combine", (Name("strand[s]"), term)))
        call = Call(f"in_strands<{strands}>", (Name(str(axis.size)),))
        return (Apply(call, ("auto s", f"index {axis.variable}"), (*statements, step)),)
    slot = Name(f"strand[turn % {strands}]")
    step = (Assign(slot, Call("combine", (slot, term))), Assign(Name("turn"), Name("turn + 1")))
    return (Declare("index", "turn", Name("0")), *looped(reduced, (*statements, *step)))


def _reduce_single(region: Reduce, to: View, kept: list[Axis], reduced: list[Axis]) -> tuple[Stmt, ...]:
    strands = region.op.strands
    scribe = Scribe((*kept, *reduced), None)
    term = scribe.value(region.term)
    kind = scalar_type(region.to.buffer.element)
    start = (
        Declare(kind, f"strand[{strands}]"),
        For("s", strands, (Assign(Name("strand[s]"), _identity(region)),)),
        Let("combine", _combine(region)),
        Declare("index", "turn", Name("0")),
    )
    slot = Name(f"strand[turn % {strands}]")
    step = (Assign(slot, Call("combine", (slot, term))), Assign(Name("turn"), Name("turn + 1")))
    total = Call(f"joined<{strands}>", (Name("strand"), Name("combine")))
    finish = Assign(Read(to.buffer.name, place(to, kept)), total)
    return looped(kept, (*start, *looped(reduced, (*scribe.statements, *step)), finish))


# ------------------------------------------------------------------------------------------ products


@dataclass(frozen=True, slots=True)
class _Split:
    """The axes of a product; every view runs over batch, rows, columns (one axis) or contracted axes."""

    batch: list[Axis]
    rows: list[Axis]
    columns: int
    inner: list[Axis]
    left: View
    right: View
    to: View
    term: Term
    column_strides: dict[View, int]


def _split(region: Product) -> _Split:
    rank = len(region.left.shape)
    rows_at = rank - region.contract
    columns = prod(region.to.shape[rows_at:])
    flat: dict[View, View] = {}
    for view in (region.to, *(leaf.view for leaf in leaves(region.term))):
        merged = reshaped(view, (*region.to.shape[:rows_at], columns))
        assert merged is not None
        flat[view] = merged
    left = _spread(region.left, [*range(rows_at), None], region)
    right_axes: list[int | None] = [*range(region.batch), *([None] * (rows_at - region.batch))]
    right = _spread(region.right, [*right_axes, len(region.right.shape) - 1], region)
    shape = (*region.to.shape[:rows_at], columns)
    views = (left, right, *flat.values())
    batch = nest(shape, range(region.batch), views, "b")
    rows = nest(shape, range(region.batch, rows_at), views, "m")
    inner_left = replace(region.left, shape=region.left.shape[rows_at:], strides=region.left.strides[rows_at:])
    lead = region.batch
    inner_right = replace(
        region.right,
        shape=region.right.shape[lead : lead + region.contract],
        strides=region.right.strides[lead : lead + region.contract],
    )
    inner = [
        Axis(axis.variable, axis.size, {left: axis.strides[inner_left], right: axis.strides[inner_right]})
        for axis in nest(inner_left.shape, range(region.contract), (inner_left, inner_right), "k")
    ]
    term = _renamed(region.term, flat)
    column_strides = {view: view.strides[-1] for view in flat.values()}
    return _Split(batch, rows, columns, inner, left, right, flat[region.to], term, column_strides)


def _spread(view: View, axes: list[int | None], region: Product) -> View:
    """Return a view over (batch, rows, columns): stride 0 where an axis does not concern it."""
    strides = tuple(0 if axis is None else view.strides[axis] for axis in axes)
    return replace(view, shape=(*region.to.shape[: len(axes) - 1], 1), strides=strides)


def _renamed(term: Term, change: dict[View, View]) -> Term:
    match term:
        case Leaf(view):
            return Leaf(change[view])
        case Compute(op, arguments, element):
            return Compute(op, tuple(_renamed(each, change) for each in arguments), element)
        case _:
            return term


def _product(region: Product) -> tuple[Stmt, ...]:
    split = _split(region)
    if not fits_registers(region.term) or region.left.buffer.element != FLOAT32:
        return _product_single(region, split)
    views = (split.left, split.right, split.to, *(leaf.view for leaf in leaves(split.term)))
    none = Axis("m", 1, dict.fromkeys(views, 0))
    *outer, row = split.rows or [none]
    at_row = Axis("row", row.size, row.strides)
    outside = (*split.batch, *outer)
    chain = _chain(region.strands, split, (*outside, at_row))
    column = Axis("n", split.columns, {**dict.fromkeys(views, 0), **split.column_strides})
    lane_row = Axis("m", row.size, row.strides)
    scribe = Scribe((*outside, lane_row), column, "least(lanes, {} - n)".format(split.columns), split.columns, "sum")
    scribe.store(split.to, scribe.value(split.term))
    finish = Call("tile.finish", (Name("row"), Name("column")))
    body = (*chain, Apply(finish, ("[[maybe_unused]] index m", "index n", "F sum"), tuple(scribe.statements)))
    call = Call(f"tiles<{row.size}, {split.columns}, {region.strands}>", ())
    return looped(outside, (Apply(call, ("auto tile", "index row", "index column"), body),))


def _chain(strands: int, split: _Split, axes: tuple[Axis, ...]) -> tuple[Stmt, ...]:
    """Return the loop over the contracted axes."""
    row_step = Name(str(axes[-1].strides[split.left]))
    column = Axis("column", split.columns, {split.right: 1})
    left = At(split.left.buffer.name, place(split.left, (*axes, *split.inner)))
    right_axes = [a for a in axes if a.strides[split.right]]
    right = At(split.right.buffer.name, place(split.right, (*right_axes, *split.inner, column)))
    if len(split.inner) == 1 and strands > 1:
        step = Do(Call("tile.step", (Name("s"), left, row_step, right)))
        call = Call(f"in_strands<{strands}>", (Name(str(split.inner[0].size)),))
        return (Apply(call, ("auto s", f"index {split.inner[0].variable}"), (step,)),)
    step = Do(Call("tile.step", (Name("number<0>{}"), left, row_step, right)))
    return looped(split.inner, (step,))


def _product_single(region: Product, split: _Split) -> tuple[Stmt, ...]:
    """Return the product one element at a time: for types without registers."""
    kind = scalar_type(region.left.buffer.element)
    views = (split.left, split.right, split.to, *(leaf.view for leaf in leaves(split.term)))
    strides = {**dict.fromkeys(views, 0), **split.column_strides, split.right: 1}
    column = Axis("n", split.columns, strides)
    axes = (*split.batch, *split.rows, column)
    inside = (*axes, *split.inner)
    left = Read(split.left.buffer.name, place(split.left, [a for a in inside if a.strides.get(split.left)]))
    right = Read(split.right.buffer.name, place(split.right, [a for a in inside if a.strides.get(split.right)]))
    slot = Name(f"strand[turn % {region.strands}]")
    chained = (
        Call("fma", (left, right, slot))
        if kind in ("float", "double")
        else Call("add", (slot, Call("mul", (left, right))))
    )
    step = (Assign(slot, chained), Assign(Name("turn"), Name("turn + 1")))
    join = Name("[](auto a, auto b) noexcept { return add(a, b); }")
    scribe = Scribe(axes, None, accumulator="sum")
    scribe.store(split.to, scribe.value(split.term))
    body = (
        Declare(kind, f"strand[{region.strands}]", Name("{}")),
        Declare("index", "turn", Name("0")),
        *looped(split.inner, step),
        Let("sum", Call(f"joined<{region.strands}>", (Name("strand"), join))),
        *scribe.statements,
    )
    return looped(axes, body)


# -------------------------------------------------------------------------------- choice, collection


def _choose(region: Choose) -> tuple[Stmt, ...]:
    source = replace(region.source, shape=region.source.shape[:-1], strides=region.source.strides[:-1])
    to = replace(region.to, shape=region.to.shape[:-1], strides=region.to.strides[:-1])
    axes = nest(source.shape, range(len(source.shape)), (source, to), "i")
    size, step = region.source.shape[-1], region.source.strides[-1]
    largest = "true" if region.op.largest else "false"
    call = Call(
        f"choose<{region.op.k}, {size}, {largest}>",
        (
            At(source.buffer.name, place(source, axes)),
            Name(str(step)),
            At(to.buffer.name, place(to, axes)),
            Name(str(region.to.strides[-1])),
        ),
    )
    return looped(axes, (Do(call),))


def _collect(region: Collect) -> tuple[Stmt, ...]:
    op, source, where, to = region.op, region.source, region.where, region.to
    rank = len(to.shape)
    before, inner = op.axis, len(where.shape) - op.batch
    spread = [*range(before), *([None] * inner), *range(op.axis + 1, len(source.shape))]
    from_ = replace(source, shape=to.shape, strides=tuple(0 if a is None else source.strides[a] for a in spread))
    index_axes = [*range(op.batch), *([None] * (before - op.batch)), *range(op.batch, len(where.shape))]
    index_axes += [None] * (rank - len(index_axes))
    at = replace(where, shape=to.shape, strides=tuple(0 if a is None else where.strides[a] for a in index_axes))
    outer = nest(to.shape, range(before + inner), (from_, at, to), "i")
    rest = nest(to.shape, range(before + inner, rank), (from_, at, to), "j")
    chosen = Let("chosen", Call(f"bounded<{source.shape[op.axis]}>", (Read(at.buffer.name, place(at, outer)),)))
    jump = Axis("chosen", 1, {from_: source.strides[op.axis]})
    if rest and source.buffer.element in spell.IN_REGISTERS and rest[-1].strides[from_] == rest[-1].strides[to] == 1:
        *loops, lane = rest
        axes = (*outer, *loops, lane)
        load = Call("load", (At(from_.buffer.name, place(from_, (*axes, jump))), Name("count")))
        store = Do(Call("store", (At(to.buffer.name, place(to, axes)), load, Name("count"))))
        lanes = Apply(Call(f"along<{lane.size}>", ()), (f"index {lane.variable}", "auto count"), (store,))
        return looped(outer, (chosen, *looped(loops, (lanes,))))
    axes = (*outer, *rest)
    copy = Assign(
        Read(to.buffer.name, place(to, axes)), Read(from_.buffer.name, place(from_, (*axes, jump)))
    )
    return looped(outer, (chosen, *looped(rest, (copy,))))


# ------------------------------------------------------------------------------- elementary functions


def elementary(op: Elementary) -> Function:
    """Return the function of an elementary operator, printed from its decomposition."""
    x = Node(Input("x", Tensor((), FLOAT32)))
    root = op.decompose(x)
    names: dict[Node, Expr] = {x: Name("x")}
    statements: list[Stmt] = []
    for node in ordered((root,)):
        if node in names:
            continue
        if isinstance(node.op, Const):
            number = Number(node.op.values.array.item(), node.type.element)
            names[node] = Call("like", (Name("x"), number))
            continue
        call = Call(spell.function(node.op, node.inputs[0].type.element), tuple(names[i] for i in node.inputs))
        name = f"t{len(statements)}"
        statements.append(Let(name, call))
        names[node] = Name(name)
    remark = f"{op.spelling()}: at most {op.ulp} ULP from the exact result, the same bits on every machine"
    head = f"template <class V>\nINFERON_INLINE V elementary_{op.spelling()}(V x)"
    return Function(head, remark, (*statements, Return(names[root])))


def elementary_used(regions: Iterable[Region]) -> list[Elementary]:
    """Return the elementary operators of all terms, and those that they are made of, in order of need."""
    found: dict[Elementary, None] = {}

    def visit(term: Term) -> None:
        if isinstance(term, Compute):
            for each in term.arguments:
                visit(each)
            if isinstance(term.op, Elementary):
                _with_parts(term.op, found)

    for region in regions:
        match region:
            case Map() | Reduce() | Product():
                visit(region.term)
            case Repeat(body=body):
                found.update(dict.fromkeys(elementary_used(body)))
    return list(found)


def _with_parts(op: Elementary, found: dict[Elementary, None]) -> None:
    for node in ordered((op.decompose(Node(Input("x", Tensor((), FLOAT32)))),)):
        if isinstance(node.op, Elementary):
            _with_parts(node.op, found)
    found.setdefault(op)
