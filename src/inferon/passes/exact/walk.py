"""A walk over a quantized float model: every node becomes a value on a grid, or stays float."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from inferon.errors import Gap, Unsupported
from inferon.ir.graph import Graph
from inferon.ir.node import Node, ordered
from inferon.ir.types import Element, Fixed, Float, Int
from inferon.ops import arithmetic
from inferon.ops.activation import Clip, Relu
from inferon.ops.base import Composite, Elementary
from inferon.ops.convert import Cast, Quantize
from inferon.ops.loop import Loop
from inferon.ops.mantissa import Overflow, Rounding
from inferon.ops.quantization import OnGrid, Whole
from inferon.ops.structure import Const, Input
from inferon.passes.exact.choices import stays_inside
from inferon.passes.exact.curve import ELEMENTWISE, MAX_INDEX_BITS, as_int, as_output
from inferon.passes.exact.dyadic import array_of, at_step, grid
from inferon.passes.exact.operands import on_grid, rule
from inferon.passes.exact.rounding import settled
from inferon.passes.exact.rules import by_rule
from inferon.passes.exact.value import (
    Curve,
    Grid,
    Lost,
    NotExact,
    Numbers,
    Pending,
    Plain,
    Rim,
    Value,
)
from inferon.passes.fold import FOLD
from inferon.passes.turns import written_out
from inferon.rewrite import rewrite
from inferon.stage import EXACT, verify

LOST = Lost()


@dataclass(frozen=True, slots=True)
class Quantizer:
    """A rounding in both graphs.

    Attributes
    ----------
    layer : the layer's name in the source model
    source : the whole numbers as floats, in the float graph
    exact : the same as fixed point in units of ``step``, in the exact graph
    step : so that ``exact * step`` is a whole number
    """

    layer: str
    source: Node
    exact: Node
    step: float


@dataclass(frozen=True, slots=True)
class Exact:
    """An exact graph, and the places where the float graph has the same numbers.

    Attributes
    ----------
    graph : of stage EXACT
    quantizers : in the order of layers
    """

    graph: Graph
    quantizers: tuple[Quantizer, ...]


def exact_graph(graph: Graph, inputs: Mapping[str, Fixed] | None = None) -> Exact:
    """Return a quantized model as a graph without floats but at the rim.

    Parameters
    ----------
    graph : floats that lie on grids
    inputs : types of float inputs that the model does not quantize itself, by name; values are
        rounded to the nearest, ties to even, and saturate

    Raises
    ------
    Unsupported
        With every layer that stays float, and why.
    """
    walk = _Walk(inputs or {})
    for node in graph.nodes():
        walk.visit(node, node.origin)
    outputs = [
        walk.output(node, name)
        for node, name in zip(graph.outputs, graph.output_names, strict=True)
    ]
    if walk.gaps:
        raise Unsupported(tuple(dict.fromkeys(walk.gaps)))
    named = _with_origins(tuple(each for each in outputs if each is not None), walk.origins)
    tidy = rewrite(replace(graph, outputs=named), FOLD_RULES)
    verify(tidy.graph, EXACT)
    kept = set(tidy.graph.nodes())
    found = [
        replace(each, exact=tidy.became[each.exact])
        for each in walk.quantizers
        if each.exact in tidy.became
    ]
    return Exact(tidy.graph, tuple(each for each in found if each.exact in kept))


FOLD_RULES = FOLD.change if isinstance(FOLD.change, tuple) else ()


def _with_origins(outputs: tuple[Node, ...], origins: Mapping[Node, str]) -> tuple[Node, ...]:
    """Return the same nodes with the layers' names behind them."""
    named: dict[Node, Node] = {}
    for node in ordered(outputs):
        inputs = tuple(named[each] for each in node.inputs)
        is_input = isinstance(node.op, Input)
        named[node] = node if is_input else Node(node.op, inputs, origins.get(node, node.origin))
    return tuple(named[each] for each in outputs)


@dataclass(slots=True)
class _Walk:
    """The values so far."""

    inputs: Mapping[str, Fixed]
    values: dict[Node, Value] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    quantizers: list[Quantizer] = field(default_factory=list)
    layers: dict[Node, str] = field(default_factory=dict)
    origins: dict[Node, str] = field(default_factory=dict)

    def visit(self, node: Node, origin: str) -> None:
        """Find the value of a node whose inputs have theirs."""
        if node in self.values:
            return
        self.layers[node] = origin
        try:
            self.values[node] = self._value(node, origin)
        except NotExact as stays:
            self._gap(origin or node.op.spelling(), stays)
            self.values[node] = LOST

    def _gap(self, layer: str, stays: NotExact) -> None:
        self.gaps.append(Gap(layer, stays.what, stays.hint))

    def _value(self, node: Node, origin: str) -> Value:
        op = node.op
        if isinstance(op, Input):
            return self._input(op, node)
        if isinstance(op, Const):
            return Numbers(op.values.array)
        values = [self._operand(each, node) for each in node.inputs]
        if any(isinstance(each, Lost) for each in values):
            return LOST
        constant = all(isinstance(each, Numbers) for each in values)
        if isinstance(op, Composite) and constant and not isinstance(op, Whole | OnGrid):
            return self._decomposed(op, node, origin)
        found = rule(op, node, values) if isinstance(op, OnGrid) else by_rule(node, values)
        if found is None and isinstance(op, Loop):
            return self._written_out(node, origin)
        if found is None and isinstance(op, Composite) and not isinstance(op, Elementary):
            return self._decomposed(op, node, origin)
        if found is None:
            raise NotExact(
                _why(node, values), "a quantizer before it, or a model that ends before it"
            )
        return self._checked(node, found, origin)

    def _input(self, op: Input, node: Node) -> Value:
        if not isinstance(node.type.element, Float):
            return Plain(node)
        to = self.inputs.get(op.name)
        if to is None:
            return Rim(node)
        quantize = Quantize(to, Rounding.HALF_EVEN, Overflow.SATURATE)
        return grid(Node(quantize, (node,)), np.ones(()))

    def _operand(self, node: Node, user: Node) -> Value:
        """Return an input; a rounding waits only for its ends."""
        value = self.values[node]
        waits = isinstance(user.op, arithmetic.Max | arithmetic.Min | Relu | Clip)
        if not isinstance(value, Pending) or waits:
            return value
        return self._settled(node, value)

    def _settled(self, node: Node, value: Pending) -> Grid:
        whole = settled(value)
        layer = self.layers[node] or node.op.spelling()
        self.values[node] = self._checked(node, whole, layer)
        assert whole.scale is not None
        if array_of(whole.node) is None:
            self.quantizers.append(Quantizer(layer, node, whole.node, whole.scale))
        return whole

    def _decomposed(self, op: Composite, node: Node, origin: str) -> Value:
        return self._opened(op.decompose(*node.inputs), node, origin)

    def _written_out(self, node: Node, origin: str) -> Value:
        try:
            root = written_out(node)
        except Unsupported as refused:
            (gap,) = refused.gaps
            raise NotExact(gap.what, gap.hint) from None
        return self._opened(root, node, origin)

    def _opened(self, root: Node, node: Node, origin: str) -> Value:
        """Return the value of what an abbreviation stands for."""
        for each in ordered((root,)):
            self.visit(each, each.origin or origin)
        return self.values[root]

    def _checked(self, node: Node, value: Value, origin: str) -> Value:
        if isinstance(value, Grid):
            if value.fixed.width > MOST_BITS:
                what = f"a value of {value.fixed.width} bits ({value.fixed}); at most {MOST_BITS}"
                raise NotExact(what, "a quantizer before this layer")
            stays_inside(node, value)
            self._own(value.node, origin)
        elif isinstance(value, Plain | Rim):
            self._own(value.node, origin)
        return value

    def _own(self, root: Node, origin: str) -> None:
        """Write the layer's name behind every node that it made first."""
        stack = [root]
        while stack:
            node = stack.pop()
            if node not in self.origins:
                self.origins[node] = node.origin or origin
                stack.extend(node.inputs)

    # ------------------------------------------------------------------------------------- outputs

    def output(self, node: Node, name: str) -> Node | None:
        """Return an output of the graph's own type."""
        value = self.values[node]
        try:
            if isinstance(value, Pending):
                value = self._settled(node, value)
            if isinstance(value, Lost):
                return None
            return self._as_output(value, node.type.element)
        except NotExact as stays:
            self._gap(name, stays)
            return None

    def _as_output(self, value: Value, element: Element) -> Node:
        if isinstance(value, Plain):
            return value.node
        if isinstance(value, Curve):
            value = as_output(value)
        if isinstance(value, Grid):
            value = on_grid(value)
        if not isinstance(value, Grid):
            raise NotExact("the output is not quantized", "a quantizer before it")
        if isinstance(element, Int):
            return as_int(value, element)
        largest = max(abs(value.low), abs(value.high), value.resolution) * float(value.step.max())
        one = at_step(value, np.ones(()), largest * 2.0**-OUTPUT_BITS)
        return Node(Cast(element), (one.node,))


MOST_BITS = 64
"""Of a value: products in a row that nobody quantizes double their widths each time."""

OUTPUT_BITS = 30
"""An output is off by at most 2**-30 of the largest before it is rounded to float32's 24 bits."""


def _why(node: Node, values: Sequence[Value]) -> str:
    """Return why a layer stays float."""
    if any(isinstance(each, Rim) for each in values):
        return "its input is not quantized"
    if any(isinstance(each, Curve) for each in values):
        return "its input is a function that is not quantized"
    grids = [each.fixed for each in values if isinstance(each, Grid)]
    widths = ", ".join(map(str, grids)) or "such values"
    if isinstance(node.op, ELEMENTWISE) and len(grids) == 1 and grids[0].width > MAX_INDEX_BITS:
        return (
            f"{node.op.spelling()} of {widths}: a table is of at most {MAX_INDEX_BITS} bits, "
            f"which are {1 << MAX_INDEX_BITS} entries"
        )
    return f"{node.op.spelling()} of {widths} has no exact form"
