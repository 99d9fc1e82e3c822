"""Operators on images and signals in C++: the bits of the interpreter (20 s, most of it g++)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import torch

from inferon.ir.graph import Graph
from inferon.load import load
from tests.differential.cpp_pack import BUILDS, check
from tests.differential.test_onnx_images import one_layer, resize
from tests.differential.torch_images import IMAGES
from tests.differential.torch_networks import Network, exported


def _layers() -> dict[str, onnx.ModelProto]:
    """Return layers that torch has no function for, or that none of its exporters writes."""
    return {
        "means_of_many": resize((2, 13, 5), sizes=np.array((4, 9)), mode="linear", antialias=1),
        "cubic": resize((2, 4, 5), sizes=np.array((7, 3)), mode="cubic", exclude_outside=1),
        "some_pixels": resize((2, 7, 9), sizes=np.array((5, 4)), nearest_mode="floor"),
        "blocks": one_layer(
            "Col2Im", (12, 54), np.array((9, 7)), np.array((3, 2)), pads=[1, 0] * 2
        ),
        "spectrum": one_layer("DFT", (9, 2), None, np.array(1)),
        "signal": one_layer("DFT", (5, 2), np.array(8), np.array(1), onesided=1, inverse=1),
        "frames": one_layer("STFT", (40, 1), np.array(5), None, np.array(12)),
        "determinant": one_layer("Det", (3, 5, 5)),
        "cropped": one_layer("CenterCropPad", (4, 5), np.array((7, 2)), axes=[1, 2]),
        "norm": one_layer("LpPool", (2, 7, 5), kernel_shape=[3, 2], p=3),
        "of_columns": one_layer("SpaceToDepth", (2, 4, 6), blocksize=2),
    }


def _named(name: str, model: onnx.ModelProto) -> Graph:
    return replace(load(model), name=name)


def test_the_bits_are_those_of_the_interpreter() -> None:
    torch.manual_seed(5)
    graphs = [_named(name, model) for name, model in _layers().items()]
    for name, (module, shape) in IMAGES.items():
        network = Network(name, module, ("x",), (shape,))
        graphs.append(_named(name, exported(network, dynamo=False, opset=20)))
    check(graphs, BUILDS[0])
