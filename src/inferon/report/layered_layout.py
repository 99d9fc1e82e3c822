"""Places for the boxes of a directed graph: in rows from top to bottom, with few crossings.

The method of Sugiyama, Tagawa and Toda (IEEE Trans. SMC 11, 1981): rows by longest paths,
stand-ins where an edge passes a row, an order within each row by the mean place of the neighbors,
then coordinates that pull neighbors under each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

SWEEPS = 8
"""Passes down and up; more change nothing on the graphs of the models we know."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where boxes stand and how edges run.

    Attributes
    ----------
    rows : the row of each box, from 0 at the top
    centers : the middle of each box across, in the unit of the widths
    paths : for each edge the (row, middle) of its ends and of the rows between
    """

    rows: tuple[int, ...]
    centers: tuple[float, ...]
    paths: tuple[tuple[tuple[int, float], ...], ...]


def layered_layout(
    widths: Sequence[float], edges: Sequence[tuple[int, int]], gap: float
) -> Layout:
    """Return places for boxes.

    Parameters
    ----------
    widths : of each box; boxes are numbered in an order in which they can be computed
    edges : from one box to another; an edge against the order does not count for the rows
    gap : the least distance of neighbors in a row
    """
    rows = _rows(len(widths), edges)
    chains, row_of, width_of = _chains(rows, widths, edges)
    links = [pair for chain in chains for pair in pairwise(chain)]
    above: dict[int, list[int]] = {node: [] for node in row_of}
    below: dict[int, list[int]] = {node: [] for node in row_of}
    for upper, lower in links:
        above[lower].append(upper)
        below[upper].append(lower)
    table: list[list[int]] = [[] for _ in range(max(rows, default=-1) + 1)]
    for node, row in row_of.items():
        table[row].append(node)
    _order(table, above, below)
    centers = _centers(table, above, below, width_of, gap)
    paths = tuple(tuple((row_of[node], centers[node]) for node in chain) for chain in chains)
    return Layout(rows, tuple(centers[box] for box in range(len(widths))), paths)


def _rows(count: int, edges: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    """Return the length of the longest path to each box."""
    rows = [0] * count
    for source, target in sorted(edges, key=lambda edge: edge[1]):
        if source < target:
            rows[target] = max(rows[target], rows[source] + 1)
    return tuple(rows)


def _chains(
    rows: Sequence[int], widths: Sequence[float], edges: Sequence[tuple[int, int]]
) -> tuple[list[list[int]], dict[int, int], dict[int, float]]:
    """Return each edge as a chain of boxes and stand-ins, one for each row that it passes."""
    row_of = dict(enumerate(rows))
    width_of = dict(enumerate(widths))
    chains = []
    for source, target in edges:
        chain = [source]
        step = 1 if rows[target] >= rows[source] else -1
        for row in range(rows[source] + step, rows[target], step):
            stand_in = len(row_of)
            row_of[stand_in], width_of[stand_in] = row, 0.0
            chain.append(stand_in)
        chains.append([*chain, target])
    return chains, row_of, width_of


def _order(
    table: list[list[int]], above: Mapping[int, list[int]], below: Mapping[int, list[int]]
) -> None:
    """Sort every row by the mean place of its neighbors, from the top and from the bottom."""
    for sweep in range(SWEEPS):
        neighbors, order = (above, table[1:]) if sweep % 2 == 0 else (below, table[-2::-1])
        place = _places(table)
        for row in order:
            row.sort(
                key=lambda node: _mean([place[each] for each in neighbors[node]], place[node])
            )
            place.update({node: float(index) for index, node in enumerate(row)})


def _places(table: Sequence[Sequence[int]]) -> dict[int, float]:
    return {node: float(index) for row in table for index, node in enumerate(row)}


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default


def _centers(
    table: Sequence[Sequence[int]],
    above: Mapping[int, list[int]],
    below: Mapping[int, list[int]],
    width_of: Mapping[int, float],
    gap: float,
) -> dict[int, float]:
    """Pull every node to its neighbors, as far as the row's order and widths allow."""
    centers: dict[int, float] = {}
    for row in table:
        centers.update(_packed(row, [0.0] * len(row), width_of, gap))
    for sweep in range(SWEEPS):
        neighbors, order = (above, table) if sweep % 2 == 0 else (below, table[::-1])
        for row in order:
            wanted = [
                _mean([centers[each] for each in neighbors[node]], centers[node]) for node in row
            ]
            centers.update(_packed(row, wanted, width_of, gap))
    return centers


def _packed(
    row: Sequence[int], wanted: Sequence[float], width_of: Mapping[int, float], gap: float
) -> dict[int, float]:
    """Return centers near the wanted ones without overlap: the mean of a pass from each side."""
    right: list[float] = []
    for node, want in zip(row, wanted, strict=True):
        least = (
            right[-1] + (width_of[row[len(right) - 1]] + width_of[node]) / 2 + gap
            if right
            else want
        )
        right.append(max(want, least))
    left: list[float] = []
    for node, want in zip(reversed(row), reversed(wanted), strict=True):
        previous = row[len(row) - len(left)] if left else node
        most = left[-1] - (width_of[previous] + width_of[node]) / 2 - gap if left else want
        left.append(min(want, most))
    left.reverse()
    return {node: (a + b) / 2 for node, a, b in zip(row, right, left, strict=True)}
