"""The tables of a report's physics: a row for each model, numbers over its seeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from inferon.physics.metrics import Estimate
from inferon.report.classification import SIGNAL_EFFICIENCIES, ClassResult
from inferon.report.evidence import Evidence
from inferon.report.study import Group


@dataclass(frozen=True, slots=True)
class RejectionLine:
    """Background rejections of one model at one signal efficiency, by class."""

    efficiency: float
    classes: tuple[Estimate | None, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """How well one model does; None where it has no such number.

    Attributes
    ----------
    title : of the model
    seeds : number of its runs
    parameters : of one of them
    accuracy, macro : over the seeds
    areas : by class
    rejections : at each signal efficiency
    """

    title: str
    seeds: int
    parameters: int
    accuracy: Estimate | None
    macro: Estimate | None
    areas: tuple[Estimate | None, ...]
    rejections: tuple[RejectionLine, ...]


def physics_row(group: Group, class_names: tuple[str, ...]) -> Row:
    """Return how well a model does on the test jets of its runs."""
    return Row(
        group.title,
        len(group.runs),
        group.first.cost.parameters,
        group.over_seeds(lambda run: run.result.accuracy),
        group.over_seeds(lambda run: run.result.macro_auc),
        tuple(group.over_seeds(_of_class(name, lambda found: found.auc)) for name in class_names),
        tuple(_rejections(group, class_names, index) for index in range(len(SIGNAL_EFFICIENCIES))),
    )


def _rejections(group: Group, class_names: tuple[str, ...], index: int) -> RejectionLine:
    found = (_of_class(name, lambda each: each.rejections[index]) for name in class_names)
    return RejectionLine(SIGNAL_EFFICIENCIES[index], tuple(map(group.over_seeds, found)))


def result_of(run: Evidence, name: str) -> ClassResult | None:
    """Return the result of a class, None where the model has none."""
    return next((each for each in run.result.classes if each.name == name), None)


def _of_class(
    name: str, number: Callable[[ClassResult], Estimate]
) -> Callable[[Evidence], Estimate | None]:
    def found(run: Evidence) -> Estimate | None:
        result = result_of(run, name)
        return None if result is None else number(result)

    return found
