"""Times of several contestants, taken in turns in one process.

A burst is so many calls that it lasts about 0.2 ms; a time is the mean over the calls of a burst.
The contestants take turns every few bursts, so that a noisy neighbor or a change of clock
frequency hits all of them; one that is slow has fewer turns, spread over those of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil

import numpy as np

from inferon.ir.values import Array
from inferon.measure.spread import Spread

BURST_NS = 200_000.0
"""Length of a burst: long against the clock's resolution (30 ns), short against a time slice."""

BURSTS_A_TURN = 8
"""Bursts of one contestant before the next one's turn; the first warms the caches: dropped."""

MAX_TURNS, MIN_TURNS = 30, 4
"""Turns of each contestant: 210 bursts are kept at most, 28 at least."""

BUDGET_NS = 0.4e9
"""Time for one contestant at one batch; slow models get fewer turns, down to ``MIN_TURNS``."""

PILOT_BURSTS = 3

TimeCalls = Callable[[int, int], Array]
"""``(repeats, bursts)`` to the nanoseconds of one call, for each burst."""


def race(contestants: Sequence[TimeCalls]) -> list[Spread]:
    """Return the times of one call of each contestant, measured in turns."""
    repeats = [_repeats(each) for each in contestants]
    turns = [_turns(*each) for each in zip(contestants, repeats, strict=True)]
    bursts: list[list[Array]] = [[] for _ in contestants]
    rounds = max(turns, default=0)
    for number in range(rounds):
        for i, contestant in enumerate(contestants):
            if (number + 1) * turns[i] // rounds > number * turns[i] // rounds:
                bursts[i].append(contestant(repeats[i], BURSTS_A_TURN)[1:])
    return [Spread.of(np.concatenate(found)) for found in bursts]


def _repeats(contestant: TimeCalls) -> int:
    """Return how many calls fill a burst, by a pilot that grows until it lasts half as long."""
    repeats = 1
    while True:
        call_ns = float(contestant(repeats, PILOT_BURSTS).min())
        if call_ns * repeats >= BURST_NS / 2:
            return max(1, ceil(BURST_NS / call_ns))
        repeats = max(2 * repeats, min(int(BURST_NS / max(call_ns, 1.0)), 100 * repeats))


def _turns(contestant: TimeCalls, repeats: int) -> int:
    turn_ns = float(contestant(repeats, 1)[0]) * repeats * BURSTS_A_TURN
    return max(MIN_TURNS, min(MAX_TURNS, int(BUDGET_NS / turn_ns)))
