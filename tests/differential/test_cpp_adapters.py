"""The adapters: functors, maps of names and vectors of floats have the interpreter's bits."""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from inferon.errors import UsageError
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.types import FLOAT32, FLOAT64, Element
from inferon.ir.values import Array
from inferon.load import load
from inferon.ops import build as b
from inferon.targets.base import File
from inferon.targets.cpp import Cpp, CppArtifact, Labels
from inferon.targets.cpp.library import pointer
from inferon.targets.cpp.program import STACK_BYTES
from inferon.targets.golden import sample
from inferon.targets.toolchain import Compiler, shared_library
from tests.differential.cpp_pack import require

MODELS = Path(__file__).parents[2] / "benchmarks" / "models"
EVENTS = 5

JET = ("pt", "eta", "phi", "mass", "tau1", "tau2", "tau3", "tau4")
FEATURES = (*(f"jet {name}" for name in JET), *(f"c[{number}]" for number in range(8)))
CLASSES = ("q", "g", "W", "Z", "t")

PROGRAM = """
#include <cstring>
namespace NAME_test {
namespace adapters = inferon::NAME::adapters;
using adapters::Value;

// What a data frame asks of a functor: one call operator whose parameters it can read.
template <class F, class R, class... P>
constexpr std::size_t parameters(R (F::*)(P...) const) { return sizeof...(P); }
constexpr std::size_t inputs = std::tuple_size<adapters::Inputs>::value;
static_assert(parameters(&adapters::Functor::operator()) == inputs, "");

void put(const std::vector<Value>& result, Value* out) { for (const Value x : result) *out++ = x; }
void put(Value result, Value* out) { *out = result; }
}
extern "C" {
void NAME_functor(const NAME_test::Value* in, NAME_test::Value* out) {
  NAME_test::adapters::Inputs x;
  std::memcpy(x.data(), in, sizeof x);
  NAME_test::put(std::apply(NAME_test::adapters::Functor{}, x), out);
}
void NAME_vector(const NAME_test::Value* in, NAME_test::Value* out) {
  const std::vector<double> x(in, in + NAME_test::inputs);
  NAME_test::put(NAME_test::adapters::VectorFunctor<std::vector<double>>{}(x), out);
}
void NAME_map(const NAME_test::Value* in, NAME_test::Value* out) {
  NAME_test::adapters::ValueMap x = {{"something else", 1.0}};
  for (const char* name : NAME_test::adapters::input_names) x[name] = *in++;
  const auto y = NAME_test::adapters::compute(x);
  for (const char* name : NAME_test::adapters::output_names)
    *out++ = static_cast<NAME_test::Value>(y.at(name));
}
void NAME_run(const NAME_test::Value* const* in, const std::size_t* sizes, std::size_t inputs,
              NAME_test::Value* const* out, std::size_t events) {
  NAME_test::adapters::ValueArrays x;
  for (std::size_t k = 0; k < inputs; ++k) x.emplace_back(in[k], in[k] + sizes[k] * events);
  const auto y = NAME_test::adapters::run(x, events);
  for (const auto& each : y) std::memcpy(*out++, each.data(), each.size() * sizeof each[0]);
}
void NAME_complaint(int which, char* text) {
  using namespace NAME_test::adapters;
  try {
    if (which == 0) compute({});
    if (which == 1) VectorFunctor<std::vector<float>>{}({1.0f});
    if (which == 2) run({}, 1);
    if (which == 3) run(ValueArrays(model_inputs_of_NAME), 2);
  } catch (const std::exception& error) {
    std::strcpy(text, error.what());
  }
}
}
"""


def several(element: Element) -> Graph:
    """Inputs and outputs of several sizes; the default names of the inputs would collide."""
    x, x_0 = b.input_("x", (2,), element), b.input_("x_0", (), element)
    both = b.concat([x, b.reshape(x_0, (1,))], 0)
    return Graph("several", (x, x_0), (b.mul(both, both), b.sum_(both)), ("y", "total"))


def large() -> Graph:
    """A workspace that is too large for the stack."""
    x = b.input_("x", (300,), FLOAT32)
    pairs = b.mul(b.expand(x, 1), b.expand(x, 0))
    together = b.mul(pairs, b.sum_(pairs, [1], keep=True))
    return Graph("large", (x,), (b.sum_(together),), ("y",))


@cache
def artifacts() -> tuple[CppArtifact, ...]:
    return (
        Cpp(labels=Labels(FEATURES, CLASSES)).build(load(MODELS / "b_jet16.onnx")),
        Cpp(name="single").build(load(MODELS / "a_mlp12.onnx")),
        Cpp(name="floats").build(several(FLOAT32)),
        Cpp(name="doubles").build(several(FLOAT64)),
        Cpp().build(large()),
    )


@cache
def library(command: str) -> ctypes.CDLL:
    compiler = Compiler(command, "x86-64-v3", "1", ("-Wpedantic", "-Wshadow"))
    require(compiler)
    files = [f for each in artifacts() for f in each.files if f.path.endswith(".hpp")]
    lines = []
    for each in artifacts():
        name = each.made.name
        inputs = str(len(each.made.plan.inputs))
        lines.append(f'#include "{name}_adapters.hpp"')
        lines.append(PROGRAM.replace("model_inputs_of_NAME", inputs).replace("NAME", name))
    files.append(File("adapters.cpp", "\n".join(lines).encode()))
    return ctypes.CDLL(str(shared_library(files, ["adapters.cpp"], compiler)))


def flat(arrays: list[Array], event: int) -> Array:
    return np.concatenate([array[event].ravel() for array in arrays])


@pytest.mark.parametrize("command", ["g++", "clang++"])
def test_adapters_have_the_same_bits(command: str) -> None:
    built = library(command)
    for artifact in artifacts():
        inputs = sample(artifact.graph, EVENTS, seed=5)
        expected = list(interpret(artifact.graph, inputs))
        name = artifact.made.name
        for how in ("functor", "vector", "map"):
            for event in range(EVENTS):
                x, wanted = flat(inputs, event), flat(expected, event)
                y = np.zeros_like(wanted)
                built[f"{name}_{how}"](pointer(x), pointer(y))
                assert y.tobytes() == wanted.tobytes(), f"{name}, {how}, event {event}"
        for got, wanted in zip(ran(built, artifact, inputs, expected), expected, strict=True):
            assert got.tobytes() == wanted.tobytes(), f"{name}, run"


def ran(
    built: ctypes.CDLL, artifact: CppArtifact, inputs: list[Array], like: list[Array]
) -> list[Array]:
    outputs = [np.zeros(array.shape, array.dtype) for array in like]
    groups = (inputs, outputs)
    places = [np.array([each.ctypes.data for each in group], np.uintp) for group in groups]
    sizes = np.array([array[0].size for array in inputs], np.uintp)
    built[f"{artifact.made.name}_run"](
        pointer(places[0]),
        pointer(sizes),
        ctypes.c_size_t(len(inputs)),
        pointer(places[1]),
        ctypes.c_size_t(EVENTS),
    )
    return outputs


def test_a_large_workspace_does_not_lie_on_the_stack() -> None:
    where = ["static thread_local Workspace" in named(artifact) for artifact in artifacts()]
    assert where == [False, False, False, False, True]
    assert artifacts()[-1].made.workspace_bytes > STACK_BYTES


def test_what_does_not_fit_is_thrown() -> None:
    text = ctypes.create_string_buffer(200)
    said = []
    for which in range(4):
        library("g++")["b_jet16_complaint"](which, text)
        said.append(text.value.decode())
    assert said == [
        "b_jet16: no value for jet pt",
        "b_jet16: a vector of 1 values, not 16",
        "b_jet16: 0 inputs, not 1",
        "b_jet16: input 0 has 0 values, not 2 x 16",
    ]


def named(artifact: CppArtifact) -> str:
    (text,) = (f.content.decode() for f in artifact.files if f.path.endswith("_adapters.hpp"))
    return text


def test_names_that_collide_are_numbers() -> None:
    assert '"inputs_0",\n    "inputs_1",\n    "inputs_2",' in named(artifacts()[2])
    assert '"y_0",\n    "y_1",\n    "y_2",\n    "total",' in named(artifacts()[2])


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (Labels(("a", "b")), r"2 labels \(2 different\) for 3 elements of the inputs"),
        (Labels(("a", "b", "a")), r"3 labels \(2 different\) for 3 elements of the inputs"),
        (Labels(outputs=("a", "b", "c", 'd"')), "cannot be a label"),
        (Labels(outputs=("a", "b", "c", "d\n")), "cannot be a label"),
    ],
)
def test_other_labels_are_refused(labels: Labels, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Cpp(labels=labels).build(several(FLOAT32))


def test_a_model_of_several_types_has_no_adapters() -> None:
    x = b.input_("x", (2,), FLOAT32)
    graph = Graph("mixed", (x,), (b.less(x, 0.0),), ("y",))
    assert not [f for f in Cpp().build(graph).files if "adapters" in f.path]
    with pytest.raises(UsageError, match="labels are for the adapters"):
        Cpp(labels=Labels(("a", "b"))).build(graph)
