"""Live torch modules: exported in memory, confirmed, left as they were; clear errors (30 s)."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import inferon
from inferon.errors import DataError, ExtraMissing, InvalidModel, Mismatch, Unsupported, UsageError
from inferon.frontends.exported import Exported
from inferon.frontends.torch_module import export_torch
from inferon.load import find_gaps
from tests.differential.torch_networks import DeepSets


def small() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Dropout(0.5), nn.Linear(6, 2))


def as_torch(module: nn.Module, *arrays: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    with torch.no_grad():
        result: np.ndarray[Any, Any] = module.eval()(*map(torch.from_numpy, arrays)).numpy()
    return result


def normal(*shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(5).standard_normal(shape).astype(np.float32)


def test_a_module_is_loaded_and_left_as_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    module = small()
    module[2].eval()  # one part in another mode than the whole
    before = [part.training for part in module.modules()]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        graph = inferon.load(module, torch.zeros(3, 4))
    assert [part.training for part in module.modules()] == before
    assert capfd.readouterr() == ("", "")
    assert (graph.name, graph.input_names, graph.output_names) == ("sequential", ("x",), ("y",))
    x = normal(5, 4)
    (got,) = inferon.interpret(graph, x, real=True)
    assert np.abs(got - as_torch(module, x)).max() < 1e-6


def test_an_array_of_float64_is_what_numpy_makes_of_float32() -> None:
    graph = inferon.load(small(), np.random.default_rng(0).standard_normal((1, 4)))
    assert str(graph.inputs[0].type) == "4xf32"


def test_several_inputs_by_order_and_by_name() -> None:
    module = DeepSets()
    x, mask = normal(3, 6, 3), np.ones((3, 6), np.float32)
    by_order = inferon.load(module, (x, mask))
    by_name = inferon.load(module, {"mask": mask, "x": x})
    assert by_order.input_names == ("x", "mask")
    assert sorted(by_name.input_names) == ["mask", "x"]
    feed = {"x": x, "mask": mask}
    first, second = (inferon.interpret(g, feed)[0] for g in (by_order, by_name))
    assert first.tobytes() == second.tobytes()


def test_results_keep_their_names() -> None:
    class Two(nn.Module):
        def forward(self, x: Any) -> Any:
            return {"double": 2.0 * x, "half": 0.5 * x}

    assert inferon.load(Two(), torch.ones(2, 3)).output_names == ("double_", "half")


def test_without_a_batch_the_example_is_one_event() -> None:
    graph = inferon.load(nn.Linear(4, 2), torch.zeros(4), batch_axis=None)
    assert [str(node.type) for node in (*graph.inputs, *graph.outputs)] == ["4xf32", "2xf32"]


def test_the_batch_may_lie_in_another_axis() -> None:
    graph = inferon.load(nn.GRU(3, 4), torch.zeros(5, 2, 3), batch_axis=1)
    assert str(graph.inputs[0].type) == "5x3xf32"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_old_exporter_stands_in() -> None:
    module = torch.jit.trace(small().eval(), torch.zeros(2, 4))  # the new one refuses those
    graph = inferon.load(module, torch.zeros(2, 4))
    x = normal(3, 4)
    (got,) = inferon.interpret(graph, x, real=True)
    assert np.abs(got - as_torch(module, x)).max() < 1e-6


def test_an_exporter_that_writes_another_model_is_caught() -> None:
    class Distances(nn.Module):  # the new exporter has no cdist; the old one adds 1e-6 to it
        def forward(self, x: Any) -> Any:
            return torch.cdist(x, x + 1.0, compute_mode="donot_use_mm_for_euclid_dist")

    with pytest.raises(Mismatch, match="the export of Distances is not the model"):
        inferon.load(Distances(), normal(3, 4, 2))


def test_the_example_of_an_export_can_fail() -> None:
    module, other = small(), small()
    with torch.no_grad():
        other[0].weight[0, 0] += 1.0
    x = torch.from_numpy(normal(2, 4))
    right, wrong = (export_torch(each, x, "auto") for each in (module, other))
    graph = inferon.load(right.model)
    Exported(right.model, "right", right.example).confirm(graph)
    with pytest.raises(Mismatch):
        Exported(right.model, "wrong", wrong.example).confirm(graph)


def test_values_that_steer_the_program_are_refused() -> None:
    class Steered(nn.Module):
        def forward(self, x: Any) -> Any:
            return 2.0 * x if x.sum() > 0 else x

    with pytest.raises(Unsupported, match=r"torch\.where instead of if") as caught:
        inferon.load(Steered(), torch.ones(2, 3))
    assert len(caught.value.gaps) == 1


def test_what_neither_exporter_writes_has_both_reasons(capfd: pytest.CaptureFixture[str]) -> None:
    class Svd(nn.Module):
        def forward(self, x: Any) -> Any:
            return torch.linalg.svd(x)[1]

    gaps = find_gaps(Svd(), torch.ones(2, 3, 3))
    assert [gap.layer for gap in gaps] == ["Svd", "Svd"]
    assert "svd" in gaps[0].what
    assert "svd" in gaps[1].what
    assert capfd.readouterr() == ("", "")


class Number(nn.Module):
    def forward(self, x: Any) -> Any:
        return 3


WRONG = {
    "no example": (small, None, UsageError, "does not state its shapes"),
    "other features": (small, torch.zeros(2, 5), DataError, r"does not take x float32\[2, 5\]"),
    "no batch": (small, torch.zeros(4), DataError, "no other number of events in axis 0"),
    "a number": (small, torch.zeros(()), DataError, "without an axis 0 for the batch"),
    "no events": (small, torch.zeros(0, 4), DataError, "holds no events"),
    "too many": (small, (torch.zeros(2, 4),) * 2, DataError, "has 2 inputs, .* takes 1"),
    "text": (small, "x", DataError, "an example of str"),
    "objects": (small, np.array(["x"]), DataError, "an example of ndarray"),
    "uneven": (DeepSets, (torch.zeros(2, 6, 3), torch.zeros(3, 6)), DataError, "x: 2, mask: 3"),
    "no tensor": (Number, torch.zeros(2, 4), DataError, "Number returns int"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_example_is_one_clear_error(what: str) -> None:
    make, example, kind, message = WRONG[what]
    with pytest.raises(kind, match=message):
        inferon.load(make(), example)


@pytest.mark.parametrize("axis", [-1, "first", 2])
def test_a_wrong_batch_axis(axis: Any) -> None:
    with pytest.raises((UsageError, DataError), match="axis"):
        inferon.load(small(), torch.zeros(2, 4), batch_axis=axis)


def test_without_onnxscript_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [each for each in sys.modules if each.partition(".")[0] == "onnxscript"]:
        monkeypatch.delitem(sys.modules, name)
    for name in [each for each in sys.modules if each.startswith("torch.onnx._internal.exporter")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnxscript", None)  # as if it were not installed
    with pytest.raises(ExtraMissing, match=r"pip install 'inferon\[torch\]'"):
        inferon.load(small(), torch.zeros(2, 4))


@pytest.mark.parametrize("source", [3, [1.0], {"a": 1}, b"x", object()])
def test_what_is_no_model_is_said(source: object) -> None:
    with pytest.raises(UsageError, match="load takes a file, an onnx"):
        inferon.load(source)


def test_an_example_beside_a_file_makes_no_sense() -> None:
    with pytest.raises(UsageError, match="an example belongs to a live model"):
        inferon.load("model.onnx", torch.zeros(2, 4))


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".pkl", ".joblib", ".keras", ".h5"])
def test_formats_that_carry_code_are_not_opened(suffix: str, tmp_path: Any) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(b"\x80\x04")
    with pytest.raises(InvalidModel, match=r"may run code .* if you trust it: .*load"):
        inferon.load(path)
