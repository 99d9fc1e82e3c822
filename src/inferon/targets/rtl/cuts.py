"""Where to cut a netlist into stages so that few bits cross.

Every signal has a time at which it is there without registers.  A rank of registers at time t
holds what is there by then and is read later::

    time    0 ......... t ......... T
    x   ----+-----------|---+            crosses t: held
    n_1       +-------+ |                read before t: not held
    n_2            +----|-------+        made after t: computed in the next stage, from its sources

Between layers few bits cross, inside a product many.  The ranks are placed by dynamic programming
over candidate times, so that each stage keeps within the clock.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence, Set
from dataclasses import dataclass

from inferon.targets.rtl.netlist import Signal
from inferon.targets.rtl.timing import Timed, arrival_times

CANDIDATES_IN_STAGE = 24
"""So many times are tried for each stage's length: twice as many save 1 % of the flip-flops."""


def cut_stages(
    nodes: Sequence[Timed], results: Set[Signal], budget_ns: float, depth: int
) -> dict[Signal, int] | None:
    """Return the stage of each signal for the cheapest ranks, or None where no cuts fit.

    Parameters
    ----------
    nodes : the logic, each after those that it needs
    results : the signals that the outputs hold
    budget_ns : the longest way inside a stage
    depth : number of stages
    """
    times = arrival_times(nodes)
    crossing = _Crossing(nodes, times, results)
    candidates = crossing.cheapest(budget_ns / CANDIDATES_IN_STAGE)
    reach = _Reach(nodes, times, candidates, budget_ns)
    chosen = _cheapest_way(candidates, reach, depth)
    if chosen is None:
        return None
    cuts = [each.time_ns for each in chosen]
    return {node.signal: bisect_right(cuts, _before(times[node.signal])) for node in nodes}


def _before(time_ns: float) -> float:
    """Return a time that is just before: what is there at a cut is made before it."""
    return math.nextafter(time_ns, -math.inf)


@dataclass(frozen=True, slots=True)
class Cut:
    """A possible rank of registers.

    Attributes
    ----------
    time_ns : what is there by then is before it
    bits : flip-flops that it takes
    """

    time_ns: float
    bits: int


class _Crossing:
    """How many bits cross each time."""

    def __init__(
        self, nodes: Sequence[Timed], times: dict[Signal, float], results: Set[Signal]
    ) -> None:
        self.end_ns = max(times.values(), default=0.0)
        last: dict[Signal, float] = {}
        for node in nodes:
            for source in node.sources:
                last[source] = max(last.get(source, 0.0), times[node.signal])
        for signal in results:
            last[signal] = math.inf
        changes: dict[float, int] = {0.0: 0}
        for signal, until in last.items():
            begin = times.get(signal, 0.0)
            if until > begin:
                changes[begin] = changes.get(begin, 0) + signal.width
                changes[until] = changes.get(until, 0) - signal.width
        self.cuts: list[Cut] = []
        bits = 0
        for time in sorted(changes):
            bits += changes[time]
            if time < self.end_ns:
                self.cuts.append(Cut(time, bits))

    def cheapest(self, width_ns: float) -> list[Cut]:
        """Return the cheapest cut of every interval of a width."""
        best: dict[int, Cut] = {}
        for cut in self.cuts:
            place = int(cut.time_ns / width_ns)
            if place not in best or cut.bits <= best[place].bits:
                best[place] = cut
        return [best[place] for place in sorted(best)]


class _Reach:
    """How far a stage that begins behind a cut can go."""

    def __init__(
        self,
        nodes: Sequence[Timed],
        times: dict[Signal, float],
        candidates: Sequence[Cut],
        budget_ns: float,
    ) -> None:
        self.budget_ns = budget_ns
        self.times = times
        self.candidates = candidates
        self.nodes = sorted(nodes, key=lambda node: times[node.signal])  # stable: still in order
        self.ends = [times[node.signal] for node in self.nodes]

    def beyond(self, start: float) -> float:
        """Return the time up to which everything fits into a stage that begins after ``start``."""
        ready: dict[Signal, float] = {}
        for place in range(bisect_right(self.ends, start), len(self.nodes)):
            node = self.nodes[place]
            begin = max((ready.get(s, 0.0) for s in node.sources), default=0.0)
            ready[node.signal] = begin + node.delay_ns
            if ready[node.signal] > self.budget_ns:
                return _before(self.ends[place])
        return math.inf


def _cheapest_way(candidates: Sequence[Cut], reach: _Reach, depth: int) -> list[Cut] | None:
    """Return ``depth - 1`` cuts of least bits whose stages all fit, or None."""
    far = [reach.beyond(cut.time_ns) for cut in candidates]
    first = reach.beyond(-1.0)
    cost: dict[int, float] = {
        j: cut.bits for j, cut in enumerate(candidates) if cut.time_ns <= first
    }
    if depth == 1:
        return [] if first == math.inf else None
    ways: list[dict[int, int]] = []
    for _ in range(depth - 2):
        following: dict[int, float] = {}
        came: dict[int, int] = {}
        for i, spent in cost.items():
            for j in range(i, len(candidates)):
                if candidates[j].time_ns > far[i]:
                    break
                total = spent + candidates[j].bits
                if total < following.get(j, math.inf):
                    following[j], came[j] = total, i
        ways.append(came)
        cost = following
    ends = [(spent, j) for j, spent in cost.items() if far[j] == math.inf]
    if not ends:
        return None
    _, place = min(ends)
    chosen = [place]
    for came in reversed(ways):
        place = came[place]
        chosen.append(place)
    return [candidates[j] for j in reversed(chosen)]
