"""What an HLS project is made of, what it refuses, and its script."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

import inferon
from inferon.errors import ToolMissing, Unsupported, UsageError
from inferon.ir.graph import Graph
from inferon.ir.listing import show
from inferon.ir.shape import Dim
from inferon.ir.types import FLOAT32, Fixed
from inferon.ops import arithmetic
from inferon.ops import build as b
from inferon.ops.convert import Quantize
from inferon.ops.dot import Dot
from inferon.ops.mantissa import Overflow, Rounding
from inferon.passes.rim import split
from inferon.targets.hls import Dialect, Hls
from inferon.targets.hls.code import Number
from inferon.targets.hls.dialect import SPELLINGS
from inferon.targets.hls.headers import VARIABLE
from inferon.targets.hls.printer import Printer
from tests.absent import require_tool
from tests.unit.command_line import JETS_MLP, CommandLine

NARROW, WIDE = Fixed(True, 8, 4), Fixed(True, 80, 40)


def layer(name: str = "layer") -> Graph:
    x = b.input_("x", (4,), FLOAT32)
    narrow = b.apply(Quantize(NARROW, Rounding.HALF_UP, Overflow.SATURATE), x)
    weights = b.constant(np.arange(12).reshape(4, 3) - 6, Fixed(True, 5, 2))
    y = b.apply(Quantize(NARROW), b.apply(Dot(0, 1, 1), narrow, weights, origin="fc/1"))
    return Graph(name, (x,), (b.cast(y, FLOAT32),), ("y",))


def texts(hls: Hls, graph: Graph) -> dict[str, str]:
    return {file.path: file.content.decode() for file in hls.build(graph).files}


@pytest.mark.parametrize("dialect", Dialect)
def test_equal_input_gives_equal_files(dialect: Dialect) -> None:
    hls = Hls(dialect=dialect)
    assert hls.build(layer()).files == hls.build(layer()).files


def test_a_project_names_its_ports_and_files() -> None:
    files = texts(Hls(clock_ns=2.5, part="xc7k70t"), layer())
    manifest = json.loads(files["manifest.json"])
    assert manifest["top"] == "layer_top"
    assert manifest["dialect"] == "vitis"
    assert [port["type"] for port in manifest["inputs"]] == ["s8.4"]
    assert set(manifest["files"]) == set(files) - {"manifest.json"}
    assert "create_clock -period 2.5" in files["build.tcl"]
    assert "set_part xc7k70t" in files["build.tcl"]
    assert "fc/1" in files["layer.cpp"]


def test_no_name_of_a_model_is_taken_by_the_language() -> None:
    for name in ("main", "and", "exp", "std"):
        top = texts(Hls(), layer(name))[f"{name}.cpp"]
        assert f"namespace {name}_hls {{" in top
        assert f"void {name}_top(" in top


@pytest.mark.parametrize("dialect", Dialect)
def test_the_script_takes_files_that_are_there(dialect: Dialect, tmp_path: Path) -> None:
    """The vendor's commands are replaced by one that says what it was asked for."""
    tclsh = require_tool("tclsh")
    folder = Hls(dialect=dialect).build(layer()).write(tmp_path / "project")
    stand_in = "proc unknown {args} { puts $args }\nsource build.tcl\n"
    done = subprocess.run(
        [tclsh], input=stand_in, cwd=folder, capture_output=True, text=True, check=True
    )
    said = done.stdout.splitlines()
    named = {word.removeprefix("./") for line in said for word in line.split() if ".cpp" in word}
    assert named == {"layer.cpp", "layer_test.cpp"}
    assert all((folder / name).is_file() for name in named)
    assert any("layer_top" in line for line in said)
    assert {line.split()[0] for line in said} >= COMMANDS[dialect]


COMMANDS = {
    Dialect.VITIS: {
        *("open_project", "set_top", "add_files", "open_solution", "set_part", "create_clock"),
        *("csim_design", "csynth_design", "cosim_design", "export_design"),
    },
    Dialect.AC: {"project", "options", "solution", "go", "directive"},
}


def test_a_chain_of_any_length_is_cut_into_steps() -> None:
    x = b.input_("x", (4,), NARROW)
    y = x
    for _ in range(1500):
        y = b.apply(Quantize(NARROW), b.neg(y))
    text = texts(Hls(), Graph("chain", (x,), (y,), ("y",)))["chain.cpp"]
    assert 50 < text.count("static void") < 100


def test_a_layer_is_one_function_whose_lines_name_their_layers() -> None:
    text = texts(Hls(), layer())["layer.cpp"]
    assert text.count("static void") == 1
    assert "// dot, fc/1" in text


def test_the_shell_writes_a_project(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run = CommandLine(capsys)
    listing = tmp_path / "layer.inferon"
    listing.write_text(show(layer(), constants=True))
    options = ("--target", "hls", "--dialect", "ac", "--clock-ns", "3", "-o", tmp_path / "made")
    ran = run("compile", listing, *options)
    assert (ran.code, ran.err) == (0, "")  # exact already: nothing is changed, nothing is said
    assert "CLOCK_PERIOD 3.0" in (tmp_path / "made" / "build.tcl").read_text()
    refused = run("compile", listing, *options, "--dispatch", "--march", "x86-64-v3")
    assert refused.code == 2
    assert "--dispatch, --march: options of --target cpp" in refused.err
    assert run("compile", JETS_MLP, *options).code == 3  # it is not quantized


# -------------------------------------------------------------------------------------- refusals


def test_floats_are_refused_all_at_once() -> None:
    x = b.input_("x", (4,), FLOAT32)
    root = b.apply(arithmetic.Sqrt(), b.mul(x, x), origin="root")
    y = b.apply(arithmetic.Max(), root, b.constant_like(root, 0.0), origin="relu")
    with pytest.raises(Unsupported) as refused:
        Hls().build(Graph("floats", (x,), (y,), ("y",)))
    assert {gap.layer for gap in refused.value.gaps} >= {"root", "relu"}
    assert all("inferon.exact" in gap.hint for gap in refused.value.gaps)


def test_wide_ports_are_refused_by_name_and_wide_values_are_not() -> None:
    x = b.input_("x", (4,), WIDE)
    with pytest.raises(Unsupported, match=r"x: a port has 62 bits at most, not s80\.40"):
        Hls().build(Graph("wide", (x,), (b.apply(Quantize(NARROW), x),), ("y",)))
    narrow = b.input_("x", (4,), Fixed(True, 40, 20))
    square = b.apply(Quantize(NARROW), b.mul(narrow, narrow))
    Hls().build(Graph("inside", (narrow,), (square,), ("y",)))


def test_run_time_sizes_are_refused() -> None:
    x = b.input_("x", (Dim("n", 8),), NARROW)
    with pytest.raises(Unsupported, match="run-time sizes"):
        Hls().build(Graph("sized", (x,), (b.add(x, x),), ("y",)))


@pytest.mark.parametrize(
    "options",
    [{"clock_ns": 0.0}, {"clock_ns": float("nan")}, {"part": "a; exec rm"}, {"name": "A-b"}],
)
def test_options_that_make_no_sense(options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        Hls(**options)  # type: ignore[arg-type]


def test_absent_headers_are_named_with_the_way_to_have_them(tmp_path: Path) -> None:
    compiled = inferon.compile(layer(), Hls(headers=str(tmp_path)))
    with pytest.raises(ToolMissing, match=VARIABLE) as missing:
        compiled.predict(np.zeros((1, 4), np.float32))
    assert missing.value.tool == "ap_fixed.h"
    assert "inferon[hls]" in missing.value.remedy


# --------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("mantissa", "fixed", "text"),
    [
        (3, NARROW, "s8_4(0.1875)"),
        (-128, NARROW, "s8_4(-8.0)"),
        (5, Fixed(False, 3, 8), "u3_m5(160.0)"),
        ((1 << 60) + 1, Fixed(True, 62, 62), None),
    ],
)
def test_numbers_are_written_exactly(mantissa: int, fixed: Fixed, text: str | None) -> None:
    printed = Printer(SPELLINGS[Dialect.VITIS]).expression(Number(mantissa, fixed))
    if text is not None:
        assert printed == text
        return
    parts = printed.removeprefix("s62_0(").removesuffix(")").split(" + ")
    values = [float(part.removeprefix("s62_0(").removesuffix(")")) for part in parts]
    assert sum(map(int, values)) == mantissa
    assert len(values) == 2


def test_an_output_of_two_casts_comes_out_twice() -> None:
    x = b.input_("x", (4,), FLOAT32)
    narrow = b.apply(Quantize(NARROW), x)
    twice = b.add(narrow, narrow)
    outputs = (b.cast(twice, FLOAT32), twice)
    parts = split(Graph("both", (x,), outputs, ("a", "b")))
    data = np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4)
    core = inferon.interpret(parts.core, parts.into_core(data))
    expected = inferon.interpret(Graph("both", (x,), outputs, ("a", "b")), data)
    for got, wanted in zip(parts.out_of_core(core), expected, strict=True):
        assert (got == wanted).all()
