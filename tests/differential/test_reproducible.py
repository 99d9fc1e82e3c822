"""The same model gives the same bytes: from any path, in any process, under any hash seed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

import inferon
from inferon.compile import compile as compile_
from inferon.load import load
from inferon.targets.cpp import Cpp
from inferon.targets.toolchain import Compiler, run
from tests.absent import needs_tool

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "benchmarks" / "models"

BUILD = """
import sys
import inferon
inferon.compile(inferon.load(sys.argv[1]), inferon.Cpp()).write(sys.argv[2])
"""


def build(model: Path, folder: Path, *, cwd: Path, seed: str) -> None:
    """Write an artefact in a process of its own."""
    source = str(Path(inferon.__file__).parents[1])
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": source}
    command = [sys.executable, "-c", BUILD, str(model), str(folder)]
    subprocess.run(command, cwd=cwd, env=environment, check=True)


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.parametrize("name", ["e_deepsets", "g_gru_dyn", "f_transf"])
def test_two_builds_on_two_paths_are_equal_in_every_byte(name: str, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "a longer path" / "there's more"
    there.mkdir(parents=True)
    here.mkdir()
    copies = [folder / f"{name}.onnx" for folder in (here, there)]
    for copy in copies:
        shutil.copy(MODELS / f"{name}.onnx", copy)
    build(copies[0], here / "out", cwd=here, seed="0")
    build(copies[1].relative_to(there), there / "other_name", cwd=there, seed="12345")
    first, second = content(here / "out"), content(there / "other_name")
    assert sorted(first) == sorted(second)
    different = [path for path in first if first[path] != second[path]]
    assert different == []
    leaks(first, tmp_path)


def leaks(files: dict[str, bytes], folder: Path) -> None:
    """Assert that nothing of this machine, nor of today, is in the files."""
    home = str(Path.home()).encode()
    words = [str(folder).encode(), str(ROOT).encode(), b"/usr/", b"/tmp/"]
    words += [home] if len(home) > len("/root") else []
    words.append(datetime.now(UTC).strftime("%Y-%m-%d").encode())
    words.append(datetime.now(UTC).strftime("%b %d").encode())
    for path, data in files.items():
        if not path.endswith(".bin"):
            assert [word for word in words if word in data] == [], path


def test_the_manifest_has_the_hash_of_every_other_file(tmp_path: Path) -> None:
    graph = load(MODELS / "a_mlp12.onnx")
    files = content(compile_(graph, Cpp()).write(tmp_path / "out"))
    manifest = json.loads(files.pop("manifest.json"))
    hashes = {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
    assert manifest["files"] == hashes
    assert manifest["graph"] == graph.digest.hex()


# ----------------------------------------------------------------------------------- hostile names

HOSTILE = (
    'x"; system("touch pwned"); //',
    "*/ int main() { return 1; } /*",
    "layer\n#include </etc/passwd>\n",
    "back\\slash \\\n continued",
    "trigraph ??/ ??' %s %n @{name} ${HOME} $(touch pwned)",
    "Ünïcodé ∂ – 中文 \u202e",
    "class",
    "../../../escape",
    'R"(raw)" R\'x',
    "a" * 5000,
    "",
)
"""What ends strings, comments, lines and paths, in C++, CMake, Markdown and JSON."""

FORBIDDEN = (
    'system("',
    "system(",
    "int main() { return 1",
    "</etc",
    "??/",
    "${HOME",
    "$(",
    "%n",
    "@{",
)
"""Pieces of the names above: no generated file may hold one, but for the manifest, escaped."""


def hostile_model() -> onnx.ModelProto:
    """A chain of Gemm and Relu whose every name is hostile."""
    numbers = [float((7 * i) % 5 - 2) / 4 for i in range(16)]
    nodes, weights, current = [], [], HOSTILE[0]
    for number, name in enumerate(HOSTILE[1:]):
        weight = f"{name}\n*/ w{number}"
        tensor = helper.make_tensor(weight, TensorProto.FLOAT, (4, 4), numbers)
        weights.append(tensor)
        between, after = f"{name} // {number}", f"{name}'\"{number}"
        nodes.append(helper.make_node("MatMul", [current, weight], [between], name=name))
        nodes.append(helper.make_node("Relu", [between], [after], name=f"{name} */ // relu"))
        current = after
    shape: list[str | int | None] = ["batch\n*/", 4]
    graph = helper.make_graph(
        nodes,
        HOSTILE[1] + HOSTILE[2],
        [helper.make_tensor_value_info(HOSTILE[0], TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(current, TensorProto.FLOAT, shape)],
        initializer=weights,
        doc_string="*/ " + HOSTILE[0],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@needs_tool("g++")
def test_hostile_names_do_not_reach_a_file_and_compile(tmp_path: Path) -> None:
    path = tmp_path / 'model"; touch pwned; *.onnx'
    onnx.save(hostile_model(), path)
    graph = load(path)
    folder = compile_(graph, Cpp()).write(tmp_path / "out")
    files = content(folder)
    for name, data in files.items():
        assert re.fullmatch(r"[A-Za-z0-9_.]+", name)
        if name.endswith(".bin"):
            continue
        text = data.decode("ascii")
        if name != "manifest.json":
            assert [word for word in FORBIDDEN if word in text] == [], name
    (source,) = folder.glob("*_self_test.cpp")
    run(["g++", *Compiler(march="x86-64-v3", optimize="0").options(), source.name], folder)
    run([str(folder / "a.out")])
    assert list(tmp_path.rglob("pwned*")) == []
