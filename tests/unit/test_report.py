"""The demonstration and its report, whole: the shipped taggers on the shipped jets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from inferon.cli.main import main
from inferon.physics.event_split import split_by_event
from inferon.report.run_sample import sample_of
from inferon.report.runs import shipped_runs
from tests.absent import needs_package, needs_tool
from tests.report.browser import Outline
from tests.unit.command_line import CommandLine

pytestmark = [needs_tool("g++"), needs_package("onnxruntime", "matplotlib", "h5py")]

NAMES = {"jets_mlp", "jets_deepsets"}


@dataclass(frozen=True)
class Ran:
    """The folder of one demonstration."""

    folder: Path

    @property
    def numbers(self) -> dict[str, dict[str, object]]:
        return dict(json.loads((self.folder / "report.json").read_text()))


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("demo")
    assert main(["demo", "-o", str(folder)]) == 0
    return Ran(folder)


def test_the_folder_holds_the_page_the_numbers_and_the_code(ran: Ran) -> None:
    names = sorted(path.name for path in ran.folder.iterdir())
    firmware = "jets_mlp_6bit_rtl"
    assert names == ["jets_deepsets_cpp", firmware, "jets_mlp_cpp", "report.html", "report.json"]
    for name in NAMES:
        assert list((ran.folder / f"{name}_cpp").glob("*.hpp"))


def test_both_taggers_are_proven_compared_and_measured(ran: Ran) -> None:
    runs = ran.numbers["runs"]
    assert len(runs) == 2
    for found in json.loads(json.dumps(list(runs.values()))):
        assert found["bits"]["events"] >= 16
        assert 0.0 < found["onnxruntime"]["worst_peer"] <= 1.0
        assert [each["events"] for each in found["benchmark"]["timings"]][:2] == [1, 4]
        assert list(found["classes"]) == ["q", "g", "W", "Z", "t"]


def test_accuracy_and_areas_are_those_of_the_training_log(ran: Ran) -> None:
    """The log has torch's scores of the same jets; a jet or two may lie on the edge."""
    found = json.loads(json.dumps(ran.numbers["runs"]))
    for run in shipped_runs():
        log = json.loads(run.model.with_suffix(".json").read_text())["test"]["matched"]
        ours = found[run.name]
        assert ours["test_jets"] == log["jets"]
        assert abs(ours["accuracy"]["value"] - log["accuracy"]["value"]) <= 2 / log["jets"]
        for name, each in ours["classes"].items():
            logged = log["classes"][name]["auc"]["value"]
            assert abs(each["auc"]["value"] - logged) <= 2 / log["jets"]


def test_test_jets_are_those_that_training_did_not_see() -> None:
    runs = shipped_runs()
    sample = sample_of(runs)
    for run in runs:
        test = sample.test_jets(run)
        split = split_by_event(
            sample.jets.event_id, train=run.train, validation=run.validation, seed=run.split_seed
        )
        seen = sample.jets.select(split.train | split.validation)
        assert not set(test.event_id) & set(seen.event_id)


def test_the_page_shows_both(ran: Ran) -> None:
    outline = Outline.of((ran.folder / "report.html").read_text())
    for run in shipped_runs():
        assert run.title in outline.text
    assert "inferon demo" in outline.text
    assert all(link.startswith("#") for link in outline.links)


def test_the_demo_without_a_compiler_is_one_error(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    done = CommandLine(capsys)("demo", "-o", tmp_path / "demo", "--compiler", "no-such-compiler")
    assert (done.code, done.out) == (4, "")
    assert done.err.splitlines()[-1].startswith("error: no-such-compiler is not installed")
    assert not list(tmp_path.rglob("*.hpp"))
