"""The activations of recurrent layers: the names of the standard, their numbers, and the clip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from inferon.errors import InvalidModel
from inferon.frontends.onnx.call import Call
from inferon.ir.node import Node, Op
from inferon.ops import build as b
from inferon.ops.activation import (
    Clip,
    Elu,
    HardSigmoid,
    LeakyRelu,
    Relu,
    Softplus,
    Softsign,
)
from inferon.ops.elementary import Sigmoid, Tanh
from inferon.ops.recurrent import Function


def _applied(op: Op) -> Function:
    return lambda x: b.apply(op, x)


def _affine(alpha: float, beta: float) -> Function:
    return lambda x: b.fma(x, alpha, beta)


def _scaled_tanh(alpha: float, beta: float) -> Function:
    return lambda x: b.mul(b.apply(Tanh(), b.mul(x, beta)), alpha)


def _thresholded_relu(alpha: float) -> Function:
    return lambda x: b.select(b.less_equal(alpha, x), x, 0.0)


@dataclass(frozen=True, slots=True)
class _Kind:
    """An activation: how it is made, and its numbers alpha and beta where none are given."""

    make: Callable[..., Function]
    alpha: float | None = None
    beta: float | None = None


_KINDS = {
    "relu": _Kind(lambda: _applied(Relu())),
    "tanh": _Kind(lambda: _applied(Tanh())),
    "sigmoid": _Kind(lambda: _applied(Sigmoid())),
    "softsign": _Kind(lambda: _applied(Softsign())),
    "softplus": _Kind(lambda: _applied(Softplus())),
    "affine": _Kind(_affine, 1.0, 0.0),
    "leakyrelu": _Kind(lambda alpha: _applied(LeakyRelu(alpha)), 0.01),
    "thresholdedrelu": _Kind(_thresholded_relu, 1.0),
    "scaledtanh": _Kind(_scaled_tanh, 1.0, 1.0),
    "hardsigmoid": _Kind(lambda alpha, beta: _applied(HardSigmoid(alpha, beta)), 0.2, 0.5),
    "elu": _Kind(lambda alpha: _applied(Elu(alpha)), 1.0),
}
"""The activations of the standard; the numbers are the defaults of the operators of these names.

Affine and ScaledTanh are no operators any more: theirs leave the input and tanh as they are.
"""


@dataclass(frozen=True, slots=True)
class GateFunctions:
    """The activations of a layer: those of one direction behind those of the other.

    Attributes
    ----------
    names : as the layer spells them
    functions : one for each
    clipped : whether their inputs are
    """

    names: tuple[str, ...]
    functions: tuple[Function, ...]
    clipped: bool

    def are(self, *names: str) -> bool:
        """Return whether both directions have these activations, and nothing else."""
        directions = len(self.names) // len(names)
        return self.names == names * directions and not self.clipped

    def of(self, direction: int, directions: int) -> tuple[Function, ...]:
        """Return the functions of one direction."""
        number = len(self.functions) // directions
        return self.functions[direction * number : (direction + 1) * number]


def gate_functions(call: Call, usual: tuple[str, ...], directions: int) -> GateFunctions:
    """Read the attributes activations, activation_alpha, activation_beta and clip.

    Parameters
    ----------
    call : the layer
    usual : the default activations of one direction
    directions : 1 or 2
    """
    names = tuple(call.given("activations") or usual * directions)
    if len(names) != len(usual) * directions:
        found = f"{len(names)} activations, not {len(usual) * directions}"
        raise InvalidModel(f"layer {call.layer.label}: {call.layer.op} with {found}")
    numbers = {"alpha": _numbers(call, "alpha"), "beta": _numbers(call, "beta")}
    functions = tuple(_function(call, str(name), numbers) for name in names)
    clip = call.number("clip", 0.0)
    if clip:
        functions = tuple(
            _clipped(each, abs(clip)) if place % len(usual) < _CLIPPED else each
            for place, each in enumerate(functions)
        )
    return GateFunctions(names, functions, clip != 0.0)


_CLIPPED = 2
"""Of f, g, h so many take clipped inputs: ONNX Runtime leaves an LSTM's cell on its way out."""


def _numbers(call: Call, which: str) -> list[float]:
    """Return alphas or betas, the last one first."""
    given = call.given(f"activation_{which}") or ()
    if not isinstance(given, tuple) or not all(isinstance(x, int | float) for x in given):
        raise InvalidModel(f"layer {call.layer.label}: activation_{which} is no list of numbers")
    return [float(each) for each in reversed(given)]


def _function(call: Call, name: str, numbers: dict[str, list[float]]) -> Function:
    """Return an activation, which takes the next alpha and beta if it has any."""
    kind = _KINDS.get(name.lower())
    if kind is None:
        raise InvalidModel(f"layer {call.layer.label}: no activation is called {name[:32]!r}")
    taken = [
        numbers[which].pop() if numbers[which] else default
        for which, default in (("alpha", kind.alpha), ("beta", kind.beta))
        if default is not None
    ]
    return kind.make(*taken)


def _clipped(function: Function, limit: float) -> Function:
    def clipped(x: Node) -> Node:
        return function(b.apply(Clip(-limit, limit), x))

    return clipped
