"""Bounds of first order: each rounding error times the slope of the result with respect to it.

Balls (`inferon.analysis.ball`) forget the signs of weights and grow with every layer.  Here the
chain rule, run backward from each result, keeps them: ``|error| <= sum over all roundings of
|slope| * (largest rounding error)``, as in S. Linnainmaa, BIT 16 (1976) 146.  What this leaves out
is of second order in the rounding errors.  Three measures make up for it:

- the sum is raised by a quarter;
- products of two errors are added where they arise;
- where a function bends, jumps or picks within the *noise*, the noise itself is added, or the
  result is undecided.  Noise is what rounding does to a value on this event: the largest deviation
  within the tensor of a plain float32 evaluation from the real one, times `NOISE`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod

import numpy as np

from inferon.analysis.ball import Ball, Context, Step, rule, settled
from inferon.analysis.narrow import stride
from inferon.analysis.pullback import Slopes, has_derivative, pull
from inferon.analysis.signs import never_negative
from inferon.analysis.unfold import Unfolded, unfolded
from inferon.ir.graph import Graph
from inferon.ir.node import Node, Op, ordered
from inferon.ir.shape import count
from inferon.ir.types import Fixed, Float
from inferon.ir.values import Array, storage
from inferon.ops import arithmetic, dot, elementary, elementary_inverse, logic, power, reduction
from inferon.ops.base import Elementary
from inferon.ops.rounding import RoundTo, RoundToPower
from inferon.ops.scatter import Combine, Scatter

MAX_RESULTS = 64
"""Elements of float outputs: each costs one walk back; a graph with more has balls only."""

NOISE = 4.0
"""The largest deviation of one evaluation within a tensor stands for a quarter of that of any.

It decides only which events count as undecided, and the size of terms near a bend.
"""

BEND = 2.0**-8
"""Noise above this part of an argument (or of 1, for exp and the like) is no small change."""

SECOND_ORDER = 1.25
"""The factor on the sum of first order: some 50 slopes in a row, each off by less than `BEND`."""


@dataclass(frozen=True, slots=True)
class Tape:
    """What one run forward leaves for the walks back; arrays are (events or 1, *shape).

    Attributes
    ----------
    outputs : one node for each output of the graph
    events : number of events
    steps : operators of float nodes, with the exact values of their inputs
    balls : real values and rigorous errors
    noise : real values and likely errors; of values that are not floats, whether they are decided
    narrow : values of a plain evaluation in the graph's own types
    own : errors that arise in a float node itself, or that an input has
    active : float nodes that have errors
    """

    outputs: tuple[Node, ...]
    events: int
    steps: dict[Node, Step] = field(default_factory=dict)
    balls: dict[Node, Ball] = field(default_factory=dict)
    noise: dict[Node, Ball] = field(default_factory=dict)
    narrow: dict[Node, Array] = field(default_factory=dict)
    own: dict[Node, Array] = field(default_factory=dict)
    active: set[Node] = field(default_factory=set)


def tight_balls(
    graph: Graph, data: Mapping[Node, Ball], context: Context
) -> tuple[Ball, ...] | None:
    """Return the balls of a graph's outputs, with errors of first order where those are smaller.

    None for graphs of too many results, of fixed point, or with operators without a derivative.
    """
    tape = recorded(graph, data, context)
    return None if tape is None else tuple(_ball(tape, node) for node in tape.outputs)


def recorded(graph: Graph, data: Mapping[Node, Ball], context: Context) -> Tape | None:
    """Return the tape of one run forward, or None as `tight_balls`."""
    flat = unfolded(graph)
    nodes = ordered((*graph.inputs, *flat.outputs))
    if not _supported(flat, nodes):
        return None
    tape = Tape(flat.outputs, max((len(each.value) for each in data.values()), default=1))
    with np.errstate(all="ignore"):
        for node in nodes:
            if node in data:
                _record_input(tape, node, data[node])
            else:
                _record(tape, node, context, composite=node in flat.inside)
    return tape


def _supported(flat: Unfolded, nodes: Sequence[Node]) -> bool:
    results = [x for x in flat.outputs if isinstance(x.type.element, Float)]
    if any(isinstance(each.type.element, Fixed) for each in nodes):
        return False
    if sum(count(each.type.shape) for each in results) > MAX_RESULTS:
        return False
    moving = [x for x in nodes if x.inputs and isinstance(x.type.element, Float)]
    return all(has_derivative(each.op) for each in moving)


# --------------------------------------------------------------------------------- forward


def _record_input(tape: Tape, node: Node, ball: Ball) -> None:
    tape.balls[node] = tape.noise[node] = ball
    tape.narrow[node] = ball.value.astype(storage(node.type.element))
    if ball.error.any():
        tape.own[node] = ball.error
        tape.active.add(node)


def _record(tape: Tape, node: Node, context: Context, *, composite: bool) -> None:
    """Compute a node's real value, its own rounding errors, and its noise."""
    quiet = replace(context, decisions=[], composite=composite)
    noisy = _step(node, tape.noise, replace(context, composite=composite))
    rigorous = settled(rule(node.op, _step(node, tape.balls, quiet)), node.type.element)
    tape.balls[node] = rigorous
    tape.narrow[node] = _narrow(noisy, [tape.narrow[each] for each in node.inputs])
    if not isinstance(node.type.element, Float):
        tape.noise[node] = settled(rule(node.op, noisy), node.type.element)
        return
    step = replace(noisy, inputs=tuple(map(_sharp, noisy.inputs)), context=quiet)
    ball = settled(rule(node.op, step), node.type.element)
    tape.steps[node] = step
    if _is_root_of_square(node):
        tape.own[node] = ball.error + _bent_root(tape, node.inputs[0])[1]
    elif isinstance(node.op, logic.Select):  # in doubt, branches within their noise are both right
        doubt = noisy.inputs[0].error > 0.0
        either = rule(node.op, replace(noisy, context=quiet)).error
        tape.own[node] = np.where(doubt, either, ball.error)
    else:
        tape.own[node] = ball.error + _bend(node.op, replace(noisy, context=quiet), ball)
    if isinstance(node.op, RoundTo | RoundToPower):  # whatever the noise, an error may turn it
        uncertain = tape.balls[node.inputs[0]].error > 0.0
        tape.own[node] = np.where(uncertain, stride(node.op, ball.value), tape.own[node])
    level = _level(rigorous.value, tape.narrow[node])
    # what may be anything, or comes from that, is so whatever one evaluation made of it
    level = np.where(np.isinf(tape.own[node]), np.inf, level)
    if any(np.isinf(each.error).any() for each in noisy.inputs):
        level = np.where(
            np.isinf(settled(rule(node.op, noisy), node.type.element).error), np.inf, level
        )
    tape.noise[node] = Ball(rigorous.value, np.minimum(level, rigorous.error))
    if tape.own[node].any() or any(each in tape.active for each in node.inputs):
        tape.active.add(node)


def _step(node: Node, balls: Mapping[Node, Ball], context: Context) -> Step:
    inputs = [balls[each] for each in node.inputs]
    events = max((each.value.shape[0] for each in inputs), default=1)
    return Step(node, tuple(each.spread(events) for each in inputs), context)


def _sharp(ball: Ball) -> Ball:
    """Return a float without its noise; whether another value is decided stays."""
    return Ball.exact(ball.value) if ball.value.dtype == np.float64 else ball


def _narrow(step: Step, arguments: Sequence[Array]) -> Array:
    """Return a plain evaluation in the graph's own types: any order, no fma."""
    op = step.node.op
    if isinstance(op, Elementary):
        exact = op.exact(*(each.astype(np.float64) for each in arguments))
        return np.asarray(exact.astype(arguments[0].dtype))
    events = max((each.shape[0] for each in arguments), default=1)
    spread = [np.broadcast_to(each, (events, *each.shape[1:])) for each in arguments]
    if isinstance(op, dot.Dot):  # constants are not copied for each event
        spread = list(arguments)
    return np.asarray(step.real(*spread).astype(storage(step.element)))


def _level(value: Array, narrow: Array) -> Array:
    """Return for each event `NOISE` times the largest deviation, in a shape that broadcasts."""
    same = (value == narrow) | (np.isnan(value) & np.isnan(narrow))
    deviation = np.where(same, 0.0, np.abs(value - narrow))
    axes = tuple(range(1, value.ndim))
    known = np.where(np.isnan(deviation), np.inf, deviation)
    return np.asarray(NOISE * known.max(axis=axes, keepdims=True, initial=0.0))


def _bend(op: Op, step: Step, ball: Ball) -> Array:
    """Return what the own error of an operator lacks where its inputs are noisy."""
    errors = [each.error for each in step.inputs]
    values = [each.value for each in step.inputs]
    nothing = np.zeros(())
    if isinstance(op, arithmetic.Mul | arithmetic.Fma):
        return errors[0] * errors[1]
    if isinstance(op, dot.Dot):
        terms = prod(values[0].shape[values[0].ndim - op.contract :])
        largest = [each.max(axis=tuple(range(1, each.ndim)), initial=0.0) for each in errors]
        product = np.asarray(terms * largest[0] * largest[1])
        return product.reshape(-1, *[1] * (ball.value.ndim - 1))
    if isinstance(op, arithmetic.Floor | arithmetic.RoundEven):
        return rule(op, step).error
    if isinstance(op, arithmetic.Max | arithmetic.Min):
        reach = errors[0] + errors[1]
        return np.where((np.abs(values[0] - values[1]) <= reach) & (reach > 0.0), reach, nothing)
    if isinstance(op, reduction.ReduceMax | reduction.ReduceMin):
        axes = tuple(axis + 1 for axis in op.axes)
        reach = 2.0 * errors[0].max(axis=axes, initial=0.0)
        near = np.abs(values[0] - np.expand_dims(ball.value, axes)) <= np.expand_dims(reach, axes)
        return np.where(near.sum(axis=axes) > 1, reach, nothing)
    if isinstance(op, Scatter) and op.combine in (Combine.MIN, Combine.MAX):
        return rule(op, step).error
    if isinstance(op, arithmetic.Abs):
        return np.where(np.abs(values[0]) <= errors[0], 2.0 * errors[0], nothing)
    if isinstance(op, arithmetic.Div):
        return np.where(errors[1] > BEND * np.abs(values[1]), np.inf, nothing)
    if isinstance(op, power.RealPower):
        logarithm = np.abs(np.log(np.abs(values[0])))
        part = errors[0] / np.abs(values[0]) * np.maximum(1.0, np.abs(values[1]))
        bent = np.maximum(part, errors[1] * logarithm) > BEND
        return np.where(bent & ((errors[0] > 0.0) | (errors[1] > 0.0)), np.inf, nothing)
    if isinstance(op, Elementary | arithmetic.Sqrt):
        return np.where(errors[0] > BEND * _reach(op, values[0]), np.inf, nothing)
    return nothing


def _is_root_of_square(node: Node) -> bool:
    return isinstance(node.op, arithmetic.Sqrt) and never_negative(node.inputs[0])


def _bent_root(tape: Tape, x: Node) -> tuple[Array, Array]:
    """Return where a number that cannot be negative is near 0, and how far its root may be off.

    Two roots differ by the root of what their arguments differ by, at most.
    """
    ball = tape.balls[x]
    error = np.where(ball.value == 0.0, ball.error, tape.noise[x].error)
    bent = (ball.value == 0.0) | (error > BEND * ball.value)
    return bent, np.where(bent, np.sqrt(error), 0.0)


def _reach(op: Op, x: Array) -> Array:
    """Return how far an argument is from where a function bends without bound, or 1."""
    match op:
        case arithmetic.Sqrt() | elementary.Log():
            return np.abs(x)
        case elementary.Log1p():
            return np.abs(1.0 + x)
        case elementary.Tan():
            return np.asarray(np.abs(np.cos(x)))
        case elementary_inverse.Asin() | elementary_inverse.Acos() | elementary_inverse.Atanh():
            return np.abs(1.0 - np.abs(x))
        case elementary_inverse.Acosh():
            return np.asarray(np.minimum(1.0, np.abs(x - 1.0)))
        case _:
            return np.ones(())


# -------------------------------------------------------------------------------- backward


def _ball(tape: Tape, output: Node) -> Ball:
    """Return an output with the smaller of its errors."""
    ball = tape.balls[output].spread(tape.events)
    if not isinstance(output.type.element, Float):
        return Ball(ball.value, np.fmin(ball.error, tape.noise[output].error))
    errors = np.zeros(ball.value.shape)
    with np.errstate(all="ignore"):
        for flat in range(prod(ball.value.shape[1:])):
            total = np.zeros(tape.events)
            for node, slope in slopes(tape, output, flat):
                total += _share(slope, tape.own[node])
            errors.reshape(tape.events, -1)[:, flat] = SECOND_ORDER * total
    return Ball(ball.value, np.fmin(ball.error, errors))


def _share(slope: Array, own: Array) -> Array:
    """Return the sum of slope times error, where no slope times anything is nothing."""
    share = np.where(slope == 0.0, 0.0, np.abs(slope) * own)
    return np.asarray(share.sum(axis=tuple(range(1, share.ndim))))


def slopes(tape: Tape, output: Node, place: int) -> Iterator[tuple[Node, Array]]:
    """Yield the slopes of one element of an output with respect to each node that has errors.

    ``place`` counts the elements in row-major order.
    """
    start = np.zeros((tape.events, *tape.balls[output].value.shape[1:]))
    start.reshape(tape.events, -1)[:, place] = 1.0
    waiting: dict[Node, Array] = {output: start}
    for node in reversed(tape.own):
        slope = waiting.pop(node, None)
        if slope is None:
            continue
        yield node, slope
        for each, part in zip(node.inputs, _pulled(tape, node, slope), strict=False):
            if part is not None and each in tape.active:
                known = waiting.get(each)
                waiting[each] = part if known is None else known + part


def _pulled(tape: Tape, node: Node, slope: Array) -> Slopes:
    if not node.inputs:
        return ()
    step = tape.steps[node]
    spread = replace(step, inputs=tuple(each.spread(tape.events) for each in step.inputs))
    if _is_root_of_square(node):  # where its own error holds all, an infinite slope adds nothing
        slope = np.where(_bent_root(tape, node.inputs[0])[0], 0.0, slope)
    return pull(node.op, spread, tape.balls[node].value, slope)
