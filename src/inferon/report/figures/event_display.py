"""Jets as one sees them: constituents in pseudorapidity and azimuth, areas by momentum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from inferon.report.gallery import KINDS, ShownJet
from inferon.report.style import BLUE, GRAY, GREEN, ORANGE, VERMILION, heading, plain, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KIND_COLORS = (BLUE, GREEN, ORANGE, VERMILION)

AREA_PT2 = 900.0
"""Area, in square points, of a particle with all of the jet's momentum."""

SMALLEST_PT2 = 2.0

REACH = 1.06
"""Half the width of a panel, in radii of the jet."""


def event_figure(rows: Sequence[Sequence[ShownJet]], radius: float, sample: str) -> str:
    """Draw the jets of a gallery, a row for each class."""
    columns = max(map(len, rows))

    def draw(figure: Figure) -> None:
        panels = figure.subplots(len(rows), columns, sharex=True, sharey=True, squeeze=False)
        for axes in panels.flat:
            axes.minorticks_off()
        for line, row in zip(panels, rows, strict=True):
            for axes, jet in zip(line, row, strict=True):
                _draw(axes, jet, radius)
            line[0].set_ylabel(r"$\Delta\phi$ [rad]")
        for axes in panels[-1]:
            axes.set_xlabel(r"$\Delta\eta$")
        if rows[0][0].kind is not None:
            _legend(figure)
        figure.suptitle(heading(sample), x=0.01, ha="left", fontsize=9.5)

    description = "Constituents of some jets of each class in pseudorapidity and azimuth"
    return svg(draw, 0.75 + 1.78 * len(rows), "events", description)


def _draw(axes: Axes, jet: ShownJet, radius: float) -> None:
    from matplotlib.patches import Circle

    area = np.maximum(SMALLEST_PT2, AREA_PT2 * jet.pt_fraction)
    colors = [BLUE if jet.kind is None else KIND_COLORS[jet.kind[i]] for i in range(len(area))]
    axes.add_patch(Circle((0, 0), radius, fill=False, color=GRAY, linewidth=0.8))
    eta, phi = jet.offset.T
    axes.scatter(eta, phi, s=area, c=colors, alpha=0.6, linewidths=0, clip_on=False)
    axes.set_title(plain(jet.class_name), loc="left", weight="bold", fontsize=9, pad=4)
    axes.set_title(f"{plain(jet.score_name)} = {jet.score:.2f}", loc="right", fontsize=9, pad=4)
    corner: dict[str, Any] = {"transform": axes.transAxes, "fontsize": 7.5, "va": "bottom"}
    axes.text(0.03, 0.025, f"{jet.pt_gev:,.0f} GeV", **corner)
    axes.text(0.97, 0.025, f"$m$ = {jet.mass_gev:.0f} GeV", ha="right", **corner)
    limit = radius * REACH
    axes.set_xticks([-0.5, 0, 0.5])
    axes.set_yticks([-0.5, 0, 0.5])
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")


def _legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], marker="o", linestyle="", color=color, alpha=0.7, label=name)
        for name, color in zip(KINDS, KIND_COLORS, strict=True)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
