"""Registers: which stage of the pipeline computes what, by a delay model and a clock.

What a later stage needs is handed on from rank to rank::

    stage 0         |  stage 1              |  stage 2
    n_1 = x_0 + x_1 |  n_1_r1 <= n_1        |
    n_2 = ...       |  n_3 = n_1_r1 + n_2_r1|  y = n_3_r2
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from inferon.targets.rtl.cuts import cut_stages
from inferon.targets.rtl.delay import DelayModel
from inferon.targets.rtl.expressions import renamed, signals
from inferon.targets.rtl.netlist import Assign, Netlist, Pipeline, Register, Signal, Stage
from inferon.targets.rtl.timing import earliest_stages, timed


def pipelined(netlist: Netlist, clock_ns: float, delays: DelayModel) -> Pipeline:
    """Return the logic with registers, so that no stage needs longer than the clock.

    There are as few stages as the delay model allows, and with these as few flip-flops as
    `inferon.targets.rtl.cuts` finds.

    Raises
    ------
    UsageError
        When one operation alone needs longer.
    """
    ports = {port.signal for port in netlist.outputs}
    inner = [each for each in netlist.assigns if each.signal not in ports]
    outer = [each for each in netlist.assigns if each.signal in ports]
    budget_ns = clock_ns - delays.register_ns
    nodes = timed(inner, budget_ns, delays)
    results = {s for each in outer for s in signals(each.value)}
    early = earliest_stages(nodes, budget_ns)
    depth = 1 + max((early.get(s, 0) for s in results), default=0)
    chosen = cut_stages(nodes, results, budget_ns, depth) or early
    return _Ranks(chosen, depth).built(netlist, inner, outer)


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
