"""When the signals of a netlist are there, by a delay model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inferon.errors import UsageError
from inferon.targets.rtl.delay import DelayModel
from inferon.targets.rtl.expressions import signals
from inferon.targets.rtl.netlist import (
    AllOf,
    AnyOf,
    Assign,
    Choice,
    Compared,
    Expression,
    Gate,
    Gated,
    Joined,
    Literal,
    Lookup,
    Product,
    Relation,
    Signal,
    Sum,
)


@dataclass(frozen=True, slots=True)
class Timed:
    """An assign with what placing registers asks of it.

    Attributes
    ----------
    signal : what it makes
    sources : what it reads
    delay_ns : what it takes
    """

    signal: Signal
    sources: tuple[Signal, ...]
    delay_ns: float


def timed(assigns: Sequence[Assign], budget_ns: float, delays: DelayModel) -> list[Timed]:
    """Return assigns with their delays.

    Raises
    ------
    UsageError
        When one operation alone needs longer than the budget of a stage.
    """
    found = []
    for each in assigns:
        needed = delay_of(each.value, delays)
        if needed > budget_ns:
            where = f"layer {each.layer}" if each.layer else each.signal.name
            message = f"{where}: one operation takes {needed:.2f} ns by the delay model"
            least = needed + delays.register_ns
            raise UsageError(f"{message}; ask for a clock of {least:.2f} ns or more")
        found.append(Timed(each.signal, signals(each.value), needed))
    return found


def delay_of(value: Expression, delays: DelayModel) -> float:
    """Return the nanoseconds of what an expression computes."""
    match value:
        case Sum():
            return delays.adder(value.width - _idle(value))
        case Product(a, b):
            return delays.product(a.width, b.width)
        case Compared(Relation.LESS, _, Literal(0), signed) if signed:
            return 0.0  # the sign
        case Compared(_, a, _):
            return delays.comparison(a.width)
        case Gated(Gate.NOT):
            return 0.0  # goes into the next lookup table
        case Gated(_, bits):
            return delays.gate(len(bits))
        case AnyOf(bits) | AllOf(bits):
            return delays.gate(bits.width)
        case Choice():
            return delays.gate(3)
        case Lookup(rom):
            return delays.table(rom.address_bits)
    return 0.0


def _idle(total: Sum) -> int:
    """Return the lowest places in which an operand is a literal, so that no carry begins there."""
    ends = (each.parts[-1] for each in (total.a, total.b) if isinstance(each, Joined))
    return max((end.width for end in ends if isinstance(end, Literal)), default=0)


def earliest_stages(nodes: Sequence[Timed], budget_ns: float) -> dict[Signal, int]:
    """Return the first stage in which each signal can be there."""
    stages: dict[Signal, int] = {}
    ready: dict[Signal, float] = {}
    for node in nodes:
        stage = max((stages.get(s, 0) for s in node.sources), default=0)
        here = (ready.get(s, 0.0) for s in node.sources if stages.get(s, 0) == stage)
        end = max(here, default=0.0) + node.delay_ns
        late = end > budget_ns
        stages[node.signal] = stage + late
        ready[node.signal] = node.delay_ns if late else end
    return stages


def arrival_times(nodes: Sequence[Timed]) -> dict[Signal, float]:
    """Return when each signal is there without any register; ports are there at 0."""
    times: dict[Signal, float] = {}
    for node in nodes:
        start = max((times.get(s, 0.0) for s in node.sources), default=0.0)
        times[node.signal] = start + node.delay_ns
    return times
