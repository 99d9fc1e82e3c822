"""QONNX: quantizers of any width, whose values stay float32.

Semantics: the operator definitions of the QONNX project (docs/qonnx-custom-ops; Pappalardo et al.,
arXiv:2206.07527).  Several domains name the same operators: FINN's and Brevitas' are older.
"""

from __future__ import annotations

import numpy as np

from inferon.errors import InvalidModel
from inferon.frontends.onnx.call import Call, Operator, Refused, Table
from inferon.ir.node import Node
from inferon.ir.types import INT32, Element
from inferon.ir.values import Array
from inferon.ops import build as b
from inferon.ops.base import require
from inferon.ops.bits import Bitcast
from inferon.ops.quantization import BipolarQuant, IntQuant, ToWhole, Whole

DOMAINS = ("qonnx.custom_op.general", "finn.custom_op.general", "onnx.brevitas")

_MODES = {
    "ROUND": ToWhole.HALF_EVEN,
    "HALF_EVEN": ToWhole.HALF_EVEN,
    "CEIL": ToWhole.CEIL,
    "FLOOR": ToWhole.FLOOR,
    "UP": ToWhole.AWAY,
    "DOWN": ToWhole.TOWARD_ZERO,
    "HALF_UP": ToWhole.HALF_AWAY,
    "HALF_DOWN": ToWhole.HALF_TOWARD_ZERO,
}
"""The table of IntQuant: 2.5 becomes 3 by HALF_UP, -2.5 becomes -3."""

MAX_BITS = 24
"""Wider whole numbers are not all float32 numbers."""


def _mode(call: Call, default: str) -> ToWhole:
    name = call.text("rounding_mode", default).upper()
    if name not in _MODES:
        raise Refused(f"rounding_mode={name[:40]}", "ROUND, FLOOR or CEIL")
    return _MODES[name]


def _like(x: Node, parameter: Node) -> Node:
    """Return a parameter in the type and shape of ``x``."""
    element = x.type.element
    if all(size == 1 for size in parameter.type.shape):
        parameter = b.reshape(parameter, ())
    return b.broadcast(b.cast(parameter, element), x.type.shape)


def _widths(call: Call, position: int) -> Array:
    """Return bit widths, one or many."""
    widths = call.array(position, "bit width").astype(np.float64)
    if widths.size and (widths.min() < 1 or (widths != np.rint(widths)).any()):
        raise InvalidModel(f"layer {call.layer.label}: a bit width is {widths.ravel()[0]:g}")
    if widths.size and widths.max() > MAX_BITS:
        raise Refused(f"a bit width of {widths.max():g}", f"at most {MAX_BITS}")
    return widths


def _ends(widths: Array, *, signed: bool, narrow: bool) -> tuple[Array, Array]:
    """Return the lowest and the highest whole number of so many bits."""
    if signed:
        half = 2.0 ** (widths - 1)
        return narrow - half, half - 1
    return 0.0 * widths, 2.0**widths - 1 - narrow


def _numbers(x: Node, array: Array) -> Node:
    return _like(x, b.constant(np.asarray(array, np.float32)))


def _range(call: Call, position: int, x: Node) -> tuple[Node, Node]:
    signed, narrow = bool(call.integer("signed", 1)), bool(call.integer("narrow", 0))
    low, high = _ends(_widths(call, position), signed=signed, narrow=narrow)
    return _numbers(x, low), _numbers(x, high)


def _int_quant(call: Call) -> Node:
    """Return the nearest number on the grid; one bit with a sign is bipolar, as QONNX has it."""
    x = call.node(0)
    if call.integer("signed", 1) and np.all(_widths(call, 3) == 1):
        if np.any(call.array(2, "zero point")):
            raise Refused("a bipolar Quant with a zero point", "a zero point of 0")
        call.ignore("narrow", "rounding_mode")
        return _bipolar_quant(call)
    scale, zero = _like(x, call.node(1)), _like(x, call.node(2))
    return b.apply(IntQuant(_mode(call, "ROUND")), x, scale, zero, *_range(call, 3, x))


def _bipolar_quant(call: Call) -> Node:
    x = call.node(0)
    return b.apply(BipolarQuant(), x, _like(x, call.node(1)))


def _trunc(call: Call) -> Node:
    """Version 1 drops bits and keeps the scale; version 2 states the scale behind it, and cuts."""
    x, mode = call.node(0), _mode(call, "FLOOR")
    scale, zero = _like(x, call.node(1)), _like(x, call.node(2))
    steps = b.round_even(b.add(b.div(x, scale), zero))
    if not call.has(5):
        dropped = _numbers(x, 2.0 ** (_widths(call, 3) - _widths(call, 4)))
        whole = b.apply(Whole(mode), b.div(steps, dropped))
        return b.mul(b.sub(whole, zero), scale)
    to_scale = call.array(4, "output scale").astype(np.float64)
    ratio = 2.0 ** np.rint(np.log2(to_scale / call.array(1, "scale")))
    dropped = _numbers(x, ratio)
    low, high = _range(call, 5, x)
    whole = b.apply(Whole(mode), b.div(steps, dropped))
    inside = b.minimum(b.maximum(whole, low), high)
    return b.mul(b.sub(inside, b.div(zero, dropped)), _numbers(x, to_scale))


# -------------------------------------------------------------------------------------- FloatQuant

_MANTISSA_BITS, _BIAS = 23, 127
_SMALLEST_NORMAL = 2.0**-126


def _float_quant(call: Call) -> Node:
    """Return the nearest number of a small float: its step is a power of two above the mantissa.

    ``has_infinity``, ``has_nan``, ``has_subnormal`` and ``saturation`` tell backends about the
    format and do not change the value, by the operator's definition.
    """
    call.ignore("has_infinity", "has_nan", "has_inf", "has_subnormal", "saturation")
    exponent, mantissa, bias, stated = (
        call.array(i, what).astype(np.float64)
        for i, what in enumerate(("exponent width", "mantissa width", "bias", "largest"), start=2)
    )
    x, mode = call.node(0), _mode(call, "ROUND")
    scale = _like(x, call.node(1))
    largest = np.minimum(stated, (2 - 2.0**-mantissa) * 2.0 ** (2.0**exponent - 1 - bias))
    scaled = b.div(x, scale)
    step = _step(scaled, mantissa, 1 - bias - mantissa)
    nearest = b.mul(step, b.apply(Whole(mode), b.div(scaled, step)))
    lowest = -largest if call.integer("signed", 1) else 0 * largest
    inside = b.minimum(b.maximum(nearest, _numbers(x, lowest)), _numbers(x, largest))
    return b.mul(inside, scale)


def _step(x: Node, mantissa: Array, finest: Array) -> Node:
    """Return the power of two between neighbors of ``x``, from the bits of its exponent."""
    kind: Element = x.type.element
    raw = b.apply(Bitcast(INT32), b.add(b.absolute(x), _SMALLEST_NORMAL))
    whole = (mantissa == np.rint(mantissa)) & (finest == np.rint(finest))
    require(bool(np.all(whole)), "a mantissa width or exponent bias is not whole")
    exponent = b.sub(b.shift_right(raw, _MANTISSA_BITS), _ints(x, mantissa))
    biased = b.maximum(exponent, _ints(x, finest + _BIAS))
    return b.bitcast(b.shift_left(biased, _MANTISSA_BITS), kind)


def _ints(x: Node, numbers: Array) -> Node:
    array = numbers.astype(np.int32)
    node = b.constant(array.reshape(()) if array.size == 1 else array)
    return b.broadcast(node, x.type.shape)


TABLE: Table = {
    "Quant": _int_quant,
    "IntQuant": _int_quant,
    "BipolarQuant": _bipolar_quant,
    "Trunc": _trunc,
    "FloatQuant": _float_quant,
}

OPERATORS: dict[tuple[str, str], Operator] = {
    (domain, name): function for domain in DOMAINS for name, function in TABLE.items()
}
