"""The bits of an exact graph, layer by layer: where its types reach, and where its numbers are."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2
from typing import TYPE_CHECKING, Any

from inferon.report.bit_widths import Width
from inferon.report.style import BLACK, BLUE, ORANGE, grid, plain, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW_IN = 0.2
NAME_LETTERS = 34


def bit_profile_figure(name: str, title: str, widths: Sequence[Width]) -> str:
    """Draw a bar from the lowest to the highest bit of each layer's weights and results."""
    rows = list(dict.fromkeys(each.layer for each in widths))
    lines = [(each, rows.index(each.layer)) for each in widths]

    def draw(figure: Figure) -> None:
        from matplotlib.ticker import MaxNLocator

        axes = figure.subplots()
        for width, row in lines:
            _draw(axes, width, row)
        axes.axvline(0, color=BLACK, linewidth=0.8, linestyle=(0, (4, 2)))
        names = [
            plain(each if len(each) <= NAME_LETTERS else "…" + each[1 - NAME_LETTERS :])
            for each in rows
        ]
        axes.set_yticks(range(len(rows)), names, fontsize=8)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.tick_params(axis="y", which="both", left=False, right=False)
        high = max(each.type.integer for each in widths)
        low = min(-each.type.fraction for each in widths)
        axes.set_xlim(high + 0.06 * (high - low), low - 0.1 * (high - low))  # highest bit first
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("bit: $2^n$, the binary point is at 0")
        axes.set_title(plain(title), loc="left")
        grid(axes)
        _legend(figure)

    return svg(draw, 1.1 + 2 * ROW_IN * len(rows), name, f"Bits of {title}, layer by layer")


def _draw(axes: Axes, width: Width, row: int) -> None:
    """Draw one bar with its number of bits, and the magnitudes inside it."""
    kind, color = width.type, ORANGE if width.is_weight else BLUE
    y = row + (-0.2 if width.is_weight else 0.2)
    bar: dict[str, Any] = {"height": 0.36, "color": color, "alpha": 0.45, "linewidth": 0}
    axes.barh(y, kind.width, left=-kind.fraction, **bar)
    text: dict[str, Any] = {"va": "center", "ha": "left", "fontsize": 8, "color": color}
    axes.text(-kind.fraction - 0.3, y, str(kind.width), **text)
    if width.largest > 0:
        low, high = log2(width.smallest), log2(width.largest)
        axes.plot([low, high], [y, y], color=color, linewidth=1.6, solid_capstyle="butt")
        axes.plot([low, high], [y, y], "|", color=color, markersize=5)


def _legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles = [
        Patch(color=ORANGE, alpha=0.45, label="weights"),
        Patch(color=BLUE, alpha=0.45, label="results"),
        Line2D([], [], color=BLACK, marker="|", label="magnitudes that occur, without 0"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
