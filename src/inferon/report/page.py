"""The report: one HTML page that needs nothing but itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from inferon.measure.record import as_json
from inferon.report import spelling
from inferon.report.evidence import ERROR_EVENTS, Evidence
from inferon.report.figures.bit_profile import bit_profile_figure
from inferon.report.figures.calibration import calibration_figure
from inferon.report.figures.event_display import event_figure
from inferon.report.figures.latency import latency_figure, throughput_figure
from inferon.report.figures.layer_error import layer_error_figure, quantizer_error_figure
from inferon.report.figures.roc import LEAST_JETS, Line, roc_figure
from inferon.report.figures.scores import score_figure
from inferon.report.figures.trade_off import Point, trade_off_figure
from inferon.report.figures.training_curves import accuracy_figure, loss_figure
from inferon.report.folder import put
from inferon.report.gallery import SCORE_QUANTILES
from inferon.report.runs import Epoch, Run
from inferon.report.study import Group, Study
from inferon.report.style import PEER_LOOK, run_look
from inferon.report.tables import physics_row, result_of

JET_RADIUS = 0.8
"""Of the circle in event displays, where a sample does not say its own."""

MOST_LISTED_NODES = 200
"""Listings of larger models fill pages; `inferon show` prints them."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A figure with its caption."""

    svg: Markup
    caption: str


def render(study: Study, verb: str = "report") -> str:
    """Return the report of a study as HTML.

    Parameters
    ----------
    study : the evidence
    verb : of the command line that made it, for the record

    Raises
    ------
    ExtraMissing
        When matplotlib is not installed.
    """
    first = study.runs[0].benchmark
    groups, names = study.groups, study.jets.class_names
    several_seeds = any(len(group.runs) > 1 for group in groups)
    return (
        _environment(several_seeds)
        .get_template("report.html.jinja")
        .render(
            study=study,
            title=title(study),
            verb=verb,
            groups=groups,
            runs=study.runs,
            class_names=names,
            several_seeds=several_seeds,
            machine=first.machine,
            versions=first.versions,
            overhead=first.call_overhead,
            card=study.jets.card,
            background=next((run.run.background for run in study.runs if run.run.background), ()),
            rows=[physics_row(group, names) for group in groups],
            classifiers=[group for group in groups if not group.first.run.background],
            least_jets=LEAST_JETS,
            error_events=min(ERROR_EVENTS, *(run.test_jets for run in study.runs)),
            quantiles=", ".join(f"{100 * each:.0f} %" for each in SCORE_QUANTILES),
            listings=[
                group.first
                for group in groups
                if len(group.first.graph.nodes()) <= MOST_LISTED_NODES
            ],
            **_figures(study),
        )
    )


def title(study: Study) -> str:
    """Return what a report is called."""
    if len(study.groups) == 1:
        return f"{study.groups[0].title}, from training to C++"
    count = ("Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
    number = len(study.groups)
    shown = count[number - 2] if number - 2 < len(count) else str(number)
    return f"{shown} jet taggers, from training to C++"


def write_page(study: Study, path: Path, verb: str = "report") -> None:
    """Write the report; it appears whole or not at all.

    Raises
    ------
    OutputError
        When the file cannot be written.
    """
    put(path, render(study, verb))


def write_record(study: Study, path: Path) -> None:
    """Write the numbers of a report as JSON; the file appears whole or not at all.

    Raises
    ------
    OutputError
        When the file cannot be written.
    """
    put(path, json.dumps(record(study), indent=1, allow_nan=False) + "\n")


def record(study: Study) -> object:
    """Return the numbers of a study as JSON values: everything but curves and pictures."""
    return as_json(
        {
            "date": study.date,
            "seconds": study.seconds,
            "sample": {
                "title": study.jets.title,
                "sha256": study.sample.sha256,
                "jets": len(study.jets),
                "card": study.jets.card,
            },
            "runs": {each.run.name: _run_record(each) for each in study.runs},
        }
    )


def _run_record(each: Evidence) -> dict[str, object]:
    calibration = each.result.calibration
    return {
        "title": each.run.title,
        "seed": each.run.seed,
        "test_jets": each.test_jets,
        "macs": each.cost.macs,
        "parameters": each.cost.parameters,
        "header_bytes": each.header_bytes,
        "weight_bytes": each.weight_bytes,
        "workspace_bytes": each.workspace_bytes,
        "bits": each.bits,
        "onnxruntime": each.peer,
        "benchmark": each.benchmark,
        "changed_decisions": each.changed_decisions,
        "accuracy": each.result.accuracy,
        "macro_auc": each.result.macro_auc,
        "expected_calibration_error": calibration.expected_error if calibration else None,
        "classes": {
            found.name: {"auc": found.auc, "rejections": found.rejections}
            for found in each.result.classes
        },
        "layer_errors": each.layer_errors,
        "widths": each.widths,
        "quantizer_errors": each.quantizer_errors,
    }


def _environment(several_seeds: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("inferon.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("thousands", "significant", "estimate", "rejection", "minutes"):
        environment.filters[name] = getattr(spelling, name)
    environment.filters["kept_epoch"] = kept_epoch
    environment.filters["label"] = lambda each: label(each.run, several_seeds)
    return environment


def kept_epoch(run: Run) -> Epoch:
    """Return the line of the log whose weights were kept."""
    return next(each for each in run.history if each.epoch == run.best_epoch)


def label(run: Run, several_seeds: bool) -> str:
    """Return what a run is called in a table."""
    return f"{run.title}, seed {run.seed}" if several_seeds else run.title


def _figures(study: Study) -> dict[str, object]:
    """Return the figures by their names in the template.

    They are ours, from numbers and fixed words: markup, not text.
    """
    groups = study.groups
    measured = [(group.title, group.first.benchmark) for group in groups]
    card = study.jets.card
    radius = JET_RADIUS if card is None else card.recipe.cuts.radius
    return {
        "roc": Markup(roc(study)),
        "anomaly_roc": Markup(_anomaly_roc(study)),
        "scores": [Markup(each) for each in _scores(study)],
        "calibration": Markup(_calibration(study)),
        "layer_errors": [Markup(each) for each in _layer_errors(groups) if each],
        "bits": [_bits(index, group) for index, group in enumerate(groups) if group.first.widths],
        "trade_off": Markup(_trade_off(study)),
        "latency": Markup(latency_figure(measured)),
        "throughput": Markup(throughput_figure(measured)),
        "training": _training(groups),
        "events": Markup(event_figure(study.shown, radius, study.jets.title)),
    }


def roc(study: Study) -> str:
    """Draw the ROC curves of the classifiers; empty where there is none."""
    groups = [group for group in study.groups if not group.first.run.background]
    if not groups:
        return ""
    return roc_figure(
        "roc",
        study.jets.class_names,
        _lines(study, groups, study.jets.class_names),
        study.jets.title,
    )


def _anomaly_roc(study: Study) -> str:
    groups = [group for group in study.groups if group.first.run.background]
    if not groups:
        return ""
    background = groups[0].first.run.background
    names = [name for name in study.jets.class_names if name not in background]
    lines = _lines(study, groups, names)
    versus = " and ".join(background)
    return roc_figure("anomaly", names, lines, study.jets.title, versus)


def _lines(study: Study, groups: Sequence[Group], names: Sequence[str]) -> list[Line]:
    """Return a line for each model; a model alone is compared with ONNX Runtime."""
    looks = {group.title: run_look(index) for index, group in enumerate(study.groups)}
    lines = []
    for group in groups:
        found = [[result_of(run, name) for run in group.runs] for name in names]
        results = [[each for each in row if each is not None] for row in found]
        if len(groups) == 1:
            theirs = [[each.peer_curve for each in row] or None for row in results]
            lines.append(Line("ONNX Runtime", theirs, PEER_LOOK))
        ours = [[each.curve for each in row] or None for row in results]
        lines.append(Line(group.title, ours, looks[group.title]))
    return lines


def _scores(study: Study) -> list[str]:
    columns = 3 if len(study.groups) == 1 else 5
    return [
        score_figure(
            f"scores{index}",
            study.jets.class_names,
            group.first.result.histograms,
            group.title,
            columns,
        )
        for index, group in enumerate(study.groups)
    ]


def _calibration(study: Study) -> str:
    shown = [
        (group.title, group.first.result.calibration, run_look(index))
        for index, group in enumerate(study.groups)
    ]
    found = [(name, each, look) for name, each, look in shown if each is not None]
    return calibration_figure(found, study.jets.title) if found else ""


def _layer_errors(groups: Sequence[Group]) -> list[str]:
    return [
        layer_error_figure(f"errors{index}", group.title, group.first.layer_errors)
        for index, group in enumerate(groups)
    ]


def _bits(index: int, group: Group) -> dict[str, Markup]:
    found = group.first
    return {
        "profile": Markup(bit_profile_figure(f"bits{index}", group.title, found.widths)),
        "errors": Markup(
            quantizer_error_figure(f"lost{index}", group.title, found.quantizer_errors)
        ),
    }


def _trade_off(study: Study) -> str:
    points = []
    for index, group in enumerate(study.groups):
        right = group.over_seeds(lambda run: run.result.accuracy)
        timing = group.first.benchmark.timings[0]
        if right is not None:
            peer_ns = timing.peer_ns_per_event
            times = timing.ours_ns_per_event, peer_ns
            points.append(Point(group.title, *times, right, run_look(index)))
    return trade_off_figure(points, study.jets.title) if len(points) > 1 else ""


def _training(groups: Sequence[Group]) -> list[Drawn]:
    runs = [(group.title, [run.run for run in group.runs]) for group in groups]
    loss = Drawn(
        Markup(loss_figure(runs)),
        "Loss of training jets (pale) and validation jets against the epoch, a color for each "
        "seed; the dot is the epoch that was kept.",
    )
    accuracy = Drawn(Markup(accuracy_figure(runs)), "Accuracy on the validation jets.")
    return [each for each in (loss, accuracy) if each.svg]
