"""Operators on images with numbers that no exporter writes: one error each, at once (2 s)."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from inferon.errors import InferonError, InvalidModel, Unsupported
from inferon.ir.values import Array
from inferon.load import find_gaps, load

HUGE = 2**40
SOON_S = 2.0
"""Nothing is counted, listed or allocated for an attribute: reading a few layers takes 50 ms."""


def layer(
    op: str, shapes: list[tuple[int, ...]], *constants: Array | None, **how: Any
) -> onnx.ModelProto:
    """Return a model of one layer of float32 inputs, then constants."""
    names = [f"x{i}" for i in range(len(shapes))]
    given = [f"c{i}" if each is not None else "" for i, each in enumerate(constants)]
    slots = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in zip(names, shapes, strict=True)
    ]
    held = [
        numpy_helper.from_array(each, f"c{i}")
        for i, each in enumerate(constants)
        if each is not None
    ]
    node = helper.make_node(op, [*names, *given], ["y"], name="layer", **how)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "bad", slots, [y], held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def ones(*shape: int) -> Array:
    return np.ones(shape, np.float32)


IMAGE = (1, 2, 6, 5)
KERNEL: dict[str, Any] = {"kernel_shape": [2, 2]}
GRID = (1, 3, 3, 2)

CASES: dict[str, onnx.ModelProto] = {
    **{
        f"{op}_of_huge_{name}": layer(
            op, [IMAGE], **{**KERNEL, name: [HUGE] * (4 if name == "pads" else 2)}
        )
        for op in ("MaxPool", "AveragePool", "LpPool")
        for name in ("kernel_shape", "strides", "pads", "dilations")
        if name != "strides"
    },
    "pool_without_a_kernel": layer("MaxPool", [IMAGE]),
    "pool_of_three_sizes": layer("MaxPool", [IMAGE], kernel_shape=[2, 2, 2]),
    "pool_of_a_vector": layer("AveragePool", [(6,)], kernel_shape=[2]),
    "pool_with_negative_pads": layer("MaxPool", [IMAGE], **KERNEL, pads=[-1, 0, 0, 0]),
    "pool_of_stride_zero": layer("MaxPool", [IMAGE], **KERNEL, strides=[0, 1]),
    "pool_of_unknown_padding": layer("MaxPool", [IMAGE], **KERNEL, auto_pad="SAME"),
    "norm_of_order_zero": layer("LpPool", [IMAGE], **KERNEL, p=0),
    "transposed_by_a_huge_stride": layer(
        "ConvTranspose", [IMAGE], ones(2, 1, 3, 3), strides=[HUGE, 1]
    ),
    "transposed_by_too_many_phases": layer(
        "ConvTranspose",
        [(1, 2, 2, 2)],
        ones(2, 1, 32, 32),
        strides=[64, 64],
        dilations=[3, 3],
    ),
    "transposed_to_nothing": layer("ConvTranspose", [IMAGE], ones(2, 1, 3, 3), pads=[9] * 4),
    "transposed_by_other_weights": layer("ConvTranspose", [IMAGE], ones(3, 1, 3, 3)),
    "transposed_in_odd_groups": layer("ConvTranspose", [IMAGE], ones(2, 1, 3, 3), group=3),
    "resized_to_huge": layer("Resize", [IMAGE], None, None, np.array([1, 2, HUGE, 5])),
    "resized_by_infinity": layer("Resize", [IMAGE], None, np.inf * ones(4)),
    "resized_by_nothing": layer("Resize", [IMAGE], None, 0 * ones(4)),
    "resized_to_nothing": layer("Resize", [IMAGE], None, None, np.array([1, 2, 0, 5])),
    "resized_by_five": layer("Resize", [IMAGE], None, ones(5)),
    "resized_in_no_way": layer("Resize", [IMAGE], None, ones(4), mode="lanczos"),
    "resized_without_a_size": layer("Resize", [IMAGE]),
    "padded_by_huge": layer("Pad", [IMAGE], np.array([0, 0, 0, HUGE] * 2)),
    "padded_around_by_huge": layer("Pad", [IMAGE], np.array([0, 0, 0, HUGE] * 2), mode="wrap"),
    "padded_too_short": layer("Pad", [IMAGE], np.array([0, 0])),
    "padded_away": layer("Pad", [IMAGE], np.array([0, 0, -9, 0] * 2), mode="edge"),
    "padded_in_no_way": layer("Pad", [IMAGE], np.zeros(8, np.int64), mode="mirror"),
    "blocks_of_zero": layer("DepthToSpace", [(1, 4, 2, 2)], blocksize=0),
    "blocks_that_do_not_fit": layer("SpaceToDepth", [IMAGE], blocksize=4),
    "columns_that_do_not_fit": layer("Col2Im", [(1, 12, 9)], np.array([9, 7]), np.array([3, 2])),
    "columns_of_a_huge_image": layer(
        "Col2Im", [(1, 12, 9)], np.array([HUGE, HUGE]), np.array([3, 2])
    ),
    "sampled_by_a_wrong_grid": layer("GridSample", [IMAGE, (1, 3, 3, 3)]),
    "sampled_in_no_way": layer("GridSample", [IMAGE, GRID], mode="sinc"),
    "grid_of_huge": layer("AffineGrid", [(1, 2, 3)], np.array([1, 1, HUGE, HUGE])),
    "grid_of_nothing": layer("AffineGrid", [(1, 2, 3)], np.array([1, 1, 0, 4])),
    "regions_of_any_points": layer("RoiAlign", [IMAGE, (2, 4)], np.array([0, 0])),
    "regions_of_huge": layer(
        "RoiAlign", [IMAGE, (2, 4)], np.array([0, 0]), sampling_ratio=2, output_height=HUGE
    ),
    "regions_of_three_numbers": layer(
        "RoiAlign", [IMAGE, (2, 3)], np.array([0, 0]), sampling_ratio=2
    ),
    "offsets_that_do_not_fit": layer("DeformConv", [IMAGE], ones(1, 2, 2, 2), ones(1, 8, 5, 5)),
    "transform_of_huge": layer("DFT", [(1, 8, 1)], np.array(HUGE)),
    "transform_of_nothing": layer("DFT", [(1, 8, 1)], np.array(0)),
    "transform_of_the_parts": layer("DFT", [(1, 8, 1)], None, np.array(2)),
    "transform_of_three_parts": layer("DFT", [(1, 8, 3)]),
    "frames_of_nothing": layer("STFT", [(1, 8, 1)], np.array(0), None, np.array(4)),
    "frames_of_another_window": layer("STFT", [(1, 8, 1)], np.array(2), ones(3), np.array(4)),
    "window_of_huge": layer("HannWindow", [], np.array(HUGE)),
    "mel_of_huge": layer(
        *("MelWeightMatrix", [], np.array(8), np.array(HUGE), np.array(8000)),
        *(0 * ones(), 4000 * ones()),
    ),
    "determinant_of_no_square": layer("Det", [(1, 3, 2)]),
    "determinant_of_many_rows": layer("Det", [(1, 64, 64)]),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_numbers_are_refused_at_once(name: str) -> None:
    begin = time.perf_counter()
    with pytest.raises((InvalidModel, Unsupported), match="layer") as caught:
        load(CASES[name], batch_axis=None)
    assert time.perf_counter() - begin < SOON_S
    assert len(str(caught.value)) < 500


def test_a_stride_over_one_element_is_nothing_to_refuse() -> None:
    model = layer("MaxPool", [IMAGE], **KERNEL, strides=[HUGE, HUGE])
    assert load(model, batch_axis=None).outputs[0].type.shape == (1, 2, 1, 1)


def test_a_gap_says_what_would_do() -> None:
    (gap,) = find_gaps(CASES["regions_of_any_points"], batch_axis=None)
    assert gap.hint == "sampling_ratio=2"
    assert issubclass(Unsupported, InferonError)
