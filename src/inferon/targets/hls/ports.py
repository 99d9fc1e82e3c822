"""What goes through a port of the simulation: whole numbers, as numpy keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import Bool, Element, Fixed, Int
from inferon.ir.values import Array, storage
from inferon.targets.hls.element import shape_of
from inferon.targets.hls.naming import alias

NUMBERS_A_LINE = 12


@dataclass(frozen=True, slots=True)
class Port:
    """An argument of the top function.

    Attributes
    ----------
    name : what the graph calls it
    argument : what the top function calls it
    node : its value
    """

    name: str
    argument: str
    node: Node

    @property
    def element(self) -> Element:
        """The type of an element."""
        return self.node.type.element

    @property
    def size(self) -> int:
        """The number of elements of an event."""
        return prod(shape_of(self.node))

    @property
    def word(self) -> str:
        """The C++ type of the whole numbers."""
        match self.element:
            case Bool():
                return "bool"
            case Int(signed=signed, bits=bits):
                return f"std::{'' if signed else 'u'}int{bits}_t"
            case _:
                return "std::int64_t"

    def declared(self, scope: str) -> str:
        """Return the declaration of an array for one event."""
        own = "" if isinstance(self.element, Bool) else f"{scope}::"
        return f"{own}{alias(self.element)} {self.argument}[{max(1, self.size)}];"

    def new(self, events: int) -> Array:
        """Return an array for so many events."""
        return np.empty((events, *shape_of(self.node)), storage(self.element))

    def step(self) -> str:
        """Return the value of one whole number, in words."""
        element = self.element
        return f"2^{-element.fraction}" if isinstance(element, Fixed) else "1"


def inputs_of(core: Graph) -> tuple[Port, ...]:
    """Return the inputs of a graph."""
    return tuple(
        Port(name, f"in_{name}", node)
        for name, node in zip(core.input_names, core.inputs, strict=True)
    )


def outputs_of(core: Graph) -> tuple[Port, ...]:
    """Return the outputs of a graph."""
    return tuple(
        Port(name, f"out_{name}", node)
        for name, node in zip(core.output_names, core.outputs, strict=True)
    )


def golden_array(port: Port, values: Array) -> str:
    """Return the definition of an array with the words of some events."""
    words = [_word(value, port.element) for value in values.ravel().tolist()] or ["0"]
    rows = [words[i : i + NUMBERS_A_LINE] for i in range(0, len(words), NUMBERS_A_LINE)]
    lines = "\n".join(f"  {', '.join(row)}," for row in rows)
    return f"static const {port.word} {port.argument}[] = {{\n{lines}\n}};"


def _word(value: int, element: Element) -> str:
    if isinstance(element, Bool):
        return "true" if value else "false"
    if value == -(1 << 63):  # C++ has no negative literals
        return "-9223372036854775807ll - 1"
    return f"{value}ull" if value >= 1 << 63 else str(value)
