"""Graphs: the computation of one event, from named inputs to named outputs."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

from inferon.errors import InvalidGraph
from inferon.ir.listing import show
from inferon.ir.node import Node, ordered
from inferon.ir.shape import Dim

NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
"""Names of graphs, inputs and outputs; front-ends make them so (`Graph.renamed`)."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Graph:
    """The computation of one event: named inputs, named outputs, and what lies between.

    Attributes
    ----------
    name : an identifier
    inputs : `Input` nodes, in the order in which data are handed over
    outputs : one node for each output
    output_names : one identifier for each output
    renamed : pairs (our identifier, name in the source model) of every name that had to be changed
    """

    name: str
    inputs: tuple[Node, ...]
    outputs: tuple[Node, ...]
    output_names: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...] = ()
    digest: bytes = field(init=False)

    def __post_init__(self) -> None:
        if len(self.outputs) != len(self.output_names) or not self.outputs:
            raise InvalidGraph("a graph needs one name for each of its outputs", rule="graph")
        names = [*self.input_names, *self.output_names]
        for name in (self.name, *names):
            if not NAME.fullmatch(name):
                message = f"{name!r} is no name: a-z, then up to 63 of a-z 0-9 _"
                raise InvalidGraph(message, rule="graph")
        if len(set(names)) != len(names):
            raise InvalidGraph(f"input and output names repeat: {names}", rule="graph")
        known = set(self.inputs)
        for node in self.nodes():
            if hasattr(node.op, "name") and not node.inputs and node not in known:
                raise InvalidGraph(
                    f"input {node.op.name} is not declared", node=node, rule="graph"
                )
        self._check_sizes()
        hasher = hashlib.blake2b(digest_size=16)
        for each in (*self.inputs, *self.outputs):
            hasher.update(each.digest)
        hasher.update(" ".join([self.name, *self.output_names]).encode())
        object.__setattr__(self, "digest", hasher.digest())

    def _check_sizes(self) -> None:
        """Raise unless each run-time size is an input's, and equal names mean equal sizes."""
        sizes: dict[str, Dim] = {}
        for node in self.nodes():
            for size in node.type.shape:
                if not isinstance(size, Dim):
                    continue
                if size.name not in sizes and node not in self.inputs:
                    message = (
                        f"no input has the size {size} of {node!r}: it is known from inputs only"
                    )
                    raise InvalidGraph(message, node=node, rule="graph")
                if sizes.setdefault(size.name, size) != size:
                    message = f"one name, two sizes: {sizes[size.name]} and {size}"
                    raise InvalidGraph(message, node=node, rule="graph")

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs."""
        return tuple(str(getattr(node.op, "name", "")) for node in self.inputs)

    def nodes(self) -> tuple[Node, ...]:
        """Return every node once: inputs first, each node after its own inputs."""
        return ordered((*self.inputs, *self.outputs))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Graph) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"<graph {self.name}: {len(self.nodes())} nodes>"

    def __str__(self) -> str:
        return show(self)
