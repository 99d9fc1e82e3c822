"""The tables of a report's physics: a row for each model, numbers over its seeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from inferon.physics.metrics import Estimate
from inferon.report.classification import SIGNAL_EFFICIENCIES, ClassResult
from inferon.report.evidence import Evidence
from inferon.report.study import Group


@dataclass(frozen=True, slots=True)
class AreaRow:
    """Accuracy and areas of one model; None where it has no such number."""

    title: str
    seeds: int
    accuracy: Estimate | None
    macro: Estimate | None
    classes: tuple[Estimate | None, ...]


@dataclass(frozen=True, slots=True)
class RejectionLine:
    """Background rejections of one model at one signal efficiency."""

    efficiency: float
    classes: tuple[Estimate | None, ...]


@dataclass(frozen=True, slots=True)
class RejectionRow:
    """Background rejections of one model."""

    title: str
    lines: tuple[RejectionLine, ...]


def area_row(group: Group, class_names: tuple[str, ...]) -> AreaRow:
    """Return accuracy and areas of a model."""
    return AreaRow(
        group.title,
        len(group.runs),
        group.over_seeds(lambda run: run.result.accuracy),
        group.over_seeds(lambda run: run.result.macro_auc),
        tuple(group.over_seeds(_of_class(name, lambda found: found.auc)) for name in class_names),
    )


def rejection_row(group: Group, class_names: tuple[str, ...]) -> RejectionRow:
    """Return background rejections of a model."""
    lines = []
    for index, efficiency in enumerate(SIGNAL_EFFICIENCIES):

        def pick(found: ClassResult, index: int = index) -> Estimate:
            return found.rejections[index]

        found = tuple(group.over_seeds(_of_class(name, pick)) for name in class_names)
        lines.append(RejectionLine(efficiency, found))
    return RejectionRow(group.title, tuple(lines))


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
