"""The two ways to an adder graph: with sharing and, to compare with, without."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inferon.passes.share.differences import Lean, Plan, alone, differences
from inferon.passes.share.draft import Draft, Term
from inferon.passes.share.graph import AdderGraph, Array, InputRange
from inferon.passes.share.greedy import Greedy, terms
from inferon.passes.share.patterns import Row, load
from inferon.passes.share.rebuild import Rebuild
from inferon.passes.share.sums import summed


def share(
    matrix: Array, inputs: Sequence[InputRange], extra_depth: int | None = None
) -> AdderGraph:
    """Return the product with a constant matrix as adders that outputs share.

    The same arguments give the same graph on every machine.

    Parameters
    ----------
    matrix : (outputs, inputs), whole numbers of any size
    inputs : what each input takes; an input that is always zero costs nothing
    extra_depth : by how many adders the deepest output may be deeper than without sharing.
        0 gives the lowest latency, None sets no bound and gives the smallest area.

    Raises
    ------
    ValueError
        The matrix does not have a column for each input, or holds other than whole numbers, or
        `extra_depth` is negative.
    """
    if extra_depth is not None and extra_depth < 0:
        raise ValueError(f"{extra_depth} extra adders: give 0 or more, or None for no bound")
    rows = _rows(matrix, inputs)
    depths = [each.depth for each in inputs]
    least = max((_least_depth(row, depths) for row in rows), default=0)
    bound = None if extra_depth is None else least + extra_depth
    distinct, sources = _distinct(rows)
    plans = [alone(distinct, bound), differences(distinct, depths, bound)]
    graphs = [_shared(_draft(rows, inputs), plan, sources) for plan in plans if plan]
    return min([*graphs, plain(matrix, inputs)], key=lambda graph: graph.luts)


def plain(matrix: Array, inputs: Sequence[InputRange]) -> AdderGraph:
    """Return the product with each output as a sum of its own, of the least depth.

    Parameters and errors are those of `share`.
    """
    rows = _rows(matrix, inputs)
    draft = _draft(rows, inputs)
    depths = draft.depths[: len(inputs)]
    return draft.graph([summed(draft, terms(row), _least_depth(row, depths)) for row in rows])


def _rows(matrix: Array, inputs: Sequence[InputRange]) -> list[Row]:
    """Return the coefficients of each output that are not zero, of inputs that are not either."""
    array = np.asarray(matrix)
    if array.ndim != 2 or array.shape[1] != len(inputs):
        raise ValueError(
            f"a matrix of shape {array.shape} for {len(inputs)} inputs: give (outputs, inputs)"
        )
    numbers = array.tolist()
    if any(type(number) is not int for row in numbers for number in row):
        raise ValueError("the matrix holds other than whole numbers: scale it by a power of two")
    return [
        {value: number for value, number in enumerate(row) if number and _lives(inputs[value])}
        for row in numbers
    ]


def _lives(each: InputRange) -> bool:
    return (each.low, each.high) != (0, 0)


def _draft(rows: list[Row], inputs: Sequence[InputRange]) -> Draft:
    sizes = (abs(number) for row in rows for number in row.values())
    return Draft(inputs, max(sizes, default=0))


def _least_depth(row: Row, depths: Sequence[int]) -> int:
    """Return the depth of the row's shallowest tree: ``log2`` of its load, rounded up."""
    return max(0, load(row, depths) - 1).bit_length()


def _distinct(rows: list[Row]) -> tuple[list[Row], list[Term]]:
    """Return rows without those that are another one shifted or negated, and where each came from.

    A source is the number of a distinct row in the place of a value.
    """
    found: dict[tuple[tuple[int, int], ...], int] = {}
    sources = []
    for row in rows:
        bits = 0
        for number in row.values():
            bits |= number
        shift = max(0, (bits & -bits).bit_length() - 1)
        sign = -1 if next(iter(row.values()), 1) < 0 else 1
        normal = tuple((value, sign * number >> shift) for value, number in row.items())
        sources.append(Term(found.setdefault(normal, len(found)), shift, sign))
    return [dict(each) for each in found], sources


def _shared(draft: Draft, plan: Plan, sources: list[Term]) -> AdderGraph:
    """Return the graph in which each row of a plan is summed and each output is one of them."""
    Greedy(draft, plan.rows, plan.room(draft.depths)).run()
    rows = [terms(row) for row in plan.rows]
    new = draft.empty()
    rebuild = Rebuild(draft, new, rows)
    sums: list[Term | None] = [None] * len(rows)
    for number in plan.order:
        bound = None if plan.bounds is None else plan.bounds[number]
        sums[number] = rebuild.row(rows[number], bound, _leaned(plan.leans[number], sums))
    outputs = []
    for number, shift, sign in sources:
        total = sums[number]
        outputs.append(total and Term(total.value, total.shift + shift, total.sign * sign))
    return new.graph(outputs)


def _leaned(lean: Lean | None, sums: list[Term | None]) -> list[Term]:
    """Return the sum that a row leans on, as none or one term."""
    total = sums[lean.row] if lean else None
    return [Term(total.value, total.shift, total.sign * lean.sign)] if lean and total else []
