"""Where quantizers stand, and how wide they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import Enum

from inferon.errors import UsageError
from inferon.ir.node import Node
from inferon.ir.types import Fixed
from inferon.ops.mantissa import Rounding
from inferon.passes.quantizers.grid import BinaryGrid

MOST_BITS = 24
"""A quantizer is written in float32, which holds whole numbers of so many bits."""

LARGEST_WIDTH = 64
"""The widest number that any target takes."""

MOST_ARGUMENT_BITS = 12
"""`inferon.passes.exact` makes tables of so many bits."""


class Role(Enum):
    """What a quantizer is for."""

    INPUT = "input"
    WEIGHTS = "weights"
    BIAS = "bias"
    ACTIVATION = "activation"
    ARGUMENT = "argument of a table"
    OUTPUT = "output"


class Grain(Enum):
    """What shares a step."""

    TENSOR = "one step for all weights of a layer"
    CHANNEL = "one step for each output channel of a layer"
    WEIGHT = "one step for each weight"


Key = tuple[Node, Role]
"""A place, by the value of the float graph that is rounded there."""


@dataclass(frozen=True, slots=True)
class Widths:
    """How many bits each kind of value has, and how it is rounded.

    Attributes
    ----------
    weights, activations : bits of the constant factors, and of the values between layers
    inputs : bits of the inputs, those of activations by default
    outputs : bits of the outputs; by default an output stays as wide as its last sum or product,
        and has 16 bits where it is a function of one value
    arguments : bits of the arguments of functions that become tables, at most 12
    grain : what shares a step among weights; activations have one for each layer
    rounding : HALF_UP, which costs least logic, or HALF_EVEN
    types : types of inputs that are not chosen from data, by name
    chosen : bits of single places; they go before all others
    """

    weights: int = 8
    activations: int = 8
    inputs: int | None = None
    outputs: int | None = None
    arguments: int = 10
    grain: Grain = Grain.TENSOR
    rounding: Rounding = Rounding.HALF_UP
    types: Mapping[str, Fixed] = field(default_factory=dict)
    chosen: Mapping[Key, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name in ("weights", "activations", "inputs", "outputs", "arguments"):
                check_width(each.name, value)
        if self.arguments > MOST_ARGUMENT_BITS:
            raise UsageError(
                f"arguments={self.arguments}: a table of 2**{self.arguments} entries is too "
                f"large; at most {MOST_ARGUMENT_BITS} bits"
            )
        if self.rounding not in (Rounding.HALF_UP, Rounding.HALF_EVEN):
            raise UsageError(f"rounding={self.rounding}: give HALF_UP or HALF_EVEN")
        for name, fixed in self.types.items():
            check_width(f"the type of input {name}", fixed.width)

    def of(self, key: Key) -> int:
        """Return the bits of a place."""
        if key in self.chosen:
            return self.chosen[key]
        role = key[1]
        if role is Role.WEIGHTS:
            return self.weights
        if role is Role.ARGUMENT:
            return self.arguments
        if role is Role.INPUT and self.inputs is not None:
            return self.inputs
        if role is Role.OUTPUT:
            return self.outputs or FUNCTION_OUTPUT_BITS
        return self.activations


FUNCTION_OUTPUT_BITS = 16
"""Of an output that is a function: as many as `ap_fixed<16, 6>`, the usual type of firmware."""


def check_width(what: str, width: object) -> None:
    """Raise unless a width is one."""
    if width is None:
        return
    if not isinstance(width, int) or isinstance(width, bool) or not 1 <= width <= LARGEST_WIDTH:
        raise UsageError(f"{what}={width}: a width is 1 to {LARGEST_WIDTH} bits")
    if width > MOST_BITS:
        raise UsageError(
            f"{what}={width}: the float model has {MOST_BITS} bits; give at most so many"
        )


@dataclass(frozen=True, slots=True)
class Place:
    """A quantizer that was put in.

    Attributes
    ----------
    layer : name of the layer in the source model
    key : what names the place in `Widths.chosen`
    source : the value that is rounded, in the prepared float graph
    rounded : the value on its grid, in the new graph
    grid : which numbers it may be
    """

    layer: str
    key: Key
    source: Node
    rounded: Node
    grid: BinaryGrid

    @property
    def role(self) -> Role:
        """What the quantizer is for."""
        return self.key[1]
