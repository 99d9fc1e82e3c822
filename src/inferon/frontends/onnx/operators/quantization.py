"""Operators of quantized models: ONNX's own, on 8- and 16-bit integers with a scale."""

from __future__ import annotations

import numpy as np
import onnx

from inferon.frontends.onnx.call import Call, Refused, Table
from inferon.frontends.onnx.narrow import NARROW, Narrow
from inferon.frontends.onnx.operators.convolution import biased, convolved
from inferon.frontends.onnx.operators.linear import multiplied
from inferon.frontends.onnx.tensors import DTYPES
from inferon.ir.node import Node
from inferon.ir.shape import Dim
from inferon.ir.types import FLOAT32, INT32, Element, Float, Int
from inferon.ops import build as b
from inferon.ops.base import require
from inferon.ops.quantization import Dequantize
from inferon.ops.rounding import RoundTo, WrapTo

# -------------------------------------------------------------------------------------- parameters


def spread(call: Call, parameter: Node, x: Node) -> Node:
    """Return a scale or zero point in the shape of ``x``: one, one a channel, or one a block."""
    stated, block = call.integer("axis", 1), call.integer("block_size", 0)
    if all(size == 1 for size in parameter.type.shape):
        return b.broadcast(b.reshape(parameter, ()), x.type.shape)
    axis = call.axis(stated, max(1, x.type.rank))
    if parameter.type.rank == 1 and not block:
        return _per_channel(parameter, x, axis)
    return _per_block(parameter, x, axis, block)


def _per_channel(parameter: Node, x: Node, axis: int) -> Node:
    length = parameter.type.shape[0]
    require(x.type.shape[axis] == length, "{} does not fit axis {} of {}", parameter.type, axis, x)
    shape = tuple(length if i == axis else 1 for i in range(x.type.rank))
    return b.broadcast(b.reshape(parameter, shape), x.type.shape)


def _per_block(parameter: Node, x: Node, axis: int, block: int) -> Node:
    """Repeat each number ``block`` times along the axis; the last block may be short."""
    require(parameter.type.rank == x.type.rank, "{} does not fit {}", parameter.type, x.type)
    length, blocks = x.type.shape[axis], parameter.type.shape[axis]
    if isinstance(length, Dim) or isinstance(blocks, Dim):
        raise Refused("blocks over a run-time size", "a fixed size for that dimension")
    require(block >= 1 and -(-length // block) == blocks, "{} blocks of {}", blocks, block)
    shape = parameter.type.shape
    expanded = b.reshape(parameter, (*shape[: axis + 1], 1, *shape[axis + 1 :]))
    repeated = b.broadcast(expanded, (*shape[: axis + 1], block, *shape[axis + 1 :]))
    whole = b.reshape(repeated, (*shape[:axis], blocks * block, *shape[axis + 1 :]))
    return b.broadcast(b.slice_(whole, axis, 0, length), x.type.shape)


def _zero(call: Call, position: int, element: Element) -> Node:
    """Return a zero point, 0 where it is left out."""
    return call.node(position) if call.has(position) else _scalar(0, element)


def _scalar(number: float, element: Element) -> Node:
    return b.constant(np.array(number), element)


# ------------------------------------------------------------------------------ to and from a grid


def _ends(element: Int, narrow: Narrow | None) -> tuple[int, int]:
    """Return the ends of an integer type, or of the narrower one that it holds."""
    if narrow is None or not isinstance(narrow.back, WrapTo):
        return element.lowest, element.highest
    half = 1 << narrow.bits - 1
    return (-half, half - 1) if narrow.signed else (0, 2 * half - 1)


def on_grid(x: Node, scale: Node, zero: Node, ends: tuple[int, int] | None = None) -> Node:
    """Return ``saturate(round_half_even(x / scale) + zero)`` in the type of ``zero``.

    The quotient is cut to the ends less the zero point, which are exact in a float; the zero point
    is added as an integer.  NaN becomes the zero point.
    """
    element = zero.type.element
    require(isinstance(element, Int) and element.bits <= 16, "a zero point of {}", zero.type)
    assert isinstance(element, Int)
    low, high = ends or (element.lowest, element.highest)
    wide = b.cast(zero, INT32)
    whole = b.round_even(b.div(x, scale))
    kind = whole.type.element
    above = b.maximum(whole, b.cast(b.sub(low, wide), kind))
    inside = b.minimum(above, b.cast(b.sub(high, wide), kind))
    return b.cast(b.add(b.cast(inside, INT32), wide), element)


def _quantize_linear(call: Call) -> Node:
    x, scale = call.node(0), call.node(1)
    kind, narrow = _result_type(call)
    saturate = bool(call.integer("saturate", 1))
    _precision(call)
    x = b.cast(x, scale.type.element) if isinstance(x.type.element, Int) else x
    scale = spread(call, b.cast(scale, x.type.element), x)
    if narrow is not None and isinstance(narrow.back, RoundTo):
        return b.apply(RoundTo(narrow.back.to, saturate), b.div(x, scale))
    if not isinstance(kind, Int):
        raise Refused(f"QuantizeLinear to {kind}", "int8 or uint8")
    zero = spread(call, _zero(call, 2, kind), x)
    return on_grid(x, scale, zero, _ends(kind, narrow))


def _result_type(call: Call) -> tuple[Element, Narrow | None]:
    """Return the type of a QuantizeLinear's result: stated, or the zero point's, or uint8."""
    stated = call.integer("output_dtype", 0)
    if stated in NARROW:
        return NARROW[stated].held, NARROW[stated]
    if stated:
        if stated not in DTYPES:
            raise Refused(f"QuantizeLinear to type {stated}", "int8 or uint8")
        return b.element_of(DTYPES[stated]), None
    if call.has(2):
        narrow = call.narrow_type(2)
        return call.node(2).type.element, NARROW[narrow] if narrow is not None else None
    return Int(False, 8), None


def _precision(call: Call) -> None:
    """Refuse a division in another precision than the scale's (QuantizeLinear-23)."""
    stated = call.integer("precision", 0)
    if stated not in (0, int(onnx.TensorProto.FLOAT)):
        raise Refused(f"QuantizeLinear with precision={stated}", "precision=1 (float32)")


def _dequantize_linear(call: Call) -> Node:
    x, scale = call.node(0), call.node(1)
    call.ignore("output_dtype")  # the scale's type, rounded by whoever keeps narrow types
    scale = spread(call, scale, x)
    if isinstance(x.type.element, Float):  # a float8: its zero point is 0
        return b.mul(x, scale)
    return b.apply(Dequantize(), x, scale, spread(call, _zero(call, 2, x.type.element), x))


def _dynamic_quantize_linear(call: Call) -> tuple[Node, Node, Node]:
    """Return uint8, scale and zero point: the range, with zero in it, on 0 .. 255."""
    x = call.node(0)
    high, low = b.maximum(b.reduce_max(x), 0.0), b.minimum(b.reduce_min(x), 0.0)
    scale = b.div(b.sub(high, low), 255.0)
    start = b.round_even(b.div(b.sub(0.0, low), scale))
    zero = b.cast(b.minimum(b.maximum(start, 0.0), 255.0), Int(False, 8))
    shape = x.type.shape
    return on_grid(x, b.broadcast(scale, shape), b.broadcast(zero, shape)), scale, zero


# -------------------------------------------------------------------------------- integer products


def _steps(call: Call, position: int, zero: int, axis: int) -> Node:
    """Return ``x - zero`` as int32; several zero points lie along an axis of ``x``."""
    x = call.node(position)
    steps = b.cast(x, INT32)
    if not call.has(zero):
        return steps
    return b.sub(steps, b.cast(_along(call.node(zero), x, axis), INT32))


def _along(parameter: Node, x: Node, axis: int) -> Node:
    """Return one number, or one for each element of an axis of ``x``, in the shape of ``x``."""
    if all(size == 1 for size in parameter.type.shape):
        return b.broadcast(b.reshape(parameter, ()), x.type.shape)
    if parameter.type.rank == 1:
        return _per_channel(parameter, x, axis % x.type.rank)
    return b.broadcast(parameter, x.type.shape)


def _mat_mul_integer(call: Call) -> Node:
    return multiplied(_steps(call, 0, 2, -2), _steps(call, 1, 3, -1))


def _conv_integer(call: Call) -> Node:
    return convolved(call, _steps(call, 0, 2, 1), _steps(call, 1, 3, 0))


def _rescaled(total: Node, scales: tuple[Node, Node, Node], zero: Node) -> Node:
    """Return an int32 sum of products on the grid of the result: one product of scales."""
    left, right, to = (b.cast(scale, FLOAT32) for scale in scales)
    ratio = b.div(b.mul(left, right), to)
    value = b.mul(b.cast(total, FLOAT32), b.broadcast(ratio, total.type.shape))
    return on_grid(value, b.broadcast(_scalar(1, FLOAT32), value.type.shape), zero)


def _q_linear_mat_mul(call: Call) -> Node:
    total = multiplied(_steps(call, 0, 2, -2), _steps(call, 3, 5, -1))
    scales = (
        _of_rows(call.node(1)),
        call.node(4),
        _of_rows(call.node(6)),
    )
    zero = b.broadcast(_of_rows(call.node(7)), total.type.shape)
    return _rescaled(total, scales, zero)


def _of_rows(parameter: Node) -> Node:
    """Return one number, or one for each row, so that it broadcasts over columns."""
    if all(size == 1 for size in parameter.type.shape):
        return b.reshape(parameter, ())
    return b.expand(parameter, 1) if parameter.type.rank == 1 else parameter


def _q_linear_conv(call: Call) -> Node:
    total = convolved(call, _steps(call, 0, 2, 1), _steps(call, 3, 5, 0))
    if call.has(8):
        total = biased(total, call.node(8))
    rank = total.type.rank
    scales = (
        b.reshape(call.node(1), ()),
        _of_channels(call.node(4), rank),
        b.reshape(call.node(6), ()),
    )
    zero = b.broadcast(b.reshape(call.node(7), ()), total.type.shape)
    return _rescaled(total, scales, zero)


def _of_channels(parameter: Node, rank: int) -> Node:
    """Return one number, or one for each channel of (N, C, S..)."""
    if all(size == 1 for size in parameter.type.shape):
        return b.reshape(parameter, ())
    return b.reshape(parameter, (parameter.type.shape[0], *[1] * (rank - 2)))


TABLE: Table = {
    "QuantizeLinear": _quantize_linear,
    "DequantizeLinear": _dequantize_linear,
    "DynamicQuantizeLinear": _dynamic_quantize_linear,
    "MatMulInteger": _mat_mul_integer,
    "ConvInteger": _conv_integer,
    "QLinearMatMul": _q_linear_mat_mul,
    "QLinearConv": _q_linear_conv,
}
