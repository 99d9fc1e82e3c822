"""The node tests of the ONNX standard, on the interpreter and as compiled C++.

The counts are the ones that docs/reference/onnx-operators.md prints, which is generated from the
same run: a change that loses a case, or wins one, has to renew that page.
"""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from inferon.targets.toolchain import Compiler
from tests.differential.cpp_pack import BUILDS, Pack, check, name_of
from tests.differential.node_suite import Case, Result, Verdict, cases, judge
from tests.differential.node_suite_page import PAGE, RENEW, render

LEAST_PASSED = 1000
"""Cases without a bound input that pass: the aim of the project."""

LEAST_IN_ALL = 1250
"""The same with the cases whose shape-like inputs are bound."""

SHARDS = 32
"""Translation units: small enough that two compilers side by side stay below 2 GB."""

QUICK = Compiler("g++", "x86-64-v3", "1")
"""One event of a few numbers needs no optimizer; the other builds belong to the full counts."""

ROUNDED_BY_HAND = {
    "test_averagepool_2d_ceil_last_window_starts_on_pad",
    "test_roialign_aligned_false",
    "test_roialign_aligned_true",
}
"""Wrong in the standard itself: its numbers are written with four digits."""


@cache
def judged() -> tuple[Result, ...]:
    return tuple(judge(case) for case in cases())


def test_what_loads_gives_the_numbers_of_the_standard() -> None:
    wrong = {each.case.name for each in judged() if each.verdict is Verdict.WRONG}
    assert wrong == ROUNDED_BY_HAND


def test_most_of_the_standard_passes() -> None:
    counts = Counter(each.verdict for each in judged() if not each.case.is_expanded)
    assert counts[Verdict.PASSED] >= LEAST_PASSED
    assert counts[Verdict.PASSED] + counts[Verdict.BOUND] >= LEAST_IN_ALL


def test_the_page_of_operators_is_of_this_run() -> None:
    assert PAGE.read_text() == render(judged()), RENEW


# ---------------------------------------------------------------------------------- compiled C++


def shard(chosen: list[Case], number: int) -> Pack:
    """Return the graphs of every 32nd case, each with the standard's own event first."""
    results = (judge(case) for case in chosen[number::SHARDS])
    loaded = [each for each in results if each.graph is not None and each.event]
    graphs = tuple(each.graph for each in loaded if each.graph is not None)
    return Pack(graphs, events=2, first=tuple(each.event for each in loaded))


@pytest.mark.parametrize("number", range(SHARDS))
def test_the_compiled_cases_have_the_interpreters_bits(number: int) -> None:
    check(shard([case for case in cases() if not case.is_expanded], number), QUICK)


@pytest.mark.full
@pytest.mark.parametrize("number", range(SHARDS))
def test_the_compiled_bodies_of_functions_have_the_interpreters_bits(number: int) -> None:
    check(shard([case for case in cases() if case.is_expanded], number), QUICK)


@pytest.mark.full
@pytest.mark.parametrize("build", [BUILDS[1], BUILDS[3]], ids=name_of)
@pytest.mark.parametrize("number", range(SHARDS))
def test_the_compiled_cases_on_other_builds(number: int, build: Compiler) -> None:
    check(shard([case for case in cases() if not case.is_expanded], number), build)
