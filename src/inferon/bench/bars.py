"""The bars of the suite: which ratio each model has to reach, and whether it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType


class Ratio(Enum):
    """What is compared; each value says it in words."""

    EVENT_TO_LIMIT = "one event / limit"
    EVENT_TO_ORT = "ONNX Runtime / one event"
    BATCH_TO_LIMIT = "best batch / limit"
    BATCH_TO_ORT = "ONNX Runtime / best batch"
    COLUMNS_TO_LIMIT = "best batch of columns / limit"
    COLUMNS_TO_ORT = "ONNX Runtime / best batch of columns"
    EVENT_V3_TO_V4 = "one event, x86-64-v3 / x86-64-v4"
    BATCH_V3_TO_V4 = "best batch, x86-64-v3 / x86-64-v4"

    @property
    def is_gain(self) -> bool:
        """Whether larger is better."""
        gains = (Ratio.EVENT_TO_ORT, Ratio.BATCH_TO_ORT, Ratio.COLUMNS_TO_ORT)
        return self in gains


class Verdict(Enum):
    """What became of a bar."""

    MET = "met"
    MISSED = "missed"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Bar:
    """A ratio to reach: at least where it is a gain, at most otherwise."""

    ratio: Ratio
    value: float

    def verdict(self, reached: float | None) -> Verdict:
        """Judge a measured ratio."""
        if reached is None:
            return Verdict.NOT_MEASURED
        is_met = reached >= self.value if self.ratio.is_gain else reached <= self.value
        return Verdict.MET if is_met else Verdict.MISSED

    def __str__(self) -> str:
        return f"{'>=' if self.ratio.is_gain else '<='} {self.value:g}"


V3_TO_V4 = (Bar(Ratio.EVENT_V3_TO_V4, 1.35), Bar(Ratio.BATCH_V3_TO_V4, 1.35))
"""For every model."""

COLUMNS = (
    Ratio.EVENT_TO_LIMIT,
    Ratio.EVENT_TO_ORT,
    Ratio.BATCH_TO_LIMIT,
    Ratio.BATCH_TO_ORT,
    Ratio.COLUMNS_TO_LIMIT,
    Ratio.COLUMNS_TO_ORT,
)
"""Of the table below."""

TABLE: Mapping[str, tuple[float | None, ...]] = MappingProxyType(
    {
        "a": (2.5, 15.0, 1.6, 1.35, 1.25, 2.0),
        "b": (2.5, 15.0, 1.25, 1.25, None, None),
        "c": (1.2, 1.5, 1.06, 1.05, None, None),
        "d1": (2.0, 3.0, 1.8, 1.5, None, None),
        "d2": (1.6, 1.7, 1.8, 1.5, None, None),
        "e": (1.15, 1.9, 1.15, 1.5, None, None),
        "f": (1.3, 1.9, 1.3, 1.9, None, None),
        "g": (1.5, 5.0, 1.6, 3.0, None, None),
        "h": (2.5, 15.0, 1.6, None, 1.25, None),
        "i": (1.5, 2.1, 1.5, 2.1, None, None),
        "j": (1.5, 5.0, 1.6, 3.0, None, None),
        "k": (None, 1.8, None, 1.8, None, None),
        "l": (None, 1.8, None, 1.8, None, None),
        "m": (None, 1.8, None, 1.8, None, None),
    }
)
"""What each model has to reach, by its letter; None: nothing was asked.

Of g and j one event is compared with the latency chain, or with the throughput where that is the
larger limit.  Of k, l and m the first run sets what is asked beside ONNX Runtime.
"""


def bars(letter: str) -> tuple[Bar, ...]:
    """Return the bars of a model of the suite, by its letter."""
    pairs = zip(COLUMNS, TABLE[letter], strict=True)
    return (*(Bar(ratio, value) for ratio, value in pairs if value is not None), *V3_TO_V4)
