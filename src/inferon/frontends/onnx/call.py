"""What an operator's function sees of its layer, and how it says that something is missing.

An operator costs one function ``Call -> Node`` (or several values), in the file of its family, and
one line in that family's table.  The function sees the shapes as they are in the file, with the
batch as an ordinary axis: taking the batch away is the work of ``batch``, not of the operators.
Whatever attribute it does not ask for is reported as a gap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from inferon.errors import InvalidModel
from inferon.frontends.naming import label
from inferon.frontends.onnx.read import Layer, Subgraph, Unread
from inferon.frontends.onnx.tensors import Foreign
from inferon.ir.node import Node
from inferon.ir.shape import Dim, Shape, Size
from inferon.ir.types import Element, Float
from inferon.ir.values import Array
from inferon.ops import build as b
from inferon.ops.movement import Broadcast
from inferon.ops.structure import Input


class Refused(Exception):
    """A layer needs what we lack: becomes a `Gap` with the layer's name."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


class Behind(Exception):
    """A layer waits for results of its own sub-graph, which has gaps: they have been noted."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Shape arithmetic with a run-time size in it: a scalar or a vector of sizes."""

    sizes: tuple[Size, ...]
    scalar: bool = False


@dataclass(frozen=True, slots=True)
class Several:
    """A sequence of tensors, whose number is known; ``element`` is the type of an empty one."""

    parts: tuple[Node, ...]
    element: Element | None = None


@dataclass(frozen=True, slots=True)
class Nothing:
    """An optional value that is left out."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A result with a run-time number of elements: as long as it can be, zeros past its count.

    Attributes
    ----------
    value : the bounded array
    axis : whose first ``count`` elements are the result
    count : int64 scalar
    """

    value: Node
    axis: int
    count: Node


Plain = Node | Sizes
Value = Plain | Several | Nothing | Counted
Result = Value | Sequence[Value]


@dataclass(frozen=True, slots=True)
class Rebinding:
    """A fixed batch in the file is to become another one."""

    fixed: int
    batch: int


Inner = Callable[[Subgraph, Sequence[Value]], list[Value]]
"""Translates a sub-graph with values for its inputs, in the scope of a layer."""

Trial = Callable[[Subgraph, Sequence[Value]], list[Value] | None]
"""Translates a sub-graph, or returns None and leaves no trace."""


def _no_scope(body: Subgraph, operands: Sequence[Value]) -> list[Value]:
    raise AssertionError(f"{body.name} is translated outside of any model")


@dataclass(slots=True)
class Call:
    """One layer with the values of its inputs.

    Attributes
    ----------
    layer : the layer in the file
    operands : values; None where an optional input is left out
    opset : version of the operator set of the layer's domain
    guides : shapes of the operands at another batch, where they are known
    rebinding : set when a fixed batch is to be replaced
    inner : translates a sub-graph where this layer stands
    trial : does the same, and forgets it where there is a gap
    depth : of the graph that holds the layer: 1 for the model's own
    narrow : the operands' types in the file where these are narrower than their nodes' types
    """

    layer: Layer
    operands: tuple[Value | None, ...]
    opset: int
    guides: tuple[Shape | None, ...] = ()
    rebinding: Rebinding | None = None
    inner: Inner = _no_scope
    trial: Trial = _no_scope
    narrow: Sequence[int | None] = ()
    depth: int = 1
    asked: set[str] = field(default_factory=set)

    # ------------------------------------------------------------------------------------ operands

    def has(self, position: int) -> bool:
        """Return whether an input is given."""
        return position < len(self.operands) and self.operands[position] is not None

    def node(self, position: int) -> Node:
        """Return an input that has to be given."""
        if not self.has(position):
            raise InvalidModel(
                f"layer {self.layer.label}: {self.layer.op} lacks its input {position}"
            )
        value = self.operands[position]
        if isinstance(value, Sizes):
            raise Refused(
                f"{self.layer.op} computes with the run-time size in {_shown(value)}",
                "a fixed size for that dimension",
            )
        if isinstance(value, Counted):
            raise Refused(
                f"{self.layer.op} of a run-time number of elements",
                "all elements, and a mask or Where for those that count",
            )
        if not isinstance(value, Node):
            kind = "a sequence" if isinstance(value, Several) else "an optional value"
            raise Refused(f"{self.layer.op} of {kind}", "a tensor")
        return value

    def nodes(self) -> list[Node]:
        """Return all inputs."""
        return [self.node(i) for i in range(len(self.operands))]

    def value(self, position: int) -> Plain:
        """Return an input that may be shape arithmetic."""
        value = self.operands[position] if self.has(position) else None
        return value if isinstance(value, Sizes) else self.node(position)

    def any_value(self, position: int) -> Value:
        """Return an input that may also be a sequence or an optional value."""
        value = self.operands[position] if self.has(position) else None
        return value if isinstance(value, Several | Nothing) else self.value(position)

    def array(self, position: int, what: str) -> Array:
        """Return an input that has to be constant."""
        array = constant_array(self.node(position))
        if array is None:
            raise Refused(f"{what} is computed at run time", self._how_to_fix(position, what))
        return array

    def _how_to_fix(self, position: int, what: str) -> str:
        node = self.node(position)
        if self.narrow_type(position) is not None and node.inputs:
            (node, *_) = node.inputs  # an input of a narrow type is brought into its set first
        if not isinstance(node.op, Input):
            return f"a constant {what}"
        name = label(self.layer.inputs[position])
        return f"load(..., bind={{'{name}': ...}}), with the {what} for ..."

    def numbers(self, position: int, what: str) -> tuple[int, ...]:
        """Return a constant input as integers."""
        return tuple(int(each) for each in self.array(position, what).ravel())

    def sizes(self, position: int, what: str) -> tuple[Size, ...]:
        """Return a constant input as sizes, which may be run-time sizes."""
        value = self.value(position)
        return value.sizes if isinstance(value, Sizes) else self.numbers(position, what)

    def narrow_type(self, position: int) -> int | None:
        """Return the number of an input's type in the file where its node only holds it."""
        return self.narrow[position] if position < len(self.narrow) else None

    # ---------------------------------------------------------------------------------- attributes

    def _attribute(self, name: str, default: Any, kind: type | tuple[type, ...], what: str) -> Any:
        self.asked.add(name)
        value = self.layer.attributes.get(name)
        if value is None:
            return default
        if isinstance(value, Foreign | Unread) or not isinstance(value, kind):
            raise InvalidModel(f"layer {self.layer.label}: attribute {name} is no {what}")
        return value

    def integer(self, name: str, default: int) -> int:
        """Return an integer attribute."""
        return int(self._attribute(name, default, int, "integer"))

    def number(self, name: str, default: float) -> float:
        """Return a number attribute."""
        return float(self._attribute(name, default, (int, float), "number"))

    def text(self, name: str, default: str) -> str:
        """Return a text attribute."""
        return str(self._attribute(name, default, str, "text"))

    def integers(self, name: str) -> tuple[int, ...] | None:
        """Return a list attribute, or None where it is absent."""
        value = self._attribute(name, None, tuple, "list of integers")
        if value is not None and not all(isinstance(each, int) for each in value):
            raise InvalidModel(
                f"layer {self.layer.label}: attribute {name} is no list of integers"
            )
        return value  # type: ignore[no-any-return]

    def subgraph(self, name: str) -> Subgraph:
        """Return a graph attribute that has to be given."""
        value = self._attribute(name, None, Subgraph, "graph")
        if value is None:
            raise InvalidModel(f"layer {self.layer.label}: {self.layer.op} lacks its graph {name}")
        return value  # type: ignore[no-any-return]

    def translate(self, body: Subgraph, operands: Sequence[Value]) -> list[Value]:
        """Return the outputs of a sub-graph whose inputs have these values.

        Names that it takes from the graphs around it have the values that they have there.

        Raises
        ------
        Behind
            When a layer of the sub-graph has a gap, which has been noted.
        """
        if len(operands) != len(body.inputs):
            what = f"a graph of {len(body.inputs)} inputs gets {len(operands)} values"
            raise InvalidModel(f"layer {self.layer.label}: {what}")
        return self.inner(body, operands)

    def attempt(self, body: Subgraph, operands: Sequence[Value]) -> list[Value] | None:
        """Return the outputs of a sub-graph; None, and nothing is noted, where it has gaps."""
        return self.trial(body, operands)

    def given(self, name: str) -> Any:
        """Return any attribute as it stands, or None."""
        self.asked.add(name)
        return self.layer.attributes.get(name)

    def ignore(self, *names: str) -> None:
        """State that attributes do not change the result."""
        self.asked.update(names)

    def only(self, name: str, *allowed: Any) -> None:
        """Refuse an attribute with another value than these; absent counts as allowed."""
        value = self.given(name)
        if value is not None and value not in allowed:
            raise Refused(
                f"{self.layer.op} with {name}={_brief(value)}", f"{name}={_brief(allowed[0])}"
            )

    def unasked(self) -> list[str]:
        """Return the attributes that no one asked for."""
        return sorted(set(self.layer.attributes) - self.asked)

    # ---------------------------------------------------------------------------------------- axes

    def axis(self, axis: int, rank: int) -> int:
        """Return an axis counted from the front."""
        if not -rank <= axis < rank:
            raise InvalidModel(
                f"layer {self.layer.label}: axis {axis} of a tensor with {rank} axes"
            )
        return axis % rank

    def axes(self, axes: Sequence[int], rank: int) -> tuple[int, ...]:
        """Return axes counted from the front, in order, each once."""
        return tuple(sorted({self.axis(axis, rank) for axis in axes}))

    def axes_input(self, position: int, rank: int, since: int) -> tuple[int, ...] | None:
        """Return the axes where the attribute ``axes`` became an input in opset ``since``."""
        if self.opset < since:
            listed = self.integers("axes")
        else:
            listed = self.numbers(position, "axes") if self.has(position) else None
        return None if listed is None else self.axes(listed, rank)


Operator = Callable[[Call], Result]
Table = dict[str, Operator]


def _brief(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _shown(value: Sizes) -> str:
    return ", ".join(str(size) for size in value.sizes)


def constant(array: Any) -> Node:
    """Return a constant of the array's own element type."""
    return b.constant(np.asarray(array))


def is_float(node: Node) -> bool:
    """Return whether a node's elements are floats."""
    return isinstance(node.type.element, Float)


def fixed_shape(node: Node, what: str) -> tuple[int, ...]:
    """Return a shape without run-time sizes, or refuse."""
    for size in node.type.shape:
        if isinstance(size, Dim):
            raise Refused(
                f"{what} over the run-time size {size.name}", "a fixed size for that dimension"
            )
    return tuple(size for size in node.type.shape if isinstance(size, int))


def constant_array(node: Node) -> Array | None:
    """Return the array of a constant, or of a constant that is repeated; else None."""
    if isinstance(node.op, Broadcast):
        array = b.array_of(node.inputs[0])
        fixed = all(isinstance(size, int) for size in node.type.shape)
        return None if array is None or not fixed else np.broadcast_to(array, node.type.shape)  # type: ignore[arg-type]
    return b.array_of(node)


def scalar_constant(node: Node) -> float | int | bool | None:
    """Return the number that every element of a constant is, or None."""
    array = constant_array(node)
    if array is None or array.size == 0:
        return None
    first = array.ravel()[0]
    return first.item() if bool((array == first).all()) else None
