"""Emitted artefacts in CMake projects of their own, as their users build them.

-O0, -O3, link-time optimization, address and undefined-behavior sanitizers, with g++ and clang++:
the self-tests pass, eight threads at once and a C program have the same bits, in every build.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from inferon.compile import compile as compile_
from inferon.errors import ToolError
from inferon.ir.graph import Graph
from inferon.ir.shape import count
from inferon.load import load
from inferon.targets.cpp import Cpp
from inferon.targets.toolchain import run
from tests.absent import needs_tool, require_tool, skip_absent
from tests.differential.primitive_graphs import PACKS, REGISTERS

HERE = Path(__file__).parent
MODELS = HERE.parents[1] / "benchmarks" / "models"
SMALL = ("a_mlp12", "e_deepsets", "g_gru")
ALL = (*SMALL, "b_jet16", "c_mlp256", "d1_bragg", "d2_lenet", "f_transf", "i_pnet")

WAYS = {
    "O0": "-O0",
    "O3": "-O3",
    "lto": "-O2 -flto",
    "sanitized": "-O1 -fsanitize=address,undefined -fno-sanitize-recover=all",
}
LONG = {("clang++", "sanitized"), ("g++", "lto"), ("clang++", "O3")}
"""Ways that wait for the long counts; the others have each compiler, each level and LTO."""

ALLOWED_SYMBOLS = {"memcpy", "memset", "memmove", "_GLOBAL_OFFSET_TABLE_"}
"""What compilers put in the place of loops; nothing else may be needed."""


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the artefacts of all models and the list of the small ones."""
    folder = tmp_path_factory.mktemp("artifacts")
    for name in ALL:
        compile_(load(MODELS / f"{name}.onnx"), Cpp()).write(folder / name)
    write_list(folder, SMALL)
    return folder


def write_list(folder: Path, names: Sequence[str]) -> None:
    lines = ["/* The models that a build takes. */"]
    lines += ["#ifdef __cplusplus"]
    lines += [f'#include "{name}_weights.hpp"' for name in names]
    lines += ["#else"]
    lines += [f'#include "{name}_c.h"' for name in names]
    lines += ["#endif"]
    for name in names:
        graph = load(MODELS / f"{name}.onnx")
        lines.append(f"#define {name}_INPUTS {count(graph.inputs[0].type.shape)}")
        lines.append(f"#define {name}_OUTPUTS {count(graph.outputs[0].type.shape)}")
    lines.append("#define FOR_EACH_MODEL(DO) " + " ".join(f"DO({name})" for name in names))
    (folder / "models.h").write_text("\n".join(lines) + "\n")


@cache
def has_sanitizers(compiler: str) -> bool:
    """Return whether their libraries, packages of their own on some systems, are here."""
    options = [*WAYS["sanitized"].split(), "-x", "c++", "-", "-o", "/dev/null"]
    made = subprocess.run(
        [compiler, *options], input=b"int main() {}", capture_output=True, check=False
    )
    return made.returncode == 0


def require(compiler: str, flags: str) -> None:
    """Skip the test, counted, where the compiler or its sanitizers are absent."""
    require_tool(compiler)
    if flags == WAYS["sanitized"] and not has_sanitizers(compiler):
        skip_absent("tool", f"sanitizers of {compiler}")


def built(artifacts: Path, build: Path, compiler: str, flags: str, link: str = "") -> None:
    require_tool("cmake")
    require(compiler, flags)
    options = {
        "CMAKE_CXX_COMPILER": compiler,
        "CMAKE_C_COMPILER": {"g++": "gcc", "clang++": "clang"}[compiler],
        "ARTIFACTS": str(artifacts),
        "MODELS": ";".join(SMALL),
        "CMAKE_EXE_LINKER_FLAGS": link,
        "WAY": f"{flags} -march=x86-64-v3",
    }
    definitions = [f"-D{key}={value}" for key, value in options.items()]
    run(["cmake", "-S", str(HERE / "builds"), "-B", str(build), *definitions])
    run(["cmake", "--build", str(build)])


def ran(program: Path, *arguments: str) -> str:
    done = subprocess.run([str(program), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def reference(artifacts: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The hashes of a plain build."""
    require_tool("g++")
    build = tmp_path_factory.mktemp("reference")
    sources = [str(HERE / "builds" / name) for name in ("threads.cpp", "elsewhere.cpp")]
    folders = [f"-I{artifacts}", *(f"-I{artifacts / name}" for name in SMALL)]
    options = ["-std=c++17", "-O1", "-march=x86-64-v3", "-pthread", *folders]
    run(["g++", *options, *sources, "-o", str(build / "threads")])
    return ran(build / "threads")


@pytest.mark.parametrize(
    ("compiler", "way"),
    [
        pytest.param(*pair, marks=pytest.mark.full if pair in LONG else ())
        for pair in product(("g++", "clang++"), WAYS)
    ],
)
def test_every_build_has_the_same_bits(
    compiler: str, way: str, artifacts: Path, reference: str, tmp_path: Path
) -> None:
    needs_lld = (compiler, way) == ("clang++", "lto")
    if needs_lld:
        require_tool("ld.lld")
    built(artifacts, tmp_path, compiler, WAYS[way], "-fuse-ld=lld" if needs_lld else "")
    for name in SMALL:
        assert "every bit agrees" in ran(tmp_path / f"{name}_self_test")
    assert ran(tmp_path / "threads") == reference
    assert ran(tmp_path / "from_c", str(artifacts)) == reference


@pytest.mark.full
@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_every_model_is_clean_under_sanitizers(
    compiler: str, artifacts: Path, tmp_path: Path
) -> None:
    for name in ALL:
        self_test(artifacts / name, compiler, WAYS["sanitized"], tmp_path / name)


def self_test(folder: Path, compiler: str, flags: str, program: Path) -> None:
    require(compiler, flags)
    (source,) = folder.glob("*_self_test.cpp")
    options = ["-std=c++17", "-march=x86-64-v3", "-Wall", "-Wextra", "-Werror", *flags.split()]
    run([compiler, *options, "-o", str(program), str(source)])
    assert "every bit agrees" in ran(program)


def test_products_are_clean_under_sanitizers(tmp_path: Path) -> None:
    (graph,) = [each for each in PACKS["product"](REGISTERS) if each.name == "dot_then_4"]
    folder = compile_(graph, Cpp()).write(tmp_path / "out")
    self_test(folder, "clang++", WAYS["sanitized"], tmp_path / "self_test")


@pytest.mark.full
@pytest.mark.parametrize("compiler", ["g++", "clang++"])
@pytest.mark.parametrize("pack", [name for name in PACKS if name != "edges"])
def test_all_primitives_are_clean_under_sanitizers(
    pack: str, compiler: str, tmp_path: Path
) -> None:
    for graph in PACKS[pack](REGISTERS):
        folder = compile_(graph, Cpp()).write(tmp_path / graph.name)
        self_test(folder, compiler, WAYS["sanitized"], tmp_path / f"test_{graph.name}")


# ------------------------------------------------------------------------------- what is refused


def compiled(artifacts: Path, compiler: str, *flags: str) -> str:
    """Return what the compiler says of a header; empty when it is content."""
    require_tool(compiler)
    header = artifacts / "a_mlp12" / "a_mlp12.hpp"
    command = [compiler, "-std=c++17", "-fsyntax-only", "-x", "c++", *flags, str(header)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
@pytest.mark.parametrize("flag", ["-ffast-math", "-Ofast", "-ffinite-math-only"])
def test_fast_math_is_refused_by_the_header(compiler: str, flag: str, artifacts: Path) -> None:
    assert compiled(artifacts, compiler, "-march=x86-64-v3") == ""
    said = compiled(artifacts, compiler, "-march=x86-64-v3", flag)
    assert "this header computes the same bits everywhere and cannot do so" in said


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
@pytest.mark.parametrize("march", ["x86-64", "x86-64-v2"])
def test_a_machine_below_the_baseline_is_refused(
    compiler: str, march: str, artifacts: Path
) -> None:
    assert "this header needs x86-64-v3" in compiled(artifacts, compiler, f"-march={march}")


STRICT = ("-Wall", "-Wextra", "-Werror", "-Wpedantic", "-Wshadow")


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
@pytest.mark.parametrize("standard", ["c++17", "c++20"])
def test_headers_have_no_warnings(compiler: str, standard: str, artifacts: Path) -> None:
    require_tool(compiler)
    sources = [str(artifacts / name / f"{name}_c.cpp") for name in SMALL]
    options = [f"-std={standard}", "-march=x86-64-v3", "-O2", *STRICT, "-fsyntax-only"]
    run([compiler, *options, *sources])


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("standard", ["c99", "c11"])
def test_the_c_interface_is_plain_c(compiler: str, standard: str, artifacts: Path) -> None:
    require_tool(compiler)
    headers = [str(artifacts / name / f"{name}_c.h") for name in SMALL]
    options = [f"-std={standard}", "-pedantic", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
    run([compiler, *options, "-x", "c", *headers])


# -------------------------------------------------------------------------- what a header needs


@needs_tool("nm")
@pytest.mark.parametrize("level", ["0", "2"])
@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_no_heap_no_libm_no_exceptions(
    compiler: str, level: str, artifacts: Path, tmp_path: Path
) -> None:
    require_tool(compiler)
    for name in ("f_transf", "g_gru"):
        source, made = artifacts / name / f"{name}_c.cpp", tmp_path / "model.o"
        options = ["-std=c++17", f"-O{level}", "-march=x86-64-v3", "-fno-pie", "-fno-exceptions"]
        run([compiler, *options, "-c", str(source), "-o", str(made)])
        needed = {line.split()[-1] for line in run(["nm", "-u", str(made)]).splitlines()}
        assert needed <= ALLOWED_SYMBOLS, name


@needs_tool("nm")
def test_only_the_c_interface_is_exported(artifacts: Path, tmp_path: Path) -> None:
    require_tool("g++")
    source, made = artifacts / "g_gru" / "g_gru_c.cpp", tmp_path / "model.so"
    options = ["-std=c++17", "-O0", "-march=x86-64-v3", "-fPIC", "-shared"]
    run(["g++", *options, str(source), "-o", str(made)])
    exported = {
        line.split()[-1]
        for line in run(["nm", "-D", "--defined-only", str(made)]).splitlines()
        if "inferon" in line or "g_gru" in line
    }
    suffixes = (
        *("workspace_bytes", "evaluate", "evaluate_columns"),
        *("check_weights", "evaluate_with"),
    )
    assert exported == {f"g_gru_{suffix}" for suffix in suffixes}


# ---------------------------------------------------------------------------------- CMake packages


def test_a_project_finds_installed_packages(artifacts: Path, tmp_path: Path) -> None:
    for tool in ("cmake", "g++"):
        require_tool(tool)
    prefix = tmp_path / "prefix with spaces"
    for name in ("a_mlp12", "g_gru"):
        build = tmp_path / name
        run(["cmake", "-S", str(artifacts / name), "-B", str(build)])
        run(["cmake", "--build", str(build)])
        run(["ctest", "--test-dir", str(build), "--output-on-failure"])
        run(["cmake", "--install", str(build), "--prefix", str(prefix)])
    shutil.rmtree(tmp_path / "a_mlp12")
    consumer = tmp_path / "consumer"
    run(
        [
            "cmake",
            "-S",
            str(HERE / "consumer"),
            "-B",
            str(consumer),
            f"-DCMAKE_PREFIX_PATH={prefix}",
        ]
    )
    run(["cmake", "--build", str(consumer)])
    from_header, from_c = ran(consumer / "header").split(), ran(consumer / "interface").split()
    graph = load(MODELS / "a_mlp12.onnx")
    expected = compile_(graph, Cpp()).predict(np.zeros((1, 12), np.float32))
    assert isinstance(expected, np.ndarray)
    assert from_header[0] == from_c[0] == f"{float(expected.ravel()[0]):.9g}"


def test_the_folder_may_have_any_name(tmp_path: Path) -> None:
    """Spaces, quotes and dollars in the path of an artefact do not reach its CMake files."""
    for tool in ("cmake", "g++"):
        require_tool(tool)
    graph: Graph = load(MODELS / "a_mlp12.onnx")
    folder = compile_(graph, Cpp()).write(tmp_path / "it's here")
    run(["cmake", "-S", str(folder), "-B", str(tmp_path / "build")])
    run(["cmake", "--build", str(tmp_path / "build"), "--target", "a_mlp12_self_test"])
    ran(tmp_path / "build" / "a_mlp12_self_test")


def test_a_failing_compiler_is_a_tool_error(tmp_path: Path) -> None:
    require_tool("g++")
    (tmp_path / "bad.cpp").write_text("int main( {")
    with pytest.raises(ToolError, match=r"g\+\+ failed"):
        run(["g++", str(tmp_path / "bad.cpp")])
