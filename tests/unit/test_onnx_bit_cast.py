"""BitCast of every value of every narrow type, there and back, against numpy's views (1 s)."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper

from inferon.errors import Unsupported
from inferon.frontends.onnx.narrow import NARROW
from inferon.frontends.onnx.operators.bit_patterns import from_pattern, pattern
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.types import Int
from inferon.ir.values import Array
from inferon.load import load
from inferon.ops import build as b
from tests.differential.narrow_arrays import carried

KINDS = sorted(NARROW)
each_kind = pytest.mark.parametrize(
    "kind", KINDS, ids=lambda kind: helper.tensor_dtype_to_string(kind)[12:]
)


@each_kind
def test_every_code_becomes_its_value_and_back(kind: int) -> None:
    narrow = NARROW[kind]
    codes: Array = np.arange(1 << narrow.bits, dtype=np.uint16 if narrow.bits == 16 else np.uint8)
    code = b.input_("code", (), Int(False, max(8, narrow.bits)))
    value = from_pattern(code, narrow.held, kind)
    graph = Graph("bits", (code,), (value, pattern(value, kind)), ("value", "again"))
    for real in (False, True):
        values, again = interpret(graph, codes, real=real)
        raw = codes.tobytes()
        if narrow.bits < 8:  # packed: as many codes as fill whole bytes
            rows: Array = codes.reshape(-1, 8 // narrow.bits) << np.arange(0, 8, narrow.bits)
            raw = rows.sum(axis=1).astype(np.uint8).tobytes()
        proto = TensorProto(data_type=kind, dims=[len(codes)], raw_data=raw)
        expected = carried(proto)
        np.testing.assert_array_equal(values, expected)
        number = expected == expected  # NaN differs from itself
        assert np.array_equal(np.signbit(values[number]), np.signbit(expected[number]))
        assert np.array_equal(again[number], codes[number])
        if not number.all():
            assert np.isnan(interpret(graph, again[~number], real=real)[0]).all()


def model(source: int, target: int) -> Graph:
    node = helper.make_node("BitCast", ["x"], ["y"], to=target)
    x, y = (helper.make_tensor_value_info(n, t, [4]) for n, t in (("x", source), ("y", target)))
    graph = helper.make_graph([node], "bits", [x], [y])
    return load(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 26)]))


def test_between_narrow_types_and_ints_of_their_width() -> None:
    halves = np.array([[1.0, -2.5, 65504.0, 6e-8]], np.float32)
    codes = halves.astype(np.float16).view(np.int16)
    assert np.array_equal(
        interpret(model(TensorProto.FLOAT16, TensorProto.INT16), halves)[0], codes
    )
    back = interpret(model(TensorProto.INT16, TensorProto.FLOAT16), codes)[0]
    assert np.array_equal(back, halves.astype(np.float16).astype(np.float32))
    nibbles = np.array([[-8, -1, 0, 7]], np.int8)
    low = interpret(model(TensorProto.INT4, TensorProto.UINT4), nibbles)[0]
    assert low.tolist() == [[8, 15, 0, 7]]


def test_another_width_is_a_gap() -> None:
    with pytest.raises(Unsupported, match="from 16 bits to 32"):
        model(TensorProto.FLOAT16, TensorProto.INT32)
