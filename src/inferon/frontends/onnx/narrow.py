"""ONNX's element types of less than 32 bits that graphs lack: what holds them, and the way back.

A value of such a type is held in float32, int8 or uint8, which have all of its values.  What a
layer computes from held values is brought back into the narrow set: rounded or wrapped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx

from inferon.ir.node import Node
from inferon.ir.types import FLOAT32, Element, Int
from inferon.ir.values import Array
from inferon.ops import build as b
from inferon.ops.rounding import Layout, MiniFloat, RoundTo, RoundToPower, WrapTo

_TYPES = onnx.TensorProto


@dataclass(frozen=True, slots=True)
class Narrow:
    """An element type, narrower than what holds it.

    Attributes
    ----------
    bits : of one element in a file
    back : what brings a held value back into the set
    """

    bits: int
    back: RoundTo | RoundToPower | WrapTo
    signed: bool = True

    @property
    def held(self) -> Element:
        """The element type of the nodes that hold it."""
        return Int(self.signed, 8) if isinstance(self.back, WrapTo) else FLOAT32


NARROW: dict[int, Narrow] = {
    _TYPES.FLOAT16: Narrow(16, RoundTo(MiniFloat.FLOAT16)),
    _TYPES.BFLOAT16: Narrow(16, RoundTo(MiniFloat.BFLOAT16)),
    _TYPES.FLOAT8E4M3FN: Narrow(8, RoundTo(MiniFloat.FLOAT8E4M3FN)),
    _TYPES.FLOAT8E4M3FNUZ: Narrow(8, RoundTo(MiniFloat.FLOAT8E4M3FNUZ)),
    _TYPES.FLOAT8E5M2: Narrow(8, RoundTo(MiniFloat.FLOAT8E5M2)),
    _TYPES.FLOAT8E5M2FNUZ: Narrow(8, RoundTo(MiniFloat.FLOAT8E5M2FNUZ)),
    _TYPES.FLOAT8E8M0: Narrow(8, RoundToPower()),
    _TYPES.FLOAT4E2M1: Narrow(4, RoundTo(MiniFloat.FLOAT4E2M1)),
    _TYPES.INT4: Narrow(4, WrapTo(4)),
    _TYPES.UINT4: Narrow(4, WrapTo(4), signed=False),
    _TYPES.INT2: Narrow(2, WrapTo(2)),
    _TYPES.UINT2: Narrow(2, WrapTo(2), signed=False),
}
"""By the number of the type in a file (onnx.proto, ``TensorProto.DataType``)."""


@dataclass(frozen=True, slots=True)
class NarrowTensor:
    """A constant of a narrow type, as the array that holds it."""

    array: Array
    data_type: int

    @property
    def nbytes(self) -> int:
        """Bytes of the array."""
        return self.array.nbytes

    @property
    def node(self) -> Node:
        """The constant in a graph."""
        return b.constant(self.array)


def brought_back(value: Node, data_type: int | None) -> Node:
    """Return a value inside the set of its narrow type; ``value`` itself where it has none."""
    return value if data_type is None else b.apply(NARROW[data_type].back, value)


def nbytes_in_file(data_type: int, elements: int) -> int:
    """Return the bytes that elements of a narrow type take in a file, the last one filled up."""
    return -(-elements * NARROW[data_type].bits // 8)


def decoded(data_type: int, codes: Array) -> Array:
    """Return the values of codes, one code a number without sign."""
    narrow = NARROW[data_type]
    if data_type == _TYPES.FLOAT16:
        return codes.astype(np.uint16).view(np.float16).astype(np.float32)
    if data_type == _TYPES.BFLOAT16:
        return (codes.astype(np.uint32) << 16).view(np.float32)
    return _table(narrow)[codes]


def _table(narrow: Narrow) -> Array:
    """Return the value of every code of a type of 8 bits or less."""
    codes = np.arange(1 << narrow.bits)
    if isinstance(narrow.back, RoundTo):
        return _floats(codes, narrow.bits, narrow.back.to.value)
    if isinstance(narrow.back, RoundToPower):  # OCP Microscaling Formats 1.0, section 5.4.1
        return np.where(codes == 0xFF, np.nan, 2.0 ** (codes - 127.0)).astype(np.float32)
    half = len(codes) // 2
    return ((codes ^ half) - half).astype(np.int8) if narrow.signed else codes.astype(np.uint8)


def _floats(codes: Array, bits: int, layout: Layout) -> Array:
    """Return sign, exponent and fraction as a number; what is beyond the largest is no number."""
    sign, magnitude = codes >> bits - 1, codes & ((1 << bits - 1) - 1)
    exponent, fraction = magnitude >> layout.fraction, magnitude & ((1 << layout.fraction) - 1)
    whole = fraction + np.where(exponent > 0, 1 << layout.fraction, 0)
    values = np.ldexp(whole.astype(np.float64), np.maximum(exponent, 1) - layout.bias)
    values = np.ldexp(values, -layout.fraction)
    beyond = np.where((fraction == 0) & layout.infinite, np.inf, np.nan)
    values = np.where(values > layout.largest, beyond, values)
    values = np.where(sign == 1, -values, values)
    if not layout.signed_zero:
        values = np.where((sign == 1) & (magnitude == 0), np.nan, values)
    return values.astype(np.float32)


def unpacked(data_type: int, raw: bytes, elements: int) -> Array:
    """Return the codes in a tensor's bytes; codes below a byte begin at its low bits."""
    bits = NARROW[data_type].bits
    if bits == 16:
        return np.frombuffer(raw, "<u2")
    octets = np.frombuffer(raw, np.uint8)
    if bits == 8:
        return octets
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    return ((octets[:, None] >> shifts) & ((1 << bits) - 1)).reshape(-1)[:elements]
