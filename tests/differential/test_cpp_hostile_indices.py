"""Run-time indices that no honest data set has, in C++ under the sanitizers (8 s).

Every index is an end of its type, just outside of its axis, negative, or fine.  The program keeps
each array in a block of its own, so that a step outside of it is an error at once; the results are
those of the interpreter, bit for bit.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from inferon.analysis.compare import first_difference
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.values import Array
from inferon.load import load
from inferon.targets.base import File
from inferon.targets.cpp import Cpp
from inferon.targets.cpp.code import scalar_type
from inferon.targets.toolchain import run
from tests.absent import needs_tool

pytestmark = needs_tool("g++")

EVENTS = 48
OPTIONS = (
    *("-std=c++17", "-march=x86-64-v3", "-O1", "-g", "-Wall", "-Wextra"),
    *("-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
)
FLOAT, DOUBLE, BOOL = TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.BOOL
INT8, INT32, INT64 = TensorProto.INT8, TensorProto.INT32, TensorProto.INT64

Slot = tuple[str, int, tuple[int, ...]]


def model(
    name: str,
    op: str,
    slots: Sequence[Slot],
    kind: int,
    constants: Sequence[Array] = (),
    **how: Any,
) -> onnx.ModelProto:
    """Return a model of one layer; the constants are its last inputs."""
    given = [helper.make_tensor_value_info(n, t, s) for n, t, s in slots]
    names = [f"k{i}" for i in range(len(constants))]
    weights = [onnx.numpy_helper.from_array(a, n) for a, n in zip(constants, names, strict=True)]
    outputs = ["y", "places"] if op == "TopK" else ["y"]
    node = helper.make_node(op, [*(n for n, _, _ in slots), *names], outputs, name, **how)
    kinds = [kind, INT64]
    results = [
        helper.make_tensor_value_info(o, k, None) for o, k in zip(outputs, kinds, strict=False)
    ]
    graph = helper.make_graph([node], name, given, results, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])


def gather(
    name: str, kind: int, x: tuple[int, ...], i: int, where: tuple[int, ...], axis: int
) -> onnx.ModelProto:
    return model(name, "Gather", [("x", kind, x), ("index", i, where)], kind, axis=axis)


MODELS: tuple[onnx.ModelProto, ...] = (
    gather("gather_row", FLOAT, (5, 19), INT64, (3,), 0),
    gather("gather_one", FLOAT, (7,), INT64, (), 0),
    gather("gather_bytes", INT8, (2, 5, 3), INT32, (2, 2), 1),
    model(
        "gather_elements",
        "GatherElements",
        [("x", DOUBLE, (4, 5)), ("index", INT64, (3, 5))],
        DOUBLE,
        axis=0,
    ),
    model("gather_pairs", "GatherND", [("x", FLOAT, (3, 4, 9)), ("index", INT64, (6, 2))], FLOAT),
    model(
        "gather_batch",
        "GatherND",
        [("x", FLOAT, (2, 3, 4)), ("index", INT64, (2, 5, 2))],
        FLOAT,
        batch_dims=1,
    ),
    *(
        model(
            f"scatter_{how}",
            "ScatterElements",
            [("x", FLOAT, (6, 3)), ("index", INT64, (9, 3)), ("u", FLOAT, (9, 3))],
            FLOAT,
            axis=0,
            reduction=how,
        )
        for how in ("none", "add", "mul", "min", "max")
    ),
    model(
        "scatter_short",
        "ScatterElements",
        [("x", BOOL, (4, 5)), ("index", INT32, (2, 3)), ("u", BOOL, (2, 3))],
        BOOL,
        axis=1,
    ),
    model(
        "scatter_rows",
        "ScatterND",
        [("x", FLOAT, (5, 21)), ("index", INT64, (8, 1)), ("u", FLOAT, (8, 21))],
        FLOAT,
        reduction="add",
    ),
    model(
        "scatter_pairs",
        "ScatterND",
        [("x", INT32, (3, 4)), ("index", INT64, (7, 2)), ("u", INT32, (7,))],
        INT32,
    ),
    model(
        "one_hot",
        "OneHot",
        [("index", INT64, (5,))],
        FLOAT,
        [np.array(7), np.array([-1, 2], np.float32)],
    ),
    model(
        "reverse_sequence",
        "ReverseSequence",
        [("x", FLOAT, (5, 3, 2)), ("index", INT64, (3,))],
        FLOAT,
    ),
    model("top_k", "TopK", [("x", FLOAT, (3, 9))], FLOAT, [np.array([4])]),
)


def hostile(rng: np.random.Generator, shape: tuple[int, ...], dtype: type) -> Array:
    """Return whole numbers at every edge there is."""
    ends = np.iinfo(dtype)
    near = [*range(-8, 9), ends.min, ends.min + 1, ends.max - 1, ends.max, 2**30, -(2**30)]
    far = [2**31, -(2**31), 2**32, 2**32 + 1, -(2**32), 2**62, -(2**62), 2**63 - 5, 5 - 2**63]
    choices: Array = np.array(near + [each for each in far if ends.min <= each <= ends.max], dtype)
    fine: Array = rng.integers(0, 3, shape).astype(dtype)
    return np.where(rng.random(shape) < 0.5, rng.choice(choices, shape), fine)


def events(graph: Graph) -> list[Array]:
    rng = np.random.default_rng(7)
    made = []
    for node, name in zip(graph.inputs, graph.input_names, strict=True):
        shape = (EVENTS, *(int(str(size)) for size in node.type.shape))
        kind = scalar_type(node.type.element)
        if name == "index":
            made.append(hostile(rng, shape, np.int64 if kind == "std::int64_t" else np.int32))
        elif kind == "bool":
            made.append(rng.random(shape) < 0.5)
        elif kind in ("float", "double"):
            rough = rng.choice([0.0, -0.0, np.nan, np.inf, -np.inf, 1.0, 1.0, -3.5], shape)
            made.append(rough.astype(np.float32 if kind == "float" else np.float64))
        else:
            made.append(rng.integers(-9, 9, shape).astype(np.int8 if "8" in kind else np.int32))
    return made


@cache
def graphs() -> tuple[Graph, ...]:
    return tuple(load(each, batch_axis=None) for each in MODELS)


def program(chosen: Sequence[Graph], change: Callable[[str], str]) -> list[File]:
    """Return the sources of a program that evaluates every graph on the events in its folder."""
    files: list[File] = []
    includes, calls = [], []
    for number, graph in enumerate(chosen):
        name = f"g{number}"
        files += [
            File(file.path, change(file.content.decode()).encode())
            for file in Cpp(name=name).build(graph).files
            if file.path.endswith((".hpp", "_c.h", "_c.cpp"))
        ]
        includes.append(f'#include "{name}_c.cpp"')
        ports = [*graph.inputs, *graph.outputs]
        arrays = []
        for i, node in enumerate(ports):
            size = EVENTS * int(np.prod([int(str(each)) for each in node.type.shape]))
            kind = scalar_type(node.type.element)
            calls.append(f"  auto {name}_{i} = std::make_unique<{kind}[]>({size});")
            if i < len(graph.inputs):
                calls.append(f'  read("{name}_{i}", {name}_{i}.get(), {size} * sizeof({kind}));')
            arrays.append((f"{name}_{i}", f"{size} * sizeof({kind})"))
        calls.append(f"  void* {name}_space = std::aligned_alloc(64, {name}_workspace_bytes());")
        passed = ", ".join(f"{array}.get()" for array, _ in arrays)
        calls.append(f"  {name}_evaluate({name}_space, {passed}, {EVENTS});")
        calls.append(f"  std::free({name}_space);")
        for array, size_bytes in arrays[len(graph.inputs) :]:
            calls.append(f'  write("{array}", {array}.get(), {size_bytes});')
    text = "\n".join([_HEAD, *includes, _FILES, "int main() {", *calls, "  return 0;", "}", ""])
    return [*files, File("main.cpp", text.encode())]


_HEAD = "#include <cstdio>\n#include <cstdlib>\n#include <memory>"
_FILES = """
static void read(const char* name, void* to, std::size_t size) {
  std::FILE* file = std::fopen(name, "rb");
  if (!file || std::fread(to, 1, size, file) != size) std::exit(9);
  std::fclose(file);
}
static void write(const char* name, const void* from, std::size_t size) {
  std::FILE* file = std::fopen(name, "wb");
  if (!file || std::fwrite(from, 1, size, file) != size) std::exit(9);
  std::fclose(file);
}
"""


def ran(
    folder: Path, chosen: Sequence[Graph], change: Callable[[str], str]
) -> subprocess.CompletedProcess[str]:
    for file in program(chosen, change):
        (folder / file.path).write_bytes(file.content)
    for number, graph in enumerate(chosen):
        for i, array in enumerate(events(graph)):
            (folder / f"g{number}_{i}").write_bytes(array.tobytes())
    run(["g++", *OPTIONS, "-o", "hostile", "main.cpp"], folder)
    return subprocess.run(["./hostile"], cwd=folder, capture_output=True, text=True, check=False)


def test_hostile_indices_stay_in_memory_and_mean_what_they_mean(tmp_path: Path) -> None:
    done = ran(tmp_path, graphs(), lambda text: text)
    assert done.returncode == 0, done.stderr[:2000]
    for number, graph in enumerate(graphs()):
        wanted = interpret(graph, events(graph))
        for i, array in enumerate(wanted, len(graph.inputs)):
            raw = (tmp_path / f"g{number}_{i}").read_bytes()
            found = np.frombuffer(raw, array.dtype).reshape(array.shape)
            difference = first_difference(array, found)
            assert difference is None, f"{graph.name}: {difference}"


@pytest.mark.parametrize(
    ("name", "bound", "instead"),
    [
        ("gather_one", "return i < 0 ? 0 : i >= size ? size - 1 : i;", "return i;"),
        ("scatter_add", "return i < 0 || i >= size ? -1 : i;", "return i < 0 ? -1 : i;"),
    ],
    ids=["gather", "scatter"],
)
def test_the_program_sees_an_index_that_leaves_its_axis(
    name: str, bound: str, instead: str, tmp_path: Path
) -> None:
    chosen = [graph for graph in graphs() if graph.name == name]
    done = ran(tmp_path, chosen, lambda text: text.replace(bound, instead))
    assert done.returncode not in (0, 9)
    assert "Sanitizer" in done.stderr or "runtime error" in done.stderr
