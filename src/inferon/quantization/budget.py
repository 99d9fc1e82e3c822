"""Widths from a budget: each layer gets the bits that it needs.

How much noise a quantizer makes at the outputs is measured on calibration events, for some widths
of one quantizer at a time with all others at their widest.  The noise of small independent errors
adds up, so widths are then chosen on paper: bit by bit, the one whose loss costs least per bit
that it saves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from inferon.errors import UsageError
from inferon.interpret import evaluate_nodes
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.shape import largest
from inferon.ir.types import Float
from inferon.ir.values import Array
from inferon.passes.quantizers import Key, Place, Role, Widths, insert

EVENTS = 256
"""Noise is measured on so many events: 6 dB a bit stand out of its own error, below 1 dB."""

BETWEEN = 2
"""Every second width is measured; noise in dB is a straight line between."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Bits to share among the layers; exactly one of the first two is given.

    Attributes
    ----------
    mean_bits : average width, of all weights or of all values between layers
    noise_db : so far below the outputs' variance the noise may lie, 10 log10 of a ratio: -30 is a
        thousandth; as few bits as keep it
    least, most : bits of one layer
    """

    mean_bits: float | None = None
    noise_db: float | None = None
    least: int = 2
    most: int = 12

    def __post_init__(self) -> None:
        if (self.mean_bits is None) == (self.noise_db is None):
            raise UsageError("a Budget states mean_bits or noise_db, one of them")
        if not 1 <= self.least <= self.most:
            raise UsageError(f"a Budget from {self.least} to {self.most} bits: least comes first")
        if self.mean_bits is not None and self.mean_bits < self.least:
            raise UsageError(
                f"a Budget of {self.mean_bits:g} bits on average, {self.least} at least: "
                "more bits, or a lower least"
            )


@dataclass(slots=True)
class _Item:
    """A quantizer whose width is chosen."""

    key: Key
    size: int
    noise: Mapping[int, float]
    width: int


def widths_within(
    graph: Graph,
    values: Mapping[Node, Array],
    arrays: Sequence[Array],
    widths: Widths,
    budgets: Mapping[Role, Budget],
) -> dict[Key, int]:
    """Return the widths of single quantizers.

    Parameters
    ----------
    graph : prepared float graph
    values : float64 of its nodes
    arrays : the calibration events
    widths : of everything else; at the budgets' most where there is one
    budgets : one for weights, one for activations, or both
    """
    few = {node: value[:EVENTS] for node, value in values.items()}
    measure = _measure(graph, few, [array[:EVENTS] for array in arrays], widths)
    found: dict[Key, int] = {}
    for role, budget in budgets.items():
        places = [each for each in insert(graph, few, widths).places if each.role in _ROLES[role]]
        items = [_item(each, budget, measure) for each in places]
        _spend(items, budget)
        found.update({each.key: each.width for each in items})
    return found


_ROLES = {
    Role.WEIGHTS: (Role.WEIGHTS,),
    Role.ACTIVATION: (Role.ACTIVATION, Role.INPUT),
}


def _measure(
    graph: Graph, values: Mapping[Node, Array], arrays: Sequence[Array], widths: Widths
) -> Callable[[Key, int], float]:
    """Return what gives the outputs' noise with one quantizer at a width."""
    floats = [each for each in graph.outputs if isinstance(each.type.element, Float)]
    if not floats:
        raise UsageError("a Budget needs an output of floats, whose noise it can measure")
    places = [graph.outputs.index(each) for each in floats]

    def noise(key: Key, width: int) -> float:
        tried = replace(widths, chosen={**widths.chosen, key: width})
        new = insert(graph, values, tried).graph
        nodes = [new.outputs[place] for place in places]
        got = evaluate_nodes(new, nodes, list(arrays), real=True)
        pairs = zip(floats, nodes, strict=True)
        return float(sum(_relative(values[old], got[new]) for old, new in pairs))

    return noise


def _relative(wanted: Array, got: Array) -> float:
    """Return the noise's power over the variance of the values."""
    variance = float(np.var(wanted, axis=0).sum())
    return float(((got - wanted) ** 2).mean(axis=0).sum()) / max(variance, SMALLEST)


SMALLEST = 2.0**-126
"""Of a constant output the variance is 0: any noise is then too much."""


def _item(place: Place, budget: Budget, measure: Callable[[Key, int], float]) -> _Item:
    tried = sorted({*range(budget.least, budget.most, BETWEEN), budget.most})
    noise = {width: measure(place.key, width) for width in tried}
    floor = noise[budget.most]  # of all others at their widest
    own = {width: max(each - floor, SMALLEST) for width, each in noise.items()}
    every = range(budget.least, budget.most + 1)
    levels = np.interp(every, tried, np.log([own[width] for width in tried]))
    size = int(np.prod([largest(each) for each in place.source.type.shape], dtype=int))
    table = {width: float(np.exp(level)) for width, level in zip(every, levels, strict=True)}
    return _Item(place.key, size, table, budget.most)


def _spend(items: Sequence[_Item], budget: Budget) -> None:
    """Take bits away, cheapest first, until the budget holds, or as long as it does."""
    total = sum(each.size for each in items)
    while True:
        if budget.mean_bits is not None:
            bits = sum(each.size * each.width for each in items)
            if bits <= budget.mean_bits * total:
                return
        open_ = [each for each in items if each.width > budget.least]
        if budget.noise_db is not None:
            limit = 10.0 ** (budget.noise_db / 10)
            now = sum(each.noise[each.width] for each in items)
            open_ = [each for each in open_ if now + _more(each) <= limit]
        if not open_:
            return
        cheapest = min(open_, key=lambda each: _more(each) / each.size)
        cheapest.width -= 1


def _more(item: _Item) -> float:
    """Return the noise that one bit less adds."""
    return item.noise[item.width - 1] - item.noise[item.width]
