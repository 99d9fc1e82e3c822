"""Faults planted in the HLS projects: ``verify`` and the emitted test bench must see each one.

A fault is a change of the emitted text.  The test first shows that the sound project passes and
that the change took place.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from inferon.compile import Compiled
from inferon.errors import DataError, Mismatch
from inferon.ir.graph import Graph
from inferon.ir.types import FLOAT32, Fixed
from inferon.ir.values import Array, Values
from inferon.ops import build as b
from inferon.ops.convert import Quantize
from inferon.ops.mantissa import Overflow, Rounding
from inferon.ops.table import Table
from inferon.targets.base import File, write_folder
from inferon.targets.hls import Dialect, Hls
from inferon.targets.hls.dialect import SPELLINGS
from inferon.targets.hls.headers import headers
from inferon.targets.toolchain import run
from tests.absent import needs_tool
from tests.differential.hls_pack import (
    COMPILER,
    each_dialect,
    evaluate_with,
    require_headers,
    together,
)

pytestmark = needs_tool("g++")

INNER, OUTER = Fixed(True, 6, 3), Fixed(True, 5, 4)

Change = Callable[[str], str]

SOUND = "no fault"


@cache
def layer() -> Graph:
    """Two products with a bias, rounded and wrapped; a table; the largest; each of one input."""
    x = b.apply(Quantize(INNER, Rounding.HALF_UP, Overflow.SATURATE), b.input_("x", (8,), FLOAT32))
    rng = np.random.default_rng(0)
    weights = b.constant(rng.integers(-16, 16, (8, 4)), Fixed(True, 5, 2))
    bias = b.constant(np.array([-3, 5, 1, -8]), Fixed(True, 4, 1))
    total = b.add(b.product(x, weights), bias)
    wrapped = b.apply(Quantize(OUTER, Rounding.HALF_UP, Overflow.WRAP), total)
    entries = Values(np.arange(64)[::-1].astype(np.int64) - 32)
    looked = b.apply(Table(entries, INNER), x)
    best = b.top_k(x, 3)
    return Graph(
        "layer", (b.input_("x", (8,), FLOAT32),), (wrapped, looked, best), ("y", "t", "k")
    )


def instead(old: str, new: str) -> Change:
    return lambda text: text.replace(old, new)


def pattern(old: str, new: str) -> Change:
    return lambda text: re.sub(old, new, text)


def events() -> Array:
    rng = np.random.default_rng(1)
    return (rng.integers(-64, 64, (40, 8)) / 16).astype(np.float32)


def changed(files: tuple[File, ...], change: Change) -> tuple[File, ...]:
    """Return the files of a project after a change, which must have had an effect."""
    after = tuple(
        File(file.path, change(file.content.decode()).encode())
        if file.path.endswith((".h", ".cpp")) and "golden" not in file.path
        else file
        for file in files
    )
    assert after != files, "the fault was not planted"
    return after


FAULTS: dict[str, Change] = {
    "half-even for half-up": pattern(r"\b(A[PC])_RND,", r"\1_RND_CONV,"),
    "floor for half-up": pattern(r"\b(A[PC])_RND,", r"\1_TRN,"),
    "saturate for wrap": pattern(r"\b(A[PC])_WRAP\b", r"\1_SAT"),
    "shift by one": pattern(r"(typedef a[pc]_fixed<5, )4", r"\g<1>3"),
    "one bit lost": pattern(r"(typedef a[pc]_fixed<)5, 4", r"\g<1>4, 3"),
    "a column for a row": instead("i1 * 4 + i0", "i0 * 8 + i1"),
    "a term too few": instead("< 8; ++", "< 7; ++"),
    "a bias for another": pattern(r"(constant_c\d+\[)i0\]", r"\g<1>0]"),
    "ties to the highest": instead("(i1 < i0)", "(i0 < i1)"),
    "a table read unsigned": pattern(
        r"(mantissa|bits)\.to_int\(\) [+^] .*?;", r"\1.to_int() & ((1 << W) - 1);"
    ),
}


def unsigned_port(dialect: Dialect) -> Change:
    if dialect is Dialect.VITIS:
        return instead("typedef ap_fixed<6, 3>", "typedef ap_ufixed<6, 3>")
    return instead("typedef ac_fixed<6, 3, true>", "typedef ac_fixed<6, 3, false>")


def faults(dialect: Dialect) -> dict[str, Change]:
    return {**FAULTS, "a sign lost in a port": unsigned_port(dialect)}


@cache
def projects(dialect: Dialect) -> dict[str, Compiled]:
    """Return the sound project, and one with each fault, compiled together."""
    require_headers(dialect)
    made = {}
    for number, name in enumerate([SOUND, *faults(dialect)]):
        target = Hls(dialect=dialect, name=f"p{number}", compiler=COMPILER)
        artifact = target.build(layer())
        if name != SOUND:
            files = changed(artifact.simulation.sources, faults(dialect)[name])
            artifact.simulation.__dict__["sources"] = files
        made[name] = Compiled(layer(), artifact)
    simulations = [each.artifact.simulation for each in made.values()]  # type: ignore[attr-defined]
    library = together(simulations)
    for each in simulations:
        evaluate_with(library, each)
    return made


@each_dialect
def test_the_sound_project_agrees(dialect: Dialect) -> None:
    assert projects(dialect)[SOUND].verify(events()).events == len(events())


@each_dialect
def test_threads_change_nothing(dialect: Dialect) -> None:
    compiled = projects(dialect)[SOUND]
    for one, three in zip(
        compiled.predict(events()), compiled.predict(events(), threads=3), strict=True
    ):
        assert (one == three).all()


@each_dialect
@pytest.mark.parametrize("fault", [*FAULTS, "a sign lost in a port"])
def test_a_fault_is_seen(fault: str, dialect: Dialect) -> None:
    with pytest.raises((Mismatch, DataError)):  # the latter: a number that the port cannot have
        projects(dialect)[fault].verify(events())


def exit_code_of_bench(dialect: Dialect, files: tuple[File, ...], folder: Path) -> int:
    """Return the exit code of the emitted test bench."""
    write_folder(files, folder)
    place = headers(SPELLINGS[dialect])
    options = ("-std=c++17", "-O0", "-Wno-unknown-pragmas", "-isystem", str(place))
    run(["g++", *options, "layer.cpp", "layer_test.cpp", "-o", "bench"], folder)
    return subprocess.run([str(folder / "bench")], capture_output=True, check=False).returncode


@each_dialect
def test_the_test_bench_runs_alone_and_sees_a_fault(dialect: Dialect, tmp_path: Path) -> None:
    require_headers(dialect)
    files = Hls(dialect=dialect).build(layer()).files
    assert exit_code_of_bench(dialect, files, tmp_path / "sound") == 0
    if dialect is Dialect.VITIS:
        return  # the comparison is the same text, and ap_fixed takes long to compile
    faulty = changed(files, FAULTS["half-even for half-up"])
    assert exit_code_of_bench(dialect, faulty, tmp_path / "faulty") == 1
