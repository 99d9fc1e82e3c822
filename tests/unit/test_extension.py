"""A user's own operators and front-ends, from one file, in Python and on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import inferon
from inferon.errors import InvalidModel, Unsupported, UsageError
from inferon.extension import Call, Extension, Refused, read_extension
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.load import find_gaps
from inferon.ops import build as b
from tests.unit.command_line import CommandLine

SOURCE = '''"""Snake (Ziyin et al. 2020) and a front-end for files of weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inferon.extension import Call, Extension, Refused
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ops import build as b
from inferon.ops.base import Composite
from inferon.ops.elementary import Sin


@dataclass(frozen=True, slots=True)
class Snake(Composite):
    """``x + sin(a x)^2 / a``."""

    a: float = 1.0

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        wave = b.apply(Sin(), b.mul(x, self.a))
        return b.add(x, b.div(b.mul(wave, wave), self.a))


def snake(call: Call) -> Node:
    a = call.number("a", 1.0)
    if a <= 0.0:
        raise Refused(f"Snake with a={a}", "a above 0")
    return b.apply(Snake(a), call.node(0))


class Weights:
    """Reads a matrix from a text file as a linear model."""

    def accepts(self, source: Any) -> bool:
        return isinstance(source, Path) and source.suffix == ".weights"

    def load(self, source: Path) -> Graph:
        matrix = np.loadtxt(source, dtype=np.float32, ndmin=2)
        x = b.input_("x", (len(matrix),), b.element_of(matrix.dtype))
        return Graph("linear", (x,), (b.product(x, b.constant(matrix)),), ("y",))


EXTENSION = Extension(operators={("my.domain", "Snake"): snake}, frontends=(Weights(),))
'''


def model(a: float = 0.5, domain: str = "my.domain") -> onnx.ModelProto:
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("Snake", ["x"], ["h"], name="snake", domain=domain, a=a),
            helper.make_node("Relu", ["h"], ["y"]),
        ],
        "own",
        [value("x", TensorProto.FLOAT, ["N", 4])],
        [value("y", TensorProto.FLOAT, ["N", 4])],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid(domain, 1)]
    return helper.make_model(graph, opset_imports=opsets)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my_ops.py"
    path.write_text(SOURCE)
    return path


def test_an_own_operator_is_loaded_and_compiled(file: Path) -> None:
    graph = inferon.load(model(), extension=read_extension(file))
    assert "snake(" in str(graph)
    x = np.random.default_rng(0).standard_normal((20, 4)).astype(np.float32)
    wide = x.astype(np.float64)
    expected = np.maximum(wide + np.sin(0.5 * wide) ** 2 / 0.5, 0.0)
    (real,) = inferon.interpret(graph, x, real=True)
    assert np.abs(real - expected).max() <= 1e-12
    assert inferon.compile(graph, inferon.Cpp()).verify(x).events == 20


def test_without_the_extension_the_operator_is_refused_by_name() -> None:
    for gaps in (find_gaps(model()), find_gaps(model(), extension=Extension())):
        assert [(gap.layer, gap.what) for gap in gaps] == [("snake", "operator my.domain_Snake")]
        assert "inferon.extension" in gaps[0].hint


def test_an_own_operator_can_refuse(file: Path) -> None:
    with pytest.raises(Unsupported, match=r"snake: Snake with a=-1.0 \(try: a above 0\)"):
        inferon.load(model(-1.0), extension=read_extension(file))


def test_attributes_that_an_own_operator_does_not_ask_for_are_gaps() -> None:
    careless = Extension(operators={("my.domain", "Snake"): lambda call: call.node(0)})
    assert [gap.what for gap in find_gaps(model(), extension=careless)] == ["attribute a of Snake"]


def test_events_that_an_own_operator_mixes_are_refused() -> None:
    def mixed(call: Call) -> Node:
        call.ignore("a")
        x = call.node(0)
        return b.add(x, b.reduce_max(x, [0]))

    greedy = Extension(operators={("my.domain", "Snake"): mixed})
    with pytest.raises(Unsupported, match="snake"):
        inferon.load(model(), extension=greedy)


def test_an_own_front_end_reads_what_it_accepts(file: Path, tmp_path: Path) -> None:
    path = tmp_path / "line.weights"
    path.write_text("1 2\n3 4\n")
    graph = inferon.load(path, extension=read_extension(file))
    assert inferon.interpret(graph, np.ones((1, 2), np.float32))[0].tolist() == [[4.0, 6.0]]
    with pytest.raises(InvalidModel):  # and others are asked for the rest
        inferon.load(tmp_path / "other.onnx", extension=read_extension(file))


def nothing(call: Call) -> Node:
    raise Refused("all of it")


@pytest.mark.parametrize(
    ("operators", "frontends", "message"),
    [
        ({("", "Relu"): nothing}, (), "Inferon has the operator Relu"),
        ({("ai.onnx.ml", "Scaler"): nothing}, (), "Inferon has the operator ai.onnx.ml::Scaler"),
        ({"Snake": nothing}, (), "an extension's operator is 'Snake'"),
        ({("my.domain", "Snake"): 3}, (), "a function that takes a Call"),
        ({}, (object(),), "an object with accepts and load"),
    ],
)
def test_an_extension_that_makes_no_sense(operators: Any, frontends: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Extension(operators, frontends)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "is no Python file that can be read"),
        ("x = 1\n", "holds no EXTENSION"),
        ("EXTENSION = 3\n", "holds no EXTENSION"),
        ("import nowhere\n", "fails: ModuleNotFoundError: No module named 'nowhere'"),
        ("def f(:\n", "fails: SyntaxError"),
    ],
)
def test_a_file_without_an_extension(text: str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "my_ops.py"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=message):
        read_extension(path)


def test_the_command_line_takes_extensions(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inferon_ = CommandLine(capsys)
    path, line = tmp_path / "own.onnx", tmp_path / "line.weights"
    onnx.save(model(), path)
    line.write_text("1 2\n3 4\n")
    assert inferon_("check", path).code == 3
    assert inferon_("check", path, "--extension", file).code == 0
    assert "snake(" in inferon_("show", path, "--extension", file).out
    assert "dot(" in inferon_("show", line, "--extension", file).out
    out = tmp_path / "out"
    assert inferon_("compile", path, "--extension", file, "-o", out).code == 0
    assert (out / "manifest.json").exists()
    for each in (path, line):
        ran = inferon_("verify", each, "--extension", file, "--events", "10", "--json")
        assert ran.code == 0
        assert ran.document["interpreter"]["events"] == 10
        assert ran.document["onnxruntime"] is None
    assert inferon_("show", path, "--extension", tmp_path / "none.py").code == 2


def test_graphs_of_an_own_front_end_are_checked_like_all_others(tmp_path: Path) -> None:
    class Empty:
        def accepts(self, source: Any) -> bool:
            return bool(source == "empty")

        def load(self, source: Any) -> Graph:
            x = b.input_("x", (3,), b.element_of(np.dtype(np.float32)))
            return Graph("empty", (x,), (x,), ("y",))

    graph = inferon.load("empty", extension=Extension(frontends=(Empty(),)))
    x = np.ones((2, 3), np.float32)
    assert inferon.compile(graph, inferon.Cpp()).verify(x).events == 2
