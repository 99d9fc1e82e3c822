"""Every verb of the command line: its result, its JSON, its exit code (40 s, mostly g++)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, parser

import inferon
from inferon.ops.vocabulary import parse_listing
from inferon.version import VERSION
from tests.absent import needs_package, needs_tool
from tests.docs.markdown import ROOT
from tests.docs.test_code_blocks import INFERON
from tests.unit.command_line import HEAR_CTRL_C, JETS, JETS_MLP, MLP, MODELS, CommandLine, tree

VERBS = ("show", "check", "compile", "verify", "bench", "data", "doctor", "demo")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


@pytest.fixture
def with_gaps(tmp_path: Path) -> Path:
    """A valid model with two operators that Inferon does not read."""
    text = """<ir_version: 8, opset_import: ["" : 17, "lab" : 1]>
    g (float[N, 4] x) => (float[N, 4] y) { a = lab.Melt(x)  y = lab.Freeze(a) }"""
    path = tmp_path / "gaps.onnx"
    onnx.save(parser.parse_model(text), path)
    return path


# ------------------------------------------------------------------------------------- as a whole


def test_help_lists_every_verb(run: CommandLine) -> None:
    ran = run("--help")
    assert ran.code == 0
    assert all(f"  {verb} " in ran.out for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS[:5] + VERBS[6:])
def test_every_verb_explains_itself_and_takes_json(run: CommandLine, verb: str) -> None:
    ran = run(verb, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert "--json" in ran.out


def test_no_verb_is_wrong_usage_and_shows_the_verbs(run: CommandLine) -> None:
    ran = run()
    assert (ran.code, ran.out) == (2, "")
    assert "compile" in ran.err


def test_the_version_is_the_packages(run: CommandLine) -> None:
    assert run("--version").out == f"inferon {VERSION}\n"


@pytest.mark.parametrize(
    "words",
    [
        ("shw", MLP),
        ("show",),
        ("show", MLP, "--jason"),
        ("show", MLP, "--batch-axis", "first"),
        ("show", MLP, "--batch-axis", "7"),
        ("show", MLP, "--dim", "N"),
        ("verify", MLP, "--events", "0"),
        ("verify", MLP, "--events", "many"),
        ("bench", MLP, "--batch", "0"),
        ("compile", MLP),
        ("compile", MLP, "-o", "out", "--name", "Not A Name"),
    ],
)
def test_wrong_usage_is_one_error_with_exit_code_2(
    run: CommandLine, words: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run(*words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines()[-1].startswith("error: ")
    as_json = run(*words, "--json")
    assert as_json.code == 2
    assert as_json.document["error"]["exit_code"] == 2
    assert not list(tmp_path.iterdir())


def test_the_installed_program_and_a_missing_file() -> None:
    ran = subprocess.run(
        [*INFERON, "show", "nowhere.onnx"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
    )
    assert (ran.returncode, ran.stdout) == (3, "")
    assert ran.stderr.startswith("error: ")
    assert len(ran.stderr.splitlines()) == 1


def test_ctrl_c_ends_with_130_and_without_a_traceback(tmp_path: Path) -> None:
    """SIGINT in the middle of a long verify, which says on stderr when it has begun."""
    run = subprocess.Popen(
        [*INFERON, "verify", str(MODELS / "i_pnet.onnx"), "--events", "1000000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "INFERON_CACHE": str(tmp_path)},
        preexec_fn=HEAR_CTRL_C,
    )
    time.sleep(3.0)  # it needs minutes
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=60)
    assert (run.returncode, out) == (130, "")
    assert "Traceback" not in err
    assert err.splitlines()[-1] == "interrupted"


def test_a_closed_pipe_is_no_traceback() -> None:
    shell = [sys.executable, "-c", "import sys; sys.exit(0)"]
    reader = subprocess.Popen(shell, stdin=subprocess.PIPE)
    assert reader.stdin is not None
    reader.wait()
    ran = subprocess.run(
        [*INFERON, "show", str(MODELS / "f_transf.onnx"), "--json"],
        stdout=reader.stdin,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
    )
    reader.stdin.close()
    assert ran.returncode != 0
    assert "Traceback" not in ran.stderr


# ------------------------------------------------------------------------------------------ verbs


def test_show_prints_the_listing_and_the_cost(run: CommandLine) -> None:
    ran = run("show", MLP)
    graph = inferon.load(MLP)
    assert ran.code == 0
    assert ran.out.startswith(f"{graph}\n")
    total = [line.split() for line in ran.out.splitlines() if line.startswith("total")]
    assert total == [["total", "1,032", "1,088"]]


def test_show_as_json_holds_the_same(run: CommandLine) -> None:
    document = run("show", MLP, "--json").document
    graph = inferon.load(MLP)
    assert document["listing"] == str(graph)
    assert document["digest"] == graph.digest.hex()
    assert document["inputs"] == {"x": "12xf32"}
    assert document["macs"] == sum(layer["macs"] for layer in document["layers"]) == 1032


def test_options_of_the_batch_reach_the_loader(run: CommandLine) -> None:
    event = run("show", MODELS / "a_mlp12.static1.onnx", "--json").document
    rebound = run("show", MODELS / "a_mlp12.static1.onnx", "--batch-axis", "0", "--json").document
    assert event["inputs"] == {"x": "1x12xf32"}
    assert rebound["inputs"] == {"x": "12xf32"}


def test_check_of_a_model_that_compiles(run: CommandLine) -> None:
    ran = run("check", MLP, "--json")
    assert (ran.code, ran.document["supported"], ran.document["gaps"]) == (0, True, [])
    assert run("check", MLP).code == 0


def test_check_lists_every_gap_at_once(run: CommandLine, with_gaps: Path) -> None:
    ran = run("check", with_gaps, "--json")
    assert ran.code == 3
    assert not ran.document["supported"]
    needs = " ".join(gap["what"] for gap in ran.document["gaps"])
    assert "Melt" in needs
    assert "Freeze" in needs
    plain = run("check", with_gaps)
    assert plain.code == 3
    assert "Melt" in plain.out
    assert "Freeze" in plain.out


def test_the_error_of_a_model_with_gaps_carries_them(run: CommandLine, with_gaps: Path) -> None:
    error = run("show", with_gaps, "--json").document["error"]
    assert (error["kind"], error["exit_code"], len(error["gaps"])) == ("Unsupported", 3, 2)


@needs_tool("g++")
def test_compile_writes_what_the_library_writes(run: CommandLine, tmp_path: Path) -> None:
    ran = run("compile", MLP, "-o", tmp_path / "a", "--name", "tagger", "--check", 5, "--json")
    assert ran.code == 0, ran.err
    inferon.compile(inferon.load(MLP), inferon.Cpp(name="tagger")).write(tmp_path / "b")
    written = tree(tmp_path / "a")
    assert written == tree(tmp_path / "b")
    assert {name: len(content) for name, content in written.items()} == ran.document["files"]
    assert ran.document["checked"]["events"] == 5


def test_compile_in_double(run: CommandLine, tmp_path: Path) -> None:
    assert run("compile", MLP, "-o", tmp_path / "a", "--double").code == 0
    inferon.compile(inferon.in_double(inferon.load(MLP)), inferon.Cpp()).write(tmp_path / "b")
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    assert "const double* in_x" in (tmp_path / "a" / "a_mlp12.hpp").read_text()


def test_compile_takes_what_cpp_takes(run: CommandLine, tmp_path: Path) -> None:
    model = MLP.parent / "e_deepsets.onnx"
    names = ("q", "g", "W", "Z", "t")
    options = ("--ragged", "x", "--dispatch", "--output-labels", ", ".join(names))
    assert run("compile", model, "-o", tmp_path / "a", *options).code == 0
    labels = inferon.Labels(outputs=names)
    cpp = inferon.Cpp(ragged=inferon.Ragged(("x",)), dispatch=True, labels=labels)
    inferon.compile(inferon.load(model), cpp).write(tmp_path / "b")
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    assert "evaluate_ragged(" in (tmp_path / "a" / "e_deepsets.hpp").read_text()
    ran = run("compile", model, "-o", tmp_path / "c", "--ragged-mask", "x")
    assert (ran.code, "needs an input for its values" in ran.err) == (2, True)


def test_a_listing_is_a_model_as_well(run: CommandLine, tmp_path: Path) -> None:
    assert run("compile", MLP, "-o", tmp_path / "a").code == 0
    listing = tmp_path / "a" / "a_mlp12.inferon"
    assert parse_listing(listing.read_text()) == inferon.load(MLP)
    assert run("show", listing, "--json").document["listing"] == str(inferon.load(MLP))
    assert run("check", listing).code == 0
    assert run("compile", listing, "-o", tmp_path / "b").code == 0
    headers = [(tmp_path / each / "a_mlp12.hpp").read_bytes() for each in "ab"]
    assert headers[0] == headers[1]


@needs_tool("g++")
@needs_package("onnxruntime")
def test_verify_compares_with_both(run: CommandLine) -> None:
    ran = run("verify", MLP, "--events", 70, "--json")
    assert ran.code == 0, ran.err
    assert ran.document["interpreter"] == {"events": 70, "elements": 70}
    peer = ran.document["onnxruntime"]
    assert peer["events"] == 70
    assert 0.0 <= peer["worst_peer"] <= 1.0
    assert 0.0 <= peer["worst_ours"] <= 1.0
    plain = run("verify", MLP, "--events", 70)
    assert "70 events" in plain.out
    assert "within the derived bound" in plain.out


@needs_tool("g++")
def test_verify_takes_events_by_name_and_a_jet_sample(run: CommandLine) -> None:
    named = run("verify", MLP, "--data", MODELS / "a_mlp12.npz", "--json")
    assert named.document["interpreter"]["events"] == 4
    jets = run("verify", JETS_MLP, "--data", JETS, "--events", 50, "--json")
    assert jets.document["interpreter"] == {"events": 50, "elements": 250}


@needs_tool("g++")
def test_verify_of_a_listing_says_that_nothing_else_reads_it(
    run: CommandLine, tmp_path: Path
) -> None:
    assert run("compile", MLP, "-o", tmp_path / "a").code == 0
    ran = run("verify", tmp_path / "a" / "a_mlp12.inferon", "--events", 9, "--json")
    assert ran.code == 0
    assert ran.document["onnxruntime"] is None
    assert ran.document["onnxruntime_not_compared"]


def test_a_missing_compiler_is_exit_code_4(run: CommandLine) -> None:
    ran = run("verify", MLP, "--compiler", "no-such-compiler", "--json")
    assert ran.code == 4
    error = ran.document["error"]
    assert (error["kind"], error["tool"]) == ("ToolMissing", "no-such-compiler")
    assert error["remedy"]


@needs_tool("g++")
def test_without_onnx_runtime_the_rest_is_done_and_that_is_said(
    run: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # as if it were not installed
    verified = run("verify", MLP, "--events", 5, "--json").document
    assert verified["interpreter"]["events"] == 5
    assert "pip install" in verified["onnxruntime_not_compared"]
    (timing,) = run("bench", MLP, "--batch", 1, "--json").document["benchmark"]["timings"]
    assert timing["peer"] is None
    assert run("bench", MLP, "--batch", 1).code == 0
    demo = run("demo", "-o", tmp_path / "demo")
    assert (demo.code, demo.out) == (4, "")
    assert "pip install 'inferon[ort]'" in demo.err
    assert not list(tmp_path.iterdir())


def test_the_demo_without_matplotlib_says_so_before_it_works(
    run: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    demo = run("demo", "-o", tmp_path / "demo")
    assert (demo.code, demo.out) == (4, "")
    assert "matplotlib" in demo.err
    assert not list(tmp_path.iterdir())


@needs_tool("g++")
@needs_package("onnxruntime")
def test_bench_measures_both_at_every_batch(run: CommandLine) -> None:
    ran = run("bench", MLP, "--batch", 1, "--batch", 3, "--also", MODELS / "a_mlp12_dyn.onnx")
    assert ran.code == 0, ran.err
    rows = [line.split() for line in ran.out.splitlines()[1:3]]
    assert [row[0] for row in rows] == ["1", "3"]


@needs_tool("g++")
@needs_package("onnxruntime")
def test_bench_as_json_says_with_what_and_where(run: CommandLine) -> None:
    document = run("bench", MLP, "--batch", 2, "--json").document
    (row,) = document["summary"]
    (timing,) = document["benchmark"]["timings"]
    assert row["events"] == timing["events"] == 2
    assert row["ours_ns_per_event"] == timing["ours"]["median_ns"] / 2
    assert row["ratio"] == timing["peer"]["median_ns"] / timing["ours"]["median_ns"]
    assert document["benchmark"]["machine"]["cpu"]
    assert document["benchmark"]["versions"]["compiler"]
    assert document["benchmark"]["call_overhead"]["median_ns"] > 0


@needs_tool("g++")
def test_bench_prints_the_limit_and_the_layers(run: CommandLine) -> None:
    document = run("bench", MLP, "--batch", 1, "--json").document
    (row,) = document["summary"]
    assert row["to_limit"] == row["ours_ns_per_event"] / row["limit_ns_per_event"]
    assert (document["macs"], document["functions"]) == (1032, {"sigmoid": 1})
    layers = document["layers"]
    assert [each["macs"] for each in layers] == [12 * 32, 32 * 16, 16 * 8, 8]
    assert "m/m.1/Relu" in layers[0]["joined"]
    shown = run("bench", MLP, "--batch", 1)
    assert "m/m.0/Gemm (+1)" in shown.out
    assert "m/m.0/Gemm" not in run("bench", MLP, "--batch", 1, "--no-layers").out


@needs_tool("g++")
def test_a_model_without_work_has_no_ratio_to_its_limit(run: CommandLine, tmp_path: Path) -> None:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 4]) for name in "xy")
    node = helper.make_node("Relu", ["x"], ["y"])
    graph = helper.make_graph([node], "relu", [x], [y])
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), tmp_path / "relu.onnx")
    (row,) = run("bench", tmp_path / "relu.onnx", "--batch", 1, "--json").document["summary"]
    assert (row["limit_ns_per_event"], row["to_limit"]) == (0.0, None)
    assert run("bench", tmp_path / "relu.onnx", "--batch", 1).code == 0


def test_doctor_reports_versions_and_what_is_possible(run: CommandLine) -> None:
    ran = run("doctor", "--json")
    found = ran.document["installation"]
    packages = {part["name"]: part["version"] for part in found["packages"]}
    assert packages["numpy"] == np.__version__
    assert packages["onnx"] == onnx.__version__
    assert ran.document["possible"]["load a model and write its C++"]
    assert ran.code == (0 if ran.document["possible"]["run the C++ here"] else 4)


def test_doctor_without_a_compiler_says_what_is_missing(
    run: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    ran = run("doctor", "--json")
    assert ran.code == 4
    assert not ran.document["possible"]["run the C++ here"]
    assert ran.document["possible"]["load a model and write its C++"]
    assert "g++" in run("doctor").out


@needs_package("pythia8mc", "fastjet", "awkward")
def test_data_jets_writes_a_sample(run: CommandLine, tmp_path: Path) -> None:
    out = tmp_path / "jets.npz"
    ran = run("data", "jets", "-o", out, "--jets", 5, "--seed", 3, "--jobs", 1, "--json")
    assert ran.code == 0, ran.err
    assert ran.document["jets"] == 5
    assert ran.document["card"]["recipe"]["seed"] == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["jets.npz"]


def test_data_jets_refuses_a_silly_number(run: CommandLine, tmp_path: Path) -> None:
    ran = run("data", "jets", "-o", tmp_path / "jets.npz", "--jets", 1)
    assert (ran.code, ran.out) == (2, "")
