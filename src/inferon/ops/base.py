"""The kinds of operator: primitives have a reference, composites have a decomposition."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from inferon.errors import InvalidGraph
from inferon.ir.node import Node, Op
from inferon.ir.shape import Tensor
from inferon.ir.types import FLOAT64, Element
from inferon.ir.values import Array


@dataclass(frozen=True, slots=True)
class Primitive(Op):
    """An operator whose meaning is a reference in numpy.

    Arrays carry a leading axis of events, which every input shares.  Fixed-point arrays hold
    mantissas.
    """

    @abstractmethod
    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        """Return the value for every event: the definition of the operator."""

    def real(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        """Return the value in float64, in any order: what the exact one is compared with."""
        return self.reference(out, types, *args)


@dataclass(frozen=True, slots=True)
class Composite(Op):
    """An operator that is an abbreviation: its meaning is its decomposition."""

    @abstractmethod
    def decompose(self, *inputs: Node) -> Node:
        """Return the same value from simpler operators."""

    def infer(self, *inputs: Tensor) -> Tensor:
        """Return the type of the decomposition."""
        return self.decompose(*(Node(_Placeholder(i, each)) for i, each in enumerate(inputs))).type


@dataclass(frozen=True, slots=True)
class Elementary(Composite):
    """A real function with its own approximation; a target may print it as one function.

    Attributes
    ----------
    operands : names of the operands
    ulp, ulp64 : largest distance from the exact result over all float32 inputs, and over float64
        inputs, in units in the last place
    """

    operands: ClassVar[tuple[str, ...]] = ("x",)
    ulp: ClassVar[float]
    ulp64: ClassVar[float]

    def ulp_in(self, element: Element) -> float:
        """Return the bound for a format."""
        return self.ulp64 if element == FLOAT64 else self.ulp

    @staticmethod
    @abstractmethod
    def exact(*x: Any, **options: Any) -> Array:
        """Return the function of its operands in float64."""


@dataclass(frozen=True, slots=True)
class _Placeholder(Primitive):
    """Stands for an input while the type of a decomposition is found."""

    position: int
    type: Tensor

    def infer(self, *inputs: Tensor) -> Tensor:
        return self.type

    def reference(self, out: Tensor, types: tuple[Tensor, ...], *args: Array) -> Array:
        raise InvalidGraph("a placeholder has no value")


def require(condition: bool, message: str, *values: Any) -> None:
    """Raise `InvalidGraph` with the message, which the values fill, unless the condition holds."""
    if not condition:
        raise InvalidGraph(message.format(*values), rule="type")


def same(inputs: tuple[Tensor, ...], number: int) -> Tensor:
    """Return the one type that all inputs share; there must be ``number`` of them."""
    require(len(inputs) == number, "takes {} inputs, not {}", number, len(inputs))
    first = inputs[0]
    for each in inputs[1:]:
        require(each.shape == first.shape, "shapes differ: {} and {}", first, each)
        require(each.element == first.element, "element types differ: {} and {}", first, each)
    return first
