"""No read and no write beyond a caller's memory: arrays end, and begin, at pages without access.

A process of its own evaluates; a touch of the wrong page kills it, and the test says which model.
Masked loads do not touch what they mask.
"""

from __future__ import annotations

import ctypes
import faulthandler
import mmap
import os
import signal
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from inferon.ir.values import Array
from inferon.load import load
from inferon.targets.toolchain import Compiler
from tests.differential.cpp_pack import BUILDS, Member, Pack, name_of, require, two_builds
from tests.differential.primitive_graphs import PACKS, REGISTERS

MODELS = Path(__file__).parents[2] / "benchmarks" / "models"
EVENTS = 2
NO_ACCESS = 0


class Walled:
    """Bytes between two pages that nobody may touch; they end, or begin, at a wall."""

    def __init__(self, size: int, *, at_end: bool) -> None:
        page = mmap.PAGESIZE
        inner = -(-max(size, 1) // page) * page
        self._map = mmap.mmap(-1, inner + 2 * page)
        base = ctypes.addressof(ctypes.c_char.from_buffer(self._map))
        libc = ctypes.CDLL(None)
        for wall in (base, base + page + inner):
            assert libc.mprotect(ctypes.c_void_p(wall), ctypes.c_size_t(page), NO_ACCESS) == 0
        offset = inner - size if at_end else 0
        self.pointer = ctypes.c_void_p(base + page + offset)

    def fill(self, array: Array) -> Walled:
        """Copy an array in."""
        data = np.ascontiguousarray(array).tobytes()
        if data:
            ctypes.memmove(self.pointer, data, len(data))
        return self


def evaluate(library: ctypes.CDLL, member: Member, *, at_end: bool) -> None:
    """Evaluate events with every piece of memory against a wall."""
    size = library[f"{member.name}_workspace_bytes"]
    size.restype = ctypes.c_size_t
    workspace = Walled(-(-size() // 64) * 64, at_end=at_end)
    blob = np.frombuffer(member.artifact.made.blob(), np.uint8)
    weights = Walled(len(blob), at_end=at_end).fill(blob)
    inputs = [Walled(a[:EVENTS].nbytes, at_end=at_end).fill(a[:EVENTS]) for a in member.inputs]
    outputs = [Walled(a[:EVENTS].nbytes, at_end=at_end) for a in member.expected]
    pointers = [each.pointer for each in (weights, workspace, *inputs, *outputs)]
    library[f"{member.name}_evaluate_with"](*pointers, ctypes.c_size_t(EVENTS))


def died(library: ctypes.CDLL, members: tuple[Member, ...]) -> str:
    """Return which member killed the process that evaluated it, or nothing."""
    for member in members:
        child = os.fork()
        if child == 0:
            faulthandler.disable()
            for at_end in (True, False):
                evaluate(library, member, at_end=at_end)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        if code:
            return f"{member.graph.name}: {signal.Signals(-code).name if code < 0 else code}"
    return ""


@cache
def primitives(name: str) -> Pack:
    return Pack(tuple(PACKS[name](REGISTERS)), 8)


@cache
def models() -> Pack:
    names = ("a_mlp12", "b_jet16", "d1_bragg", "d2_lenet", "e_deepsets", "g_gru")
    return Pack(tuple(load(MODELS / f"{name}.onnx") for name in names), 32)


@pytest.mark.parametrize(
    "build", [BUILDS[0], pytest.param(BUILDS[3], marks=pytest.mark.full)], ids=name_of
)
@pytest.mark.parametrize("name", PACKS)
def test_primitives_stay_inside_their_arrays(name: str, build: Compiler) -> None:
    require(build)
    assert died(primitives(name).library(build), primitives(name).members) == ""


@two_builds
def test_models_stay_inside_their_arrays(build: Compiler) -> None:
    require(build)
    assert died(models().library(build), models().members) == ""


def test_a_wall_stops_who_touches_it() -> None:
    wall = Walled(64, at_end=True)
    child = os.fork()
    if child == 0:
        faulthandler.disable()
        assert wall.pointer.value is not None
        ctypes.string_at(wall.pointer.value + 64, 1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGSEGV
