"""Running an artefact here: the compiled library behind ``predict`` and ``time``."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from inferon.errors import UsageError
from inferon.interpret import Feed, arranged
from inferon.ir.graph import Graph
from inferon.ir.types import Fixed
from inferon.ir.values import Array
from inferon.targets.base import File
from inferon.targets.cpp.binding import Direct, Port, bound
from inferon.targets.cpp.call import Call, aligned
from inferon.targets.cpp.package import call_source, timing_source
from inferon.targets.cpp.program import EVENTS_IN_TILE, Program
from inferon.targets.cpp.step_timing import step_timing_source
from inferon.targets.toolchain import Compiler, shared_library


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
        return self._built(timing_source(self.made), call_source(self.made))

    @cached_property
    def _step_timer(self) -> ctypes.CDLL:
        return self._built(step_timing_source(self.made))

    def _built(self, *more: File) -> ctypes.CDLL:
        """Compile the model with more sources beside it."""
        name = self.made.name
        wanted = (f"{name}.hpp", f"{name}_weights.hpp", f"{name}_c.h", f"{name}_c.cpp")
        files = [*(file for file in self.files if file.path in wanted), *more]
        sources = [f"{name}_c.cpp", *(file.path for file in more)]
        return ctypes.CDLL(str(shared_library(files, sources, self.compiler)))

    @cached_property
    def call(self) -> Call:
        """The model as a function of numpy arrays."""
        graph = self.graph
        function = self._loaded[f"{self.made.name}_evaluate"]
        arrays = len(graph.inputs) + len(graph.outputs)
        function.argtypes = [*[ctypes.c_void_p] * (1 + arrays), ctypes.c_size_t]
        inputs, outputs = (tuple(map(Port.of, each)) for each in (graph.inputs, graph.outputs))
        tile = EVENTS_IN_TILE if self.made.tile else 1
        return Call(function, inputs, outputs, self.made.workspace_bytes, tile)

    @cached_property
    def direct(self) -> Direct:
        """The shortest way to call the model; see `Call.direct`."""
        if any(isinstance(node.type.element, Fixed) for node in self.graph.inputs):
            return lambda *arrays: None  # whether they are mantissas is checked first
        call = self.call
        function = self._loaded[f"{self.made.name}_call"]
        address = ctypes.cast(function, ctypes.c_void_p).value or 0
        ports = call.inputs, call.outputs
        return bound(address, call.workspace_bytes, *ports, self.compiler) or call.direct

    def predict(self, data: Feed, *, threads: int = 1) -> tuple[Array, ...]:
        """Return the outputs of every event, computed as one batch or in a range for each thread.

        Arrays are read where they lie. Those of another layout, and those whose dtype has a place
        for every value in the input's, are converted in pieces.
        """
        if "_loaded" not in self.__dict__:
            arranged(self.graph, data, convertible=True)  # refused before anything is compiled
        if threads == 1:
            outputs = self.direct(*data) if isinstance(data, tuple | list) else self.direct(data)
            if outputs is not None:
                return outputs
        elif threads < 1:
            raise UsageError(f"threads is the number of threads, 1 or more, not {threads}")
        return self.call.in_pieces(arranged(self.graph, data, convertible=True), threads)

    def time_ns(self, data: Feed, *, events: int, repeats: int, bursts: int) -> Array:
        """Return the nanoseconds of one call on so many events, for each burst of calls."""
        inputs = [np.ascontiguousarray(array[:events]) for array in arranged(self.graph, data)]
        outputs = self.call.new_outputs(events)
        workspace = aligned(self.made.workspace_bytes)
        times = np.zeros(bursts)
        arrays = [pointer(array) for array in (*inputs, *outputs)]
        counts = [ctypes.c_size_t(n) for n in (events, repeats, bursts)]
        timer = self._loaded[f"{self.made.name}_time"]
        timer(pointer(workspace), *arrays, *counts, pointer(times))
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
        arrays = [pointer(array) for array in (workspace, *inputs, *self.call.new_outputs(1))]
        timer = self._step_timer[f"{self.made.name}_time_steps"]
        timer.restype = None
        timer(*arrays, ctypes.c_size_t(repeats), pointer(times))
        return times
