"""The time that no program for a model goes below here: its work at the machine's speed.

    limit = max(multiply-adds at full rate + elementary functions at full rate,
                bytes at the rate of the cache that holds them)

For one event the bytes are the weights, for an event of a large batch its inputs and outputs.  In
a loop, steps also wait for each other: the chain is a limit of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from inferon.analysis.chain import Chain, LoopChain, longest_chain, loop_chains
from inferon.analysis.work import LayerWork, Work, work
from inferon.ir.graph import Graph
from inferon.measure.machine_speed import MachineSpeed, machine_speed
from inferon.targets.toolchain import Compiler


class Bound(Enum):
    """What a limit comes from."""

    ARITHMETIC = "arithmetic"
    FUNCTIONS = "elementary functions"
    BANDWIDTH = "cache bandwidth"
    MOVEMENT = "movement"
    LATENCY = "latency"


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit with its parts, in nanoseconds an event.

    Attributes
    ----------
    arithmetic_ns : multiply-adds at full rate
    functions_ns : elementary functions at full rate
    weights_ns : weights, read from the cache that holds all of them
    moved_ns : inputs and outputs, or what a layer takes and gives
    chain_ns : loops, whose steps wait for each other
    """

    arithmetic_ns: float = 0.0
    functions_ns: float = 0.0
    weights_ns: float = 0.0
    moved_ns: float = 0.0
    chain_ns: float = 0.0

    @property
    def throughput_ns(self) -> float:
        """The limit without chains."""
        return max(self.arithmetic_ns + self.functions_ns, self.weights_ns, self.moved_ns)

    @property
    def ns(self) -> float:
        """The limit."""
        return max(self.throughput_ns, self.chain_ns)

    @property
    def bound(self) -> Bound:
        """What the limit comes from."""
        units = self.arithmetic_ns + self.functions_ns
        most = max(units, self.weights_ns, self.moved_ns, self.chain_ns)
        if most == self.chain_ns > 0.0:
            return Bound.LATENCY
        if most == units > 0.0:
            is_arithmetic = self.arithmetic_ns >= self.functions_ns
            return Bound.ARITHMETIC if is_arithmetic else Bound.FUNCTIONS
        return Bound.BANDWIDTH if most == self.weights_ns > 0.0 else Bound.MOVEMENT


@dataclass(frozen=True, slots=True)
class ModelLimits:
    """The limits of a model on this machine.

    Attributes
    ----------
    work : of one event
    speed : of this machine, as it was measured for this model
    chains : of the loops of one event
    longest : the longest chain of one event, from an input to an output; the time of one event
        alone is no shorter, that of an event among others may be
    """

    work: Work
    speed: MachineSpeed
    chains: tuple[LoopChain, ...]
    longest: Chain

    def at(self, events: int) -> Limit:
        """Return the limit of one event, alone or in a batch of so many.

        Alone it reads all weights and waits for the steps of its loops; in a batch others compute
        meanwhile, and inputs and outputs are what has to be read and written.
        """
        units = _units_ns(self.work, self.speed)
        if events == 1:
            weights = self.work.weight_bytes
            chain_ns = sum(each.ns for each in self.chains)
            near = self.speed.cache_for(weights)
            return Limit(*units, weights_ns=weights * near.byte.ns, chain_ns=chain_ns)
        edge = self.work.edge_bytes
        return Limit(*units, moved_ns=edge * self.speed.cache_for(edge * events).byte.ns)


def model_limits(graph: Graph, compiler: Compiler) -> ModelLimits:
    """Measure the machine for a model, and return its limits.

    Parameters
    ----------
    graph : what a target prints (``CppArtifact.made.plan.graph``)
    compiler : what compiles the model: its options decide which registers there are

    Raises
    ------
    ToolMissing, ToolError
        When there is no compiler, or it fails.
    """
    done = work(graph)
    speed = machine_speed([each.function for each in done.functions], compiler)
    return ModelLimits(done, speed, loop_chains(graph, speed), longest_chain(graph, speed))


def layer_limit(layer: LayerWork, speed: MachineSpeed, chain_ns: float = 0.0) -> Limit:
    """Return the limit of one layer of an event, whose data are in the nearest caches.

    What it takes is read while what it gives is written: the larger of both counts.
    """
    weights = layer.weight_bytes * speed.cache_for(layer.weight_bytes).byte.ns
    moved = max(layer.taken_bytes, layer.given_bytes) * speed.caches[0].byte.ns
    return Limit(*_units_ns(layer, speed), weights, moved, chain_ns)


def _units_ns(work: Work | LayerWork, speed: MachineSpeed) -> tuple[float, float]:
    functions = (each.count * speed.speed_of(each.function).element.ns for each in work.functions)
    return work.macs * speed.mac.ns, sum(functions)
