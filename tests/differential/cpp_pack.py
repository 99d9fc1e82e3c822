"""Graphs through the C++ target, many in one translation unit, compared with the interpreter.

A pack prints its graphs, compiles all of them as one source, and calls them through their C
interface on events that are rough on arithmetic.  The memory around every array is watched,
workspaces and outputs begin as garbage, and no array is better aligned than the interface asks.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pytest

from inferon.analysis.compare import first_difference
from inferon.analysis.samples import Samples
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.values import Array
from inferon.targets.base import File
from inferon.targets.cpp import Cpp, CppArtifact
from inferon.targets.toolchain import Compiler, shared_library
from tests.absent import require_cpu, require_tool

BUILDS = (
    Compiler("g++", "x86-64-v3", "2"),
    Compiler("g++", "x86-64-v4", "3"),
    Compiler("clang++", "x86-64-v3", "3"),
    Compiler("clang++", "x86-64-v4", "2"),
)
"""Both compilers for both instruction sets; the level of optimization alternates."""

V4_FLAGS = ("avx512f", "avx512vl", "avx512dq", "avx512bw")
"""What tells an x86-64-v4 from a v3 in /proc/cpuinfo."""

BATCHES = (1, 2, 7, 16)
"""Events alone, in pairs, in an odd number, in whole registers."""

ROUGH = (
    *(np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 88.5, -87.5, 1e-3, 2.0**-149),
    *(-(2.0**-149), 2.0**-127, -(2.0**-126), 3.0e38, -3.4028234663852886e38, 2.0**31, -(2.0**31)),
)
"""Floats at the ends of everything: NaN, subnormals, huge ones, and the edge of int32."""

COLUMNS = (7, 17)
"""Events by columns: a part of a tile; a tile and one more, where a pack has so many."""

GUARD_BYTES = 256
GARBAGE = 0xA5


def name_of(compiler: Compiler) -> str:
    """Return a short name for the id of a test."""
    return f"{compiler.command}-{compiler.march.removeprefix('x86-64-')}-O{compiler.optimize}"


TWO_BUILDS = (BUILDS[0], BUILDS[3])
"""One with each compiler, one for each instruction set."""

each_build = pytest.mark.parametrize(
    "build",
    [
        pytest.param(each, id=name_of(each), marks=() if each in TWO_BUILDS else pytest.mark.full)
        for each in BUILDS
    ],
)
"""All of them, of which `make test` takes two: compilers are most of its time."""

two_builds = pytest.mark.parametrize("build", TWO_BUILDS, ids=name_of)
"""For what is no lowering of its own."""


def require(compiler: Compiler) -> None:
    """Skip the test, counted, where this machine lacks the compiler or the instruction set."""
    require_tool(compiler.command)
    if compiler.march == "x86-64-v4":
        for flag in V4_FLAGS:
            require_cpu(flag)


def rough_events(graph: Graph, count: int = 16, seed: int = 0) -> list[Array]:
    """Return events of every kind that `Samples` knows, then some of nothing but odd numbers."""
    odd = max(1, count // 4)
    drawn = Samples(count - odd, seed).draw(graph)
    more = Samples(odd, seed + 1).draw(graph)
    rng = np.random.default_rng(seed)
    joined = []
    for array, extra in zip(drawn, more, strict=True):
        rough = rng.choice(np.array(ROUGH), extra.shape).astype(np.float32)
        last = rough.astype(extra.dtype) if extra.dtype.kind == "f" else extra
        joined.append(np.concatenate([array, last]))
    return joined


class Guarded:
    """An array between two strips of garbage, aligned to its own items (or to 64 bytes)."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any], alignment: int) -> None:
        size = int(np.prod(shape)) * dtype.itemsize
        self._raw = np.full(size + 2 * GUARD_BYTES + 192, GARBAGE, np.uint8)
        address = self._raw.ctypes.data + GUARD_BYTES
        begin = GUARD_BYTES + (-address % 64) + (0 if alignment == 64 else alignment)
        self._span = (begin, begin + size)
        self.array: Array = self._raw[begin : begin + size].view(dtype).reshape(shape)

    @property
    def pointer(self) -> ctypes.c_void_p:
        """The address of the first item."""
        return ctypes.c_void_p(self._raw.ctypes.data + self._span[0])

    def is_intact(self) -> bool:
        """Return whether nobody wrote outside the array."""
        begin, end = self._span
        return bool((self._raw[:begin] == GARBAGE).all() and (self._raw[end:] == GARBAGE).all())


@dataclass(frozen=True)
class Member:
    """A graph of a pack with its artefact, its events and what the interpreter says of them."""

    graph: Graph
    artifact: CppArtifact
    inputs: list[Array]
    expected: tuple[Array, ...]

    @property
    def name(self) -> str:
        """The name of the artefact."""
        return self.artifact.made.name


@dataclass(frozen=True)
class Pack:
    """Graphs that are compiled in one translation unit.

    Attributes
    ----------
    graphs : any number, with any names
    events : how many random events each of them sees
    first : events of one's own, one for each graph, that come before the random ones
    """

    graphs: tuple[Graph, ...]
    events: int = 16
    first: tuple[tuple[Array, ...], ...] = ()
    _libraries: dict[Compiler, ctypes.CDLL] = field(default_factory=dict, compare=False)

    @cached_property
    def members(self) -> tuple[Member, ...]:
        """The graphs with all that is the same for every build."""
        members = []
        for number, graph in enumerate(self.graphs):
            artifact = Cpp(name=f"g{number}_{graph.name}"[:48]).build(graph)
            inputs = rough_events(graph, self.events, seed=number)
            if self.first:
                own = zip(self.first[number], inputs, strict=True)
                inputs = [np.concatenate([array[None], more]) for array, more in own]
            members.append(Member(graph, artifact, inputs, interpret(graph, inputs)))
        return tuple(members)

    def files(self) -> list[File]:
        """Return the files of all members, and the one source that includes them."""
        wanted = (".hpp", "_c.h", "_c.cpp")
        found = [f for m in self.members for f in m.artifact.files if f.path.endswith(wanted)]
        lines = "".join(f'#include "{member.name}_c.cpp"\n' for member in self.members)
        return [*found, File("pack.cpp", lines.encode())]

    def library(self, compiler: Compiler) -> ctypes.CDLL:
        """Return one build."""
        if compiler not in self._libraries:
            path = shared_library(self.files(), ["pack.cpp"], compiler)
            self._libraries[compiler] = ctypes.CDLL(str(path))
        return self._libraries[compiler]

    def differences(self, compiler: Compiler, batches: Iterable[int] = BATCHES) -> Iterator[str]:
        """Yield a line for each output with other bits, and for each write out of bounds."""
        library = self.library(compiler)
        for member in self.members:
            for batch in batches:
                where = f"{member.graph.name} in batches of {batch}"
                found = evaluated(library, member, batch)
                yield from (f"{where}{what}" for what in _differences(member, found))
            for batch in COLUMNS:
                where = f"{member.graph.name} by columns of {batch}"
                found = evaluated_columns(library, member, batch)
                yield from (f"{where}{what}" for what in _differences(member, found))


def _differences(member: Member, found: tuple[Array, ...] | None) -> Iterator[str]:
    if found is None:
        yield ": wrote outside its arrays"
        return
    names = member.graph.output_names
    for name, wanted, got in zip(names, member.expected, found, strict=True):
        difference = first_difference(wanted, got)
        if difference is not None:
            yield f", output {name}: {difference}"


def workspace_of(library: ctypes.CDLL, member: Member) -> Guarded:
    """Return a workspace that is garbage."""
    workspace_bytes = library[f"{member.name}_workspace_bytes"]
    workspace_bytes.restype = ctypes.c_size_t
    workspace = Guarded((workspace_bytes(),), np.dtype(np.uint8), 64)
    workspace.array[...] = GARBAGE
    return workspace


def evaluated(library: ctypes.CDLL, member: Member, batch: int) -> tuple[Array, ...] | None:
    """Return the outputs of a member's events; None when it wrote where it may not."""
    evaluate = library[f"{member.name}_evaluate"]
    workspace = workspace_of(library, member)
    events = len(member.expected[0])
    results: list[list[Array]] = [[] for _ in member.expected]
    for begin in range(0, events, batch):
        here = min(batch, events - begin)
        inputs = [_placed(array[begin : begin + here]) for array in member.inputs]
        outputs = [_place(array, here) for array in member.expected]
        workspace.array[...] = GARBAGE
        pointers = [each.pointer for each in (workspace, *inputs, *outputs)]
        evaluate(*pointers, ctypes.c_size_t(here))
        if not all(each.is_intact() for each in (workspace, *inputs, *outputs)):
            return None
        for parts, output in zip(results, outputs, strict=True):
            parts.append(output.array.copy())
    return tuple(np.concatenate(parts) for parts in results)


def evaluated_columns(
    library: ctypes.CDLL, member: Member, batch: int
) -> tuple[Array, ...] | None:
    """Return the same by columns, with garbage between them."""
    evaluate = library[f"{member.name}_evaluate_columns"]
    workspace = workspace_of(library, member)
    events = len(member.expected[0])
    results: list[list[Array]] = [[] for _ in member.expected]
    for begin in range(0, events, batch):
        here = min(batch, events - begin)
        inputs = [Columns(array, here) for array in member.inputs]
        outputs = [Columns(array, here) for array in member.expected]
        for columns, array in zip(inputs, member.inputs, strict=True):
            columns.events[...] = array[begin : begin + here].reshape(here, -1)
        workspace.array[...] = GARBAGE
        pointers = [each.pointers.ctypes for each in (*inputs, *outputs)]
        evaluate(workspace.pointer, *pointers, ctypes.c_size_t(here))
        if not workspace.is_intact() or not all(each.is_intact() for each in (*inputs, *outputs)):
            return None
        for parts, output, array in zip(results, outputs, member.expected, strict=True):
            parts.append(output.events.reshape(here, *array.shape[1:]))
    return tuple(np.concatenate(parts) for parts in results)


class Columns:
    """A column for each element of an event, in memory that is garbage elsewhere."""

    def __init__(self, like: Array, events: int) -> None:
        item, elements = like.dtype.itemsize, int(np.prod(like.shape[1:]))
        self._rest = GUARD_BYTES // item
        raw = np.full((elements + 1) * (events + self._rest) * item, GARBAGE, np.uint8)
        self._all: Array = raw.view(like.dtype).reshape(elements + 1, events + self._rest)
        self.events = self._all[:-1, self._rest :].T
        places = np.arange(max(elements, 1)) * self._all.strides[0] + self._rest * item
        self.pointers: Array = (self._all.ctypes.data + places).astype(np.uintp)

    def is_intact(self) -> bool:
        """Return whether nobody wrote outside the columns."""
        edges = (self._all[:, : self._rest], self._all[-1])
        return all((np.ascontiguousarray(edge).view(np.uint8) == GARBAGE).all() for edge in edges)


def _place(like: Array, events: int) -> Guarded:
    return Guarded((events, *like.shape[1:]), like.dtype, like.dtype.itemsize)


def _placed(array: Array) -> Guarded:
    guarded = _place(array, len(array))
    guarded.array[...] = array
    return guarded


def check(pack: Pack | Sequence[Graph], compiler: Compiler) -> None:
    """Assert that a build has the interpreter's bits, however its events are grouped.

    The one helper of all tests of the C++ target: skips, counted, what the machine cannot run.
    """
    require(compiler)
    given = pack if isinstance(pack, Pack) else Pack(tuple(pack))
    wrong = list(given.differences(compiler))
    assert not wrong, "\n".join(wrong)
