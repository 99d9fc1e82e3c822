"""The derived bound: it holds, it is not vacuous, and it stops where a choice may turn.

Three evaluators stand against it: exact real numbers at shifted inputs (do errors propagate?), the
strict interpreter (are all roundings counted?), and a free one in another order without fma (does
the bound of a peer allow for that?).  Takes 20 s.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest

import inferon.ops
from inferon.analysis.accuracy import ONNX_RUNTIME, OURS, Accuracy
from inferon.analysis.ball import Ball, Context, rule, walk
from inferon.analysis.bound import agreement, bound
from inferon.analysis.linear import recorded, slopes
from inferon.analysis.samples import Samples
from inferon.errors import DataError, InvalidGraph, Mismatch
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.node import Node, ordered
from inferon.ir.shape import Tensor
from inferon.ir.types import BOOL, FLOAT32, FLOAT64, INT32, INT64, Fixed
from inferon.ir.values import Array, Values
from inferon.ops import activation, convert, elementary, elementary_inverse, normalization, power
from inferon.ops import build as b
from inferon.ops.base import Composite, Elementary, Primitive, _Placeholder
from inferon.ops.evaluation import evaluate
from inferon.ops.mantissa import Overflow
from inferon.ops.scatter import Combine
from inferon.ops.table import Table

FREE = Accuracy("any order", strict_order=False)

FUNCTIONS: tuple[Elementary, ...] = (
    elementary.Exp(),
    elementary.Log(),
    elementary.Tanh(),
    elementary.Sigmoid(),
    elementary.Erf(),
    elementary.Sin(),
    elementary.Cos(),
    elementary.Tan(),
    elementary.Expm1(),
    elementary.Log1p(),
    elementary.Sinh(),
    elementary.Cosh(),
    elementary_inverse.Asin(),
    elementary_inverse.Acos(),
    elementary_inverse.Atan(),
    elementary_inverse.Asinh(),
    elementary_inverse.Acosh(),
    elementary_inverse.Atanh(),
)


def operators(base: type) -> Iterator[type]:
    """Yield every concrete operator of ``inferon.ops`` of some kind."""
    for module in pkgutil.iter_modules(inferon.ops.__path__):
        importlib.import_module(f"inferon.ops.{module.name}")
    waiting = [base]
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.__subclasses__())
        if not kind.__module__.startswith("inferon.ops") or inspect.isabstract(kind):
            continue
        # a dataclass with slots is made twice; the first of the two classes has no name
        named = getattr(importlib.import_module(kind.__module__), kind.__name__)
        if named is kind and kind is not _Placeholder:
            yield kind


@pytest.mark.parametrize("base", [Primitive, Elementary])
def test_every_primitive_and_function_has_a_rule(base: type) -> None:
    kinds = set(operators(base))
    assert len(kinds) >= 7
    missing = {kind.__name__ for kind in kinds if rule.dispatch(kind) is rule.dispatch(object)}
    assert not missing


# ------------------------------------------------------------------- one graph for each primitive

N = 6
"""All values of the random graphs are vectors of so many elements."""

Grow = Callable[[np.random.Generator, list[Node]], Node]


def some(rng: np.random.Generator, pool: list[Node]) -> Node:
    return pool[int(rng.integers(len(pool)))]


def matrix(rng: np.random.Generator, *shape: int) -> Node:
    return b.constant(rng.standard_normal(shape).astype(np.float32))


def binary(op: Callable[[Node, Node], Node]) -> Grow:
    return lambda rng, pool: op(some(rng, pool), some(rng, pool))


def unary(op: Callable[[Node], Node]) -> Grow:
    return lambda rng, pool: op(some(rng, pool))


def function(op: Composite) -> Grow:
    return unary(lambda x: b.apply(op, x))


def tall(x: Node) -> Node:
    """Return a vector in a box, so that nothing overflows."""
    return b.minimum(b.maximum(x, -20.0), 20.0)


def by_steps(kind: Callable[..., Node]) -> Grow:
    """Return a loop ``state = 0.5 * state + element``, over 4 steps."""

    def grow(rng: np.random.Generator, pool: list[Node]) -> Node:
        state, element = (b.input_(name, (N,), FLOAT32) for name in ("state", "element"))
        body = Graph("body", (state, element), (b.fma(state, 0.5, element),), ("next",))
        sequence = b.reshape(b.concat([some(rng, pool) for _ in range(4)], 0), (4, N))
        result = kind(body, some(rng, pool), [sequence])
        return result if result.type.rank == 1 else b.reduce_max(result, [0])

    return grow


def chosen(rng: np.random.Generator, pool: list[Node]) -> Node:
    x = some(rng, pool)
    best = b.gather(x, b.top_k(x, 3), 0)
    return b.concat([best, b.gather(some(rng, pool), b.top_k(x, 3, largest=False), 0)], 0)


def scattered(rng: np.random.Generator, pool: list[Node]) -> Node:
    """Return messages of five edges at four nodes, two of them dropped or replaced."""
    x, edges = some(rng, pool), rng.integers(-7, 7, 5)
    combine = list(Combine)[int(rng.integers(len(Combine)))]
    given = b.slice_(x, 0, 0, 5) if combine is not Combine.MUL else tall(b.slice_(x, 0, 0, 5))
    return b.scatter_(some(rng, pool), b.constant(edges), given, 0, combine)


def tabulated(x: Node) -> Node:
    """Quantize, look up, add exactly, and come back."""
    fixed = Fixed(True, 6, 3)
    narrow = b.apply(convert.Quantize(fixed, overflow=Overflow.SATURATE), x)
    entries = Values(np.arange(64, dtype=np.int64)[::-1] - 32)
    return b.cast(b.add(b.apply(Table(entries, fixed), narrow), narrow), FLOAT32)


def both_ways(x: Node, y: Node) -> Node:
    condition = b.or_(b.and_(b.less(x, y), b.less_equal(x, 1.0)), b.not_(b.less(y, 0.5)))
    return b.select(condition, x, b.mul(y, 0.5))


def through_ints(x: Node) -> Node:
    whole = b.cast(tall(x), INT32)
    mixed = b.bit_xor(b.bit_or(b.shift_left(whole, 2), 1), b.bit_and(b.shift_right(whole, 1), 7))
    return b.cast(mixed, FLOAT32)


def through_bits(rng: np.random.Generator, pool: list[Node]) -> Node:
    return b.bitcast(b.bitcast(some(rng, pool), INT32), FLOAT32)


def products(rng: np.random.Generator, pool: list[Node]) -> Node:
    """Return a matrix product with a constant, added to a batched one of two values."""
    left = b.reshape(some(rng, pool), (2, 1, 3))
    right = b.reshape(b.concat([some(rng, pool), some(rng, pool), some(rng, pool)], 0), (2, 3, 3))
    batched = b.reshape(b.product(left, right, batch=1), (N,))
    return b.add(b.product(some(rng, pool), matrix(rng, N, N)), batched)


def moved(rng: np.random.Generator, pool: list[Node]) -> Node:
    """Return elements that went through every movement and reduction."""
    x = b.transpose(b.reshape(some(rng, pool), (2, 3)), (1, 0))
    wide = b.concat([b.pad(x, 0, 1, 0, -2.0), b.slice_(x, 0, 2, 3, -1)], 0)  # (7, 2)
    views = b.window(wide, 0, 3, 2)  # (3, 2, 3)
    total = b.add(b.sum_(views, [2], keep=True), b.reduce_min(views, [0], keep=True))
    return b.reshape(b.sub(b.reduce_max(total, [2]), b.mean(views, [2])), (N,))


STEEP = (elementary.Exp, elementary.Expm1, elementary.Sinh, elementary.Cosh)
"""What overflows soon: asked for small arguments only."""


def steep(op: Elementary) -> Grow:
    return unary(lambda x: b.apply(op, tall(x)))


def powers(base: Node, exponent: Node) -> Node:
    """Return a power of a positive base, and one whose base may be anything."""
    base, exponent = tall(base), tall(exponent)
    positive = b.apply(power.Power(), b.add(b.absolute(base), 0.25), exponent)
    return b.add(positive, b.apply(power.Power(), base, b.constant_like(base, 3.0)))


GROW: tuple[Grow, ...] = (
    *(binary(op) for op in (b.add, b.sub, b.mul, b.div, b.maximum, b.minimum, both_ways)),
    binary(powers),
    *(unary(op) for op in (b.neg, b.absolute, b.floor, b.round_even, through_ints, tabulated)),
    *(through_bits, unary(lambda x: b.sqrt(b.add(b.absolute(x), 0.125)))),
    *(function(op) for op in FUNCTIONS if not isinstance(op, (*STEEP, elementary_inverse.Acosh))),
    unary(lambda x: b.apply(elementary_inverse.Acosh(), b.add(b.absolute(x), 1.0))),
    *(function(op) for op in (activation.Relu(), activation.Elu(), activation.Gelu())),
    *(function(op) for op in (normalization.Softmax(0), normalization.LogSoftmax(0))),
    *(steep(op) for op in FUNCTIONS if isinstance(op, STEEP)),
    lambda rng, pool: b.fma(some(rng, pool), some(rng, pool), some(rng, pool)),
    *(products, moved, chosen, scattered, by_steps(b.fold), by_steps(b.scan)),
)


def random_graph(seed: int) -> Graph:
    """Return a graph of all inner values, so that each has its bound tested.

    Nine values of 6 elements are few enough for bounds of first order.
    """
    rng = np.random.default_rng(seed)
    inputs = tuple(b.input_(name, (N,), FLOAT32) for name in ("x", "y"))
    pool: list[Node] = [*inputs, matrix(rng, N)]
    for place in rng.permutation(len(GROW))[:9]:
        pool.append(GROW[place](rng, pool))
    results = tuple(dict.fromkeys(pool[3:]))
    return Graph("random", inputs, results, tuple(f"v{i}" for i in range(len(results))))


GRAPHS = [random_graph(seed) for seed in range(60)]


def test_the_random_graphs_hold_every_primitive() -> None:
    seen: set[type] = set()

    def look(nodes: tuple[Node, ...]) -> None:
        for node in ordered(nodes):
            if isinstance(node.op, Composite) and not isinstance(node.op, Elementary):
                look((node.op.decompose(*node.inputs),))
            seen.add(type(node.op))

    for graph in GRAPHS:
        look(graph.outputs)
    wanted = {*operators(Primitive), *operators(Elementary)}
    assert {kind.__name__ for kind in wanted - seen} <= {"Equal"}  # tested by name below


# ------------------------------------------------------------------------------- the bound holds


def draws(graph: Graph) -> tuple[Array, ...]:
    return Samples(events=28, seed=5).draw(graph)


def assert_holds(
    graph: Graph, data: tuple[Array, ...], got: tuple[Array, ...], by: Accuracy
) -> int:
    """Compare with the bound; return how many elements were decided."""
    agreement(graph, data, got, accuracy=by)
    return sum(int(np.isfinite(each).sum()) for each in bound(graph, data, accuracy=by).errors)


def test_the_strict_interpreter_keeps_the_bound() -> None:
    decided = total = 0
    for graph in GRAPHS:
        data = draws(graph)
        got = interpret(graph, data)
        decided += assert_holds(graph, data, got, OURS)
        total += sum(each.size for each in got)
    assert decided > 0.8 * total


def free_order(graph: Graph, data: tuple[Array, ...]) -> tuple[Array, ...]:
    """Evaluate in float32, products by BLAS, no fma, functions rounded from float64."""

    def value(node: Node, known: dict[Node, Array]) -> Array:
        arguments = [known[each] for each in node.inputs]
        if isinstance(node.op, Elementary):
            exact = node.op.exact(*(each.astype(np.float64) for each in arguments))
            return exact.astype(np.float32)
        if isinstance(node.op, Composite):
            stand_ins = tuple(
                b.input_(f"x{i}", x.type.shape, x.type.element) for i, x in enumerate(node.inputs)
            )
            root = node.op.decompose(*stand_ins)
            return run((root,), dict(zip(stand_ins, arguments, strict=True)))[root]
        assert isinstance(node.op, Primitive)
        events = max((each.shape[0] for each in arguments), default=1)
        arguments = [np.broadcast_to(each, (events, *each.shape[1:])) for each in arguments]
        types = tuple(each.type for each in node.inputs)
        result = node.op.real(node.type, types, *arguments)
        narrow = result.dtype == np.float64 and node.type.element == FLOAT32
        return result.astype(np.float32) if narrow else result

    def run(roots: tuple[Node, ...], known: dict[Node, Array]) -> dict[Node, Array]:
        values: dict[Node, Array] = {}
        for node in ordered(roots):
            values[node] = known[node] if node in known else value(node, values)
        return values

    with np.errstate(all="ignore"):
        values = run(graph.outputs, dict(zip(graph.inputs, data, strict=True)))
    events = len(data[0])
    return tuple(np.broadcast_to(values[x], (events, *values[x].shape[1:])) for x in graph.outputs)


def test_another_order_without_fma_keeps_the_bound_of_any_order() -> None:
    differ = 0
    for graph in GRAPHS:
        data = draws(graph)
        got = free_order(graph, data)
        assert_holds(graph, data, got, FREE)
        ours = interpret(graph, data)
        differ += any(
            not np.array_equal(x, y, equal_nan=True) for x, y in zip(got, ours, strict=True)
        )
    assert differ > len(GRAPHS) // 2


def test_errors_of_inputs_propagate() -> None:
    """Real values at inputs anywhere inside their balls stay inside the balls of all results."""
    rng = np.random.default_rng(3)
    for graph in GRAPHS:
        centers = [x.astype(np.float64) for x in Samples(28, seed=6, special=False).draw(graph)]
        errors = [np.abs(x) * 2.0 ** -rng.integers(4, 24, x.shape) for x in centers]
        known = {
            node: Ball(x, e) for node, x, e in zip(graph.inputs, centers, errors, strict=True)
        }
        balls = walk(graph.outputs, known, Context({}, OURS, []))
        for corner in (1.0, -1.0, None, None):
            shift = [e * (corner or rng.uniform(-1.0, 1.0, e.shape)) for e in errors]
            shifted = {
                node: x + s for node, x, s in zip(graph.inputs, centers, shift, strict=True)
            }
            values = evaluate(graph.outputs, shifted, {}, real=True)
            for node in graph.outputs:
                assert_inside(balls[node], values[node], node)


def assert_inside(ball: Ball, value: Array, node: Node) -> None:
    decided = np.isfinite(ball.error)
    with np.errstate(all="ignore"):
        near = np.abs(value.astype(np.float64) - ball.value) <= ball.error
        overflow = np.isinf(ball.value) & (np.abs(value) > np.finfo(np.float32).max)
    same = (value == ball.value) | ((value != value) & (ball.value != ball.value))  # NaN
    assert (near | same | overflow | ~decided).all(), node


@pytest.mark.parametrize("op", [*FUNCTIONS, elementary.Decay()], ids=str)
def test_functions_keep_their_bound_on_all_kinds_of_numbers(op: Elementary) -> None:
    x = b.input_("x", (500,), FLOAT32)
    graph = Graph("function", (x,), (b.apply(op, x),), ("y",))
    data = Samples(21, seed=1).draw(graph)
    agreement(graph, data, interpret(graph, data))


def test_loops_and_sums_grow_with_their_length() -> None:
    x = b.input_("x", (64, 1), FLOAT32)
    state, element = (b.input_(name, (1,), FLOAT32) for name in ("state", "element"))
    body = Graph("body", (state, element), (b.add(state, element),), ("next",))
    start = b.constant(np.zeros(1, np.float32))
    graph = Graph("sums", (x,), (b.sum_(x, [0]), b.fold(body, start, [x])), ("tree", "chain"))
    data = np.abs(np.random.default_rng(0).standard_normal((8, 64, 1))).astype(np.float32)
    agreement(graph, data, interpret(graph, data))
    limits = bound(graph, data)
    assert (limits.errors[0] * 2 < limits.errors[1]).all()  # 10 roundings in a row against 63


# --------------------------------------------------------------------- the slopes are derivatives

STEP = 2.0**-20
"""Central differences are off by 2**-40 of the third derivative, and 2**-33 of the value."""


@pytest.mark.parametrize("place", range(len(GROW)))
def test_slopes_are_derivatives(place: int) -> None:
    rng = np.random.default_rng(place)
    inputs = tuple(b.input_(name, (N,), FLOAT32) for name in ("x", "y"))
    value = GROW[place](rng, [*inputs, matrix(rng, N)])
    graph = Graph("one", inputs, (value,), ("v",))
    centers = [rng.standard_normal((40, N)) for _ in inputs]
    known = {
        node: Ball(x, np.full(x.shape, 2.0**-40)) for node, x in zip(inputs, centers, strict=True)
    }
    tape = recorded(graph, known, Context({}, OURS, []))
    if tape is None:
        assert any(isinstance(node.type.element, Fixed) for node in graph.nodes()) or (
            GROW[place] is through_bits
        )
        return
    element = int(rng.integers(N))
    directions = [rng.standard_normal(x.shape) for x in centers]
    slope = np.zeros(40)
    for node, each in slopes(tape, tape.outputs[0], element):
        if node in inputs:
            slope += (each * directions[inputs.index(node)]).sum(axis=1)
    ends = []
    for sign in (1.0, -1.0):
        shifted = [x + sign * STEP * d for x, d in zip(centers, directions, strict=True)]
        values = evaluate((value,), dict(zip(inputs, shifted, strict=True)), {}, real=True)
        ends.append(np.broadcast_to(values[value], (40, N))[:, element])
    numeric = (ends[0] - ends[1]) / (2.0 * STEP)
    finite = np.isfinite(numeric) & np.isfinite(slope)  # a logarithm of negative numbers is none
    size = 1.0 + np.abs(ends[0]) + np.abs(numeric) ** 3
    close = np.abs(numeric - slope) <= 2.0**-24 * size
    assert finite.sum() >= 10
    assert (close | ~finite).all()


def test_bounds_of_first_order_do_not_grow_with_every_layer() -> None:
    """Eight rotations keep the size of errors; the sums of magnitudes grow by 4 in each."""
    rng = np.random.default_rng(0)
    x = value = b.input_("x", (32,), FLOAT32)
    for _ in range(8):
        rotation = np.linalg.qr(rng.standard_normal((32, 32)))[0].astype(np.float32)
        value = b.product(value, b.constant(rotation))
    graph = Graph("rotations", (x,), (value,), ("y",))
    data = rng.standard_normal((10, 32)).astype(np.float32)
    exact = {x: Ball.exact(data.astype(np.float64))}
    balls = walk(graph.outputs, exact, Context({}, OURS, []))[value]
    limits = bound(graph, data)
    assert np.median(limits.errors[0]) * 1000.0 < np.median(balls.error)
    agreement(graph, data, interpret(graph, data))


def test_poles_behind_a_mask_do_not_count() -> None:
    """The logarithm of a padded momentum is minus infinity, and is not chosen."""
    x = b.input_("pt_gev", (4,), FLOAT32)
    logs = b.select(b.less(0.0, x), b.apply(elementary.Log(), x), 0.0)
    value = logs
    for sizes in ((4, 32), (32, 32), (32, 32), (32, 32), (32, 1)):  # balls are looser by now
        value = b.product(value, matrix(np.random.default_rng(0), *sizes))
    graph = Graph("masked", (x,), (value,), ("y",))
    data = np.array([[100.0, 3.0, 0.0, 0.0]], np.float32)
    exact = {x: Ball.exact(data.astype(np.float64))}
    balls = walk(graph.outputs, exact, Context({}, OURS, []))[value]
    assert (bound(graph, data).errors[0] < 0.5 * balls.error).all()
    agreement(graph, data, interpret(graph, data))


# --------------------------------------------------------------------------- it is not vacuous


def network(*sizes: int, seed: int = 0) -> Graph:
    """Return a trained-like MLP: He-initialized, ReLU, softmax at the end."""
    rng = np.random.default_rng(seed)
    x = value = b.input_("x", (sizes[0],), FLOAT32)
    for fan_in, fan_out in pairwise(sizes):
        weights = rng.standard_normal((fan_in, fan_out)) * np.sqrt(2.0 / fan_in)
        bias = 0.1 * rng.standard_normal(fan_out)
        product = b.product(value, b.constant(weights.astype(np.float32)))
        value = b.add(product, b.constant(bias.astype(np.float32)))
        if fan_out != sizes[-1]:
            value = b.apply(activation.Relu(), value)
    return Graph("mlp", (x,), (b.apply(normalization.Softmax(0), value),), ("y",))


@pytest.mark.parametrize(
    ("sizes", "factor"), [((12, 32, 16, 8, 5), 100.0), ((256, 256, 256, 10), 5000.0)], ids=str
)
def test_bounds_of_networks_are_tight(sizes: tuple[int, ...], factor: float) -> None:
    """Errors add like a random walk, bounds add magnitudes.

    That loses sqrt(number of roundings) within a sum of K products, another sqrt(K) as the sum of
    magnitudes exceeds the sum, and sqrt(neurons) where the errors of a layer meet.
    """
    graph = network(*sizes)
    data = np.random.default_rng(1).standard_normal((200, sizes[0])).astype(np.float32)
    got, limits = interpret(graph, data)[0], bound(graph, data)
    actual = np.abs(got - limits.values[0]).max(axis=1)
    ratio = float(np.median(limits.errors[0].max(axis=1) / np.maximum(actual, 2.0**-40)))
    relative = float(np.median(limits.errors[0] / limits.values[0]))
    print(f"{sizes}: bound / error {ratio:.1f}, bound / value {relative:.1e}")
    assert not limits.undecided.any()
    assert 1.0 <= ratio < factor
    free = bound(graph, data, accuracy=ONNX_RUNTIME)
    assert (free.errors[0] >= limits.errors[0]).all()


# ------------------------------------------------------------------------- faults are caught


def test_planted_faults_are_caught() -> None:
    graph = network(12, 32, 16, 8, 5)
    data = np.random.default_rng(1).standard_normal((50, 12)).astype(np.float32)
    (got,) = interpret(graph, data)
    (errors,) = bound(graph, data).errors
    agreement(graph, data, (got,))
    wrong = got.copy()
    wrong[17, 3] += np.float32(3.0 * errors[17, 3])
    with pytest.raises(Mismatch, match="output y, event 17, index \\(3,\\)") as caught:
        agreement(graph, data, (wrong,))
    assert caught.value.event == 17
    assert caught.value.got == wrong[17, 3]


def test_one_weight_with_a_lost_bit_is_caught() -> None:
    graph, data = network(12, 32, 16, 8, 5), np.random.default_rng(1).standard_normal((50, 12))
    events = data.astype(np.float32)
    constants = [node for node in graph.nodes() if b.array_of(node) is not None]
    weights = next(node for node in constants if node.type.shape == (12, 32))
    values = np.array(b.array_of(weights))
    values[3, 4] *= np.float32(1.001)
    changed = _replaced(graph, weights, b.constant(values))
    with pytest.raises(Mismatch):
        agreement(graph, events, interpret(changed, events))


def _replaced(graph: Graph, old: Node, new: Node) -> Graph:
    values: dict[Node, Node] = {}
    for node in graph.nodes():
        inputs = tuple(values[each] for each in node.inputs)
        values[node] = new if node == old else Node(node.op, inputs, node.origin)
    return Graph(
        graph.name, graph.inputs, tuple(values[x] for x in graph.outputs), graph.output_names
    )


def test_not_a_number_and_infinity_have_to_be_met_exactly() -> None:
    x = b.input_("x", (3,), FLOAT32)
    root = b.mul(b.sqrt(x), float("inf"))
    graph = Graph("root", (x,), (b.maximum(root, 0.5),), ("y",))
    data = np.array([[-1.0, 4.0, -np.inf]], np.float32)
    agreement(graph, data, (np.array([[np.nan, np.inf, np.nan]], np.float32),))
    for wrong in ([[0.0, np.inf, np.nan]], [[np.nan, 1.0, np.nan]], [[np.nan, np.nan, np.nan]]):
        with pytest.raises(Mismatch):
            agreement(graph, data, (np.array(wrong, np.float32),))


def test_outputs_of_another_shape_are_refused() -> None:
    x = b.input_("x", (3,), FLOAT32)
    graph = Graph("copy", (x,), (b.neg(x),), ("y",))
    with pytest.raises(DataError, match="output y has shape"):
        agreement(graph, np.zeros((2, 3), np.float32), (np.zeros((2, 4), np.float32),))


# ------------------------------------------------------------------- where decisions may turn

THIRD = np.float32(1.0 / 3.0)


def decided(result: Node, x: Node, data: list[list[float]]) -> list[bool]:
    """Return for each event whether it is decided."""
    limits = bound(Graph("g", (x,), (result,), ("y",)), np.array(data, np.float32))
    return [not each for each in limits.undecided]


def vector(size: int) -> tuple[Node, Node]:
    """Return an input, and the same numbers after two roundings: times 3 by a third."""
    x = b.input_("x", (size,), FLOAT32)
    return x, b.mul(b.mul(x, 3.0), float(THIRD))


def test_exact_ties_are_decided_and_rounded_ones_are_not() -> None:
    x, rounded = vector(4)
    events = [[1.0, 3.0, 3.0, 2.0], [1.0, 3.0, 2.5, 2.0]]
    assert decided(b.top_k(x, 2), x, events) == [True, True]
    assert decided(b.top_k(rounded, 2), x, events) == [False, True]


def test_only_ties_among_the_first_k_count() -> None:
    x, rounded = vector(5)
    events = [[5.0, 4.0, 3.0, 1.0, 1.0], [5.0, 4.0, 3.0, 3.0, 1.0], [5.0, 4.0, 4.0, 1.0, 1.0]]
    assert decided(b.top_k(rounded, 3), x, events) == [True, False, False]
    smallest = b.top_k(rounded, 1, largest=False)
    assert decided(smallest, x, events) == [False, True, False]


def test_exact_elements_may_tie_beside_rounded_ones() -> None:
    """Padding at one far distance, as in a graph network: which of it is taken is certain."""
    x, rounded = vector(3)
    with_padding = b.concat([rounded, b.constant(np.array([9.0, 9.0, 9.0], np.float32))], 0)
    nearest = [b.top_k(with_padding, k, largest=False) for k in (2, 4)]
    events = [[1.0, 3.0, 2.0], [1.0, 3.0, 3.0], [1.0, 2.0, 9.0]]
    assert decided(nearest[0], x, events) == [True, False, True]
    assert decided(nearest[1], x, events) == [True, False, False]
    all_far = b.concat([b.constant(np.full(2, np.inf, np.float32)), b.div(rounded, 0.0)], 0)
    assert decided(b.top_k(all_far, 2), x, [[1.0, 1.0, 1.0]]) == [False]


def test_margins_of_top_k_are_reported() -> None:
    x, rounded = vector(4)
    graph = Graph("g", (x,), (b.top_k(rounded, 2),), ("y",))
    limits = bound(graph, np.array([[1.0, 3.0, 2.5, 2.0], [1.0, 3.0, 2.9, 2.9]], np.float32))
    (decision,) = limits.decisions
    assert decision.label.startswith("top_k")
    assert np.abs(decision.margin - [0.5, 0.0]).max() < 1e-6
    assert decision.undecided.tolist() == [False, True]


def test_elements_gathered_by_an_undecided_index_are_undecided() -> None:
    x, rounded = vector(3)
    best = b.gather(x, b.top_k(rounded, 1), 0)
    assert decided(best, x, [[1.0, 1.0, 0.0], [1.0, 2.0, 0.0]]) == [False, True]


def test_elements_updated_by_an_undecided_index_are_undecided() -> None:
    x, rounded = vector(3)
    one = b.constant(np.ones(1, np.float32))
    added = b.scatter_(x, b.top_k(rounded, 1), one, 0, Combine.ADD)
    assert decided(added, x, [[1.0, 1.0, 0.0], [1.0, 2.0, 0.0]]) == [False, True]


@pytest.mark.parametrize("combine", Combine)
@pytest.mark.parametrize("accuracy", [OURS, FREE])
def test_the_order_of_updates_stays_within_the_bound(combine: Combine, accuracy: Accuracy) -> None:
    """Updates in the reverse order, which is another sum, keep the bound; and it is not wide."""
    x, updates = b.input_("x", (4, 3), FLOAT32), b.input_("updates", (9, 3), FLOAT32)
    edges = np.array([0, 1, 2, 0, -2, 0, 7, 0, 1])
    kept = list(range(9)) if combine is not Combine.REPLACE else [2, 5, 8]
    rows = [b.gather(updates, b.constant(np.array(each)), 0) for each in (kept, kept[::-1])]
    results = [
        b.scatter_(x, b.constant(edges[places]), row, 0, combine)
        for places, row in zip((kept, kept[::-1]), rows, strict=True)
    ]
    there, back = (Graph("g", (x, updates), (node,), ("y",)) for node in results)
    data = [array * 1.7 for array in Samples(40, seed=2, special=False).draw(there)]
    got = interpret(back, data)
    assert agreement(there, data, got, accuracy=accuracy).undecided == 0
    limits = bound(there, data, accuracy=accuracy)
    differ = (got[0] != interpret(there, data)[0]).any()
    assert differ == (combine in (Combine.ADD, Combine.MUL))
    size = np.abs(interpret(there, [np.abs(each) for each in data])[0])
    assert (limits.errors[0] <= 1e-6 * size + 1e-38).all()  # below it floats are subnormal


@pytest.mark.parametrize("op", [b.less, b.less_equal, b.equal])
def test_comparisons_near_equality_are_undecided(op: Callable[[Node, Node], Node]) -> None:
    x, rounded = vector(1)
    assert decided(op(rounded, x), x, [[1.0], [0.0]]) == [False, True]
    other = b.constant(np.array([1.25], np.float32))
    assert decided(op(rounded, other), x, [[1.25], [1.24]]) == [False, True]
    assert decided(op(x, other), x, [[1.25], [1.24]]) == [True, True]
    assert decided(op(rounded, rounded), x, [[1.0], [np.nan]]) == [True, True]


def test_truth_values_are_decided_by_either_side() -> None:
    x, rounded = vector(1)
    doubtful, no = b.less(rounded, 1.0), b.less(x, 0.0)
    assert decided(b.and_(doubtful, no), x, [[1.0]]) == [True]
    assert decided(b.or_(doubtful, b.not_(no)), x, [[1.0]]) == [True]
    assert decided(b.or_(doubtful, no), x, [[1.0]]) == [False]
    assert decided(b.and_(b.not_(doubtful), b.not_(no)), x, [[1.0]]) == [False]


def test_branches_that_meet_are_decided_and_steps_are_not() -> None:
    x, rounded = vector(1)
    zero = b.sub(rounded, x)  # 0 within its error
    for op in (activation.Relu(), activation.LeakyRelu(), activation.Elu(), activation.Selu()):
        assert decided(b.apply(op, zero), x, [[1.0], [-7.0]]) == [True, True]
    assert decided(b.select(b.less(zero, 0.0), 0.0, b.add(x, 1.0)), x, [[1.0]]) == [False]
    assert decided(b.floor(rounded), x, [[1.0], [1.5]]) == [False, True]
    assert decided(b.cast(rounded, INT64), x, [[1.0], [1.5]]) == [False, True]
    assert decided(b.cast(zero, BOOL), x, [[1.0], [0.0]]) == [False, True]


def test_a_union_holds_both_branches() -> None:
    x, rounded = vector(1)
    zero = b.sub(rounded, x)
    graph = Graph("relu", (x,), (zero, b.apply(activation.Relu(), zero)), ("z", "y"))
    limits = bound(graph, np.array([[1.0], [3.0], [-5.0]], np.float32))
    low = limits.values[0] - limits.errors[0]
    high = limits.values[0] + limits.errors[0]
    assert ((low < 0.0) & (high > 0.0)).all()
    assert (limits.values[1] + limits.errors[1] >= high).all()
    assert (limits.values[1] - limits.errors[1] <= 0.0).all()


BENT: tuple[Callable[[Node], Node], ...] = (
    lambda x: b.apply(activation.Relu(), x),
    lambda x: b.maximum(x, 0.0),
    lambda x: b.minimum(b.neg(x), 0.0),
    lambda x: b.reduce_max(b.concat([x, b.mul(x, 0.0)], 0), keep=True),
    lambda x: b.add(x, b.absolute(x)),
)


@pytest.mark.parametrize("bent", BENT)
def test_a_dead_neuron_that_rounding_may_wake_has_an_error(bent: Callable[[Node], Node]) -> None:
    """Its slope is 0 on the real numbers, but not next to them."""
    x, rounded = vector(1)
    asleep = b.sub(b.sub(rounded, x), 3.5e-8)  # 3 times a third, rounded up, is x + 2**-25 x
    graph = Graph("relu", (x,), (asleep, bent(asleep)), ("z", "y"))
    limits = bound(graph, np.array([[1.0], [0.5]], np.float32))
    assert (limits.values[0] < 0.0).all()
    assert (limits.values[0] + limits.errors[0] > 0.0).all()
    assert (limits.values[1] == 0.0).all()
    assert (limits.errors[1] > 0.0).all()


def test_a_neuron_that_noise_may_wake_is_not_undecided() -> None:
    """Of first order, too: both branches are as near to each other as the noise."""
    x, rounded = vector(1)
    asleep = b.sub(b.sub(rounded, x), 3.5e-8)
    graph = Graph("relu", (x,), (b.apply(activation.Relu(), asleep),), ("y",))
    data = {x: Ball.exact(np.array([[1.0], [0.5]]))}
    tape = recorded(graph, data, Context({}, OURS, []))
    assert tape is not None
    in_doubt = [node for node, ball in tape.noise.items() if ball.value.dtype == np.bool_]
    assert any(tape.noise[node].error.any() for node in in_doubt)
    assert all(np.isfinite(own).all() for own in tape.own.values())
    assert any((own > 0.0).any() for node, own in tape.own.items() if node in tape.outputs)


@pytest.mark.parametrize("square", [lambda x: b.mul(x, x), lambda x: b.product(x, x)])
def test_the_square_of_an_error_has_an_error(square: Callable[[Node], Node]) -> None:
    x, rounded = vector(1)
    zero = b.sub(b.sub(rounded, x), 2.0**-25)
    graph = Graph("square", (x,), (zero, square(zero)), ("z", "y"))
    data = np.ones((1, 1), np.float32)
    limits = bound(graph, data)
    assert limits.values[0].item() == limits.values[1].item() == 0.0
    assert limits.errors[1].item() > 0.0
    agreement(graph, data, interpret(graph, data))


def test_poles_and_edges_of_domains_are_undecided() -> None:
    x, rounded = vector(1)
    zero = b.sub(rounded, x)
    assert decided(b.div(1.0, zero), x, [[1.0], [0.0]]) == [False, False]  # 0 has any sign
    assert decided(b.div(x, x), x, [[1.0], [0.0]]) == [True, True]  # 0 / 0 is NaN
    assert decided(b.sqrt(zero), x, [[1.0], [0.0]]) == [False, True]
    assert decided(b.apply(elementary.Log(), zero), x, [[1.0], [0.0]]) == [False, True]


def test_values_that_may_overflow_are_undecided_and_those_that_must_are_infinite() -> None:
    x, rounded = vector(1)
    largest = float(np.finfo(np.float32).max)
    events = [[largest / 4.0], [largest], [1.0]]
    assert decided(b.mul(rounded, 4.0 / 3.0), x, events)[2]
    graph = Graph("g", (x,), (b.mul(x, 2.0),), ("y",))
    agreement(graph, np.array([[largest]], np.float32), (np.array([[np.inf]], np.float32),))
    assert decided(b.mul(rounded, 3.0), x, [[largest / 3.0]]) == [False]
    assert decided(b.mul(rounded, 1.0), x, [[largest / 3.0]]) == [True]  # 3 x is the largest


def test_the_bits_of_a_rounded_value_are_undecided() -> None:
    x, rounded = vector(1)
    assert decided(b.bitcast(x, INT32), x, [[1.0]]) == [True]
    assert decided(b.bitcast(rounded, INT32), x, [[1.0]]) == [False]


# ------------------------------------------------------------------------ edges of the API


def test_an_operator_without_a_rule_is_refused_with_what_to_do() -> None:
    class Odd(Primitive):
        __slots__ = ()

        def infer(self, *inputs: Tensor) -> Tensor:
            return inputs[0]

        def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
            return args[0]

    x = b.input_("x", (1,), FLOAT32)
    graph = Graph("g", (x,), (b.apply(Odd(), x),), ("y",))
    with pytest.raises(InvalidGraph, match="odd has no rule for its rounding errors"):
        bound(graph, np.zeros((1, 1), np.float32))


def test_float64_graphs_have_a_bound_of_their_own_precision() -> None:
    x = b.input_("x", (3,), FLOAT64)
    graph = Graph("g", (x,), (b.mul(x, x), b.cast(x, FLOAT32)), ("y", "z"))
    data = np.random.default_rng(0).standard_normal((10, 3))
    agreement(graph, data, interpret(graph, data))
    square, narrow = bound(graph, data).errors
    assert (square <= 2.0**-51 * data**2 + 1e-300).all()
    assert (narrow >= 2.0**-25 * np.abs(data)).all()


@dataclass(frozen=True)
class Measured:
    function: Elementary
    onnx: str
    lowest: float
    highest: float


MEASURED = [
    Measured(elementary.Exp(), "Exp", -110.0, 88.0),
    Measured(elementary.Log(), "Log", 0.0, 100.0),
    Measured(elementary.Tanh(), "Tanh", -20.0, 20.0),
    Measured(elementary.Sigmoid(), "Sigmoid", -110.0, 100.0),
    Measured(elementary.Erf(), "Erf", -6.0, 6.0),
    Measured(elementary.Sin(), "Sin", -1000.0, 1000.0),
    Measured(elementary.Cos(), "Cos", -1000.0, 1000.0),
    Measured(elementary.Tan(), "Tan", -1000.0, 1000.0),
    Measured(elementary.Sinh(), "Sinh", -88.0, 88.0),
    Measured(elementary.Cosh(), "Cosh", -88.0, 88.0),
    Measured(elementary_inverse.Asin(), "Asin", -1.0, 1.0),
    Measured(elementary_inverse.Acos(), "Acos", -1.0, 1.0),
    Measured(elementary_inverse.Atan(), "Atan", -1000.0, 1000.0),
    Measured(elementary_inverse.Asinh(), "Asinh", -1000.0, 1000.0),
    Measured(elementary_inverse.Acosh(), "Acosh", 1.0, 1000.0),
    Measured(elementary_inverse.Atanh(), "Atanh", -1.0, 1.0),
]


@pytest.mark.needs_package("onnxruntime")
@pytest.mark.parametrize("measured", MEASURED, ids=lambda measured: measured.onnx)
def test_onnx_runtimes_functions_are_as_accurate_as_stated(measured: Measured) -> None:
    import onnxruntime
    from onnx import TensorProto, helper

    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 1]) for name in "xy")
    node = helper.make_graph([helper.make_node(measured.onnx, ["x"], ["y"])], "g", [x], [y])
    model = helper.make_model(node, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    rng = np.random.default_rng(0)
    ends = measured.lowest, measured.highest
    spread = rng.uniform(*ends, 100_000)
    small = spread * 2.0 ** -rng.integers(0, 40, spread.size)
    data = np.concatenate([spread, small]).astype(np.float32)[:, None]
    (got,) = session.run(None, {"x": data})
    value = b.input_("x", (1,), FLOAT32)
    graph = Graph("g", (value,), (b.apply(measured.function, value),), ("y",))
    result = agreement(graph, data, (got,), accuracy=ONNX_RUNTIME)
    print(f"{measured.onnx}: {result.worst:.2f} of the bound")
    assert result.undecided <= len(data) // 100
