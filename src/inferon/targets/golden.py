"""Golden vectors: events with the interpreter's outputs, to test an artefact anywhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.shape import static
from inferon.ir.types import Bool, Fixed, Float
from inferon.ir.values import Array, storage

EVENTS = 4
"""Events in a self-test: one alone proves little, and the interpreter is slow."""


@dataclass(frozen=True, slots=True)
class Golden:
    """Inputs and outputs of some events, bit for bit."""

    inputs: tuple[Array, ...]
    outputs: tuple[Array, ...]


def golden(graph: Graph, events: int = EVENTS) -> Golden:
    """Return random events, always the same ones, and what the interpreter says of them."""
    inputs = tuple(sample(graph, events, seed=0))
    outputs = interpret(graph, inputs)
    return Golden(inputs, outputs)


def sample(graph: Graph, events: int, *, seed: int) -> list[Array]:
    """Return random inputs: normal floats, small ints, every mantissa of a fixed-point type."""
    rng = np.random.default_rng(seed)
    return [_random(node, events, rng) for node in graph.inputs]


def _random(node: Node, events: int, rng: np.random.Generator) -> Array:
    shape = (events, *static(node.type.shape, "an input"))
    element = node.type.element
    match element:
        case Float():
            return rng.normal(size=shape).astype(storage(element))
        case Bool():
            return rng.integers(0, 2, shape).astype(np.bool_)
        case Fixed():
            return rng.integers(element.lowest, element.highest + 1, shape).astype(
                storage(element)
            )
        case _:
            return rng.integers(0, 8, shape).astype(storage(element))
