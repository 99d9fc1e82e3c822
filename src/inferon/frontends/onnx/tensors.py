"""Tensors of a model file as arrays, checked before anything is allocated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import onnx

from inferon.errors import InvalidModel
from inferon.frontends.files import file_below
from inferon.frontends.naming import label
from inferon.frontends.onnx.limits import MAX_FILE_BYTES, MAX_RANK
from inferon.frontends.onnx.narrow import (
    NARROW,
    NarrowTensor,
    decoded,
    nbytes_in_file,
    unpacked,
)
from inferon.ir.types import Element
from inferon.ir.values import Array, storage
from inferon.ops import build as b

_TYPES = onnx.TensorProto
DTYPES: dict[int, np.dtype[Any]] = {
    _TYPES.FLOAT: np.dtype("<f4"),
    _TYPES.DOUBLE: np.dtype("<f8"),
    _TYPES.INT8: np.dtype("i1"),
    _TYPES.INT16: np.dtype("<i2"),
    _TYPES.INT32: np.dtype("<i4"),
    _TYPES.INT64: np.dtype("<i8"),
    _TYPES.UINT8: np.dtype("u1"),
    _TYPES.UINT16: np.dtype("<u2"),
    _TYPES.UINT32: np.dtype("<u4"),
    _TYPES.UINT64: np.dtype("<u8"),
    _TYPES.BOOL: np.dtype("?"),
}
"""The element types that graphs have; narrower ones are held in these."""

_FIELDS: dict[int, str] = {
    _TYPES.FLOAT: "float_data",
    _TYPES.DOUBLE: "double_data",
    _TYPES.INT64: "int64_data",
    _TYPES.UINT32: "uint64_data",
    _TYPES.UINT64: "uint64_data",
}
_DEFAULT_FIELD = "int32_data"


@dataclass(frozen=True, slots=True)
class Foreign:
    """A tensor of an element type that graphs lack (strings, complex numbers ...)."""

    type_name: str


def type_name(data_type: int) -> str:
    """Return ``float16`` for the number of an element type."""
    names: dict[int, str] = {int(number): name for name, number in _TYPES.DataType.items()}
    return names.get(data_type, f"type {data_type}").lower()


def held_in(data_type: int) -> Element | None:
    """Return the element type of the nodes that hold an element type of a file, if any can."""
    if data_type in DTYPES:
        return b.element_of(DTYPES[data_type])
    narrow = NARROW.get(data_type)
    return None if narrow is None else narrow.held


def array_of_tensor(
    tensor: onnx.TensorProto, folder: Path | None
) -> Array | NarrowTensor | Foreign:
    """Return the array of a tensor.

    Parameters
    ----------
    tensor : from the file
    folder : where external data may lie; None when the model did not come from a file

    Raises
    ------
    InvalidModel
        When the shape is impossible, the data do not fill it, or external data lie where they must
        not.
    """
    name = label(tensor.name)
    shape = _checked_shape(tensor, name)
    if tensor.data_type in NARROW:
        return _narrow(tensor, name, folder, shape)
    if tensor.data_type not in DTYPES:
        return Foreign(type_name(tensor.data_type))
    dtype = DTYPES[tensor.data_type]
    array = _flat(tensor, name, folder, dtype, prod(shape))
    return array.astype(dtype.newbyteorder("="), copy=False).reshape(shape)


def _narrow(
    tensor: onnx.TensorProto, name: str, folder: Path | None, shape: tuple[int, ...]
) -> NarrowTensor:
    if prod(shape) * storage(NARROW[tensor.data_type].held).itemsize > MAX_FILE_BYTES:
        limit = f"above the limit of {MAX_FILE_BYTES >> 20} MB in the type that holds it"
        raise InvalidModel(f"tensor {name} of shape {list(shape)} is {limit}")
    values = decoded(tensor.data_type, _codes(tensor, name, folder, prod(shape)))
    return NarrowTensor(values.reshape(shape), tensor.data_type)


def _flat(
    tensor: onnx.TensorProto, name: str, folder: Path | None, dtype: np.dtype[Any], number: int
) -> Array:
    """Return the tensor's elements in a row, wherever they are kept."""
    raw = _raw(tensor, name, folder, number * dtype.itemsize)
    if raw is not None:
        return np.frombuffer(raw, dtype)
    values = _listed(tensor, name, number)
    wide = np.int64 if dtype.kind in "iub" and dtype.itemsize < 8 else dtype
    return np.array(values, wide).astype(dtype)


def _codes(tensor: onnx.TensorProto, name: str, folder: Path | None, number: int) -> Array:
    """Return the codes of a narrow tensor's elements in a row, as numbers without sign."""
    kind, needed = tensor.data_type, nbytes_in_file(tensor.data_type, number)
    raw = _raw(tensor, name, folder, needed)
    if raw is not None:
        return unpacked(kind, raw, number)
    packed = NARROW[kind].bits < 8  # one listed number is one byte of them
    values = np.array(_listed(tensor, name, needed if packed else number), np.int64)
    if packed:
        return unpacked(kind, values.astype(np.uint8).tobytes(), number)
    return values & ((1 << NARROW[kind].bits) - 1)


def _raw(tensor: onnx.TensorProto, name: str, folder: Path | None, needed: int) -> bytes | None:
    """Return a tensor's bytes; None where its values are listed in another field."""
    if tensor.data_location == _TYPES.EXTERNAL:
        return _external_bytes(tensor, name, folder, needed)
    if not tensor.HasField("raw_data"):
        return None
    if len(tensor.raw_data) != needed:
        what = f"holds {len(tensor.raw_data)} bytes, but its shape needs {needed}"
        raise InvalidModel(f"tensor {name} {what}: the file is damaged")
    return tensor.raw_data


def _listed(tensor: onnx.TensorProto, name: str, number: int) -> Sequence[float]:
    values: Sequence[float] = getattr(tensor, _FIELDS.get(tensor.data_type, _DEFAULT_FIELD))
    if len(values) != number:
        what = f"holds {len(values)} values, but its shape needs {number}"
        raise InvalidModel(f"tensor {name} {what}: the file is damaged")
    return values


def _checked_shape(tensor: onnx.TensorProto, name: str) -> tuple[int, ...]:
    shape = tuple(tensor.dims)
    if len(shape) > MAX_RANK:
        raise InvalidModel(f"tensor {name} has {len(shape)} axes, above the limit of {MAX_RANK}")
    if any(size < 0 for size in shape):
        raise InvalidModel(f"tensor {name} has a negative size: {list(shape)}")
    if prod(max(1, size) for size in shape) > MAX_FILE_BYTES:  # also beside an axis of none
        limit = f"above the limit of {MAX_FILE_BYTES} elements"
        raise InvalidModel(f"tensor {name} of shape {list(shape)} is {limit}")
    return shape


def _external_bytes(
    tensor: onnx.TensorProto, name: str, folder: Path | None, expected: int
) -> bytes:
    """Read external data: a regular file inside the model's folder, reached through no link."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    unknown = set(entries) - {"location", "offset", "length", "checksum"}
    if unknown:
        key = label(min(unknown))
        raise InvalidModel(f"tensor {name}: external data have the unknown key {key}")
    if folder is None:
        raise InvalidModel(f"tensor {name} lies outside the model: load the model from its file")
    parts = _parts(entries.get("location", ""), name)
    offset = _number(entries.get("offset", "0"), name, "offset")
    length = _number(entries.get("length", str(expected)), name, "length")
    if length != expected:
        what = f"external data of {length} bytes, but its shape needs {expected}"
        raise InvalidModel(f"tensor {name}: {what}")
    return _bytes_of_file(folder, parts, offset, length, name)


def _number(text: str, name: str, what: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise InvalidModel(f"tensor {name}: external data have no valid {what}")
    return int(text)


def _parts(location: str, name: str) -> tuple[str, ...]:
    """Return the way to external data from the model's folder, or refuse it."""
    pure = PurePosixPath(location)
    outside = pure.is_absolute() or ".." in pure.parts or not pure.parts
    if outside or "\\" in location or "\0" in location or ":" in location:
        where = "inside the model's folder, by a relative path"
        raise InvalidModel(f"tensor {name}: external data must lie {where}")
    return pure.parts


def _bytes_of_file(
    folder: Path, parts: tuple[str, ...], offset: int, length: int, name: str
) -> bytes:
    what = f"tensor {name}: external data"
    with file_below(folder, parts, what) as (file, size):
        if offset + length > size:
            raise InvalidModel(f"{what} end before byte {offset + length}")
        file.seek(offset)
        raw = file.read(length)
    if len(raw) != length:
        raise InvalidModel(f"{what} are shorter than they say")
    return raw
