"""What `quantize` asks of a metric; `inferon.auc` and others in `inferon.physics` answer it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from inferon.analysis.estimate import Estimate
from inferon.interpret import Feed
from inferon.ir.values import Array


@dataclass(frozen=True, slots=True)
class Comparison:
    """A metric before and after.

    Attributes
    ----------
    name : of the metric
    events : number of events
    before, after : of the float and of the exact graph
    difference : after less before; both see the same events, so its error is smaller than theirs
    """

    name: str
    events: int
    before: Estimate
    after: Estimate
    difference: Estimate

    def __str__(self) -> str:
        head = f"{self.name} on {self.events:,} events: {self.before} -> {self.after}"
        return f"{head}, difference {self.difference}"


class Metric(Protocol):
    """Events with truth, on which two models are compared.

    ``data`` are the events as the model takes them.  ``compare`` takes the outputs of both models
    for these events, one array (events, ...) for each output.
    """

    @property
    def data(self) -> Feed:
        """The events."""

    def compare(self, before: tuple[Array, ...], after: tuple[Array, ...]) -> Comparison:
        """Return what the metric was and became, with uncertainties."""
