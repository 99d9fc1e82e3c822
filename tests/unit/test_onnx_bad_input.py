"""Bad models: one clear sentence, below 5 s and 1 GB, never a library's traceback (10 s)."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper, parser

import inferon.errors
from inferon.errors import InferonError, InvalidModel, Unsupported
from inferon.load import find_gaps, load

MAX_SECONDS = 5.0
MAX_BYTES = 1 << 30

HEAD = '<ir_version: 8, opset_import: ["" : 17]>'


@pytest.fixture(autouse=True)
def _cheap() -> Iterator[None]:
    """Every test here keeps the promise of DESIGN.md section 8 on time and memory."""
    start, memory = time.monotonic(), _peak_bytes()
    yield
    assert time.monotonic() - start < MAX_SECONDS
    assert _peak_bytes() - memory < MAX_BYTES


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def text(signature: str, body: str) -> onnx.ModelProto:
    return parser.parse_model(f"{HEAD}\ng {signature} {{ {body} }}")


def small() -> onnx.ModelProto:
    """Return a model with one weight: y = x w."""
    weight = numpy_helper.from_array(np.ones((4, 2), np.float32), "w")
    return helper.make_model(
        helper.make_graph(
            [helper.make_node("MatMul", ["x", "w"], ["y"], name="product")],
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 2])],
            [weight],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
    )


def one_sentence(error: InferonError) -> str:
    message = str(error)
    assert error.exit_code == 3
    assert len(message.splitlines()) == 1
    assert 10 < len(message) < 300
    assert message.isascii()
    return message


def refused(source: Any) -> str:
    with pytest.raises(InvalidModel) as caught:
        load(source)
    assert caught.value.__cause__ is None
    return one_sentence(caught.value)


# ------------------------------------------------------------------------------------------- files


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.onnx", small().SerializeToString())


FILES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "is empty"),
    "zeros": (lambda path: path.write_bytes(bytes(100)), "cannot be parsed"),
    "text": (lambda path: path.write_text("name,pt,eta\n1,2,3\n"), "text"),
    "long text": (lambda path: path.write_text("import torch\n" * 10_000), "text"),
    "half": (lambda path: path.write_bytes(small().SerializeToString()[:-7]), "cut short"),
    "zip": (_zip, "zip archive"),
    "gzip": (lambda path: path.write_bytes(b"\x1f\x8b" + bytes(50)), "gzip"),
    "hdf5": (lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(50)), "HDF5"),
    "pickle": (lambda path: path.write_bytes(b"\x80\x04\x95" + bytes(50)), "pickle"),
    "a huge length": (
        lambda path: path.write_bytes(b"\x3a\xff\xff\xff\xff\x0f" + bytes(20)),
        "cut short",
    ),
    "folder": (lambda path: path.mkdir(), "regular file"),
    "pipe": (os.mkfifo, "regular file"),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_is_no_model(kind: str, tmp_path: Path) -> None:
    write, expected = FILES[kind]
    path = tmp_path / "model.onnx"
    write(path)
    message = refused(path)
    assert expected in message
    assert "model.onnx" in message
    assert str(tmp_path) not in message


def test_every_beginning_of_a_model_is_refused_or_complete(tmp_path: Path) -> None:
    """Truncation anywhere: never another exception, never a model of half the layers."""
    data = small().SerializeToString()
    path = tmp_path / "model.onnx"
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(InferonError) as caught:
            load(path)
        assert caught.value.exit_code == 3


def test_any_changed_byte_gives_a_model_or_a_clear_error(tmp_path: Path) -> None:
    data = small().SerializeToString()
    path = tmp_path / "model.onnx"
    rng = np.random.default_rng(0)
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] = int(rng.integers(256))
        path.write_bytes(damaged)
        with suppress(InvalidModel, Unsupported):  # any other exception fails the test
            load(path)


def test_a_missing_file(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "absent.onnx")


def test_a_file_above_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.onnx"
    with path.open("wb") as file:
        file.truncate(3 << 30)
    assert "above the limit" in refused(path)


def test_a_path_that_is_no_path() -> None:
    assert "not valid" in refused("model\0.onnx")


# --------------------------------------------------------------------------------------- structure


def broken(change: Callable[[onnx.GraphProto], Any]) -> onnx.ModelProto:
    model = small()
    change(model.graph)
    return model


def _another(name: str, *inputs: str, output: str) -> Callable[[onnx.GraphProto], Any]:
    node = helper.make_node("Add", list(inputs), [output], name=name)
    return lambda graph: graph.node.append(node)


STRUCTURE: dict[str, tuple[Callable[[onnx.GraphProto], Any], str]] = {
    "a producer is missing": (_another("sum", "y", "lost", output="z"), "layer sum takes lost"),
    "two producers": (
        _another("again", "x", "x", output="y"),
        "y is produced twice: by layers product and again",
    ),
    "an input is produced": (_another("loop", "y", "y", output="x"), "layer loop produces x"),
    "a weight is produced": (_another("loop", "y", "y", output="w"), "layer loop produces w"),
    "no output": (lambda graph: graph.ClearField("output"), "no outputs"),
    "no input": (lambda graph: graph.ClearField("input"), "which nothing produces"),
    "an output from nowhere": (
        lambda graph: graph.ClearField("node"),
        "output y is produced by nothing",
    ),
    "a negative size": (lambda graph: _dims(graph, [-4, 2]), "negative"),
    "sizes that overflow": (lambda graph: _dims(graph, [1 << 31, 1 << 31]), "above the limit"),
    "sizes that overflow beside an axis of none": (
        lambda graph: _dims(graph, [0, (1 << 63) - 1]),
        "above the limit",
    ),
    "rank 40": (lambda graph: _dims(graph, [1] * 40), "40 axes"),
    "data too short": (lambda graph: _dims(graph, [40, 2]), "damaged"),
    "data too long": (lambda graph: _dims(graph, [1, 2]), "damaged"),
    "shapes that do not fit": (lambda graph: _dims(graph, [2, 4]), "layer product"),
    "two weights of one name": (
        lambda graph: graph.initializer.append(graph.initializer[0]),
        "two initializers",
    ),
    "a very long name": (
        lambda graph: setattr(graph.node[0], "name", "n" * 70_000),
        "above the limit",
    ),
    "an attribute given twice": (
        lambda graph: graph.node[0].attribute.extend(_twice()),
        "is given twice",
    ),
}


def _dims(graph: onnx.GraphProto, sizes: list[int]) -> None:
    del graph.initializer[0].dims[:]
    graph.initializer[0].dims.extend(sizes)


def _twice() -> list[onnx.AttributeProto]:
    return [helper.make_attribute("alpha", 1.0)] * 2


@pytest.mark.parametrize("kind", STRUCTURE)
def test_a_model_that_contradicts_itself(kind: str) -> None:
    change, expected = STRUCTURE[kind]
    assert expected in refused(broken(change))


def test_a_cycle_is_named() -> None:
    model = text(
        "(float[N,4] x) => (float[N,4] y)", "[one] a = Add(x, b) [two] b = Relu(a) y = Relu(b)"
    )
    assert "cycle" in refused(model)
    assert "one" in refused(model) or "two" in refused(model)


def test_layers_out_of_order_are_put_in_order() -> None:
    model = text("(float[N,4] x) => (float[N,4] y)", "y = Relu(b) b = Neg(a) a = Abs(x)")
    assert [node.op.spelling() for node in load(model).nodes()] == ["input", "abs", "neg", "relu"]


def test_a_chain_of_ten_thousand_layers_is_no_recursion() -> None:
    chain = [helper.make_node("Neg", [f"v{i}"], [f"v{i + 1}"]) for i in range(10_000)]
    model = small()
    model.graph.node.extend([helper.make_node("Identity", ["y"], ["v0"]), *reversed(chain)])
    model.graph.output[0].name = "v10000"
    assert len(load(model).nodes()) > 10_000


# ------------------------------------------------------------------------------------------- bombs


LARGE = "s = Constant<value_ints=[100000,100000]>()"
BOMBS = {
    "ConstantOfShape": f"{LARGE} c = ConstantOfShape(s) y = ReduceSum(c)",
    "Expand": f"{LARGE} e = Expand(x, s) y = ReduceSum(e)",
    "Tile": f"{LARGE} t = Tile(x, s) y = ReduceSum(t)",
    "Range": """a = Constant<value_int=0>() b = Constant<value_int=1000000000000>()
                c = Constant<value_int=1>()
                r = Range(a, b, c) f = Cast<to=1>(r) y = Add(x, f)""",
    "Pad": "p = Constant<value_ints=[100000,0,100000,0]>() q = Pad(x, p) y = Pad(q, p)",
    "overflow": """s = Constant<value_ints=[4294967296,4294967296]>()
                   e = Expand(x, s) y = ReduceSum(e)""",
    "outer": """s = Constant<value_ints=[4000,1]>() e = Expand(x, s) t = Transpose(e)
                y = MatMul(e, t)""",
    "product": """s = Constant<value_ints=[3000,3000]>() c = ConstantOfShape(s)
                  d = MatMul(c, c) e = MatMul(d, d)
                  z = ReduceMax(e) y = Add(x, z)""",
}


SMALL_PROGRAMS = ("outer", "product", "Pad")
"""These need no constants of their size."""


@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_does_not_go_off(kind: str) -> None:
    model = text("(float[1,1] x) => (float[M,K] y)", BOMBS[kind])
    if kind in SMALL_PROGRAMS:
        assert len(load(model).nodes()) < 20
    else:
        with pytest.raises((InvalidModel, Unsupported), match=r"elements|too large"):
            load(model)


def test_many_images_in_one_event_are_one_product() -> None:
    weight = "w = ConstantOfShape(s) s = Constant<value_ints=[1,1,3,3]>()"
    model = text(
        "(float[100000,1,3,3] x) => (float[100000,1,1,1] y)", f"{weight} [conv] y = Conv(x, w)"
    )
    assert len(load(model).nodes()) < 20


@pytest.mark.parametrize("way", ["message", "file"])
@pytest.mark.parametrize("depth", [12, 31, 60])
def test_deeply_nested_graphs(depth: int, way: str, tmp_path: Path) -> None:
    """If inside If: refused at a limit, before Python or protobuf come to theirs."""
    model = small()
    body = helper.make_graph([helper.make_node("Relu", ["x"], ["z"])], "b", [], [])
    model.graph.node.append(helper.make_node("If", ["y"], ["z"], name="deep", then_branch=body))
    inner = model.graph.node[-1].attribute[0].g
    for _ in range(depth - 1):  # filled from outside, as what is too deep cannot be copied
        inner.node[0].CopyFrom(helper.make_node("If", ["y"], ["z"]))
        inner.node[0].attribute.add(name="then_branch", type=onnx.AttributeProto.GRAPH)
        inner = inner.node[0].attribute[0].g
        inner.node.append(helper.make_node("Relu", ["x"], ["z"]))
    source = tmp_path / "deep.onnx"
    source.write_bytes(model.SerializeToString())
    with pytest.raises(InvalidModel, match="above the limit of 12 graphs in each other"):
        load(source if way == "file" else model)


# ---------------------------------------------------------------------------------- external data


def external(folder: Path, location: str, **more: str) -> Path:
    model = small()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **more}.items():
        tensor.external_data.add(key=key, value=value)
    path = folder / "inside" / "model.onnx"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(model.SerializeToString())
    return path


WEIGHTS = np.arange(8, dtype=np.float32).tobytes()


def test_external_data_inside_the_folder_are_read(tmp_path: Path) -> None:
    path = external(tmp_path, "sub/w.bin", offset="4", length="32")
    (path.parent / "sub").mkdir()
    (path.parent / "sub" / "w.bin").write_bytes(b"skip" + WEIGHTS)
    (weights,) = [
        node.op.values.array for node in load(path).nodes() if hasattr(node.op, "values")
    ]
    assert np.array_equal(weights.ravel(), np.arange(8))


@pytest.mark.parametrize(
    "location",
    [
        "../w.bin",
        "sub/../../w.bin",
        "/etc/passwd",
        "",
        ".",
        "a\\..\\w.bin",
        "c:w.bin",
        "/proc/self/environ",
        "absent",
    ],
)
def test_external_data_elsewhere_are_refused(location: str, tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(WEIGHTS)
    assert "tensor w: external data" in refused(external(tmp_path, location))


@pytest.mark.parametrize("kind", ["link", "hard link", "linked folder", "pipe", "folder"])
def test_external_data_that_are_no_plain_file_are_refused(kind: str, tmp_path: Path) -> None:
    path = external(tmp_path, "sub/w.bin")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "w.bin").write_bytes(WEIGHTS)
    inside = path.parent / "sub"
    if kind == "linked folder":
        inside.symlink_to(outside)
    else:
        inside.mkdir()
        make = {"link": Path.symlink_to, "hard link": Path.hardlink_to}
        if kind in make:
            make[kind](inside / "w.bin", outside / "w.bin")
        elif kind == "pipe":
            os.mkfifo(inside / "w.bin")
        else:
            (inside / "w.bin").mkdir()
    assert "tensor w: external data" in refused(path)


def test_a_folder_that_becomes_a_link_while_it_is_opened_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody exchanges the folder after every check of its path: it is opened as it is."""
    path = external(tmp_path, "sub/w.bin")
    inside, outside = path.parent / "sub", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (inside / "w.bin").write_bytes(WEIGHTS)
    (outside / "w.bin").write_bytes(bytes(32))
    opened = os.open

    def exchanging(name: Any, flags: int, **how: Any) -> int:
        if str(name).endswith(("sub", "w.bin")) and not inside.is_symlink():
            inside.rename(tmp_path / "was inside")
            inside.symlink_to(outside)
        return opened(name, flags, **how)

    monkeypatch.setattr(os, "open", exchanging)
    assert "behind a link" in refused(path)


@pytest.mark.parametrize(
    "more",
    [
        *({"offset": "-4"}, {"offset": "4"}, {"offset": "99999999999999999999"}, {"offset": "x"}),
        *({"length": "31"}, {"length": "1000000000"}, {"nobody": "1"}),
    ],
    ids=str,
)
def test_external_data_with_wrong_numbers_are_refused(
    more: dict[str, str], tmp_path: Path
) -> None:
    path = external(tmp_path, "w.bin", **more)
    (path.parent / "w.bin").write_bytes(WEIGHTS)
    assert "tensor w: external data" in refused(path)


def test_external_data_of_a_model_without_a_folder_are_refused(tmp_path: Path) -> None:
    assert "from its file" in refused(
        onnx.load(external(tmp_path, "w.bin"), load_external_data=False)
    )


# ------------------------------------------------------------------------------------------- names


HOSTILE = [
    *(
        'a"; system("x"); //',
        "a\n#include <x>",
        "*/ int x; /*",
        "a\\\nb",
        "{{7*7}}",
        "<script>alert(1)</script>",
    ),
    *(
        "",
        "int",
        "module",
        "wire",
        "class",
        "9",
        "_",
        "é",
        "名前",
        "\u202eabc",
        "a b",
        "../../etc",
        "x" * 5000,
        "%s%n",
    ),
]


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: ascii(name)[:20])
def test_no_name_of_the_file_gets_through(name: str) -> None:
    model = small()
    graph = model.graph
    graph.name = graph.node[0].name = name
    graph.node[0].input[0] = graph.input[0].name = name or "i"
    graph.node[0].output[0] = graph.output[0].name = name + "o"
    loaded = load(model)
    shown = str(loaded)
    for text_ in (loaded.name, *loaded.input_names, *loaded.output_names):
        assert text_.isidentifier()
        assert text_.isascii()
        assert text_ == text_.lower()
        assert len(text_) <= 64
        assert text_ not in ("int", "module", "wire", "class")
    origins = {node.origin for node in loaded.nodes()}
    assert all(set(origin) <= ALLOWED and len(origin) <= 64 for origin in origins)
    assert shown.isascii()
    ours = loaded.output_names[0]
    assert dict(loaded.renamed).get(ours, ours) == name + "o"


ALLOWED = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-")


def test_names_that_become_equal_stay_apart() -> None:
    model = small()
    graph = model.graph
    for name in ("X", "x!", "x?"):
        graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 4]))
        graph.node.append(helper.make_node("Neg", [name], [name + "y"]))
        graph.output.append(helper.make_tensor_value_info(name + "y", TensorProto.FLOAT, ["N", 4]))
    loaded = load(model)
    names = [*loaded.input_names, *loaded.output_names]
    assert len(set(names)) == 8
    assert dict(loaded.renamed)["x_2"] == "X"


# -------------------------------------------------------------------------------------------- gaps


def test_all_gaps_come_at_once() -> None:
    """Unknown operators, attributes, types and sizes, also behind each other."""
    model = text(
        "(float[N,4] x, string[N,4] h, float[N,cells] c) => (float[N,4] y)",
        """[one] a = Magic(x) [two] b = Softmax<axis=1, colour="red">(h)
           [three] k = Whirl(x, x)
           [four] d = Sorcery(b, b) [five] n = Cast<to=8>(d) [six] e = Spell(c)
           [seven] p = Charm(e)
           [eight] q = Relu(a) y = Add(q, d)""",
    )
    layers = ["h", "c", "one", "two", "three", "four", "five", "six", "seven"]
    assert [gap.layer for gap in find_gaps(model)] == layers
    with pytest.raises(Unsupported) as caught:
        load(model)
    assert caught.value.gaps == find_gaps(model)
    assert "9 unsupported gaps" in str(caught.value)


def test_a_layer_behind_a_gap_is_checked_with_a_guess_of_its_shape() -> None:
    model = text(
        "(float[N,4] x) => (float[N,4] y)",
        """[first] a = Magic(x) [second] c = Charm(a, a) m = MatMul(c, w) w = ConstantOfShape(t)
           t = Constant<value_ints=[4,4]>() [no_fault] n = MatMul(x, v) v = Magic(w, t)
           [fourth] y = Charm(m, a)""",
    )
    assert [gap.layer for gap in find_gaps(model)] == ["first", "second", "v", "fourth"]


def test_custom_domains_functions_and_opsets_are_gaps() -> None:
    model = small()
    model.graph.node.append(
        helper.make_node("Magic", ["y"], ["z"], name="m", domain="com.example")
    )
    assert (
        find_gaps(model)[0].what
        == "operator com.example_Magic, whose domain the model does not import"
    )
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    assert find_gaps(model)[0].what == "operator com.example_Magic"
    function = helper.make_function(
        "com.example", "Magic", ["a"], ["b"], [helper.make_node("Neg", ["a"], ["b"])], []
    )
    model.functions.append(function)
    assert find_gaps(model)[0].what == "the model's own function com.example_Magic"
    for version in (1, 99):
        model = small()
        model.opset_import[0].version = version
        assert find_gaps(model)[0].what == f"operator MatMul of opset {version}"


def test_weights_that_are_not_finite_are_kept() -> None:
    values = np.array([[np.nan, np.inf], [-np.inf, 1e-45], [0.0, -0.0], [1.0, 2.0]], np.float32)
    model = small()
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(values, "w"))
    (weights,) = [
        node.op.values.array for node in load(model).nodes() if hasattr(node.op, "values")
    ]
    assert np.array_equal(weights, values, equal_nan=True)


def test_importing_inferon_does_not_import_onnx() -> None:
    program = "import sys, inferon.load; print('onnx' in sys.modules)"
    source = str(Path(inferon.errors.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": source},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "False"


def test_an_input_above_every_limit_is_a_gap() -> None:
    model = text("(float[N,1000000,1000000] x) => (float[N,1000000,1000000] y)", "y = Relu(x)")
    with pytest.raises(Unsupported, match="x: an input of 1000000000000 elements"):
        load(model)
