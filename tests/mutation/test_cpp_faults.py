"""Faults planted in the C++ target: the checks that every model goes through must see each one.

A fault is a change of the emitted text or of one function of the target.  The test first shows
that the sound artefact passes ``verify`` and that the change took place.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from inferon.compile import Compiled
from inferon.compile import compile as compile_
from inferon.errors import Mismatch
from inferon.ir.graph import Graph
from inferon.ir.types import FLOAT32, INT32
from inferon.load import load
from inferon.ops import build as b
from inferon.ops import elementary
from inferon.ops.activation import Relu
from inferon.ops.scatter import Combine
from inferon.targets.base import File
from inferon.targets.cpp import Cpp, memory, view
from inferon.targets.cpp.region import Region, written
from inferon.targets.cpp.view import Buffer, View
from inferon.targets.toolchain import Compiler, run
from tests.absent import needs_tool
from tests.differential.cpp_pack import rough_events

pytestmark = needs_tool("g++")

MODELS = Path(__file__).parents[2] / "benchmarks" / "models"
COMPILER = Compiler("g++", "x86-64-v3", "2")

Change = Callable[[str], str]


@cache
def model(name: str) -> Graph:
    return load(MODELS / f"{name}.onnx")


@cache
def exponential() -> Graph:
    x = b.input_("x", (512,), FLOAT32)
    return Graph("exponential", (x,), (b.apply(elementary.Exp(), x),), ("y",))


@cache
def multiply_add() -> Graph:
    x, y = b.input_("x", (16,), FLOAT32), b.input_("y", (16,), FLOAT32)
    return Graph("multiply_add", (x, y), (b.add(b.mul(x, y), x),), ("z",))


@cache
def largest() -> Graph:
    x, y = b.input_("x", (33,), FLOAT32), b.input_("y", (33,), FLOAT32)
    return Graph("largest", (x, y), (b.maximum(x, y),), ("z",))


@cache
def ties() -> Graph:
    x = b.input_("x", (9,), INT32)
    return Graph("ties", (x,), (b.top_k(b.bit_and(x, 1), 5),), ("y",))


@cache
def rectified() -> Graph:
    x = b.input_("x", (33,), FLOAT32)
    return Graph("rectified", (x,), (b.apply(Relu(), x),), ("y",))


@cache
def row_ties() -> Graph:
    x = b.input_("x", (9, 16), FLOAT32)
    return Graph("row_ties", (x,), (b.top_k(b.transpose(b.floor(x), (1, 0)), 5),), ("y",))


@cache
def total() -> Graph:
    x = b.input_("x", (3, 77), FLOAT32)
    return Graph("total", (x,), (b.sum_(x, [1]),), ("y",))


@cache
def messages() -> Graph:
    """17 edges bring their rows to 4 nodes; some of the edges lead nowhere."""
    x, updates = b.input_("x", (4, 9), FLOAT32), b.input_("updates", (17, 9), FLOAT32)
    edges = b.sub(b.bit_and(b.input_("edges", (17,), INT32), 7), 5)
    node = b.scatter_(x, edges, updates, 0, Combine.ADD)
    return Graph("messages", (x, edges.inputs[0].inputs[0], updates), (node,), ("y",))


def verified(compiled: Compiled) -> None:
    compiled.verify(rough_events(compiled.graph, 20))  # a tile and some more


def planted(graph: Graph, change: Change) -> Compiled:
    """Return an artefact whose sources went through a change, which must have had an effect."""
    compiled = compile_(graph, Cpp(compiler=COMPILER))
    before = compiled.artifact.files
    after = tuple(
        File(f.path, change(f.content.decode()).encode()) if f.path.endswith(".hpp") else f
        for f in before
    )
    assert after != before, "the fault was not planted"
    compiled.artifact.__dict__["files"] = after  # what its library compiles
    return compiled


def instead(old: str, new: str) -> Change:
    return lambda text: text.replace(old, new)


def pattern(old: str, new: str) -> Change:
    return lambda text: re.sub(old, new, text)


FAULTS: dict[str, tuple[Callable[[], Graph], Change]] = {
    "products summed backwards": (
        lambda: model("b_jet16"),
        pattern(r"body\(number<s>\{\}, k \+ s\)", "body(number<s>{}, size - 1 - (k + s))"),
    ),
    "tiles summed backwards": (
        lambda: model("e_deepsets"),
        pattern(
            r"\((index k\d+) = 0; (k\d+) < (\d+); \+\+k\d+\)", r"(\1 = \3 - 1; \2 >= 0; --\2)"
        ),
    ),
    "strands joined with their neighbors": (
        lambda: model("b_jet16"),
        instead(
            "combine(strand[s], strand[s + half])", "combine(strand[2 * s], strand[2 * s + 1])"
        ),
    ),
    "sums joined with their neighbors": (
        total,
        instead(
            "combine(strand[s], strand[s + half])", "combine(strand[2 * s], strand[2 * s + 1])"
        ),
    ),
    "products without fma": (
        lambda: model("b_jet16"),
        pattern(r"fma\(left, (right\[v\]), (row_sum\[v\])\)", r"add(\2, mul(left, \1))"),
    ),
    "products open to contraction": (
        multiply_add,
        pattern(r"opaque\((F\{_mm256_mul_ps\(a\.v, b\.v\)\})\)", r"\1"),
    ),
    "strands in turn that are one strand": (
        lambda: model("b_jet16"),
        instead("k += S) body(s, k);", "k += S) body(number<0>{}, k);"),
    ),
    "events of a tile that change places": (
        lambda: model("b_jet16"),
        pattern(r"(to\[2 \* i\] = )zip_first(.*?= )zip_last", r"\1zip_last\2zip_first"),
    ),
    "an exp whose coefficient of x^2 is off in its last bit": (
        exponential,
        instead("0x1.fffffcp-2f", "0x1.fffff8p-2f"),
    ),
    "a maximum that forgets NaN": (
        largest,
        pattern(r"select\(unordered\(a\), a, (F\{_mm256_max_ps\(a.v, b.v\)\})\)", r"\1"),
    ),
    "a ReLU that forgets NaN": (
        rectified,
        instead(
            "_mm256_max_ps(_mm256_setzero_ps(), a.v)", "_mm256_max_ps(a.v, _mm256_setzero_ps())"
        ),
    ),
    "rows choose the higher index of ties": (
        row_ties,
        instead("less(best[j], key)", "less_equal(best[j], key)"),
    ),
    "ties go to the higher index": (
        ties,
        instead("largest ? a > b : a < b", "largest ? a >= b : a <= b"),
    ),
    "updates in the reverse order": (
        messages,
        pattern(
            r"index i0 = 0; i0 < 17; \+\+i0(\) \{\s+const index chosen)",
            r"index i0 = 16; i0 >= 0; --i0\1",
        ),
    ),
    "the first update is lost": (
        messages,
        pattern(r"index i0 = 0(; i0 < 17; \+\+i0\) \{\s+const index chosen)", r"index i0 = 1\1"),
    ),
    "an update outside of its axis goes to the first place": (
        messages,
        instead("return i < 0 || i >= size ? -1 : i;", "return i < 0 || i >= size ? 0 : i;"),
    ),
    "the last lane is not stored": (
        largest,
        pattern(
            r"(F x, index n\) noexcept \{ _mm256_maskstore_ps\(p, )first\(n\)",
            r"\1first(n - 1)",
        ),
    ),
    "one weight is off by 2^-12 of itself": (
        lambda: model("b_jet16"),
        lambda text: re.sub(
            r"(words\[\] = \{\s+)(0x[0-9a-f]+)u",
            lambda found: f"{found[1]}{int(found[2], 16) ^ 0x1000:#x}u",
            text,
        ),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_seen(fault: str) -> None:
    graph, change = FAULTS[fault][0](), FAULTS[fault][1]
    verified(compile_(graph, Cpp(compiler=COMPILER)))
    with pytest.raises(Mismatch):
        verified(planted(graph, change))


def self_test(files: tuple[File, ...], folder: Path) -> subprocess.CompletedProcess[str]:
    for file in files:
        (folder / file.path).write_bytes(file.content)
    (source,) = folder.glob("*_self_test.cpp")
    options = [option for option in COMPILER.options() if not option.startswith("-O")]
    run(["g++", *options, "-O1", "-o", "self_test", source.name], folder)
    command = [str(folder / "self_test")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_self_test_sees_a_lost_fma(tmp_path: Path) -> None:
    graph, change = FAULTS["products without fma"][0](), FAULTS["products without fma"][1]
    sound, broken = tmp_path / "sound", tmp_path / "broken"
    sound.mkdir()
    broken.mkdir()
    done = self_test(compile_(graph, Cpp()).artifact.files, sound)
    assert (done.returncode, "every bit agrees" in done.stdout) == (0, True)
    done = self_test(planted(graph, change).artifact.files, broken)
    assert (done.returncode, "bits differ" in done.stdout) == (1, True)


# ------------------------------------------------------------------------ faults of the planner


def broken(graph: Graph) -> None:
    """Assert that a graph, compiled by the target as it is patched now, is not verified."""
    with pytest.raises(Mismatch):
        verified(compile_(graph, Cpp(compiler=COMPILER)))


def test_a_buffer_reused_too_early_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A buffer lives while it is written, not until its last reader is done."""

    def only_written(region: Region) -> list[Buffer]:
        return [each.buffer for each in written(region)]

    graph = model("e_deepsets")
    verified(compile_(graph, Cpp(compiler=COMPILER)))
    monkeypatch.setattr(memory, "touched", only_written)
    broken(graph)


def test_a_wrong_broadcast_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stride of a kept axis is 0: a bias that repeats its first element."""
    right = view.broadcasted

    def repeats_all(given: View, shape: tuple[int, ...]) -> View:
        made = right(given, shape)
        return View(made.buffer, made.shape, (0,) * len(shape), made.offset)

    x, bias = b.input_("x", (5, 7), FLOAT32), b.input_("bias", (7,), FLOAT32)
    graph = Graph("biased", (x, bias), (b.add(x, bias),), ("y",))
    verified(compile_(graph, Cpp(compiler=COMPILER)))
    monkeypatch.setattr(view, "broadcasted", repeats_all)
    broken(graph)


def test_a_wrong_slice_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every movement forgets where it begins."""
    right = view.moved

    def from_zero(given: View, op: object, shape: tuple[int, ...]) -> View | None:
        made = right(given, op, shape)  # type: ignore[arg-type]
        return None if made is None else View(made.buffer, made.shape, made.strides, 0)

    x = b.input_("x", (9,), FLOAT32)
    graph = Graph("sliced", (x,), (b.neg(b.slice_(x, 0, 2, 5)),), ("y",))
    verified(compile_(graph, Cpp(compiler=COMPILER)))
    for module in ("view", "value", "fuse"):
        place = f"inferon.targets.cpp.{module}.moved"
        monkeypatch.setattr(place, from_zero, raising=False)
    broken(graph)
