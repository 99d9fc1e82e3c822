"""Einsum: diagonals, sums and pairwise products, from the left to the right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from inferon.errors import InvalidModel
from inferon.frontends.onnx.call import Call, Table, fixed_shape
from inferon.frontends.onnx.room import make_room
from inferon.ir.node import Node
from inferon.ir.shape import Size
from inferon.ops import build as b
from inferon.ops.base import require

_ELLIPSIS = "..."

_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")

Labels = tuple[str, ...]
"""What the axes of a value are called: letters, and numbers from the end for those of '...'."""


@dataclass(frozen=True, slots=True)
class Labeled:
    """A value and the names of its axes."""

    node: Node
    labels: Labels

    def along(self, labels: Sequence[str]) -> Node:
        """Return the value with its axes in an order; those that it lacks are of size 1."""
        order = [self.labels.index(each) for each in labels if each in self.labels]
        moved = b.transpose(self.node, order)
        sizes = iter(moved.type.shape)
        return b.reshape(moved, tuple(next(sizes) if c in self.labels else 1 for c in labels))

    def summed(self, keep: set[str]) -> Labeled:
        """Return the sum over the axes that no one else has."""
        axes = [axis for axis, each in enumerate(self.labels) if each not in keep]
        if not axes:
            return self
        kept = tuple(each for each in self.labels if each in keep)
        return Labeled(b.sum_(self.node, axes), kept)

    def without_repeats(self) -> Labeled:
        """Return the diagonal of axes with one name."""
        for label, times in Counter(self.labels).items():
            if times > 1:
                first = self.labels.index(label)
                second = self.labels.index(label, first + 1)
                return self._diagonal(first, second).without_repeats()
        return self

    def _diagonal(self, first: int, second: int) -> Labeled:
        """Return the elements at equal places of two axes: every (n + 1)-th of n * n."""
        rest = [axis for axis in range(self.node.type.rank) if axis not in (first, second)]
        moved = b.transpose(self.node, [*rest, first, second])
        size, other = fixed_shape(moved, "Einsum with a repeated letter")[-2:]
        require(size == other, "axes {} and {} of {} differ", first, second, self.node.type)
        flat = b.reshape(moved, (*moved.type.shape[:-2], size * size))
        value = b.slice_(flat, len(rest), 0, size, size + 1)
        return Labeled(value, (*(self.labels[axis] for axis in rest), self.labels[first]))


def contracted(x: Labeled, y: Labeled, keep: set[str]) -> Labeled:
    """Return the product of two values, summed over the axes that both have and no one needs."""
    shared = [each for each in x.labels if each in y.labels]
    batch = [each for each in shared if each in keep]
    inner = [each for each in shared if each not in keep]
    rows = [each for each in x.labels if each not in shared]
    columns = [each for each in y.labels if each not in shared]
    labels = (*batch, *rows, *columns)
    sizes = dict(
        zip((*x.labels, *y.labels), (*x.node.type.shape, *y.node.type.shape), strict=True)
    )
    make_room(tuple(sizes[each] for each in labels), "a product")
    if not inner:
        return Labeled(b.mul(x.along(labels), y.along(labels)), labels)
    left, right = x.along([*batch, *rows, *inner]), y.along([*batch, *inner, *columns])
    return Labeled(b.product(left, right, batch=len(batch), contract=len(inner)), labels)


def _einsum(call: Call) -> Node:
    equation = call.text("equation", "").replace(" ", "")
    left, arrow, right = equation.partition("->")
    terms, nodes = left.split(","), call.nodes()
    if len(terms) != len(nodes) or not set("".join(terms) + right) <= {*_LETTERS, "."}:
        raise InvalidModel(f"layer {call.layer.label}: equation {equation[:64]!r} is no sum")
    values = [_labeled(term, node) for term, node in zip(terms, nodes, strict=True)]
    result = _labels(right, _dots(values)) if arrow else _implied(values)
    known = {label for each in values for label in each.labels}
    fits = len(set(result)) == len(result) and set(result) <= known
    require(fits, "{} asks for letters that it lacks, or twice", equation)
    values = [each.without_repeats() for each in _of_one_size(values)]
    total = values[0].summed(_needed(values[1:], result))
    for position, value in enumerate(values[1:], start=2):
        later = _needed(values[position:], result)
        y = value.summed(later | set(total.labels))
        total = contracted(total, y, later).summed(later)
    return total.along(result)


def _needed(values: Sequence[Labeled], result: Labels) -> set[str]:
    """Return the axes that operands yet to come, or the result, have."""
    return set(result).union(*(each.labels for each in values))


def _labeled(term: str, node: Node) -> Labeled:
    """Return an operand with the names of its axes."""
    dots = node.type.rank - len(term.replace(_ELLIPSIS, "")) if _ELLIPSIS in term else 0
    labels = _labels(term, max(dots, 0))
    require(len(labels) == node.type.rank, "{} does not fit {}", term, node.type)
    return Labeled(node, labels)


def _labels(term: str, dots: int) -> Labels:
    """Return a term's letters, with ``dots`` axes for its ellipsis, numbered from the last."""
    before, found, behind = term.partition(_ELLIPSIS)
    require("." not in before + behind, "{} has half an ellipsis, or two", term)
    between = [str(each) for each in range(dots, 0, -1)] if found else []
    return (*before, *between, *behind)


def _dots(values: Sequence[Labeled]) -> int:
    """Return how many axes the ellipses stand for."""
    return max(int(label) for each in values for label in (*each.labels, "0") if label.isdigit())


def _implied(values: Sequence[Labeled]) -> Labels:
    """Return the result's axes where none are named: the ellipsis, and letters that come once."""
    times = Counter(label for each in values for label in each.labels)
    letters = sorted(each for each, number in times.items() if number == 1 and each in _LETTERS)
    return (*_labels(_ELLIPSIS, _dots(values)), *letters)


def _of_one_size(values: Sequence[Labeled]) -> list[Labeled]:
    """Repeat axes of size 1 to the size that their name has elsewhere."""
    sizes: dict[str, Size] = {}
    for each in values:
        for label, size in zip(each.labels, each.node.type.shape, strict=True):
            sizes[label] = size if sizes.get(label, 1) == 1 else sizes[label]
    return [
        Labeled(b.broadcast(each.node, tuple(sizes[label] for label in each.labels)), each.labels)
        for each in values
    ]


TABLE: Table = {"Einsum": _einsum}
