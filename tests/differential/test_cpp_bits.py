"""The C++ target has the interpreter's bits.

Event alone = in batches of 2, 7, 16 = x86-64-v3 = x86-64-v4 = g++ = clang++, on every benchmark
model, the shipped taggers, random graphs, every elementary function and every composite, and on
events with NaN, infinities, zeros of both signs, subnormals and huge numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings

from inferon.compile import compile
from inferon.errors import Unsupported
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.node import Node, ordered
from inferon.ir.types import FLOAT32, Int
from inferon.load import load
from inferon.ops import activation, convolution, normalization, quantization, recurrent
from inferon.ops import build as b
from inferon.ops.base import Elementary
from inferon.ops.determinant import Determinant
from inferon.ops.power import Power, RealPower
from inferon.ops.remainder import Fmod
from inferon.ops.rounding import MiniFloat, RoundTo, RoundToPower, Toward, WrapTo
from inferon.ops.structure import Input
from inferon.ops.vocabulary import COMPOSITES, ELEMENTARY
from inferon.targets.cpp import Cpp
from inferon.targets.toolchain import Compiler
from tests.differential import random_exact
from tests.differential.cpp_pack import Pack, check, each_build, require, two_builds
from tests.differential.random_programs import program
from tests.property.random_graphs import graphs

MODELS = Path(__file__).parents[2] / "benchmarks" / "models"
SMALL = (
    *("a_mlp12", "b_jet16", "c_mlp256", "d1_bragg", "d2_lenet", "e_deepsets", "g_gru"),
    *("h_autoenc", "j_lstm"),
)
LARGE = ("f_transf", "i_pnet", "k_pnetlite", "l_strain", "m_part")
OTHER_FORMS = ("_dyn", ".static1")

PROGRAMS = 20
RANDOM_GRAPHS = 24
DRAWN = 250
"""Hypothesis draws so many graphs; of those that the target accepts the largest are compiled."""


# ----------------------------------------------------------------------------------------- models


@cache
def models(names: tuple[str, ...], form: str, events: int) -> Pack:
    return Pack(tuple(load(MODELS / f"{name}{form}.onnx") for name in names), events)


@each_build
def test_small_benchmark_models(build: Compiler) -> None:
    check(models(SMALL, "", 32), build)


@each_build
def test_large_benchmark_models(build: Compiler) -> None:
    check(models(LARGE, "", 9), build)


@two_builds
@pytest.mark.parametrize("form", OTHER_FORMS)
def test_other_export_forms(form: str, build: Compiler) -> None:
    check(models(SMALL, form, 16), build)


@pytest.mark.full
@each_build
@pytest.mark.parametrize("form", OTHER_FORMS)
def test_other_export_forms_of_all(form: str, build: Compiler) -> None:
    check(models((*SMALL, *LARGE), form, 16), build)


def test_every_benchmark_model_is_compared() -> None:
    names = {path.name.split(".")[0].removesuffix("_dyn") for path in MODELS.glob("*.onnx")}
    assert names == {*SMALL, *LARGE}


@cache
def taggers() -> Pack:
    folder = Path(str(files("inferon") / "data" / "models"))
    paths = sorted(folder.glob("*.onnx"))
    assert paths, "the package ships its taggers"
    return Pack(tuple(load(path) for path in paths), 32)


@each_build
def test_shipped_taggers(build: Compiler) -> None:
    check(taggers(), build)


# ---------------------------------------------------------------------------------- random graphs


@cache
def programs(first: int, count: int) -> Pack:
    return Pack(tuple(program(seed) for seed in range(first, first + count)), 18)


@each_build
def test_random_programs(build: Compiler) -> None:
    check(programs(0, PROGRAMS), build)


@pytest.mark.full
@each_build
@pytest.mark.parametrize("first", range(PROGRAMS, 400, 40))
def test_many_random_programs(first: int, build: Compiler) -> None:
    check(programs(first, 40), build)


@cache
def exact_programs(first: int, count: int) -> Pack:
    return Pack(tuple(random_exact.program(seed) for seed in range(first, first + count)), 18)


@each_build
def test_random_exact_programs(build: Compiler) -> None:
    """The emulator of firmware; the same graphs run in simulators in `test_rtl_bits`."""
    check(exact_programs(0, PROGRAMS), build)


@pytest.mark.full
@each_build
@pytest.mark.parametrize("first", range(PROGRAMS, 300, 40))
def test_many_random_exact_programs(first: int, build: Compiler) -> None:
    check(exact_programs(first, 40), build)


def accepted(graph: Graph) -> bool:
    try:
        Cpp().build(graph)
    except Unsupported:
        return False
    return True


@cache
def drawn_graphs() -> Pack:
    found: dict[Graph, None] = {}

    @settings(max_examples=DRAWN, database=None, derandomize=True, phases=[Phase.generate])
    @given(graphs(steps=14, dims=False))
    def draw(graph: Graph) -> None:
        if accepted(graph):
            found[graph] = None

    draw()
    largest = sorted(found, key=lambda graph: (-len(graph.nodes()), graph.digest))
    assert len(largest) >= RANDOM_GRAPHS
    return Pack(tuple(largest[:RANDOM_GRAPHS]), 18)


@each_build
def test_random_graphs(build: Compiler) -> None:
    check(drawn_graphs(), build)


# -------------------------------------------------------------------------- functions, composites


def elementary_graph(kind: type[Elementary]) -> Graph:
    """The function alone, behind a product, inside a sum, on every other element, in pieces."""
    x, w = b.input_("x", (37,), FLOAT32), b.input_("w", (5, 3), FLOAT32)
    alone = b.apply(kind(), x)
    inside = b.sum_(b.apply(kind(), b.mul(x, 2.0)))
    apart = b.apply(kind(), b.slice_(x, 0, 36, 19, -2))
    behind = b.apply(kind(), b.product(w, b.constant(np.eye(3, 19), FLOAT32)))
    single = b.apply(kind(), b.reshape(b.slice_(x, 0, 5, 1), ()))
    ends = (alone, inside, apart, behind, single)
    return Graph(kind.spelling(), (x, w), ends, ("alone", "inside", "apart", "behind", "single"))


@cache
def functions() -> Pack:
    kinds = [kind for kind in ELEMENTARY if issubclass(kind, Elementary)]
    assert len(kinds) == len(ELEMENTARY)
    kinds.remove(RealPower)  # of two operands and float64 only: in test_cpp_elementary
    return Pack(tuple(elementary_graph(kind) for kind in kinds), 64)


@each_build
def test_elementary_functions(build: Compiler) -> None:
    check(functions(), build)


def _composite_nodes() -> list[Node]:
    def x(*shape: int) -> Node:
        return b.input_("x" + "_".join(map(str, shape)), shape, FLOAT32)

    rng = np.random.default_rng(0)

    def w(*shape: int) -> Node:
        return b.constant(rng.normal(size=shape) / 4, FLOAT32)

    act = activation
    row = x(3, 19)
    simple = [
        *(act.Relu(), act.LeakyRelu(0.1), act.Elu(0.7), act.Selu(1.5, 1.1), act.Celu(0.6)),
        *(act.Gelu(True), act.Gelu(False), act.Silu(), act.Softplus(), act.Softsign()),
        *(act.HardSigmoid(0.2, 0.5), act.HardSwish(), act.Mish(), act.Clip(-0.5, 1.25)),
        *(normalization.Softmax(1), normalization.Softmax(0), normalization.LogSoftmax(1)),
    ]
    nodes = [b.apply(op, row) for op in simple]
    norm = normalization
    nodes.append(b.apply(norm.LayerNorm(1, 1e-5), row, w(19), w(19)))
    nodes.append(b.apply(norm.RmsNorm(1, 1e-5), row, w(19)))
    positive = b.constant(np.abs(rng.normal(size=3)) + 0.5, FLOAT32)
    nodes.append(b.apply(norm.BatchNorm(0, 1e-5), row, w(3), w(3), w(3), positive))
    image = x(4, 9, 7)
    nodes.append(b.apply(norm.InstanceNorm(1e-5), image, w(4), w(4)))
    nodes.append(b.apply(norm.GroupNorm(2, 1e-5), image, w(4), w(4)))
    conv, pool = convolution.Conv, convolution
    nodes.append(b.apply(conv((1, 1), (0, 0), (0, 0), (1, 1), 1), image, w(17, 4, 3, 3)))
    nodes.append(b.apply(conv((2, 1), (1, 0), (0, 2), (1, 2), 2), image, w(6, 2, 3, 2)))
    nodes.append(b.apply(conv((1,), (2,), (1,), (1,), 3), row, w(3, 1, 4)))
    nodes.append(b.apply(pool.MaxPool((2, 3), (2, 1), (0, 1), (1, 0), (1, 1)), image))
    nodes.append(b.apply(pool.AveragePool((3, 2), (1, 2), (1, 0), (1, 0), (1, 1)), image))
    nodes.append(b.apply(pool.MaxPoolIndex((2, 3), (2, 1), (0, 1), (1, 0), (1, 1)), image))
    nodes.append(b.apply(pool.LpPool((3, 2), (1, 2), (1, 0), (1, 0), (1, 1), 3), image))
    transposed = pool.ConvTranspose((2, 1), (1, 0), (0, 1), (1, 0), (1, 2), 2)
    nodes.append(b.apply(transposed, image, w(4, 3, 3, 2)))
    nodes += [b.apply(Determinant(), x(2, size, size)) for size in (3, 5)]
    nodes += [b.apply(op, row, b.transpose(x(19, 3), (1, 0))) for op in (Power(), Fmod())]
    nodes += [b.apply(RoundTo(each), row) for each in MiniFloat]
    nodes += [b.apply(RoundToPower(each), row) for each in Toward]
    nodes += [b.apply(WrapTo(bits), b.input_("q", (3, 19), Int(True, 8))) for bits in (2, 4)]
    return [*nodes, *_quantizer_nodes(row), *_recurrent_nodes(x(6, 5), w)]


def _quantizer_nodes(x: Node) -> list[Node]:
    def all_(number: float) -> Node:
        return b.constant_like(x, number)

    nodes = [b.apply(quantization.Whole(mode), x) for mode in quantization.ToWhole]
    ends = all_(-8.0), all_(7.0)
    nodes += [
        b.apply(quantization.IntQuant(mode), x, all_(0.3), all_(1.0), *ends)
        for mode in quantization.ToWhole
    ]
    nodes.append(b.apply(quantization.BipolarQuant(), x, all_(0.3)))
    steps = b.input_("q", x.type.shape, Int(True, 8))
    nodes.append(b.apply(quantization.Dequantize(), steps, all_(0.1), b.constant_like(steps, -3)))
    return nodes


def _recurrent_nodes(steps: Node, w: Callable[..., Node]) -> list[Node]:
    h = 9
    nodes = []
    for reverse in (False, True):
        rnn = recurrent.Rnn(reverse, relu=reverse)
        nodes.append(b.apply(rnn, steps, w(h, 5), w(h, h), w(2 * h), w(h)))
        gru = recurrent.Gru(reverse, not reverse)
        nodes.append(b.apply(gru, steps, w(3 * h, 5), w(3 * h, h), w(6 * h), w(h)))
        lstm = recurrent.Lstm(reverse)
        nodes.append(b.apply(lstm, steps, w(4 * h, 5), w(4 * h, h), w(8 * h), w(h), w(h)))
    return nodes


@cache
def composites() -> Pack:
    made = []
    for number, node in enumerate(_composite_nodes()):
        inputs = tuple(each for each in ordered((node,)) if isinstance(each.op, Input))
        name = f"{node.op.spelling()}_{number}"
        made.append(Graph(name, inputs, (node,), ("y",)))
    return Pack(tuple(made), 16)


@each_build
def test_composites(build: Compiler) -> None:
    check(composites(), build)


def test_every_composite_is_compared() -> None:
    tried = {type(node.op) for node in _composite_nodes()}
    assert tried == set(COMPOSITES)


# ------------------------------------------------------------------------- several in one process


def _times(factor: float) -> Graph:
    x = b.input_("x", (4,), FLOAT32)
    return Graph("twin", (x,), (b.mul(x, b.constant(np.full(4, factor), FLOAT32)),), ("y",))


@each_build
def test_models_of_one_name_keep_their_own_weights(build: Compiler) -> None:
    """A retrained model beside the older one: g++ shares inline variables between libraries."""
    require(build)
    ones = np.ones((1, 4), np.float32)
    both = [compile(_times(factor), Cpp(compiler=build)) for factor in (2.0, 3.0)]
    assert [model.artifact.predict(ones)[0].max() for model in both] == [2.0, 3.0]


# --------------------------------------------------------------------------- the test of the test


def test_events_are_rough() -> None:
    pack = models(SMALL, "", 32)
    seen = np.concatenate([array.ravel() for m in pack.members for array in m.inputs])
    assert np.isnan(seen).any()
    assert np.isinf(seen).any()
    assert (np.signbit(seen) & (seen == 0)).any()
    tiny = np.abs(seen[np.isfinite(seen)])
    assert ((tiny > 0) & (tiny < np.finfo(np.float32).tiny)).any()
    assert (tiny > 1e38).any()


def test_outputs_of_random_programs_are_not_all_nan() -> None:
    for graph in programs(0, PROGRAMS).graphs:
        outputs = interpret(graph, [np.ones((1, *_shape(x)), np.float32) for x in graph.inputs])
        assert any(np.isfinite(each).any() for each in outputs)


def _shape(node: Node) -> tuple[int, ...]:
    return tuple(size for size in node.type.shape if isinstance(size, int))
