"""Running an artefact here: the compiled library behind ``predict`` and ``time``."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from inferon.interpret import Feed, arranged
from inferon.ir.graph import Graph
from inferon.ir.shape import static
from inferon.ir.values import Array, storage
from inferon.targets.base import File
from inferon.targets.cpp.package import timing_source
from inferon.targets.cpp.program import Program
from inferon.targets.cpp.step_timing import step_timing_source
from inferon.targets.toolchain import Compiler, shared_library


def aligned(size_bytes: int) -> Array:
    """Return zeroed bytes that begin on a cache line."""
    raw = np.zeros(size_bytes + 64, np.uint8)
    return raw[-raw.ctypes.data % 64 :][:size_bytes]


def pointer(array: Array) -> ctypes.c_void_p:
    """Return the address of an array."""
    return ctypes.c_void_p(array.ctypes.data)


@dataclass(frozen=True)
class Library:
    """A compiled model; the compiler runs when it is first needed."""

    made: Program
    graph: Graph
    files: tuple[File, ...]
    compiler: Compiler

    @cached_property
    def _loaded(self) -> ctypes.CDLL:
        return self._built(timing_source(self.made))

    @cached_property
    def _step_timer(self) -> ctypes.CDLL:
        return self._built(step_timing_source(self.made))

    def _built(self, timing: File) -> ctypes.CDLL:
        """Compile the model with one more source beside it."""
        name = self.made.name
        wanted = (f"{name}.hpp", f"{name}_weights.hpp", f"{name}_c.h", f"{name}_c.cpp")
        files = [*(file for file in self.files if file.path in wanted), timing]
        sources = [f"{name}_c.cpp", timing.path]
        return ctypes.CDLL(str(shared_library(files, sources, self.compiler)))

    def _function(self, suffix: str) -> Callable[..., Any]:
        function = self._loaded[f"{self.made.name}_{suffix}"]
        function.restype = ctypes.c_int if suffix == "evaluate" else None
        return function

    def predict(self, data: Feed) -> tuple[Array, ...]:
        """Return the outputs of every event, computed as one batch."""
        inputs = [np.ascontiguousarray(array) for array in arranged(self.graph, data)]
        events = len(inputs[0]) if inputs else 1  # a graph of constants has one event
        outputs = self._outputs(events)
        workspace = aligned(self.made.workspace_bytes)
        arrays = [pointer(array) for array in (*inputs, *outputs)]
        self._function("evaluate")(pointer(workspace), *arrays, ctypes.c_size_t(events))
        return outputs

    def time_ns(self, data: Feed, *, events: int, repeats: int, bursts: int) -> Array:
        """Return the nanoseconds of one call on so many events, for each burst of calls."""
        inputs = [np.ascontiguousarray(array[:events]) for array in arranged(self.graph, data)]
        outputs = self._outputs(events)
        workspace = aligned(self.made.workspace_bytes)
        times = np.zeros(bursts)
        arrays = [pointer(array) for array in (*inputs, *outputs)]
        counts = [ctypes.c_size_t(n) for n in (events, repeats, bursts)]
        self._function("time")(pointer(workspace), *arrays, *counts, pointer(times))
        return times

    @property
    def step_layers(self) -> tuple[str, ...]:
        """The layer that each step of an event came from; empty for steps that have none."""
        return tuple(region.origin for region in self.made.plan.regions)

    def step_times_ns(self, data: Feed, *, repeats: int) -> Array:
        """Return the nanoseconds of each step on the first event, a mean of repeats alone."""
        inputs = [np.ascontiguousarray(array[:1]) for array in arranged(self.graph, data)]
        workspace = aligned(self.made.workspace_bytes)
        times = np.zeros(len(self.step_layers))
        arrays = [pointer(array) for array in (workspace, *inputs, *self._outputs(1))]
        timer = self._step_timer[f"{self.made.name}_time_steps"]
        timer.restype = None
        timer(*arrays, ctypes.c_size_t(repeats), pointer(times))
        return times

    def _outputs(self, events: int) -> tuple[Array, ...]:
        return tuple(
            np.zeros((events, *static(node.type.shape, "an output")), storage(node.type.element))
            for node in self.graph.outputs
        )
