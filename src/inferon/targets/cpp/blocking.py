"""Regions in a row whose intermediate is large run block by block, so that it stays in the cache.

The scores of attention, (heads, keys, queries), are written by a product, reduced, exponentiated,
summed and multiplied by the values.  All five regions have heads and queries as free axes: one
head and some queries after the other, the scores of a block never leave the first-level cache::

    for (index g0 = 0; g0 < 4; ++g0)      // heads
      for (index g1 = 0; g1 < 4; ++g1) {  // 32 queries each
        scores(keys + g0 * 1024, queries + g0 * 1024 + g1 * 32, t1);
        largest(t1, t2);
        ...
      }

Each region is the same as before on fewer elements; pointers move from block to block.  No bit
changes: which elements a loop computes first is not part of their meaning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from inferon.targets.cpp.memory import REGISTER, size_bytes, touched
from inferon.targets.cpp.region import (
    Block,
    Blocked,
    Free,
    Map,
    Product,
    Reduce,
    Region,
    replaced,
    viewed,
)
from inferon.targets.cpp.view import Buffer, View

LARGE_BYTES = 1 << 16
"""An intermediate of two first-level caches (32 KiB each on Zen 4) is worth blocks."""

BLOCK_BYTES = 1 << 14
"""A block of it takes half of that cache (128 x 128 scores on Zen 4: 35.7 us, a quarter 36.9)."""


def blocked(regions: Sequence[Region]) -> tuple[Region, ...]:
    """Return the regions with those in blocks that share a large intermediate."""
    done: list[Region] = []
    at = 0
    while at < len(regions):
        group = _group(regions, at)
        done.append(group or regions[at])
        at += len(group.body) if group else 1
    return tuple(done)


def _group(regions: Sequence[Region], first: int) -> Blocked | None:
    """Return regions from one that writes a large intermediate on, to the last reader of such."""
    ends = [first]
    while (end := _last_reader(regions, first, ends[-1])) > ends[-1]:
        ends.append(end)
    found = (_of(regions, first, end) for end in reversed(ends[1:]))
    return next((group for group in found if group), None)


def _last_reader(regions: Sequence[Region], first: int, last: int) -> int:
    """Return the last region that touches a large intermediate which some regions write."""
    large = {
        each.to.buffer
        for each in regions[first : last + 1]
        if isinstance(each, Product | Map) and _is_large(each.to.buffer)
    }
    readers = (at for at, each in enumerate(regions) if large.intersection(touched(each)))
    return max(readers, default=last)


def _is_large(buffer: Buffer) -> bool:
    return _is_inner(buffer) and size_bytes(buffer) >= LARGE_BYTES


def _of(regions: Sequence[Region], first: int, last: int) -> Blocked | None:
    """Return some regions in blocks; None where they cannot be, or where that gains nothing."""
    body = regions[first : last + 1]
    free = [each for each in body if isinstance(each, Free)]
    writer = free[0] if free else None
    if len(free) < len(body) or not isinstance(writer, Product) or not _is_large(writer.to.buffer):
        return None
    if len({each.to.buffer for each in free}) < len(free):
        return None
    others = [*regions[:first], *regions[last + 1 :]]
    kept = {buffer for each in others for buffer in touched(each)}
    local = {each.to.buffer for each in free if _is_inner(each.to.buffer)} - kept
    return _in_blocks(free, local) if writer.to.buffer in local else None


def _is_inner(buffer: Buffer) -> bool:
    return buffer.array is None and not buffer.external


# ------------------------------------------------------------------------------------------- axes


@dataclass(frozen=True, slots=True)
class _Cut:
    """An axis that is free in all regions: its number in each of them, and the size of a block."""

    axes: tuple[int, ...]
    size: int
    block: int


def _in_blocks(body: list[Free], local: set[Buffer]) -> Blocked | None:
    """Return the body cut along axes that are free in all; None where blocks are too large."""
    writer = body[0]
    assert isinstance(writer, Product)
    cuts = []
    rest = size_bytes(writer.to.buffer)
    for axis in (*range(writer.batch), len(writer.to.shape) - 1):
        size = writer.to.shape[axis]
        block = 1 if axis < writer.batch else _lanes_of(size, rest)
        axes = _followed(body, axis) if block < size else None
        if axes is not None and rest > BLOCK_BYTES:
            cuts.append(_Cut(axes, size, block))
            rest = rest * block // size
    if not cuts or rest > BLOCK_BYTES:
        return None
    stand_ins = [_stand_in(region) for region in body]
    body = [_told_apart(*each) for each in zip(body, stand_ins, strict=True)]
    moves = [_moves(region, at, cuts) for at, region in enumerate(body)]
    small = [_restricted(region, at, cuts) for at, region in enumerate(body)]
    if any(each is None for each in moves):
        return None
    packed = _packed(small, local)
    if packed is None:
        return None
    steps = tuple(
        Block(region, {b: m for b, m in (given or {}).items() if b not in local and any(m)}, other)
        for region, given, other in zip(packed, moves, stand_ins, strict=True)
    )
    counts = tuple(each.size // each.block for each in cuts)
    return Blocked(counts, steps, writer.origin)


def _lanes_of(size: int, large_bytes: int) -> int:
    """Return so many whole registers of an axis that a block is small enough, or all of it."""
    if size % REGISTER:
        return size
    for block in range(size, REGISTER, -REGISTER):
        if size % block == 0 and large_bytes * block <= BLOCK_BYTES * size:
            return block
    return REGISTER


def _followed(body: Sequence[Free], axis: int) -> tuple[int, ...] | None:
    """Return an axis of the first region in each of them; None where it is not free in all."""
    size = body[0].to.shape[axis]
    strides = {body[0].to.buffer: body[0].to.strides[axis]}
    axes = [axis]
    for region in body[1:]:
        found = {
            at
            for view, places in _operands(region)
            if view.buffer in strides
            for at, place in places.items()
            if view.shape[place] == size and view.strides[place] == strides[view.buffer]
        }
        if len(found) != 1:
            return None
        (at,) = found
        for view, places in _operands(region):
            if view.buffer in strides and _stride(view, places, at) != strides[view.buffer]:
                return None
        strides[region.to.buffer] = region.to.strides[_place_in_result(region, at)]
        axes.append(at)
    return tuple(axes)


def _operands(region: Free) -> Iterator[tuple[View, Mapping[int, int]]]:
    """Yield what a region reads, each with the place of the region's free axes in it."""
    if isinstance(region, Product):
        rank, rows = len(region.to.shape), len(region.left.shape) - region.contract
        yield region.left, {at: at for at in range(rows)}
        columns = {rank - 1: len(region.right.shape) - 1} if rank - rows == 1 else {}
        yield region.right, {at: at for at in range(region.batch)} | columns
        yield from ((view, {at: at for at in range(rank)}) for view in region.views()[2:])
        return
    shape = region.shape if isinstance(region, Reduce) else region.to.shape
    for view in region.views():
        yield view, {at: at for at in range(len(shape)) if _is_kept(region, at)}


def _is_kept(region: Free, axis: int) -> bool:
    return not isinstance(region, Reduce) or axis not in region.op.axes


def _stride(view: View, places: Mapping[int, int], axis: int) -> int:
    return view.strides[places[axis]] if axis in places else 0


def _place_in_result(region: Free, axis: int) -> int:
    if isinstance(region, Reduce):
        return axis - sum(dropped < axis for dropped in region.op.axes)
    return axis


# ----------------------------------------------------------------------------------------- blocks


def _stand_in(region: Free) -> dict[Buffer, Buffer]:
    """Return a second name of a buffer that a product reads on both sides, as of queries and keys.

    Its two pointers move in different ways.
    """
    if not isinstance(region, Product) or region.left.buffer is not region.right.buffer:
        return {}
    both = region.right.buffer
    return {replace(both, name=f"{both.name}_right"): both}


def _told_apart(region: Free, stand_in: Mapping[Buffer, Buffer]) -> Free:
    """Return the region with its right operand read through the stand-in, if there is one."""
    if not isinstance(region, Product) or not stand_in:
        return region
    (other,) = stand_in
    return replace(region, right=replace(region.right, buffer=other))


def _moves(
    region: Free, number: int, cuts: Sequence[_Cut]
) -> dict[Buffer, tuple[int, ...]] | None:
    """Return how far each buffer's pointer moves from block to block, for each cut."""
    moves: dict[Buffer, tuple[int, ...]] = {}
    result = region.to, {a: _place_in_result(region, a) for a in _free_axes(region)}
    for view, places in (*_operands(region), result):
        steps = tuple(_stride(view, places, cut.axes[number]) * cut.block for cut in cuts)
        if moves.setdefault(view.buffer, steps) != steps:
            return None
    return moves


def _free_axes(region: Free) -> range | list[int]:
    if isinstance(region, Reduce):
        return [axis for axis in range(len(region.shape)) if _is_kept(region, axis)]
    return range(len(region.to.shape))


def _restricted(region: Free, number: int, cuts: Sequence[_Cut]) -> Free:
    """Return the region on the first block."""
    for cut in cuts:
        region = _cut_at(region, cut.axes[number], cut.block)
    return region


def _cut_at(region: Free, axis: int, block: int) -> Free:
    def cut(view: View, place: int | None) -> View:
        if place is None:
            return view
        shape = (*view.shape[:place], block, *view.shape[place + 1 :])
        return replace(view, shape=shape)

    to = cut(region.to, _place_in_result(region, axis))
    if isinstance(region, Product):
        (_, in_left), (_, in_right), *_ = _operands(region)
        return replace(
            region,
            left=cut(region.left, in_left.get(axis)),
            right=cut(region.right, in_right.get(axis)),
            term=replaced(region.term, lambda view: cut(view, axis)),
            to=to,
        )
    term = replaced(region.term, lambda view: cut(view, axis))
    if isinstance(region, Reduce):
        shape = (*region.shape[:axis], block, *region.shape[axis + 1 :])
        return replace(region, term=term, shape=shape, to=to)
    return replace(region, term=term, to=to)


def _packed(body: Sequence[Free], local: set[Buffer]) -> list[Free] | None:
    """Return the regions on buffers that hold one block only; None where a view does not fit."""
    smaller: dict[Buffer, Buffer] = {}
    strides: dict[Buffer, dict[int, int]] = {}
    for region in body:
        buffer, to = region.to.buffer, region.to
        if buffer in local:
            strides[buffer] = _dense_strides(to)
            smaller[buffer] = Buffer(buffer.name, buffer.element, prod(to.shape))

    def fits(view: View) -> bool:
        known = strides.get(view.buffer)
        pairs = zip(view.strides, view.shape, strict=True)
        return known is None or all(s == 0 or n == 1 or s in known for s, n in pairs)

    def packed(view: View) -> View:
        known = strides.get(view.buffer, {})
        buffer = smaller.get(view.buffer, view.buffer)
        return replace(view, buffer=buffer, strides=tuple(known.get(s, s) for s in view.strides))

    views = [view for region in body for view in (*region.views(), region.to)]
    if not all(fits(view) and (view.buffer not in local or not view.offset) for view in views):
        return None
    return [viewed(region, packed) for region in body]


def _dense_strides(to: View) -> dict[int, int]:
    """Return the strides that a block has when nothing lies between its elements."""
    pairs = sorted((s, n) for s, n in zip(to.strides, to.shape, strict=True) if n > 1)
    found, step = {}, 1
    for stride, size in pairs:
        found[stride] = step
        step *= size
    return found
