"""The project in examples/cmake, built as its first lines say, has the numbers of its model."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from inferon.interpret import interpret
from inferon.load import load
from inferon.targets.cpp import Cpp
from inferon.targets.toolchain import run
from tests.absent import needs_tool

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "cmake"
MODEL = ROOT / "src" / "inferon" / "data" / "models" / "jets_mlp.onnx"


@needs_tool("cmake", "g++")
def test_the_example_builds_and_has_the_same_bits(tmp_path: Path) -> None:
    graph = load(MODEL)
    artifact = Cpp(name="tagger").build(graph).write(tmp_path / "tagger_cpp")
    build, installed = tmp_path / "tagger_build", tmp_path / "installed"
    run(["cmake", "-S", str(artifact), "-B", str(build), "-DBUILD_TESTING=OFF"])
    run(["cmake", "--build", str(build)])
    run(["cmake", "--install", str(build), "--prefix", str(installed)])

    strict = "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Wpedantic -Werror"
    prefix = f"-DCMAKE_PREFIX_PATH={installed}"
    run(["cmake", "-S", str(EXAMPLE), "-B", str(tmp_path / "build"), prefix, strict])
    run(["cmake", "--build", str(tmp_path / "build")])
    said = run(["ctest", "--test-dir", str(tmp_path / "build"), "--verbose"])

    jet = (np.arange(16) * 37 % 101).astype(np.float32) / np.float32(25) - 2
    (expected,) = interpret(graph, [jet[None]])
    assert "0 of 8 threads differ" in said
    assert float.fromhex(said.partition("first score ")[2].split()[0]) == float(expected[0, 0])
