"""Activations: elementwise composites, with the meaning that ONNX gives them.

The piece of a piecewise function is chosen by ``x < 0``: -0 and NaN go through the upper one.
In float64 differences with 1 are computed by expm1 and log1p; in float32 a rounding of 1 is an
absolute error of 6e-8 at most, and costs less.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from inferon.ir.node import Node
from inferon.ir.types import FLOAT64
from inferon.ops import build as b
from inferon.ops.base import Composite
from inferon.ops.elementary import Erf, Exp, Expm1, Log, Log1p, Sigmoid, Tanh

SELU_ALPHA = 1.67326319217681884765625
"""Default of ONNX Selu: the fixed point of zero mean and unit variance (Klambauer et al. 2017)."""

SELU_GAMMA = 1.05070102214813232421875
"""Default of ONNX Selu (Klambauer et al. 2017)."""

GELU_CUBIC = 0.044715
"""Coefficient of the tanh form of GELU (Hendrycks and Gimpel 2016, section 2)."""


@dataclass(frozen=True, slots=True)
class Relu(Composite):
    """``x < 0 ? 0 : x``: -0 and NaN stay."""

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        return b.select(b.less(x, 0), 0, x)


@dataclass(frozen=True, slots=True)
class LeakyRelu(Composite):
    """``x < 0 ? slope * x : x``."""

    slope: float = 0.01

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        return b.select(b.less(x, 0.0), b.mul(x, self.slope), x)


@dataclass(frozen=True, slots=True)
class Elu(Composite):
    """``x < 0 ? alpha * (exp(x) - 1) : x``."""

    alpha: float = 1.0

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        return b.select(b.less(x, 0.0), _scaled(_exp_less_one(x), self.alpha), x)


@dataclass(frozen=True, slots=True)
class Selu(Composite):
    """``gamma * (x < 0 ? alpha * (exp(x) - 1) : x)``."""

    alpha: float = SELU_ALPHA
    gamma: float = SELU_GAMMA

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        piece = b.select(b.less(x, 0.0), _scaled(_exp_less_one(x), self.alpha), x)
        return _scaled(piece, self.gamma)


@dataclass(frozen=True, slots=True)
class Celu(Composite):
    """``x < 0 ? alpha * (exp(x / alpha) - 1) : x``."""

    alpha: float = 1.0

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        inside = x if self.alpha == 1.0 else b.div(x, self.alpha)
        return b.select(b.less(x, 0.0), _scaled(_exp_less_one(inside), self.alpha), x)


@dataclass(frozen=True, slots=True)
class Gelu(Composite):
    """``x * P(normal < x)``; with ``tanh`` its approximation by a hyperbolic tangent.

    Hendrycks and Gimpel 2016, section 2: ``0.5 x (1 + erf(x / sqrt 2))``, and
    ``0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x**3)))``.
    """

    tanh: bool = False

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        half = b.mul(x, 0.5)
        return b.mul(half, b.add(self._odd(x), 1.0))

    def _odd(self, x: Node) -> Node:
        if not self.tanh:
            return b.apply(Erf(), b.mul(x, math.sqrt(0.5)))
        cubic = b.fma(b.mul(b.mul(x, x), GELU_CUBIC), x, x)
        return b.apply(Tanh(), b.mul(cubic, math.sqrt(2.0 / math.pi)))


@dataclass(frozen=True, slots=True)
class Silu(Composite):
    """``x * sigmoid(x)``, also called swish."""

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        return b.mul(x, b.apply(Sigmoid(), x))


@dataclass(frozen=True, slots=True)
class Softplus(Composite):
    """``log(1 + exp(x))``, as ``max(x, 0) + log(1 + exp(-|x|))``, which cannot overflow."""

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        small = b.apply(Exp(), b.neg(b.absolute(x)))
        return b.add(b.apply(Relu(), x), _log_one_plus(small))


@dataclass(frozen=True, slots=True)
class Softsign(Composite):
    """``x / (1 + |x|)``."""

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        return b.div(x, b.add(b.absolute(x), 1.0))


@dataclass(frozen=True, slots=True)
class HardSigmoid(Composite):
    """``alpha * x + beta``, cut to 0 .. 1."""

    alpha: float = 0.2
    beta: float = 0.5

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        return b.apply(Clip(0.0, 1.0), b.fma(x, self.alpha, self.beta))


@dataclass(frozen=True, slots=True)
class HardSwish(Composite):
    """``x * HardSigmoid(x)`` with alpha 1/6 and beta 1/2."""

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        return b.mul(x, b.apply(HardSigmoid(1.0 / 6.0, 0.5), x))


@dataclass(frozen=True, slots=True)
class Mish(Composite):
    """``x * tanh(softplus(x))``."""

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        return b.mul(x, b.apply(Tanh(), b.apply(Softplus(), x)))


@dataclass(frozen=True, slots=True)
class Clip(Composite):
    """``min(max(x, low), high)``; an infinite bound is no bound; NaN stays."""

    low: float = -math.inf
    high: float = math.inf

    def decompose(self, *inputs: Node) -> Node:
        (x,) = inputs
        if self.low > -math.inf:
            x = b.maximum(x, self.low)
        return b.minimum(x, self.high) if self.high < math.inf else x


def _exp_less_one(x: Node) -> Node:
    """Return exp(x) - 1: in float64 without cancellation, in float32 with one rounding of it."""
    return b.apply(Expm1(), x) if x.type.element == FLOAT64 else b.sub(b.apply(Exp(), x), 1.0)


def _log_one_plus(x: Node) -> Node:
    """Return log(1 + x): in float64 for any small x, in float32 after the rounding of 1 + x."""
    return b.apply(Log1p(), x) if x.type.element == FLOAT64 else b.apply(Log(), b.add(x, 1.0))


def _scaled(x: Node, factor: float) -> Node:
    return x if factor == 1.0 else b.mul(x, factor)
