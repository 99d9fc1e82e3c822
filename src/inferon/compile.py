"""``compile(graph, target)``: the joint between a graph, its target and the proof."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from inferon.analysis.compare import first_difference
from inferon.containers import Jagged, as_feed, predict_any
from inferon.errors import Mismatch, UsageError
from inferon.interpret import arranged, interpret
from inferon.ir.graph import Graph
from inferon.ir.values import Array
from inferon.targets.base import Artifact, Target

if TYPE_CHECKING:
    from inferon.estimate.firmware import Estimate
    from inferon.measure.synthesis import Synthesis
    from inferon.targets.rtl.design import Design

VERIFIED_EVENTS = 1000
"""``verify`` looks at no more events than this unless asked.

The interpreter takes up to 0.1 s for each.
"""


EVENTS_AT_ONCE = 1024
"""Events that ``verify`` interprets together.

The interpreter holds every value of a graph for all of them: a million at once would not fit.
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

    @cached_property
    def _emulator(self) -> Artifact | None:
        """The C++ of the same graph, where software would use that: `Artifact.emulated`."""
        if not self.artifact.emulated:
            return None
        from inferon.targets.cpp import Cpp

        return Cpp().build(self.graph)

    def predict(self, data: Any, *, threads: int = 1, jagged: Jagged | None = None) -> Any:
        """Return the output, or a tuple of several, computed by the artefact.

        Parameters
        ----------
        data : array (events, input shape), or arrays in the order of the inputs, or arrays by
            name. numpy arrays, torch tensors on the CPU and whatever lends its memory are read
            where they lie; another layout, or a dtype that the input's contains, is converted in
            pieces. awkward arrays are sets of any length
        threads : how many of them compute at once, each a range of events. No number of threads
            changes a bit
        jagged : how awkward arrays become inputs, where that is not plain

        Returns
        -------
        torch tensors where an input is one; awkward arrays with a row for each particle where an
        input is jagged and the output has such rows; otherwise numpy arrays

        Raises
        ------
        DataError
            When the data do not fit the inputs.
        """
        if type(data) is np.ndarray:  # nothing to ask: this is a matter of nanoseconds
            outputs = self.artifact.predict(data, threads=threads)
        else:
            outputs = predict_any(
                self.graph, partial(self.artifact.predict, threads=threads), data, jagged
            )
        return outputs[0] if len(outputs) == 1 else outputs

    def verify(self, data: Any, *, events: int = VERIFIED_EVENTS) -> Agreement:
        """Prove that the artefact has the interpreter's bits, for events alone and in one batch.

        Parameters
        ----------
        data : as for `predict`, of the inputs' dtypes; no awkward arrays
        events : no more are compared

        Raises
        ------
        Mismatch
            With the first output, event and element that differ.
        """
        given = arranged(self.graph, as_feed(self.graph, data))
        inputs = [array[:events] for array in given]
        count = len(inputs[0]) if inputs else 1  # a graph of constants has one event
        elements = 0
        for first in range(0, max(count, 1), EVENTS_AT_ONCE):
            chunk = [array[first : first + EVENTS_AT_ONCE] for array in inputs]
            elements += self._verify_chunk(chunk, first)
        return Agreement(count, elements)

    def _verify_chunk(self, inputs: Sequence[Array], first: int) -> int:
        """Compare events that begin with number ``first``; return how many elements they have."""
        expected = interpret(self.graph, inputs)
        for how, outputs in self.artifact.readings(inputs):
            self._compare(expected, outputs, how, first)
        if self._emulator is not None:
            self._compare(expected, self._emulator.predict(inputs), "in the emulator", first)
        return sum(array.size for array in expected)

    def _compare(
        self, expected: tuple[Array, ...], got: tuple[Array, ...], how: str, first: int
    ) -> None:
        for name, wanted, found in zip(self.graph.output_names, expected, got, strict=True):
            difference = first_difference(wanted, found)
            if difference is not None:
                event = first + difference.event
                raise Mismatch(
                    f"output {name}, event {event} {how}, element {difference.index}: "
                    f"the interpreter says {difference.expected}, the artefact {difference.got}",
                    node=name,
                    event=event,
                    expected=difference.expected,
                    got=difference.got,
                )

    def estimate(self) -> Estimate:
        """Return what firmware takes of a device, by counting: milliseconds, no tool.

        Raises
        ------
        UsageError
            When the target is no firmware.
        """
        from inferon.estimate.firmware import estimate

        return estimate(self._design)

    def synthesize(self) -> Synthesis:
        """Return what firmware takes of a device as Yosys counts it, layer by layer.

        Raises
        ------
        UsageError
            When the target is no firmware.
        ToolMissing
            When there is no Yosys.
        """
        from inferon.measure.synthesis import synthesize

        return synthesize(self._design)

    @property
    def _design(self) -> Design:
        from inferon.targets.rtl import RtlArtifact

        if not isinstance(self.artifact, RtlArtifact):
            raise UsageError("only firmware takes of a device: compile for Verilog or Vhdl")
        return self.artifact.design

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
