"""Elements of an axis at places that are known at import, by the cheapest movement there is.

Padding with edges, reflections and copies, and the nearest neighbor of a resized image, all take
elements of an axis at constant places.  Slices and repetition are free or nearly so on a target;
only what is neither becomes a gather.
"""

from __future__ import annotations

import numpy as np

from inferon.ir.node import Node
from inferon.ir.values import Array
from inferon.ops import build as b

MOST_PARTS = 4
"""Up to so many slices are joined; of more parts, one gather is the shorter program."""


def picked(x: Node, axis: int, places: Array) -> Node:
    """Return the elements ``places`` (a vector of at least one, all inside) of an axis."""
    repeats = _repeats(places)
    if repeats > 1:
        return _repeated(picked(x, axis, places[::repeats]), axis, repeats)
    starts = _runs(places)
    if len(starts) <= MOST_PARTS:
        ends = [*starts[1:], len(places)]
        parts = [_part(x, axis, places[i:j]) for i, j in zip(starts, ends, strict=True)]
        return b.concat(parts, axis)
    return b.gather(x, b.constant(places.astype(np.int64)), axis)


def _repeats(places: Array) -> int:
    """Return how often every element comes, if that is the same number for all."""
    changes = np.flatnonzero(np.diff(places)) + 1
    return int(np.gcd.reduce(np.append(changes, len(places))))


def _repeated(x: Node, axis: int, number: int) -> Node:
    before, size, after = x.type.shape[:axis], x.type.shape[axis], x.type.shape[axis + 1 :]
    assert isinstance(size, int)
    wide = b.broadcast(b.reshape(x, (*before, size, 1, *after)), (*before, size, number, *after))
    return b.reshape(wide, (*before, size * number, *after))


def _runs(places: Array) -> list[int]:
    """Return where runs of one step begin, each as long as it can be; the first few of many."""
    steps = np.diff(places)
    starts = [0]
    while len(starts) <= MOST_PARTS and starts[-1] < len(steps):
        rest = steps[starts[-1] :]
        others = np.flatnonzero(rest != rest[0])
        if not others.size:
            break
        starts.append(starts[-1] + int(others[0]) + 1)
    return starts


def _part(x: Node, axis: int, run: Array) -> Node:
    """Return the elements of one run."""
    first = int(run[0])
    step = int(run[1] - run[0]) if len(run) > 1 else 1
    if step == 0:
        return _repeated(b.slice_(x, axis, first, 1), axis, len(run))
    return b.slice_(x, axis, first, len(run), step)
