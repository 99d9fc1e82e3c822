"""From a graph of primitives to regions: what is computed where, and what never touches memory.

Movements become strides.  Element-wise chains with a single user stay terms until something needs
them in memory; a chain behind a product is computed in the product's registers.  What has several
users is stored once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import count
from math import prod
from typing import TypeVar

from inferon.errors import Unsupported
from inferon.ir.graph import Graph
from inferon.ir.node import Node, Op
from inferon.ir.shape import static
from inferon.ir.types import INT64, Element, Fixed
from inferon.ir.values import Array
from inferon.ops import arithmetic, indexing, loop, movement, scatter
from inferon.ops.dot import Dot
from inferon.ops.reduction import Reduction
from inferon.ops.structure import Const
from inferon.ops.table import Table
from inferon.targets.cpp.blocking import blocked
from inferon.targets.cpp.gaps import ELEMENTWISE, MOVEMENT, find_gaps
from inferon.targets.cpp.memory import touched
from inferon.targets.cpp.orientation import turned_round
from inferon.targets.cpp.packing import packed_columns, packed_rows
from inferon.targets.cpp.private import is_private, users_of
from inferon.targets.cpp.region import (
    Accumulator,
    Choose,
    Collect,
    Compute,
    Deposit,
    Leaf,
    Literal,
    Map,
    Plan,
    Product,
    Reduce,
    Region,
    Repeat,
    Term,
    computes,
    reads_registers,
    rebound,
    replaced,
    written,
)
from inferon.targets.cpp.spell import fits_registers
from inferon.targets.cpp.value import (
    Pending,
    Value,
    in_memory,
    lanes_fit,
    like_operands,
    moved_value,
    pulled,
)
from inferon.targets.cpp.view import (
    Buffer,
    View,
    broadcasted,
    dense,
    is_one_axis,
    moved,
    reshaped,
)

TURNING = (movement.Reshape, movement.Transpose)


def plan(graph: Graph) -> Plan:
    """Return the regions of a graph in stage FLOAT; raise `Unsupported` with every gap."""
    gaps = find_gaps(graph)
    if gaps:
        raise Unsupported(gaps)
    planned = _planned(graph, _Planner())
    return replace(planned, regions=blocked(planned.regions))


def tile_plan(graph: Graph) -> Plan:
    """Return the regions of a tile of events (`tile.side_by_side`).

    Inputs and outputs lie in the workspace, the events of each element side by side: it is the
    edges of the header that bring them there from wherever the caller has them.
    """
    return _planned(graph, _Planner(is_tile=True))


def _planned(graph: Graph, planner: _Planner) -> Plan:
    inputs = tuple(
        planner.port(f"in_{name}", node)
        for name, node in zip(graph.input_names, graph.inputs, strict=True)
    )
    for node, buffer in zip(graph.inputs, inputs, strict=True):
        planner.values[node] = in_memory(buffer, static(node.type.shape, "an input"))
    planner.run(graph)
    for node in graph.outputs:  # before any of them finds its place: a product may read another
        planner.values[node] = planner.stored(planner.values[node], node)
    outputs = tuple(
        planner.deliver(node, f"out_{name}")
        for name, node in zip(graph.output_names, graph.outputs, strict=True)
    )
    regions = tuple(rebound(region, planner.final) for region in planner.regions)
    return Plan(graph, inputs, outputs, regions)


class _Planner:
    """Walks a graph once; mutable because it collects."""

    def __init__(
        self, numbers: count[int] | None = None, layer: str = "", *, is_tile: bool = False
    ) -> None:
        self.values: dict[Node, Value] = {}
        self.regions: list[Region] = []
        self.numbers = numbers or count()
        self.layer = layer
        self.is_tile = is_tile
        self.renamed: dict[Buffer, Buffer] = {}
        self.users: dict[Node, list[Node]] = {}
        self.outputs: tuple[Node, ...] = ()

    # ---------------------------------------------------------------------------------- buffers

    def port(self, name: str, node: Node) -> Buffer:
        """Return an input or output: the caller's own memory, or in a tile the workspace's."""
        shape = static(node.type.shape, "an input or output")
        return Buffer(name, node.type.element, prod(shape), external=not self.is_tile)

    def buffer(self, element: Element, size: int, stem: str = "t") -> Buffer:
        return Buffer(f"{stem}{next(self.numbers)}", element, size)

    def name(self) -> str:
        """Return the name of a new constant."""
        return f"c{next(self.numbers)}"

    def origin(self, node: Node) -> str:
        """Return the layer of a node, or of the loop that it is in."""
        return node.origin or self.layer

    def final(self, buffer: Buffer) -> Buffer:
        return self.renamed.get(buffer, buffer)

    # ------------------------------------------------------------------------------------- walk

    def run(self, graph: Graph) -> None:
        users = self.users = users_of(graph)
        self.outputs = graph.outputs
        for node in graph.nodes():
            if node not in self.values:
                value = self.visit(node)
                if isinstance(value.term, Compute):
                    value = replace(value, origin=self.origin(node))
                uses = len(users[node]) + graph.outputs.count(node)
                trivial = not isinstance(value.term, Compute) and value.pending is None
                stays = uses == 1 or trivial or is_private(node, users, graph.outputs)
                self.values[node] = value if stays else self.stored(value, node)

    def visit(self, node: Node) -> Value:
        op = node.op
        given = [self.values[each] for each in node.inputs]
        if isinstance(op, Const):
            return self.constant(op.values.array, node.type.element)
        if isinstance(op, MOVEMENT):
            return self.move(given[0], node)
        if isinstance(op, Table):
            return self.table(op, given[0], node)
        if isinstance(op, ELEMENTWISE):
            return self.compute(given, node)
        if isinstance(op, Reduction):
            return self.reduce(given[0], node)
        if isinstance(op, Dot):
            return self.product(given, node)
        return self.whole_tensor(given, node)

    def whole_tensor(self, given: list[Value], node: Node) -> Value:
        match node.op:
            case movement.Concat():
                return self.concat(given, node)
            case movement.Pad():
                return self.pad(given, node)
            case indexing.TopK():
                source = self.view(self.row_by_row(given[0], node), node)
                return self.region(
                    node,
                    lambda to: Choose(_as(indexing.TopK, node.op), source, to, self.origin(node)),
                )
            case indexing.Gather():
                source, where = self.view(given[0], node), self.view(given[1], node)
                return self.region(
                    node,
                    lambda to: Collect(
                        _as(indexing.Gather, node.op), source, where, to, self.origin(node)
                    ),
                )
            case scatter.Scatter():
                return self.scatter(given, node)
            case _:
                return self.loop(given, node)

    def region(self, node: Node, make: Callable[[View], Region]) -> Value:
        shape = static(node.type.shape, "a value")
        value = in_memory(self.buffer(node.type.element, prod(shape)), shape)
        assert isinstance(value.term, Leaf)
        self.regions.append(make(value.term.view))
        return value

    def constant(self, array: Array, element: Element) -> Value:
        if array.size == 1:
            return Value(Literal(array.ravel()[0].item(), element), array.shape)
        buffer = Buffer(self.name(), element, array.size, array=array)
        return in_memory(buffer, array.shape)

    # --------------------------------------------------------------------------------- movement

    def move(self, value: Value, node: Node) -> Value:
        shape = static(node.type.shape, "a value")
        if isinstance(value.term, Literal):
            return Value(value.term, shape)
        if value.pending and isinstance(node.op, TURNING):
            return replace(value, shape=shape, turns=(*value.turns, (node.op, shape)))
        repeats = isinstance(node.op, movement.Broadcast | movement.Window)
        if value.pending or (repeats and isinstance(value.term, Compute)):
            value = self.stored(value, node)
        result = moved_value(value, node.op, shape)
        if result is None:
            result = moved_value(self.row_major(value, node), node.op, shape)
        assert result is not None
        return result

    # ------------------------------------------------------------------------------ element-wise

    def compute(self, given: list[Value], node: Node) -> Value:
        shape = static(node.type.shape, "a value")
        carriers = [i for i, value in enumerate(given) if value.pending]
        carrier = given[carriers[0]] if carriers else None
        for i in carriers[1:]:
            assert carrier is not None
            if not given[i].waits_like(carrier):
                given[i] = self.stored(given[i], node)
        if carrier is not None:
            drawn = [v if v.pending else pulled(v, carrier) for v in given]
            terms = tuple(each.term for each in drawn if each is not None)
            term = Compute(node.op, terms, node.type.element)
            slows = fits_registers(carrier.term) and not fits_registers(term)
            if len(terms) == len(drawn) and lanes_fit(carrier, terms) and not slows:
                return replace(carrier, term=term)
            given = [self.stored(v, node) if v.pending else v for v in given]
        terms = tuple(value.term for value in given)
        return Value(Compute(node.op, terms, node.type.element), shape)

    # ----------------------------------------------------------------------------------- memory

    def stored(self, value: Value, node: Node) -> Value:
        """Return the value as a leaf; its layout follows its operands."""
        if value.pending is None and isinstance(value.term, Leaf):
            return value
        shape = value.base
        strides = dense(shape) if value.pending else like_operands(value.term, shape)
        element = value.term.element
        to = View(self.buffer(element, prod(shape)), shape, strides)
        self.regions.append(_region(value, to, value.origin or self.origin(node)))
        view: View | None = to
        for op, after in value.turns:
            turned = moved(view, op, after) if view is not None else None
            if turned is None and view is not None:
                turned = moved(self.copied(view, node), op, after)
            view = turned
        assert view is not None
        return Value(Leaf(view), value.shape)

    def view(self, value: Value, node: Node) -> View:
        """Return where the value lies in memory."""
        value = self.stored(value, node)
        assert isinstance(value.term, Leaf)
        return value.term.view

    def row_major(self, value: Value, node: Node) -> Value:
        """Return a copy in row-major order."""
        value = self.stored(value, node) if value.pending else value
        target = in_memory(self.buffer(value.term.element, prod(value.shape)), value.shape)
        assert isinstance(target.term, Leaf)
        origin = value.origin or self.origin(node)
        self.regions.append(Map(value.term, target.term.view, origin))
        return target

    def row_by_row(self, value: Value, node: Node) -> Value:
        """Return what is not in memory yet so that its rows lie side by side."""
        if value.pending or not isinstance(value.term, Compute) or self.is_tile:
            return value
        *lead, last = range(len(value.shape))
        order = (last, *lead)
        turned = dense(tuple(value.shape[axis] for axis in order))
        strides = tuple(turned[order.index(axis)] for axis in (*lead, last))
        to = View(self.buffer(value.term.element, prod(value.shape)), value.shape, strides)
        self.regions.append(Map(value.term, to, self.origin(node)))
        return Value(Leaf(to), value.shape)

    def copied(self, view: View, node: Node) -> View:
        """Return a copy of a view in row-major order."""
        return self.view(self.row_major(Value(Leaf(view), view.shape), node), node)

    def deliver(self, node: Node, name: str) -> Buffer:
        """Let a graph's output be computed in place where possible, and copy it otherwise."""
        value = self.values[node]
        buffer = self.port(name, node)
        stored = self.stored(value, node)
        assert isinstance(stored.term, Leaf)
        view = stored.term.view
        inner = (
            view.buffer.array is None
            and not view.buffer.external
            and view.buffer not in self.renamed
        )
        if not self.is_tile:  # the caller's memory ends where it ends
            inner = inner and not any(reads_registers(r, view.buffer) for r in self.regions)
        if view.is_whole and inner and any(computes(r, view.buffer) for r in self.regions):
            self.renamed[view.buffer] = buffer
        else:
            to = View(buffer, stored.shape, dense(stored.shape))
            self.regions.append(Map(stored.term, to, self.origin(node)))
        return buffer

    # ---------------------------------------------------------------------- reductions, products

    def reduce(self, value: Value, node: Node) -> Value:
        value = self.stored(value, node) if value.pending else value
        op = node.op
        assert isinstance(op, Reduction)
        kept = [axis for axis in range(len(value.shape)) if axis not in op.axes]
        shape = tuple(value.shape[axis] for axis in kept)
        remaining = replaced(
            value.term,
            lambda view: replace(
                view, shape=shape, strides=tuple(view.strides[axis] for axis in kept)
            ),
        )
        buffer = self.buffer(node.type.element, prod(shape))
        to = View(buffer, shape, like_operands(remaining, shape))
        self.regions.append(Reduce(op, value.term, value.shape, to, self.origin(node)))
        return Value(Leaf(to), shape)

    def product(self, given: list[Value], node: Node) -> Value:
        op = _as(Dot, node.op)
        left, right = self.view(given[0], node), self.view(given[1], node)
        shape = whole = static(node.type.shape, "a value")
        turned = turned_round(node, left, right, self.users)
        if turned is not None:
            left, right, shape = turned.left, turned.right, turned.shape
        if self.is_tile and left.buffer.array is not None:
            left = packed_rows(left, op, self.name())
        pending = Pending(
            self.strandable(left, op, node),
            self.packed(right, op, node),
            op,
            shape,
            node.type.element,
            self.origin(node),
        )
        turns = turned.turns if turned else ()
        return Value(Accumulator(node.type.element), whole, pending, turns)

    def packed(self, right: View, op: Dot, node: Node) -> View:
        """Return the right operand with its columns side by side.

        Constants and inputs are copied for that, and with several strands what is contracted over
        axes that are not one, such as the window of a padded image.
        """
        lead = op.batch + op.contract
        columns = prod(right.shape[lead:])
        merged = reshaped(right, (*right.shape[:lead], columns))
        inner = not right.buffer.external and right.buffer.array is None
        inner &= op.strands == 1 or is_one_axis(right, op.batch, lead)
        if merged is not None and inner and (columns == 1 or merged.strides[-1] == 1):
            return merged
        if right.buffer.array is not None:
            return packed_columns(right, lead, columns, self.name())
        view = reshaped(self.copied(right, node), (*right.shape[:lead], columns))
        assert view is not None
        return view

    def strandable(self, left: View, op: Dot, node: Node) -> View:
        """Return the left operand; with several strands its contracted axes must be one axis."""
        lead = len(left.shape) - op.contract
        if op.strands == 1 or is_one_axis(left, lead, len(left.shape)):
            return left
        return self.copied(left, node)

    # -------------------------------------------------------------------------- whole-tensor ops

    def concat(self, given: list[Value], node: Node) -> Value:
        axis = _as(movement.Concat, node.op).axis
        parts = [self.stored(value, node) if value.pending else value for value in given]
        return self.assembled([(value.term, value.shape) for value in parts], axis, node)

    def table(self, op: Table, value: Value, node: Node) -> Value:
        """Look up entry ``mantissa - lowest``, whose index is computed like any term."""
        value = self.stored(value, node) if value.pending else value
        source = value.term.element
        assert isinstance(source, Fixed)
        lowest = Literal(source.lowest, INT64)
        index = Value(Compute(arithmetic.Sub(), (value.term, lowest), INT64), value.shape)
        entries = self.constant(op.entries.array, op.element)
        where, source_view = self.view(index, node), self.view(entries, node)
        gather = indexing.Gather(axis=0)
        return self.region(
            node, lambda to: Collect(gather, source_view, where, to, self.origin(node))
        )

    def pad(self, given: list[Value], node: Node) -> Value:
        op = _as(movement.Pad, node.op)
        value = self.stored(given[0], node) if given[0].pending else given[0]
        edge = given[1].term
        parts: list[tuple[Term, tuple[int, ...]]] = []
        for size in (op.before, None, op.after):
            if size is None:
                parts.append((value.term, value.shape))
            elif size:
                shape = (*value.shape[: op.axis], size, *value.shape[op.axis + 1 :])
                spread = partial(broadcasted, shape=shape)
                parts.append((replaced(edge, spread), shape))
        return self.assembled(parts, op.axis, node)

    def assembled(self, parts: list[tuple[Term, tuple[int, ...]]], axis: int, node: Node) -> Value:
        shape = static(node.type.shape, "a value")
        view = View(self.buffer(node.type.element, prod(shape)), shape, dense(shape))
        start = 0
        for term, part in parts:
            to = replace(view, shape=part, offset=start * view.strides[axis])
            self.regions.append(Map(term, to, self.origin(node)))
            start += part[axis]
        return Value(Leaf(view), shape)

    def scatter(self, given: list[Value], node: Node) -> Value:
        """Copy the first operand, then let the updates come, as soon as they are computed."""
        op = _as(scatter.Scatter, node.op)
        first, updates = (self.stored(v, node) if v.pending else v for v in (given[0], given[2]))
        where = self.view(given[1], node)
        shape = static(node.type.shape, "a value")
        to = View(self.buffer(node.type.element, prod(shape)), shape, dense(shape))
        self.regions.append(Map(first.term, to, self.origin(node)))
        self.regions.append(Deposit(op, where, updates.term, updates.shape, to, self.origin(node)))
        return Value(Leaf(to), shape)

    # ------------------------------------------------------------------------------------ loops

    def loop(self, given: list[Value], node: Node) -> Value:
        op = node.op
        assert isinstance(op, loop.Loop)
        first, *rest = given
        sequences, shared = rest[: op.sequences], rest[op.sequences :]
        shape = static(node.inputs[0].type.shape, "a state")
        state = self.buffer(node.inputs[0].type.element, prod(shape), "state")
        first = self.stored(first, node) if first.pending else first
        self.regions.append(Map(first.term, View(state, shape, dense(shape)), self.origin(node)))
        inner = _Planner(self.numbers, self.origin(node), is_tile=self.is_tile)
        inner.values[op.body.inputs[0]] = in_memory(state, shape)
        steps = [self.sequence(value, node) for value in sequences]
        for (view, step), stand_in in zip(steps, op.body.inputs[1:], strict=False):
            at_step = View(step, view.shape[1:], view.strides[1:])
            inner.values[stand_in] = Value(Leaf(at_step), at_step.shape)
        for value, stand_in in zip(shared, op.body.inputs[1 + op.sequences :], strict=True):
            literal = isinstance(value.term, Literal)
            inner.values[stand_in] = value if literal else self.stored(value, node)
        inner.run(op.body)
        following = inner.stored(inner.values[op.body.outputs[0]], node)
        assert isinstance(following.term, Leaf)
        count = steps[0][0].shape[0]
        result = static(node.type.shape, "a value")
        keeps = isinstance(op, loop.Scan) and not self.only_last(node, count)
        history = self.buffer(node.type.element, prod(result)) if keeps else None
        body, left = _in_place(tuple(inner.regions), state, following.term.view)
        self.regions.append(
            Repeat(count, tuple(steps), body, state, left, history, self.origin(node))
        )
        last = View(state, result, dense(result), prod(shape) - prod(result))
        return in_memory(history, result) if history else Value(Leaf(last), result)

    def only_last(self, value: Node, steps: int) -> bool:
        """Return whether none but the last of all states is read: a loop needs no history then."""
        return value not in self.outputs and all(
            self.takes_last(user, steps) for user in self.users[value]
        )

    def takes_last(self, user: Node, steps: int) -> bool:
        """Return whether a movement, or what follows it, takes the last of all states; no copy."""
        match user.op:
            case movement.Slice(axis=0) as taken:
                return taken == movement.Slice(0, steps - 1, 1)
            case movement.Slice():
                return self.only_last(user, steps)
            case movement.Reshape():
                (given,) = user.inputs
                plain = [[n for n in each.type.shape if n != 1] for each in (given, user)]
                same = plain[0] == plain[1] and user.type.shape[:1] == given.type.shape[:1]
                return same and self.only_last(user, steps)
        return False

    def sequence(self, value: Value, node: Node) -> tuple[View, Buffer]:
        """Return where a sequence lies, and the pointer to the element of one step."""
        view = self.view(value, node)
        return view, Buffer(f"step{next(self.numbers)}", view.buffer.element, 0, external=True)


_Kind = TypeVar("_Kind")


def _as(kind: type[_Kind], op: Op) -> _Kind:
    """Return the operator as the class that the caller has found it to be."""
    assert isinstance(op, kind)
    return op


def _in_place(
    body: tuple[Region, ...], state: Buffer, left: View
) -> tuple[tuple[Region, ...], View]:
    """Return a loop's body that writes its state where the next step reads it, if it may.

    It may when every reader of the old state is done before the first part of the new one comes.
    Otherwise the new state is copied, also where one region reads old elements and writes new ones
    in their places: there the copy is faster (a GRU on Zen 4, one event: by a tenth).
    """
    new = left.buffer
    writes = [any(to.buffer is new for to in written(region)) for region in body]
    reads = [state in touched(region) for region in body]
    if not left.is_whole or True not in writes or True in reads[writes.index(True) :]:
        return body, left

    def change(buffer: Buffer) -> Buffer:
        return state if buffer is new else buffer

    return tuple(rebound(region, change) for region in body), replace(left, buffer=state)


def _region(value: Value, to: View, origin: str) -> Region:
    if value.pending is None:
        return Map(value.term, to, origin)
    p = value.pending
    return Product(
        *(p.left, p.right, p.op.batch, p.op.contract, p.op.strands),
        *(value.term, to, p.origin or origin),
    )
