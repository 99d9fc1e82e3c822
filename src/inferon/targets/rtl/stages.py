"""Registers: which stage of the pipeline computes what, by a delay model and a clock.

Every signal is computed as early as the clock allows.  What a later stage needs is handed on from
rank to rank::

    stage 0         |  stage 1              |  stage 2
    n_1 = x_0 + x_1 |  n_1_r1 <= n_1        |
    n_2 = ...       |  n_3 = n_1_r1 + n_2_r1|  y = n_3_r2
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from inferon.errors import UsageError
from inferon.targets.rtl.delay import DelayModel
from inferon.targets.rtl.netlist import (
    AllOf,
    AnyOf,
    Assign,
    Bits,
    Choice,
    Compared,
    Expression,
    Extended,
    Gate,
    Gated,
    Joined,
    Literal,
    Lookup,
    Netlist,
    Pipeline,
    Product,
    Ref,
    Register,
    Relation,
    Signal,
    Slice,
    Stage,
    Sum,
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a signal is there: in which stage, and how long after that stage's clock edge."""

    stage: int
    delay_ns: float


def pipelined(netlist: Netlist, clock_ns: float, delays: DelayModel) -> Pipeline:
    """Return the logic with registers, so that no stage needs longer than the clock.

    Raises
    ------
    UsageError
        When one operation alone needs longer.
    """
    ports = {port.signal for port in netlist.outputs}
    inner = [each for each in netlist.assigns if each.signal not in ports]
    outer = [each for each in netlist.assigns if each.signal in ports]
    arrivals = _arrivals(inner, clock_ns - delays.register_ns, delays)
    sources = {s for each in outer for s in signals(each.value)}
    depth = 1 + max((arrivals[s].stage for s in sources), default=0)
    stage_of = {signal: arrival.stage for signal, arrival in arrivals.items()}
    return _Ranks(stage_of, depth).built(netlist, inner, outer)


def signals(value: Expression) -> tuple[Signal, ...]:
    """Return the signals that an expression reads."""
    match value:
        case Ref(signal) | Slice(signal):
            return (signal,)
        case Literal():
            return ()
        case Extended(bits) | AnyOf(bits) | AllOf(bits):
            return signals(bits)
        case Joined(parts) | Gated(_, parts):
            return tuple(s for part in parts for s in signals(part))
        case Sum(a, b) | Product(a, b) | Compared(_, a, b):
            return (*signals(a), *signals(b))
        case Choice(condition, a, b):
            return (*signals(condition), *signals(a), *signals(b))
        case Lookup(_, address):
            return signals(address)


def delay_of(value: Expression, delays: DelayModel) -> float:
    """Return the nanoseconds of what an expression computes."""
    match value:
        case Sum():
            return delays.adder(value.width)
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


def _arrivals(
    assigns: Sequence[Assign], budget_ns: float, delays: DelayModel
) -> dict[Signal, Arrival]:
    """Return when each signal is there, as early as the clock allows."""
    known: dict[Signal, Arrival] = defaultdict(lambda: Arrival(0, 0.0))  # ports are there at once
    for each in assigns:
        needed = delay_of(each.value, delays)
        if needed > budget_ns:
            least = needed + delays.register_ns
            where = f"layer {each.layer}" if each.layer else each.signal.name
            message = f"{where}: one operation takes {needed:.2f} ns by the delay model"
            raise UsageError(f"{message}; ask for a clock of {least:.2f} ns or more")
        before = [known[s] for s in signals(each.value)]
        stage = max((a.stage for a in before), default=0)
        start = max((a.delay_ns for a in before if a.stage == stage), default=0.0)
        fits = start + needed <= budget_ns
        known[each.signal] = Arrival(stage, start + needed) if fits else Arrival(stage + 1, needed)
    return dict(known)


class _Ranks:
    """Hands signals from stage to stage."""

    def __init__(self, stage_of: Mapping[Signal, int], depth: int) -> None:
        self.stage_of = stage_of
        self.depth = depth
        self.versions: dict[Signal, list[Signal]] = {}
        self.ranks: list[list[Register]] = [[] for _ in range(depth)]

    def built(
        self, netlist: Netlist, inner: Sequence[Assign], outer: Sequence[Assign]
    ) -> Pipeline:
        """Return the stages with their registers."""
        computed: list[list[Assign]] = [[] for _ in range(self.depth)]
        for each in inner:
            stage = self.stage_of[each.signal]
            if stage < self.depth:  # else no output needs it
                computed[stage].append(self._at(each, stage))
        outputs = tuple(self._at(each, self.depth) for each in outer)
        stages = zip(computed, self.ranks, strict=True)
        made = tuple(Stage(tuple(assigns), tuple(rank)) for assigns, rank in stages)
        return Pipeline(netlist, made, outputs)

    def _at(self, assign: Assign, stage: int) -> Assign:
        """Return an assign of signals as they are in a stage."""
        held = {signal: self._version(signal, stage) for signal in signals(assign.value)}
        return replace(assign, value=renamed(assign.value, held))

    def _version(self, signal: Signal, stage: int) -> Signal:
        """Return the signal after as many registers as lie between its stage and this one."""
        versions = self.versions.setdefault(signal, [signal])
        first = self.stage_of.get(signal, 0)
        while len(versions) <= stage - first:
            number = len(versions)
            held = Signal(f"{signal.name}_r{number}", signal.width, signal.signed)
            self.ranks[first + number - 1].append(Register(held, versions[-1]))
            versions.append(held)
        return versions[stage - first]


def renamed(value: Expression, names: Mapping[Signal, Signal]) -> Expression:
    """Return an expression of other signals."""

    def bits(each: Bits) -> Bits:
        match each:
            case Ref(signal):
                return Ref(names[signal])
            case Slice(signal, low, width):
                return Slice(names[signal], low, width)
            case Extended(inner, width, signed):
                return Extended(part(inner), width, signed)
            case Joined(parts):
                return Joined(tuple(map(bits, parts)))
        return each

    def part(each: Ref | Slice) -> Ref | Slice:
        if isinstance(each, Ref):
            return Ref(names[each.signal])
        return Slice(names[each.signal], each.low, each.width)

    match value:
        case Sum(a, b, subtract):
            return Sum(bits(a), bits(b), subtract)
        case Product(a, b, width):
            return Product(Ref(names[a.signal]), Ref(names[b.signal]), width)
        case Compared(relation, a, b, signed):
            return Compared(relation, bits(a), bits(b), signed)
        case Gated(gate, inner):
            return Gated(gate, tuple(map(bits, inner)))
        case AnyOf(inner):
            return AnyOf(part(inner))
        case AllOf(inner):
            return AllOf(part(inner))
        case Choice(condition, a, b):
            return Choice(bits(condition), bits(a), bits(b))
        case Lookup(rom, address):
            return Lookup(rom, bits(address))
    return bits(value)
