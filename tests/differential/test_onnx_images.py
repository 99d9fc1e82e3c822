"""Operators on images and signals, from torch and by hand, against oracles outside (25 s).

ONNX Runtime has to lie within the bound that is derived from the graph.  It computes the places of
a resized image in float32, about which no graph can know: where they are no float32 numbers, torch
in float64 is the oracle instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch.nn import functional as f

from inferon.interpret import interpret
from inferon.load import load
from tests.differential.onnx_double import doubled, evaluated
from tests.differential.onnx_oracle import Array, agrees, normal, run
from tests.differential.torch_images import IMAGES, SAMPLES
from tests.differential.torch_networks import Network, exported

EVENTS = 4
FLOAT64 = 2.0**-44
"""float64 against float64: 52 bits, less 8 for the coordinates and the sum of some 30 terms."""

SOON = ("unet", "spatial_transformer")
"""Exported by the slow exporter, too, in the quick tests; the others with ``--full``."""


def _network(name: str) -> Network:
    module, shape = IMAGES[name]
    return Network(name, module, ("x",), (shape,))


def _with_exporters() -> Iterator[Any]:
    for name in IMAGES:
        yield pytest.param(name, False, 20, id=f"torchscript-{name}")
        marks = [] if name in SOON else [pytest.mark.full]
        yield pytest.param(name, True, 20, id=f"dynamo-{name}", marks=marks)
        if name not in SAMPLES and name != "of_each_step":  # which torch exports from 16 and 13 on
            yield pytest.param(name, False, 11, id=f"opset11-{name}")


@pytest.mark.parametrize(("name", "dynamo", "opset"), list(_with_exporters()))
def test_a_function_of_images_agrees(name: str, dynamo: bool, opset: int) -> None:
    torch.manual_seed(5)
    network = _network(name)
    model = exported(network, dynamo=dynamo, opset=opset)
    graph, result = agrees(model, {"x": normal(7, EVENTS, *network.shapes[0])})
    assert tuple(node.type.shape for node in graph.inputs) == network.shapes
    assert result.undecided == 0


def distance(ours: Array, theirs: Array) -> float:
    """Return the largest difference; a different shape is infinitely far."""
    return float(np.abs(ours - theirs).max()) if ours.shape == theirs.shape else np.inf


def one_layer(
    op: str, x: tuple[int, ...], *others: Array | None, opset: int = 20, **attributes: Any
) -> onnx.ModelProto:
    """Return a model of one layer on a batch of float32 values and constants."""
    names = ["x", *("" if each is None else f"c{i}" for i, each in enumerate(others))]
    constants = [
        onnx.numpy_helper.from_array(each, f"c{i}")
        for i, each in enumerate(others)
        if each is not None
    ]
    graph = helper.make_graph(
        [helper.make_node(op, names, ["y"], **attributes)],
        "layer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *x])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def resize(
    x: tuple[int, ...], *, sizes: Array | None = None, scales: Array | None = None, **how: Any
) -> onnx.ModelProto:
    """Return a model of one Resize of the last axes."""
    chosen = sizes if scales is None else scales
    assert chosen is not None
    axes = list(range(1 + len(x) - len(chosen), 1 + len(x)))
    return one_layer("Resize", x, None, scales, sizes, axes=axes, **how)


SIZES = [((4, 5), (7, 8)), ((7, 8), (4, 5)), ((13, 9), (31, 4)), ((3, 11), (3, 7))]


@pytest.mark.parametrize(("given", "wanted"), SIZES)
@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_means_of_pixels_are_those_of_torch(
    mode: str, antialias: bool, given: tuple[int, int], wanted: tuple[int, int]
) -> None:
    """Torch leaves out what is outside where it has no aliasing, and takes another cubic there."""
    torch_mode = {"linear": "bilinear", "cubic": "bicubic"}[mode]
    model = resize(
        (2, *given),
        sizes=np.array(wanted),
        mode=mode,
        antialias=int(antialias),
        exclude_outside=int(antialias),
        cubic_coeff_a=-0.5 if antialias else -0.75,
    )
    x = normal(3, EVENTS, 2, *given).astype(np.float64)
    (ours,) = interpret(load(doubled(model)), {"x": x}, real=True)
    theirs = f.interpolate(
        torch.from_numpy(x), wanted, mode=torch_mode, align_corners=False, antialias=antialias
    ).numpy()
    assert np.abs(ours - theirs).max() <= FLOAT64 * np.abs(x).max()


PLACES = ("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners")
FLOAT32 = 2.0**-18
"""The standard's reference computes cubic weights in float32: 24 bits, less 6 for 16 terms."""


@pytest.mark.parametrize("policy", ["stretch", "not_larger", "not_smaller"])
@pytest.mark.parametrize(("antialias", "outside"), [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("place", [*PLACES, "asymmetric"])
@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_means_of_pixels_are_those_of_the_reference(
    mode: str, place: str, antialias: int, outside: int, policy: str
) -> None:
    model = resize(
        (2, 7, 9),
        sizes=np.array((11, 5)),
        mode=mode,
        coordinate_transformation_mode=place,
        antialias=antialias,
        exclude_outside=outside,
        keep_aspect_ratio_policy=policy,
    )
    x = {"x": normal(3, EVENTS, 2, 7, 9)}
    (ours,) = interpret(load(model), x, real=True)
    (theirs,) = evaluated(model, x)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= FLOAT32 * np.abs(x["x"]).max()


@pytest.mark.parametrize("rounding", ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
@pytest.mark.parametrize("place", [*PLACES, "asymmetric"])
def test_nearest_pixels_are_those_of_onnx_runtime(place: str, rounding: str) -> None:
    """Scales are float32 numbers: of others, ONNX Runtime misses what lies halfway."""
    how: dict[str, Any] = {"coordinate_transformation_mode": place, "nearest_mode": rounding}
    x = {"x": normal(3, EVENTS, 2, 6, 8)}
    for wanted in ((9, 4), (12, 16), (3, 20), (15, 2)):
        by_sizes = resize((2, 6, 8), sizes=np.array(wanted), mode="nearest", **how)
        scales = np.array(wanted, np.float32) / np.array((6, 8), np.float32)
        by_scales = resize((2, 6, 8), scales=scales, mode="nearest", **how)
        for model in (by_sizes, by_scales):
            graph = load(model)
            np.testing.assert_array_equal(interpret(graph, x)[0], run(model, x)[0])


@pytest.mark.parametrize("mode", ["linear", "nearest"])
def test_a_region_is_cut_out_and_resized(mode: str) -> None:
    """What lies beyond the image becomes the value for it; the places are float32 numbers."""
    region = np.array([0.25, -0.5, 1.25, 0.75], np.float32)
    model = one_layer(
        *("Resize", (2, 9, 5), region, None, np.array((5, 6))),
        mode=mode,
        axes=[2, 3],
        coordinate_transformation_mode="tf_crop_and_resize",
        extrapolation_value=7.5,
    )
    x = {"x": normal(3, EVENTS, 2, 9, 5)}
    (ours,), (theirs,) = interpret(load(model), x, real=True), evaluated(model, x)
    assert (ours == 7.5).any()
    assert distance(ours, theirs) <= FLOAT64 * 8


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("length", [None, 1, 5, 8, 12])
def test_fourier_transforms_are_those_of_numpy(
    length: int | None, axis: int, inverse: bool
) -> None:
    x = normal(3, EVENTS, 8, 9, 2)
    number = None if length is None else np.array(length)
    model = one_layer("DFT", (8, 9, 2), number, np.array(axis), inverse=int(inverse))
    (ours,) = interpret(load(doubled(model)), {"x": x.astype(np.float64)}, real=True)
    function = np.fft.ifft if inverse else np.fft.fft
    theirs = function(x[..., 0] + 1j * x[..., 1].astype(np.float64), length, axis)
    assert distance(ours[..., 0] + 1j * ours[..., 1], theirs) <= FLOAT64 * 16


@pytest.mark.parametrize("length", [1, 2, 7, 8, 12])
def test_onesided_transforms_are_those_of_numpy(length: int) -> None:
    x = normal(3, EVENTS, 9, 1).astype(np.float64)
    model = one_layer("DFT", (9, 1), np.array(length), np.array(1), onesided=1)
    (ours,) = interpret(load(doubled(model)), {"x": x}, real=True)
    theirs = np.fft.rfft(x[..., 0], length)
    assert distance(ours[..., 0] + 1j * ours[..., 1], theirs) <= FLOAT64 * 16
    z = normal(4, EVENTS, 5, 2).astype(np.float64)
    model = one_layer("DFT", (5, 2), np.array(length), np.array(1), onesided=1, inverse=1)
    (back,) = interpret(load(doubled(model)), {"x": z}, real=True)
    signal = np.fft.irfft(z[..., 0] + 1j * z[..., 1], length)
    assert distance(back[..., 0], signal) <= FLOAT64 * 16


@pytest.mark.parametrize("onesided", [0, 1])
@pytest.mark.parametrize("windowed", [False, True])
def test_short_transforms_are_those_of_torch(windowed: bool, onesided: int) -> None:
    x = normal(3, EVENTS, 40, 1)
    window = np.hanning(12).astype(np.float32) if windowed else None
    model = one_layer("STFT", (40, 1), np.array(5), window, np.array(12), onesided=onesided)
    theirs = torch.stft(
        torch.from_numpy(x[..., 0].astype(np.float64)),
        *(12, 5, 12),
        window=torch.from_numpy(np.ones(12) if window is None else window.astype(np.float64)),
        center=False,
        onesided=bool(onesided),
        return_complex=True,
    ).numpy()
    (ours,) = interpret(load(doubled(model)), {"x": x.astype(np.float64)}, real=True)
    assert distance(np.swapaxes(ours[..., 0] + 1j * ours[..., 1], 1, 2), theirs) <= FLOAT64 * 16


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 7])
def test_determinants_agree(rows: int) -> None:
    model = one_layer("Det", (3, rows, rows))
    x = normal(3, EVENTS, 3, rows, rows)
    x[0, 0, :, 0] = 0.0  # singular
    x[0, 1] = np.eye(rows)[::-1]  # every pivot has to be looked for
    (ours,) = interpret(load(model), {"x": x}, real=True)
    theirs = np.linalg.det(x.astype(np.float64))
    assert distance(ours, theirs) <= FLOAT64 * np.abs(theirs).max()
    if rows <= 3:  # with pivots the bound stops, as at any choice between numbers
        agrees(model, {"x": x})


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("spatial", [(9,), (6, 7), (4, 5, 4)])
def test_taps_that_do_not_move_are_a_convolution(spatial: tuple[int, ...], groups: int) -> None:
    axes = len(spatial)
    how: dict[str, Any] = {
        "strides": [2] * axes,
        "pads": [1] * (2 * axes),
        "dilations": [1] * axes,
    }
    w = normal(1, 4, 4 // groups, *[3] * axes)
    x = normal(2, EVENTS, 4, *spatial)
    plain = one_layer("Conv", (4, *spatial), w, group=groups, **how)
    (wanted,) = interpret(load(plain), {"x": x}, real=True)
    sizes = wanted.shape[2:]
    still = np.zeros((EVENTS, 2 * axes * 3**axes, *sizes), np.float32)
    bias, mask = np.zeros(4, np.float32), np.full((EVENTS, 2 * 3**axes, *sizes), 0.5, np.float32)
    moved = one_layer(
        *("DeformConv", (4, *spatial), w, still, bias, mask), group=groups, offset_group=2, **how
    )
    moved.graph.input[0].type.tensor_type.shape.dim[0].dim_value = EVENTS
    (ours,) = interpret(load(moved, batch_axis=None), {"x": x[None]}, real=True)
    assert distance(2.0 * ours[0], wanted) <= FLOAT64 * 64


@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_overlapping_blocks_are_added_as_torch_does(stride: int, dilation: int) -> None:
    how: dict[str, Any] = {
        "strides": [stride, 1],
        "pads": [1, 0, 1, 0],
        "dilations": [dilation, 1],
    }
    numbers = {"stride": (stride, 1), "padding": (1, 0), "dilation": (dilation, 1)}
    blocks = f.unfold(torch.zeros(1, 1, 9, 7), (3, 2), **numbers).shape[-1]
    x = normal(3, EVENTS, 2 * 6, blocks)
    model = one_layer("Col2Im", (12, blocks), np.array((9, 7)), np.array((3, 2)), **how)
    graph, _ = agrees(model, {"x": x})
    (ours,) = interpret(graph, {"x": x}, real=True)
    theirs = f.fold(torch.from_numpy(x.astype(np.float64)), (9, 7), (3, 2), **numbers).numpy()
    assert distance(ours, theirs) <= FLOAT64 * 8


@pytest.mark.parametrize("place", ["half_pixel", "output_half_pixel"])
@pytest.mark.parametrize("mode", ["avg", "max"])
def test_regions_are_those_of_the_reference(mode: str, place: str) -> None:
    """Regions inside, across an edge, far outside, and turned around, on two images."""
    how: dict[str, Any] = {"mode": mode, "coordinate_transformation_mode": place}
    how |= {"sampling_ratio": 2, "output_height": 3, "output_width": 2, "spatial_scale": 0.5}
    node = helper.make_node("RoiAlign", ["x", "rois", "images"], ["y"], **how)
    shapes = {"x": (2, 3, 7, 8), "rois": (4, 4), "y": (4, 3, 3, 2)}
    x, rois, y = (
        helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()
    )
    images = onnx.numpy_helper.from_array(np.array([0, 1, 1, 0]), "images")
    graph = helper.make_graph([node], "regions", [x, rois], [y], [images])
    version = [helper.make_opsetid("", 16)]
    model = helper.make_model(graph, opset_imports=version, ir_version=8)
    corners = [[1, 2, 9, 11], [-3, -2, 5, 30], [40, 40, 50, 50], [9, 9, 3, 4]]
    feed = {"x": normal(3, 2, 3, 7, 8), "rois": np.array(corners, np.float32) + np.float32(0.123)}
    (theirs,) = evaluated(model, feed)
    event = {name: array[None].astype(np.float64) for name, array in feed.items()}
    (ours,) = interpret(load(doubled(model), batch_axis=None), event, real=True)
    assert distance(ours[0], theirs) <= FLOAT64 * 8
