"""The project compiled here, against the open headers: what ``predict`` runs."""

from __future__ import annotations

import ctypes
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from inferon.errors import UsageError
from inferon.ir.values import Array
from inferon.targets.base import File
from inferon.targets.hls.headers import digest, headers
from inferon.targets.hls.ports import Port, inputs_of, outputs_of
from inferon.targets.hls.project import Project
from inferon.targets.toolchain import Compiler, shared_library

QUIET = (
    *("-Wno-unknown-warning-option", "-Wno-unknown-pragmas"),
    *("-Wno-uninitialized", "-Wno-maybe-uninitialized"),
)
"""Warnings that are not about our code.

The directives of synthesis are nothing to a compiler; and the open headers clear the unused bits
of numbers that have no value yet.
"""


@dataclass(frozen=True)
class Simulation:
    """The compiled project; the compiler runs when it is first needed.

    Attributes
    ----------
    project : what is compiled
    compiler : what compiles it
    folder : where the open headers are; empty to search for them
    """

    project: Project
    compiler: Compiler
    folder: str = ""

    @cached_property
    def sources(self) -> tuple[File, ...]:
        """The files that are compiled."""
        return self.project.sources()

    @cached_property
    def _evaluate(self) -> ctypes._NamedFuncPointer:
        return ctypes.CDLL(self.library(self.sources))[f"{self.project.name}_evaluate"]

    def library(self, sources: tuple[File, ...]) -> str:
        """Return the path of the library of some sources, compiled now or earlier."""
        place = headers(self.project.spelling, self.folder)
        options = (*self.compiler.flags, *QUIET, "-isystem", str(place))
        known = File("headers.txt", digest(place).encode())  # what they were is part of the key
        compiled = [file.path for file in sources if file.path.endswith(".cpp")]
        compiler = replace(self.compiler, flags=options)
        return str(shared_library([*sources, known], compiled, compiler))

    def run(self, inputs: list[Array], *, threads: int = 1) -> tuple[Array, ...]:
        """Return the outputs for events of whole numbers, each thread a range of the events."""
        if threads < 1:
            raise UsageError(f"threads is the number of threads, 1 or more, not {threads}")
        core = self.project.core
        events = len(inputs[0]) if inputs else 1
        arrays = [np.ascontiguousarray(array) for array in inputs]
        outputs = tuple(port.new(events) for port in outputs_of(core))
        ends = [events * i // threads for i in range(threads + 1)]
        evaluate = self._evaluate
        passed = [*zip(inputs_of(core), arrays, strict=True)]
        passed += zip(outputs_of(core), outputs, strict=True)

        def part(span: tuple[int, int]) -> None:
            begin, end = span
            places = [_address(port, array, begin) for port, array in passed]
            pointers = (ctypes.c_void_p * len(places))(*places)
            evaluate(pointers, ctypes.c_size_t(end - begin))

        if threads == 1:
            part((0, events))
            return outputs
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(part, pairwise(ends)))
        return outputs


def _address(port: Port, array: Array, event: int) -> int:
    return int(array.ctypes.data) + event * port.size * array.itemsize
