"""The picture of a model: its layers as boxes and the values between them as lines, in pixels.

This file decides places and words; the template ``model.html.jinja`` writes them as SVG.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inferon.report.layer_graph import Box, LayerGraph
from inferon.report.layered_layout import layered_layout

LETTER_PX, LINE_PX = 6.7, 15.0
"""Width and height of the text: 11 px in a monospaced face, which is 0.6 em wide."""

PADDING_PX, GAP_PX, ROW_GAP_PX, MARGIN_PX = 10.0, 24.0, 30.0, 12.0

MOST_LETTERS = 44
"""Letters of one line in a box: a name has at most 64, and its end tells most."""

_PREFIXES = (("G", 1e9), ("M", 1e6), ("k", 1e3))


@dataclass(frozen=True, slots=True)
class DrawnBox:
    """A box in pixels, with its lines of text; ``share`` is its time or work, 1 for the most."""

    left: float
    top: float
    width: float
    height: float
    title: str
    lines: tuple[str, ...]
    full_title: str
    share: float
    is_port: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture in pixels; each line is the text of an SVG path."""

    width: float
    height: float
    boxes: tuple[DrawnBox, ...]
    lines: tuple[str, ...]


def drawing(layers: LayerGraph) -> Drawing:
    """Return the picture of a model's layers."""
    texts = [_texts(box) for box in layers.boxes]
    widths = [
        2 * PADDING_PX + LETTER_PX * max(len(_short(box.title)), *map(len, lines), 8)
        for box, lines in zip(layers.boxes, texts, strict=True)
    ]
    layout = layered_layout(widths, layers.edges, GAP_PX)
    lefts = [c - w / 2 for c, w in zip(layout.centers, widths, strict=True)]
    shift = MARGIN_PX - min([*lefts, *(x for path in layout.paths for _, x in path)], default=0.0)
    heights = [2 * PADDING_PX + LINE_PX * (1 + len(lines)) for lines in texts]
    spans, height = _row_spans(layout.rows, heights)
    shares = _shares(layers.boxes)
    boxes = tuple(
        DrawnBox(
            lefts[i] + shift,
            spans[layout.rows[i]][0],
            widths[i],
            heights[i],
            _short(box.title),
            texts[i],
            box.title,
            shares[i],
            not box.operators,
        )
        for i, box in enumerate(layers.boxes)
    )
    ends = [boxes[source].top + boxes[source].height for source, _ in layers.edges]
    lines = tuple(
        _path([(x + shift, *spans[row]) for row, x in path], end)
        for path, end in zip(layout.paths, ends, strict=True)
    )
    ways = [x + shift for path in layout.paths for _, x in path]
    width = max([*ways, *(box.left + box.width for box in boxes)], default=0.0) + MARGIN_PX
    return Drawing(width, height, boxes, lines)


def _row_spans(
    rows: Sequence[int], heights: Sequence[float]
) -> tuple[list[tuple[float, float]], float]:
    """Return the top and the foot of each row, and where the picture ends."""
    tallest = [0.0] * (max(rows, default=-1) + 1)
    for row, height in zip(rows, heights, strict=True):
        tallest[row] = max(tallest[row], height)
    spans, top = [], MARGIN_PX
    for height in tallest:
        spans.append((top, top + height))
        top += height + ROW_GAP_PX
    return spans, top - ROW_GAP_PX + MARGIN_PX


def _path(points: Sequence[tuple[float, float, float]], end: float) -> str:
    """Return a smooth line from the foot of a box to the top of another, straight past rows.

    Each point is the place across, with the top and the foot of its row.
    """
    x, y = points[0][0], end
    text = f"M{x:.1f} {y:.1f}"
    for place, top, foot in points[1:]:
        middle = (y + top) / 2
        text += f"C{x:.1f} {middle:.1f} {place:.1f} {middle:.1f} {place:.1f} {top:.1f}"
        x, y = place, top
        if (place, top, foot) != points[-1]:
            text += f"V{foot:.1f}"
            y = foot
    return text


def _texts(box: Box) -> tuple[str, ...]:
    """Return the lines below the title."""
    lines = [box.summary, " ".join(box.types)]
    work = []
    if box.macs:
        work.append(f"{amount(box.macs)} MAC")
    if box.parameters:
        work.append(f"{amount(box.parameters)} par")
    if box.time_ns is not None:
        work.append(duration(box.time_ns))
    return tuple(_short(line) for line in (*lines, " · ".join(work)) if line)


def _short(text: str) -> str:
    return text if len(text) <= MOST_LETTERS else "…" + text[1 - MOST_LETTERS :]


def _shares(boxes: Sequence[Box]) -> list[float]:
    """Return each box's time, or its multiply-adds where no time was measured, over the most."""
    timed = any(box.time_ns is not None for box in boxes)
    amounts = [float(box.time_ns or 0.0) if timed else float(box.macs) for box in boxes]
    most = max(amounts, default=0.0)
    return [each / most if most else 0.0 for each in amounts]


def amount(number: int) -> str:
    """Return 1.25 M for 1,250,000."""
    for prefix, size in _PREFIXES:
        if number >= size:
            return f"{number / size:.3g} {prefix}"
    return str(number)


def duration(time_ns: float) -> str:
    """Return a time with three digits at most: 8.25 ns, 12.1 µs, 3.4 ms."""
    for unit, size in (("ms", 1e6), ("µs", 1e3)):
        if time_ns >= size:
            return f"{time_ns / size:.3g} {unit}"
    return f"{time_ns:.3g} ns"
