"""Views: where the elements of a tensor lie in a buffer.

Moving elements is arithmetic on strides.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from inferon.ir.node import Op
from inferon.ir.types import Element
from inferon.ir.values import Array
from inferon.ops import movement

Strides = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Buffer:
    """A piece of memory; ``array`` holds the content of constants."""

    name: str
    element: Element
    size: int
    array: Array | None = None
    external: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """Element ``i`` of the tensor lies at ``offset + sum(i * strides)`` of the buffer."""

    buffer: Buffer
    shape: tuple[int, ...]
    strides: Strides
    offset: int = 0

    @property
    def is_dense(self) -> bool:
        """Whether the elements lie in row-major order without gaps."""
        wanted = dense(self.shape)
        return all(
            s == w for s, w, n in zip(self.strides, wanted, self.shape, strict=True) if n != 1
        )

    @property
    def is_whole(self) -> bool:
        """Whether the view is its buffer, in row-major order."""
        return self.is_dense and self.offset == 0 and prod(self.shape) == self.buffer.size


def dense(shape: tuple[int, ...]) -> Strides:
    """Return the strides of row-major order."""
    strides = []
    step = 1
    for size in reversed(shape):
        strides.append(step)
        step *= size
    return tuple(reversed(strides))


def moved(view: View, op: Op, shape: tuple[int, ...]) -> View | None:
    """Return the view after a movement to ``shape``, or None where that needs a copy."""
    match op:
        case movement.Reshape():
            return reshaped(view, shape)
        case movement.Transpose(order=order):
            return replace(view, shape=shape, strides=tuple(view.strides[axis] for axis in order))
        case movement.Broadcast():
            return broadcasted(view, shape)
        case movement.Slice(axis=axis, start=start, step=step):
            strides = list(view.strides)
            offset = view.offset + start * strides[axis]
            strides[axis] *= step
            return replace(view, shape=shape, strides=tuple(strides), offset=offset)
        case movement.Window(axis=axis, stride=stride, dilation=dilation):
            along = view.strides[axis]
            strides = [*view.strides, along * dilation]
            strides[axis] = along * stride
            return replace(view, shape=shape, strides=tuple(strides))
        case _:
            return None


def broadcasted(view: View, shape: tuple[int, ...]) -> View:
    """Return the view repeated to ``shape``."""
    lead = len(shape) - len(view.shape)
    kept = [s if n != 1 else 0 for s, n in zip(view.strides, view.shape, strict=True)]
    return replace(view, shape=shape, strides=(0,) * lead + tuple(kept))


def reshaped(view: View, shape: tuple[int, ...]) -> View | None:
    """Return the view under another shape where the strides allow it.

    Both shapes are split into the shortest groups of axes with equal products; within a group
    the old axes must lie one inside the other.
    """
    if prod(shape) == 0:
        return replace(view, shape=shape, strides=dense(shape))
    old = [(n, s) for n, s in zip(view.shape, view.strides, strict=True) if n != 1]
    strides: list[int] = []
    at = 0
    for size in _grouped(shape, [n for n, _ in old]):
        wanted, taken = size
        group = old[at : at + taken]
        at += taken
        if any(group[i][1] != group[i + 1][1] * group[i + 1][0] for i in range(len(group) - 1)):
            return None
        step = group[-1][1] if group else 0
        inner: list[int] = []
        for n in reversed(wanted):
            inner.append(step)
            step *= n
        strides.extend(reversed(inner))
    return replace(view, shape=shape, strides=tuple(strides))


def is_one_axis(view: View, begin: int, end: int) -> bool:
    """Return whether the axes from ``begin`` to ``end`` can be walked as one."""
    return merged(view, begin, end) is not None


def merged(view: View, begin: int, end: int) -> View | None:
    """Return the view with the axes from ``begin`` to ``end`` as one; None where that copies."""
    flat = (*view.shape[:begin], prod(view.shape[begin:end]), *view.shape[end:])
    return reshaped(view, flat)


def _grouped(new: tuple[int, ...], old: list[int]) -> list[tuple[list[int], int]]:
    """Return groups (new axes, number of old axes) with equal products."""
    groups: list[tuple[list[int], int]] = []
    at = 0
    wanted: list[int] = []
    have = 1
    taken = 0
    for size in new:
        wanted.append(size)
        while have < prod(wanted):
            have *= old[at]
            at += 1
            taken += 1
        if have == prod(wanted):
            groups.append((wanted, taken))
            wanted, have, taken = [], 1, 0
    if wanted:
        groups.append((wanted, taken))
    return groups


def axis_order(strides: tuple[int, ...], shape: tuple[int, ...]) -> list[int]:
    """Return the axes from far apart to side by side.

    Where a view repeats, the given order stays.
    """
    moving = [axis for axis in range(len(shape)) if strides[axis] != 0 and shape[axis] != 1]
    ordered = iter(sorted(moving, key=lambda axis: -abs(strides[axis])))
    return [next(ordered) if axis in moving else axis for axis in range(len(shape))]
