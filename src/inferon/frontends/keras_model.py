"""Keras 3: a live model goes through torch's exporter; on another backend it is reopened on torch.

Keras writes one model for all its backends.  A model that lives on TensorFlow or JAX is saved into
a temporary folder, and a process of its own opens it with ``KERAS_BACKEND=torch``.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from inferon.errors import DataError, ExtraMissing, Gap, Unsupported, UsageError
from inferon.frontends.exported import Example, Exported, as_float32
from inferon.frontends.quiet import quiet
from inferon.ir.values import Array

SEED = 0
"""Of the example that stands in where none is given."""

EVENTS = 2
"""Events of that example."""


def export_keras(model: Any, example: Any, batch_axis: int | str | None) -> Exported:
    """Return a Keras 3 model in ONNX; see `inferon.load`.

    Raises
    ------
    UsageError
        When the model states no shapes and there is no example, or the batch is not in axis 0.
    DataError
        When the model does not take the example.
    Unsupported
        When the model cannot be saved and opened on torch, or not be exported.
    ExtraMissing
        When torch is not installed.
    """
    import keras

    if batch_axis not in ("auto", 0):
        raise UsageError(f"batch_axis is {batch_axis!r}: Keras has its events in axis 0")
    for package in ("torch", "onnxscript"):
        if importlib.util.find_spec(package) is None:
            raise ExtraMissing(package, "keras")
    names, arrays = _inputs(model, example)
    if keras.config.backend() == "torch":
        return _on_torch(model, names, arrays)
    return _reopened(model, names, arrays)


def _inputs(model: Any, example: Any) -> tuple[list[str], list[Array]]:
    """Return the names of the inputs, and arrays for them."""
    slots = _slots(model)
    names = _names(slots)
    if example is None:
        if not slots:
            raise UsageError(
                f"{type(model).__name__} states no shapes: give load some events as example"
            )
        return names, [_drawn(slot) for slot in slots]
    if isinstance(example, Mapping):
        return [str(name) for name in example], [_array(each) for each in example.values()]
    several = isinstance(example, list | tuple)
    arrays = [_array(each) for each in example] if several else [_array(example)]
    if slots and len(slots) != len(arrays):
        raise DataError(
            f"the example has {len(arrays)} inputs, but the model takes {len(slots)}: "
            f"{', '.join(names)}"
        )
    return names or _numbered(len(arrays)), arrays


def _names(slots: list[Any]) -> list[str]:
    """Return the names that the user gave; Keras's own hold a number that counts all models."""
    otherwise = _numbered(len(slots))
    return [
        new if str(slot.name).startswith("keras_tensor") else str(slot.name)
        for slot, new in zip(slots, otherwise, strict=True)
    ]


def _slots(model: Any) -> list[Any]:
    """Return Keras's own description of the inputs; nothing for a model that was never built."""
    try:
        return list(model.inputs or ())
    except (AttributeError, ValueError):
        return []


def _numbered(count: int) -> list[str]:
    return ["x"] if count == 1 else [f"x_{i}" for i in range(count)]


def _drawn(slot: Any) -> Array:
    """Return random events of a shape that is fixed but for the batch."""
    sizes = slot.shape[1:]
    if any(size is None for size in sizes):
        shown = ", ".join("?" if size is None else str(size) for size in sizes)
        raise UsageError(
            f"the input {slot.name} is [{shown}] for one event: give an example that says how many"
        )
    shape = (EVENTS, *sizes)
    dtype = np.dtype(str(slot.dtype))
    if dtype.kind != "f":
        return np.zeros(shape, dtype)
    return np.random.default_rng(SEED).standard_normal(shape).astype(dtype)


def _array(value: Any) -> Array:
    import keras

    try:
        array = np.asarray(keras.ops.convert_to_numpy(value))
    except (TypeError, ValueError):
        array = np.asarray(None)
    if array.dtype.kind not in "fiub":
        raise DataError(
            f"an example of {type(value).__name__}: give an array of numbers, or a tuple or "
            "dictionary of them"
        )
    return as_float32(array)


def _on_torch(model: Any, names: list[str], arrays: list[Array]) -> Exported:
    import torch

    from inferon.frontends.torch_module import TorchCall, batched, export_called, tensor_of

    class Called(torch.nn.Module):
        """The model with positional inputs; its ``__call__`` takes one structure."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *inputs: Any) -> Any:
            given = inputs[0] if len(inputs) == 1 else list(inputs)
            return self.model(given, training=False)

    weights = next(iter(model.parameters()), None)
    device = None if weights is None else weights.device
    tensors = batched(names, [tensor_of(each, device) for each in arrays], 0)
    call = TorchCall(tuple(names), tuple(tensors), positional=True, starred=0, axis=0)
    return export_called(Called(), call, str(model.name))


# --------------------------------------------------------------------------------- other backends


def _reopened(model: Any, names: list[str], arrays: list[Array]) -> Exported:
    """Save the model, and let another process open and export it on torch."""
    name = str(model.name)
    with tempfile.TemporaryDirectory(prefix="inferon-keras-") as folder:
        path = Path(folder)
        with quiet():
            model.save(path / "model.keras")
        np.savez(path / "given.npz", *arrays)
        (path / "job.json").write_text(json.dumps({"names": names, "modules": _modules(model)}))
        command = [sys.executable, "-m", "inferon.frontends.keras_reopened", folder]
        paths = os.pathsep.join(each for each in sys.path if each)
        environment = os.environ | {"KERAS_BACKEND": "torch", "PYTHONPATH": paths}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            what = f"Keras cannot export it on torch: {(lines or ['it stopped'])[-1][:300]}"
            raise Unsupported([Gap(name, what, _HINT)])
        return read_exported(path, name)


def _modules(model: Any) -> list[str]:
    """Return the modules of the user's that define classes of a model, for the other process."""
    found = {type(model).__module__}
    for layer in getattr(model, "layers", ()):
        found |= {*_modules(layer)} if hasattr(layer, "layers") else {type(layer).__module__}
    return sorted(each for each in found if each.partition(".")[0] not in ("keras", "__main__"))


_HINT = (
    "layers of your own in a module that can be imported, with "
    "@keras.saving.register_keras_serializable(); or KERAS_BACKEND=torch"
)


def write_exported(exported: Exported, folder: Path) -> None:
    """Write an export into a folder, for the process that asked for it."""
    (folder / "model.onnx").write_bytes(exported.model.SerializeToString())
    if exported.example is not None:
        np.savez(folder / "inputs.npz", *exported.example.inputs)
        np.savez(folder / "outputs.npz", *exported.example.outputs)


def read_exported(folder: Path, name: str) -> Exported:
    """Read what `write_exported` wrote."""
    from inferon.frontends.torch_module import TORCH

    model = onnx.load_from_string((folder / "model.onnx").read_bytes())
    example = None
    if (folder / "inputs.npz").exists():
        inputs, outputs = (read_arrays(folder / f"{each}.npz") for each in ("inputs", "outputs"))
        example = Example(TORCH, inputs, outputs)
    return Exported(model, name, example)


def read_arrays(path: Path) -> tuple[Array, ...]:
    """Read arrays in their order from a file that ``numpy.savez`` wrote."""
    with np.load(path, allow_pickle=False) as file:
        return tuple(file[f"arr_{i}"] for i in range(len(file.files)))
