"""Generating jets: the same seed gives the same bytes, also after an interruption."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from inferon.errors import ExtraMissing, OutputError, ToolError, UsageError
from inferon.physics import jet_generation
from inferon.physics.jet_chunk import ChunkSpec, command
from inferon.physics.jet_classes import JET_CUTS
from inferon.physics.jet_generation import Progress, generate_jets, print_progress
from inferon.physics.sample import Jets, load_jets
from tests.absent import needs_package

SOURCE_PATH = {**os.environ, "PYTHONPATH": str(Path(jet_generation.__file__).parents[2])}

needs_generators = needs_package("pythia8mc", "fastjet")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 jets a class, made in one go."""
    path = tmp_path_factory.mktemp("made") / "jets.npz"
    generate_jets(path, jets=100, seed=3, jobs=2)
    return path


@needs_generators
def test_a_new_sample_is_whole(made: Path) -> None:
    jets = load_jets(made)
    assert np.bincount(jets.label).tolist() == [20] * 5
    assert jets.matched.all()
    assert jets.card.recipe.seed == 3
    pt = jets.constituents[:, :, 0]
    assert (np.diff(pt, axis=1) <= 0.0).all()
    assert (jets.pt_gev > JET_CUTS.jet_pt_min_gev).all()
    assert [entry.name for entry in made.parent.iterdir()] == ["jets.npz"]


def make_chunk_alone(spec: ChunkSpec, path: Path) -> Jets:
    subprocess.run(command(spec, path), check=True, capture_output=True, env=SOURCE_PATH)
    return load_jets(path)


@needs_generators
def test_an_interrupted_run_continues_and_ends_in_the_same_bytes(
    made: Path, tmp_path: Path
) -> None:
    out, parts = tmp_path / "jets.npz", tmp_path / "jets.npz.parts"
    parts.mkdir()
    make_chunk_alone(ChunkSpec(4, 0, 20, seed=4, matched_only=True), parts / "t-000000.npz")

    def interrupt(progress: Progress) -> None:
        if progress.jets_done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate_jets(out, jets=100, seed=3, jobs=1, on_progress=interrupt)
    assert not out.exists()
    finished = [path for path in parts.iterdir() if path.name != "t-000000.npz"]
    assert 1 <= len(finished) < 5
    damaged = parts / "g-000000.npz"
    damaged.write_bytes(made.read_bytes()[:100])
    seen: list[Progress] = []
    generate_jets(out, jets=100, seed=3, jobs=2, on_progress=seen.append)
    # Neither the damaged chunk nor the one of another seed counts as done.
    assert seen[0].jets_done == 20 * len([path for path in finished if path != damaged])
    assert seen[-1].jets_done == seen[-1].jets_total == 100
    assert out.read_bytes() == made.read_bytes()


@needs_generators
def test_fewer_jets_are_the_first_of_more(made: Path, tmp_path: Path) -> None:
    few = make_chunk_alone(ChunkSpec(2, 0, 3, seed=3, matched_only=True), tmp_path / "few.npz")
    more = load_jets(made)
    same = more.select(np.flatnonzero(more.label == 2)[:3])
    assert np.array_equal(few.constituents, same.constituents)
    assert np.array_equal(few.event_id, same.event_id)


@needs_generators
def test_unmatched_jets_are_kept_on_request_and_flagged(tmp_path: Path) -> None:
    jets = make_chunk_alone(ChunkSpec(4, 0, 60, seed=5, matched_only=False), tmp_path / "t.npz")
    # A top jet is matched with probability 0.845: 60 hold 9 +- 3 that are not.
    assert 0 < np.count_nonzero(~jets.matched) < 22
    assert not jets.card.recipe.matched_only
    (tally,) = jets.card.classes
    assert tally.jets_in_cuts - tally.jets_matched >= np.count_nonzero(~jets.matched)


@needs_generators
def test_a_generator_that_fails_is_one_error_and_leaves_no_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHIA8DATA", str(tmp_path / "no-such-folder"))
    with pytest.raises(ToolError, match="the jet generator failed on class") as caught:
        generate_jets(tmp_path / "jets.npz", jets=5, jobs=1)
    assert caught.value.log
    assert not (tmp_path / "jets.npz").exists()


def test_a_missing_package_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jet_generation, "find_spec", lambda name: None)
    with pytest.raises(ExtraMissing, match=r"pip install 'inferon\[physics\]'"):
        generate_jets(tmp_path / "jets.npz", jets=5)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"jets": 4}, "jets must be 5 to"),
        ({"jets": 10**9}, "jets must be 5 to"),
        ({"seed": -1}, "the seed must be 0 or positive"),
        ({"jobs": 0}, "jobs must be 1 or more"),
    ],
)
def test_arguments_out_of_range(tmp_path: Path, arguments: dict[str, int], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        generate_jets(tmp_path / "jets.npz", **arguments)  # type: ignore[arg-type]


@needs_generators
def test_places_that_cannot_be_written_are_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is a folder"):
        generate_jets(tmp_path)
    with pytest.raises(OutputError, match="cannot write beside"):
        generate_jets(tmp_path / "absent" / "jets.npz")


def test_progress_goes_to_stderr_alone(capsys: pytest.CaptureFixture[str]) -> None:
    print_progress(Progress(1000, 20_000, 7.2))
    print_progress(Progress(20_000, 20_000, 90.0))
    out, err = capsys.readouterr()
    assert not out
    assert err == "\r1,000 of 20,000 jets, 7 s\r20,000 of 20,000 jets, 90 s\n"
