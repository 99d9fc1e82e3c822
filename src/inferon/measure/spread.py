"""A time with its spread: a median alone hides how quiet the machine was."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inferon.ir.values import Array


@dataclass(frozen=True, slots=True)
class Spread:
    """Quantiles of a time over bursts, in nanoseconds.

    Attributes
    ----------
    median_ns, p05_ns, lower_quartile_ns, upper_quartile_ns : quantiles
    bursts_ns : every burst, in the order of measurement; one entry is the mean over its calls
    """

    median_ns: float
    p05_ns: float
    lower_quartile_ns: float
    upper_quartile_ns: float
    bursts_ns: tuple[float, ...]

    def __str__(self) -> str:
        return (
            f"{self.median_ns:,.0f} ({self.lower_quartile_ns:,.0f}-{self.upper_quartile_ns:,.0f})"
        )

    @classmethod
    def of(cls, bursts_ns: Array) -> Spread:
        """Return the spread of some bursts, at least one."""
        p05, lower, median, upper = np.quantile(bursts_ns, [0.05, 0.25, 0.5, 0.75]).tolist()
        kept = tuple(round(each, 2) for each in bursts_ns.tolist())
        return cls(round(median, 2), round(p05, 2), round(lower, 2), round(upper, 2), kept)
