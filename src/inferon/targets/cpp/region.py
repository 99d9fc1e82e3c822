"""Regions: the loop nests that a graph becomes.

Each computes one buffer; element-wise work is fused into them.

A `Term` is what is computed for one element; its leaves are views of one common shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import prod

from inferon.ir.graph import Graph
from inferon.ir.node import Op
from inferon.ir.types import Element
from inferon.ops.base import Elementary
from inferon.ops.indexing import Gather, TopK
from inferon.ops.reduction import Reduction
from inferon.ops.scatter import Scatter
from inferon.targets.cpp.view import Buffer, View


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """One element of a view."""

    view: View

    @property
    def element(self) -> Element:
        """The element type."""
        return self.view.buffer.element


@dataclass(frozen=True, slots=True)
class Literal:
    """A number."""

    value: float | int | bool
    element: Element


@dataclass(frozen=True, slots=True)
class Accumulator:
    """The element of the product into whose registers the term is fused."""

    element: Element


@dataclass(frozen=True, slots=True, eq=False)
class Compute:
    """An operator on one element of each argument."""

    op: Op
    arguments: tuple[Term, ...]
    element: Element


Term = Leaf | Literal | Accumulator | Compute


def parts(term: Term) -> Iterator[Term]:
    """Yield every part of a term once, arguments first; a part may have several places."""
    seen: set[int] = set()
    stack = [(term, False)]
    while stack:
        part, is_ready = stack.pop()
        if is_ready or not isinstance(part, Compute):
            yield part
        elif id(part) not in seen:
            seen.add(id(part))
            stack.append((part, True))
            stack.extend((each, False) for each in reversed(part.arguments))


def leaves(term: Term) -> Iterator[Leaf]:
    """Yield the leaves of a term."""
    return (part for part in parts(term) if isinstance(part, Leaf))


def elements(term: Term) -> Iterator[Element]:
    """Yield the element type of every part of a term."""
    return (part.element for part in parts(term))


def are_same(one: Term, other: Term) -> bool:
    """Return whether two terms are the same value, computed in the same way."""
    if one is other:
        return True
    match one, other:
        case Leaf(a), Leaf(b):
            return a == b
        case Compute(), Compute():
            pairs = zip(one.arguments, other.arguments, strict=False)
            return one.op == other.op and all(are_same(a, b) for a, b in pairs)
        case _:
            return one == other


def replaced(term: Term, change: Callable[[View], View]) -> Term:
    """Return the term with every view changed; a part that had several places has them still."""
    became: dict[int, Term] = {}
    for part in parts(term):
        match part:
            case Leaf(view):
                became[id(part)] = Leaf(change(view))
            case Compute(op, arguments, element):
                given = tuple(became[id(each)] for each in arguments)
                became[id(part)] = Compute(op, given, element)
            case _:
                became[id(part)] = part
    return became[id(term)]


@dataclass(frozen=True, slots=True, eq=False)
class Map:
    """``to[i] = term(i)`` over a shape."""

    term: Term
    to: View
    origin: str

    def views(self) -> tuple[View, ...]:
        """Return what is read."""
        return tuple(leaf.view for leaf in leaves(self.term))


@dataclass(frozen=True, slots=True, eq=False)
class Reduce:
    """``to[kept] = reduction of term(i) over axes``; ``shape`` is that of the term."""

    op: Reduction
    term: Term
    shape: tuple[int, ...]
    to: View
    origin: str

    def views(self) -> tuple[View, ...]:
        """Return what is read."""
        return tuple(leaf.view for leaf in leaves(self.term))


@dataclass(frozen=True, slots=True, eq=False)
class Product:
    """``to[b, m, n] = term(sum over k of left[b, m, k] * right[b, k, n])``."""

    left: View
    right: View
    batch: int
    contract: int
    strands: int
    term: Term
    to: View
    origin: str

    def views(self) -> tuple[View, ...]:
        """Return what is read."""
        return (self.left, self.right, *(leaf.view for leaf in leaves(self.term)))


@dataclass(frozen=True, slots=True, eq=False)
class Choose:
    """``to`` = indices of the best elements of the last axis of ``source``."""

    op: TopK
    source: View
    to: View
    origin: str

    def views(self) -> tuple[View, ...]:
        """Return what is read."""
        return (self.source,)


@dataclass(frozen=True, slots=True, eq=False)
class Collect:
    """``to`` = elements of ``source`` by index."""

    op: Gather
    source: View
    where: View
    to: View
    origin: str

    def views(self) -> tuple[View, ...]:
        """Return what is read."""
        return (self.source, self.where)


@dataclass(frozen=True, slots=True, eq=False)
class Deposit:
    """Elements of ``to`` by index meet the updates of a term over ``shape``, in their order."""

    op: Scatter
    where: View
    term: Term
    shape: tuple[int, ...]
    to: View
    origin: str

    def views(self) -> tuple[View, ...]:
        """Return what is read."""
        return (self.where, *(leaf.view for leaf in leaves(self.term)), self.to)


@dataclass(frozen=True, slots=True, eq=False)
class Repeat:
    """A loop over steps: ``state`` is replaced by what the body leaves in ``next``, if elsewhere.

    ``history`` keeps every state.
    """

    steps: int
    sequences: tuple[tuple[View, Buffer], ...]
    body: tuple[Region, ...]
    state: Buffer
    next: View
    history: Buffer | None
    origin: str

    def views(self) -> tuple[View, ...]:
        """Return what is read, from outside and inside."""
        inner = [view for region in self.body for view in (*region.views(), *written(region))]
        return (*(view for view, _ in self.sequences), *inner, self.next)


FUNCTION_STEPS = 16
"""An elementary function takes as long as so many multiply-adds, about."""

Free = Map | Reduce | Product
"""Regions that compute each element by itself, or from a line of others: they can be cut."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A region on one block, and how far pointers move to the next one along each loop.

    A buffer that is read with two pointers has a stand-in for the second one.
    """

    region: Free
    moves: Mapping[Buffer, tuple[int, ...]]
    stands_for: Mapping[Buffer, Buffer]

    def memory(self, buffer: Buffer) -> Buffer:
        """Return the buffer itself, or what it stands for."""
        return self.stands_for.get(buffer, buffer)

    def views(self) -> Iterator[View]:
        """Yield what is read and written."""
        for view in (*self.region.views(), self.region.to):
            yield replace(view, buffer=self.memory(view.buffer))


@dataclass(frozen=True, slots=True, eq=False)
class Blocked:
    """Loops over blocks, one inside the other; in each, some regions in a row."""

    counts: tuple[int, ...]
    body: tuple[Block, ...]
    origin: str

    def views(self) -> tuple[View, ...]:
        """Return what is read and written: what one block leaves, the next region reads."""
        return tuple(view for block in self.body for view in block.views())


Region = Free | Choose | Collect | Deposit | Repeat | Blocked


def written(region: Region) -> tuple[View, ...]:
    """Return what a region writes."""
    if isinstance(region, Repeat):
        whole = View(region.state, (region.state.size,), (1,))
        if region.history is None:
            return (whole,)
        return (whole, View(region.history, (region.history.size,), (1,)))
    if isinstance(region, Blocked):
        return tuple(block.region.to for block in region.body)
    return (region.to,)


def work(region: Region) -> int:
    """Return about how many steps a region takes for its elements, multiply-adds and functions."""
    if not isinstance(region, Free):
        return prod(written(region)[0].shape)
    shape = region.shape if isinstance(region, Reduce) else region.to.shape
    each = 1
    if isinstance(region, Product):
        each = prod(region.left.shape[len(region.left.shape) - region.contract :])
    terms = (part for part in parts(region.term) if isinstance(part, Compute))
    functions = sum(isinstance(term.op, Elementary) for term in terms)
    return prod(shape) * (each + functions * FUNCTION_STEPS)


def computes(region: Region, buffer: Buffer) -> bool:
    """Return whether a region at this level writes the buffer and no loop keeps it."""
    return not isinstance(region, Repeat | Blocked) and region.to.buffer is buffer


def reads_registers(region: Region, buffer: Buffer) -> bool:
    """Return whether a product reads a buffer in whole registers, beyond what is handed over."""
    if isinstance(region, Repeat):
        return any(reads_registers(each, buffer) for each in region.body)
    return isinstance(region, Product) and region.right.buffer is buffer


def viewed(region: Free, change: Callable[[View], View]) -> Free:
    """Return a region with every view changed."""
    term, to = replaced(region.term, change), change(region.to)
    if isinstance(region, Product):
        left, right = change(region.left), change(region.right)
        return replace(region, left=left, right=right, term=term, to=to)
    return replace(region, term=term, to=to)


def rebound(region: Region, change: Callable[[Buffer], Buffer]) -> Region:
    """Return the region on other buffers."""

    def view(given: View) -> View:
        return replace(given, buffer=change(given.buffer))

    match region:
        case Map() | Reduce() | Product():
            return viewed(region, view)
        case Choose():
            return replace(region, source=view(region.source), to=view(region.to))
        case Collect():
            return replace(
                region, source=view(region.source), where=view(region.where), to=view(region.to)
            )
        case Deposit():
            return replace(
                region,
                where=view(region.where),
                term=replaced(region.term, view),
                to=view(region.to),
            )
        case Repeat():
            return replace(
                region,
                sequences=tuple((view(given), change(step)) for given, step in region.sequences),
                body=tuple(rebound(each, change) for each in region.body),
                state=change(region.state),
                next=view(region.next),
                history=None if region.history is None else change(region.history),
            )
        case Blocked():
            raise AssertionError("blocks are made of regions that have their buffers")


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The regions of a graph in order, and its buffers."""

    graph: Graph
    inputs: tuple[Buffer, ...]
    outputs: tuple[Buffer, ...]
    regions: tuple[Region, ...]
