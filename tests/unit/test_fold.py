"""The rules of the fold pass, one by one, with the case beside each where it must not fire."""

from __future__ import annotations

import numpy as np
import pytest

from inferon.analysis.samples import Samples
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.shape import Dim
from inferon.ir.types import BOOL, FLOAT32, FLOAT64, INT32, Fixed
from inferon.ops import build
from inferon.ops.convert import Cast, Quantize
from inferon.ops.elementary import Exp
from inferon.ops.mantissa import Overflow, Rounding
from inferon.ops.movement import Broadcast, Concat, Pad, Reshape, Slice, Transpose
from inferon.passes.fold import FOLD, SMALL_ELEMENTS

X = build.input_("x", (3, 4), FLOAT32)
S = build.input_("s", (3,), Fixed(True, 4, 2))
T = build.input_("t", (2,), FLOAT32)
C = build.input_("c", (3, 4), BOOL)
ONE_AXIS = build.input_("o", (3, 1, 4), FLOAT32)
CUBE = build.input_("cube", (2, 3, 4), FLOAT32)
PARTICLES = Dim("particles", 9)
INPUTS = (X, S, T, C, ONE_AXIS, CUBE, build.input_("p", (PARTICLES,), FLOAT32))


def folded(node: Node) -> Node:
    """Return what the pass makes of a node, after proof that it keeps bits."""
    graph = Graph("g", INPUTS, (node,), ("y",))
    (result,) = FOLD.run(graph, check=Samples(21)).outputs
    return result


def of(op: object, *inputs: Node) -> Node:
    return Node(op, inputs)  # type: ignore[arg-type]


def numbers(*values: float) -> Node:
    return build.constant(np.array(values, np.float32))


ONE = build.constant(np.float32(1))
TRUE, FALSE = build.constant(np.array(True)), build.constant(np.array(False))
GONE = {
    "reshape to the same": (of(Reshape((3, 4)), X), X),
    "reshape there and back": (of(Reshape((3, 4)), of(Reshape((12,)), X)), X),
    "reshape twice": (of(Reshape((2, 6)), of(Reshape((12,)), X)), of(Reshape((2, 6)), X)),
    "transpose to the same": (of(Transpose((0, 1)), X), X),
    "transpose there and back": (of(Transpose((1, 0)), of(Transpose((1, 0)), X)), X),
    "transpose twice: the order of the orders matters": (
        of(Transpose((1, 0, 2)), of(Transpose((1, 2, 0)), CUBE)),
        of(Transpose((2, 1, 0)), CUBE),
    ),
    "transpose axes of size 1": (
        of(Transpose((1, 0, 2)), ONE_AXIS),
        of(Reshape((1, 3, 4)), ONE_AXIS),
    ),
    "broadcast to the same": (of(Broadcast((3, 4)), X), X),
    "broadcast twice": (
        of(Broadcast((5, 3, 4)), of(Broadcast((1, 3, 4)), X)),
        of(Broadcast((5, 3, 4)), X),
    ),
    "slice of all": (of(Slice(1, 0, 4), X), X),
    "pad by nothing": (of(Pad(0, 0, 0), X, ONE), X),
    "concat of one": (of(Concat(0), X), X),
    "cast to own type": (of(Cast(FLOAT32), X), X),
    "quantize to own type": (of(Quantize(Fixed(True, 4, 2)), S), S),
    "add -0": (build.add(X, -0.0), X),
    "subtract +0": (build.sub(X, 0.0), X),
    "multiply by 1": (build.mul(X, 1.0), X),
    "1 times": (build.mul(1.0, X), X),
    "divide by 1": (build.div(X, 1.0), X),
    "select either": (build.select(C, X, X), X),
    "select true": (build.select(TRUE, X, build.neg(X)), X),
    "select false": (build.select(FALSE, build.neg(X), X), X),
}
STAY = {
    "reverse all": of(Slice(1, 3, 4, -1), X),
    "transpose": of(Transpose((1, 0)), X),
    "symmetric saturation loses the lowest": of(
        Quantize(Fixed(True, 4, 2), Rounding.FLOOR, Overflow.SATURATE_SYMMETRIC), S
    ),
    "quantize to another type": of(Quantize(Fixed(True, 4, 3)), S),
    "add +0, which turns -0 into +0": build.add(X, 0.0),
    "subtract -0": build.sub(X, -0.0),
    "0 - x": build.sub(0.0, X),
    "1 / x": build.div(1.0, X),
    "multiply by -1": build.mul(X, -1.0),
    "cast to another type": of(Cast(FLOAT64), X),
    "a repeated constant": of(Broadcast((50, 100, 2)), numbers(1.0, 2.0)),
    "a repeated constant of run-time size": of(Broadcast((PARTICLES, 2)), numbers(1.0, 2.0)),
}


@pytest.mark.parametrize("name", GONE)
def test_it_goes(name: str) -> None:
    node, wanted = GONE[name]
    assert folded(node) == wanted


@pytest.mark.parametrize("name", STAY)
def test_it_stays(name: str) -> None:
    assert folded(STAY[name]) == STAY[name]


def test_select_keeps_the_wider_type() -> None:
    wide = build.constant(np.array([100, -100, 1]), Fixed(True, 8, 6))
    chosen = build.select(TRUE, S, wide)
    assert folded(chosen) == chosen, "the result has more bits than s"


def test_constants_are_computed() -> None:
    total = build.sum_(build.mul(numbers(1.0, 2.0, 3.0), numbers(4.0, 5.0, 6.0)))
    assert folded(total) == build.constant(np.float32(32))


def test_constants_are_computed_by_the_strict_reference() -> None:
    """exp of a constant is our exp, and the dot product our order."""
    weights = np.random.default_rng(0).standard_normal((9, 2)).astype(np.float32)
    node = build.apply(Exp(), build.product(numbers(*range(9)), build.constant(weights * 0.1)))
    (value,) = interpret(Graph("g", (T,), (node,), ("y",)), np.zeros((1, 2), np.float32))
    assert folded(node) == build.constant(value[0])


def test_elementwise_work_on_repeated_constants_is_done_once() -> None:
    repeated = [of(Broadcast((50, 100, 2)), numbers(*pair)) for pair in ((1, 2), (3, 4))]
    wanted = of(Broadcast((50, 100, 2)), numbers(4.0, 6.0))
    assert folded(build.add(*repeated)) == wanted
    dims = [of(Broadcast((PARTICLES, 2)), numbers(*pair)) for pair in ((1, 2), (3, 4))]
    assert folded(build.add(*dims)) == of(Broadcast((PARTICLES, 2)), numbers(4.0, 6.0))


def test_a_folded_constant_does_not_grow() -> None:
    """An outer product is small while its result is; then it stays a product."""
    column, row = numbers(*range(64)), numbers(*range(64))
    outer = build.product(build.reshape(column, (64, 1)), build.reshape(row, (1, 64)))
    assert SMALL_ELEMENTS < 64 * 64
    assert folded(outer).op == outer.op
    small = build.product(numbers(1.0, 2.0), build.reshape(numbers(3.0, 4.0, 5.0, 6.0), (2, 2)))
    assert folded(small) == numbers(13.0, 16.0)


def test_a_promise_that_breaks_stays_for_the_run() -> None:
    """`Overflow.ERROR` of a constant is an error of the event, not of the compiler."""
    beyond = of(Quantize(Fixed(True, 4, 2), Rounding.FLOOR, Overflow.ERROR), numbers(99.0))
    graph = Graph("g", INPUTS, (beyond,), ("y",))
    assert FOLD.run(graph).outputs == (beyond,)


def test_bodies_of_loops_are_folded() -> None:
    state, step = build.input_("state", (), FLOAT32), build.input_("step", (), FLOAT32)
    two = build.add(build.constant(np.float32(1)), build.constant(np.float32(1)))
    body = Graph("body", (state, step), (build.add(state, build.mul(step, two)),), ("total",))
    loop = folded(build.fold(body, build.constant(0.0, FLOAT32), [T]))
    clean = build.add(state, build.mul(step, 2.0))
    assert loop.op.body.outputs == (clean,)  # type: ignore[attr-defined]


def test_whole_numbers_have_neutral_operands_too() -> None:
    i = build.input_("i", (2,), INT32)
    graph = Graph("g", (i,), (build.add(build.mul(i, 1), 0),), ("y",))
    assert FOLD.run(graph, check=Samples(6)).outputs == (i,)
