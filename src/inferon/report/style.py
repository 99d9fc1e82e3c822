"""How every figure of a report looks: fonts, ticks, colors, and its text as SVG inside a page.

Text is drawn as outlines, so a figure looks the same wherever it is opened; nothing in it points
outside the page.  Matplotlib is imported only when a figure is drawn.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from inferon.errors import ExtraMissing
from inferon.report.svg_text import page_element

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Colors that also the color-blind tell apart: M. Okabe and K. Ito, Color Universal Design (2008);
# without its yellow, which is too light for lines on white.
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
VERMILION, SKY, BLACK, GRAY = "#D55E00", "#56B4E9", "#1a1a1a", "#8a8a8a"

CLASS_COLORS = (BLUE, ORANGE, GREEN, PURPLE, VERMILION, SKY, BLACK, GRAY)
RUN_COLORS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
OURS, PEER, QUIET = BLUE, VERMILION, GRAY

DASHES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1.2, 1.2)))
"""Beyond seven runs a color comes back with the next kind of line."""

WIDTH_IN = 7.0
"""Width of a figure in inches: the text of the printed page."""


@dataclass(frozen=True, slots=True)
class Look:
    """The color and the kind of a line."""

    color: str
    dash: Any = "-"
    width: float = 1.2


OURS_LOOK = Look(OURS)

PEER_LOOK = Look(GRAY, "-", 3.0)
"""ONNX Runtime under a line of ours."""


def class_look(index: int) -> Look:
    """Return the look of a class of jets."""
    return Look(CLASS_COLORS[index % len(CLASS_COLORS)], DASHES[index // len(CLASS_COLORS) % 3])


def run_look(index: int) -> Look:
    """Return the look of a model among others."""
    return Look(RUN_COLORS[index % len(RUN_COLORS)], DASHES[index // len(RUN_COLORS) % 3])


def require_matplotlib() -> None:
    """Raise `ExtraMissing` when figures cannot be drawn here."""
    if find_spec("matplotlib") is None:
        raise ExtraMissing("matplotlib", "plot")


def svg(draw: Callable[[Figure], None], height_in: float, name: str, description: str) -> str:
    """Return a figure as an ``svg`` element: no prologue, no metadata, no addresses.

    Parameters
    ----------
    draw : puts axes and lines into the figure
    height_in : inches
    name : unique on the page; identifiers inside the figure start with it
    description : for those who cannot see it

    Raises
    ------
    ExtraMissing
        When matplotlib is not installed.
    """
    require_matplotlib()
    import matplotlib
    from matplotlib.figure import Figure

    out = io.StringIO()
    # The salt makes identifiers the same in each run.
    with matplotlib.rc_context(settings(name)):
        figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
        draw(figure)
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return page_element(out.getvalue(), name, description)


def panels(figure: Figure, count: int, columns: int, **shared: Any) -> list[Axes]:
    """Return ``count`` axes in rows of ``columns``; what is left of the last row stays empty."""
    rows = -(-count // columns)
    grid = figure.subplots(rows, columns, squeeze=False, **shared)
    every = [axes for row in grid for axes in row]
    for axes in every[count:]:
        axes.set_axis_off()
    return every[:count]


def heading(sample: str) -> str:
    """Return whose work a figure is and on which jets, as figures of the field say it."""
    return rf"$\mathbf{{Inferon}}$  $\it{{{_math(sample)}}}$"


def banner(axes: Axes, sample: str) -> None:
    """Write the heading above axes."""
    axes.set_title(heading(sample), loc="left", fontsize=9.5, pad=4)


def grid(axes: Axes) -> None:
    """Draw a quiet grid behind the data."""
    axes.grid(which="major", color="#e3e3e3", linewidth=0.5)
    axes.set_axisbelow(True)


def plain(text: str) -> str:
    """Return a text in which matplotlib sees no formula."""
    return text.replace("$", r"\$")


def plain_ticks(axes: Axes, places: Sequence[float]) -> None:
    """Label the horizontal axis at these places, as they are written."""
    axes.set_xticks(list(places), [f"{each:g}" for each in places])
    axes.tick_params(axis="x", which="minor", bottom=False, top=False)


def _math(text: str) -> str:
    """Return a text for math mode: there a space is nothing and some characters mean more."""
    escaped = re.sub(r"([\\{}$&#%_^~])", "", text)
    return escaped.replace(" ", r"\ ")


def settings(salt: str) -> dict[Any, Any]:
    """Return matplotlib's settings for a figure of a printed page."""
    return {
        "font.family": "STIXGeneral",
        "mathtext.fontset": "stix",
        "font.size": 10,
        "axes.labelsize": 10.5,
        "axes.titlesize": 10.5,
        "legend.fontsize": 9,
        "xtick.labelsize": 9,
        "ytick.labelsize": 9,
        "axes.linewidth": 0.8,
        "xtick.direction": "in",
        "ytick.direction": "in",
        "xtick.top": True,
        "ytick.right": True,
        "xtick.minor.visible": True,
        "ytick.minor.visible": True,
        "xtick.major.size": 5,
        "ytick.major.size": 5,
        "xtick.minor.size": 2.5,
        "ytick.minor.size": 2.5,
        "lines.linewidth": 1.2,
        "legend.frameon": False,
        "legend.handlelength": 1.8,
        "svg.fonttype": "path",
        "svg.hashsalt": salt,
    }
