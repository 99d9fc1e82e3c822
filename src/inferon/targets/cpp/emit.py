"""From regions to loops: the statements that compute one region.

A bias and a ReLU over 150 x 64 elements become::

    along<9600>([&](index i0, auto count) noexcept {
      const auto v0 = load(t1 + i0, count);
      ...
      store(t2 + i0, v3, count);
    });
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from inferon.ir.types import FLOAT32, Fixed, Float, Int
from inferon.ops.reduction import ReduceMax, ReduceMin
from inferon.ops.scatter import Scatter
from inferon.targets.cpp import spell
from inferon.targets.cpp.code import (
    Apply,
    Assign,
    At,
    Call,
    Declare,
    Do,
    Expr,
    For,
    If,
    Let,
    Name,
    Number,
    Read,
    Return,
    Stmt,
    scalar_type,
)
from inferon.targets.cpp.product import product_body
from inferon.targets.cpp.region import (
    Blocked,
    Choose,
    Collect,
    Deposit,
    Leaf,
    Map,
    Product,
    Reduce,
    Region,
    Repeat,
    leaves,
)
from inferon.targets.cpp.scribe import Axis, Scribe, looped, nest, place
from inferon.targets.cpp.spell import fits_registers
from inferon.targets.cpp.view import View, axis_order

CHOSEN_IN_REGISTERS = 16
"""So many best of a row are held in registers, each with its place: all 32 of AVX-512."""

ROWS_AT_ONCE = 8
"""Fewer rows than this leave most lanes empty."""


def region_body(region: Region) -> tuple[Stmt, ...]:
    """Return the statements of one region that is not a loop over steps."""
    match region:
        case Map():
            return _map(region)
        case Reduce():
            return _reduce(region)
        case Product():
            return product_body(region)
        case Choose():
            return _choose(region)
        case Collect():
            return _collect(region)
        case Deposit():
            return _deposit(region)
        case Repeat() | Blocked():
            raise AssertionError("loops over regions are printed where they are called")


def _map(region: Map) -> tuple[Stmt, ...]:
    views = (*region.views(), region.to)
    order = axis_order(region.to.strides, region.to.shape)
    axes = nest(region.to.shape, order, views, "i")
    if _is_turned(region, axes):
        return _turned(region, axes)
    if not axes or not fits_registers(region.term):
        scribe = Scribe(axes, None)
        scribe.store(region.to, scribe.value(region.term))
        return looped(axes, tuple(scribe.statements))
    *outer, lane = axes
    is_all = not outer and region.to.is_whole and not region.to.buffer.external
    scribe = Scribe(outer, lane, has_room=is_all)
    scribe.store(region.to, scribe.value(region.term))
    return looped(outer, (_along(lane, tuple(scribe.statements)),))


def _along(lane: Axis, body: tuple[Stmt, ...]) -> Stmt:
    """Return the loop over registers; what is the same in all lanes needs no place."""
    place_of_lanes = f"[[maybe_unused]] index {lane.variable}"
    return Apply(
        Call(f"along<{lane.size}>", ()), (place_of_lanes, "[[maybe_unused]] auto count"), body
    )


def _is_turned(region: Map, axes: Sequence[Axis]) -> bool:
    """Whether a region copies floats, and what lies side by side before does not afterwards."""
    if not isinstance(region.term, Leaf) or region.term.element != FLOAT32 or len(axes) < 2:
        return False
    *_, row, lane = axes
    return row.strides[region.term.view] == 1 == lane.strides[region.to]


def _turned(region: Map, axes: Sequence[Axis]) -> tuple[Stmt, ...]:
    assert isinstance(region.term, Leaf)
    view, to = region.term.view, region.to
    *outer, row, lane = axes
    apart = (Name(str(lane.strides[view])), Name(str(row.strides[to])))
    places = At(view.buffer.name, place(view, outer)), At(to.buffer.name, place(to, outer))
    call = Call(f"turned<{row.size}, {lane.size}>", (places[0], apart[0], places[1], apart[1]))
    return looped(outer, (Do(call),))


def _main(views: Sequence[View]) -> View | None:
    return max(views, key=lambda view: sum(s != 0 for s in view.strides), default=None)


def _reduce(region: Reduce) -> tuple[Stmt, ...]:
    kept_axes = [axis for axis in range(len(region.shape)) if axis not in region.op.axes]
    strides = dict.fromkeys(range(len(region.shape)), 0)
    for axis, stride in zip(kept_axes, region.to.strides, strict=True):
        strides[axis] = stride
    to = replace(
        region.to, shape=region.shape, strides=tuple(strides[a] for a in range(len(region.shape)))
    )
    views = (*region.views(), to)
    order = [kept_axes[i] for i in axis_order(region.to.strides, region.to.shape)]
    kept = nest(region.shape, order, views, "i")
    reduced = nest(region.shape, region.op.axes, views, "k")
    main = _main(region.views())
    if not fits_registers(region.term) or region.term.element != FLOAT32 or main is None:
        return _reduce_single(region, to, kept, reduced)
    across = len(reduced) == 1 and (reduced[0].strides[main] == 1 or not kept)
    if across:
        return _reduce_across(region, to, kept, reduced[0])
    if not kept:
        return _reduce_single(region, to, kept, reduced)
    return _reduce_beside(region, to, kept, reduced)


def _identity(region: Reduce) -> Number:
    element = region.term.element
    if isinstance(element, Fixed):  # exact: any order will do, and so will an end of the range
        match region.op:
            case ReduceMax():
                return Number(element.lowest, element)
            case ReduceMin():
                return Number(element.highest, element)
            case _:
                return Number(0, element)
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


def _reduce_beside(
    region: Reduce, to: View, kept: list[Axis], reduced: list[Axis]
) -> tuple[Stmt, ...]:
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
    body = (
        *start,
        *_chained(reduced, strands, tuple(scribe.statements), term),
        *finish.statements,
    )
    return looped(outer, (_along(lane, body),))


def _chained(
    reduced: list[Axis], strands: int, statements: tuple[Stmt, ...], term: Expr
) -> tuple[Stmt, ...]:
    """Return the loop that adds each element to its strand."""
    if len(reduced) == 1:
        (axis,) = reduced
        step = Assign(Name("strand[s]"), Call("combine", (Name("strand[s]"), term)))
        call = Call(f"in_strands<{strands}>", (Name(str(axis.size)),))
        return (
            Apply(
                call, ("auto s", f"[[maybe_unused]] index {axis.variable}"), (*statements, step)
            ),
        )
    slot = Name(f"strand[turn % {strands}]")
    turn = Assign(Name("turn"), Name("turn + 1"))
    body = (*statements, Assign(slot, Call("combine", (slot, term))), turn)
    return (Declare("index", "turn", Name("0")), *looped(reduced, body))


def _reduce_single(
    region: Reduce, to: View, kept: list[Axis], reduced: list[Axis]
) -> tuple[Stmt, ...]:
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


def _choose(region: Choose) -> tuple[Stmt, ...]:
    """Return the choice row by row, or for a register of rows that lie side by side."""
    source = replace(
        region.source, shape=region.source.shape[:-1], strides=region.source.strides[:-1]
    )
    to = replace(region.to, shape=region.to.shape[:-1], strides=region.to.strides[:-1])
    order = axis_order(source.strides, source.shape)
    axes = nest(source.shape, order, (source, to), "i")
    size, step = region.source.shape[-1], region.source.strides[-1]
    largest = "true" if region.op.largest else "false"
    template = f"<{region.op.k}, {size}, {largest}>"
    read = At(source.buffer.name, place(source, axes))
    write = At(to.buffer.name, place(to, axes))
    steps = Name(str(step)), Name(str(region.to.strides[-1]))
    if not _fills_registers(region, source, axes):
        call = Call(f"choose{template}", (read, steps[0], write, steps[1]))
        return looped(axes, (Do(call),))
    *outer, lane = axes
    row_step = Name(str(lane.strides[to]))
    given = (read, steps[0], write, row_step, steps[1], Name("count"))
    return looped(outer, (_along(lane, (Do(Call(f"choose_rows{template}", given)),)),))


def _fills_registers(region: Choose, source: View, axes: Sequence[Axis]) -> bool:
    """Whether rows lie side by side, and a row's best fit registers."""
    if not axes or region.op.k > CHOSEN_IN_REGISTERS or source.buffer.element != FLOAT32:
        return False
    return axes[-1].strides[source] == 1 and axes[-1].size >= ROWS_AT_ONCE


def _collect(region: Collect) -> tuple[Stmt, ...]:
    op, source, where, to = region.op, region.source, region.where, region.to
    rank = len(to.shape)
    before, inner = op.axis, len(where.shape) - op.batch
    spread = [*range(before), *([None] * inner), *range(op.axis + 1, len(source.shape))]
    from_ = replace(
        source,
        shape=to.shape,
        strides=tuple(0 if a is None else source.strides[a] for a in spread),
    )
    index_axes = [
        *range(op.batch),
        *([None] * (before - op.batch)),
        *range(op.batch, len(where.shape)),
    ]
    index_axes += [None] * (rank - len(index_axes))
    at = replace(
        where,
        shape=to.shape,
        strides=tuple(0 if a is None else where.strides[a] for a in index_axes),
    )
    outer = nest(to.shape, range(before + inner), (from_, at, to), "i")
    rest = nest(to.shape, range(before + inner, rank), (from_, at, to), "j")
    chosen = Declare(
        "[[maybe_unused]] const index",  # where the source repeats along the axis
        "chosen",
        Call(f"bounded<{source.shape[op.axis]}>", (Read(at.buffer.name, place(at, outer)),)),
    )
    jump = Axis("chosen", 1, {from_: source.strides[op.axis]})
    if (
        rest
        and source.buffer.element in spell.IN_REGISTERS
        and rest[-1].strides[from_] == rest[-1].strides[to] == 1
    ):
        *loops, lane = rest
        axes = (*outer, *loops, lane)
        load = Call("load", (At(from_.buffer.name, place(from_, (*axes, jump))), Name("count")))
        store = Do(Call("store", (At(to.buffer.name, place(to, axes)), load, Name("count"))))
        return looped(outer, (chosen, *looped(loops, (_along(lane, (store,)),))))
    axes = (*outer, *rest)
    copy = Assign(
        Read(to.buffer.name, place(to, axes)), Read(from_.buffer.name, place(from_, (*axes, jump)))
    )
    return looped(outer, (chosen, *looped(rest, (copy,))))


def _deposit(region: Deposit) -> tuple[Stmt, ...]:
    """Return loops over the index, inside of them loops over the slice that one update is."""
    op, shape = region.op, region.shape
    inner = len(region.where.shape) - op.batch
    indexed = [*range(op.batch), *range(op.axis, op.axis + inner)]
    slices = [axis for axis in range(len(shape)) if axis not in indexed]
    at = replace(
        region.where,
        shape=shape,
        strides=_placed(region.where.strides, indexed, len(shape)),
    )
    kept = [*range(op.axis), *range(op.axis + inner, len(shape))]
    own = [*region.to.strides[: op.axis], *region.to.strides[op.axis + 1 :]]
    to = replace(region.to, shape=shape, strides=_placed(own, kept, len(shape)))
    views = (*(leaf.view for leaf in leaves(region.term)), at, to)
    outer = nest(shape, indexed, views, "i")
    rest = nest(shape, slices, views, "j")
    size, step = region.to.shape[op.axis], region.to.strides[op.axis]
    read = Read(at.buffer.name, place(at, outer))
    chosen = Declare("const index", "chosen", Call(f"inside<{size}>", (read,)))
    jump = Axis("chosen", 1, {**dict.fromkeys(views, 0), to: step})
    lane = (
        rest.pop() if rest and rest[-1].strides[to] == 1 and fits_registers(region.term) else None
    )
    scribe = Scribe((*outer, *rest, jump), lane)
    scribe.store(to, _met(op, scribe, to, region))
    body = tuple(scribe.statements)
    if lane:
        body = (_along(lane, body),)
    return looped(outer, (chosen, If(Name("chosen >= 0"), looped(rest, body))))


def _met(op: Scatter, scribe: Scribe, to: View, region: Deposit) -> Expr:
    """Return what an element becomes when it meets its update."""
    name = spell.MEET[op.combine]
    update = scribe.value(region.term)
    return Call(name, (scribe.let(scribe.leaf(to)), update)) if name else update


def _placed(strides: Sequence[int], axes: Sequence[int], rank: int) -> tuple[int, ...]:
    """Return the strides of a view that repeats along all axes but some."""
    given = dict(zip(axes, strides, strict=True))
    return tuple(given.get(axis, 0) for axis in range(rank))
