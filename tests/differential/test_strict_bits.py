"""Strict bits: one event has one result, however, wherever and by whatever it is computed.

| axis         | values                                                                   |
|--------------|--------------------------------------------------------------------------|
| batch        | the event alone; 2, 7, 16, 1,000 events in one call                      |
| threads      | 1, 2, 8, each with a range of the events                                 |
| machine      | x86-64-v3, x86-64-v4, AArch64 in an emulator                             |
| compiler     | g++, clang++                                                             |
| optimization | -O0, -O1, -O2, -O3, -O3 at link time, where caller and model are one     |
| model        | every file of benchmarks/models; 200 random graphs                       |

Each point is compared with the interpreter, so that all of them are equal.  ``--full`` goes
through the whole product; otherwise `SAMPLE` has each value of each axis, with 20 random graphs.

The interpreter sees the `DISTINCT` events of a model once; a run repeats them up to its number
of events, and each of them comes to lie in every lane.  A run has 1,000 events, or fewer where it
is emulated or a model of more than a million multiply-adds is not optimized (`events_of`): its
largest batch is then all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from inferon.analysis.cost import cost
from inferon.errors import ToolError
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import FLOAT32, FLOAT64, Float
from inferon.load import load
from inferon.ops import build as b
from inferon.targets.toolchain import run
from tests.absent import require_tool
from tests.differential.random_programs import program
from tests.differential.strict_run import (
    AARCH64,
    DISTINCT,
    X86_64_V3,
    X86_64_V4,
    Build,
    Suite,
)

BATCHES = (1, 2, 7, 16, 1000)
THREADS = (1, 2, 8)
COMPILERS = ("g++", "clang++")
MACHINES = (X86_64_V3, X86_64_V4, AARCH64)
LEVELS = ("0", "1", "2", "3", "3-lto")
BUILDS = [Build(*axes) for axes in product(COMPILERS, MACHINES, LEVELS)]

MODELS = Path(__file__).parents[2] / "benchmarks" / "models"
STEMS = sorted(
    path.stem for path in MODELS.glob("*.onnx") if not re.search(r"_dyn$|\.static1$", path.stem)
)
RANDOM_GRAPHS = 200
GRAPHS_IN_SUITE = 20
"""Graphs of one program: what a compiler digests with 1 GB of memory."""

GRAPHS = [
    f"graphs {first} to {first + GRAPHS_IN_SUITE - 1}"
    for first in range(0, RANDOM_GRAPHS, GRAPHS_IN_SUITE)
]

TEMPTING = "tempting"
"""What a compiler would like to simplify, and may not where it is -0, NaN or infinite; and numbers
of two types that could lie at one place."""

SAMPLE = {
    "a_mlp12": [("g++", X86_64_V3, "0"), ("clang++", AARCH64, "3"), ("g++", X86_64_V4, "3-lto")],
    "b_jet16": [("clang++", X86_64_V4, "1"), ("g++", AARCH64, "2"), ("clang++", X86_64_V3, "3")],
    "c_mlp256": [("g++", X86_64_V4, "1")],
    "d1_bragg": [("clang++", X86_64_V3, "3-lto"), ("g++", AARCH64, "1")],
    "d2_lenet": [("g++", X86_64_V4, "2")],
    "e_deepsets": [("clang++", X86_64_V3, "2")],
    "f_transf": [("clang++", X86_64_V4, "3")],
    "g_gru": [("clang++", AARCH64, "2"), ("g++", X86_64_V3, "3")],
    "i_pnet": [("g++", X86_64_V3, "2")],
    TEMPTING: [("clang++", AARCH64, "2"), ("g++", AARCH64, "3"), ("clang++", X86_64_V4, "3")],
    GRAPHS[0]: [("clang++", X86_64_V3, "1"), ("g++", AARCH64, "3")],
}
"""What runs without ``--full``."""

HEAVY_MACS = 1_000_000
"""A run of 1,000 events of a heavier model takes minutes at -O0 or in an emulator."""


def events_of(graphs: tuple[Graph, ...], build: Build) -> int:
    """Return the events of one run."""
    heavy = max(cost(graph).macs for graph in graphs) > HEAVY_MACS
    if build.machine.emulator:
        return DISTINCT if heavy else 100
    return 40 if heavy and build.level in ("0", "1") else 1000


@cache
def graphs_of(name: str) -> tuple[Graph, ...]:
    if name in GRAPHS:
        first = GRAPHS.index(name) * GRAPHS_IN_SUITE
        return tuple(program(seed) for seed in range(first, first + GRAPHS_IN_SUITE))
    if name == TEMPTING:
        shapes = ((19,), ())
        choices = (tempting(each, shape) for each in (FLOAT32, FLOAT64) for shape in shapes)
        return (*choices, in_turns())
    return (load(MODELS / f"{name}.onnx"),)


def tempting(element: Float, shape: tuple[int, ...]) -> Graph:
    """Arithmetic with constants, and choices between a number and zero."""
    x = b.input_("x", shape, element)
    numbers = [b.constant(each, element) for each in (0.0, -0.0, 1.0, -1.0)]
    ends = [operation(x, each) for operation in (b.add, b.sub, b.mul, b.div) for each in numbers]
    ends += [operation(each, x) for operation in (b.sub, b.div) for each in numbers]
    for choice in (b.maximum, b.minimum):
        ends += [choice(*pair) for each in numbers for pair in ((x, each), (each, x))]
    for zero in numbers[:2]:
        ends += [b.select(b.less(x, zero), zero, x), b.select(b.less(zero, x), x, zero)]
        ends += [b.select(b.less(x, zero), b.neg(x), x), b.select(b.equal(x, zero), zero, x)]
    ends += [b.sub(x, x), b.div(x, x), b.neg(b.sub(numbers[0], x)), b.sub(b.add(x, 1.0), 1.0)]
    name = f"tempting_{element.bits}_{len(shape)}"
    return Graph(name, (x,), tuple(ends), tuple(f"y{i}" for i in range(len(ends))))


def in_turns() -> Graph:
    """Floats that are written when the indices before them, in as many bytes, have been read."""
    x, y = b.input_("x", (4, 5), FLOAT32), b.input_("y", (4, 2), FLOAT32)
    first, second = b.mul(x, x), b.mul(y, y)
    scaled = b.mul(second, b.broadcast(_best(first), (4, 2)))
    return Graph("in_turns", (x, y), (scaled, _best(b.sqrt(second))), ("scaled", "best"))


def _best(x: Node) -> Node:
    return b.gather(x, b.top_k(x, 1), 1, batch=1)


@cache
def suite(name: str, events: int) -> Suite:
    return Suite(graphs_of(name), events)


def _cases() -> list[object]:
    sample = {(name, Build(*axes)) for name, builds in SAMPLE.items() for axes in builds}
    return [
        pytest.param(
            name,
            build,
            id=f"{name}-{build.name}",
            marks=[] if (name, build) in sample else pytest.mark.full,
        )
        for name in (*STEMS, TEMPTING, *GRAPHS)
        for build in BUILDS
    ]


@pytest.mark.parametrize(("name", "build"), _cases())
def test_the_bits_are_those_of_the_interpreter(name: str, build: Build, tmp_path: Path) -> None:
    build.require()
    tested = suite(name, events_of(graphs_of(name), build))
    wrong = tested.differences(build, tmp_path, BATCHES, THREADS)
    assert not wrong, "\n".join(wrong)


def test_the_sample_has_every_value_of_every_axis() -> None:
    axes = [axes for builds in SAMPLE.values() for axes in builds]
    for position, values in enumerate((COMPILERS, MACHINES, LEVELS)):
        assert {each[position] for each in axes} == set(values)
    assert {each[:2] for each in axes} == set(product(COMPILERS, MACHINES))
    assert set(SAMPLE) <= {*STEMS, TEMPTING, *GRAPHS}


# ------------------------------------------------------------------------------ unoptimized builds

THREAD_STACK_BYTES = 1 << 20
"""Half of what a thread has at least on Linux (2 MB): a layer of unoptimized code takes less."""


def in_place(text: str) -> str:
    """Layers are written in place also in unoptimized code."""
    for layer in ("INFERON_LAYER inline", "INFERON_LONG_LAYER inline __attribute__((noinline))"):
        name = layer.split()[0]
        text = text.replace(f"#define {layer}\n", f"#define {name} INFERON_INLINE\n")
    return text


@pytest.mark.parametrize("change", [None, in_place], ids=["sound", "planted"])
def test_unoptimized_code_fits_on_the_stack_of_a_thread(
    change: Callable[[str], str] | None, tmp_path: Path
) -> None:
    """Built without -O, one model took 12 MB: each variable has a place of its own there."""
    build = Build("clang++", X86_64_V4, "0")
    require_tool(build.compiler)
    (artifact,) = suite("f_transf", 1).artifacts
    for file in artifact.files:
        text = file.content.decode(errors="replace")
        (tmp_path / file.path).write_text(change(text) if change else text)
    limit = f"-Wframe-larger-than={THREAD_STACK_BYTES}"
    command = [*build.command, *build.options, limit, "-c", f"{artifact.made.name}_c.cpp"]
    if change is None:
        run(command, tmp_path)
    else:
        with pytest.raises(ToolError, match="stack frame size"):
            run(command, tmp_path)


# --------------------------------------------------------------------------- the test of the test


def reversed_in_tiles(text: str) -> str:
    """Sums of a tile of events run from the last term to the first."""
    head, tile = text.split("namespace tile {", 1)
    term = re.compile(r"(tile\.chains\((\d+), .*\n\s+tile\.step\(s, .*)")

    def turned(found: re.Match[str]) -> str:
        return found[1].replace("k0 *", f"({found[2]} - 1 - k0) *")

    return f"{head}namespace tile {{{term.sub(turned, tile)}"


def rounded_in_tiles(text: str) -> str:
    """Products of a tile of events are rounded before they are added: the fma is lost."""
    begin = text.index("  // Adds one product: a[r * apart]")
    end = text.index("  // Calls body(m, n, value) for every register")
    step = re.sub(r"\bstep(_rows?)?\b", r"rounded_step\1", text[begin:end])
    step = step.replace("fma(left, right[v], row_sum[v])", "add(row_sum[v], mul(left, right[v]))")
    head, tile = (text[:end] + step + text[end:]).split("namespace tile {", 1)
    return f"{head}namespace tile {{{tile.replace('tile.step(', 'tile.rounded_step(')}"


def one_workspace_for_all(text: str) -> str:
    """All threads write into the same scratch memory."""
    return re.sub(
        r"(evaluate_batch\(const Weights& weights, Workspace&) workspace(,[^)]*\) noexcept \{)",
        r"\1\2\n  static Workspace workspace;",
        text,
    )


def summed_backwards(text: str) -> str:
    return text.replace("body(number<s>{}, k + s)", "body(number<s>{}, size - 1 - (k + s))")


def without_fma(text: str) -> str:
    return text.replace("fma(left, right[v], row_sum[v])", "add(row_sum[v], mul(left, right[v]))")


ALONE, IN_TILES, ON_THREADS = "batches of 1,", "batches of 16,", "8 threads"

FAULTS: dict[Callable[[str], str], tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    summed_backwards: ("b_jet16", (ALONE, IN_TILES), ()),
    without_fma: ("b_jet16", (ALONE, IN_TILES), ()),
    reversed_in_tiles: ("b_jet16", (IN_TILES,), (ALONE,)),
    rounded_in_tiles: ("b_jet16", (IN_TILES,), (ALONE,)),
    one_workspace_for_all: ("g_gru", (ON_THREADS,), (" 1 threads",)),
}
"""A fault, a model that has it, where it is seen, and where it cannot be."""


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_planted_fault_is_seen(fault: Callable[[str], str], tmp_path: Path) -> None:
    build = Build("g++", X86_64_V3, "2")
    build.require()
    name, seen, hidden = FAULTS[fault]
    events = 20_000 if fault is one_workspace_for_all else 40  # threads have to meet
    wrong = suite(name, events).differences(build, tmp_path, (1, 16), (1, 8), fault)
    assert all(any(where in line for line in wrong) for where in seen), wrong
    assert not any(where in line for line in wrong for where in hidden), wrong
