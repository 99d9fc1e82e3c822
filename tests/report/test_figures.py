"""Pictures of a page: what they promise to whoever puts them side by side."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from inferon.report.classification import CURVE_GRID, Curve, ScoreHistogram
from inferon.report.figures.event_display import event_figure
from inferon.report.figures.roc import LEAST_JETS, Line, rejections, roc_figure
from inferon.report.figures.scores import score_figure
from inferon.report.gallery import ShownJet, kinds
from inferon.report.style import OURS_LOOK, PEER_LOOK, run_look
from inferon.report.svg_text import standing_alone
from tests.absent import needs_package

pytestmark = needs_package("matplotlib")


def curve(power: float, jets: int = 1000) -> Curve:
    return Curve(CURVE_GRID**power, jets)


def test_a_single_curve_has_binomial_errors_and_ends_where_jets_are_few() -> None:
    low, middle, high = rejections([curve(2.0, 100)])
    # 100 background jets: fewer than 5 pass below an efficiency of sqrt(0.05) = 0.2236.
    assert LEAST_JETS == 5
    assert np.isnan(middle[CURVE_GRID < 0.223]).all()
    at = np.flatnonzero(CURVE_GRID == 0.5)[0]
    # A quarter of 100 jets passes: 0.25 +- sqrt(0.25 * 0.75 / 100) = 0.25 +- 0.0433.
    assert middle[at] == 4.0
    assert low[at] == pytest.approx(1 / 0.2933, rel=1e-4)
    assert high[at] == pytest.approx(1 / 0.2067, rel=1e-4)


def test_several_seeds_are_their_mean_and_their_range() -> None:
    low, middle, high = rejections([curve(1.0), curve(2.0), curve(3.0)])
    at = np.flatnonzero(CURVE_GRID == 0.5)[0]
    assert (low[at], high[at]) == (2.0, 8.0)
    assert middle[at] == pytest.approx(1 / np.mean([0.5, 0.25, 0.125]))


def test_a_figure_stands_alone_and_is_the_same_every_time() -> None:
    lines = [Line("first $x", [[curve(2.0)]], PEER_LOOK), Line("second", [[curve(3)]], OURS_LOOK)]
    drawn = [roc_figure("roc", ["a_b"], lines, "100 % <real> {jets}") for _ in range(2)]
    assert drawn[0] == drawn[1]
    tree = ElementTree.fromstring(standing_alone(drawn[0]))
    ids = [each.attrib["id"] for each in tree.iter() if "id" in each.attrib]
    assert len(set(ids)) == len(ids)
    assert all(each.startswith("roc-") for each in ids)
    assert set(re.findall(r"(?:url\(|\")#([^)\"]*)", drawn[0])) <= set(ids)


def test_a_label_with_an_empty_line_leaves_no_open_group() -> None:
    """Three classes fill a row: the legend gets a line below the last labels."""
    lines = [Line("first", [[curve(2.0)]] * 3, OURS_LOOK)]
    ElementTree.fromstring(standing_alone(roc_figure("roc", ["a", "b", "c"], lines, "jets")))


def test_a_class_that_a_model_lacks_has_no_line() -> None:
    both = [Line("first", [[curve(2.0)], None], run_look(0))]
    one = [Line("first", [[curve(2.0)]], run_look(0))]
    color = run_look(0).color.lower()
    strokes = [roc_figure("roc", names, lines, "x").count(f"stroke: {color}") for names, lines in
               ((["a", "b"], both), (["a"], one))]  # fmt: skip
    assert strokes[0] == strokes[1]


def test_scores_are_drawn_for_any_number_of_classes() -> None:
    names = [f"class {i}" for i in range(10)]
    edges = np.linspace(0, 1, 5)
    fractions = np.full((10, 4), 0.25)
    found = [ScoreHistogram(f"P({name})", edges, fractions) for name in names[:4]]
    assert score_figure("scores", names, found, "ten & more", 3).count("<svg") == 1


def shown(kind: np.ndarray | None) -> ShownJet:
    offset = np.array([[0.0, 0.1], [0.2, -0.3]])
    return ShownJet("t", "P(t)", 0.5, 1000.0, 172.0, offset, np.array([0.6, 0.15]), kind)


def test_the_area_of_a_disk_is_its_part_of_the_momentum() -> None:
    drawn = event_figure([[shown(None)]], 0.8, "jets")
    radii = [float(r) for r in re.findall(r'<circle [^>]*r="([\d.]+)"', drawn)]
    large, small = radii
    # 0.6 to 0.15 of the momentum: areas of 4 to 1, radii of 2 to 1, to the two digits of a path.
    assert large / small == pytest.approx(2.0, rel=0.01)


def test_kinds_of_constituents() -> None:
    codes = np.array([211, -321, 2212, 130, -2112, 22, 11, -13, 3122])
    assert kinds(codes.astype(np.int32)).tolist() == [0, 0, 0, 1, 1, 2, 3, 3, 1]
    assert "photon" not in event_figure([[shown(None)]], 0.8, "jets")
