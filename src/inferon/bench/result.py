"""What the suite measured of one model: times, limits, who was absent; as JSON and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inferon.bench.bars import Ratio
from inferon.bench.peers import COLUMNS, INFERON, ORT, Absent

V3, V4 = "x86-64-v3", "x86-64-v4"


@dataclass(frozen=True, slots=True)
class Timing:
    """The time of one event, for one contestant at one batch.

    Attributes
    ----------
    name, form : of the contestant
    events : in one call
    ns : the median over bursts, for one event
    lower_quartile_ns, upper_quartile_ns : its spread
    """

    name: str
    form: str
    events: int
    ns: float
    lower_quartile_ns: float
    upper_quartile_ns: float


@dataclass(frozen=True, slots=True)
class LimitAt:
    """The limit of one event, alone or in a batch.

    Attributes
    ----------
    events : in one call
    ns : the limit, for one event
    bound : what it comes from
    chain_ns : of loops, part of the limit; 0 where there is none
    """

    events: int
    ns: float
    bound: str
    chain_ns: float


@dataclass(frozen=True, slots=True)
class ModelResult:
    """All that the suite measured of one model.

    Attributes
    ----------
    letter, stem : of the model
    code : identifies the generated code, compilers and machine: the same code needs no second run
    macs : multiply-adds of one event
    functions : pairs of an elementary function and how often one event evaluates it
    weight_bytes, edge_bytes : constants; inputs and outputs
    longest_ns : of the longest chain of one event, whose operations wait for each other
    main : the form of ours that is the headline: the best instruction set of the machine
    limits, timings, absent : see there
    call_overhead_ns : what a call of ONNX Runtime from Python costs with nothing to compute
    load_average : before the model was measured; None where unknown
    speed : the figures behind the limits, as measured beside this model
    """

    letter: str
    stem: str
    code: str
    macs: int
    functions: tuple[tuple[str, int], ...]
    weight_bytes: int
    edge_bytes: int
    longest_ns: float
    main: str
    limits: tuple[LimitAt, ...]
    timings: tuple[Timing, ...]
    absent: tuple[Absent, ...]
    call_overhead_ns: float | None
    load_average: float | None
    speed: object

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ModelResult:
        """Return the result that `inferon.measure.record.as_json` wrote."""
        plain = dict(value)
        plain["functions"] = tuple((name, count) for name, count in value["functions"])
        plain["limits"] = tuple(LimitAt(**each) for each in value["limits"])
        plain["timings"] = tuple(Timing(**each) for each in value["timings"])
        plain["absent"] = tuple(Absent(**each) for each in value["absent"])
        return cls(**plain)

    def event(self, name: str, form: str = "") -> Timing | None:
        """Return the time of one event alone: the fastest form, or the one that is given."""
        return self._fastest(name, form, largest=1)

    def best(self, name: str, form: str = "") -> Timing | None:
        """Return the time of the batch in which an event takes least."""
        return self._fastest(name, form, largest=None)

    def _fastest(self, name: str, form: str, largest: int | None) -> Timing | None:
        found = (
            each
            for each in self.timings
            if each.name == name
            and form in ("", each.form)
            and (largest is None or each.events <= largest)
        )
        return min(found, key=lambda each: each.ns, default=None)

    def limit(self, events: int) -> LimitAt:
        """Return the limit for so many events in a call."""
        return next(each for each in self.limits if each.events == events)

    def ratio(self, ratio: Ratio) -> float | None:
        """Return a ratio of medians; None where one side was not measured."""
        event, batch = self.event(INFERON, self.main), self.best(INFERON, self.main)
        columns = self.best(COLUMNS, self.main)
        match ratio:
            case Ratio.EVENT_TO_LIMIT:
                return self._to_limit(event)
            case Ratio.BATCH_TO_LIMIT:
                return self._to_limit(batch)
            case Ratio.COLUMNS_TO_LIMIT:
                return self._to_limit(columns)
            case Ratio.EVENT_TO_ORT:
                return _quotient(self.event(ORT), event)
            case Ratio.BATCH_TO_ORT:
                return _quotient(self.best(ORT), batch)
            case Ratio.COLUMNS_TO_ORT:
                return _quotient(self.best(ORT), columns)
            case Ratio.EVENT_V3_TO_V4:
                return _quotient(self.event(INFERON, V3), self.event(INFERON, V4))
            case Ratio.BATCH_V3_TO_V4:
                return _quotient(self.best(INFERON, V3), self.best(INFERON, V4))

    def _to_limit(self, timing: Timing | None) -> float | None:
        return None if timing is None else timing.ns / self.limit(timing.events).ns


def _quotient(one: Timing | None, other: Timing | None) -> float | None:
    return None if one is None or other is None else one.ns / other.ns
