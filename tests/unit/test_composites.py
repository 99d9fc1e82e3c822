"""Each composite against ONNX: its reference in float64, and ONNX Runtime in float32.

The float64 value of the decomposition has to be the ONNX reference's; the strict float32 value has
to keep the derived bound, and so has ONNX Runtime's.  Takes 4 s.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from inferon.analysis.accuracy import ONNX_RUNTIME
from inferon.analysis.bound import agreement, bound
from inferon.errors import InvalidGraph
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.types import FLOAT32
from inferon.ir.values import Array
from inferon.ops import activation as a
from inferon.ops import build as b
from inferon.ops import convolution as c
from inferon.ops import normalization as n
from inferon.ops import recurrent as r
from inferon.ops.base import Composite

EVENTS = 5
OPSET = 23  # the first with RMSNormalization
RNG = np.random.default_rng(20)

EXACT = 2.0**-40
"""float64 against float64: 53 bits, less 13 for sums of some hundred terms and cancellation."""


def normal(*shape: int) -> Array:
    return RNG.standard_normal(shape).astype(np.float32)


@dataclass(frozen=True)
class Case:
    """A composite with weights, and the ONNX operator that is its oracle.

    ``exact`` is false where a constant of the decomposition is no float32 number: then the values
    differ by the rounding of that constant, for which the derived bound allows.
    """

    op: Composite
    onnx: str
    shape: tuple[int, ...]
    weights: tuple[Array, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)
    exact: bool = True
    onnx_weights: tuple[Array | None, ...] | None = None
    to_onnx: Callable[[Array], Array] = np.asarray
    from_onnx: Callable[[Array], Array] = np.asarray
    output: int = 0

    @property
    def name(self) -> str:
        return str(self.op)

    def graph(self) -> Graph:
        x = b.input_("x", self.shape, FLOAT32)
        return Graph("case", (x,), (b.apply(self.op, x, *map(b.constant, self.weights)),), ("y",))

    def data(self) -> Array:
        rng = np.random.default_rng(7)
        return (2.0 * rng.standard_normal((EVENTS, *self.shape))).astype(np.float32)

    def model(self, dtype: npt.DTypeLike) -> ModelProto:
        kind = TensorProto.DOUBLE if dtype == np.float64 else TensorProto.FLOAT
        weights = self.weights if self.onnx_weights is None else self.onnx_weights
        named = [("" if w is None else f"w{i}", w) for i, w in enumerate(weights)]
        stored = [
            numpy_helper.from_array(w.astype(dtype), name) for name, w in named if w is not None
        ]
        outputs = [*[""] * self.output, "y"]
        node = helper.make_node(
            self.onnx, ["x", *(name for name, _ in named)], outputs, **self.attributes
        )
        x, y = (helper.make_tensor_value_info(name, kind, None) for name in ("x", "y"))
        graph = helper.make_graph([node], "case", [x], [y], stored)
        return helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10
        )

    def oracle(self) -> Array:
        """Return ONNX's reference in float64."""
        x = self.to_onnx(self.data().astype(np.float64))
        (y,) = ReferenceEvaluator(self.model(np.float64)).run(None, {"x": x})
        return self.from_onnx(np.asarray(y))

    def runtime(self) -> Array:
        """Return ONNX Runtime's value in float32."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(
            self.model(np.float32).SerializeToString(), options, ["CPUExecutionProvider"]
        )
        (y,) = session.run(None, {"x": self.to_onnx(self.data())})
        return self.from_onnx(np.asarray(y))


def single(value: float) -> float:
    """Return an attribute as ONNX stores it."""
    return float(np.float32(value))


def elementwise(op: Composite, onnx: str, *, exact: bool = True, **attributes: Any) -> Case:
    return Case(op, onnx, (3, 40), attributes=attributes, exact=exact)


ACTIVATIONS = [
    elementwise(a.Relu(), "Relu"),
    elementwise(a.LeakyRelu(single(0.03)), "LeakyRelu", alpha=0.03),
    elementwise(a.Elu(), "Elu"),
    elementwise(a.Elu(1.5), "Elu", alpha=1.5),
    elementwise(a.Selu(), "Selu"),
    elementwise(a.Celu(0.5), "Celu", alpha=0.5),
    elementwise(a.Gelu(), "Gelu", exact=False),
    elementwise(a.Gelu(tanh=True), "Gelu", exact=False, approximate="tanh"),
    elementwise(a.Softplus(), "Softplus"),
    elementwise(a.Softsign(), "Softsign"),
    elementwise(a.HardSigmoid(single(0.2), 0.5), "HardSigmoid", alpha=0.2, beta=0.5),
    elementwise(a.HardSwish(), "HardSwish", exact=False),
    elementwise(a.Mish(), "Mish"),
]


def normalization(
    op: Composite, onnx: str, scales: int, *, exact: bool = True, **attributes: Any
) -> Case:
    """Return a normalization of (6, 9), with vectors along its first axis."""
    weights = tuple(normal(6) for _ in range(scales))
    if onnx == "BatchNormalization":
        weights = (*weights[:3], weights[3] ** 2 + np.float32(0.1))
    return Case(op, onnx, (6, 9), weights, attributes, exact)


NORMALIZATIONS = [
    Case(n.Softmax(1), "Softmax", (6, 9), attributes={"axis": 2}),
    Case(n.Softmax(0), "Softmax", (6, 9), attributes={"axis": 1}),
    Case(n.LogSoftmax(1), "LogSoftmax", (6, 9), attributes={"axis": 2}),
    Case(
        *(n.LayerNorm(1, 1e-5), "LayerNormalization", (6, 9), (normal(9), normal(9))),
        attributes={"axis": -1, "epsilon": 1e-5},
    ),
    Case(
        *(n.LayerNorm(2, 1e-3), "LayerNormalization", (6, 9), (normal(6, 9), normal(6, 9))),
        attributes={"axis": -2, "epsilon": 1e-3},
    ),
    Case(
        *(n.LayerNorm(), "LayerNormalization", (6, 9), (normal(9),)),
        attributes={"axis": -1},
    ),
    Case(
        *(n.RmsNorm(1, 1e-5), "RMSNormalization", (6, 9), (normal(9),)),
        attributes={"axis": -1},
    ),
    normalization(n.BatchNorm(0, 1e-5), "BatchNormalization", 4),
    normalization(n.InstanceNorm(1e-5), "InstanceNormalization", 2),
    # the reference normalizes in float32 (its stash_type)
    normalization(n.GroupNorm(3, 1e-5), "GroupNormalization", 2, exact=False, num_groups=3),
]


def convolution(
    spatial: tuple[int, ...],
    weights: tuple[int, ...],
    *,
    stride: int = 1,
    dilation: int = 1,
    pads: tuple[tuple[int, ...], tuple[int, ...]] | None = None,
    groups: int = 1,
) -> Case:
    rank = len(spatial)
    before, after = pads or ((0,) * rank, (0,) * rank)
    strides, dilations = (stride,) * rank, (dilation,) * rank
    attributes = {
        "strides": strides,
        "pads": (*before, *after),
        "dilations": dilations,
        "group": groups,
    }
    op = c.Conv(strides, before, after, dilations, groups)
    return Case(op, "Conv", (weights[1] * groups, *spatial), (normal(*weights),), attributes)


Pads = tuple[tuple[int, int], tuple[int, int]]


def pool(onnx: str, pads: Pads, *, count_pad: bool | None = None) -> Case:
    sizes = (3, 2), (2, 1), *pads, (1, 1)
    op = c.MaxPool(*sizes) if count_pad is None else c.AveragePool(*sizes, count_pad)
    attributes: dict[str, Any] = {
        "kernel_shape": (3, 2),
        "strides": (2, 1),
        "pads": (*pads[0], *pads[1]),
    }
    if count_pad is not None:
        attributes["count_include_pad"] = int(count_pad)
    return Case(op, onnx, (4, 8, 7), attributes=attributes)


CONVOLUTIONS = [
    convolution((9,), (5, 3, 4)),
    convolution((9,), (5, 3, 1)),
    convolution((4,), (5, 3, 4)),  # one position: a single row
    convolution((7, 6), (5, 3, 3, 2), pads=((1, 0), (1, 1)), stride=2),
    convolution((9, 8), (4, 2, 3, 2), dilation=2, pads=((0, 2), (1, 1)), groups=2),
    convolution((7, 6), (6, 1, 3, 3), pads=((1, 1), (1, 1)), groups=6),  # depthwise
    convolution((7, 6), (6, 1, 3, 3), groups=3),  # depthwise with two outputs a channel
    convolution((4, 5, 3), (4, 2, 2, 2, 2)),
    pool("MaxPool", ((0, 0), (0, 0))),
    pool("MaxPool", ((1, 1), (1, 0))),
    pool("AveragePool", ((0, 0), (0, 0)), count_pad=False),
    pool("AveragePool", ((1, 1), (1, 0)), count_pad=False),
    pool("AveragePool", ((1, 1), (1, 0)), count_pad=True),
]

STEPS, FEATURES, HIDDEN = 6, 4, 5


def _steps_first(x: Array) -> Array:
    return np.swapaxes(x, 0, 1)


def _events_first(y: Array) -> Array:
    return np.swapaxes(y[:, 0], 0, 1)


def recurrent(op: Composite, onnx: str, gates: int, states: int, **attributes: Any) -> Case:
    w, u = normal(gates * HIDDEN, FEATURES), normal(gates * HIDDEN, HIDDEN)
    bias = normal(2 * gates * HIDDEN)
    start = [normal(HIDDEN) for _ in range(states)]
    repeated = [np.broadcast_to(s, (1, EVENTS, HIDDEN)) for s in start]
    return Case(
        *(op, onnx, (STEPS, FEATURES), (w, u, bias, *start)),
        attributes={"hidden_size": HIDDEN, **attributes},
        onnx_weights=(w[None], u[None], bias[None], None, *repeated),
        to_onnx=_steps_first,
        from_onnx=_events_first,
    )


FORWARD = [
    recurrent(r.Rnn(), "RNN", 1, 1),
    recurrent(r.Gru(), "GRU", 3, 1),
    recurrent(r.Gru(linear_before_reset=True), "GRU", 3, 1, linear_before_reset=1),
    recurrent(r.Lstm(), "LSTM", 4, 2),
]
REVERSE = [
    recurrent(r.Rnn(reverse=True), "RNN", 1, 1, direction="reverse"),
    recurrent(r.Gru(reverse=True), "GRU", 3, 1, direction="reverse"),
    recurrent(
        *(r.Gru(reverse=True, linear_before_reset=True), "GRU", 3, 1),
        linear_before_reset=1,
        direction="reverse",
    ),
    recurrent(r.Lstm(reverse=True), "LSTM", 4, 2, direction="reverse"),
]

WITH_REFERENCE = [*ACTIVATIONS, *NORMALIZATIONS, *CONVOLUTIONS, *FORWARD, *REVERSE]
ALL = [  # the reference has no ReLU in its RNN; ONNX Runtime has
    *WITH_REFERENCE,
    recurrent(r.Rnn(relu=True), "RNN", 1, 1, activations=["Relu"]),
]


@pytest.mark.parametrize("case", WITH_REFERENCE, ids=lambda case: case.name)
def test_the_real_value_is_that_of_the_onnx_reference(case: Case) -> None:
    (real,) = interpret(case.graph(), case.data(), real=True)
    oracle = case.oracle()
    assert real.shape == oracle.shape
    error = EXACT * (1.0 + np.abs(oracle))
    if not case.exact:
        error = error + bound(case.graph(), case.data()).errors[0]
    assert (np.abs(real - oracle) <= error).all()


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_the_strict_value_keeps_the_bound(case: Case) -> None:
    graph, data = case.graph(), case.data()
    result = agreement(graph, data, interpret(graph, data))
    assert result.undecided == 0
    assert 0.0 <= result.worst <= 1.0


@pytest.mark.needs_package("onnxruntime")
@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_onnx_runtime_keeps_its_bound(case: Case) -> None:
    graph, data = case.graph(), case.data()
    result = agreement(graph, data, (case.runtime(),), accuracy=ONNX_RUNTIME)
    assert result.undecided == 0


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_the_type_of_a_composite_is_that_of_its_decomposition(case: Case) -> None:
    graph = case.graph()
    (node,) = graph.outputs
    assert isinstance(node.op, Composite)
    assert node.op.decompose(*node.inputs).type == node.type
    assert interpret(graph, case.data())[0].shape[1:] == node.type.shape


def test_silu_is_x_times_the_logistic_function() -> None:
    x = b.input_("x", (50,), FLOAT32)
    graph = Graph("silu", (x,), (b.apply(a.Silu(), x),), ("y",))
    data = (3.0 * np.random.default_rng(1).standard_normal((20, 50))).astype(np.float32)
    (real,) = interpret(graph, data, real=True)
    oracle = data.astype(np.float64) / (1.0 + np.exp(-data.astype(np.float64)))
    assert (np.abs(real - oracle) <= EXACT * (1.0 + np.abs(oracle))).all()
    agreement(graph, data, interpret(graph, data))


@pytest.mark.parametrize(("low", "high"), [(-1.0, 0.5), (-np.inf, 0.5), (-1.0, np.inf)])
def test_clip_is_numpys(low: float, high: float) -> None:
    x = b.input_("x", (50,), FLOAT32)
    graph = Graph("clip", (x,), (b.apply(a.Clip(low, high), x),), ("y",))
    data = np.random.default_rng(1).standard_normal((20, 50)).astype(np.float32)
    data[0, :3] = np.nan, np.inf, -np.inf
    (got,) = interpret(graph, data)
    assert np.array_equal(got, np.clip(data, low, high), equal_nan=True)


def test_relu_keeps_minus_zero_and_nan() -> None:
    x = b.input_("x", (4,), FLOAT32)
    graph = Graph("relu", (x,), (b.apply(a.Relu(), x),), ("y",))
    data = np.array([[-0.0, np.nan, -1.0, np.inf]], np.float32)
    (got,) = interpret(graph, data)
    assert np.array_equal(got, [[-0.0, np.nan, 0.0, np.inf]], equal_nan=True)
    assert np.signbit(got[0, 0])


def test_a_masked_softmax_ignores_what_is_at_minus_infinity() -> None:
    x = b.input_("x", (5,), FLOAT32)
    graph = Graph("softmax", (x,), (b.apply(n.Softmax(0), x),), ("y",))
    data = np.array([[1.0, 2.0, -np.inf, 0.0, -np.inf]], np.float32)
    (got,) = interpret(graph, data)
    kept = np.exp([1.0, 2.0, 0.0]) / np.exp([1.0, 2.0, 0.0]).sum()
    (errors,) = bound(graph, data).errors
    assert (got[0, [2, 4]] == 0.0).all()
    assert (np.abs(got[0, [0, 1, 3]] - kept) <= errors[0, [0, 1, 3]]).all()


@pytest.mark.parametrize("op", [n.Softmax(0), n.LogSoftmax(0)], ids=str)
def test_nan_reaches_a_whole_softmax(op: Composite) -> None:
    x = b.input_("x", (40,), FLOAT32)
    graph = Graph("softmax", (x,), (b.apply(op, x),), ("y",))
    data = np.random.default_rng(0).normal(size=(4, 40)).astype(np.float32)
    data[0, 7], data[1, 3], data[2] = np.nan, np.inf, -np.inf
    (got,) = interpret(graph, data)
    assert np.isnan(got[:3]).all()
    assert np.isfinite(got[3]).all()


def test_the_cells_of_an_lstm_are_those_that_give_its_states() -> None:
    """h = o tanh(c): with an output gate wide open, artanh(h) is c."""
    case = FORWARD[-1]
    w, u, bias, h0, c0 = case.weights
    bias = bias.copy()
    bias[HIDDEN : 2 * HIDDEN] = 80.0  # sigmoid(80) is 1
    x = b.input_("x", case.shape, FLOAT32)
    weights = [b.constant(each) for each in (w, u, bias, h0, c0)]
    outputs = tuple(b.apply(r.Lstm(cell=cell), x, *weights) for cell in (False, True))
    hidden, cell = interpret(
        Graph("lstm", (x,), outputs, ("h", "c")), case.data() * np.float32(0.25), real=True
    )
    assert (np.abs(np.tanh(cell) - hidden) <= 2.0**-50).all()


@pytest.mark.parametrize("op", [c.global_average, c.global_max])
def test_global_pools_reduce_the_spatial_axes(op: Callable[..., Any]) -> None:
    x = b.input_("x", (3, 4, 5), FLOAT32)
    graph = Graph("pool", (x,), (op(x),), ("y",))
    data = np.random.default_rng(2).standard_normal((6, 3, 4, 5)).astype(np.float32)
    (got,) = interpret(graph, data, real=True)
    numpy = np.mean if op is c.global_average else np.max
    oracle = numpy(data.astype(np.float64), axis=(2, 3), keepdims=True)
    assert (np.abs(got - oracle) <= 2.0**-50).all()


@pytest.mark.parametrize(
    ("op", "shapes"),
    [
        (c.Conv((1,), (0,), (0,), (1,), 2), [(3, 8), (4, 1, 3)]),  # 2 groups, 3 channels
        (c.Conv((1,), (0,), (0,), (1,)), [(3, 8), (4, 3, 9)]),  # a kernel wider than the input
        (c.MaxPool((2, 2), (1, 1), (0, 0), (0, 0), (1, 1)), [(3, 8)]),
        (n.Softmax(2), [(3, 8)]),
        (n.LayerNorm(3), [(3, 8), (8,)]),
        (n.BatchNorm(0), [(3, 8), (8,), (8,), (8,), (8,)]),
        (n.GroupNorm(2), [(3, 8), (3,), (3,)]),
        (r.Gru(), [(5, 2), (9, 2), (9, 4), (18,), (3,)]),
    ],
    ids=str,
)
def test_shapes_that_do_not_fit_are_refused(op: Composite, shapes: list[tuple[int, ...]]) -> None:
    inputs = [b.input_(f"x{i}", shape, FLOAT32) for i, shape in enumerate(shapes)]
    with pytest.raises(InvalidGraph):
        b.apply(op, *inputs)
