"""Positions of tokens: RotaryEmbedding turns pairs of features by an angle of the position."""

from __future__ import annotations

from inferon.frontends.onnx.call import Call, Table, fixed_shape
from inferon.frontends.onnx.operators.attention import join_heads, split_heads
from inferon.ir.node import Node
from inferon.ops import build as b
from inferon.ops.base import require


def _rotary_embedding(call: Call) -> Node:
    """Return the features of each head turned (Su et al. 2021, arXiv:2104.09864, section 3.4.2).

    Features that are not ``rotary_embedding_dim`` first ones stay.
    """
    given, heads = call.node(0), call.integer("num_heads", 0)
    x = split_heads(given, heads) if given.type.rank == 3 else given
    require(x.type.rank == 4, "takes 3 or 4 axes, not {}", given.type)
    depth = fixed_shape(x, "RotaryEmbedding")[3]
    turned = call.integer("rotary_embedding_dim", 0) or depth
    require(0 < turned <= depth and turned % 2 == 0, "cannot turn {} of {}", turned, x.type)
    value = _turned(
        b.slice_(x, 3, 0, turned),
        _at_positions(call, 1),
        _at_positions(call, 2),
        interleaved=bool(call.integer("interleaved", 0)),
    )
    if turned < depth:
        value = b.concat([value, b.slice_(x, 3, turned, depth - turned)], 3)
    return join_heads(value) if given.type.rank == 3 else value


def _at_positions(call: Call, table: int) -> Node:
    """Return the cosines or sines of each token, (B, 1, T, turned / 2)."""
    values = call.node(table)
    if call.has(3):
        require(values.type.rank == 2, "a table of positions has 2 axes, not {}", values.type)
        values = b.gather(values, call.node(3), 0)
    require(values.type.rank == 3, "angles of tokens have 3 axes, not {}", values.type)
    return b.expand(values, 1)


def _turned(x: Node, cosine: Node, sine: Node, *, interleaved: bool) -> Node:
    """Return the pairs turned; they lie side by side, or half of the features apart."""
    size = fixed_shape(x, "RotaryEmbedding")[3]
    half = size // 2
    fits = cosine.type.shape[3] == sine.type.shape[3] == half
    require(fits, "{} and {} do not turn {}", cosine.type, sine.type, x.type)
    starts, step = ((0, 1), 2) if interleaved else ((0, half), 1)
    first, second = (b.slice_(x, 3, start, half, step) for start in starts)
    real = b.sub(b.mul(cosine, first), b.mul(sine, second))
    imaginary = b.add(b.mul(sine, first), b.mul(cosine, second))
    if not interleaved:
        return b.concat([real, imaginary], 3)
    pairs = b.concat([b.expand(real, 4), b.expand(imaginary, 4)], 4)
    return b.reshape(pairs, x.type.shape)


TABLE: Table = {"RotaryEmbedding": _rotary_embedding}
