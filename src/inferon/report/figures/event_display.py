"""Jets as one sees them: constituents in pseudorapidity and azimuth, areas by momentum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from inferon.report.gallery import KINDS, ShownJet
from inferon.report.style import BLUE, GRAY, GREEN, ORANGE, VERMILION, banner, plain, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KIND_COLORS = (BLUE, GREEN, ORANGE, VERMILION)

AREA_PT2 = 420.0
"""Area, in square points, of a particle with all of the jet's momentum."""

SMALLEST_PT2 = 0.8

REACH = 1.3
"""Half the width of a panel, in radii of the jet: room for words in the corners."""


def event_figure(rows: Sequence[Sequence[ShownJet]], radius: float, sample: str) -> str:
    """Draw the jets of a gallery, a row for each class."""
    columns = max(map(len, rows))

    def draw(figure: Figure) -> None:
        panels = figure.subplots(len(rows), columns, sharex=True, sharey=True, squeeze=False)
        for line, row in zip(panels, rows, strict=True):
            for axes, jet in zip(line, row, strict=True):
                _draw(axes, jet, radius)
            line[0].set_ylabel(r"$\Delta\phi$ [rad]")
        for axes in panels[-1]:
            axes.set_xlabel(r"$\Delta\eta$")
        if rows[0][0].kind is not None:
            _legend(figure)
        banner(panels[0][0], sample)

    description = "Constituents of some jets of each class in pseudorapidity and azimuth"
    return svg(draw, 0.7 + 1.62 * len(rows), "events", description)


def _draw(axes: Axes, jet: ShownJet, radius: float) -> None:
    from matplotlib.patches import Circle

    area = np.maximum(SMALLEST_PT2, AREA_PT2 * jet.pt_fraction)
    colors = [BLUE if jet.kind is None else KIND_COLORS[jet.kind[i]] for i in range(len(area))]
    axes.add_patch(Circle((0, 0), radius, fill=False, color=GRAY, linewidth=0.8))
    axes.scatter(
        *jet.offset.T, s=area, c=colors, alpha=0.6, linewidths=0.4, edgecolors="white"
    )
    text = {"transform": axes.transAxes, "fontsize": 8.5, "va": "top"}
    axes.text(0.04, 0.96, plain(jet.class_name), weight="bold", **text)
    axes.text(0.96, 0.96, f"{plain(jet.score_name)} = {jet.score:.2f}", ha="right", **text)
    text["va"] = "bottom"
    axes.text(
        0.04, 0.03, rf"$p_T$ = {jet.pt_gev:,.0f} GeV, $m$ = {jet.mass_gev:.0f} GeV", **text
    )
    limit = radius * REACH
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")


def _legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], marker="o", linestyle="", color=color, alpha=0.7, label=name)
        for name, color in zip(KINDS, KIND_COLORS, strict=True)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
