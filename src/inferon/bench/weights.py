"""The weights of the suite's torch modules: those of the files, and proven to be.

Models a to g and i have theirs in their ONNX files, under torch's names or, where the exporter
turned a matrix round, in the order of the layers.  The others were made from a seed by numpy,
whose streams do not change, so that the same numbers come back without a file.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from inferon.bench.networks import NETWORKS
from inferon.errors import DataError
from inferon.ir.values import Array

SEEDED = ("h_autoenc", "j_lstm", "k_pnetlite", "l_strain", "m_part")
"""Models whose weights come from a seed."""

CLOSE = 1e-3
"""Outputs of about 1 that differ by less come from the same weights.

Two orders of float32 sums differ by 1e-6 here, other weights by 0.1.
"""

GATES = {nn.GRU: (1, 0, 2), nn.LSTM: (0, 2, 3, 1)}
"""Places in ONNX (z r h, and i o f c) of torch's gates (r z n, and i f g o)."""


def rebuilt(stem: str, folder: Path) -> nn.Module:
    """Return the torch module behind a file of the suite, with the same weights.

    Raises
    ------
    DataError
        When the module does not give the outputs that are stored beside the file.
    """
    module = NETWORKS[stem]().eval()
    if stem in SEEDED:
        seed_weights(module, stem)
    else:
        _read_weights(module, folder / f"{stem}.onnx")
    with np.load(folder / f"{stem}.npz", allow_pickle=False) as stored, torch.no_grad():
        found = module(torch.from_numpy(stored["x"])).numpy()
        difference = float(np.abs(found - stored["y"]).max())
    if not difference < CLOSE:
        raise DataError(f"{stem}: torch's outputs are {difference:g} from those in {stem}.npz")
    return module


def seed_weights(module: nn.Module, stem: str) -> None:
    """Give a module weights that follow from its name: of usual size, nowhere zero or one."""
    draw = np.random.default_rng(zlib.crc32(stem.encode()))
    with torch.no_grad():
        for name, values in module.state_dict().items():
            if values.dtype.is_floating_point and values.ndim:
                values.copy_(torch.from_numpy(_drawn(draw, name, values)))


def _drawn(draw: np.random.Generator, name: str, values: Tensor) -> Array:
    shape = tuple(values.shape)
    if name.endswith("running_var"):
        drawn = draw.uniform(0.5, 1.5, shape)
    elif values.ndim > 1:  # the variance of what a layer hands on is that of what it gets
        drawn = draw.normal(0.0, (2.0 / np.prod(shape[1:])) ** 0.5, shape)
    elif name.endswith("weight"):
        drawn = draw.uniform(0.8, 1.2, shape)  # scales of norms
    else:
        drawn = draw.normal(0.0, 0.1, shape)
    return drawn.astype(np.float32)


def _read_weights(module: nn.Module, file: Path) -> None:
    stored = {
        each.name: np.array(numpy_helper.to_array(each))
        for each in onnx.load(file).graph.initializer
    }
    unnamed = [array for name, array in stored.items() if name.startswith("onnx::")]
    with torch.no_grad():
        for path, layer in module.named_modules():
            if isinstance(layer, tuple(GATES)):
                _read_recurrent(layer, [unnamed.pop(0) for _ in range(3)])
                continue
            for name, parameter in layer.named_parameters(prefix=path, recurse=False):
                if name in stored:
                    parameter.copy_(torch.from_numpy(stored[name]))
                elif parameter.ndim > 1:
                    parameter.copy_(torch.from_numpy(unnamed.pop(0).T))
                # else: a scale or shift of a norm that equals one of the same value


def _read_recurrent(layer: nn.Module, arrays: list[Array]) -> None:
    """Set ONNX's W, R and B, each with a leading axis of directions."""
    gates = GATES[type(layer)]
    w, r, b = (array[0] for array in arrays)
    halves = np.split(b, 2)
    for parameter, array in zip(layer.parameters(), (w, r, *halves), strict=True):
        parts = np.split(array, len(gates))
        parameter.copy_(torch.from_numpy(np.concatenate([parts[gate] for gate in gates])))
