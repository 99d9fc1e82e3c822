"""What this machine can do on one thread: the figures behind every limit, measured here and now.

A small program is compiled with the options of the model, so that its registers are those of the
model's code: x86-64-v3 and x86-64-v4 differ.  Each figure is a median over bursts of 0.2 ms.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inferon.analysis.work import Function
from inferon.ir.values import Array
from inferon.measure.race import TimeCalls, race
from inferon.targets.cpp.machine_speed import (
    ELEMENTS,
    LINKS,
    MANY,
    SOURCE,
    machine_speed_source,
)
from inferon.targets.toolchain import Compiler, shared_library

CACHES = Path("/sys/devices/system/cpu/cpu0/cache")

USUAL_CACHES = (1 << 15, 1 << 20, 1 << 25)
"""Bytes of three levels where the system does not tell them: a core of Zen 4."""

MOST_READ = 1 << 23
"""Bytes of an array from whose reading the last level is known; 8 MiB are enough."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A time of one unit of work, over bursts.

    Attributes
    ----------
    ns : the median
    lower_quartile_ns, upper_quartile_ns : its spread
    """

    ns: float
    lower_quartile_ns: float
    upper_quartile_ns: float


@dataclass(frozen=True, slots=True)
class Cache:
    """One level of cache.

    Attributes
    ----------
    level : 1 is nearest
    size_bytes : of all of it
    byte : time to read one byte, in order, from an array of half its size
    """

    level: int
    size_bytes: int
    byte: Figure


@dataclass(frozen=True, slots=True)
class FunctionSpeed:
    """The speed of one elementary function of ours.

    Attributes
    ----------
    function : which one
    element : time of one element, at full rate in registers
    latency : time until its result can be used
    """

    function: Function
    element: Figure
    latency: Figure


@dataclass(frozen=True, slots=True)
class MachineSpeed:
    """What one thread of this machine can do, for one set of compiler options.

    Attributes
    ----------
    options : of the compiler
    mac : time of one multiply-add of one lane, with as many side by side as the units take
    fma, addition : time until the result of a fused multiply-add, and of an addition, can be used
    functions : elementary functions
    caches : nearest first
    """

    options: str
    mac: Figure
    fma: Figure
    addition: Figure
    functions: tuple[FunctionSpeed, ...]
    caches: tuple[Cache, ...]

    @property
    def fma_ns(self) -> float:
        """Latency of a fused multiply-add."""
        return self.fma.ns

    @property
    def add_ns(self) -> float:
        """Latency of an addition."""
        return self.addition.ns

    def function_ns(self, function: Function) -> float:
        """Return the latency of an elementary function."""
        return self.speed_of(function).latency.ns

    def speed_of(self, function: Function) -> FunctionSpeed:
        """Return the figures of an elementary function that was measured."""
        return next(each for each in self.functions if each.function == function)

    def cache_for(self, size_bytes: int) -> Cache:
        """Return the nearest cache that holds so many bytes; beyond all, the last one."""
        return next((c for c in self.caches if size_bytes <= c.size_bytes), self.caches[-1])


def machine_speed(functions: Iterable[Function], compiler: Compiler) -> MachineSpeed:
    """Measure multiply-adds, additions, reads, and the elementary functions that are given.

    Raises
    ------
    ToolMissing, ToolError
        When there is no compiler, or it fails.
    """
    wanted = tuple(dict.fromkeys(functions))
    source = machine_speed_source([(each.op, each.element) for each in wanted])
    library = ctypes.CDLL(str(shared_library([source], [SOURCE], compiler)))

    lanes = int(library["lanes_of_register"]())

    def measured(name: str, units: int) -> Figure:
        return _figure(_calls(library, name), units)

    return MachineSpeed(
        " ".join(compiler.options()),
        measured("time_fma", LINKS * MANY * lanes),
        measured("time_fma_latency", LINKS),
        measured("time_add_latency", LINKS),
        tuple(
            FunctionSpeed(
                each, measured(f"time_{i}", ELEMENTS), measured(f"time_{i}_latency", LINKS)
            )
            for i, each in enumerate(wanted)
        ),
        tuple(
            Cache(level, size, _reading(library, min(size // 2, MOST_READ)))
            for level, size in enumerate(cache_sizes(), 1)
        ),
    )


def cache_sizes() -> tuple[int, ...]:
    """Return the bytes of every level of data cache, nearest first."""
    sizes: dict[int, int] = {}
    for folder in sorted(CACHES.glob("index*")):
        try:
            kind, level, size = (
                (folder / name).read_text().strip() for name in ("type", "level", "size")
            )
        except OSError:
            continue
        if kind != "Instruction" and size.endswith("K"):
            sizes[int(level)] = int(size[:-1]) << 10
    return tuple(sizes[level] for level in sorted(sizes)) or USUAL_CACHES


def _figure(contestant: TimeCalls, units: int) -> Figure:
    """Measure calls that do so many units of work."""
    (call,) = race([contestant])
    quartiles = (call.lower_quartile_ns / units, call.upper_quartile_ns / units)
    return Figure(call.median_ns / units, *quartiles)


def _calls(library: ctypes.CDLL, name: str, *first: object) -> TimeCalls:
    function = library[name]
    function.restype = None

    def time_ns(repeats: int, bursts: int) -> Array:
        times = np.zeros(bursts)
        counts = (ctypes.c_size_t(repeats), ctypes.c_size_t(bursts))
        function(*first, *counts, ctypes.c_void_p(times.ctypes.data))
        return times

    return time_ns


def _reading(library: ctypes.CDLL, size_bytes: int) -> Figure:
    array = np.zeros(size_bytes // 4 + 16, np.float32)
    aligned = array[-array.ctypes.data % 64 // 4 :]
    first = (ctypes.c_void_p(aligned.ctypes.data), ctypes.c_size_t(size_bytes // 4))
    return _figure(_calls(library, "time_reading", *first), size_bytes)
