"""Attention over queries, keys and values: Attention of opset 23 on, FlexAttention.

Everything is spelled as batched products, a bias and a softmax.  Heads that share keys and values
become rows of one product: nothing is repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from math import inf, sqrt

import numpy as np

from inferon.frontends.onnx.call import Call, Refused, Result, Table, fixed_shape
from inferon.frontends.onnx.room import make_room
from inferon.ir.node import Node, ordered
from inferon.ir.shape import Size
from inferon.ir.types import FLOAT32, FLOAT64, INT64, Bool, Element
from inferon.ir.values import Array, storage
from inferon.ops import build as b
from inferon.ops.base import require
from inferon.ops.elementary import Tanh
from inferon.ops.evaluation import evaluate
from inferon.ops.normalization import Softmax
from inferon.ops.structure import Input

_PRECISIONS: dict[int, Element] = {1: FLOAT32, 10: FLOAT32, 11: FLOAT64, 16: FLOAT32}
"""ONNX data types of ``softmax_precision``; the half-wide ones are computed in float32."""

_RAW, _CAPPED, _BIASED, _PROBABILITIES = range(4)
"""What the fourth result of Attention holds: values of ``qk_matmul_output_mode``."""


@dataclass(frozen=True, slots=True)
class Heads:
    """The operands of attention with their heads apart.

    q (B, Hq, L, D), k (B, H, S, D), v (B, H, S, E); each of the H heads of keys and values serves
    ``Hq / H`` heads of queries that lie side by side.
    """

    q: Node
    k: Node
    v: Node

    def __post_init__(self) -> None:
        shapes = self.q.type, self.k.type, self.v.type
        require(all(each.rank == 4 for each in shapes), "takes 4 axes, not {}, {}, {}", *shapes)
        (bq, hq, _, dq), (bk, hk, sk, dk), (bv, hv, sv, _) = (each.shape for each in shapes)
        fits = (bq, dq, hk, sk) == (bk, dk, hv, sv) and bk == bv and _divides(hk, hq)
        require(fits, "{}, {} and {} are no queries, keys and values", *shapes)

    def scores(self, scale: float) -> Node:
        """Return ``scale * q k^T``: (B, Hq, L, S)."""
        keys = b.transpose(self.k, (0, 1, 3, 2))
        shape = (*self.q.type.shape[:3], self.k.type.shape[2])
        make_room(shape, "scores")
        grouped = self._grouped(b.mul(self.q, scale))
        return b.reshape(b.product(grouped, keys, batch=2), shape)

    def mixed(self, weights: Node) -> Node:
        """Return ``weights v``: (B, Hq, L, E)."""
        shape = (*self.q.type.shape[:3], self.v.type.shape[3])
        return b.reshape(b.product(self._grouped(weights), self.v, batch=2), shape)

    def _grouped(self, x: Node) -> Node:
        """Return (B, Hq, L, n) as (B, H, Hq / H * L, n): queries of one head of keys are rows."""
        batch, heads, _, last = x.type.shape
        own = self.k.type.shape[1]
        if heads == own:
            return x
        _, number, rows, _ = fixed_shape(x, "grouped attention")
        _, groups, _, _ = fixed_shape(self.k, "grouped attention")
        return b.reshape(x, (batch, own, number // groups * rows, last))


def _divides(part: Size, whole: Size) -> bool:
    if isinstance(part, int) and isinstance(whole, int):
        return part > 0 and whole % part == 0
    return part == whole


def split_heads(x: Node, heads: int) -> Node:
    """Return (B, T, heads * d) as (B, heads, T, d)."""
    require(x.type.rank == 3, "takes 3 axes, not {}", x.type)
    batch, length, width = x.type.shape
    fits = isinstance(width, int) and heads >= 1 and width % heads == 0
    require(fits, "{} does not split into {} heads", x.type, heads)
    assert isinstance(width, int)
    return b.transpose(b.reshape(x, (batch, length, heads, width // heads)), (0, 2, 1, 3))


def join_heads(x: Node) -> Node:
    """Return (B, heads, T, d) as (B, T, heads * d)."""
    moved = b.transpose(x, (0, 2, 1, 3))
    batch, length, heads, width = moved.type.shape
    require(isinstance(heads, int) and isinstance(width, int), "{} has run-time heads", x.type)
    assert isinstance(heads, int)
    assert isinstance(width, int)
    return b.reshape(moved, (batch, length, heads * width))


# -------------------------------------------------------------------------------- which keys count


@dataclass(frozen=True, slots=True)
class Bias:
    """What is added to the scores: -infinity where a key does not count.

    Attributes
    ----------
    values : broadcasts to (B, Hq, L, S); None where nothing is added
    empty : where no key counts, (.., L, 1); None where that cannot be
    """

    values: Node | None
    empty: Node | None

    def added(self, scores: Node) -> Node:
        """Return the scores with the bias."""
        return scores if self.values is None else b.add(scores, self.values)

    def guarded(self, weights: Node) -> Node:
        """Return the weights with zeros where no key counts: there the softmax is not a number."""
        return weights if self.empty is None else b.select(self.empty, 0.0, weights)


def _bias(call: Call, heads: Heads, past: int | None) -> Bias:
    """Collect the mask, the causal frontier, the window and the padding of a layer."""
    filled = call.node(6) if call.has(6) else None
    require(filled is None or past is None, "takes past keys or their number, not both")
    conditions = _frontier(call, heads, past, filled)
    mask = call.node(3) if call.has(3) else None
    if mask is not None:
        mask = _padded(mask, heads.k.type.shape[2])
        if _is_bool(mask):
            conditions, mask = [*conditions, mask], None
    if not conditions and mask is None:
        return Bias(None, None)
    element = heads.q.type.element
    values = b.constant(np.zeros((), storage(element))) if mask is None else b.cast(mask, element)
    if conditions:
        values = b.select(reduce(b.and_, conditions), values, -inf)
    return _simplest(values)


def _simplest(values: Node) -> Bias:
    """Return a bias; of a constant one it is known now whether some rows see no key."""
    array = _known(values)
    if array is None:
        return Bias(values, b.equal(b.reduce_max(values, [values.type.rank - 1], keep=True), -inf))
    empty = (array == -inf).all(axis=-1, keepdims=True)
    added = None if not array.any() else b.constant(array)
    return Bias(added, b.constant(empty) if empty.any() else None)


def _known(node: Node) -> Array | None:
    """Return the value of a node that depends on no input."""
    if any(isinstance(each.op, Input) for each in ordered((node,))):
        return None
    return np.asarray(evaluate((node,), {}, {})[node][0])


def _padded(mask: Node, keys: Size) -> Node:
    """Return a mask for all keys; those behind its end do not count."""
    require(1 <= mask.type.rank <= 4, "a mask has 1 to 4 axes, not {}", mask.type)
    last = mask.type.rank - 1
    width = mask.type.shape[last]
    if width == keys:
        return mask
    require(isinstance(width, int) and isinstance(keys, int), "{} does not mask {}", mask, keys)
    assert isinstance(width, int)
    assert isinstance(keys, int)
    require(width < keys, "{} masks more than {} keys", mask.type, keys)
    return b.pad(mask, last, 0, keys - width, False if _is_bool(mask) else -inf)


def _is_bool(x: Node) -> bool:
    return isinstance(x.type.element, Bool)


def _frontier(call: Call, heads: Heads, past: int | None, filled: Node | None) -> list[Node]:
    """Return conditions on the distance of a key from its query, and on the number of keys.

    Query i stands at ``i + offset``: behind the past keys, or at the end of those that are
    ``filled``.
    """
    left, right = call.integer("left_window_size", -1), call.integer("right_window_size", -1)
    require(min(left, right) >= -1, "windows are -1 or sizes, not {} and {}", left, right)
    if call.integer("is_causal", 0):
        right = 0
    found = []
    if max(left, right) >= 0 or filled is not None:
        length, keys = fixed_shape(heads.q, "a mask")[2], fixed_shape(heads.k, "a mask")[2]
        make_room((length, keys), "a mask")
        where = b.constant(np.arange(keys))
        ahead = b.constant(np.arange(keys) - np.arange(length)[:, None])
        offset: Node = b.constant(np.int64(past or 0))
        if filled is not None:
            filled = b.reshape(b.cast(filled, INT64), (heads.q.type.shape[0], 1, 1, 1))
            offset = b.sub(filled, length)
            found.append(b.less(where, filled))
        if left >= 0:
            found.append(b.less_equal(b.sub(offset, left), ahead))
        if right >= 0:
            found.append(b.less_equal(ahead, b.add(offset, right)))
    return found


# ---------------------------------------------------------------------------------- the operators


def _attention(call: Call) -> Result:
    packed = call.node(0).type.rank == 3
    heads, past = _with_past(call, _heads(call, packed=packed))
    raw = heads.scores(_scale(call, heads))
    cap = call.number("softcap", 0.0)
    capped = b.mul(b.apply(Tanh(), b.div(raw, cap)), cap) if cap else raw
    bias = _bias(call, heads, past)
    biased = bias.added(capped)
    softmax = b.apply(Softmax(3), b.cast(biased, _precision(call, biased)))
    weights = bias.guarded(b.cast(softmax, biased.type.element))
    mode = call.integer("qk_matmul_output_mode", _RAW)
    require(_RAW <= mode <= _PROBABILITIES, "qk_matmul_output_mode is {}", mode)
    y = heads.mixed(weights)
    shown = (raw, capped, biased, weights)[mode]
    return join_heads(y) if packed else y, heads.k, heads.v, shown


def _heads(call: Call, *, packed: bool) -> Heads:
    q, k, v = (call.node(i) for i in range(3))
    numbers = call.integer("q_num_heads", 0), call.integer("kv_num_heads", 0)
    if not packed:
        return Heads(q, k, v)
    return Heads(
        split_heads(q, numbers[0]), split_heads(k, numbers[1]), split_heads(v, numbers[1])
    )


def _with_past(call: Call, heads: Heads) -> tuple[Heads, int | None]:
    """Return the heads behind the keys and values of the past, and the number of these."""
    require(call.has(4) == call.has(5), "takes past keys and past values together")
    if not call.has(4):
        return heads, None
    k, v = b.concat([call.node(4), heads.k], 2), b.concat([call.node(5), heads.v], 2)
    past = fixed_shape(call.node(4), "attention with a past")[2]
    return Heads(heads.q, k, v), past


def _scale(call: Call, heads: Heads) -> float:
    """Return the factor of the scores.

    The standard multiplies queries and keys by its root, against overflow in float16; the numbers
    here are float32 at least, so that one multiplication of the queries does.
    """
    width = heads.q.type.shape[3]
    require(isinstance(width, int), "the features of {} have a run-time size", heads.q.type)
    assert isinstance(width, int)
    return call.number("scale", 1.0 / sqrt(max(width, 1)))


def _precision(call: Call, scores: Node) -> Element:
    """Return the type in which the softmax is computed; that of the scores by default."""
    number = call.integer("softmax_precision", 0)
    if number not in (0, *_PRECISIONS):
        raise Refused(f"a softmax in data type {number}", "softmax_precision 1 or 11")
    return _PRECISIONS.get(number, scores.type.element)


def _flex_attention(call: Call) -> Result:
    """Return attention whose scores and probabilities pass sub-graphs of the model."""
    heads = Heads(*(call.node(i) for i in range(3)))
    raw = heads.scores(_scale(call, heads))
    scores = _modified(call, "score_mod", b.cast(raw, _precision(call, raw)))
    weights = _modified(call, "prob_mod", b.apply(Softmax(3), scores))
    return heads.mixed(b.cast(weights, raw.type.element))


def _modified(call: Call, name: str, x: Node) -> Node:
    """Return what a sub-graph makes of a value, which keeps its type."""
    if call.given(name) is None:
        return x
    (value,) = call.translate(call.subgraph(name), [x])
    require(isinstance(value, Node) and value.type == x.type, "{} changes {}", name, x.type)
    assert isinstance(value, Node)
    return value


TABLE: Table = {"Attention": _attention}
PREVIEW: Table = {"FlexAttention": _flex_attention}
