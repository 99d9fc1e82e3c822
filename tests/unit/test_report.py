"""The demonstration and its report, whole: as a table, as JSON, in a browser (40 s)."""

from __future__ import annotations

import html.parser
import json
import re
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from markupsafe import Markup

from inferon.errors import DataError
from inferon.physics.event_split import split_by_event
from inferon.physics.metrics import auc
from inferon.physics.sample import Jets, shipped_jets
from inferon.report.page import render, write_report
from inferon.report.shipped_taggers import shipped_taggers
from inferon.report.study import Study, study
from inferon.targets.toolchain import Compiler
from tests.absent import needs_package, needs_tool, require_tool
from tests.unit.command_line import CommandLine

CHROMIUM = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

pytestmark = [needs_tool("g++"), needs_package("onnxruntime", "matplotlib")]


@dataclass(frozen=True)
class Ran:
    """One study with what it wrote and said."""

    study: Study
    folder: Path
    page: str
    steps: list[str]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("demo")
    steps: list[str] = []
    found = study(folder, Compiler(), steps.append)
    page, _ = write_report(found, folder)
    return Ran(found, folder, page.read_text(), steps)


# ------------------------------------------------------------------------------------------- study


def test_the_study_proves_compares_and_measures_both_taggers(ran: Ran) -> None:
    assert [each.tagger.name for each in ran.study.taggers] == ["jets_mlp", "jets_deepsets"]
    for evidence in ran.study.taggers:
        assert evidence.bits.events >= 100
        assert evidence.peer.events >= 1000
        assert 0.0 < evidence.peer.worst_peer <= 1.0
        assert evidence.benchmark.timings[0].events == 1
        assert evidence.benchmark.timings[0].peer is not None
        assert [found.name for found in evidence.classes] == ["q", "g", "W", "Z", "t"]


def test_accuracy_and_areas_are_those_of_the_training_log(ran: Ran) -> None:
    """The log has torch's scores of the same jets; a jet or two may lie on the edge."""
    for evidence in ran.study.taggers:
        log = json.loads(evidence.tagger.path.with_suffix(".json").read_text())["test"]
        assert ran.study.test_jets == log["jets"]
        assert abs(evidence.accuracy.value - log["accuracy"]["value"]) <= 2 / log["jets"]
        for found in evidence.classes:
            logged = log["classes"][found.name]["auc"]["value"]
            assert abs(found.auc.value - logged) <= 2 / log["jets"]


def test_a_drawn_curve_encloses_the_area_that_is_printed(ran: Ran) -> None:
    """The trapezoids of 400 points, against the rank statistic of all jets."""
    for evidence in ran.study.taggers:
        for found in evidence.classes:
            signal, background = found.curve.signal_efficiency, found.curve.background_efficiency
            assert signal[0] == 0.0
            assert (signal[-1], background[-1]) == (1.0, 1.0)
            area = 1.0 - float(np.trapezoid(background, signal))
            assert abs(area - found.auc.value) < 1 / 400


def test_test_jets_are_those_that_training_did_not_see() -> None:
    jets = shipped_jets()
    for tagger in shipped_taggers():
        test = tagger.test_jets(jets)
        split = split_by_event(jets.event_id, train=0.7, validation=0.1, seed=0)
        assert not set(test.event_id) & set(jets.select(split.train | split.validation).event_id)


def test_jets_of_another_sample_have_no_test_part() -> None:
    jets = shipped_jets()
    other: Jets = replace(jets, card=replace(jets.card, content_sha256="0" * 64))
    with pytest.raises(DataError, match="another sample"):
        shipped_taggers()[0].test_jets(other)


def test_every_step_is_announced(ran: Ran) -> None:
    said = " ".join(ran.steps)
    assert all(word in said for word in ("compiling", "interpreter", "bound", "measuring"))


def test_the_folder_holds_the_page_the_numbers_and_the_code(ran: Ran) -> None:
    names = sorted(path.name for path in ran.folder.iterdir())
    assert names == ["jets_deepsets_cpp", "jets_mlp_cpp", "report.html", "report.json"]
    assert (ran.folder / "jets_mlp_cpp" / "jets_mlp.hpp").exists()
    numbers = json.loads((ran.folder / "report.json").read_text())
    found = ran.study.taggers[0]
    stored = numbers["taggers"]["jets_mlp"]
    assert stored["bits"] == {"events": found.bits.events, "elements": found.bits.elements}
    assert stored["classes"]["t"]["auc"]["value"] == found.classes[-1].auc.value


# -------------------------------------------------------------------------------------------- page


@dataclass
class Outline(html.parser.HTMLParser):
    """What a page holds: elements, text, identifiers, and everything that it would load."""

    tags: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    text: str = ""

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href", "xlink:href", "action", "data", "srcset", "poster"):
                self.links.append(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def outline(ran: Ran) -> Outline:
    parser = Outline()
    parser.feed(ran.page)
    parser.close()
    return parser


def test_the_page_loads_nothing(ran: Ran, outline: Outline) -> None:
    assert "http:" not in ran.page
    assert "https:" not in ran.page
    assert "@import" not in ran.page
    assert not {"script", "link", "iframe", "object", "embed"} & set(outline.tags)
    assert all(link.startswith("#") for link in outline.links)
    assert all(place.startswith("#") for place in re.findall(r"url\(['\"]?([^)'\"]*)", ran.page))


def test_figures_share_no_identifier_and_point_nowhere_else(ran: Ran, outline: Outline) -> None:
    assert len(set(outline.ids)) == len(outline.ids)
    used = {link[1:] for link in outline.links} | set(re.findall(r"url\(#([^)]*)\)", ran.page))
    assert used <= set(outline.ids)


def test_the_page_holds_figures_tables_and_the_numbers(ran: Ran, outline: Outline) -> None:
    assert outline.tags.count("svg") == 3
    assert outline.tags.count("table") == 6
    for evidence in ran.study.taggers:
        timing = evidence.benchmark.timings[0]
        for number in (
            f"{timing.ours_ns_per_event:,.0f}",
            f"{timing.peer_ns_per_event:,.0f}",
            f"{evidence.accuracy.value:.3f}",
            f"{evidence.cost.macs:,}",
            f"{evidence.classes[-1].auc.value:.3f} ± {evidence.classes[-1].auc.error:.3f}",
            str(evidence.graph),
        ):
            assert number in outline.text
    assert ran.study.card.content_sha256 in outline.text


def test_text_is_escaped(ran: Ran) -> None:
    first, second = ran.study.taggers
    hostile = replace(first, tagger=replace(first.tagger, title="<script>alert(1)</script>"))
    page = render(replace(ran.study, taggers=(hostile, second)))
    assert "<script>" not in page
    assert str(Markup.escape("<script>alert(1)</script>")) in page


def test_the_same_study_gives_the_same_page(ran: Ran) -> None:
    assert render(ran.study) == ran.page


def browse(page: Path, profile: Path) -> subprocess.CompletedProcess[str]:
    """Open a page; what it holds in the end is on stdout, what it logs on stderr."""
    return subprocess.run(
        [
            *(require_tool("chromium"), *CHROMIUM, f"--user-data-dir={profile}"),
            *("--enable-logging=stderr", "--log-level=0", "--dump-dom", page.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_browser_shows_the_page_and_logs_no_error(ran: Ran, tmp_path: Path) -> None:
    done = browse(ran.folder / "report.html", tmp_path / "profile")
    assert done.returncode == 0
    assert "CONSOLE" not in done.stderr
    shown = Outline()
    shown.feed(done.stdout)
    shown.close()
    assert shown.tags.count("svg") == 3
    assert "path" in shown.tags
    assert str(ran.study.taggers[0].graph) in shown.text


def test_an_error_on_a_page_would_be_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<!doctype html><title>x</title><script>nowhere()</script>")
    assert "CONSOLE" in browse(page, tmp_path / "profile").stderr


# --------------------------------------------------------------------------------- command line


def test_the_demo_ends_with_a_table_and_the_path(
    ran: Ran, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The verb around the study that this module has run already."""
    monkeypatch.setattr("inferon.cli.demo.study", lambda *arguments: ran.study)
    run = CommandLine(capsys)
    done = run("demo", "-o", tmp_path)
    assert done.code == 0, done.err
    assert str(tmp_path / "report.html") in done.out
    assert [line.split()[0] for line in done.out.splitlines()[1:3]] == ["MLP", "Deep"]
    as_json = run("demo", "-o", tmp_path, "--json")
    assert as_json.document["report"] == str(tmp_path / "report.html")
    assert set(as_json.document["study"]["taggers"]) == {"jets_mlp", "jets_deepsets"}
    assert (tmp_path / "report.html").read_text() == ran.page


def test_the_demo_without_a_compiler_is_one_error(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    done = CommandLine(capsys)("demo", "-o", tmp_path / "demo", "--compiler", "no-such-compiler")
    assert (done.code, done.out) == (4, "")
    assert done.err.splitlines()[-1].startswith("error: no-such-compiler is not installed")
    assert not list(tmp_path.rglob("*.hpp"))


def test_scores_of_the_page_come_from_the_cpp(ran: Ran) -> None:
    """The areas once more, from scores that the interpreter gives for a part of the jets."""
    from inferon.interpret import interpret

    evidence = ran.study.taggers[0]
    test = evidence.tagger.test_jets(shipped_jets())
    inputs = test.leading(evidence.tagger.constituents)
    (scores,) = interpret(evidence.graph, inputs)
    for index, found in enumerate(evidence.classes):
        assert found.auc == auc(scores[:, index], test.label == index)
