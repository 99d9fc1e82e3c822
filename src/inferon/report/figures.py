"""The figures of the report, as SVG text to stand inside a page.

Text is drawn as outlines, so a figure looks the same wherever it is opened; nothing in it points
outside the page.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from inferon.errors import ExtraMissing
from inferon.measure.spread import Spread
from inferon.report.study import Curve, TaggerEvidence

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = NDArray[np.float64]

# Colors that also the color-blind tell apart: M. Okabe and K. Ito, Color Universal Design (2008).
CLASS_COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00")
OURS, PEER, QUIET = "#0072B2", "#D55E00", "#8a8a8a"

WIDTH_IN = 7.0
"""Width of a figure in inches: the text of the printed page."""

LATENCY_BINS = 70

LATENCY_MARGIN = 2.5
"""The axis of a latency reaches so many times below the fastest burst and above the slowest
median; interrupted bursts, which may be a thousand times longer, are counted in the last bin."""


def require_matplotlib() -> None:
    """Raise `ExtraMissing` when figures cannot be drawn here."""
    if find_spec("matplotlib") is None:
        raise ExtraMissing("matplotlib", "plot")


def roc_figure(taggers: Sequence[TaggerEvidence]) -> str:
    """Draw ROC curves of each class against the rest, a panel for each tagger."""

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, len(taggers), sharey=True, squeeze=False)[0]
        for axes, evidence in zip(panels, taggers, strict=True):
            _draw_curves(axes, evidence)
        panels[0].set_ylabel(r"background efficiency $\varepsilon_B$")

    return _svg(draw, 3.7, "roc", "ROC curves of the taggers, each class against the rest")


def latency_figure(taggers: Sequence[TaggerEvidence]) -> str:
    """Draw histograms of the latency of one jet, a panel for each tagger."""

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, len(taggers), sharey=True, squeeze=False)[0]
        for axes, evidence in zip(panels, taggers, strict=True):
            _draw_latency(axes, evidence)
        panels[0].set_ylim(0, 1.5)  # room for the legend above the largest fraction
        panels[0].set_yticks([0, 0.25, 0.5, 0.75, 1])
        panels[0].legend(loc="upper left", handlelength=1.0)
        panels[0].set_ylabel("fraction of bursts")

    return _svg(draw, 2.6, "latency", "Histograms of the latency of one jet")


def throughput_figure(taggers: Sequence[TaggerEvidence]) -> str:
    """Draw jets per second against jets in a call, a panel for each tagger."""

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, len(taggers), sharey=True, squeeze=False)[0]
        for axes, evidence in zip(panels, taggers, strict=True):
            _draw_throughput(axes, evidence)
        panels[0].legend(loc="lower right")
        panels[0].set_ylabel("jets per second and core")

    return _svg(draw, 2.9, "throughput", "Jets per second against jets in a call")


def _draw_curves(axes: Axes, evidence: TaggerEvidence) -> None:
    band: dict[str, Any] = {"alpha": 0.4, "linewidth": 4.2, "dashes": (1.6, 1.2)}
    for color, result in zip(CLASS_COLORS, evidence.classes, strict=True):
        under, over = result.peer_curve, result.curve
        axes.plot(under.signal_efficiency, _positive(under), color=color, **band)
        label = f"{result.name}   AUC {result.auc.value:.3f}"
        axes.plot(over.signal_efficiency, _positive(over), color=color, linewidth=1.1, label=label)
    axes.plot([], [], color=QUIET, label="ONNX Runtime", **band)
    axes.set(title=evidence.tagger.title, yscale="log", xlim=(0, 1), ylim=(7e-4, 1))
    axes.set_xlabel(r"signal efficiency $\varepsilon_S$")
    axes.legend(loc="lower right", handlelength=2.0)
    _grid(axes)


def _draw_latency(axes: Axes, evidence: TaggerEvidence) -> None:
    timing, overhead = evidence.benchmark.timings[0], evidence.benchmark.call_overhead
    shown = (
        ("Inferon", OURS, timing.ours),
        ("ONNX Runtime", PEER, timing.peer),
        ("ONNX Runtime, identity model", QUIET, overhead),
    )
    present = [(name, color, spread.bursts_ns) for name, color, spread in shown if spread]
    low = min(min(bursts) for _, _, bursts in present) / LATENCY_MARGIN
    high = max(float(np.median(bursts)) for _, _, bursts in present) * LATENCY_MARGIN
    bins = np.geomspace(low, high, LATENCY_BINS + 1).tolist()
    for name, color, bursts in present:
        share = np.full(len(bursts), 1.0 / len(bursts))
        clipped = np.minimum(bursts, high)
        axes.hist(clipped, bins=bins, weights=share, color=color, alpha=0.85, label=name)
    axes.set(title=evidence.tagger.title, xscale="log", xlim=(low, high))
    axes.set_xlabel("latency of one jet [ns]")


def _draw_throughput(axes: Axes, evidence: TaggerEvidence) -> None:
    timings = evidence.benchmark.timings
    events = np.array([timing.events for timing in timings])
    ours = [timing.ours for timing in timings]
    theirs = [timing.peer for timing in timings if timing.peer is not None]
    for name, color, marker, spreads in (
        ("Inferon", OURS, "o", ours),
        ("ONNX Runtime", PEER, "s", theirs),
    ):
        if len(spreads) < len(timings):
            continue  # not measured
        low, middle, high = _rates(events, spreads).T
        axes.fill_between(events, low, high, color=color, alpha=0.2, linewidth=0)
        line: dict[str, Any] = {"color": color, "linewidth": 1.1, "marker": marker}
        axes.plot(events, middle, markersize=3.5, label=name, **line)
    axes.set(title=evidence.tagger.title, xscale="log", yscale="log")
    axes.set_xticks(events, [str(each) for each in events])
    axes.tick_params(axis="x", which="minor", bottom=False, top=False)
    axes.set_xlabel("jets in one call")
    _grid(axes)


def _rates(events: Numbers, spreads: Sequence[Spread]) -> Numbers:
    """Return events per second at the upper quartile of the time, the median, the lower one."""
    times = [(s.upper_quartile_ns, s.median_ns, s.lower_quartile_ns) for s in spreads]
    return np.asarray(1e9 * events[:, None] / np.array(times))


def _positive(curve: Curve) -> Numbers:
    """Return the background efficiency without what a logarithmic axis cannot show."""
    efficiency = curve.background_efficiency
    return np.where(efficiency > 0, efficiency, np.nan)


def _grid(axes: Axes) -> None:
    axes.grid(which="major", color="#dddddd", linewidth=0.5)
    axes.set_axisbelow(True)


def _style(salt: str) -> dict[Any, Any]:
    """Return matplotlib's settings for a figure of a printed page."""
    return {
        "font.family": "STIXGeneral",
        "mathtext.fontset": "stix",
        "font.size": 10,
        "axes.labelsize": 10.5,
        "axes.titlesize": 11,
        "legend.fontsize": 9,
        "xtick.labelsize": 9,
        "ytick.labelsize": 9,
        "axes.linewidth": 0.7,
        "xtick.direction": "in",
        "ytick.direction": "in",
        "xtick.top": True,
        "ytick.right": True,
        "xtick.minor.visible": True,
        "ytick.minor.visible": True,
        "legend.frameon": False,
        "svg.fonttype": "path",
        "svg.hashsalt": salt,
    }


def _svg(draw: Callable[[Figure], None], height_in: float, name: str, description: str) -> str:
    """Return a figure as an ``svg`` element: no prologue, no metadata, no addresses."""
    require_matplotlib()
    import matplotlib
    from matplotlib.figure import Figure

    out = io.StringIO()
    # The salt makes identifiers the same in each run.
    with matplotlib.rc_context(_style(name)):
        figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
        draw(figure)
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text)
    text = re.sub(r'(\bid="|"#|url\(#)', rf"\g<1>{name}-", text)  # figures share a page
    return text.replace("<svg", f'<svg role="img" aria-label="{description}"', 1)
