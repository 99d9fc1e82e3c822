"""Numbers that no exporter writes: refused in one sentence, before anything is made of them (5 s).

Each case is the smallest form of one that the fuzzing of the importer found, or that its reading
did: a count from the file became a table, a loop, or a power.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from inferon.errors import InferonError, InvalidModel, Unsupported
from inferon.interpret import interpret
from inferon.load import load

HUGE = 2**40
MOST = 2**63 - 1
MAX_SECONDS = 2.0
MAX_BYTES = 1 << 28

Shape = Sequence[int]
Operand = Shape | np.ndarray[Any, Any]
"""A run-time input by its shape, or a constant."""


def model(
    op: str, operands: Sequence[Operand], results: int = 1, opset: int = 22, **attributes: Any
) -> onnx.ModelProto:
    """Return a model of one layer, whose inputs are float32."""
    value = helper.make_tensor_value_info
    names = [f"x{i}" for i in range(len(operands))]
    outputs = [f"y{i}" for i in range(results)]
    inputs, constants = [], []
    for name, operand in zip(names, operands, strict=True):
        if isinstance(operand, np.ndarray):
            constants.append(numpy_helper.from_array(operand, name))
        else:
            inputs.append(value(name, TensorProto.FLOAT, operand))
    node = helper.make_node(op, names, outputs, name="layer", **attributes)
    ends = [value(name, TensorProto.FLOAT, None) for name in outputs]
    graph = helper.make_graph([node], "hostile", inputs, ends, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def whole(*numbers: int) -> np.ndarray[Any, Any]:
    return np.array(numbers, np.int64)


def scalar(number: int) -> np.ndarray[Any, Any]:
    return np.array(number, np.int64)


def grams(**attributes: Any) -> onnx.ModelProto:
    """Return a TfIdfVectorizer of one pair of numbers in a row of six."""
    given: dict[str, Any] = {
        "ngram_indexes": [0],
        "min_gram_length": 2,
        "max_gram_length": 2,
    } | attributes
    row = np.arange(6, dtype=np.int64)
    return model(
        "TfIdfVectorizer",
        [row],
        mode="TF",
        ngram_counts=[0, 0],
        pool_int64s=[2, 4],
        **({"max_skip_count": 0} | given),
    )


def resized(scale: float, length: int) -> onnx.ModelProto:
    scales = np.array([1, scale], np.float32)
    return model("Resize", [(1, length), np.zeros(0, np.float32), scales], mode="linear")


def cropped(begin: float, size: int) -> onnx.ModelProto:
    """Return a Resize of a region that begins at a fraction of many digits."""
    region = np.array([0, begin, 1, 1], np.float32)
    return model(
        "Resize",
        [(1, 8), region, np.zeros(0, np.float32), whole(1, size)],
        mode="linear",
        coordinate_transformation_mode="tf_crop_and_resize",
    )


def counted_loop(turns: int) -> onnx.ModelProto:
    """Return a loop without a condition, whose state grows."""
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["going"], ["still"]),
            helper.make_node("Concat", ["s", "s"], ["t"], axis=0),
            helper.make_node("Slice", ["t", "low", "high"], ["u"]),
        ],
        "body",
        [
            value("i", TensorProto.INT64, []),
            value("going", TensorProto.BOOL, []),
            value("s", TensorProto.FLOAT, [1]),
        ],
        [value("still", TensorProto.BOOL, []), value("u", TensorProto.FLOAT, [1])],
        [numpy_helper.from_array(whole(0), "low"), numpy_helper.from_array(whole(1), "high")],
    )
    found = model("Loop", [scalar(turns), (1,)], body=body)
    found.graph.node[0].input.insert(1, "")
    return found


WRONG: dict[str, tuple[onnx.ModelProto, str]] = {
    "Max of nothing": (model("Max", []), "Max takes at least 1 values, not 0"),
    "Sum of nothing": (model("Sum", []), "Sum takes at least 1 values, not 0"),
    "Mean of nothing": (model("Mean", []), "Mean takes at least 1 values, not 0"),
    "Concat of nothing": (model("Concat", [], axis=0), "Concat takes at least 1 values, not 0"),
    "Add of one": (model("Add", [(2,)]), "Add takes at least 2 values, not 1"),
    "Relu of two": (model("Relu", [(2,), (2,)]), "Relu takes at most 1 values, not 2"),
    "two results of Relu": (model("Relu", [(2,)], 2), "Relu gives at most 1 values, not 2"),
    "Split": (model("Split", [(7,)], 4, num_outputs=HUGE), "num_outputs is"),
    "Split of nothing": (model("Split", [(0,)], 2, num_outputs=MOST), "num_outputs is"),
    "more sizes than parts": (model("Split", [(4,), whole(2, 1, 1)], 2), "3 sizes of 2 parts"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_counts_that_contradict_the_layer(kind: str) -> None:
    source, expected = WRONG[kind]
    with pytest.raises(InvalidModel) as caught:
        load(source, batch_axis=None)
    assert expected in str(caught.value)
    assert "layer" in str(caught.value)


LARGE: dict[str, tuple[onnx.ModelProto, str]] = {
    "coordinates of n-grams": (grams(ngram_indexes=[HUGE]), "a row of"),
    "an empty input with a huge axis": (model("Relu", [(0, MOST)]), "an input of"),
    "an empty image with huge bins": (
        model(
            "RoiAlign",
            [(0, 1, 4, 4), (0, 4), np.zeros(0, np.int64)],
            output_height=HUGE,
            sampling_ratio=1,
        ),
        "an image of",
    ),
    "an empty constant": (model("ConstantOfShape", [whole(0, HUGE)]), "a constant of"),
    "Expand": (model("Expand", [(0, 1), whole(0, HUGE)]), "elements"),
    "OneHot": (
        model("OneHot", [(1,), whole(HUGE), np.array([0, 1], np.float32)]),
        "a OneHot of",
    ),
    "SplitToSequence": (model("SplitToSequence", [(1 << 20,)]), "a sequence of 1048576 tensors"),
    "SplitToSequence by size": (
        model("SplitToSequence", [(1 << 20,), scalar(1)]),
        "a sequence of 1048576 tensors",
    ),
    "boxes": (
        model("NonMaxSuppression", [(1, 1 << 16, 4), (1, 1, 1 << 16)]),
        "NonMaxSuppression of 65536 boxes",
    ),
    "places of NonZero": (model("NonZero", [(1,) * 15 + (1 << 21,)]), "a table of places"),
    "a mean of many": (
        model("GridSample", [(1, 1, *[2] * 9), (1, *[1] * 9, 9)], mode="linear"),
        "a mean of 512 elements",
    ),
    "windows of a pool": (
        model("AveragePool", [(1, 1, 4096)], kernel_shape=[1 << 15], auto_pad="SAME_UPPER"),
        "windows of",
    ),
    "fractions": (cropped(1e-30, 1 << 19), "fractions of"),
    "overlaps": (
        model(
            "Col2Im",
            [(1, 1024, 1024), whole(2 * 1023 * 2048 + 1), whole(1024)],
            strides=[2048],
            dilations=[2048],
        ),
        "a table of overlaps",
    ),
    "turns": (counted_loop(MOST), "loops of more than 10000 layers"),
}


@pytest.mark.parametrize("kind", LARGE)
def test_numbers_beyond_all_bounds(kind: str) -> None:
    source, expected = LARGE[kind]
    load(model("Softmax", [(1, 2)]))  # imports, which are not meant
    tracemalloc.start()
    start = time.process_time()
    try:
        with pytest.raises(Unsupported, match=expected) as caught:
            load(source, batch_axis=None)
        assert time.process_time() - start < MAX_SECONDS
        assert tracemalloc.get_traced_memory()[1] < MAX_BYTES
    finally:
        tracemalloc.stop()
    assert len(str(caught.value).splitlines()) == 2


CHEAP: dict[str, onnx.ModelProto] = {
    "skips beyond the row": grams(max_skip_count=MOST),
    "places of a long axis": model("Pad", [(1 << 20,), whole(3, 3)], mode="wrap"),
    "a long axis resized": resized(2.0, 1 << 18),
    "a constant pool": model(
        "AveragePool",
        [np.ones((1, 3, 32, 32), np.float32)],
        kernel_shape=[2, 1 << 12],
        auto_pad="SAME_LOWER",
    ),
    "a long list of sizes": model("Split", [(4,), whole(2, 1, 1)], 3),
}


@pytest.mark.parametrize("kind", CHEAP)
def test_numbers_that_cost_nothing(kind: str) -> None:
    """They are allowed, and take no time."""
    start = time.process_time()
    load(CHEAP[kind], batch_axis=None)
    assert time.process_time() - start < MAX_SECONDS


def test_skips_beyond_a_row_count_as_those_within() -> None:
    few, many = (interpret(load(grams(max_skip_count=n), batch_axis=None), []) for n in (4, MOST))
    assert np.array_equal(few, many)


@pytest.mark.parametrize("strides", [1, 2, 3])
def test_overlapping_blocks_add_up(strides: int) -> None:
    """Col2Im against the loop of its definition."""
    size, kernel = 17, 5
    blocks = (size - kernel) // strides + 1
    x = np.random.default_rng(0).integers(-99, 99, (1, kernel, blocks)).astype(np.float32)
    source = model("Col2Im", [x.shape, whole(size), whole(kernel)], strides=[strides])
    wanted = np.zeros(size)
    for place in range(blocks):
        wanted[place * strides : place * strides + kernel] += x[0, :, place].astype(np.float64)
    (found,) = interpret(load(source, batch_axis=None), x[None])
    assert np.array_equal(found.ravel(), wanted)  # sums of whole numbers are exact


def test_optional_values_at_the_end_may_be_left_out_or_be_empty() -> None:
    clip = model("Clip", [(2,)])
    clip.graph.node[0].input.extend(["", ""])
    load(clip, batch_axis=None)
    clip.graph.node[0].input.extend(["", ""])  # two more than there are, but no values
    load(clip, batch_axis=None)
    clip.graph.node[0].input.append("x0")
    with pytest.raises(InferonError, match="Clip takes at most 3 values, not 6"):
        load(clip, batch_axis=None)


def test_the_number_of_events_is_no_output() -> None:
    source = model("Shape", [(1, 4)])
    source.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "N"
    source.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64
    with pytest.raises(Unsupported, match="y0: an output that changes with the number of events"):
        load(source)


def test_a_loop_of_millions_is_not_compared() -> None:
    """Events are compared turn by turn, which would take minutes."""
    source = model("CumSum", [(1, 1 << 21), scalar(1)])
    source.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "N"
    with pytest.raises(Unsupported, match=r"model: \d+ steps, one after the other"):
        load(source)


def test_a_product_of_no_whole_numbers_is_zero() -> None:
    source = model("MatMul", [(0,), (0,)])
    for slot in (*source.graph.input, *source.graph.output):
        slot.type.tensor_type.elem_type = TensorProto.INT32
    empty = np.zeros((1, 0), np.int32)
    assert interpret(load(source, batch_axis=None), [empty, empty])[0].tolist() == [0]
