"""Nanoseconds per event of an artefact and of ONNX Runtime, in the same run, in turns (`race`).

A result is the median over bursts with its quartiles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from inferon.errors import ToolError, UsageError
from inferon.interpret import Feed, arranged
from inferon.ir.graph import Graph
from inferon.ir.values import Array
from inferon.measure.machine import Machine, Versions, this_machine, versions
from inferon.measure.onnxruntime_peer import OnnxRuntime, identity_call
from inferon.measure.race import TimeCalls, race
from inferon.measure.spread import Spread
from inferon.targets.toolchain import Compiler

MAX_BATCH = 1 << 20
"""Events in one call: more is a typing error."""


class Timed(Protocol):
    """A compiled model that times itself, such as ``CppArtifact.library``."""

    def time_ns(self, data: Feed, *, events: int, repeats: int, bursts: int) -> Array:
        """Return the nanoseconds of one call on ``events`` events, for each burst."""


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
    overhead = race([identity_call().time_ns])[0] if peers else None
    timings = []
    for events in batches:
        on_batch(events)
        timings.append(_timing(timed, [cycled(array, events) for array in arrays], events, peers))
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
    mine, *theirs = race(contestants)
    if not theirs:
        return Timing(events, mine, None, "")
    best = min(range(len(theirs)), key=lambda i: theirs[i].median_ns)
    return Timing(events, mine, theirs[best], forms[best])


def cycled(array: Array, events: int) -> Array:
    """Return so many events, taken in turn from the given ones."""
    return np.ascontiguousarray(array[np.arange(events) % len(array)])
