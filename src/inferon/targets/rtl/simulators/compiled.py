"""Simulators that become a library: the design as C++, called on arrays."""

from __future__ import annotations

import ctypes
import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from inferon.ir.values import Array
from inferon.targets.base import File
from inferon.targets.cache import kept
from inferon.targets.rtl.design import Design
from inferon.targets.rtl.netlist import Vector
from inferon.targets.rtl.simulators.base import Simulator
from inferon.targets.rtl.stimulus import from_words, to_words, words_of
from inferon.targets.texts import Texts
from inferon.targets.toolchain import run, version

TEXTS = Texts("inferon.targets.rtl")
COMPILER = "g++"
OPTIONS = ("-std=c++17", "-fPIC", "-w")
"""Options for C++ that a tool wrote: warnings are its own affair."""


@dataclass(frozen=True, slots=True)
class Translated:
    """A design as C++.

    Attributes
    ----------
    sources : files that are compiled, objects that are linked
    options : for the compiler
    """

    sources: tuple[str, ...]
    options: tuple[str, ...]


@dataclass(frozen=True)
class CompiledSimulator(Simulator):
    """A tool that turns a design into C++.

    Attributes
    ----------
    optimize : the level behind ``-O`` of the C++ compiler. Without optimization a network is built
        three times as fast and runs some times slower: worth it below a million events
    harness : name of the text around the design
    """

    optimize: str = "0"

    harness: ClassVar[str]

    @abstractmethod
    def translate(self, design: Design, folder: Path) -> Translated:
        """Write the design as C++ into a folder, where its source lies."""

    @abstractmethod
    def version(self) -> str:
        """Return the version, which the library depends on."""

    @abstractmethod
    def member(self, port: str) -> str:
        """Return what a port is called in the C++."""

    def run(self, design: Design, valid: Array, inputs: Sequence[Array]) -> list[Array]:
        """Return the bits of the outputs; see `Simulator.run`."""
        ports = design.pipeline.netlist.outputs
        record = np.concatenate([valid[:, None].astype(np.uint32), *map(to_words, inputs)], axis=1)
        stimulus = np.ascontiguousarray(record, np.uint32)
        sizes = [words_of(port.signal.width) for port in ports]
        response = np.zeros((len(valid) + 1, sum(sizes)), np.uint32)
        library = ctypes.CDLL(str(self.library(design)))
        function = library["simulate"]
        function.restype = ctypes.c_size_t
        count = function(
            ctypes.c_void_p(stimulus.ctypes.data),
            ctypes.c_size_t(len(valid)),
            ctypes.c_void_p(response.ctypes.data),
        )
        parts = np.split(response[:count], np.cumsum(sizes)[:-1], axis=1)
        return [from_words(p, port.signal.width) for p, port in zip(parts, ports, strict=True)]

    def library(self, design: Design) -> Path:
        """Return the compiled design, made now or earlier.

        Raises
        ------
        ToolMissing, ToolError
            When the simulator or the compiler is absent or fails.
        """
        files = [design.source(self.language), *self._harness(design)]
        digest = hashlib.sha256(
            " ".join([self.name, self.version(), version(COMPILER), *self._options()]).encode()
        )
        for file in files:
            digest.update(f"{file.path} {len(file.content)} ".encode() + file.content)

        def make(folder: Path) -> Path:
            for file in files:
                (folder / file.path).write_bytes(file.content)
            made = self.translate(design, folder)
            options = [*self._options(), "-shared", "-I.", *made.options]
            run([COMPILER, *options, "-o", "library.so", *made.sources], folder)
            return folder / "library.so"

        return kept(digest.hexdigest()[:32], make)

    def _options(self) -> tuple[str, ...]:
        return (*OPTIONS, f"-O{self.optimize}")

    def _harness(self, design: Design) -> list[File]:
        netlist = design.pipeline.netlist
        counts = {
            "input_words": sum(words_of(port.signal.width) for port in netlist.inputs),
            "output_words": sum(words_of(port.signal.width) for port in netlist.outputs),
            "latency": design.pipeline.latency_cycles,
        }
        drive = TEXTS.filled("drive.hpp", name=design.name, **counts)
        body = TEXTS.filled(
            self.harness,
            name=design.name,
            top=self.member(design.name),
            put="\n".join(self._moves("put", netlist.inputs)),
            take="\n".join(self._moves("get", netlist.outputs)),
        )
        return [File("drive.hpp", drive.encode()), File("harness.cpp", body.encode())]

    def _moves(self, verb: str, ports: Sequence[Vector]) -> list[str]:
        first, lines = 0, []
        for port in ports:
            lines.append(f"    {verb}(top.{self.member(port.signal.name)}, words + {first});")
            first += words_of(port.signal.width)
        return lines
