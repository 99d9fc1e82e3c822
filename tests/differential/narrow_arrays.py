"""Arrays of ONNX's narrow types (float16, float8, int4 ...) as the arrays that carry them here.

A graph holds a narrow float in float32 and a narrow int in int8 or uint8: every value of the
narrow type is a value of its carrier, so nothing is lost on the way.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, numpy_helper

Array = npt.NDArray[Any]

CARRIERS: dict[str, str] = {
    "float16": "float32",
    "bfloat16": "float32",
    "float8_e4m3fn": "float32",
    "float8_e4m3fnuz": "float32",
    "float8_e5m2": "float32",
    "float8_e5m2fnuz": "float32",
    "float8_e8m0fnu": "float32",
    "float4_e2m1fn": "float32",
    "int4": "int8",
    "int2": "int8",
    "uint4": "uint8",
    "uint2": "uint8",
}
"""The dtype that carries a narrow one, by the names of numpy and ml_dtypes."""

UNITS: dict[str, float] = {
    "float16": 2.0**-10,
    "bfloat16": 2.0**-7,
    "float8_e4m3fn": 2.0**-3,
    "float8_e4m3fnuz": 2.0**-3,
    "float8_e5m2": 2.0**-2,
    "float8_e5m2fnuz": 2.0**-2,
    "float8_e8m0fnu": 1.0,
    "float4_e2m1fn": 2.0**-1,
}
"""The distance of 1 and the next larger value of a narrow float."""


def carried(array: Any) -> Array:
    """Return the carrier's array of a narrow array or tensor; another array stays as it is."""
    values = _array(array)
    carrier = CARRIERS.get(values.dtype.name)
    return values if carrier is None else values.astype(carrier)


def unit(array: Any) -> float:
    """Return the distance of 1 and the next value of an array's type; 0 where it is not narrow."""
    return UNITS.get(_array(array).dtype.name, 0.0)


def _array(array: Any) -> Array:
    if isinstance(array, TensorProto):
        return numpy_helper.to_array(array)
    return np.asarray(array)
