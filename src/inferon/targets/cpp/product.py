"""Products: from a region to tiles of registers.

With the term behind it computed before anything is stored.

A product of 150 rows and 64 columns with a bias and a ReLU behind it becomes::

    tiles<150, 64, 1>([&](auto tile, index row, index column) noexcept {
      for (index k0 = 0; k0 < 32; ++k0) {
        tile.step(number<0>{}, t1 + row * 32 + k0, 32, c2 + k0 * 64 + column);
      }
      tile.finish(row, column, [&](index m, index n, F sum) noexcept {
        const auto v0 = load_row<64>(c3, n);
        const auto v1 = add(sum, v0);
        ...
        store_row<64>(t4 + m * 64, n, v3);
      });
    });
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from inferon.ir.types import FLOAT32
from inferon.targets.cpp.code import (
    Apply,
    Assign,
    At,
    Call,
    Declare,
    Do,
    Let,
    Name,
    Read,
    Stmt,
    scalar_type,
)
from inferon.targets.cpp.region import Product, Term, leaves, replaced
from inferon.targets.cpp.scribe import Axis, Scribe, looped, nest, place
from inferon.targets.cpp.spell import fits_registers
from inferon.targets.cpp.view import View, reshaped


@dataclass(frozen=True, slots=True)
class _Split:
    """The axes of a product.

    Every view runs over batch, rows, columns (one axis) or contracted axes.
    """

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
    inner_left = replace(
        region.left, shape=region.left.shape[rows_at:], strides=region.left.strides[rows_at:]
    )
    lead = region.batch
    inner_right = replace(
        region.right,
        shape=region.right.shape[lead : lead + region.contract],
        strides=region.right.strides[lead : lead + region.contract],
    )
    inner = [
        Axis(
            axis.variable,
            axis.size,
            {left: axis.strides[inner_left], right: axis.strides[inner_right]},
        )
        for axis in nest(inner_left.shape, range(region.contract), (inner_left, inner_right), "k")
    ]
    term = replaced(region.term, flat.__getitem__)
    column_strides = {view: view.strides[-1] for view in flat.values()}
    return _Split(batch, rows, columns, inner, left, right, flat[region.to], term, column_strides)


def _spread(view: View, axes: list[int | None], region: Product) -> View:
    """Return a view over (batch, rows, columns): stride 0 where an axis does not concern it."""
    strides = tuple(0 if axis is None else view.strides[axis] for axis in axes)
    return replace(view, shape=(*region.to.shape[: len(axes) - 1], 1), strides=strides)


def product_body(region: Product) -> tuple[Stmt, ...]:
    """Return the statements of a product."""
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
    alone = prod(axis.size for axis in (*outside, row)) == 1
    scribe = Scribe(
        (*outside, lane_row),
        column,
        f"least(lanes, {split.columns} - n)",
        split.columns,
        "sum",
        has_room=alone and not split.to.buffer.external,
    )
    scribe.store(split.to, scribe.value(split.term))
    finish = Call("tile.finish", (Name("row"), Name("column")))
    body = (
        *chain,
        Apply(finish, ("[[maybe_unused]] index m", "index n", "F sum"), tuple(scribe.statements)),
    )
    terms = prod(axis.size for axis in split.inner)
    call = Call(f"tiles<{row.size}, {split.columns}, {terms}, {region.strands}>", ())
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
        call = Call("tile.chains", (Name(str(split.inner[0].size)),))
        return (
            Apply(call, ("auto s", f"[[maybe_unused]] index {split.inner[0].variable}"), (step,)),
        )
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
    left = Read(
        split.left.buffer.name, place(split.left, [a for a in inside if a.strides.get(split.left)])
    )
    right = Read(
        split.right.buffer.name,
        place(split.right, [a for a in inside if a.strides.get(split.right)]),
    )
    slot = Name(f"strand[turn % {region.strands}]")
    chained = (
        Call("fma", (left, right, slot))
        if kind in ("float", "double")
        else Call("add", (slot, Call("mul", (left, right))))
    )
    step: tuple[Stmt, ...] = (Assign(slot, chained), Assign(Name("turn"), Name("turn + 1")))
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
