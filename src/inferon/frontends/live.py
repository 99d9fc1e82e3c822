"""Live models: which framework an object is of, told without importing any, and its export.

Whoever holds a module, a Keras model or a pipeline has imported its framework already; its class
and the ancestors of its class say by their names which one that is.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inferon.errors import InvalidModel, UsageError
from inferon.frontends.exported import Exported
from inferon.frontends.naming import label

_TORCH = "module.load_state_dict(torch.load(path)), then inferon.load(module, example)"
_PICKLE = "pipeline = joblib.load(path), then inferon.load(pipeline)"
_KERAS = "inferon.load(keras.saving.load_model(path))"
_CODE = {
    **dict.fromkeys((".pt", ".pth", ".pt2", ".ckpt"), _TORCH),
    **dict.fromkeys((".pkl", ".pickle", ".joblib"), _PICKLE),
    **dict.fromkeys((".keras", ".h5", ".hdf5"), _KERAS),
}
"""Suffixes of formats that can carry code, and how their owner loads one in Python."""

Exporter = Callable[[Any, Any, "int | str | None"], Exported]
"""From a live model, an example and the batch axis to ONNX."""


def export_live(source: object, example: object, batch_axis: int | str | None) -> Exported | None:
    """Return a live model in ONNX, or None where the source is a file or an ONNX model.

    Raises
    ------
    UsageError
        When the source is none of all these, or an example stands beside a file.
    """
    exporter = _exporter_of(source)
    if exporter is not None:
        return exporter(source, example, batch_axis)
    if not (isinstance(source, str | os.PathLike) or _is_a(source, "onnx", "ModelProto")):
        raise UsageError(
            f"load takes a file, an onnx.ModelProto, a torch module, a Keras model or a "
            f"scikit-learn pipeline, not {type(source).__module__}.{type(source).__qualname__}"
        )
    if isinstance(source, str | os.PathLike) and (how := _CODE.get(Path(source).suffix)):
        raise InvalidModel(
            f"{label(Path(source).name)} may run code when it is opened, so Inferon does not open "
            f"it; if you trust it: {how} (or give the model as ONNX)"
        )
    if example is not None:
        raise UsageError("an example belongs to a live model; a file states the shapes itself")
    return None


def _exporter_of(source: object) -> Exporter | None:
    if _is_a(source, "keras", "Model"):  # before torch: on that backend it is a module, too
        from inferon.frontends.keras_model import export_keras

        return export_keras
    if _is_a(source, "torch", "Module"):
        from inferon.frontends.torch_module import export_torch

        return export_torch
    if _is_a(source, "sklearn", "BaseEstimator"):
        from inferon.frontends.sklearn_pipeline import export_sklearn

        return export_sklearn
    return None


def _is_a(source: object, package: str, name: str) -> bool:
    """Return whether a class of that package and name is among the ancestors."""
    return any(
        each.__name__ == name and each.__module__.partition(".")[0] == package
        for each in type(source).__mro__
    )
