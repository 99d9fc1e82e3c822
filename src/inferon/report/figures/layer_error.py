"""Rounding errors and quantization errors, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from inferon.report.layer_errors import LayerError, QuantizerError
from inferon.report.style import BLUE, GRAY, ORANGE, SKY, VERMILION, plain, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

UNIT_ROUNDOFF = 2.0**-24
"""The largest relative error of one rounding to float32."""

LEAST_SHOWN = 1e-10
"""Errors below are those of a few elements among many that have none."""

MOST_LABELS = 26
"""Names below the axis that can be read side by side."""

NAME_LETTERS = 26


def layer_error_figure(name: str, title: str, errors: Sequence[LayerError]) -> str:
    """Draw the relative error of each layer's result."""
    shown = [each for each in errors if each.largest > 0.0]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        place = np.arange(len(shown))
        least = min((each.median for each in shown if each.median > 0), default=UNIT_ROUNDOFF)
        low = max(0.3 * least, LEAST_SHOWN)
        medians = [max(each.median, low) for each in shown]
        colors = [BLUE if each.is_product else SKY for each in shown]
        axes.bar(place, medians, width=0.8, color=colors, bottom=0.0)
        axes.plot(place, [each.largest for each in shown], "v", color=VERMILION, markersize=3)
        axes.axhline(UNIT_ROUNDOFF, color=GRAY, linewidth=0.8, linestyle=(0, (4, 2)))
        high = 12 * max(each.largest for each in shown)  # room for the legend
        axes.set(yscale="log", ylim=(low, high), xlim=(-0.7, len(shown) - 0.3))
        axes.set_ylabel("relative error of a jet")
        axes.set_title(plain(title), loc="left")
        _name(axes, [each.layer for each in shown], [each.is_product for each in shown])
        _legend(axes)

    return svg(draw, 3.0, name, f"Rounding error of {title}, layer by layer") if shown else ""


def quantizer_error_figure(name: str, title: str, errors: Sequence[QuantizerError]) -> str:
    """Draw what each quantizer takes away."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        place = np.arange(len(errors))
        axes.bar(place, [100 * each.relative for each in errors], width=0.7, color=BLUE)
        for index, each in enumerate(errors):
            top = 100 * each.relative
            axes.text(
                index, top, f"{each.type.width} bits", ha="center", va="bottom", fontsize=8.5
            )
        axes.plot(
            place,
            [100 * each.saturated for each in errors],
            "v",
            color=ORANGE,
            markersize=5,
        )
        axes.margins(y=0.15)
        axes.set(xlim=(-0.7, len(errors) - 0.3), ylabel="lost [%]")
        axes.set_ylim(bottom=0)
        axes.set_title(plain(title), loc="left")
        axes.set_title("root mean square, and values cut off (triangles)", loc="right", fontsize=9)
        _name(axes, [each.layer for each in errors], [True] * len(errors))

    return svg(draw, 2.8, name, f"Quantization error of {title}, layer by layer")


def _name(axes: Axes, layers: Sequence[str], important: Sequence[bool]) -> None:
    """Write layers' names below the axis: the important ones, as many as can be read."""
    chosen = [index for index, wanted in enumerate(important) if wanted]
    if len(layers) <= MOST_LABELS:
        chosen = list(range(len(layers)))
    chosen = _apart(chosen, len(layers) / MOST_LABELS)
    names = [_short(layers[index]) for index in chosen]
    axes.set_xticks(chosen, names, rotation=60, ha="right", rotation_mode="anchor", fontsize=7.5)
    axes.tick_params(axis="x", which="minor", bottom=False, top=False)
    axes.tick_params(axis="x", which="major", top=False, length=3, direction="out")


def _apart(places: Sequence[int], distance: float) -> list[int]:
    """Return the places that are so far from the one before."""
    kept: list[int] = []
    for place in places:
        if not kept or place - kept[-1] >= distance:
            kept.append(place)
    return kept


def _short(name: str) -> str:
    return plain(name if len(name) <= NAME_LETTERS else "…" + name[1 - NAME_LETTERS :])


def _legend(axes: Axes) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles = [
        Patch(color=BLUE, label="matrix product (median)"),
        Patch(color=SKY, label="other layer (median)"),
        Line2D([], [], color=VERMILION, marker="v", linestyle="", markersize=4, label="largest"),
        Line2D([], [], color=GRAY, linestyle=(0, (4, 2)), label="one rounding, $2^{-24}$"),
    ]
    axes.legend(handles=handles, loc="upper left", ncols=4, borderaxespad=0.3)
