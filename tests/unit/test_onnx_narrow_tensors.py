"""Tensors of narrow types in files, in every field that may hold them, against onnx (1 s)."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from inferon.errors import InvalidModel
from inferon.frontends.onnx.limits import MAX_FILE_BYTES
from inferon.frontends.onnx.narrow import NARROW, NarrowTensor
from inferon.frontends.onnx.tensors import array_of_tensor
from inferon.ir.values import Array, storage
from tests.differential.narrow_arrays import carried

KINDS = sorted(NARROW)
BITS = {kind: NARROW[kind].bits for kind in KINDS}


def every_code(kind: int) -> TensorProto:
    """Return a tensor of all values of a type, and for packed ones of an odd number of them."""
    bits = BITS[kind]
    codes = np.arange(1 << bits, dtype=np.uint16 if bits == 16 else np.uint8)
    if bits >= 8:
        return tensor(kind, len(codes), codes.tobytes())
    several: Array = np.resize(codes, 8 // bits * 4)
    octets = several.reshape(-1, 8 // bits) << np.arange(0, 8, bits, dtype=np.uint8)
    return tensor(kind, len(several) - 1, octets.sum(axis=1).astype(np.uint8).tobytes())


def tensor(kind: int, elements: int, raw: bytes) -> TensorProto:
    return TensorProto(name="w", data_type=kind, dims=[elements], raw_data=raw)


def read(proto: TensorProto) -> Array:
    found = array_of_tensor(proto, None)
    assert isinstance(found, NarrowTensor)
    assert found.data_type == proto.data_type
    assert found.array.dtype == storage(NARROW[proto.data_type].held)
    return found.array


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: helper.tensor_dtype_to_string(kind)[12:])
def test_raw_bytes(kind: int) -> None:
    proto = every_code(kind)
    expected = carried(proto)
    ours = read(proto)
    np.testing.assert_array_equal(ours, expected)
    number = ~np.isnan(expected.astype(np.float32))
    assert np.array_equal(np.signbit(ours[number]), np.signbit(expected[number]))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: helper.tensor_dtype_to_string(kind)[12:])
def test_listed_numbers(kind: int) -> None:
    """``int32_data`` holds one code a number, or one byte of packed codes."""
    proto = every_code(kind)
    raw = np.frombuffer(proto.raw_data, np.uint16 if BITS[kind] == 16 else np.uint8)
    listed = TensorProto(name="w", data_type=kind, dims=proto.dims, int32_data=raw.tolist())
    np.testing.assert_array_equal(read(listed), read(proto))
    np.testing.assert_array_equal(carried(numpy_helper.to_array(listed)), read(listed))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: helper.tensor_dtype_to_string(kind)[12:])
def test_a_byte_too_few_is_refused(kind: int) -> None:
    proto = every_code(kind)
    short = tensor(kind, proto.dims[0], proto.raw_data[:-1])
    with pytest.raises(InvalidModel, match="its shape needs"):
        array_of_tensor(short, None)
    values = np.zeros(len(proto.raw_data) * 8 // max(8, BITS[kind]) - 1, int).tolist()
    listed = TensorProto(name="w", data_type=kind, dims=proto.dims, int32_data=values)
    with pytest.raises(InvalidModel, match="its shape needs"):
        array_of_tensor(listed, None)


def test_what_grows_above_the_limit_is_refused_before_it_grows() -> None:
    elements = MAX_FILE_BYTES // 4 + 1
    proto = tensor(TensorProto.FLOAT4E2M1, elements, b"")
    with pytest.raises(InvalidModel, match="in the type that holds it"):
        array_of_tensor(proto, None)
