"""From the core of an exact graph to functions on arrays, and the top function that calls them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import prod

from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import Element, Fixed, Int
from inferon.ops import arithmetic, logic, loop
from inferon.ops.convert import Quantize
from inferon.ops.structure import Const
from inferon.targets.hls import steps
from inferon.targets.hls.code import (
    Array,
    Assign,
    Constant,
    Do,
    Function,
    Ignore,
    Item,
    Parameter,
    Stmt,
)
from inferon.targets.hls.constants import Constants
from inferon.targets.hls.element import Writer, compared, flat, shape_of
from inferon.targets.hls.naming import stem
from inferon.targets.hls.placement import stored


@dataclass(frozen=True, slots=True)
class Design:
    """What a project holds, before it is spelled in a dialect.

    Attributes
    ----------
    name : the model's; the top function is called ``NAME_top``
    elements : all types, in the order in which the graph has them
    constants : weights and tables
    functions : each after those that it calls
    top : takes one event
    """

    name: str
    elements: tuple[Element, ...]
    constants: tuple[Constant, ...]
    functions: tuple[Function, ...]
    top: Function

    @property
    def scope(self) -> str:
        """The namespace of all but the top function: no word of C++, and no function of its."""
        return f"{self.name}_hls"


def design(name: str, core: Graph) -> Design:
    """Return the design of a graph without floats."""
    made = _Lowering()
    inputs = [f"in_{each}" for each in core.input_names]
    outputs = [f"out_{each}" for each in core.output_names]
    body = made.body(core, inputs, outputs)
    ports = (*_taken(core.inputs, inputs), *_filled(core.outputs, outputs))
    top = Function(f"{name}_top", ports, body, f"One event of {core.name}")
    elements = tuple(dict.fromkeys(_elements(core)))
    return Design(name, elements, tuple(made.constants.found.values()), tuple(made.functions), top)


def _taken(nodes: Iterable[Node], names: Iterable[str]) -> list[Parameter]:
    return [
        Parameter(name, node.type.element, prod(shape_of(node)))
        for node, name in zip(nodes, names, strict=True)
    ]


def _filled(nodes: Iterable[Node], names: Iterable[str]) -> list[Parameter]:
    return [
        Parameter(name, node.type.element, prod(shape_of(node)), is_filled=True)
        for node, name in zip(nodes, names, strict=True)
    ]


def _elements(graph: Graph) -> Iterator[Element]:
    for node in graph.nodes():
        if isinstance(node.op, loop.Loop):
            yield from _elements(node.op.body)
        source = node.inputs[0].type.element if node.inputs else None
        if isinstance(node.op, Quantize) and isinstance(source, Int):
            yield Fixed(source.signed, source.bits, source.bits)
        if isinstance(node.op, logic.Comparison | arithmetic.Max | arithmetic.Min):
            yield from compared(*(each.type.element for each in node.inputs))
        yield node.type.element


@dataclass(slots=True)
class _Lowering:
    """Walks graphs and their loops once; mutable because it collects."""

    constants: Constants = field(default_factory=Constants)
    functions: list[Function] = field(default_factory=list)
    arrays: int = 0

    def array(self) -> str:
        """Return the name of a new array."""
        self.arrays += 1
        return f"t{self.arrays}"

    def body(
        self, graph: Graph, inputs: Sequence[str], outputs: Sequence[str]
    ) -> tuple[Stmt, ...]:
        """Return the statements that compute a graph from and into arrays."""
        arrays = dict(zip(graph.inputs, inputs, strict=True))
        in_place = _in_place(graph, outputs)
        places = stored(graph)
        statements: list[Stmt] = []
        for node in graph.nodes():
            if node not in places:
                continue
            name = in_place.get(node) or self.array()
            if node not in in_place:
                size = prod(shape_of(node))
                statements.append(Array(name, node.type.element, size, str(node.type)))
            statements.append(self.step(node, name, arrays))
            arrays[node] = name
        for node, name in zip(graph.outputs, outputs, strict=True):
            if in_place.get(node) != name:
                statements.append(self.hand_over(node, name, arrays))
        passed = {name for each in statements if isinstance(each, Do) for name in each.arguments}
        unread = [Ignore(name) for name in inputs if name not in passed]
        return (*unread, *statements)

    def step(self, node: Node, name: str, arrays: dict[Node, str]) -> Do:
        """Return the call of a new function that computes a node into its array."""
        write = Writer(arrays, self.constants)
        if isinstance(node.op, loop.Loop):
            self.repeated(write, node, name)
            write.done.setdefault(node.op.spelling())
        else:
            steps.fill(write, node, name)
        return self.called(write, node, name)

    def hand_over(self, node: Node, name: str, arrays: dict[Node, str]) -> Do:
        """Return the call of a new function that copies a node into an output."""
        write = Writer(arrays, self.constants)
        steps.copy(write, node, name)
        return self.called(write, node, name)

    def called(self, write: Writer, node: Node, name: str) -> Do:
        """Return the call of what was written, which becomes a function."""
        read = [each for each in write.read if each in write.arrays]
        names = [write.arrays[each] for each in read]
        parameters = (*_taken(read, names), *_filled([node], [name]))
        done = list(dict.fromkeys([*write.done, node.op.spelling()]))
        title = f"{stem(node.origin, node.op.spelling())}_{len(self.functions)}"
        layer = f"{node.origin}: " if node.origin else ""
        remark = f"{layer}{', '.join(done)} -> {node.type}"
        self.functions.append(Function(title, parameters, write.statements, remark))
        return Do(title, (*names, name))

    def repeated(self, write: Writer, node: Node, name: str) -> None:
        """Write a loop over steps around a function that computes the next state."""
        op = node.op
        assert isinstance(op, loop.Loop)
        first, *rest = node.inputs
        sequences, shared = rest[: op.sequences], rest[op.sequences :]
        state, following = self.array(), self.array()
        given = [state, *(self.array() for _ in sequences)]
        inner = [*given, *(self.array() for _ in shared)]
        cell = self.cell(op, inner, following)
        shape = shape_of(first)
        write.put(Array(state, first.type.element, prod(shape), "the state"))
        steps.copy(write, first, state)
        with write.loops((op.steps(sequences[0].type),)) as (step,):
            for each, array in zip(sequences, given[1:], strict=True):
                sizes = shape_of(each)[1:]
                write.put(Array(array, each.type.element, prod(sizes), "of this step"))
                with write.loops(sizes) as index:
                    value = write.element(each, (step, *index))
                    write.put(Assign(Item(array, flat(sizes, index)), value))
            write.put(Array(following, first.type.element, prod(shape), "the next state"))
            for each in shared:
                write.read.setdefault(each)
            passed = [write.array(each) for each in shared]
            write.put(Do(cell, (*given, *passed, following)))
            with write.loops(shape) as index:
                place = flat(shape, index)
                write.put(Assign(Item(state, place), Item(following, place)))
                if isinstance(op, loop.Scan):
                    to = flat(shape_of(node), (step, *index))
                    write.put(Assign(Item(name, to), Item(following, place)))
        if isinstance(op, loop.Fold):
            with write.loops(shape) as index:
                place = flat(shape, index)
                write.put(Assign(Item(name, place), Item(state, place)))

    def cell(self, op: loop.Loop, inner: Sequence[str], following: str) -> str:
        """Return the name of a new function that computes one step of a loop."""
        body = self.body(op.body, inner, [following])
        parameters = (*_taken(op.body.inputs, inner), *_filled(op.body.outputs, [following]))
        name = f"{stem(op.body.name, 'cell')}_{len(self.functions)}"
        self.functions.append(Function(name, parameters, body, f"One step of {op.body.name}"))
        return name


def _in_place(graph: Graph, outputs: Sequence[str]) -> dict[Node, str]:
    """Return the outputs that are computed where they are wanted: nobody else reads them."""
    read = {each for node in graph.nodes() for each in node.inputs}
    place: dict[Node, str] = {}
    for node, name in zip(graph.outputs, outputs, strict=True):
        if node.inputs and node not in read and not isinstance(node.op, Const):
            place.setdefault(node, name)
    return place
