"""``compile(graph, target)``: the joint between a graph, its target and the proof."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inferon.analysis.compare import first_difference
from inferon.errors import Mismatch
from inferon.interpret import Feed, arranged, interpret
from inferon.ir.graph import Graph
from inferon.ir.values import Array
from inferon.targets.base import Artifact, Target

VERIFIED_EVENTS = 1000
"""``verify`` looks at no more events than this unless asked.

The interpreter takes up to 0.1 s for each.
"""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Proof that an artefact and the interpreter agree.

    Attributes
    ----------
    events : number of events compared
    elements : number of output elements compared, every one equal in bits
    """

    events: int
    elements: int

    def __str__(self) -> str:
        return f"{self.events} events, {self.elements} elements: every bit agrees"


@dataclass(frozen=True)
class Compiled:
    """A graph with its artefact: what ``compile`` returns.

    Attributes
    ----------
    graph : the model
    artifact : its files, and a way to run them
    """

    graph: Graph
    artifact: Artifact

    def predict(self, data: Feed) -> Array | tuple[Array, ...]:
        """Return the output, or a tuple of several, computed by the artefact.

        Parameters
        ----------
        data : array (events, input shape), or arrays in the order of the inputs, or
            arrays by name
        """
        outputs = self.artifact.predict(data)
        return outputs[0] if len(outputs) == 1 else outputs

    def verify(self, data: Feed, *, events: int = VERIFIED_EVENTS) -> Agreement:
        """Prove that the artefact has the interpreter's bits, for events alone and in one batch.

        Raises
        ------
        Mismatch
            With the first output, event and element that differ.
        """
        inputs = [array[:events] for array in arranged(self.graph, data)]
        expected = interpret(self.graph, inputs)
        batch = self.artifact.predict(inputs)
        self._compare(expected, batch, "in a batch")
        count = len(expected[0])
        alone = [
            self.artifact.predict([array[i : i + 1] for array in inputs]) for i in range(count)
        ]
        joined = (
            tuple(np.concatenate(parts) for parts in zip(*alone, strict=True)) if alone else batch
        )
        self._compare(expected, joined, "alone")
        return Agreement(count, sum(array.size for array in expected))

    def _compare(self, expected: tuple[Array, ...], got: tuple[Array, ...], how: str) -> None:
        for name, wanted, found in zip(self.graph.output_names, expected, got, strict=True):
            difference = first_difference(wanted, found)
            if difference is not None:
                raise Mismatch(
                    f"output {name}, event {difference.event} {how}, element {difference.index}: "
                    f"the interpreter says {difference.expected}, the artefact {difference.got}",
                    node=name,
                    event=difference.event,
                    expected=difference.expected,
                    got=difference.got,
                )

    def write(self, folder: str | os.PathLike[str]) -> Path:
        """Write the artefact's files into a folder, all or none."""
        return self.artifact.write(folder)


def compile(graph: Graph, target: Target) -> Compiled:
    """Compile a graph for a target.

    Raises
    ------
    Unsupported
        With every gap of the model, by layer.
    """
    return Compiled(graph, target.build(graph))
