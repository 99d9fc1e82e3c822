"""`quantize`: grids, budgets, metrics, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import inferon
from inferon.errors import DataError, InferonError, Unsupported, UsageError
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.shape import Dim
from inferon.ir.types import FLOAT32, FLOAT64, Fixed
from inferon.ir.values import Array
from inferon.ops import build as b
from inferon.ops.activation import Relu
from inferon.ops.arithmetic import Mul
from inferon.ops.convolution import Conv
from inferon.ops.elementary import Log, Sigmoid
from inferon.ops.evaluation import is_constant
from inferon.ops.mantissa import Rounding
from inferon.ops.normalization import BatchNorm
from inferon.ops.quantization import IntQuant
from inferon.passes.quantizers import Role, prepared
from inferon.passes.quantizers.grid import BinaryGrid, fitted, fitted_along, fitted_each
from inferon.physics import metrics
from inferon.quantization import Comparison
from tests.unit.command_line import JETS_MLP, CommandLine

RNG = np.random.default_rng(3)
UP = Rounding.HALF_UP


def network(*, outputs: int = 3) -> Graph:
    """Return 6 -> 16 -> outputs with ReLU; the first layer has one large weight."""
    x = b.input_("x", (6,), FLOAT32)
    first = RNG.normal(0, 0.4, (6, 16)).astype(np.float32)
    first[0, 0] = 3.0
    last = RNG.normal(0, 0.3, (16, outputs)).astype(np.float32)
    bias = b.constant(RNG.normal(0, 0.3, 16).astype(np.float32))
    h = b.apply(Relu(), b.add(b.product(x, _weights(first, "first")), bias), origin="hidden")
    y = b.product(h, _weights(last, "last"))
    return Graph("net", (x,), (y,), ("y",))


def _weights(array: Array, layer: str) -> Node:
    return Node(b.constant(array).op, (), layer)


def data(count: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal((count, 6)).astype(np.float32)


# ------------------------------------------------------------------------------------------ grids


def test_no_other_power_of_two_has_a_smaller_error() -> None:
    for scale in (1e-3, 0.7, 40.0):
        numbers = RNG.normal(0, scale, 2000)
        chosen = fitted(numbers, 5, UP)
        errors = {
            f: float(np.mean((BinaryGrid(True, 5, np.array(f)).held(numbers, UP) - numbers) ** 2))
            for f in range(-10, 20)
        }
        assert errors[chosen.finest] == min(errors.values())


def test_grids_of_channels_and_of_weights() -> None:
    numbers = np.array([[1.0, 0.011, 0.0], [-0.5, 0.02, 0.0]])
    along = fitted_along(numbers, 4, UP, (1,))
    assert along.fraction.shape == (1, 3)
    assert along.fraction[0, 1] > along.fraction[0, 0]
    each = fitted_each(numbers, 4, UP)
    held = each.held(numbers, UP)
    assert each.fraction.shape == numbers.shape
    assert np.all(
        np.abs(held - numbers)[:, 0]
        <= np.abs(fitted(numbers, 4, UP).held(numbers, UP) - numbers)[:, 0]
    )
    assert (held[:, 2] == 0).all()


def test_rounding_is_to_the_nearest_with_the_ties_that_were_asked_for() -> None:
    grid = BinaryGrid(True, 4, np.array(0))
    ties = np.array([-2.5, -1.5, 0.5, 1.5, 2.5, 99.0, -99.0])
    assert grid.held(ties, UP).tolist() == [-2, -1, 1, 2, 3, 7, -8]
    assert grid.held(ties, Rounding.HALF_EVEN).tolist() == [-2, -2, 0, 2, 2, 7, -8]


# -------------------------------------------------------------------------------------- bad input


def nan(x: Array) -> Array:
    x = x.copy()
    x[17, 2] = np.nan
    return x


BAD: dict[str, tuple[dict[str, Any], type[InferonError], str]] = {
    "no width": ({"weights": 0}, UsageError, "weights=0: a width is 1 to 64 bits"),
    "negative": ({"activations": -3}, UsageError, "activations=-3: a width is 1 to 64"),
    "above 64": ({"weights": 65}, UsageError, "weights=65: a width is 1 to 64"),
    "above float32": ({"inputs": 32}, UsageError, "inputs=32: the float model has 24 bits"),
    "no number": ({"weights": 6.5}, UsageError, "weights=6.5: a width"),
    "a large table": ({"arguments": 17}, UsageError, r"a table of 2\*\*17 entries"),
    "rounding": ({"rounding": Rounding.FLOOR}, UsageError, "give HALF_UP or HALF_EVEN"),
    "no such input": ({"inputs": {"z": Fixed(True, 8, 2)}}, UsageError, "'z' is no input"),
    "wide input": ({"inputs": {"x": Fixed(True, 65, 2)}}, UsageError, "the type of input x=65"),
    "nan": ({"calibration": nan(data(40))}, DataError, "event 17 of input x holds NaN"),
    "no rows": ({"calibration": data(40)[:0]}, DataError, "input x have no events"),
    "shape": ({"calibration": data(40)[:, :5]}, DataError, r"shape \(40, 5\), expected"),
    "dtype": ({"calibration": data(40).astype(np.float64)}, DataError, "dtype float64"),
    "shared": (
        {"metric": inferon.auc(np.concatenate([data(9, 1), data(3)]), np.arange(12) % 3)},
        DataError,
        r"3 calibration events \(the first is number 0\) are also among",
    ),
    "budget": ({"weights": inferon.Budget(mean_bits=70, most=70)}, UsageError, "weights=70"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_clear_error(name: str) -> None:
    options, kind, message = BAD[name]
    with pytest.raises(kind, match=message):
        inferon.quantize(network(), **{"calibration": data(40), **options})


def test_budgets_that_make_no_sense() -> None:
    for options in ({}, {"mean_bits": 4, "noise_db": -20}, {"mean_bits": 1.5}):
        with pytest.raises(UsageError, match="a Budget"):
            inferon.Budget(**options)
    with pytest.raises(UsageError, match="least comes first"):
        inferon.Budget(mean_bits=9, least=8, most=6)


def test_widths_that_explode_are_refused_with_the_layer() -> None:
    x = b.input_("x", (6,), FLOAT32)
    y = b.product(x, b.constant(RNG.normal(size=(6, 4)).astype(np.float32)))
    scaled = b.mul(b.apply(Relu(), y), b.constant(RNG.normal(size=4).astype(np.float32)))
    graph = Graph("g", (x,), (Node(scaled.op, scaled.inputs, "scaled"),), ("y",))
    with pytest.raises(Unsupported, match=r"scaled: a value of \d+ bits .*; at most 64"):
        inferon.quantize(graph, calibration=data(40), weights=24, activations=24)


def _quantized(x: Node) -> Node:
    numbers = [b.constant_like(x, each) for each in (0.5, 0.0, -8.0, 7.0)]
    return b.apply(IntQuant(), x, *numbers)


LAYERS: dict[str, tuple[Callable[[Node], Node], str]] = {
    "a sort": (lambda x: b.gather(x, b.cast(x, b.top_k(x, 2).type.element), 0), "cast to i64"),
    "an infinite factor": (lambda x: b.mul(b.apply(Relu(), x), np.inf), "not finite"),
    "a division by zero": (lambda x: b.div(b.apply(Relu(), x), 0.0), "not finite"),
    "quantized": (_quantized, "is quantized already"),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_without_a_quantized_form_are_named(name: str) -> None:
    make, message = LAYERS[name]
    x = b.input_("x", (6,), FLOAT32)
    y = make(x)
    graph = Graph("g", (x,), (Node(y.op, y.inputs, "layer_of_the_model"),), ("y",))
    with pytest.raises(Unsupported, match=message):
        inferon.quantize(graph, calibration=data(40))


def test_a_run_time_size_is_refused_by_the_input() -> None:
    x = b.input_("x", (Dim("particles", 8), 4), FLOAT32)
    graph = Graph("g", (x,), (b.sum_(x, [0]),), ("y",))
    with pytest.raises(Unsupported, match="x: the run-time size particles"):
        inferon.quantize(graph, calibration=np.zeros((5, 6, 4), np.float32))


def test_a_model_in_double_precision_is_quantized_as_well() -> None:
    x = b.input_("x", (6,), FLOAT64)
    y = b.apply(Sigmoid(), b.product(x, b.constant(RNG.normal(size=(6, 2)))))
    made = inferon.quantize(
        Graph("g", (x,), (y,), ("y",)), calibration=data(100).astype(np.float64)
    )
    (got,), (floats,) = (
        interpret(each, data(50, 1).astype(np.float64)) for each in (made.graph, made.grids)
    )
    assert np.array_equal(got, floats)


# ---------------------------------------------------------------------------------------- budgets


def test_a_budget_is_kept_and_spent_where_it_matters() -> None:
    graph, x = network(), data(300, 5)
    even = inferon.quantize(graph, calibration=data(300), weights=4, activations=10)
    shared = inferon.quantize(
        graph, calibration=data(300), weights=inferon.Budget(mean_bits=4.7), activations=10
    )
    found = [each for each in shared.loss.layers if each.role is Role.WEIGHTS]
    sizes = {"first": 96, "last": 48}
    bits = sum(sizes[each.layer] * each.width for each in found)
    assert 4 * 144 < bits <= 4.7 * 144
    wanted = interpret(graph, x, real=True)[0]
    errors = [
        float(np.mean((interpret(each.graph, x)[0] - wanted) ** 2)) for each in (even, shared)
    ]
    assert errors[1] < errors[0]


def test_a_noise_budget_is_met_with_few_bits() -> None:
    graph = network()
    levels, widths = [], []
    for noise_db in (-15.0, -30.0):
        budget = inferon.Budget(noise_db=noise_db)
        made = inferon.quantize(graph, calibration=data(300), weights=budget, activations=12)
        (got,), (wanted,) = interpret(made.graph, data(300)), interpret(graph, data(300))
        variance = float(np.var(wanted, axis=0).sum())
        noise = float(((got - wanted) ** 2).mean(axis=0).sum()) / variance
        levels.append(10 * np.log10(noise))
        widths.append(sum(each.width for each in made.loss.layers if each.role is Role.WEIGHTS))
        assert noise_db - 6.5 < levels[-1] < noise_db + 2.0  # a bit is 6 dB
    assert widths[0] < widths[1]


def test_the_same_calibration_gives_the_same_graph() -> None:
    graph = network()
    options: dict[str, Any] = {"weights": inferon.Budget(mean_bits=5), "calibration": data(200)}
    first, second = (inferon.quantize(graph, **options) for _ in range(2))
    assert first.graph == second.graph


# --------------------------------------------------------------------------------------- the loss


def test_the_loss_says_what_each_layer_lost() -> None:
    labels = np.arange(3000) % 3
    made = inferon.quantize(
        network(), calibration=data(200), metric=inferon.accuracy(data(3000, 9), labels), weights=4
    )
    assert [(each.layer, each.role.name) for each in made.loss.layers] == [
        ("input", "INPUT"),
        ("first", "WEIGHTS"),
        ("hidden", "ACTIVATION"),
        ("last", "WEIGHTS"),
    ]
    text = str(made.loss).splitlines()
    assert text[0] == "quantized on 200 events"
    assert text[1].split()[:2] == ["layer", "what"]
    assert text[-1].startswith("accuracy on 3,000 events: ")
    weights = next(each for each in made.loss.layers if each.role is Role.WEIGHTS)
    assert weights.width == 4
    assert 5 < weights.own_db == weights.total_db < 30
    activation = next(each for each in made.loss.layers if each.role is Role.ACTIVATION)
    assert activation.own_db > activation.total_db


def test_the_error_of_a_difference_is_that_of_a_bootstrap() -> None:
    """The events are drawn again 400 times; the spread has an error of 4 %."""
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 3, 1500)
    before = rng.normal(size=(1500, 3)) + 1.2 * np.eye(3)[labels]
    after = before + rng.normal(0, 0.4, before.shape)
    metric = inferon.auc(data(1500), labels)
    found = metric.compare((before,), (after,))
    draws = []
    for _ in range(400):
        i = rng.integers(0, 1500, 1500)
        draws.append(
            metrics.macro_auc(after[i], labels[i]).value
            - metrics.macro_auc(before[i], labels[i]).value
        )
    assert found.difference.error == pytest.approx(np.std(draws), rel=0.15)
    assert found.before.value == metrics.macro_auc(before, labels).value
    assert found.before.error == metrics.macro_auc(before, labels).error


def test_metrics_of_one_score_and_of_targets() -> None:
    flags, score = np.array([0, 1, 1, 0, 1]), np.array([[0.2], [0.9], [0.4], [0.6], [0.7]])
    better = np.array([[0.2], [0.9], [0.8], [0.6], [0.7]])
    area = inferon.auc(data(5), flags).compare((score,), (better,))
    assert area.before.value == pytest.approx(5 / 6)
    assert area.after.value == 1.0
    expected = metrics.auc(score[:, 0], flags)
    assert area.before.value == pytest.approx(expected.value)
    assert area.before.error == pytest.approx(expected.error)
    right = inferon.accuracy(data(5), flags[:, None]).compare((score,), (better,))
    assert (right.before.value, right.after.value) == (0.6, 0.8)
    squares = inferon.mean_squared_error(data(5), score).compare((score,), (better,))
    assert squares.after.value == pytest.approx(0.16 / 5)
    assert isinstance(squares, Comparison)
    assert "difference" in str(squares)


def test_labels_that_fit_nothing() -> None:
    with pytest.raises(DataError, match="4 labels or targets for"):
        inferon.auc(data(5), [0, 1, 0, 1])
    with pytest.raises(DataError, match="flags, or one-hot"):
        inferon.accuracy(data(3), [0.5, 0.2, 1.0])
    with pytest.raises(DataError, match="do not fit outputs"):
        inferon.mean_squared_error(data(4), np.zeros((4, 2))).compare(
            (np.zeros((4, 3)),), (np.zeros((4, 3)),)
        )


# ------------------------------------------------------------------------------ what comes before


def _normalized(x: Node, axis: int, count: int) -> Node:
    numbers = [b.constant(RNG.uniform(0.5, 2, count).astype(np.float32)) for _ in range(4)]
    return b.apply(BatchNorm(axis), x, *numbers)


def _dense_normalized(x: Node) -> Node:
    first, bias = RNG.normal(size=(6, 4)).astype(np.float32), RNG.normal(size=4)
    biased = b.add(b.product(x, b.constant(first)), b.constant(bias.astype(np.float32)))
    return _normalized(biased, 0, 4)


def _keras_normalized(x: Node) -> Node:
    mean, factor = (b.constant(RNG.uniform(1, 2, 4).astype(np.float32)) for _ in range(2))
    h = b.product(x, b.constant(RNG.normal(size=(6, 4)).astype(np.float32)))
    return b.mul(b.sub(h, mean), factor)


def _conv_normalized(x: Node) -> Node:
    weights = b.constant(RNG.normal(size=(4, 2, 2)).astype(np.float32))
    h = b.apply(Conv((1,), (0,), (0,), (1,)), b.reshape(x, (2, 3)), weights)
    return _normalized(h, 0, 4)


def _products(graph: Graph) -> int:
    """Return how many elementwise products depend on the event."""
    return sum(isinstance(n.op, Mul) and not is_constant(n) for n in graph.nodes())


@pytest.mark.parametrize("make", [_dense_normalized, _keras_normalized, _conv_normalized])
def test_batch_normalization_goes_into_the_weights(make: Callable[[Node], Node]) -> None:
    x = b.input_("x", (6,), FLOAT32)
    graph = Graph("g", (x,), (make(x),), ("y",))
    folded = prepared(graph)
    assert _products(folded) == 0
    (wanted,), (got,) = (interpret(each, data(50), real=True) for each in (graph, folded))
    assert np.abs(got - wanted).max() < 1e-5 * np.abs(wanted).max()  # weights in float32


def test_one_number_may_be_a_factor_here_and_a_divisor_there() -> None:
    x, five = b.input_("x", (6,), FLOAT32), b.constant(np.float32(5.0))
    h = b.apply(Relu(), x)
    graph = Graph("g", (x,), (b.add(b.mul(h, five), b.div(h, five)),), ("y",))
    made = inferon.quantize(graph, calibration=data(300), weights=12, activations=12)
    (got,), (wanted,) = (interpret(each, data(50, 1)) for each in (made.graph, graph))
    assert np.abs(got - wanted).max() < 0.01 * np.abs(wanted).max()


def test_a_scale_whose_layer_is_used_elsewhere_stays() -> None:
    x = b.input_("x", (6,), FLOAT32)
    h = b.product(x, b.constant(RNG.normal(size=(6, 4)).astype(np.float32)))
    scaled = b.mul(h, b.constant(RNG.uniform(1, 2, 4).astype(np.float32)))
    graph = Graph("g", (x,), (b.add(scaled, b.apply(Relu(), h)),), ("y",))
    assert _products(prepared(graph)) == 1


# ------------------------------------------------------------------------- forms of the functions


def test_parts_of_a_concatenation_have_arguments_of_their_own() -> None:
    """log of 0.001 and of 1000 in one tensor: one step for both would lose the small ones."""
    x = b.input_("x", (2,), FLOAT32)
    small, large = b.slice_(x, 0, 0, 1), b.slice_(x, 0, 1, 1)
    y = b.apply(Log(), b.concat([b.mul(b.apply(Sigmoid(), small), 2.0**-10), large], 0))
    graph = Graph("g", (x,), (y,), ("y",))
    numbers = (
        np.abs(RNG.normal(0, 1, (800, 2))).astype(np.float32) * np.array([1, 500], np.float32) + 1
    )
    made = inferon.quantize(
        graph, calibration=numbers[:400], activations=12, arguments=12, inputs=16
    )
    (got,), (wanted,) = interpret(made.graph, numbers[400:]), interpret(graph, numbers[400:])
    assert float(np.sqrt(np.mean((got - wanted) ** 2))) < 0.1


# --------------------------------------------------------------------------------------- the verb


def test_the_verb_writes_a_listing_that_other_verbs_read(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run = CommandLine(capsys)
    x = RNG.normal(0, 1, (900, 16)).astype(np.float32)
    for name, array in (("c", x[:300]), ("x", x[300:]), ("y", np.arange(600) % 5)):
        np.save(tmp_path / f"{name}.npy", np.asarray(array))
    words = ["quantize", JETS_MLP, "--calibration", tmp_path / "c.npy", "--weights", "6"]
    metric = ["--metric", "auc", "--validation", tmp_path / "x.npy", tmp_path / "y.npy"]
    out = tmp_path / "exact.inferon"
    ran = run(*words, *metric, "--outputs", "8", "-o", out)
    assert (ran.code, ran.err) == (0, "")
    assert "AUC on 600 events" in ran.out
    assert run("verify", out, "--data", tmp_path / "x.npy", "--events", 20).code == 0
    document = run(*words, "-o", out, "--json").document
    assert {each["role"] for each in document["loss"]["layers"]} >= {"input", "weights"}
    assert run(*words, "--mean-weights", "4.5", "--grain", "channel", "-o", out).code == 0


def test_the_verb_says_what_is_missing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run = CommandLine(capsys)
    out = tmp_path / "exact.inferon"
    assert "--calibration FILE is missing" in run("quantize", JETS_MLP, "-o", out).err
    wrong = run("quantize", JETS_MLP, "-o", tmp_path / "exact.txt")
    assert (wrong.code, "give NAME.inferon" in wrong.err) == (2, True)
    np.save(tmp_path / "c.npy", np.zeros((3, 16), np.float32))
    half = run(
        *("quantize", JETS_MLP, "-o", out, "--calibration", tmp_path / "c.npy"),
        *("--metric", "auc"),
    )
    assert "go together" in half.err
    assert not out.exists()
