"""What accuracy costs: each model as a point of time for one jet and of area under the curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inferon.physics.metrics import Estimate
from inferon.report.style import Look, banner, grid, plain, svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Point:
    """One model.

    Attributes
    ----------
    title : of the model
    time_ns, peer_ns : medians for one jet, of the C++ and of ONNX Runtime
    accuracy : over its seeds
    look : its color elsewhere
    """

    title: str
    time_ns: float
    peer_ns: float | None
    accuracy: Estimate
    look: Look


def trade_off_figure(points: Sequence[Point], sample: str) -> str:
    """Draw accuracy against the time for one jet."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for each in points:
            y, error, color = each.accuracy.value, each.accuracy.error, each.look.color
            if each.peer_ns is not None:
                axes.plot(
                    [each.time_ns, each.peer_ns], [y, y], color=color, linewidth=0.7, alpha=0.6
                )
                axes.plot([each.peer_ns], [y], "s", color=color, fillstyle="none", markersize=4.5)
            axes.errorbar([each.time_ns], [y], [error], fmt="o", color=color, markersize=5)
            axes.annotate(
                plain(each.title),
                (each.time_ns, y),
                (5, 4),
                textcoords="offset points",
                fontsize=9,
                color=color,
            )
        axes.plot([], [], "o", color="black", markersize=5, label="Inferon")
        axes.plot(
            [], [], "s", color="black", fillstyle="none", markersize=4.5, label="ONNX Runtime"
        )
        axes.set(xscale="log", xlabel="time for one jet [ns]", ylabel="accuracy")
        axes.margins(x=0.18, y=0.15)
        axes.legend(loc="lower right")
        grid(axes)
        banner(axes, sample)

    return svg(draw, 3.4, "tradeoff", "Accuracy against the time for one jet")
