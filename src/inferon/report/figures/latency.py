"""How long one jet takes, and how many jets a second, against ONNX Runtime in the same run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from inferon.measure.benchmark import Benchmark
from inferon.measure.spread import Spread
from inferon.report.style import OURS, PEER, QUIET, grid, panels, plain, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = NDArray[np.float64]
Measured = Sequence[tuple[str, Benchmark]]
"""What a model is called, and its times."""

COLUMNS = 3

BINS_A_DECADE = 24

MARGIN = 2.5
"""The axis of a latency reaches so many times below the fastest burst and above the slowest
median; interrupted bursts, which may be a thousand times longer, are counted in the last bin."""


def latency_figure(measured: Measured) -> str:
    """Draw histograms of the latency of one jet, a panel for each model."""

    def draw(figure: Figure) -> None:
        every = panels(figure, len(measured), _columns(measured), sharey=True)
        for index, (axes, (title, found)) in enumerate(zip(every, measured, strict=True)):
            _draw_latency(axes, title, found)
            if index % _columns(measured) == 0:
                axes.set_ylabel("fraction of bursts")
        _legend(figure, every[0])

    height_in = 0.45 + 1.95 * -(-len(measured) // _columns(measured))
    return svg(draw, height_in, "latency", "Histograms of the latency of one jet")


def throughput_figure(measured: Measured) -> str:
    """Draw jets per second against jets in a call, a panel for each model."""

    def draw(figure: Figure) -> None:
        every = panels(figure, len(measured), _columns(measured), sharey=True)
        for index, (axes, (title, found)) in enumerate(zip(every, measured, strict=True)):
            _draw_throughput(axes, title, found)
            if index % _columns(measured) == 0:
                axes.set_ylabel("jets per second and core")
        _legend(figure, every[0])

    height_in = 0.45 + 2.1 * -(-len(measured) // _columns(measured))
    return svg(draw, height_in, "throughput", "Jets per second against jets in a call")


def _columns(measured: Measured) -> int:
    return min(COLUMNS, len(measured))


def _legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)


def _draw_latency(axes: Axes, title: str, found: Benchmark) -> None:
    timing = found.timings[0]
    shown = (
        ("Inferon", OURS, timing.ours),
        ("ONNX Runtime", PEER, timing.peer),
        ("ONNX Runtime, identity model", QUIET, found.call_overhead),
    )
    present = [(name, color, spread.bursts_ns) for name, color, spread in shown if spread]
    low = min(min(bursts) for _, _, bursts in present) / MARGIN
    high = max(float(np.median(bursts)) for _, _, bursts in present) * MARGIN
    bins = np.geomspace(low, high, 1 + round(BINS_A_DECADE * np.log10(high / low)))
    for name, color, bursts in present:
        counts, _ = np.histogram(np.minimum(bursts, high), bins)
        look: dict[str, Any] = {"color": color, "fill": True, "alpha": 0.75}
        axes.stairs(counts / len(bursts), bins, label=name, **look)
    axes.set(xscale="log", xlim=(low, high), ylim=(0, 1.08))
    axes.set_title(plain(title))
    axes.set_xlabel("latency of one jet [ns]")


def _draw_throughput(axes: Axes, title: str, found: Benchmark) -> None:
    events = np.array([timing.events for timing in found.timings])
    ours = [timing.ours for timing in found.timings]
    theirs = [timing.peer for timing in found.timings if timing.peer is not None]
    for name, color, marker, spreads in (
        ("Inferon", OURS, "o", ours),
        ("ONNX Runtime", PEER, "s", theirs),
    ):
        if len(spreads) < len(found.timings):
            continue  # not measured
        low, middle, high = _rates(events, spreads).T
        axes.fill_between(events, low, high, color=color, alpha=0.2, linewidth=0)
        axes.plot(events, middle, color=color, marker=marker, markersize=3.5, label=name)
    axes.set(xscale="log", yscale="log")
    axes.set_title(plain(title))
    axes.set_xticks(events, [str(each) for each in events])
    axes.tick_params(axis="x", which="minor", bottom=False, top=False)
    axes.set_xlabel("jets in one call")
    grid(axes)


def _rates(events: NDArray[np.int64], spreads: Sequence[Spread]) -> Numbers:
    """Return events per second at the upper quartile of the time, the median, the lower one."""
    times = [(s.upper_quartile_ns, s.median_ns, s.lower_quartile_ns) for s in spreads]
    return np.asarray(1e9 * events[:, None] / np.array(times))
