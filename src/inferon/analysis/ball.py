"""Balls: a real value, and how far from it a float evaluation may be; and the walk over a graph.

Each primitive has a rule that turns the balls of its inputs into the ball of its value.  An error
of infinity means *undecided*: a comparison, a choice or a jump that a rounding error may turn, or
a value that may overflow.  Values that are not floats are either certain (0) or undecided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatch

import numpy as np

from inferon.analysis.accuracy import Accuracy
from inferon.errors import InvalidGraph
from inferon.ir.node import Node, Op, ordered
from inferon.ir.shape import Dim, Tensor, resolve
from inferon.ir.types import Element, Float
from inferon.ir.values import Array, storage
from inferon.ops.base import Composite, Primitive
from inferon.ops.evaluation import evaluate
from inferon.ops.structure import Input

DOUBLE_UNIT = 2.0**-53
"""Half an ULP of 1 in float64: the rounding of the reference evaluation itself."""

LARGEST = float(np.finfo(np.float32).max)
"""The largest float32, 2**128 - 2**104; torch adds its negative where attention must not look."""

NOT_OVER = 1.0 + 2.0**-26
"""What float32 rounds to ``LARGEST`` lies below ``LARGEST + 2**103``; this is a half of that.

An operator that rounds brings an error of ``2**-24`` of its value, four times as much: so whatever
may overflow is still found beyond.
"""


@dataclass(frozen=True, slots=True)
class Ball:
    """Real values, and the largest distance of a float evaluation from each.

    Attributes
    ----------
    value : (events or 1, *shape); float64 where the type is a float
    error : float64 of the same shape, not negative; infinity where undecided
    """

    value: Array
    error: Array

    @classmethod
    def exact(cls, value: Array) -> Ball:
        """Return values without an error."""
        return cls(value, np.broadcast_to(np.float64(0.0), value.shape))

    def spread(self, events: int) -> Ball:
        """Return the ball with so many events."""
        shape = (events, *self.value.shape[1:])
        return Ball(np.broadcast_to(self.value, shape), np.broadcast_to(self.error, shape))

    @property
    def magnitude(self) -> Array:
        """The largest magnitude that the evaluation may have."""
        return np.asarray(np.abs(self.value.astype(np.float64)) + self.error)


@dataclass(frozen=True, slots=True)
class Decision:
    """A place where bounds stop, and how close the call was.

    Attributes
    ----------
    label : the operator and its layer
    margin : for each event the smallest distance of two values whose order decides
    undecided : for each event whether rounding may turn an order
    """

    label: str
    margin: Array
    undecided: Array


@dataclass(frozen=True, slots=True)
class Context:
    """What the rules share: sizes of named dimensions, the accuracy, and the decisions met so far.

    ``composite`` is true inside a decomposition, where constants are roundings of real numbers.
    """

    sizes: Mapping[str, int]
    accuracy: Accuracy
    decisions: list[Decision]
    composite: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One node, the balls of its inputs, and the context."""

    node: Node
    inputs: tuple[Ball, ...]
    context: Context

    @property
    def element(self) -> Element:
        """The element type of the value."""
        return self.node.type.element

    @property
    def unit(self) -> float:
        """Relative error of one rounding, the reference's own included; 0 off the floats."""
        if not isinstance(self.element, Float):
            return 0.0
        return DOUBLE_UNIT + (2.0**-24 if self.element.bits == 32 else DOUBLE_UNIT)

    @property
    def tiny(self) -> float:
        """Absolute error of one rounding among the subnormals."""
        if not isinstance(self.element, Float):
            return 0.0
        return 2.0**-149 if self.element.bits == 32 else 2.0**-1074

    def real(self, *arrays: Array) -> Array:
        """Return the operator's value for other arrays in place of its inputs."""
        out, op = self.node.type, self.node.op
        if isinstance(op, Composite):
            return _through(op, self.node, arrays, self.context.sizes)
        assert isinstance(op, Primitive)
        if any(isinstance(size, Dim) for size in out.shape):
            out = Tensor(resolve(out.shape, self.context.sizes), out.element)
        return op.real(out, tuple(each.type for each in self.node.inputs), *arrays)

    def value(self) -> Array:
        """Return the operator's real value."""
        return self.real(*(each.value for each in self.inputs))

    def rounded(self, value: Array, error: Array) -> Ball:
        """Return the ball of a correctly rounded result, ``error`` being what the inputs bring."""
        middle = np.abs(value.astype(np.float64))
        size = middle + error
        rounding = np.where(size > 0.0, self.unit * size + self.tiny, 0.0)
        total = error + np.where(np.isfinite(middle), rounding, 0.0)
        if not (isinstance(self.element, Float) and self.element.bits == 32):
            return Ball(value, total)
        # a mask of the lowest float32 plus a number: whatever it is, the sum rounds to the mask
        stuck = (middle - error >= LARGEST * (1.0 - 2.0**-26)) & (size <= LARGEST * NOT_OVER)
        own = np.abs(middle - LARGEST) + DOUBLE_UNIT * LARGEST
        return Ball(value, np.where(stuck, own, total))


def once(ball: Ball) -> Ball:
    """Return the ball with one event if all events are the same array."""
    if ball.value.strides[0] or ball.error.strides[0]:
        return ball
    return Ball(ball.value[:1], ball.error[:1])


@singledispatch
def rule(op: Op, step: Step) -> Ball:
    """Return the ball of an operator's value; each primitive registers its own."""
    raise InvalidGraph(
        f"{op.spelling()} has no rule for its rounding errors: register one with "
        "inferon.analysis.ball.rule.register",
        node=step.node,
        rule="bound",
    )


def walk(roots: Sequence[Node], known: Mapping[Node, Ball], context: Context) -> dict[Node, Ball]:
    """Return the balls of the roots and of all that they need."""
    balls: dict[Node, Ball] = {}
    with np.errstate(all="ignore"):
        for node in ordered(tuple(roots)):
            inputs = tuple(balls[each] for each in node.inputs)
            balls[node] = known[node] if node in known else _ball(node, inputs, context)
    return balls


def is_opened(op: Op) -> bool:
    """Return whether an operator is bounded by its decomposition: it has no rule of its own."""
    return isinstance(op, Composite) and rule.dispatch(type(op)) is rule.dispatch(object)


def _through(
    op: Composite, node: Node, arrays: tuple[Array, ...], sizes: Mapping[str, int]
) -> Array:
    """Return the real value of a composite for other arrays in place of its inputs."""
    stand_ins = tuple(Node(Input(f"x{i}", each.type)) for i, each in enumerate(node.inputs))
    root = op.decompose(*stand_ins)
    return evaluate((root,), dict(zip(stand_ins, arrays, strict=True)), sizes, real=True)[root]


def _ball(node: Node, inputs: tuple[Ball, ...], context: Context) -> Ball:
    op = node.op
    if is_opened(op):
        return _expanded(node, inputs, context)
    events = max((each.value.shape[0] for each in inputs), default=1)
    step = Step(node, tuple(each.spread(events) for each in inputs), context)
    return settled(rule(op, step), node.type.element)


def _expanded(node: Node, inputs: tuple[Ball, ...], context: Context) -> Ball:
    """Return the ball of a composite through its decomposition."""
    assert isinstance(node.op, Composite)
    stand_ins = tuple(Node(Input(f"x{i}", each.type)) for i, each in enumerate(node.inputs))
    root = node.op.decompose(*stand_ins)
    inside = Context(context.sizes, context.accuracy, context.decisions, composite=True)
    return walk((root,), dict(zip(stand_ins, inputs, strict=True)), inside)[root]


def settled(ball: Ball, element: Element) -> Ball:
    """Return a ball whose error says undecided where nothing is known; overflow is infinity."""
    error = np.where(np.isnan(ball.error), np.inf, ball.error)
    if not isinstance(element, Float):
        return Ball(ball.value, np.where(error > 0.0, np.inf, 0.0))
    value = ball.value.astype(np.float64)
    largest = LARGEST * NOT_OVER if element.bits == 32 else float(np.finfo(storage(element)).max)
    size = np.abs(value)
    beyond = size - error > largest
    value = np.where(beyond, np.copysign(np.inf, value), value)
    doubtful = np.isfinite(value) & (size + error > largest)
    error = np.where(beyond, 0.0, np.where(doubtful, np.inf, error))
    return Ball(value, error)
