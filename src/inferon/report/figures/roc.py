"""Background rejection against signal efficiency, a panel for each class, with ratios below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from inferon.report.classification import CURVE_GRID, Curve
from inferon.report.style import GRAY, Look, banner, grid, plain, plain_ticks, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.gridspec import SubplotSpec
    from matplotlib.lines import Line2D

Numbers = NDArray[np.float64]

COLUMNS = 3

LEAST_JETS = 5
"""A rejection is drawn where so many background jets pass: below, its error is above 45 %."""

RATIO_LIMITS = (0.3, 3.3)
"""Ratios of taggers that one would compare lie within a factor of three."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of each panel.

    Attributes
    ----------
    label : for the legend
    curves : for each class the curves of all seeds; None where the model has no such score
    look : color and kind of the line
    """

    label: str
    curves: Sequence[Sequence[Curve] | None]
    look: Look


def roc_figure(
    name: str, class_names: Sequence[str], lines: Sequence[Line], sample: str, versus: str = "rest"
) -> str:
    """Draw the curves of all lines; ratios are to the first one.

    Parameters
    ----------
    name : of the figure, unique on the page
    class_names : a panel for each
    lines : what is compared; several seeds of one line are drawn as their mean and their range,
        a single one with its binomial error
    sample : what the jets are called
    versus : what each class is told from
    """
    rows = -(-len(class_names) // COLUMNS)
    has_room = len(class_names) % COLUMNS > 0

    def draw(figure: Figure) -> None:
        figure.set_layout_engine("constrained", hspace=0.0, h_pad=0.0)
        lanes = figure.subfigures(rows, 1, hspace=0.03, squeeze=False)[
            :, 0
        ]  # each aligns its own panels
        places = [lane.add_gridspec(1, COLUMNS) for lane in lanes]
        for index, signal in enumerate(class_names):
            row, column = divmod(index, COLUMNS)
            main, ratio = _panel(lanes[row], places[row][column])
            found = [(line, line.curves[index]) for line in lines]
            _draw(main, ratio, [(line, curves) for line, curves in found if curves is not None])
            main.text(
                0.95,
                0.93,
                f"{plain(signal)} against {plain(versus)}",
                transform=main.transAxes,
                ha="right",
                va="top",
            )
            if column == 0:
                main.set_ylabel(r"background rejection $1/\varepsilon_B$")
                ratio.set_ylabel("ratio")
        if has_room:  # beside the last panel
            row, column = divmod(len(class_names), COLUMNS)
            _legend(lanes[row].add_subplot(places[row][column]), lines, sample)
        else:
            for main in lanes[0].axes[::2]:
                main.set_title(" ", loc="left", fontsize=9.5, pad=4)  # panels of one height
            banner(lanes[0].axes[0], sample)
            shown: dict[str, Any] = {"loc": "outside lower center", "ncols": 4}
            for ratio in lanes[-1].axes[1::2]:
                ratio.set_xlabel(ratio.get_xlabel() + "\n")  # a line for the legend
            lanes[-1].legend(handles=_handles(lines), **shown)

    return svg(draw, 0.2 + 3.1 * rows, name, "Background rejection against signal efficiency")


def _panel(figure: SubFigure, place: SubplotSpec) -> tuple[Axes, Axes]:
    inner = place.subgridspec(2, 1, height_ratios=(3, 1), hspace=0.0)
    main = figure.add_subplot(inner[0])
    ratio = figure.add_subplot(inner[1], sharex=main)
    main.tick_params(labelbottom=False)
    main.set(yscale="log", xlim=(0, 1))
    plain_ticks(main, (0, 0.2, 0.4, 0.6, 0.8, 1))
    ratio.set(yscale="log", ylim=RATIO_LIMITS)
    ratio.set_yticks([0.5, 1, 2], ["0.5", "1", "2"])
    ratio.set_yticks([], minor=True)
    ratio.set_xlabel(r"signal efficiency $\varepsilon_S$")
    for axes in (main, ratio):
        grid(axes)
    return main, ratio


def _draw(main: Axes, ratio: Axes, found: Sequence[tuple[Line, Sequence[Curve]]]) -> None:
    reference: Numbers | None = None
    top = 10.0
    for line, curves in found:
        low, middle, high = rejections(curves)
        style: dict[str, Any] = {"color": line.look.color, "linestyle": line.look.dash}
        style["linewidth"] = line.look.width
        fill: dict[str, Any] = {"color": line.look.color, "alpha": 0.18, "linewidth": 0}
        reference = middle if reference is None else reference
        top = max(top, float(np.nanmax(middle[CURVE_GRID >= 0.1], initial=10.0)))
        main.plot(CURVE_GRID, middle, **style)
        main.fill_between(CURVE_GRID, low, high, **fill)
        ratio.plot(CURVE_GRID, middle / reference, **style)
        ratio.fill_between(CURVE_GRID, low / reference, high / reference, **fill)
    main.set_ylim(0.8, 4 * top)


def rejections(curves: Sequence[Curve]) -> tuple[Numbers, Numbers, Numbers]:
    """Return the lower end, the middle and the upper end of the rejection; NaN where too few."""
    efficiency = np.mean([each.background_efficiency for each in curves], axis=0)
    if len(curves) > 1:
        low = np.min([each.background_efficiency for each in curves], axis=0)
        high = np.max([each.background_efficiency for each in curves], axis=0)
    else:
        low, high = efficiency - curves[0].error, efficiency + curves[0].error
    enough = efficiency * curves[0].background_jets >= LEAST_JETS
    with np.errstate(divide="ignore"):
        bounds = [
            np.where(enough & (each > 0), 1.0 / each, np.nan) for each in (high, efficiency, low)
        ]
    return bounds[0], bounds[1], bounds[2]


def _handles(lines: Sequence[Line]) -> list[Line2D]:
    from matplotlib.lines import Line2D

    return [
        Line2D(
            *([], []),
            color=each.look.color,
            linestyle=each.look.dash,
            linewidth=each.look.width,
            label=plain(each.label),
        )
        for each in lines
    ]


def _legend(axes: Axes, lines: Sequence[Line], sample: str) -> None:
    axes.set_axis_off()
    axes.legend(handles=_handles(lines), loc="upper left", borderaxespad=0.0, labelspacing=0.45)
    if len(lines) > 1:
        text = f"ratio to {plain(lines[0].label)}"
        axes.text(0.02, 0.02, text, color=GRAY, fontsize=9, transform=axes.transAxes)
    banner(axes, sample)
