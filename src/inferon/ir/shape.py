"""Shapes: tuples of sizes, where a size is a number or a named, bounded dimension."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from inferon.errors import DataError, InvalidGraph
from inferon.ir.types import Element

MAX_ELEMENTS = 1 << 31
"""Bound on the elements of one tensor: a model that asks for more is refused at once."""


@dataclass(frozen=True, slots=True)
class Dim:
    """A size known only at run time, and never above ``max``; equal names mean equal sizes."""

    name: str
    max: int

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise InvalidGraph(
                f"{self.name!r} cannot name a dimension: use a-z, 0-9, _", rule="shape"
            )
        if not 1 <= self.max <= MAX_ELEMENTS:
            raise InvalidGraph(f"dimension {self.name} needs a bound of 1 to 2**31", rule="shape")

    def __str__(self) -> str:
        return f"{self.name}<={self.max}"


Size = int | Dim
Shape = tuple[Size, ...]


def largest(size: Size) -> int:
    """Return the size itself, or the bound of a dimension."""
    return size.max if isinstance(size, Dim) else size


def largest_shape(shape: Shape) -> tuple[int, ...]:
    """Return the shape with every dimension at its bound."""
    return tuple(largest(size) for size in shape)


def count(shape: Shape) -> int:
    """Return the number of elements when every dimension is at its bound."""
    return prod(largest_shape(shape))


def static(shape: Shape, what: str) -> tuple[int, ...]:
    """Return the shape as numbers, or raise: ``what`` cannot have a run-time size."""
    for size in shape:
        if isinstance(size, Dim):
            raise InvalidGraph(f"{what} cannot have the run-time size {size}", rule="shape")
    return tuple(size for size in shape if isinstance(size, int))


@dataclass(frozen=True, slots=True)
class Tensor:
    """The type of a node: a shape and an element type."""

    shape: Shape
    element: Element

    def __post_init__(self) -> None:
        for size in self.shape:
            if isinstance(size, int) and size < 0:
                raise InvalidGraph(f"a size cannot be negative: {self.shape}", rule="shape")
        if count(self.shape) > MAX_ELEMENTS:
            raise InvalidGraph(f"a tensor of shape {self.shape} is too large", rule="shape")

    @property
    def rank(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __str__(self) -> str:
        return "x".join([*(str(size) for size in self.shape), str(self.element)])


def bind(shape: Shape, actual: tuple[int, ...], sizes: dict[str, int], what: str) -> None:
    """Check an array's shape against a type's, and note sizes of dimensions in ``sizes``."""
    if len(shape) != len(actual):
        raise DataError(f"{what} has {len(actual)} axes, expected {len(shape)}: {show(shape)}")
    for size, got in zip(shape, actual, strict=True):
        if isinstance(size, Dim):
            if got > size.max:
                raise DataError(f"{what}: {size.name} is {got}, above its bound of {size.max}")
            expected = sizes.setdefault(size.name, got)
        else:
            expected = size
        if got != expected:
            raise DataError(f"{what} has shape {actual}, expected {show(shape)}")


def resolve(shape: Shape, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """Return the shape with every dimension at its run-time size."""
    return tuple(sizes[size.name] if isinstance(size, Dim) else size for size in shape)


def show(shape: Shape) -> str:
    """Return ``(16, particles<=64)``."""
    return "(" + ", ".join(str(size) for size in shape) + ")"
