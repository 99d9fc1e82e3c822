"""Events in the lanes of registers: every pack has the bits of the interpreter.

Graphs with a tile and without, with inputs of several types, through packs of 1, 8 and 16 events
and, on the instruction sets that have them, through the registers of the compiler itself.
"""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from inferon.analysis.compare import first_difference
from inferon.errors import ToolError
from inferon.ir.graph import Graph
from inferon.ir.types import BOOL, FLOAT32, FLOAT64, INT32, Element, Fixed
from inferon.ir.values import Array
from inferon.load import load
from inferon.ops import build as b
from inferon.targets.base import File
from inferon.targets.cpp.code import scalar_type
from inferon.targets.toolchain import Compiler, shared_library
from tests.differential.cpp_pack import (
    Guarded,
    Member,
    Pack,
    each_build,
    require,
    workspace_of,
)

MODELS = Path(__file__).parents[2] / "benchmarks" / "models"

PACKS = {"float": 1, "plain8": 8, "plain16": 16, "__m256": 8, "__m512": 16}
"""How events are handed over, and how many at once."""


def masked() -> Graph:
    """A tile whose inputs have several types, one of them without use."""
    x, mask = b.input_("x", (5, 3), FLOAT32), b.input_("mask", (5,), BOOL)
    kind, idle = b.input_("kind", (2,), INT32), b.input_("idle", (4,), FLOAT32)
    weights = np.random.default_rng(1).normal(size=(3, 7)).astype(np.float32)
    hidden = b.product(x, b.constant(weights))
    kept = b.select(b.expand(mask, 1), hidden, 0.0)
    counts = b.cast(b.slice_(kind, 0, 1, 1), FLOAT32)
    y = b.add(b.sum_(kept, [0]), counts)
    return Graph("masked", (x, mask, kind, idle), (y, b.not_(mask)), ("y", "dropped"))


def chosen() -> Graph:
    """No tile: a choice by value, and elements without registers."""
    x, z = b.input_("x", (6,), FLOAT32), b.input_("z", (2,), FLOAT64)
    best = b.top_k(x, 2)
    return Graph("chosen", (x, z), (b.gather(x, best, 0), best, b.add(z, z)), ("y", "k", "w"))


def narrow() -> Graph:
    """Two types of fixed point that lie in the same type of C++."""
    x = b.input_("x", (3,), Fixed(True, 8, 4))
    return Graph("narrow", (x,), (b.add(x, x),), ("y",))


@cache
def pack() -> Pack:
    return Pack((load(MODELS / "a_mlp12.onnx"), masked(), chosen(), narrow()), events=32)


def sources(compiler: Compiler) -> list[File]:
    """Return the files of the pack with one C function for each member and each kind of pack."""
    lines = ["template <class T, int n> struct plain { T lanes[n]; };"]
    for member in pack().members:
        lines += [function(member, kind) for kind in kinds(member, compiler)]
    *files, unit = pack().files()
    return [*files, File(unit.path, unit.content + "\n".join(lines).encode() + b"\n")]


def kinds(member: Member, compiler: Compiler) -> list[str]:
    """Return the packs that a build knows; registers of floats hold floats only."""
    plain = ["float", "plain8", "plain16"]
    if {port.element for port in member.artifact.made.arguments} != {FLOAT32}:
        return plain
    return [*plain, "__m256", *(["__m512"] if compiler.march == "x86-64-v4" else [])]


def spelled(kind: str, element: Element) -> str:
    if kind.startswith("plain"):
        return f"plain<{scalar_type(element)}, {PACKS[kind]}>"
    return scalar_type(element) if kind == "float" else kind


def function(member: Member, kind: str) -> str:
    made = member.artifact.made
    ports = ", ".join(f"void* {port.name}" for port in made.arguments)
    model = f"inferon::{member.name}"
    given = [
        f"static_cast<{spelled(kind, port.element)}*>({port.name})" for port in made.arguments
    ]
    return (
        f'extern "C" void {member.name}_{kind}(void* workspace, {ports}) {{\n'
        f"  {model}::evaluate_lanes({model}::embedded_weights(),\n"
        f"    *static_cast<{model}::Workspace*>(workspace), {', '.join(given)});\n}}"
    )


def evaluated(library: ctypes.CDLL, member: Member, kind: str) -> list[Array] | None:
    """Return the outputs of all events, so many at once; None when it wrote where it may not."""
    lanes = PACKS[kind]
    found = [np.zeros_like(array, order="C") for array in member.expected]
    for begin in range(0, len(found[0]), lanes):
        here = slice(begin, begin + lanes)
        workspace = workspace_of(library, member)
        inputs = [packed(array[here]) for array in member.inputs]
        outputs = [packed(array[here]) for array in found]
        library[f"{member.name}_{kind}"](
            *(each.pointer for each in (workspace, *inputs, *outputs))
        )
        if not all(each.is_intact() for each in (workspace, *inputs, *outputs)):
            return None
        for array, output in zip(found, outputs, strict=True):
            array[here] = output.array.T.reshape(array[here].shape)
    return found


def packed(events: Array) -> Guarded:
    """Return events as (element, lane), at an address that registers ask for."""
    columns = events.reshape(len(events), -1).T
    guarded = Guarded(columns.shape, columns.dtype, 64)
    guarded.array[...] = columns
    return guarded


@each_build
def test_every_pack_has_the_same_bits(build: Compiler) -> None:
    require(build)
    library = ctypes.CDLL(str(shared_library(sources(build), ["pack.cpp"], build)))
    for member in pack().members:
        for kind in kinds(member, build):
            found = evaluated(library, member, kind)
            assert found is not None, f"{member.name}, {kind}: wrote outside its packs"
            for wanted, got in zip(member.expected, found, strict=True):
                assert first_difference(wanted, got) is None, f"{member.name}, {kind}"


def test_one_graph_has_a_tile_and_one_has_none() -> None:
    tiles = {member.graph.name: member.artifact.made.tile for member in pack().members}
    assert tiles["masked"] is not None
    assert tiles["chosen"] is None


def test_another_number_of_lanes_is_refused() -> None:
    compiler = Compiler("g++", "x86-64-v3", "0")
    require(compiler)
    files = sources(compiler)
    wrong = files[-1].content.replace(b"plain<float, 8>", b"plain<float, 3>")
    with pytest.raises(ToolError, match="1, 2, 4, 8 or 16 lanes"):
        shared_library([*files[:-1], File("pack.cpp", wrong)], ["pack.cpp"], compiler)
