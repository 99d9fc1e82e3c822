"""One step of an optimizer: Adagrad, Adam and Momentum of ai.onnx.preview.training."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from inferon.errors import InvalidModel
from inferon.frontends.onnx.call import Call, Operator, Table
from inferon.ir.node import Node
from inferon.ir.types import FLOAT64, INT64
from inferon.ops import build as b
from inferon.ops.base import require

_EPSILON, _ALPHA, _BETA = (float(np.float32(each)) for each in (1e-6, 0.9, 0.999))
"""Defaults of the standard, as the float32 that an attribute is: it matters to float64."""

_COUNT_BITS = 63
"""Bits of a count of updates, an int64 that is not negative."""

Step = Callable[..., tuple[Node, ...]]
"""What happens to one tensor: from it, its gradient and its states to it and its states."""


def _optimizer(rule: Callable[[Call], Step], states: int) -> Operator:
    """Apply a rule to every tensor of a layer: R, T, all X, all G, and all of each state."""

    def operator(call: Call) -> list[Node]:
        tensors, groups = call.nodes()[2:], states + 2
        number = len(tensors) // groups
        require(
            number * groups == len(tensors), "{} tensors in groups of {}", len(tensors), groups
        )
        step = rule(call)
        results = [step(*tensors[first::number]) for first in range(number)]
        return [value for group in zip(*results, strict=True) for value in group]

    return operator


def _rate(call: Call, like: Node) -> Node:
    """Return the learning rate R."""
    return b.cast(_scalar(call.node(0)), like.type.element)


def _scalar(x: Node) -> Node:
    require(x.type.shape in ((), (1,)), "{} is no scalar", x.type)
    return b.reshape(x, ())


def _count(call: Call) -> Node:
    """Return the update count T."""
    return b.cast(_scalar(call.node(1)), INT64)


def _regularized(call: Call) -> Callable[[Node, Node], Node]:
    """Return the gradient with that of ``0.5 * norm_coefficient * |X|**2``."""
    factor = call.number("norm_coefficient", 0.0)
    return lambda x, gradient: b.add(b.mul(x, factor), gradient) if factor else gradient


def _adagrad(call: Call) -> Step:
    decay, epsilon = call.number("decay_factor", 0.0), call.number("epsilon", _EPSILON)
    regularized = _regularized(call)

    def step(x: Node, gradient: Node, squares: Node) -> tuple[Node, ...]:
        slower = b.add(b.mul(b.cast(_count(call), x.type.element), decay), 1.0)
        g = regularized(x, gradient)
        squares = b.add(squares, b.mul(g, g))
        move = b.div(b.mul(b.div(_rate(call, x), slower), g), b.add(b.sqrt(squares), epsilon))
        return b.sub(x, move), squares

    return step


def _adam(call: Call) -> Step:
    alpha, beta = call.number("alpha", _ALPHA), call.number("beta", _BETA)
    epsilon, after = call.number("epsilon", _EPSILON), call.number("norm_coefficient_post", 0.0)
    regularized = _regularized(call)
    count = _count(call)
    # in float64: 1 - beta**T loses as many digits as beta has nines
    later = b.div(
        b.sqrt(b.sub(1.0, _power(beta, count))),
        b.sub(1.0, _power(alpha, count)),
    )
    correction = b.select(b.less(0, count), later, 1.0)

    def step(x: Node, gradient: Node, mean: Node, squares: Node) -> tuple[Node, ...]:
        g = regularized(x, gradient)
        mean = b.add(b.mul(mean, alpha), b.mul(g, 1.0 - alpha))
        squares = b.add(b.mul(squares, beta), b.mul(b.mul(g, g), 1.0 - beta))
        rate = b.mul(_rate(call, x), b.cast(correction, x.type.element))
        moved = b.sub(x, b.div(b.mul(rate, mean), b.add(b.sqrt(squares), epsilon)))
        return b.mul(moved, 1.0 - after) if after else moved, mean, squares

    return step


def _power(base: float, count: Node) -> Node:
    """Return ``base**count`` in float64, one factor for each bit of the count."""
    value = b.constant_like(b.cast(count, FLOAT64), 1.0)
    for bit in range(_COUNT_BITS):
        factor = base ** (1 << bit) if abs(base) <= 1.0 else _growing(base, bit)
        if factor == 0.0:  # and so is every power from here on
            return b.select(b.less(count, 1 << bit), value, 0.0)
        has = b.equal(b.bit_and(b.shift_right(count, bit), 1), 1)
        value = b.mul(value, b.select(has, b.constant_like(value, factor), 1.0))
    return value


def _growing(base: float, bit: int) -> float:
    """Return ``base**(2**bit)``, infinity where it is too large."""
    try:
        return float(base ** (1 << bit))
    except OverflowError:
        return float("inf")


def _momentum(call: Call) -> Step:
    alpha, beta = call.number("alpha", 0.0), call.number("beta", 0.0)
    mode = call.text("mode", "standard")
    if mode not in ("standard", "nesterov"):
        raise InvalidModel(f"layer {call.layer.label}: mode is {mode!r}")
    regularized = _regularized(call)
    started = b.less(0, _count(call))

    def step(x: Node, gradient: Node, velocity: Node) -> tuple[Node, ...]:
        g = regularized(x, gradient)
        share = b.select(started, b.constant_like(_rate(call, x), beta), 1.0)
        velocity = b.add(b.mul(velocity, alpha), b.mul(g, share))
        along = b.add(g, b.mul(velocity, alpha)) if mode == "nesterov" else velocity
        return b.sub(x, b.mul(along, _rate(call, x))), velocity

    return step


TABLE: Table = {
    "Adagrad": _optimizer(_adagrad, 1),
    "Adam": _optimizer(_adam, 2),
    "Momentum": _optimizer(_momentum, 1),
}
