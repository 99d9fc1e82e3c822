"""TfIdfVectorizer: how often each of some sequences of numbers (n-grams) is met."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from inferon.frontends.onnx.call import Call, Refused, Table, fixed_shape
from inferon.frontends.onnx.room import make_room
from inferon.ir.node import Node
from inferon.ir.types import FLOAT32, INT64
from inferon.ir.values import Array
from inferon.ops import build as b
from inferon.ops.base import require


def _tf_idf_vectorizer(call: Call) -> Node:
    if call.given("pool_strings"):
        raise Refused("TfIdfVectorizer of text", "a pool of whole numbers")
    places = np.array(call.integers("ngram_indexes") or (), np.int64)
    require(places.size > 0 and places.min() >= 0, "takes ngram_indexes, none below 0")
    x = b.cast(call.node(0), INT64)
    rows = x if x.type.rank == 2 else b.expand(x, 0)
    require(rows.type.rank == 2, "takes one or two axes, not {}", x.type)
    counts = b.cast(_placed(_found(call, rows, len(places)), places), FLOAT32)
    mode = call.text("mode", "TF")
    weights = call.given("weights")
    if mode not in ("TF", "IDF", "TFIDF"):
        raise Refused(f"TfIdfVectorizer with mode={mode!r}", "TF, IDF or TFIDF")
    if mode == "IDF":
        counts = b.minimum(counts, 1.0)
    if mode != "TF" and isinstance(weights, tuple):
        require(len(weights) == len(places), "{} weights", len(weights))
        of_place = np.ones(int(places.max()) + 1, np.float32)
        of_place[places] = np.array(weights, np.float32)
        counts = b.mul(counts, b.constant(of_place))
    return counts if x.type.rank == 2 else b.squeeze(counts, 0)


def _placed(found: Node, places: Array) -> Node:
    """Return the counts (rows, n-grams) at the coordinates of their n-grams."""
    size = int(places.max()) + 1
    make_room((size,), "a row")
    source = np.full(size, len(places))  # one more: a coordinate without an n-gram counts nothing
    source[places] = np.arange(len(places))
    return b.gather(b.pad(found, 1, 0, 1, 0), b.constant(source), 1)


def _found(call: Call, rows: Node, number: int) -> Node:
    """Return how often each n-gram of the pool is met in each row (rows, n-grams), int64."""
    pool = call.integers("pool_int64s") or ()
    starts = (*(call.integers("ngram_counts") or ()), len(pool))
    shortest, longest = call.integer("min_gram_length", 1), call.integer("max_gram_length", 1)
    skips = call.integer("max_skip_count", 0)
    require(1 <= shortest <= longest and skips >= 0, "takes lengths of at least 1, and skips")
    parts = []
    for length, (start, end) in enumerate(pairwise(starts), 1):
        fits = 0 <= start <= end <= len(pool) and (end - start) % length == 0
        require(fits, "{} numbers are no {}-grams", end - start, length)
        if end > start:
            wanted = np.array(pool[start:end], np.int64).reshape(-1, length)
            apart = range(1, (skips if length > 1 else 0) + 2)
            met = shortest <= length <= longest
            parts.append(_counted(rows, wanted, apart if met else range(0)))
    found = b.concat(parts, 1)
    require(found.type.shape[1] == number, "{} n-grams in the pool, not {}", found.type, number)
    return found


def _counted(rows: Node, wanted: Array, apart: range) -> Node:
    """Return how often n-grams (n-grams, length) are met with their numbers so far apart."""
    number, size = fixed_shape(rows, "TfIdfVectorizer")
    grams, length = wanted.shape
    total = b.broadcast(b.constant(np.zeros((), np.int64)), (number, grams))
    for step in apart:
        if (length - 1) * step + 1 > size:
            break
        seen = b.window(rows, 1, length, dilation=step)  # rows, positions, length
        positions = size - (length - 1) * step
        shape = (number, positions, grams, length)
        each = b.broadcast(b.reshape(seen, (number, positions, 1, length)), shape)
        same = b.cast(b.equal(each, b.broadcast(b.constant(wanted), shape)), INT64)
        met = b.reduce_min(same, [3]) if length > 1 else b.reshape(same, shape[:3])
        total = b.add(total, b.sum_(met, [1]))
    return total


TABLE: Table = {"TfIdfVectorizer": _tf_idf_vectorizer}
