"""The report of three small runs, whole: as a page, as JSON, in a browser."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from markupsafe import Markup

from inferon.errors import DataError
from inferon.interpret import interpret
from inferon.physics.event_split import split_by_event
from inferon.physics.metrics import auc
from inferon.report.model_inputs import model_inputs
from inferon.report.page import record, render, write_page
from inferon.report.run_sample import RunSample, sample_of
from inferon.report.runs import find_runs
from inferon.report.study import Study, study
from inferon.targets.toolchain import Compiler
from tests.absent import needs_package, needs_tool
from tests.report.browser import Outline, browse
from tests.report.toy_runs import CLASS_NAMES, train_runs, write_sample
from tests.unit.command_line import CommandLine

pytestmark = [
    needs_tool("g++"),
    needs_package("onnxruntime", "matplotlib", "torch", "pydantic", "h5py"),
]

FIGURES = 12
"""ROC, anomaly ROC, two of scores, calibration, two of layers' errors, latency, throughput, loss,
accuracy, events; no trade-off, which needs two models with an accuracy."""


@dataclass(frozen=True)
class Ran:
    """Runs, their study, the page, and what was said."""

    runs: Path
    sample: Path
    study: Study
    page: Path
    steps: list[str]

    @property
    def text(self) -> str:
        return self.page.read_text()


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("report")
    sample = folder / "jets.h5"
    write_sample(sample, 1500)
    runs = train_runs(folder, sample, {"small-mlp": (1, 2), "copy": (1,)})
    steps: list[str] = []
    found = find_runs(runs)
    result = study(found, sample_of(found), Compiler(), steps.append)
    write_page(result, folder / "report.html")
    return Ran(runs, sample, result, folder / "report.html", steps)


@pytest.fixture(scope="module")
def outline(ran: Ran) -> Outline:
    return Outline.of(ran.text)


# ------------------------------------------------------------------------------------------- study


def test_runs_of_one_model_are_a_group_of_seeds(ran: Ran) -> None:
    assert [(group.title, len(group.runs)) for group in ran.study.groups] == [
        ("Copy", 1),
        ("Small <MLP>", 2),
    ]


def test_every_run_is_proven_compared_and_measured(ran: Ran) -> None:
    for run in ran.study.runs:
        assert run.bits.events >= 16
        assert 0.0 < run.peer.worst_peer <= 1.0
        assert run.benchmark.timings[0].peer is not None
        assert run.layer_errors
    for word in ("compiling", "interpreter", "bound", "measuring"):
        assert sum(word in step for step in ran.steps) == len(ran.study.runs)


def test_numbers_are_those_of_the_record_which_torch_scored(ran: Ran) -> None:
    """The same jets, other rounding: a jet or two may lie on the edge of a threshold."""
    for run in ran.study.runs:
        told = json.loads((ran.runs / run.run.name / "run.json").read_text())["test"]["matched"]
        assert told["jets"] == run.test_jets
        if run.result.accuracy is not None:
            difference = run.result.accuracy.value - told["accuracy"]["value"]
            assert abs(difference) <= 2 / run.test_jets
        for found in run.result.classes:
            logged = told["classes"][found.name]
            area = logged["auc"]["value"] if "auc" in logged else logged["value"]
            assert abs(found.auc.value - area) <= 2 / run.test_jets


def test_test_jets_are_clean_and_were_in_no_training(ran: Ran) -> None:
    sample = ran.study.sample
    for run in ran.study.runs:
        test = sample.test_jets(run.run)
        assert test.is_clean.all()
        assert len(test) == run.test_jets
        split = split_by_event(
            sample.jets.event_id, train=0.7, validation=0.1, seed=run.run.split_seed
        )
        seen = sample.jets.select(split.train | split.validation)
        assert not set(test.event_id) & set(seen.event_id)
    first, second = (sample.test_jets(run.run) for run in ran.study.groups[1].runs)
    assert set(first.event_id) != set(second.event_id)  # a seed has its own split


def test_an_anomaly_score_is_judged_against_its_background(ran: Ran) -> None:
    run = ran.study.groups[0].first
    assert run.run.background == ("q", "g")
    assert [found.name for found in run.result.classes] == ["W"]
    test = ran.study.sample.test_jets(run.run)
    (scores,) = interpret(run.graph, model_inputs(run.graph, test))
    assert run.result.classes[0].auc == auc(scores[:, 0], test.label == 2)


def test_jets_of_another_sample_are_refused(ran: Ran) -> None:
    sample = ran.study.sample
    with pytest.raises(DataError, match=r"another sample .* --data"):
        RunSample(sample.jets, "0" * 64).test_jets(ran.study.runs[0].run)


# -------------------------------------------------------------------------------------------- page


def test_the_page_loads_nothing(ran: Ran, outline: Outline) -> None:
    for word in ("http:", "https:", "@import", "data:"):
        assert word not in ran.text
    assert not {"script", "link", "iframe", "object", "embed", "img"} & set(outline.tags)
    assert all(link.startswith("#") for link in outline.links)
    assert all(place.startswith("#") for place in re.findall(r"url\(['\"]?([^)'\"]*)", ran.text))


def test_figures_share_no_identifier_and_every_link_ends(ran: Ran, outline: Outline) -> None:
    assert len(set(outline.ids)) == len(outline.ids)
    used = {link[1:] for link in outline.links} | set(re.findall(r"url\(#([^)]*)\)", ran.text))
    assert used <= set(outline.ids)


def test_the_page_holds_its_figures_and_numbers_and_is_small(ran: Ran, outline: Outline) -> None:
    assert outline.tags.count("svg") == FIGURES
    labels = re.findall(r"<b>(Figure|Table) (\d+)\.</b>", ran.text)
    for kind in ("Figure", "Table"):
        numbers = [int(number) for each, number in labels if each == kind]
        assert numbers == list(range(1, len(numbers) + 1))
    assert len(ran.text) < 3_000_000
    for run in ran.study.runs:
        assert str(run.graph) in outline.text or run is ran.study.groups[1].runs[1]
        timing = run.benchmark.timings[0]
        shown = f"{timing.ours_ns_per_event:,.0f}"
        assert shown in outline.text or run is ran.study.groups[1].runs[1]
    mean = ran.study.groups[1].over_seeds(lambda run: run.result.accuracy)
    assert mean is not None
    assert f"{mean.value:.4f} ± {mean.error:.4f}" in outline.text
    assert ran.study.sample.sha256 in outline.text


def test_a_title_is_text_and_no_markup(ran: Ran) -> None:
    assert "<MLP>" not in ran.text
    assert str(Markup.escape("Small <MLP>")) in ran.text


def test_a_browser_shows_the_page_and_logs_no_error(ran: Ran, tmp_path: Path) -> None:
    done = browse(ran.page, tmp_path / "profile")
    assert done.returncode == 0
    assert "CONSOLE" not in done.stderr
    shown = Outline.of(done.stdout)
    assert shown.tags.count("svg") == FIGURES
    assert "path" in shown.tags
    assert ran.study.sample.sha256 in shown.text


def test_an_error_on_a_page_would_be_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<!doctype html><title>x</title><script>nowhere()</script>")
    assert "CONSOLE" in browse(page, tmp_path / "profile").stderr


def test_one_run_alone_is_compared_with_onnx_runtime(ran: Ran) -> None:
    only = replace(ran.study.groups[1], runs=ran.study.groups[1].runs[:1])
    text = Outline.of(render(replace(ran.study, groups=(only,)))).text
    assert "The gray line is ONNX Runtime" in text
    assert "over seeds" not in text
    found = only.first.result.classes[0].auc
    assert f"{found.value:.3f} ± {found.error:.3f}" in text


def test_the_numbers_are_json(ran: Ran) -> None:
    document = json.loads(json.dumps(record(ran.study), allow_nan=False))
    assert set(document["runs"]) == {run.run.name for run in ran.study.runs}
    stored = document["runs"]["small-mlp-seed1"]
    run = ran.study.groups[1].first
    assert stored["bits"] == {"events": run.bits.events, "elements": run.bits.elements}
    assert stored["classes"]["W"]["auc"]["value"] == run.result.classes[2].auc.value


# ------------------------------------------------------------------------------------ command line


def test_the_verb_writes_the_page_beside_the_runs(
    ran: Ran, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verb around the study that this module has run already."""
    monkeypatch.setattr("inferon.report.study.study", lambda *arguments: ran.study)
    done = CommandLine(capsys)("report", ran.runs, "--json")
    assert done.code == 0, done.err
    assert done.document["report"] == str(ran.runs / "report.html")
    assert set(done.document["study"]["runs"]) == {run.run.name for run in ran.study.runs}
    # The same study gives the same page.
    assert (ran.runs / "report.html").read_text() == ran.text


def test_a_sample_that_moved_is_named_by_data(
    ran: Ran, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    moved = tmp_path / "elsewhere.h5"
    shutil.copy(ran.sample, moved)
    assert sample_of(find_runs(ran.runs), moved).sha256 == ran.study.sample.sha256
    other = tmp_path / "other.h5"
    write_sample(other, 300, seed=4)
    done = CommandLine(capsys)("report", ran.runs, "--data", other, "-o", tmp_path / "x.html")
    assert done.code == 2
    assert "was trained on another sample" in done.err
    assert not (tmp_path / "x.html").exists()


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ("nothing", "is no folder"),
        ("empty", "there is no run in"),
        ("broken", "is not the record of a run"),
        ("partial", "is not the record of a run (KeyError: 'sample')"),
    ],
)
def test_what_is_no_run_is_one_error(
    made: str, told: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = tmp_path / made
    if made != "nothing":
        folder.mkdir()
    if made in ("broken", "partial"):
        (folder / "model.onnx").write_bytes(b"")
        (folder / "run.json").write_text('{"split": {}}' if made == "partial" else "{")
    done = CommandLine(capsys)("report", folder)
    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert not list(tmp_path.rglob("*.html"))


def test_a_model_of_other_classes_is_refused(ran: Ran) -> None:
    sample = ran.study.sample
    fewer = replace(sample, jets=replace(sample.jets, class_names=(*CLASS_NAMES, "t")))
    run = replace(ran.study.groups[1].first.run, sample_sha256=fewer.sha256)
    label = fewer.jets.label.copy()
    label[:300] = 3
    with pytest.raises(DataError, match=r"gives \(3,\) numbers for a jet, .* 4 classes"):
        study([run], replace(fewer, jets=replace(fewer.jets, label=label)), Compiler())


def test_scores_shown_beside_jets_are_the_models(ran: Ran) -> None:
    run = ran.study.groups[0].first
    test = ran.study.sample.test_jets(run.run)
    (scores,) = interpret(run.graph, model_inputs(run.graph, test))
    for row, name in zip(ran.study.shown, CLASS_NAMES, strict=True):
        own = scores[test.label == CLASS_NAMES.index(name), 0]
        assert all(np.float32(jet.score) in own for jet in row)
