"""Measurement: what is counted, compared and recorded; never how fast (15 s, mostly g++)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import inferon
from inferon.analysis.cost import cost
from inferon.errors import Mismatch, ToolError, UsageError
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import FLOAT32
from inferon.ir.values import Array
from inferon.load import load
from inferon.measure.benchmark import Benchmark, benchmark
from inferon.measure.installation import survey
from inferon.measure.machine import this_machine, versions
from inferon.measure.onnxruntime_peer import OnnxRuntime, compare, identity_model
from inferon.measure.race import MAX_TURNS, MIN_TURNS
from inferon.measure.record import as_json
from inferon.measure.spread import Spread
from inferon.ops import build as b
from inferon.ops.arithmetic import Sqrt
from inferon.ops.movement import Broadcast
from inferon.ops.reduction import Sum
from inferon.targets.cpp import Cpp
from inferon.targets.toolchain import Compiler, version
from tests.absent import needs_package, needs_tool
from tests.unit.command_line import MLP, MODELS

FORMS = ("a_mlp12.onnx", "a_mlp12_dyn.onnx", "a_mlp12.static1.onnx")


def macs_of_the_readme() -> dict[str, int]:
    """The fourth column of the table of benchmark models."""
    rows = re.findall(
        r"^\| (\w+) \|[^|]*\|[^|]*\| ([\d,]+) \|", (MODELS / "README.md").read_text(), re.MULTILINE
    )
    return {name: int(macs.replace(",", "")) for name, macs in rows}


@pytest.mark.parametrize("form", [".onnx", "_dyn.onnx", ".static1.onnx"])
@pytest.mark.parametrize("name", macs_of_the_readme())
def test_multiply_adds_are_those_of_the_network_in_every_export_form(name: str, form: str) -> None:
    assert cost(load(MODELS / f"{name}{form}")).macs == macs_of_the_readme()[name]


@pytest.mark.parametrize("name", ["b_jet16", "d2_lenet", "e_deepsets", "g_gru"])
def test_parameters_are_the_weights_of_the_file(name: str) -> None:
    stored = onnx.load(MODELS / f"{name}.onnx").graph.initializer
    arrays = [numpy_helper.to_array(each) for each in stored]
    weights = sum(array.size for array in arrays if array.dtype.kind == "f" and array.ndim)
    assert cost(load(MODELS / f"{name}.onnx")).parameters == weights


def test_a_constant_that_two_layers_share_counts_once() -> None:
    x = b.input_("x", (4,), FLOAT32)
    w = b.constant(np.ones((4, 4), np.float32))
    y = b.product(b.product(x, w), w)
    found = cost(Graph("g", (x,), (y,), ("y",)))
    assert (found.parameters, found.macs) == (16, 32)


def test_scalars_are_no_parameters() -> None:
    x = b.input_("x", (4,), FLOAT32)
    y = b.add(x, b.constant(np.float32(2.0)))
    assert cost(Graph("g", (x,), (y,), ("y",))).layers == ()


# ------------------------------------------------------------------------------------------ record


@dataclass(frozen=True)
class Inner:
    value: float
    path: Path


def test_results_become_json_and_what_json_cannot_say_becomes_null() -> None:
    value = {"a": (Inner(np.inf, Path("x")), np.float32(0.5)), "b": np.arange(3), "c": None}
    expected = {"a": [{"value": None, "path": "x"}, 0.5], "b": [0, 1, 2], "c": None}
    assert as_json(value) == expected
    json.dumps(as_json(value), allow_nan=False)


def test_what_has_no_spelling_in_json_is_refused() -> None:
    with pytest.raises(TypeError, match="object"):
        as_json({"a": object()})


def test_quantiles_of_a_spread() -> None:
    spread = Spread.of(np.arange(101.0))
    quantiles = (
        *(spread.p05_ns, spread.lower_quartile_ns),
        *(spread.median_ns, spread.upper_quartile_ns),
    )
    assert quantiles == (5.0, 25.0, 50.0, 75.0)
    assert len(spread.bursts_ns) == 101


def test_the_machine_and_the_versions_are_named() -> None:
    machine, found = this_machine(), versions(Compiler("no-such-compiler"))
    assert machine.cpu
    assert machine.cores >= 1
    assert found.numpy == np.__version__
    assert found.compiler == "no-such-compiler (absent)"


def test_an_ability_lists_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = survey()
    running = next(each for each in found.abilities if each.verbs == "verify bench")
    assert "g++" in running.missing
    assert running.remedy
    assert not found.runs_cpp
    firmware = next(each for each in found.abilities if each.what == "run VHDL-2008 here")
    assert firmware.missing == ("GHDL",)
    assert "apt-get install ghdl" in firmware.remedy


def test_one_simulator_of_a_language_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ghdl = tmp_path / "ghdl"
    ghdl.write_text("#!/bin/sh\necho GHDL 9.9\n")
    ghdl.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    version.cache_clear()
    found = survey()
    version.cache_clear()
    assert next(each.version for each in found.tools if each.name == "GHDL") == "GHDL 9.9"
    assert next(each.possible for each in found.abilities if each.what == "run VHDL-2008 here")


# ------------------------------------------------------------------------------------ ONNX Runtime


@needs_package("onnxruntime")
@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_outputs_of_the_framework(form: str) -> None:
    """Each form, with a symbolic batch or without one, takes events on the first axis."""
    graph = load(MODELS / form)
    stored = np.load(MODELS / "a_mlp12.npz")
    peer = OnnxRuntime(MODELS / form, graph)
    (outputs,) = peer.predict(stored["x"].reshape(4, *graph.inputs[0].type.shape))
    # torch's float32 result is as far from the real one as ONNX Runtime's: 2 ulp of 1 at most.
    assert np.abs(outputs.reshape(4, 1) - stored["y"]).max() <= 2 * np.finfo(np.float32).eps


@needs_package("onnxruntime")
def test_a_fixed_batch_takes_any_number_of_events(tmp_path: Path) -> None:
    model = onnx.load(MLP)
    for port in (*model.graph.input, *model.graph.output):
        port.type.tensor_type.shape.dim[0].dim_value = 4
    onnx.save(model, tmp_path / "four.onnx")
    graph = load(tmp_path / "four.onnx", batch_axis=0)
    x = np.random.default_rng(0).normal(size=(7, 12)).astype(np.float32)
    (fixed,) = OnnxRuntime(tmp_path / "four.onnx", graph).predict(x)
    (free,) = OnnxRuntime(MLP, load(MLP)).predict(x)
    assert fixed.shape == free.shape == (7, 1)
    assert compare(OnnxRuntime(MLP, load(MLP)), (fixed,), x).largest_difference < 1e-6


@needs_package("onnxruntime")
def test_a_wrong_result_is_outside_its_bound() -> None:
    graph = load(MLP)
    x = np.random.default_rng(0).normal(size=(5, 12)).astype(np.float32)
    peer = OnnxRuntime(MLP, graph)
    (y,) = peer.predict(x)
    wrong = y.copy()
    wrong[3] += np.float32(1e-3)
    assert compare(peer, (y,), x).events == 5
    with pytest.raises(Mismatch) as caught:
        compare(peer, (wrong,), x)
    assert caught.value.event == 3


@needs_package("onnxruntime")
def test_another_model_behind_the_peer_is_found() -> None:
    """The oracle can fail: the file with one weight changed disagrees with the graph."""
    model = onnx.load(MLP)
    weight = model.graph.initializer[0]
    array = numpy_helper.to_array(weight).copy()
    array.flat[0] += 0.25
    weight.CopyFrom(numpy_helper.from_array(array, weight.name))
    graph = load(MLP)
    x = np.ones((3, 12), np.float32)
    changed = OnnxRuntime(model.SerializeToString(), graph)
    with pytest.raises(Mismatch):
        compare(changed, inferon.interpret(graph, x), x)


@needs_package("onnxruntime")
def test_a_model_that_onnx_runtime_refuses_is_a_tool_error() -> None:
    node = helper.make_node("Relu", ["x"], ["y"])
    ports = [helper.make_tensor_value_info(n, onnx.TensorProto.STRING, ["N"]) for n in "xy"]
    model = helper.make_model(helper.make_graph([node], "g", ports[:1], ports[1:]))
    x = b.input_("x", (), FLOAT32)
    graph = Graph("g", (x,), (b.add(x, x),), ("y",))
    with pytest.raises(ToolError, match="ONNX Runtime fails"):
        OnnxRuntime(model.SerializeToString(), graph).predict(np.zeros(2, np.float32))


def test_the_identity_model_is_a_model_of_one_layer() -> None:
    model = onnx.load_from_string(identity_model())
    onnx.checker.check_model(model)
    assert [node.op_type for node in model.graph.node] == ["Identity"]


# --------------------------------------------------------------------------------------- benchmark


@dataclass
class Metronome:
    """A contestant that takes exactly ``call_ns``, and counts what it is asked for."""

    call_ns: float
    calls: int = 0

    def time_ns(self, data: object, *, events: int, repeats: int, bursts: int) -> Array:
        self.calls += repeats * bursts
        return np.full(bursts, self.call_ns * events)


@pytest.mark.parametrize("call_ns", [40.0, 7000.0, 3e6, 3e9])
def test_a_burst_lasts_a_fifth_of_a_millisecond_or_one_call(call_ns: float) -> None:
    x = b.input_("x", (2,), FLOAT32)
    graph = Graph("g", (x,), (b.add(x, x),), ("y",))
    contestant = Metronome(call_ns)
    data = np.zeros((3, 2), np.float32)
    found = benchmark(graph, contestant, data, batches=[1, 8], compiler=Compiler())
    assert [timing.ours_ns_per_event for timing in found.timings] == [call_ns] * 2
    assert all(7 * MIN_TURNS <= len(t.ours.bursts_ns) <= 7 * MAX_TURNS for t in found.timings)
    longest = max(200_000.0, 8 * call_ns) * 2  # no burst is longer than two at the larger batch
    assert contestant.calls * call_ns <= longest * 2 * 8 * (MAX_TURNS + 2)


def test_without_a_peer_there_is_no_ratio() -> None:
    x = b.input_("x", (2,), FLOAT32)
    graph = Graph("g", (x,), (b.add(x, x),), ("y",))
    data = np.zeros((1, 2), np.float32)
    found = benchmark(graph, Metronome(5.0), data, batches=[1], compiler=Compiler())
    (timing,) = found.timings
    assert timing.peer_ns_per_event is timing.ratio is found.net_ratio(timing) is None


@pytest.mark.parametrize("batches", [[], [0], [-1], [1, 1 << 40]])
def test_batches_out_of_range_are_refused(batches: list[int]) -> None:
    x = b.input_("x", (2,), FLOAT32)
    graph = Graph("g", (x,), (b.add(x, x),), ("y",))
    with pytest.raises(UsageError, match="batch"):
        benchmark(
            graph,
            Metronome(5.0),
            np.zeros((1, 2), np.float32),
            batches=batches,
            compiler=Compiler(),
        )


def test_no_events_are_refused() -> None:
    x = b.input_("x", (2,), FLOAT32)
    graph = Graph("g", (x,), (b.add(x, x),), ("y",))
    data = np.zeros((0, 2), np.float32)
    with pytest.raises(UsageError, match="no events"):
        benchmark(graph, Metronome(5.0), data, batches=[1], compiler=Compiler())


@pytest.fixture(scope="module")
def measured() -> Benchmark:
    graph = load(MLP)
    library = Cpp().build(graph).library
    data = np.random.default_rng(0).normal(size=(5, 12)).astype(np.float32)
    peers = [OnnxRuntime(MODELS / form, load(MODELS / form), form) for form in FORMS[:2]]
    batches = [1, 7]
    return benchmark(graph, library, data, batches=batches, compiler=Compiler(), peers=peers)


@needs_tool("g++")
@needs_package("onnxruntime")
def test_both_are_measured_at_every_batch_even_beyond_the_events(measured: Benchmark) -> None:
    assert [timing.events for timing in measured.timings] == [1, 7]
    for timing in measured.timings:
        assert timing.peer is not None
        assert timing.ours.median_ns > 0
        assert timing.peer_form.split(",")[0] in FORMS
        assert timing.ratio == timing.peer.median_ns / timing.ours.median_ns


@needs_tool("g++")
@needs_package("onnxruntime")
def test_the_cost_of_a_call_is_stated_and_not_hidden(measured: Benchmark) -> None:
    timing = measured.timings[0]
    assert measured.call_overhead is not None
    assert timing.peer is not None
    net, ratio = measured.net_ratio(timing), timing.ratio
    assert net is not None
    assert ratio is not None
    assert net < ratio
    less = timing.peer.median_ns - measured.call_overhead.median_ns
    assert net == less / timing.ours.median_ns
    assert replace(measured, call_overhead=None).net_ratio(timing) is None


@needs_tool("g++")
@needs_package("onnxruntime")
def test_a_benchmark_is_json(measured: Benchmark) -> None:
    text = json.dumps(as_json(measured), allow_nan=False)
    assert json.loads(text)["versions"]["onnxruntime"]


# ------------------------------------------------------------------------------------------ layers


def test_a_step_has_the_name_of_the_layer_that_it_computes() -> None:
    """Not of the layer that needs its result, where that is another one."""
    layers = Cpp().build(load(MLP)).library.step_layers
    assert layers == ("m/m.0/Gemm", "m/m.2/Gemm", "m/m.4/Gemm", "m/m.6/Gemm")
    x = b.input_("x", (4,), FLOAT32)
    root = Node(Sqrt(), (x,), "root")  # the sum needs it in memory, as it repeats it
    spread = Node(Broadcast((3, 4)), (root,), "spread")
    y = Node(Sum((0,), 1), (spread,), "sum")
    made = Cpp().build(Graph("g", (x,), (y,), ("y",)))
    assert made.library.step_layers == ("root", "sum")
