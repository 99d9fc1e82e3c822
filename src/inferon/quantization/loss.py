"""What quantization lost: at each quantizer, and on the user's metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inferon.interpret import evaluate_nodes
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.values import Array
from inferon.passes.quantizers import Place, Role
from inferon.quantization.metric import Comparison


@dataclass(frozen=True, slots=True)
class LayerLoss:
    """What one quantizer lost on the calibration data.

    Attributes
    ----------
    layer : name of the layer in the source model
    role : what the quantizer is for
    width : bits
    signed : whether values may be below zero
    fraction, finest_fraction : bits behind the point, of the coarsest and of the finest step; they
        differ where channels or weights have their own
    saturated : share of values beyond the range
    own_db : signal to noise of this rounding alone, 10 log10 of a ratio of powers; infinite where
        nothing was rounded
    total_db : the same with all that was lost before it
    """

    layer: str
    role: Role
    width: int
    signed: bool
    fraction: int
    finest_fraction: int
    saturated: float
    own_db: float
    total_db: float

    @property
    def step(self) -> str:
        """The distance of neighbors, as a power of two."""
        coarse, fine = -self.fraction, -self.finest_fraction
        return f"2^{coarse}" if coarse == fine else f"2^{fine}..2^{coarse}"


@dataclass(frozen=True, slots=True)
class Loss:
    """What quantization lost.

    Attributes
    ----------
    layers : one for each quantizer, in the order of layers
    events : number of calibration events
    metric : before and after; None where no metric was given
    """

    layers: tuple[LayerLoss, ...]
    events: int
    metric: Comparison | None

    def __str__(self) -> str:
        rows = [_HEADINGS, *(_row(each) for each in self.layers)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(_HEADINGS))]
        lines = [
            "  ".join(
                cell.ljust(width) if i < NAMES else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        head = f"quantized on {self.events:,} events"
        end = [str(self.metric)] if self.metric is not None else []
        return "\n".join([head, *lines, *end])


_HEADINGS = ("layer", "what", "bits", "step", "saturated", "own dB", "total dB")

NAMES = 2
"""So many columns are set flush left."""


def _row(each: LayerLoss) -> tuple[str, ...]:
    bits = f"{'s' if each.signed else 'u'}{each.width}"
    noise = [f"{db:.1f}" if np.isfinite(db) else "exact" for db in (each.own_db, each.total_db)]
    share = f"{each.saturated:.2%}" if each.saturated else "-"
    return (each.layer, each.role.value, bits, each.step, share, *noise)


def layer_losses(
    graph: Graph,
    places: Sequence[Place],
    arrays: Sequence[Array],
    values: dict[Node, Array],
) -> tuple[LayerLoss, ...]:
    """Return what each quantizer of a graph loses.

    Parameters
    ----------
    graph : with quantizers
    places : where they are
    arrays : the calibration events
    values : float64 of every node of the float graph, for as many of the events
    """
    events = len(next(iter(values.values())))
    wanted = [node for each in places for node in (each.rounded.inputs[0], each.rounded)]
    new = evaluate_nodes(graph, wanted, [array[:events] for array in arrays], real=True)
    return tuple(
        _loss(each, new[each.rounded.inputs[0]], new[each.rounded], values[each.source])
        for each in places
    )


def _loss(place: Place, given: Array, got: Array, wanted: Array) -> LayerLoss:
    grid = place.grid
    own = signal_to_noise_db(given, got)
    is_weight = place.role is Role.WEIGHTS
    low, high = (np.ldexp(float(end), -grid.fraction) for end in (grid.lowest, grid.highest))
    step = grid.step / 2
    outside = (given < low - step) | (given > high + step)
    return LayerLoss(
        place.layer,
        place.role,
        grid.width,
        grid.signed,
        int(grid.fraction.min()),
        grid.finest,
        float(np.mean(outside)),
        own,
        own if is_weight else signal_to_noise_db(wanted, got),
    )


def signal_to_noise_db(wanted: Array, got: Array) -> float:
    """Return 10 log10 of the power of values over that of their errors, where they are finite."""
    known = np.isfinite(wanted) & np.isfinite(got)
    signal = float(np.sum(wanted[known] ** 2))
    noise = float(np.sum((got[known] - wanted[known]) ** 2))
    if noise == 0.0:
        return float("inf")
    return 10.0 * float(np.log10(signal / noise)) if signal else -float("inf")
