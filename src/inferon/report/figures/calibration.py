"""Are the probabilities true?  What was right against what was promised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from inferon.report.classification import Calibration
from inferon.report.style import GRAY, Look, banner, grid, plain, svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def calibration_figure(models: Sequence[tuple[str, Calibration, Look]], sample: str) -> str:
    """Draw accuracy, and accuracy less confidence, against the confidence of the decision."""

    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        left.plot([0, 1], [0, 1], color=GRAY, linewidth=0.8)
        right.axhline(0, color=GRAY, linewidth=0.8)
        for title, found, look in models:
            bins = found.reliability
            kept = bins.count > 0
            x, y, error = bins.confidence[kept], bins.accuracy[kept], bins.error[kept]
            style: dict[str, Any] = {"color": look.color, "fmt": "o", "markersize": 3}
            style |= {"linestyle": look.dash, "linewidth": 0.9, "elinewidth": 0.9}
            left.errorbar(x, y, error, **style)
            label = f"{plain(title)}: {found.expected_error.value:.3f}"
            right.errorbar(x, y - x, error, label=label, **style)
        low = min(
            float(found.reliability.confidence[found.reliability.count > 0].min())
            for _, found, _ in models
        )
        for axes in (left, right):
            axes.set(
                xlim=(max(0.0, low - 0.05), 1), xlabel="confidence: probability of the decision"
            )
            grid(axes)
        left.set(ylim=(max(0.0, low - 0.15), 1), ylabel="accuracy")
        right.set_ylabel("accuracy $-$ confidence")
        banner(left, sample)
        figure.legend(
            loc="outside lower center",
            ncols=3,
            title="expected calibration error",
            title_fontsize=9,
            fontsize=8.5,
        )

    return svg(
        draw, 3.2 + 0.17 * -(-len(models) // 3), "calibration", "Accuracy against confidence"
    )
