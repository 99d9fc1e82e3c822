"""Nanoseconds per layer of one event, and what bounds each: where the time of a model goes.

Each step of the program runs alone, again and again, on what it finds in an event: its data are
in the nearest cache, and a call of about 1 ns is added to each, so the sum need not be the time
of a whole event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from inferon.analysis.chain import loop_chains
from inferon.analysis.work import LayerWork, work
from inferon.interpret import Feed
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.values import Array
from inferon.measure.limit import Limit, layer_limit
from inferon.measure.machine_speed import MachineSpeed
from inferon.ops.dot import Dot

TURNS = 15
"""Measurements of every step; the median counts, so that a noisy neighbour hits few of them."""

TURN_NS = 2e6
"""Length of one turn over all steps; 15 of them take 30 ms, and no less for slow models."""


class TimedSteps(Protocol):
    """A compiled model whose steps can be timed, such as ``CppArtifact.library``."""

    @property
    def step_layers(self) -> tuple[str, ...]:
        """The layer of each step."""

    def step_times_ns(self, data: Feed, *, repeats: int) -> Array:
        """Return the nanoseconds of each step on the first event."""


@dataclass(frozen=True, slots=True)
class LayerTime:
    """The time of one layer beside its limit.

    Attributes
    ----------
    layer : name in the source model; empty for steps that come from no layer
    ns : time of its steps
    share : of the time of all steps
    work, limit : what it has to do, and how long that takes at least
    joined : layers that have no step of their own: they are computed in a step of this one
    """

    layer: str
    ns: float
    share: float
    work: LayerWork
    limit: Limit
    joined: tuple[str, ...]


def layer_times_ns(timed: TimedSteps, data: Feed) -> Mapping[str, float]:
    """Return the median nanoseconds of each layer, by its name in the source model.

    Parameters
    ----------
    timed : the compiled model
    data : events as for `inferon.interpret`; the first is used
    """
    pilot = timed.step_times_ns(data, repeats=3)
    repeats = max(3, int(TURN_NS / max(1.0, float(pilot.sum()))))
    turns = [timed.step_times_ns(data, repeats=repeats) for _ in range(TURNS)]
    medians = np.median(np.stack(turns), axis=0).tolist() if timed.step_layers else []
    layers: dict[str, float] = {}
    for layer, time_ns in zip(timed.step_layers, medians, strict=True):
        layers[layer] = layers.get(layer, 0.0) + time_ns
    return layers


def layer_table(
    graph: Graph, timed: TimedSteps, data: Feed, speed: MachineSpeed
) -> tuple[LayerTime, ...]:
    """Return the time, the work and the limit of every layer that has a step.

    Parameters
    ----------
    graph : what the steps were planned from (``CppArtifact.made.plan.graph``)
    timed : the compiled model
    data : events as for `inferon.interpret`; the first is used
    speed : of this machine, with the functions of the graph
    """
    times = layer_times_ns(timed, data)
    within = neighbors_with_steps(graph, timed.step_layers)
    works = {each.layer: each for each in work(graph, within=within).layers}
    chains: dict[str, float] = {}
    for each in loop_chains(graph, speed):
        name = within.get(each.layer, each.layer)
        chains[name] = chains.get(name, 0.0) + each.ns
    total = sum(times.values()) or 1.0
    rows = []
    for layer, ns in times.items():
        own = works.get(layer, LayerWork(layer))
        limit = layer_limit(own, speed, chains.get(layer, 0.0))
        joined = tuple(name for name, place in within.items() if place == layer)
        rows.append(LayerTime(layer, ns, ns / total, own, limit, joined))
    return tuple(rows)


def neighbors_with_steps(graph: Graph, step_layers: Sequence[str]) -> Mapping[str, str]:
    """Return, for each layer without a step, the layer in whose step it is computed.

    What follows a product is computed with the product, as its ReLU; other layers are computed
    where their results are needed.
    """
    own = set(step_layers)
    found: dict[str, str] = {}
    products: dict[Node, str] = {}
    for node in graph.nodes():
        before = [products[each] for each in node.inputs if each in products]
        if isinstance(node.op, Dot):
            products[node] = node.origin
        elif before and (node.origin not in own or node.origin in before):
            products[node] = before[-1]  # the last one of a sum of several
            if node.origin not in own:
                found[node.origin] = before[-1]
    for node in reversed(graph.nodes()):  # users first
        place = found.get(node.origin, node.origin)
        for each in node.inputs:
            if place in own and each.inputs and each.origin not in own:
                found.setdefault(each.origin, place)
    for node in graph.nodes():  # movements before an output
        for each in node.inputs:
            place = found.get(each.origin, each.origin)
            if place in own and node.origin not in own:
                found.setdefault(node.origin, place)
    return {layer: place for layer, place in found.items() if place in own}
