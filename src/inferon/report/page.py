"""The report: one HTML page that needs nothing but itself."""

from __future__ import annotations

import json
from math import isfinite
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from inferon.measure.record import as_json
from inferon.physics.metrics import Estimate
from inferon.report import figures
from inferon.report.folder import put
from inferon.report.study import BIT_EVENTS, SIGNAL_EFFICIENCY, Study

SMALLEST_PLAIN = 1e-3
"""Numbers below are written with a power of ten."""


def render(study: Study) -> str:
    """Return the report of a study as HTML.

    Raises
    ------
    ExtraMissing
        When matplotlib is not installed.
    """
    environment = Environment(
        loader=PackageLoader("inferon.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["thousands"] = lambda number: f"{number:,.0f}"
    environment.filters["significant"] = _significant
    environment.filters["estimate"] = _estimate
    first = study.taggers[0].benchmark
    return environment.get_template("study.html.jinja").render(
        study=study,
        taggers=study.taggers,
        machine=first.machine,
        versions=first.versions,
        overhead=first.call_overhead,
        bit_events=BIT_EVENTS,
        signal_efficiency=SIGNAL_EFFICIENCY,
        # The figures are ours, from numbers and fixed words: they are markup, not text.
        roc=Markup(figures.roc_figure(study.taggers)),
        latency=Markup(figures.latency_figure(study.taggers)),
        throughput=Markup(figures.throughput_figure(study.taggers)),
    )


def write_report(study: Study, folder: Path) -> tuple[Path, Path]:
    """Write ``report.html`` and ``report.json`` into a folder; each appears whole or not at all.

    Raises
    ------
    OutputError
        When the folder cannot be written to.
    """
    page, numbers = folder / "report.html", folder / "report.json"
    put(page, render(study))
    put(numbers, json.dumps(record(study), indent=1, allow_nan=False) + "\n")
    return page, numbers


def record(study: Study) -> object:
    """Return the numbers of a study as JSON values: everything but the curves."""
    return as_json(
        {
            "date": study.date,
            "seconds": study.seconds,
            "test_jets": study.test_jets,
            "sample": study.card,
            "taggers": {
                each.tagger.name: {
                    "macs": each.cost.macs,
                    "parameters": each.cost.parameters,
                    "bits": each.bits,
                    "onnxruntime": each.peer,
                    "benchmark": each.benchmark,
                    "accuracy": each.accuracy,
                    "changed_decisions": each.changed_decisions,
                    "classes": {
                        found.name: {"auc": found.auc, "rejection": found.rejection}
                        for found in each.classes
                    },
                }
                for each in study.taggers
            },
        }
    )


def _significant(number: float) -> Markup:
    """Return 0.0037, or 3.0 × 10⁻⁶ for what is smaller: two significant digits."""
    if number == 0.0 or abs(number) >= SMALLEST_PLAIN:
        return Markup("{}").format(f"{number:#.2g}".rstrip("."))
    mantissa, _, exponent = f"{number:.1e}".partition("e")
    power = f"{int(exponent)}".replace("-", "−")
    return Markup("{}\u202f×\u202f10<sup>{}</sup>").format(mantissa, power)


def _estimate(found: Estimate, digits: int) -> str:
    """Return 0.893 ± 0.007."""
    if not isfinite(found.error):
        return f"{found.value:.{digits}f}"
    return f"{found.value:.{digits}f} ± {found.error:.{digits}f}"
