"""Every rule of the exact pass on one small graph: equal to the float model, and the same in C++.

Steps are powers of two, or one for each channel, so that nothing may differ.  Takes 12 s.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import inferon
from inferon.errors import Unsupported
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import FLOAT32, INT32, Int
from inferon.ir.values import Array
from inferon.ops import activation as a
from inferon.ops import build as b
from inferon.ops.convolution import AveragePool, Conv, MaxPool
from inferon.ops.elementary import Erf
from inferon.ops.normalization import BatchNorm, Softmax
from inferon.ops.quantization import Dequantize, IntQuant, ToWhole, Whole
from inferon.passes.exact import exact_graph
from inferon.passes.exact.dyadic import bits_of, fraction_of, mantissas_of
from tests.differential.cpp_pack import BUILDS, Pack, check

RNG = np.random.default_rng(4)


def f32(numbers: list[float]) -> Array:
    return np.array(numbers, np.float32)


def quant(x: Node, scale: float | Array, bits: int = 8, mode: ToWhole = ToWhole.HALF_EVEN) -> Node:
    """Return a value behind a signed quantizer."""
    steps = b.broadcast(b.constant(np.asarray(scale, np.float32)), x.type.shape)
    zero, low, high = (
        b.constant_like(x, n) for n in (0.0, -(2.0 ** (bits - 1)), 2.0**bits / 2 - 1)
    )
    return b.apply(IntQuant(mode), x, steps, zero, low, high)


def weights(*shape: int, scale: float | Array = 0.0625) -> Node:
    return quant(b.constant(RNG.normal(0, 0.3, shape).astype(np.float32)), scale, 5)


def body() -> Graph:
    """Return a step that mixes, scales and quantizes its state."""
    state, step = b.input_("state", (4,), FLOAT32), b.input_("step", (4,), FLOAT32)
    mixed = b.add(b.mul(state, 0.75), b.slice_(step, 0, 3, 4, -1))
    return Graph("cell", (state, step), (quant(mixed, 0.125),), ("following",))


X = b.input_("x", (3, 4), FLOAT32)
Q = quant(X, 0.125)
OTHER = quant(b.mul(X, -0.5), 0.5, 6)
CHANNELS = quant(X, np.array([[1.0], [0.25], [0.5]]))
IMAGE = quant(b.reshape(X, (1, 3, 4)), 0.125)
LAST = np.array([[0, 3], [2, 1]], np.int64)


def powers(x: Node, times: int) -> Node:
    """Return squares of squares, which nothing quantizes."""
    for _ in range(times):
        x = Node(b.mul(x, x).op, (x, x), "power")
    return x


def normalized(x: Node) -> Node:
    mean, variance = f32([0.5, 0.25, -1.0]), f32([0.75, 15.75, 3.75])
    numbers = (f32([1, 2, 4]), f32([0.5, 0, 1]), mean, variance)
    return b.apply(BatchNorm(0, 0.25), x, *(b.constant(each) for each in numbers))


GRAPHS: dict[str, Callable[[], Node]] = {
    "transpose": lambda: b.transpose(CHANNELS, (1, 0)),
    "reshape": lambda: b.reshape(CHANNELS, (2, 6)),
    "slice": lambda: b.slice_(CHANNELS, 0, 2, 3, -1),
    "window": lambda: b.sum_(b.window(Q, 1, 2), [2]),
    "concat": lambda: b.concat([Q, OTHER, CHANNELS], 1),
    "pad": lambda: b.pad(CHANNELS, 1, 1, 2, 0),
    "pad with a number": lambda: b.pad(Q, 1, 1, 2, -0.25),
    "gather": lambda: b.gather(CHANNELS, b.constant(LAST), 1),
    "gather by values": lambda: b.gather(Q, b.cast(OTHER, INT32), 1, batch=1),
    "top_k": lambda: b.top_k(b.add(Q, OTHER), 2),
    "add": lambda: b.add(Q, OTHER),
    "sub": lambda: b.sub(CHANNELS, OTHER),
    "mul": lambda: b.mul(Q, OTHER),
    "mul by numbers": lambda: b.mul(Q, b.constant(f32([1, -2, 0, 0.75]))),
    "div": lambda: b.div(Q, -4.0),
    "fma": lambda: b.fma(Q, 0.5, 3.0),
    "neg and abs": lambda: b.absolute(b.neg(CHANNELS)),
    "maximum": lambda: b.maximum(Q, OTHER),
    "minimum": lambda: b.minimum(CHANNELS, b.constant(np.float32(0.5))),
    "relu": lambda: b.apply(a.Relu(), CHANNELS),
    "clip": lambda: b.apply(a.Clip(-1.5, 6.0), b.add(Q, OTHER)),
    "leaky": lambda: b.apply(a.LeakyRelu(0.125), b.mul(Q, OTHER)),
    "compare": lambda: b.less_equal(Q, OTHER),
    "select": lambda: b.select(b.less(Q, OTHER), Q, OTHER),
    "sum": lambda: b.sum_(CHANNELS, [0]),
    "mean": lambda: b.mean(Q, [1]),
    "reduce_max": lambda: b.reduce_max(CHANNELS, [0, 1]),
    "reduce_min": lambda: b.reduce_min(Q, [1]),
    "dot": lambda: b.product(Q, weights(4, 5)),
    "dot per column": lambda: b.product(Q, weights(4, 2, scale=f32([0.0625, 0.25]))),
    "dot per row": lambda: b.product(CHANNELS, weights(4, 2)),
    "dot over scales": lambda: b.product(b.transpose(CHANNELS, (1, 0)), weights(3, 2)),
    "dot of two": lambda: b.product(Q, b.transpose(OTHER, (1, 0))),
    "conv": lambda: b.apply(Conv((1, 1), (1, 0), (1, 0), (1, 1)), IMAGE, weights(2, 1, 3, 2)),
    "max_pool": lambda: b.apply(MaxPool((2, 2), (1, 2), (1, 0), (0, 0), (1, 1)), IMAGE),
    "average_pool": lambda: b.apply(AveragePool((2, 2), (1, 2), (0, 0), (0, 0), (1, 1)), IMAGE),
    "batch_norm": lambda: normalized(Q),
    "floor": lambda: b.floor(b.mul(Q, 0.7)),
    "away": lambda: b.apply(Whole(ToWhole.AWAY), b.mul(Q, 0.5)),
    "cast to ints": lambda: b.cast(quant(b.apply(a.Relu(), Q), 0.5, 6), INT32),
    "to and from ints": lambda: b.apply(
        Dequantize(),
        b.cast(b.add(b.cast(quant(X, 1.0, 6), INT32), 7), Int(True, 8)),
        b.constant_like(X, 0.25),
        b.broadcast(b.constant(np.int8(7)), X.type.shape),
    ),
    "fold": lambda: b.fold(body(), b.constant(np.zeros(4, np.float32)), [Q]),
    "scan": lambda: b.scan(body(), b.reduce_max(OTHER, [0]), [Q]),
    "gelu in parts": lambda: quant(
        b.mul(Q, b.add(b.apply(Erf(), b.mul(Q, 2.0**-0.5)), 1.0)), 0.0625
    ),
    "table": lambda: quant(b.apply(a.Gelu(), Q), 0.0625),
    "table of a sum": lambda: quant(b.apply(a.Silu(), b.mul(b.add(Q, 1.0), 0.3)), 0.1),
    "table of a sum moved": lambda: quant(
        b.transpose(b.apply(a.Gelu(), b.add(Q, 1.0)), (1, 0)), 0.1
    ),
    "constants that cancel": lambda: quant(b.mul(b.sub(b.add(Q, 3.7), 3.7001), 1000.0), 3.0),
    "constant less a value": lambda: b.apply(a.Relu(), b.sub(0.75, CHANNELS)),
    "table moved": lambda: quant(b.transpose(b.apply(a.Softplus(), Q), (1, 0)), 0.0625),
}


def graph(name: str) -> Graph:
    return Graph(name.replace(" ", "_"), (X,), (GRAPHS[name](),), ("y",))


@pytest.mark.parametrize("name", GRAPHS)
def test_a_rule_changes_nothing(name: str) -> None:
    made = inferon.exact(graph(name))
    assert made.events >= 256
    assert [str(each) for each in made.outputs if each.differing] == []


def test_every_rule_has_the_same_bits_in_cpp() -> None:
    check(Pack(tuple(exact_graph(graph(name)).graph for name in GRAPHS), 16), BUILDS[0])


STAYS_FLOAT: dict[str, tuple[Callable[[], Node], str]] = {
    "sqrt": (lambda: b.sqrt(b.product(Q, weights(4, 5))), "sqrt of s15"),
    "quotient": (lambda: b.div(Q, OTHER), "div of"),
    "softmax": (lambda: b.apply(Softmax(1), Q), "a function that is not quantized"),
    "infinity": (lambda: b.add(Q, np.inf), "not finite"),
    "wide table": (
        lambda: b.apply(a.Gelu(), quant(X, 2.0**-12, 16)),
        r"erf of s\d+.\d+: a table is of at most 12 bits, which are 4096 entries",
    ),
    "exploding widths": (lambda: powers(Q, 4), r"a value of 128 bits \(s128.48\); at most 64"),
    "curve in a product": (
        lambda: b.product(b.apply(a.Gelu(), Q), weights(4, 2)),
        "a function that is not quantized",
    ),
    "wide indices": (
        lambda: b.gather(Q, b.cast(quant(X, 1.0, 18), INT32), 1, batch=1),
        "integers of s18.0 as i32",
    ),
}


@pytest.mark.parametrize("name", STAYS_FLOAT)
def test_what_has_no_rule_stays_float(name: str) -> None:
    make, why = STAYS_FLOAT[name]
    with pytest.raises(Unsupported, match=why):
        exact_graph(Graph("g", (X,), (make(),), ("y",)))


def test_ints_that_may_wrap_are_refused_and_others_are_not() -> None:
    whole = b.cast(quant(X, 1.0), INT32)
    exact_graph(Graph("g", (X,), (b.cast(whole, Int(True, 8)),), ("y",)))
    with pytest.raises(Unsupported, match="may leave i8"):
        exact_graph(Graph("g", (X,), (b.cast(b.add(whole, 1), Int(True, 8)),), ("y",)))


def test_dyadic_numbers_are_split_exactly() -> None:
    numbers = np.concatenate([RNG.normal(size=200), [0.0, 1.0, 1 / 1024, 3e7]]).astype(np.float32)
    for part in (numbers, numbers[:0], numbers[-4:-3], numbers[-1:]):
        wide = part.astype(np.float64)
        fraction = fraction_of(wide)
        assert np.array_equal(np.ldexp(np.rint(np.ldexp(wide, fraction)), -fraction), wide)
    few = np.array([0.75, -2.5, 0.125])
    assert (fraction_of(few), bits_of(few, 3)) == (3, 5)
    assert mantissas_of(few, 3).tolist() == [6, -20, 1]
