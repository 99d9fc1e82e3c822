"""NonMaxSuppression: of boxes that overlap, the one with the highest score.

A loop over the boxes of each class, highest score first (of equal scores the lowest index): a box
is kept if its score is above the threshold, fewer boxes than asked for are kept already, and it
overlaps with none of them by more than the threshold.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from inferon.frontends.onnx.call import (
    Call,
    Counted,
    Refused,
    Table,
    constant_array,
    fixed_shape,
)
from inferon.frontends.onnx.limits import MAX_TURNS
from inferon.frontends.onnx.operators.selection import Selection
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import BOOL, INT64
from inferon.ir.values import storage
from inferon.ops import build as b
from inferon.ops.base import require

Corners = tuple[Node, Node, Node, Node]
"""Lowest and highest y, lowest and highest x: one number for each box."""


def _non_max_suppression(call: Call) -> Counted:
    boxes, scores = call.node(0), call.node(1)
    batches, classes, number = fixed_shape(scores, "NonMaxSuppression")
    require(boxes.type.shape == (batches, number, 4), "{} for {}", boxes.type, scores.type)
    if number > MAX_TURNS:
        raise Refused(f"NonMaxSuppression of {number} boxes", f"at most {MAX_TURNS}")
    rows = batches * classes
    scores = b.reshape(scores, (rows, number))
    order = b.top_k(scores, number)
    ranked = b.gather(scores, order, 1, batch=1)
    candidates = b.broadcast(b.constant(np.ones((), np.bool_)), (rows, number))
    if call.has(4):
        candidates = b.less(b.reshape(call.node(4), ()), ranked)
    each = b.reshape(
        b.broadcast(b.expand(boxes, 1), (batches, classes, number, 4)), (rows, number, 4)
    )
    corners = _corners(
        b.gather(each, order, 1, batch=1), bool(call.integer("center_point_box", 0))
    )
    wanted = b.cast(_scalar(call, 2, np.int64), INT64)
    kept = _kept(corners, candidates, _scalar(call, 3, storage(boxes.type.element)), wanted)
    most = constant_array(wanted)
    each_most = number if most is None else max(1, min(number, int(most)))
    places = [b.constant(np.repeat(np.arange(rows) // classes, number))]
    places += [b.constant(np.repeat(np.arange(rows) % classes, number))]
    places += [b.reshape(order, (rows * number,))]
    triples = b.concat([b.expand(place, 1) for place in places], 1)
    chosen = Selection.of(b.reshape(kept, (rows * number,)), rows * each_most)
    return chosen.taken(triples, 0)


def _scalar(call: Call, position: int, dtype: np.dtype[Any] | type) -> Node:
    """Return an optional number, 0 where it is left out."""
    if call.has(position):
        return b.reshape(call.node(position), ())
    return b.constant(np.zeros((), dtype))


def _corners(boxes: Node, centered: bool) -> Corners:
    """Return the ends of boxes (rows, boxes, 4), given by corners or by center and size."""
    parts = [b.squeeze(b.slice_(boxes, 2, i, 1), 2) for i in range(4)]
    if not centered:
        y1, x1, y2, x2 = parts
    else:
        x, y, width, height = parts
        half_x, half_y = b.mul(width, 0.5), b.mul(height, 0.5)
        y1, x1, y2, x2 = b.sub(y, half_y), b.sub(x, half_x), b.add(y, half_y), b.add(x, half_x)
    return b.minimum(y1, y2), b.maximum(y1, y2), b.minimum(x1, x2), b.maximum(x1, x2)


def _area(corners: Corners) -> Node:
    y1, y2, x1, x2 = corners
    return b.mul(b.sub(y2, y1), b.sub(x2, x1))


def _overlap(one: Corners, all_: Corners) -> tuple[Node, Node]:
    """Return the areas that boxes (rows, 1) and (rows, boxes) share, and that they cover."""
    y = b.sub(b.minimum(one[1], all_[1]), b.maximum(one[0], all_[0]))
    x = b.sub(b.minimum(one[3], all_[3]), b.maximum(one[2], all_[2]))
    shared = b.mul(b.maximum(y, 0.0), b.maximum(x, 0.0))
    return shared, b.sub(b.add(_area(one), _area(all_)), shared)


def _kept(corners: Corners, candidates: Node, limit: Node, wanted: Node) -> Node:
    """Return which boxes (rows, boxes) are kept; they are ordered by score."""
    rows, number = fixed_shape(candidates, "NonMaxSuppression")
    element = limit.type.element
    kept, here = b.input_("kept", (rows, number), BOOL), b.input_("here", (number,), BOOL)
    candidate = b.input_("candidate", (rows,), BOOL)
    one = tuple(b.input_(f"box{i}", (rows,), element) for i in range(4))
    every = tuple(b.input_(f"boxes{i}", (rows, number), element) for i in range(4))
    most, most_overlap = b.input_("most", (), INT64), b.input_("limit", (), element)

    shared, covered = _overlap(_column(one), (every[0], every[1], every[2], every[3]))
    overlaps = b.less(b.broadcast(most_overlap, (rows, number)), b.div(shared, covered))
    worse = b.reduce_max(b.cast(b.and_(kept, overlaps), INT64), [1])
    so_far = b.sum_(b.cast(kept, INT64), [1])
    good = b.and_(candidate, b.and_(b.equal(worse, 0), b.less(so_far, b.broadcast(most, (rows,)))))
    following = b.or_(kept, b.and_(b.expand(good, 1), b.reshape(here, (1, number))))
    body = Graph(
        "keep",
        (kept, here, candidate, *one, *every, most, most_overlap),
        (following,),
        ("next",),
    )
    none = b.broadcast(b.constant(np.zeros((), np.bool_)), (rows, number))
    steps = [b.constant(np.eye(number, dtype=np.bool_)), b.transpose(candidates, (1, 0))]
    steps += [b.transpose(each, (1, 0)) for each in corners]
    return b.fold(body, none, steps, [*corners, wanted, limit])


def _column(one: tuple[Node, ...]) -> Corners:
    y1, y2, x1, x2 = (b.expand(each, 1) for each in one)
    return y1, y2, x1, x2


TABLE: Table = {"NonMaxSuppression": _non_max_suppression}
