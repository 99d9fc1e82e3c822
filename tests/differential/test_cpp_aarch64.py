"""NEON: artefacts that are cross-compiled for AArch64 pass their self-tests in an emulator.

The golden outputs come from the interpreter, so the bits of NEON are those of x86-64.
"""

import subprocess
from pathlib import Path

import pytest

import inferon
from tests.absent import needs_tool, require_tool

pytestmark = needs_tool("aarch64-linux-gnu-g++", "qemu-aarch64")

MODELS = Path(__file__).resolve().parents[2] / "benchmarks" / "models"


STEMS = ("a_mlp12", "d1_bragg", "e_deepsets", "f_transf", "g_gru", "i_pnet")


@pytest.mark.parametrize("stem", STEMS)
def test_self_test_passes_on_neon(stem: str, tmp_path: Path) -> None:
    graph = inferon.load(MODELS / f"{stem}.onnx")
    folder = inferon.compile(graph, inferon.Cpp()).write(tmp_path / stem)
    compiler = require_tool("aarch64-linux-gnu-g++")
    program = folder / "self_test"
    command = [compiler, "-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror", "-static"]
    source = folder / f"{stem}_self_test.cpp"
    subprocess.run([*command, "-o", str(program), str(source)], check=True)
    done = subprocess.run(
        [require_tool("qemu-aarch64"), str(program)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "every bit agrees" in done.stdout
