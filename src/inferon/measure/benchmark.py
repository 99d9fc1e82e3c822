"""Nanoseconds per event of an artefact and of ONNX Runtime, in the same run, in turns.

A burst is so many calls that it lasts about 0.2 ms; a time is the mean over the calls of a burst,
a result is the median over bursts with its quartiles.  The contestants take turns every few
bursts, so that a noisy neighbour or a change of clock frequency hits all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Protocol

import numpy as np

from inferon.errors import ToolError, UsageError
from inferon.interpret import Feed, arranged
from inferon.ir.graph import Graph
from inferon.ir.values import Array
from inferon.measure.machine import Machine, Versions, this_machine, versions
from inferon.measure.onnxruntime_peer import OnnxRuntime, identity_call
from inferon.measure.spread import Spread
from inferon.targets.toolchain import Compiler

BURST_NS = 200_000.0
"""Length of a burst: long against the clock's resolution (30 ns), short against a time slice."""

BURSTS_A_TURN = 8
"""Bursts of one contestant before the next one's turn; the first warms the caches: dropped."""

MAX_TURNS, MIN_TURNS = 30, 4
"""Turns of each contestant: 210 bursts are kept at most, 28 at least."""

BUDGET_NS = 0.4e9
"""Time for one contestant at one batch; slow models get fewer turns, down to ``MIN_TURNS``."""

PILOT_BURSTS = 3

MAX_BATCH = 1 << 20
"""Events in one call: more is a typing error."""


class Timed(Protocol):
    """A compiled model that times itself, such as ``CppArtifact.library``."""

    def time_ns(self, data: Feed, *, events: int, repeats: int, bursts: int) -> Array:
        """Return the nanoseconds of one call on ``events`` events, for each burst."""


TimeCalls = Callable[[int, int], Array]
"""``(repeats, bursts)`` to the nanoseconds of one call, for each burst."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The times at one batch; nanoseconds of a whole call.

    Attributes
    ----------
    events : events in one call
    ours : of the artefact
    peer : of ONNX Runtime, in the fastest of the export forms; None where there is none
    peer_form : that form
    """

    events: int
    ours: Spread
    peer: Spread | None
    peer_form: str

    @property
    def ours_ns_per_event(self) -> float:
        """Median nanoseconds per event of the artefact."""
        return self.ours.median_ns / self.events

    @property
    def peer_ns_per_event(self) -> float | None:
        """Median nanoseconds per event of ONNX Runtime."""
        return None if self.peer is None else self.peer.median_ns / self.events

    @property
    def ratio(self) -> float | None:
        """How many times faster the artefact is, by medians."""
        return None if self.peer is None else self.peer.median_ns / self.ours.median_ns


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A measurement with all that it depends on.

    Attributes
    ----------
    model : name of the graph
    timings : one for each batch
    call_overhead : what one call of ONNX Runtime from Python costs with nothing to compute; it is
        contained in the peer's times
    machine, versions : where and with what
    """

    model: str
    timings: tuple[Timing, ...]
    call_overhead: Spread | None
    machine: Machine
    versions: Versions

    def net_ratio(self, timing: Timing) -> float | None:
        """Return the ratio after the peer is granted the whole cost of a call from Python."""
        if timing.peer is None or self.call_overhead is None:
            return None
        return (timing.peer.median_ns - self.call_overhead.median_ns) / timing.ours.median_ns


def benchmark(
    graph: Graph,
    timed: Timed,
    data: Feed,
    *,
    batches: Sequence[int],
    compiler: Compiler,
    peers: Sequence[OnnxRuntime] = (),
    on_batch: Callable[[int], None] = lambda events: None,
) -> Benchmark:
    """Measure an artefact, and ONNX Runtime in each export form, at several batches.

    Parameters
    ----------
    graph : the model
    timed : its compiled library
    data : events as for `inferon.interpret`, repeated where a batch has more
    batches : events in one call, for each measurement
    compiler : what compiled the library, for the record
    peers : export forms of the same model, each also tried with its batch fixed; the fastest
        counts, and forms that cannot take a batch do not compete there
    on_batch : called before each measurement

    Raises
    ------
    UsageError
        When a batch is out of range or there are no events.
    """
    arrays = arranged(graph, data)
    if not batches or any(not 1 <= events <= MAX_BATCH for events in batches):
        raise UsageError(f"a batch is 1 to {MAX_BATCH:,} events, not {list(batches)}")
    if not len(arrays[0]):
        raise UsageError("there are no events to time: give data with at least one")
    machine = this_machine()  # its load average is to be that before the measurement
    overhead = _spread(identity_call().time_ns) if peers else None
    timings = []
    for events in batches:
        on_batch(events)
        timings.append(_timing(timed, [_cycled(array, events) for array in arrays], events, peers))
    return Benchmark(graph.name, tuple(timings), overhead, machine, versions(compiler))


def _timing(
    timed: Timed, arrays: list[Array], events: int, peers: Sequence[OnnxRuntime]
) -> Timing:
    def ours(repeats: int, bursts: int) -> Array:
        return timed.time_ns(arrays, events=events, repeats=repeats, bursts=bursts)

    forms: list[str] = []
    contestants: list[TimeCalls] = [ours]
    for peer in (form for each in peers for form in each.forms(events)):
        try:
            contestants.append(peer.timer(arrays, events).time_ns)
        except ToolError:
            continue  # this form has another batch; some other form may take it
        forms.append(peer.form)
    mine, *theirs = _in_turns(contestants)
    if not theirs:
        return Timing(events, mine, None, "")
    best = min(range(len(theirs)), key=lambda i: theirs[i].median_ns)
    return Timing(events, mine, theirs[best], forms[best])


def _spread(contestant: TimeCalls) -> Spread:
    return _in_turns([contestant])[0]


def _in_turns(contestants: Sequence[TimeCalls]) -> list[Spread]:
    repeats = [_repeats(each) for each in contestants]
    turns = min(_turns(*each) for each in zip(contestants, repeats, strict=True))
    bursts: list[list[Array]] = [[] for _ in contestants]
    for _ in range(turns):
        for found, contestant, count in zip(bursts, contestants, repeats, strict=True):
            found.append(contestant(count, BURSTS_A_TURN)[1:])
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


def _cycled(array: Array, events: int) -> Array:
    """Return so many events, taken in turn from the given ones."""
    return np.ascontiguousarray(array[np.arange(events) % len(array)])
