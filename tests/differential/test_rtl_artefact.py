"""What firmware writes stands on its own: test benches, the AXI-stream wrapper, no warnings."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest

from inferon.errors import UsageError
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.types import BOOL, Fixed
from inferon.ops import build as b
from inferon.targets.rtl import Ghdl, Icarus, Verilog, Vhdl
from inferon.targets.rtl.naming import is_free, port_names
from tests.absent import needs_tool, require_tool
from tests.differential.quantized_networks import qonnx_mlp
from tests.differential.rtl_pack import SIMULATORS, check, each_simulator, require
from tests.differential.test_rtl_bits import network, odd_ends, programs
from tests.grid.test_rtl_operators import operators, quantizers
from tests.unit.command_line import CommandLine

BENCHES = {
    "icarus": ("iverilog", Verilog),
    "verilator": ("verilator", Verilog),
    "ghdl": ("ghdl", Vhdl),
}
each_bench = pytest.mark.parametrize(
    "bench", ["icarus", "ghdl", pytest.param("verilator", marks=pytest.mark.full)]
)
"""Verilator compiles its runtime for every bench, which takes 15 s of CPU time."""


def made(folder: Path, bench: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "-s", bench]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def written(bench: str, graph: Graph, folder: Path, clock_ns: float = 5.0) -> Path:
    tool, target = BENCHES[bench]
    simulator = {"iverilog": Icarus(), "ghdl": Ghdl()}.get(tool, SIMULATORS[0])
    require(simulator)
    return target(clock_ns=clock_ns).build(graph).write(folder / "made")


GRAPHS: dict[str, Callable[[], Graph]] = {
    "tabulated": lambda: network("tabulated"),
    "odd_ends": odd_ends,
}


@each_bench
@pytest.mark.parametrize("name", GRAPHS)
def test_benches_pass(name: str, bench: str, tmp_path: Path) -> None:
    done = made(written(bench, GRAPHS[name](), tmp_path), bench)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall("PASS: [1-9]", done.stdout)) == 2, done.stdout
    assert "warning" not in (done.stdout + done.stderr).lower()


@each_bench
def test_a_pipeline_of_one_stage_passes(bench: str, tmp_path: Path) -> None:
    done = made(written(bench, odd_ends(), tmp_path, clock_ns=1000.0), bench)
    assert (done.returncode, done.stdout.count("PASS")) == (0, 2), done.stdout + done.stderr


@each_bench
def test_a_wrong_answer_fails(bench: str, tmp_path: Path) -> None:
    """The last bit of one golden event is turned: both benches end with an error."""
    for ending in ("golden", "stream"):
        folder = written(bench, network("tabulated"), tmp_path)
        (file,) = folder.glob(f"*_{ending}.hex")
        lines = file.read_text().splitlines()
        place = 30
        while ending == "golden" and not set(lines[place][-3:]) - {"0"}:
            place += 1
        lines[place] = lines[place][:-1] + f"{int(lines[place][-1], 16) ^ 1:x}"
        file.write_text("\n".join(lines) + "\n")
        done = made(folder, bench)
        assert done.returncode != 0
        assert "FAIL" in done.stdout + done.stderr


@each_bench
def test_a_reset_that_clears_nothing_fails(bench: str, tmp_path: Path) -> None:
    folder = written(bench, network("tabulated"), tmp_path)
    (source,) = (p for p in folder.glob("qonnx.v*"))
    text = source.read_text()
    broken = text.replace("if (rst)", "if (1'b0)").replace("if rst = '1'", "if rst = 'Z'")
    assert broken != text
    source.write_text(broken)
    assert made(folder, bench).returncode != 0


@each_bench
def test_a_fifo_without_credits_loses_events(bench: str, tmp_path: Path) -> None:
    folder = written(bench, network("tabulated"), tmp_path)
    (source,) = (p for p in folder.glob("qonnx_axis.v*"))
    text = source.read_text()
    broken = re.sub(r"(s_axis_tready (=|<=)).*;", r"\1 1'b1;", text)
    broken = broken.replace("s_axis_tready <= 1'b1;", "s_axis_tready <= '1';")
    assert broken != text
    source.write_text(broken)
    done = made(folder, bench)
    assert done.returncode != 0
    assert "FAIL" in done.stdout + done.stderr


# --------------------------------------------------------------------------------------- warnings

DESIGNS: dict[str, Callable[[], Graph]] = {
    **GRAPHS,
    "quantizers": lambda: quantizers()[0],
    "operators": lambda: operators()[0],
    "programs": lambda: programs(0, 20),
    "jet_mlp": lambda: network("jet_mlp"),
    "cnn": lambda: network("cnn"),
}

LINTERS = {
    # UNUSED: bits that a quantizer drops are there to be dropped.
    "verilator": ("verilator", "--lint-only", "-Wall", "-Wno-UNUSED"),
    "iverilog": ("iverilog", "-g2001", "-Wall", "-o", "lint.vvp"),
    "ghdl": ("ghdl", "-a", "--std=08"),
}


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize("tool", [pytest.param(t, marks=needs_tool(t)) for t in LINTERS])
def test_no_tool_warns(name: str, tool: str, tmp_path: Path) -> None:
    target = Vhdl() if tool == "ghdl" else Verilog()
    artifact = target.build(DESIGNS[name]())
    folder = artifact.write(tmp_path / "made")
    core = artifact.design.name
    ending = artifact.language.value
    sources = [f"{core}.{ending}", f"{core}_axis.{ending}"]
    if tool == "verilator":
        sources = ["--top-module", f"{core}_axis", *sources]
    else:
        sources += [f"{core}_test_bench.{ending}", f"{core}_axis_test_bench.{ending}"]
    command = [*LINTERS[tool], *sources]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# ------------------------------------------------------------------------------------------ names


@cache
def badly_named() -> Graph:
    """Names that are keywords, control ports, or what the module itself would declare."""
    element = Fixed(True, 4, 2)
    names = (
        "clk",
        "signal",
        "x",
        "x_1",
        "x__1",
        "n_fc1_1",
        "e_x_0",
        "p_x",
        "always",
        "eval",
        "class",
    )
    inputs = tuple(b.input_(name, (2,), element) for name in names)
    layer = b.apply(b.add(inputs[0], inputs[2]).op, inputs[0], inputs[2], origin="fc1")
    total = layer
    for each in inputs:
        total = b.add(total, each)
    outs = {"out_valid": total, "valid": layer, "x_": inputs[3], "t_signal": b.neg(inputs[1])}
    return Graph("entity", inputs, tuple(outs.values()), tuple(outs))


@each_simulator
def test_names_that_no_language_allows(simulator: object) -> None:
    artifact = check(badly_named(), simulator, 50)  # type: ignore[arg-type]
    assert artifact.design.name == "m_entity"
    content = json.loads(next(f.content for f in artifact.files if f.path == "manifest.json"))
    ports = {each["name"]: each["port"] for each in (*content["inputs"], *content["outputs"])}
    assert (ports["clk"], ports["x_1"], ports["x__1"]) == ("t_clk", "x_1", "t_x_1")
    assert (ports["signal"], ports["t_signal"]) == ("t_signal_2", "t_signal")


def test_port_names_are_free_and_differ() -> None:
    tensors = ("x", "x_", "x__", "and", "t_and", "and_", "m", "rst", "u" * 63)
    names = port_names("m", tensors)
    assert len(set(names) | {"m"}) == len(tensors) + 1
    assert all(map(is_free, names))


@pytest.mark.parametrize(
    "name", ["entity", "always", "a__b", "a b", "_x", "x_", "9x", "rst", "n_1"]
)
def test_a_module_cannot_be_called_so(name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a module"):
        Verilog(name=name)


def test_a_simulator_of_the_other_language_is_refused() -> None:
    with pytest.raises(
        UsageError, match="GHDL does not read Verilog-2001; choose one of Verilator"
    ):
        Verilog(simulator=Ghdl())


# --------------------------------------------------------------------------------------- manifest


def test_the_manifest_is_complete() -> None:
    artifact = Verilog(clock_ns=4.0).build(odd_ends())
    files = {file.path: file.content for file in artifact.files}
    content = json.loads(files.pop("manifest.json"))
    assert set(content["files"]) == set(files)
    assert content["latency_cycles"] == artifact.design.pipeline.latency_cycles
    assert content["language"] == "Verilog-2001"
    text = files["README.md"].decode()
    for port in (*content["inputs"], *content["outputs"]):
        assert f"| `{port['port']}` | {port['elements'] * port['element_bits']} |" in text
    again = {file.path: file.content for file in Verilog(clock_ns=4.0).build(odd_ends()).files}
    assert {**files, "manifest.json": again["manifest.json"]} == again


def test_truth_values_have_one_bit() -> None:
    x = b.input_("x", (3,), BOOL)
    graph = Graph("g", (x,), (x,), ("y",))
    assert interpret(graph, [np.array([[True, False, True]])])[0].tolist() == [[True, False, True]]
    assert Verilog().build(graph).design.input_bits == 3


# --------------------------------------------------------------------------------------- the shell


@pytest.mark.parametrize(
    ("language", "tool"), [("verilog", "verilator"), ("vhdl", "ghdl")], ids=["verilog", "vhdl"]
)
def test_the_shell_writes_firmware(
    language: str, tool: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    require_tool(tool)
    run = CommandLine(capsys)
    model = tmp_path / "mlp.onnx"
    onnx.save(qonnx_mlp(1.0), model)
    options = ("--target", language, "--clock-ns", "4", "--name", "jets", "-o", tmp_path / "made")
    ran = run("compile", model, *options, "--check", "20")
    assert ran.code == 0, ran.err
    assert "20 events, 100 elements: every bit agrees" in ran.out
    assert "cycles" in ran.out  # what it takes of a device, estimated
    verified = run("verify", model, *options[:4], "--events", "20", "--json")
    assert (verified.code, verified.document["interpreter"]["events"]) == (0, 20), verified.err
    assert verified.document["onnxruntime"] is None
    manifest = json.loads((tmp_path / "made" / "manifest.json").read_text())
    assert (manifest["name"], manifest["clock_ns"]) == ("jets", 4.0)
    refused = run("compile", model, *options, "--part", "xcvu13p")
    assert (refused.code, "--part: an option of --target hls" in refused.err) == (2, True)
    cells = run("compile", model, "--target", "cpp", "--synthesize", "-o", tmp_path / "other")
    assert (cells.code, "--synthesize: for verilog and vhdl" in cells.err) == (2, True)
    short = run("compile", model, *options[:2], "--clock-ns", "0.1", "-o", tmp_path / "made")
    assert (short.code, "too short" in short.err) == (2, True)
