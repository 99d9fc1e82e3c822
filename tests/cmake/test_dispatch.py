"""A library that chooses its instruction set: each choice is forced, and has the same bits.

Called by name, every level is tried on this machine; in an emulator of older processors the
resolver itself has to choose.
"""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import numpy as np
import pytest

from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.values import Array
from inferon.load import load
from inferon.targets.cpp import Cpp, Ragged
from inferon.targets.cpp.call import aligned
from inferon.targets.cpp.library import pointer
from inferon.targets.cpp.target import CppArtifact
from inferon.targets.toolchain import run
from tests.absent import needs_tool, require_cpu, require_tool
from tests.differential.cpp_pack import V4_FLAGS

pytestmark = needs_tool("cmake", "g++")

HERE = Path(__file__).parent
MODEL = HERE.parents[1] / "benchmarks" / "models" / "a_mlp12.onnx"
EVENTS = 37
"""Two tiles and some events more."""

EMULATED = {"Haswell": "x86-64-v3", "Nehalem": "none"}
"""Processors without AVX-512, and without AVX; that the first is v3 is what it was named for."""


@pytest.fixture(scope="module")
def artifact() -> CppArtifact:
    return Cpp(dispatch=True).build(load(MODEL))


def inputs() -> Array:
    numbers = np.arange(EVENTS * 12)
    return ((numbers * 37 % 101).astype(np.float32) / np.float32(25) - 2).reshape(EVENTS, 12)


def expected(graph: Graph) -> Array:
    return interpret(graph, [inputs()])[0].view(np.uint32)


def cmake(source: Path, build: Path, target: str, compiler: str, *options: str) -> None:
    language = {"g++": "gcc", "clang++": "clang"}[compiler]
    compilers = [f"-DCMAKE_CXX_COMPILER={compiler}", f"-DCMAKE_C_COMPILER={language}"]
    run(["cmake", "-S", str(source), "-B", str(build), *compilers, *options])
    run(["cmake", "--build", str(build), "--target", target])


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_every_level_has_the_same_bits(
    compiler: str, artifact: CppArtifact, tmp_path: Path
) -> None:
    require_tool(compiler)
    folder = artifact.write(tmp_path / "model")
    strict = "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror -Wpedantic"
    options = ("-DBUILD_SHARED_LIBS=ON", strict)
    cmake(folder, tmp_path / "build", "a_mlp12_c", compiler, *options)
    library = ctypes.CDLL(str(tmp_path / "build" / "liba_mlp12_c.so"))
    library.a_mlp12_workspace_bytes.restype = ctypes.c_size_t
    workspace, x = aligned(library.a_mlp12_workspace_bytes()), inputs()
    for level in ("", "_v3", "_v4"):
        if level == "_v4":
            for flag in V4_FLAGS:
                require_cpu(flag)
        y = np.zeros((EVENTS, 1), np.float32)
        given = [pointer(each) for each in (workspace, x, y)]
        assert library[f"a_mlp12_evaluate{level}"](*given, ctypes.c_size_t(EVENTS)) == 0
        assert (y.view(np.uint32) == expected(artifact.graph)).all(), level


@pytest.fixture(scope="module")
def program(artifact: CppArtifact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dispatched")
    model = artifact.write(folder / "model")
    cmake(HERE / "dispatched", folder / "build", "main", "g++", f"-DARTIFACT={model}")
    return folder / "build" / "main"


def said(command: list[str]) -> tuple[str, int, Array]:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    level, status, *words = done.stdout.split()
    return level, int(status), np.array([int(word, 16) for word in words], np.uint32)


def test_this_machine_takes_its_best_level(program: Path, artifact: CppArtifact) -> None:
    level, status, bits = said([str(program)])
    flags = set(Path("/proc/cpuinfo").read_text().split())
    assert level == ("x86-64-v4" if {*V4_FLAGS, "avx512cd"} <= flags else "x86-64-v3")
    assert status == 0
    assert (bits == expected(artifact.graph).ravel()).all()


@needs_tool("qemu-x86_64")
@pytest.mark.parametrize("processor", EMULATED)
def test_older_processors_take_what_they_have(
    processor: str, program: Path, artifact: CppArtifact
) -> None:
    level, status, bits = said(["qemu-x86_64", "-cpu", processor, str(program)])
    assert level == EMULATED[processor]
    if level == "none":
        assert status == 1
        assert not bits.any()
    else:
        assert status == 0
        assert (bits == expected(artifact.graph).ravel()).all()


@pytest.mark.parametrize("level", ["v3", "v4"])
def test_a_level_compiled_for_another_is_refused(
    level: str, artifact: CppArtifact, tmp_path: Path
) -> None:
    folder = artifact.write(tmp_path / "model")
    other = {"v3": "v4", "v4": "v3"}[level]
    command = ["g++", "-std=c++17", "-fsyntax-only", f"-march=x86-64-{other}"]
    source = str(folder / f"a_mlp12_{level}.cpp")
    done = subprocess.run([*command, source], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert f"x86_64_{level}" in done.stderr


@needs_tool("aarch64-linux-gnu-g++")
@pytest.mark.parametrize("file", ["dispatch", "v3", "v4"])
def test_other_machines_have_one_level(file: str, artifact: CppArtifact, tmp_path: Path) -> None:
    folder = artifact.write(tmp_path / "model")
    options = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
    run(["aarch64-linux-gnu-g++", *options, str(folder / f"a_mlp12_{file}.cpp")])


def test_all_functions_are_dispatched() -> None:
    """Whatever the C interface has, a ragged one too, has a name on each level."""
    graph = load(MODEL.with_name("e_deepsets.onnx"))
    made = Cpp(dispatch=True, ragged=Ragged(("x",))).build(graph)
    files = {file.path: file.content for file in made.files}
    header, level, chooser = (
        files[f"e_deepsets_{each}"].decode() for each in ("c.h", "v3.cpp", "dispatch.cpp")
    )
    names = {
        line.split("(")[0].split()[-1]
        for line in header.splitlines()
        if line.startswith(("int ", "size_t "))
    }
    assert len(names) == 6
    for name in names:
        assert f"#define {name} {name}_v3" in level
        assert f" {name}(" in chooser
