"""Nodes: one operator applied to inputs, one value, immutable, with cheap equality."""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any

from inferon.errors import InvalidGraph
from inferon.ir.shape import Tensor

ORIGIN = re.compile(r"[A-Za-z0-9_./-]{0,64}")
"""What the origin of a node may be: it is printed as a comment in listings and generated code."""


@dataclass(frozen=True, slots=True)
class Op(ABC):
    """What is computed: the class is the operator, its fields are the attributes."""

    @classmethod
    def spelling(cls) -> str:
        """Return the name in listings: ``LayerNorm`` is spelled ``layer_norm``."""
        name = cls.__name__
        return "".join(
            f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name)
        )

    @abstractmethod
    def infer(self, *inputs: Tensor) -> Tensor:
        """Return the type of the result, or raise `InvalidGraph`."""

    def attributes(self) -> Iterator[tuple[str, Any]]:
        """Yield the fields by name."""
        for each in fields(self):
            yield each.name, getattr(self, each.name)


def _encode(value: Any) -> str:
    """Return a text that is equal for equal attribute values, on every machine."""
    digest = getattr(value, "digest", None)  # constants and bodies of loops
    if digest is not None:
        return f"{type(value).__name__}:{digest if isinstance(digest, str) else digest.hex()}"
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, tuple):
        return "(" + ",".join(_encode(each) for each in value) + ")"
    if isinstance(value, float):
        return value.hex()
    return f"{type(value).__name__}:{value}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Node:
    """One operator applied to inputs; one node has one value.

    Two nodes are equal when they compute the same thing from the same inputs.  ``origin``, the
    name of the layer in the source model, is not part of that.
    """

    op: Op
    inputs: tuple[Node, ...] = ()
    origin: str = ""
    type: Tensor = field(init=False)
    digest: bytes = field(init=False)

    def __post_init__(self) -> None:
        if not ORIGIN.fullmatch(self.origin):
            message = f"the origin {self.origin!r} is no label: up to 64 of A-Z a-z 0-9 _ . / -"
            raise InvalidGraph(message, rule="origin")
        try:
            inferred = self.op.infer(*(each.type for each in self.inputs))
        except InvalidGraph as error:
            if error.node is None:
                error.node = self
                types = ", ".join(str(each.type) for each in self.inputs)
                where = f" of layer {self.origin}" if self.origin else ""
                error.args = (f"{self.op.spelling()}({types}){where}: {error.args[0]}",)
            raise
        object.__setattr__(self, "type", inferred)
        hasher = hashlib.blake2b(digest_size=16)
        hasher.update(self.op.spelling().encode())
        for name, value in self.op.attributes():
            hasher.update(f" {name}={_encode(value)}".encode())
        for each in self.inputs:
            hasher.update(each.digest)
        object.__setattr__(self, "digest", hasher.digest())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"<{self.op.spelling()}: {self.type}>"


def ordered(roots: Sequence[Node]) -> tuple[Node, ...]:
    """Return the roots and all that they need, each node after its inputs, in a stable order.

    An explicit stack: graphs may be deeper than Python's recursion limit.
    """
    seen: dict[Node, None] = {}
    for root in roots:
        stack: list[tuple[Node, bool]] = [(root, False)]
        while stack:
            node, ready = stack.pop()
            if ready:
                seen.setdefault(node)
            elif node not in seen:
                stack.append((node, True))
                stack.extend((each, False) for each in reversed(node.inputs) if each not in seen)
    return tuple(seen)
