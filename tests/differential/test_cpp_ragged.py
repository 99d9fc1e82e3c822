"""Sets of any size as rows and offsets: the bits of the interpreter on the padded sets.

Events without rows, with too many, with offsets that begin anywhere and with offsets that run
backwards; masks and counts of several types; models with a tile and without.
"""

from __future__ import annotations

import ctypes
from functools import cache

import numpy as np
import pytest

from inferon.analysis.compare import first_difference
from inferon.errors import UsageError
from inferon.interpret import interpret
from inferon.ir.graph import Graph
from inferon.ir.shape import static
from inferon.ir.types import BOOL, FLOAT32, INT32, INT64, Element, Fixed
from inferon.ir.values import Array, storage
from inferon.ops import build as b
from inferon.targets.base import File
from inferon.targets.cpp import Cpp, CppArtifact, Ragged
from inferon.targets.toolchain import Compiler, shared_library
from tests.differential.cpp_pack import Guarded, require, two_builds

MOST = 9
SIZES = (3, 0, 9, 12, 1, -2, 30, 9, 4, 0, 8, 2, 10, 5, 6, 7, 1, 3, 12, 2)
"""Rows of each event: a whole tile and some more; one step of the offsets goes backwards."""


def weights(rows: int, columns: int) -> Array:
    return np.random.default_rng(rows).normal(size=(rows, columns)).astype(np.float32)


def tagged(mask: Element, count: Element) -> Graph:
    """Two sets, a mask, a count and something of the event; missing rows are 0.5 unless masked."""
    x, y = b.input_("x", (MOST, 4), FLOAT32), b.input_("y", (MOST,), FLOAT32)
    there, number = b.input_("there", (MOST, 1), mask), b.input_("number", (1,), count)
    event = b.input_("event", (3,), FLOAT32)
    hidden = b.add(b.add(b.product(x, b.constant(weights(4, 6))), b.expand(y, 1)), 0.5)
    is_there = there if mask == BOOL else b.less(b.cast(b.constant(0.0), mask), there)
    total = b.sum_(b.select(is_there, hidden, 0.0), [0])
    told = b.fma(b.cast(number, FLOAT32), 0.25, total)
    name = f"tagged_{mask}_{count}"
    whole = b.add(told, b.product(event, b.constant(weights(3, 6))))
    return Graph(name, (there, x, event, y, number), (whole,), ("scores",))


def pooled() -> Graph:
    """No product, so no tile; missing rows count as 0.5."""
    x = b.input_("x", (MOST, 2, 3), FLOAT32)
    return Graph("pooled", (x,), (b.reduce_max(b.maximum(x, 0.5), [0]),), ("y",))


@cache
def artifacts() -> tuple[CppArtifact, ...]:
    both = Ragged(("x", "y"), mask="there", count="number")
    sets = [(tagged(BOOL, INT64), both), (tagged(FLOAT32, FLOAT32), both)]
    sets += [(tagged(INT32, INT32), both), (pooled(), Ragged(("x",)))]
    return tuple(
        Cpp(name=f"r{number}_{graph.name}", ragged=ragged).build(graph)
        for number, (graph, ragged) in enumerate(sets)
    )


@cache
def unit() -> tuple[File, ...]:
    wanted = (".hpp", "_c.h", "_c.cpp")
    files = [f for each in artifacts() for f in each.files if f.path.endswith(wanted)]
    lines = "".join(f'#include "{each.made.name}_c.cpp"\n' for each in artifacts())
    return (*files, File("sets.cpp", lines.encode()))


def offsets() -> Array:
    return np.cumsum([5, *SIZES]).astype(np.int64)


def padded(values: Array) -> Array:
    """Return sets as a model has them: the definition, one event after the other."""
    result = np.zeros((len(SIZES), MOST, *values.shape[1:]), values.dtype)
    for event, (begin, size) in enumerate(zip(offsets(), SIZES, strict=False)):
        rows = values[begin : begin + max(0, min(size, MOST))]
        result[event, : len(rows)] = rows
    return result


def drawn(graph: Graph) -> tuple[list[Array], list[Array]]:
    """Return what a caller hands over, in the order of the inputs, and the same padded."""
    rng = np.random.default_rng(3)
    rows = np.clip(SIZES, 0, MOST)
    given, whole = [], []
    for name, node in zip(graph.input_names, graph.inputs, strict=True):
        shape, kind = node.type.shape, storage(node.type.element)
        if name == "there":
            there = np.arange(MOST) < rows[:, None]
            whole.append(there.reshape(-1, *shape).astype(kind))
        elif name == "number":
            whole.append(rows.reshape(-1, *shape).astype(kind))
        else:
            events = len(SIZES) if name == "event" else int(offsets().max())
            size = static(shape if name == "event" else shape[1:], "a row")
            given.append(rng.normal(size=(events, *size)).astype(kind))
            whole.append(given[-1] if name == "event" else padded(given[-1]))
    return given, whole


@two_builds
def test_ragged_sets_have_the_bits_of_padded_ones(build: Compiler) -> None:
    require(build)
    library = ctypes.CDLL(str(shared_library(unit(), ["sets.cpp"], build)))
    for artifact in artifacts():
        given, whole = drawn(artifact.graph)
        (expected,) = interpret(artifact.graph, whole)
        workspace = Guarded((artifact.made.workspace_bytes,), np.dtype(np.uint8), 64)
        inputs = [guarded(array) for array in (offsets(), *given)]
        output = guarded(np.zeros_like(expected))
        call = library[f"{artifact.made.name}_evaluate_ragged"]
        places = [each.pointer for each in (workspace, *inputs, output)]
        call(*places, ctypes.c_size_t(len(SIZES)))
        assert all(each.is_intact() for each in (workspace, *inputs, output))
        assert first_difference(expected, output.array) is None, artifact.made.name


def guarded(array: Array) -> Guarded:
    made = Guarded(array.shape, array.dtype, array.itemsize)
    made.array[...] = array
    return made


def test_models_with_a_tile_and_without_are_compared() -> None:
    assert {each.made.tile is None for each in artifacts()} == {True, False}


# ------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("ragged", "said"),
    [
        (Ragged(()), "needs an input for its values"),
        (Ragged("particles"), r"'particles' .* no input of tagged.* it has there \(9x1xbool\)"),
        (Ragged(("x", "event")), r"x \(9x4xf32\) has up to 9 rows, which event \(3xf32\) has not"),
        (Ragged(("x",), mask="event"), r"mask has 9 numbers, one a row.* unlike event \(3xf32\)"),
        (Ragged(("x",), count="there"), r"count is one number.* unlike there \(9x1xbool\)"),
        (Ragged(("x", "x")), "names an input twice"),
    ],
)
def test_what_fits_no_input_is_refused(ragged: Ragged, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Cpp(ragged=ragged).build(tagged(BOOL, INT64))


def test_a_mask_of_fixed_point_is_refused() -> None:
    x, mask = b.input_("x", (3,), FLOAT32), b.input_("mask", (3,), Fixed(False, 4, 2))
    graph = Graph("fixed", (x, mask), (x, mask), ("y", "m"))
    with pytest.raises(UsageError, match="not of fixed point, unlike mask"):
        Cpp(ragged=Ragged(("x",), mask="mask")).build(graph)


def test_a_number_is_no_set() -> None:
    x = b.input_("x", (), FLOAT32)
    with pytest.raises(UsageError, match=r"has the shape \(particles, ...\), unlike x"):
        Cpp(ragged=Ragged(("x",))).build(Graph("one", (x,), (x,), ("y",)))
