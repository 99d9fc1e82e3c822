"""``inferon data``: what is said while it works, what it says of wrong words, and its pictures."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from inferon.cli import data
from inferon.cli.main import main
from inferon.cli.terminal import Terminal
from inferon.errors import UsageError
from inferon.physics.jet_generation import Progress
from inferon.physics.jets import Jets
from inferon.physics.sample import load_jets, save_jets, shipped_jets
from inferon.report.jet_validation import jet_quantities, write_validation_plots
from tests.absent import needs_package

pytestmark = needs_package("h5py")

needs_generators = needs_package("pythia8mc", "fastjet")


@needs_generators
def test_jets_as_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file is jets.h5 where no name is given; the result is on stdout, progress on stderr."""
    monkeypatch.chdir(tmp_path)
    assert main(["data", "jets", "--events", "5", "--seed", "4", "--json"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    jets = load_jets(tmp_path / "jets.h5")
    assert (document["file"], document["jets"], document["clean"]) == ("jets.h5", len(jets), 5)
    assert jets.card is not None
    assert document["card"]["content_sha256"] == jets.card.content_sha256
    lines = err.splitlines()
    assert len(lines) == 6
    assert lines[0].split() == ["0", "s", "0", "of", "5", "jets"]
    assert lines[-1].endswith("5 of 5 jets")


@pytest.mark.parametrize("spelling", ["--events", "--jets", "-n"])
def test_three_spellings_of_the_size(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], spelling: str
) -> None:
    code = main(["data", "jets", "-o", str(tmp_path / "j.h5"), spelling, "3", "--json"])
    assert code == UsageError.exit_code
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["message"] == "jets must be 5 to 10,000,000, not 3"
    assert not list(tmp_path.iterdir())


def test_a_setting_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["data", "jets", "-o", str(tmp_path / "j.h5"), "--setting", "C"]
    assert main(words) == UsageError.exit_code
    assert "the setting must be A or B, not 'C'" in capsys.readouterr().err


class FakeTerminal(io.StringIO):
    """What rich takes for a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = FakeTerminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", screen)
    with data._progress(Terminal(False)) as show:
        show(Progress(0, 20_000, 0.0))
        show(Progress(20_000, 20_000, 90.0))
    text = screen.getvalue()
    assert "20000/20000" in text
    assert "\x1b[" in text  # the bar is redrawn in place


@pytest.fixture(scope="module")
def some() -> Jets:
    return shipped_jets().select(np.arange(2000))


@needs_package("matplotlib")
def test_plots_of_a_sample(some: Jets, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_jets(tmp_path / "jets.h5", some)
    words = ["data", "plots", str(tmp_path / "jets.h5"), "-o", str(tmp_path / "plots"), "--json"]
    assert main(words) == 0
    files = [Path(name) for name in json.loads(capsys.readouterr().out)["files"]]
    assert [path.name for path in files] == [
        "jets.svg", "jets.png", "constituents.svg", "constituents.png",
        "features.svg", "features.png",
    ]  # fmt: skip
    for path in files:
        content = path.read_bytes()
        if path.suffix == ".png":
            assert content.startswith(b"\x89PNG")
        else:
            assert ElementTree.fromstring(content).tag.endswith("svg")
    # The same jets give the same bytes.
    again = write_validation_plots(load_jets(tmp_path / "jets.h5"), tmp_path / "again")
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in files]


def test_what_is_drawn_of_a_jet(some: Jets) -> None:
    pt, mass, count, lead = jet_quantities(some)
    assert np.array_equal(pt.values, some.pt_gev.astype(np.float64))
    assert np.array_equal(mass.values, some.mass_gev.astype(np.float64))
    stored = np.count_nonzero(some.constituents[:, :, 0], axis=1)
    assert np.array_equal(np.minimum(count.values, 32), stored)
    less = jet_quantities(replace(some, features=None))[2]
    assert np.array_equal(less.values, stored)
    assert 0.0 < lead.values.min() <= lead.values.max() <= 1.0


def test_plots_of_no_sample(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "no.h5").write_text("no jets\n")
    assert main(["data", "plots", str(tmp_path / "no.h5"), "-o", str(tmp_path / "p")]) == 2
    assert capsys.readouterr().err.startswith("error: ")
    assert not (tmp_path / "p").exists()
