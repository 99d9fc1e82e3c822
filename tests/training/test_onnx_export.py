"""The exported file: the same bytes each time, checked against the module, without a path."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from inferon.errors import DataError, Mismatch, UsageError
from tests.absent import require_package
from tests.training.few_jets import few_jets

torch = require_package("torch")
for package in ("onnxscript", "onnxruntime"):
    require_package(package)

from inferon.models.jets.catalog import build  # noqa: E402
from inferon.models.jets.deep_sets import DeepSetsShape  # noqa: E402
from inferon.training import onnx_export  # noqa: E402
from inferon.training.onnx_export import export_onnx  # noqa: E402


def deep_sets() -> Any:
    torch.manual_seed(1)
    shape = DeepSetsShape(constituents=4, phi=(4,), rho=(4,))
    return build("deep-sets", shape, few_jets().class_names).eval()


def export(module: Any, path: Path, exporter: Any = "dynamo") -> float:
    example = few_jets().leading(4)[:8]
    return export_onnx(module, example, path, exporter, input_name="constituents")


def test_the_file_is_repeatable_and_has_a_free_batch(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("one.onnx", "other.onnx")]
    assert all(export(deep_sets(), path) < 1e-5 for path in paths)
    content = paths[0].read_bytes()
    assert content == paths[1].read_bytes()
    graph = onnx.load_from_string(content).graph
    interface = [
        (value.name, [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim])
        for value in (*graph.input, *graph.output)
    ]
    assert interface == [("constituents", ["batch", 4, 4]), ("scores", ["batch", 5])]
    assert not re.search(rb"\.py\b|/home|/tmp|/usr|Traceback|site-packages", content)


class Shifting(torch.nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
    """Returns something else at every call, which no graph can express."""

    calls = 0

    def forward(self, constituents: Any) -> Any:
        self.calls += 1
        return constituents + float(self.calls)


class Branching(torch.nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
    """Chooses by the number of jets, of which the exporter sees one only."""

    def forward(self, constituents: Any) -> Any:
        return constituents * (2.0 if torch.onnx.is_in_onnx_export() else 1.0)


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (Shifting(), "says something else at every call"),
        (Branching(), "differs from the torch module by"),
    ],
)
def test_export_notices_a_model_that_changed(tmp_path: Path, module: Any, said: str) -> None:
    with pytest.raises(Mismatch, match=said):
        export(module, tmp_path / "x.onnx", "torchscript")
    assert not list(tmp_path.iterdir())


class Cancelling(torch.nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
    """Loses all digits in float32, like the mass of a pair from the difference of its squares."""

    def forward(self, constituents: Any) -> Any:
        energy = constituents[:, :, 3] * 1e6
        return ((energy + constituents[:, :, 1]) - energy).sum(dim=1, keepdim=True)


def test_rounding_that_the_module_has_itself_is_granted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(Cancelling(), tmp_path / "x.onnx", "torchscript")
    monkeypatch.setattr(onnx_export, "_largest", lambda got, expected: 2e-4)
    monkeypatch.setattr(onnx_export, "OWN_ROUNDINGS", 0.0)
    with pytest.raises(Mismatch, match=r"by 0\.0002; rounding explains 0\.0001"):
        export(Cancelling(), tmp_path / "y.onnx", "torchscript")


def test_export_needs_two_events(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="two example events"):
        export_onnx(
            deep_sets(), np.zeros((1, 4, 4), np.float32), tmp_path / "x", "dynamo", input_name="x"
        )


def test_an_exporter_that_cannot_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"torchscript cannot spell DeepSets .*sinh.*take the"):
        export(deep_sets(), tmp_path / "x.onnx", "torchscript")
    assert not list(tmp_path.iterdir())
