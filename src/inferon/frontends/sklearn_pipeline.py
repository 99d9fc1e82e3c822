"""scikit-learn: an estimator or a pipeline goes through skl2onnx, in float32, without ZipMap."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx

from inferon.errors import DataError, ExtraMissing, Gap, Unsupported, UsageError
from inferon.frontends.exported import Exported
from inferon.frontends.quiet import quiet


def export_sklearn(model: Any, example: Any, batch_axis: int | str | None) -> Exported:
    """Return a fitted estimator in ONNX; see `inferon.load`.

    A classifier has two outputs, the label and the probability of each class.  scikit-learn
    computes in float64, the graph in float32: what that costs is the user's to measure.

    Raises
    ------
    UsageError
        When the estimator is not fitted, or the batch is not in axis 0.
    DataError
        When the example has another number of features.
    Unsupported
        When skl2onnx knows no conversion.
    ExtraMissing
        When skl2onnx is not installed.
    """
    name = type(model).__name__
    if batch_axis not in ("auto", 0):
        raise UsageError(f"batch_axis is {batch_axis!r}: scikit-learn has its events in axis 0")
    features = _features(model, example, name)
    return Exported(_converted(model, features, name), name, None)


def _features(model: Any, example: Any, name: str) -> int:
    """Return how many numbers one event has."""
    fitted = getattr(model, "n_features_in_", None)
    if example is None:
        if fitted is None:
            raise UsageError(
                f"{name} does not state its number of features: fit it, or give some events as "
                "example"
            )
        return int(fitted)
    array = np.asarray(example)
    if array.ndim != 2 or array.dtype.kind not in "fiub":
        raise DataError(
            f"the example is {array.dtype}[{', '.join(map(str, array.shape))}]: give numbers of "
            "shape (events, features)"
        )
    if fitted is not None and array.shape[1] != fitted:
        raise DataError(
            f"the example has {array.shape[1]} features, but {name} was fitted to {fitted}"
        )
    return int(array.shape[1])


def _converted(model: Any, features: int, name: str) -> onnx.ModelProto:
    try:
        import skl2onnx
    except ModuleNotFoundError:
        raise ExtraMissing("skl2onnx", "sklearn") from None
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.base import is_classifier
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    options = {id(model): {"zipmap": False}} if is_classifier(model) else None
    types = [("x", FloatTensorType([None, features]))]
    try:
        check_is_fitted(model)
        with quiet():
            made = skl2onnx.convert_sklearn(model, name, types, options=options)
    except NotFittedError:
        raise UsageError(f"{name} is not fitted: call its fit first") from None
    except Exception as error:  # noqa: BLE001 - a converter may raise anything
        line = next((line for line in str(error).splitlines() if line.strip()), "")
        what = f"skl2onnx fails: {type(error).__name__}: {line[:200]}"
        raise Unsupported([Gap(name, what, "an ONNX file")]) from None
    return onnx.load_from_string(made.SerializeToString())
