"""Distributions of the scores: a panel for each score, a line for each true class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from inferon.report.classification import ScoreHistogram
from inferon.report.style import class_look, panels, plain, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DECADES = 1e-3
"""The axis of fractions ends here: below, a bin holds less than one of 1,000 jets."""


def score_figure(
    name: str,
    class_names: Sequence[str],
    histograms: Sequence[ScoreHistogram],
    title: str,
    columns: int,
) -> str:
    """Draw the distributions of one model's scores.

    Parameters
    ----------
    name : of the figure, unique on the page
    class_names : of the true classes, in the order of the histograms' rows
    histograms : a panel each
    title : what the model is called
    columns : most panels side by side
    """
    count = len(histograms)
    across = min(columns, count)
    rows = -(-count // across)

    def draw(figure: Figure) -> None:
        every = panels(figure, count, across, sharey=True)
        for index, (axes, histogram) in enumerate(zip(every, histograms, strict=True)):
            _draw(axes, histogram, index if count == len(class_names) else None)
            if index % across == 0:
                axes.set_ylabel("fraction of jets per bin")
        handles, _ = every[0].get_legend_handles_labels()
        labels = [f"true {plain(each)}" for each in class_names]
        figure.legend(handles, labels, loc="outside lower center", ncols=min(6, len(labels)))
        figure.suptitle(plain(title), fontsize=10.5, x=0.01, ha="left")

    return svg(draw, 0.55 + 1.9 * rows, name, f"Score distributions of {title}")


def _draw(axes: Axes, histogram: ScoreHistogram, signal: int | None) -> None:
    for index, fractions in enumerate(histogram.fractions):
        look = class_look(index)
        if index == signal:
            axes.stairs(fractions, histogram.edges, fill=True, color=look.color, alpha=0.22)
        axes.stairs(
            fractions, histogram.edges, color=look.color, linestyle=look.dash, label=str(index)
        )
    axes.set(yscale="log", ylim=(DECADES, 1.5), xlabel=plain(histogram.name))
    axes.set_xlim(histogram.edges[0], histogram.edges[-1])
