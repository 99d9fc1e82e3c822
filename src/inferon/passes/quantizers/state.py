"""What a value of the float model is on its way to grids."""

from __future__ import annotations

from dataclasses import dataclass

from inferon.ir.node import Node
from inferon.ir.values import Array


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """The same number for every event."""

    array: Array


@dataclass(frozen=True, slots=True)
class Rim:
    """An input, moved or scaled by constants; a float that nothing has rounded yet."""

    node: Node


@dataclass(frozen=True, slots=True)
class OnGrid:
    """A value on a grid.

    Attributes
    ----------
    node : in the new graph
    fraction : bits behind the point
    width : where a quantizer gave it one; None for what sums and products made of such values
    """

    node: Node
    fraction: int
    width: int | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """A function of one value, which is not rounded yet.

    Attributes
    ----------
    source, end : argument and result in the prepared float graph
    """

    source: Node
    end: Node


@dataclass(frozen=True, slots=True)
class Plain:
    """Ints and truth values."""

    node: Node


State = Constant | Rim | OnGrid | Curve | Plain
