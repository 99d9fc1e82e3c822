"""Events must not see each other: shapes fitted to the batch, random events alone and in a batch.

The model is translated at batches 1, 2 and 3.  A value that depends on the events must have
exactly one axis that grows in proportion to the batch, and three random events in a batch must
give what they give alone.  The first layer that breaks this is the one to blame.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from inferon.errors import Gap, Unsupported
from inferon.frontends.naming import label
from inferon.frontends.onnx.call import Counted, Several, Value, constant_array
from inferon.frontends.onnx.limits import MAX_BATCH_ELEMENTS, MAX_COMPARED_TURNS
from inferon.frontends.onnx.read import Layer, Model
from inferon.frontends.onnx.slots import Batch
from inferon.frontends.onnx.translate import Translation
from inferon.ir.node import Node, ordered
from inferon.ir.shape import Dim, Shape, count, largest, resolve
from inferon.ir.types import Bool, Element, Float
from inferon.ir.values import Array, storage
from inferon.ops import build as b
from inferon.ops.evaluation import evaluate
from inferon.ops.loop import Loop
from inferon.ops.rounding import RoundTo, RoundToPower

EVENTS = 3
"""Events in the batch that is compared with events alone."""

SAME = 1e-6
"""Largest difference, relative to the largest value, that still counts as rounding.

Both sides compute in float64, which rounds at 1e-16; this leaves room for ten digits of
cancellation, while an event that enters another one's result changes it by a fraction of order
1/3.
"""

_SEED = 20


@dataclass(frozen=True, slots=True)
class Growth:
    """A value's one axis that is ``factor`` times the batch."""

    axis: int
    factor: int


def growth(at_1: Shape, at_2: Shape, at_3: Shape) -> Growth | None:
    """Fit every size to ``a * batch + c``; return the one axis with a > 0 and c = 0, or None."""
    if not len(at_1) == len(at_2) == len(at_3):
        return None
    found = [
        (axis, two - one if isinstance(one, int) and isinstance(two, int) else 0)
        for axis, (one, two, three) in enumerate(zip(at_1, at_2, at_3, strict=True))
        if not one == two == three
    ]
    if len(found) != 1:
        return None
    axis, factor = found[0]
    sizes = (at_1[axis], at_2[axis], at_3[axis])
    return Growth(axis, factor) if sizes == (factor, 2 * factor, 3 * factor) else None


@dataclass(frozen=True, slots=True)
class Three:
    """The translations at batches 1, 2 and 3."""

    model: Model
    batch: Batch
    one: Translation
    two: Translation
    three: Translation

    def growth(self, name: str) -> Growth | None:
        """Return how a value grows with the batch."""
        shapes = [each.shape(name) for each in (self.one, self.two, self.three)]
        if shapes[0] is None or shapes[1] is None or shapes[2] is None:
            return None
        return growth(shapes[0], shapes[1], shapes[2])

    def outputs(self) -> list[str]:
        """Return the names of the outputs, which are the same at every batch, or refuse."""
        found = [each.outputs(self.model) for each in (self.one, self.two, self.three)]
        if not found[0] == found[1] == found[2]:
            what = "an output that is a sequence whose length depends on the batch"
            raise Unsupported([Gap(label(self.model.outputs[0].name), what, "a tensor")])
        return found[0]

    def dependent(self) -> Iterator[tuple[Layer, str]]:
        """Yield the values that depend on events, in the order of layers."""
        known = set(self.batch.inputs)
        for layer in self.model.layers:
            if not known.intersection(layer.needs):
                continue
            for name in layer.outputs:
                value = self.one.values.get(name)
                if isinstance(value, Several) and not all(map(_constant, value.parts)):
                    known.add(name)  # what is taken out of it is looked at
                elif name and not _constant(value):
                    known.add(name)
                    yield layer, name

    def counting(self) -> Iterator[tuple[Layer, str]]:
        """Yield the constants that grow with the batch: the places of events, an identity."""
        for layer in self.model.layers:
            for name in layer.outputs:
                if _constant(self.one.values.get(name)) and self.growth(name) is not None:
                    yield layer, name


def _constant(value: Value | None) -> bool:
    if isinstance(value, Counted):
        return False
    return not isinstance(value, Node) or constant_array(value) is not None


def misfit(three: Three) -> Gap | None:
    """Return the first layer whose result does not grow with the batch."""
    for layer, name in three.dependent():
        if isinstance(three.one.values.get(name), Counted):
            what = "a run-time number of elements, which differs between the events of a batch"
            return Gap(layer.label, what, "load(..., batch_axis=None), of a model for one event")
        if three.growth(name) is None:
            shapes = [_shown(each.shape(name)) for each in (three.one, three.two, three.three)]
            what = f"{layer.op} mixes the events of {three.batch}: its shape at batch 1, 2, 3 is"
            what = f"{what} {', '.join(shapes)}"
            return Gap(layer.label, what, _hint(three.batch))
    return None


def _hint(batch: Batch) -> str:
    if batch.symbol:
        return f"load(..., dims={{'{batch.symbol[:32]!s}': 128}}) if it is a size of one event"
    return "load(..., batch_axis=None) if one event is meant"


def _shown(shape: Shape | None) -> str:
    return "unknown" if shape is None else "x".join(str(size) for size in shape) or "scalar"


def too_large(three: Three) -> Gap | None:
    """Refuse models whose comparison needs too much memory, before an event is drawn."""
    nodes = ordered([value for value in three.three.values.values() if isinstance(value, Node)])
    total = sum(count(node.type.shape) * _steps(node) for node in nodes)
    turns = sum(map(_turns, nodes))
    if turns > MAX_COMPARED_TURNS:
        what = f"{turns} steps, one after the other, in an event"
        return Gap("model", what, f"a model with at most {MAX_COMPARED_TURNS}")
    if total <= MAX_BATCH_ELEMENTS:
        return None
    return Gap(
        "model",
        f"{total} values in a batch of {EVENTS}",
        f"a model with at most {MAX_BATCH_ELEMENTS}",
    )


class Comparison:
    """Random events, alone and in a batch."""

    def __init__(self, three: Three, inputs: Sequence[Node], batched: Mapping[str, Node]) -> None:
        self.three = three
        self.inputs = inputs
        self.sizes = {
            size.name: min(size.max, 5)
            for node in inputs
            for size in node.type.shape
            if isinstance(size, Dim)
        }
        self._alone: dict[Node, Array] = {}
        self._batch: dict[Node, Array] = {}
        random = np.random.default_rng(_SEED)
        for slot, node in zip(three.model.inputs, inputs, strict=True):
            carries = slot.name in three.batch.inputs
            events = _events(random, node, self.sizes, EVENTS if carries else 1)
            self._alone[node] = (
                events if carries else np.broadcast_to(events, (EVENTS, *events.shape[1:]))
            )
            self._batch[batched[slot.name]] = (
                np.moveaxis(events, 0, three.batch.axis)[None] if carries else events
            )

    def of_graph(self, outputs: Sequence[Node], names: Sequence[str]) -> str | None:
        """Return the first output of the event graph that differs from the batch, or None."""
        alone = evaluate(tuple(outputs), self._alone, self.sizes, real=True)
        roots = [self._root(name) for name in names]
        batch = evaluate(tuple(roots), self._batch, self.sizes, real=True)
        for name, output, root in zip(names, outputs, roots, strict=True):
            if not self._agree(name, _full(alone[output], EVENTS), batch[root]):
                return name
        return None

    def _root(self, name: str) -> Node:
        root = self.three.three.values[name]
        assert isinstance(root, Node)
        return root

    def blame(self) -> Gap | None:
        """Return the first layer whose result differs between alone and batch.

        Floats first: an index may differ, and what it picks be the same all the same.  Then what
        an event has of its place in the batch alone.
        """
        pairs = list(self.three.dependent())
        floats = [(layer, name) for layer, name in pairs if self._floats(name)]
        others = [(layer, name) for layer, name in pairs if not self._floats(name)]
        groups = (floats, others, list(self.three.counting()))
        return next((gap for gap in map(self._blame, groups) if gap is not None), None)

    def _blame(self, pairs: Sequence[tuple[Layer, str]]) -> Gap | None:
        ones = [self.three.one.values[name] for _, name in pairs]
        alone = evaluate(
            tuple(n for n in ones if isinstance(n, Node)), self._alone, self.sizes, real=True
        )
        batch = evaluate(
            tuple(self._root(name) for _, name in pairs), self._batch, self.sizes, real=True
        )
        for (layer, name), one in zip(pairs, ones, strict=True):
            if isinstance(one, Node) and not self._agree(
                name, _full(alone[one], EVENTS), batch[self._root(name)]
            ):
                what = f"{layer.op} mixes the events of {self.three.batch}: alone, results differ"
                return Gap(layer.label, what, _hint(self.three.batch))
        return None

    def _floats(self, name: str) -> bool:
        return isinstance(self._root(name).type.element, Float)

    def _agree(self, name: str, alone: Array, batch: Array) -> bool:
        """Compare in every way in which an axis of ``factor * batch`` can hold the events."""
        found = self.three.growth(name)
        if found is None:
            return bool(batch.shape == alone[:1].shape) and all(
                same(each, batch[0]) for each in alone
            )
        shape = batch.shape[1:]
        for outer in (n for n in range(1, found.factor + 1) if found.factor % n == 0):
            split = (
                *shape[: found.axis],
                outer,
                EVENTS,
                found.factor // outer,
                *shape[found.axis + 1 :],
            )
            events = np.moveaxis(batch[0].reshape(split), found.axis + 1, 0)
            if same(events.reshape(EVENTS, -1), alone.reshape(EVENTS, -1)):
                return True
        return False


def _steps(node: Node) -> int:
    """Return how many values of its size a node needs while it is computed in real numbers."""
    if isinstance(node.op, RoundTo | RoundToPower):
        return _nodes_of(node.op, node.inputs[0].type.element)
    return 1  # other composites have few steps, or change shape on the way


def _turns(node: Node) -> int:
    """Return how many nodes a loop computes, turn by turn."""
    if not isinstance(node.op, Loop):
        return 0
    body = node.op.body.nodes()
    return largest(node.inputs[1].type.shape[0]) * (len(body) + sum(map(_turns, body)))


@cache
def _nodes_of(op: RoundTo | RoundToPower, element: Element) -> int:
    return len(ordered((op.decompose(b.input_("x", (), element)),)))


def _full(values: Array, events: int) -> Array:
    return np.broadcast_to(values, (events, *values.shape[1:]))


def same(x: Array, y: Array) -> bool:
    """Return whether two arrays agree up to rounding; NaN and infinity agree with themselves."""
    if x.size != y.size:
        return False
    x, y = x.ravel(), y.ravel()
    if x.dtype.kind != "f":
        return bool((x == y).all())
    finite = np.isfinite(x) & np.isfinite(y)
    special = (x == y) | (np.isnan(x) & np.isnan(y))
    scale = float(np.abs(x[finite]).max(initial=0.0))
    with np.errstate(invalid="ignore"):
        return bool((special | (finite & (np.abs(x - y) <= SAME * scale))).all())


def _events(
    random: np.random.Generator, node: Node, sizes: Mapping[str, int], number: int
) -> Array:
    """Return random events; one is positive, so that logarithms and roots do not hide it."""
    shape = (number, *resolve(node.type.shape, sizes))
    element = node.type.element
    if isinstance(element, Bool):
        return random.random(shape) < 0.5
    if not isinstance(element, Float):
        return random.integers(0, 2, shape).astype(storage(element))
    values = random.standard_normal(shape)
    values[-1] = np.abs(values[-1]) + 0.1
    return values
