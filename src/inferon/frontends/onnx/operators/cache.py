"""Caches of keys and values: TensorScatter writes new tokens behind the ones that are there."""

from __future__ import annotations

import numpy as np

from inferon.errors import InvalidModel
from inferon.frontends.onnx.call import Call, Table, fixed_shape
from inferon.frontends.onnx.room import make_room
from inferon.ir.node import Node
from inferon.ir.types import INT64
from inferon.ops import build as b
from inferon.ops.base import require


def _tensor_scatter(call: Call) -> Node:
    """Take each place of the cache from the update where the update covers it.

    A linear update that runs over the end, or begins before the start, is cut there.
    """
    cache, update = call.node(0), call.node(1)
    axis = call.axis(call.integer("axis", -2), cache.type.rank)
    places = fixed_shape(cache, "TensorScatter")
    make_room(places, "a cache")
    number = fixed_shape(update, "TensorScatter")[axis]
    fits = update.type.shape == (*places[:axis], number, *places[axis + 1 :])
    require(axis > 0 and fits and number <= places[axis], "{} in {}", update.type, cache.type)
    behind = _distance(call, places[0], places[axis])
    inside = b.less(behind, number)
    if call.text("mode", "linear") == "linear":
        inside = b.and_(inside, b.less_equal(0, behind))
    value = b.gather(update, behind, axis, batch=1)
    along = (places[0], *[1] * (axis - 1), places[axis], *[1] * (len(places) - axis - 1))
    return b.select(b.reshape(inside, along), value, cache)


def _distance(call: Call, batch: int, places: int) -> Node:
    """Return how far each place is behind the first that is written, (B, places)."""
    mode = call.text("mode", "linear")
    if mode not in ("linear", "circular"):
        raise InvalidModel(f"layer {call.layer.label}: mode is {mode!r}")
    first = call.node(2) if call.has(2) else b.constant(np.zeros(batch, np.int64))
    behind = b.sub(b.constant(np.arange(places)), b.expand(b.cast(first, INT64), 1))
    if mode == "linear":
        return behind
    rest = b.sub(behind, b.mul(b.div(behind, places), places))  # has the sign of ``behind``
    return b.select(b.less(rest, 0), b.add(rest, places), rest)


TABLE: Table = {"TensorScatter": _tensor_scatter}
