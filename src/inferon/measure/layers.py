"""Nanoseconds per layer of one event: which part of a model the time goes to.

Each step of the program runs alone, again and again, on what it finds in an event: its data are
in the nearest cache, and a call of about 1 ns is added to each, so the sum need not be the time
of a whole event.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from inferon.interpret import Feed
from inferon.ir.values import Array

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
