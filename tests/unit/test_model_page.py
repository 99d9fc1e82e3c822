"""The page of a model: its layers, their places in the picture, and the words in the boxes."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferon.analysis.cost import cost
from inferon.analysis.samples import Samples
from inferon.ir.graph import Graph
from inferon.ir.node import Node
from inferon.ir.types import FLOAT32
from inferon.load import load
from inferon.measure.layers import layer_times_ns
from inferon.ops import build as b
from inferon.report.drawing import amount, drawing, duration
from inferon.report.layer_graph import layer_graph
from inferon.report.layered_layout import layered_layout
from inferon.report.model_page import render_model, write_model_page
from inferon.targets.cpp import Cpp
from tests.absent import require_tool

MODELS = Path(__file__).resolve().parents[2] / "src" / "inferon" / "data" / "models"
GAP = 5.0


@pytest.fixture(scope="module")
def deep_sets() -> Graph:
    return load(MODELS / "jets_deepsets.onnx")


def _named(node: Node, origin: str) -> Node:
    return Node(node.op, node.inputs, origin)


def test_layers_carry_the_whole_cost_and_stand_in_order(deep_sets: Graph) -> None:
    layers = layer_graph(deep_sets)
    spent = cost(deep_sets)
    assert sum(box.macs for box in layers.boxes) == spent.macs > 0
    # what only constants of no layer hold is in no box
    assert sum(box.parameters for box in layers.boxes) <= spent.parameters
    assert all(source < target for source, target in layers.edges)
    titles = [box.title for box in layers.boxes]
    assert titles[0].endswith("(input)")
    assert titles[-1].endswith("(output)")


def test_layers_that_need_each_other_are_drawn_all_the_same() -> None:
    x = b.input_("x", (3,), FLOAT32)
    first = _named(b.neg(x), "twice")
    between = _named(b.absolute(first), "between")
    last = _named(b.neg(between), "twice")
    layers = layer_graph(Graph("knot", (x,), (last,), ("y",)))
    assert [box.title for box in layers.boxes] == ["x (input)", "twice", "between", "y (output)"]
    assert set(layers.edges) == {(0, 1), (1, 2), (2, 1), (1, 3)}
    assert len(drawing(layers).lines) == 4


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[float], list[tuple[int, int]]]:
    widths = draw(st.lists(st.floats(1.0, 50.0), min_size=1, max_size=14))
    pairs = list(combinations(range(len(widths)), 2))
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    return widths, edges


@given(graphs())
def test_boxes_of_a_row_do_not_touch_and_edges_end_at_their_boxes(
    drawn: tuple[list[float], list[tuple[int, int]]],
) -> None:
    widths, edges = drawn
    layout = layered_layout(widths, edges, GAP)
    for left, right in combinations(range(len(widths)), 2):
        if layout.rows[left] == layout.rows[right]:
            apart = abs(layout.centers[left] - layout.centers[right])
            assert apart >= (widths[left] + widths[right]) / 2 + GAP - 1e-6
    for (source, target), path in zip(edges, layout.paths, strict=True):
        assert layout.rows[source] < layout.rows[target]
        assert path[0] == (layout.rows[source], layout.centers[source])
        assert path[-1] == (layout.rows[target], layout.centers[target])
        assert [row for row, _ in path] == list(
            range(layout.rows[source], layout.rows[target] + 1)
        )


def test_the_page_stands_alone_and_its_picture_is_well_formed(deep_sets: Graph) -> None:
    page = render_model(deep_sets)
    picture = ElementTree.fromstring(page[page.index("<svg") : page.index("</svg>") + 6])
    shown = {"".join(each.itertext()) for each in picture.iter() if each.tag.endswith("text")}
    for box in layer_graph(deep_sets).boxes:
        assert any(text.endswith(box.title[-20:]) for text in shown)
        assert not box.macs or any(f"{amount(box.macs)} MAC" in text for text in shown)
    assert "http" not in page.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert " ns" not in page


def test_every_layer_that_is_computed_has_a_time(deep_sets: Graph, tmp_path: Path) -> None:
    require_tool("g++")
    library = Cpp().build(deep_sets).library
    times = layer_times_ns(library, Samples(1, 0).draw(deep_sets))
    assert set(times) == set(library.step_layers)
    assert all(time_ns > 0 for time_ns in times.values())
    write_model_page(deep_sets, tmp_path / "page.html", times)
    page = (tmp_path / "page.html").read_text()
    for layer, time_ns in times.items():
        assert not layer or duration(time_ns) in page


def test_numbers_are_short() -> None:
    assert [amount(n) for n in (7, 1_250, 3_400_000)] == ["7", "1.25 k", "3.4 M"]
    assert [duration(t) for t in (8.25, 12_100.0, 3.4e6)] == ["8.25 ns", "12.1 µs", "3.4 ms"]
