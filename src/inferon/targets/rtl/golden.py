"""Golden events of an artefact: what goes into the core clock by clock, and what must come out."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from inferon.analysis.samples import Samples
from inferon.interpret import interpret
from inferon.ir.values import Array
from inferon.targets.base import File
from inferon.targets.rtl.axi_stream import AxiStream
from inferon.targets.rtl.design import Design
from inferon.targets.rtl.stimulus import Gaps, port_bits, to_hex

EVENTS = 64
"""Enough to see a fault in any operator, few enough to read."""

GAP_EVERY = 3


@dataclass(frozen=True, slots=True)
class Golden:
    """Events and answers.

    Attributes
    ----------
    given : bits of the input ports, side by side (events, bits)
    wanted : bits of the output ports (events, bits)
    lines : clock by clock rst, in_valid, inputs, out_valid, outputs: (clocks, bits), lowest first
    answered : events whose answer comes: a reset loses those on the way
    """

    given: Array
    wanted: Array
    lines: Array
    answered: int

    @property
    def events(self) -> int:
        """Number of events."""
        return len(self.given)


def golden(design: Design) -> Golden:
    """Return random events of a design's core, with the interpreter's answers."""
    netlist = design.pipeline.netlist
    arrays = Samples(EVENTS).draw(design.core)
    answers = interpret(design.core, arrays)
    given = np.concatenate(port_bits(netlist.inputs, arrays), axis=1)
    wanted = np.concatenate(port_bits(netlist.outputs, answers), axis=1)
    lines, answered = _clocked(given, wanted, design.pipeline.latency_cycles)
    return Golden(given, wanted, lines, answered)


def _clocked(given: Array, wanted: Array, latency: int) -> tuple[Array, int]:
    """Return what happens at each clock: a reset, events with gaps, one reset more, and rest."""
    clocks = Gaps(every=GAP_EVERY).clocks(len(given))
    middle = len(clocks) // 2
    resets = np.zeros(2 + len(clocks) + latency, bool)
    resets[[0, 1, 2 + middle]] = True
    brings = np.concatenate([[False, False], clocks, np.zeros(latency, bool)])
    pipeline: deque[int] = deque([-1] * latency, latency)  # the event in each stage
    event, answered, rows = -1, 0, []
    for reset, is_event in zip(resets, brings, strict=True):
        event += is_event
        pipeline.append(event if is_event else -1)
        if reset:
            pipeline.extend([-1] * latency)
        done = pipeline[0]
        answered += done >= 0
        inputs = given[event] if is_event else 1 - given[max(event, 0)]
        outputs = wanted[done] if done >= 0 else np.zeros_like(wanted[0])
        rows.append(np.concatenate([outputs, [done >= 0], inputs, [is_event, reset]]))
    return np.array(rows, np.uint8), answered


def golden_files(design: Design, made: Golden) -> tuple[File, ...]:
    """Return the files that the test benches read."""
    axis = AxiStream(design)
    last = np.arange(made.events) % 5 == 4  # packets of five events
    stream = [_padded(made.wanted, axis.output_bits), _padded(made.given, axis.input_bits)]
    lines = np.concatenate([*stream, last[:, None].astype(np.uint8)], axis=1)
    return (
        File(f"{design.name}_golden.hex", to_hex(made.lines).encode()),
        File(f"{design.name}_stream.hex", to_hex(lines).encode()),
    )


def _padded(bits: Array, width: int) -> Array:
    return np.pad(bits, ((0, 0), (0, width - bits.shape[1])))
