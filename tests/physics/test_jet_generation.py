"""Generating jets: the same seed gives the same bytes, also after an interruption."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from inferon.errors import ExtraMissing, OutputError, ToolError, UsageError
from inferon.physics import jet_generation
from inferon.physics.high_level_features import FEATURE_NAMES, high_level_features
from inferon.physics.jet_card import JetCard
from inferon.physics.jet_chunk import ChunkSpec, command
from inferon.physics.jet_classes import JET_CUTS
from inferon.physics.jet_generation import Progress, generate_jets
from inferon.physics.jets import Jets
from inferon.physics.sample import load_jets
from tests.absent import needs_package

SOURCE_PATH = {**os.environ, "PYTHONPATH": str(Path(jet_generation.__file__).parents[2])}

needs_generators = needs_package("pythia8mc", "fastjet", "h5py")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 clean jets a class, made in one go."""
    path = tmp_path_factory.mktemp("made") / "jets.h5"
    generate_jets(path, jets=60, seed=3, jobs=2)
    return path


def features_of(jets: Jets) -> NDArray[np.float32]:
    assert jets.features is not None
    return jets.features


def card_of(jets: Jets) -> JetCard:
    assert jets.card is not None
    return jets.card


@needs_generators
def test_a_new_sample_is_whole(made: Path) -> None:
    jets = load_jets(made)
    assert np.bincount(jets.label[jets.is_clean]).tolist() == [12] * 5
    assert not jets.is_clean.all()  # of 60 jets, 4 on average are not
    assert card_of(jets).recipe.seed == 3
    assert jets.title == "Pythia 8 jets, no detector"
    assert jets.constituents.shape[1:] == (64, 4)
    assert (np.diff(jets.constituents[:, :, 0], axis=1) <= 0.0).all()
    assert (jets.pt_gev > JET_CUTS.jet_pt_min_gev).all()
    assert [entry.name for entry in made.parent.iterdir()] == ["jets.h5"]


@needs_generators
def test_every_prefix_is_balanced_in_clean_jets(made: Path) -> None:
    jets = load_jets(made)
    counts = np.cumsum((jets.label[:, None] == np.arange(5)) & jets.is_clean[:, None], axis=0)
    assert (counts.max(axis=1) - counts.min(axis=1) <= 1).all()


@needs_generators
def test_the_features_are_those_of_all_constituents(made: Path) -> None:
    """Jets of at most 64 particles: from the file's own, rounded constituents the same numbers.

    pT moves by 2^-11 of itself and an angle by 2^-14 against 0.1 or more between the prongs of a
    heavy jet, so its groomed mass moves by less than 1 %.
    """
    jets = load_jets(made)
    multiplicity = features_of(jets)[:, FEATURE_NAMES.index("multiplicity")]
    stored = np.count_nonzero(jets.constituents[:, :, 0], axis=1)
    assert (stored == np.minimum(multiplicity, 64)).all()
    assert (multiplicity > 64).any()
    heavy = jets.select((stored < 64) & (features_of(jets)[:, FEATURE_NAMES.index("mass")] > 60.0))
    assert len(heavy) > 10
    for constituents, features in zip(heavy.constituents, features_of(heavy), strict=True):
        again = high_level_features(constituents)
        mass = FEATURE_NAMES.index("mass")
        assert abs(again[mass] / features[mass] - 1.0) < 0.01


def make_chunk_alone(spec: ChunkSpec, path: Path) -> Jets:
    subprocess.run(command(spec, path), check=True, capture_output=True, env=SOURCE_PATH)
    return load_jets(path)


def run_with_small_disk(out: Path, limit_bytes: int) -> subprocess.CompletedProcess[str]:
    """``inferon data jets`` where no file may grow beyond a limit, as on a disk that fills."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the error then comes from write()

    program = "import sys; from inferon.cli.main import main; sys.exit(main(sys.argv[1:]))"
    words = ["data", "jets", "-n", "60", "--seed", "3", "--jobs", "2", "-o", str(out)]
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        env=SOURCE_PATH, preexec_fn=limit, capture_output=True, text=True, check=False,
    )  # fmt: skip


@needs_generators
def test_a_run_survives_a_full_disk_damage_and_an_interruption(made: Path, tmp_path: Path) -> None:
    """There is room for each part and not for the whole; then all else goes wrong, too."""
    out, parts = tmp_path / "jets.h5", tmp_path / "jets.h5.parts"
    full = run_with_small_disk(out, made.stat().st_size - 1)
    assert full.returncode == OutputError.exit_code, full.stderr
    last_line = full.stderr.strip().splitlines()[-1]
    assert last_line.startswith(f"error: cannot write {out}: File too large")
    assert [entry.name for entry in tmp_path.iterdir()] == ["jets.h5.parts"]
    assert len(list(parts.iterdir())) == 5
    (parts / "g-000000.h5").write_bytes(made.read_bytes()[:100])
    make_chunk_alone(ChunkSpec(4, 0, 12, seed=4), parts / "t-000000.h5")

    def interrupt(progress: Progress) -> None:
        if progress.jets_done > 36:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate_jets(out, jets=60, seed=3, jobs=1, on_progress=interrupt)
    assert not out.exists()
    seen: list[Progress] = []
    generate_jets(out, jets=60, seed=3, jobs=2, on_progress=seen.append)
    # Neither the damaged chunk nor the one of another seed counted as done at first.
    assert seen[0].jets_done >= 48
    assert seen[-1].jets_done == seen[-1].jets_total == 60
    assert out.read_bytes() == made.read_bytes()
    assert [entry.name for entry in tmp_path.iterdir()] == ["jets.h5"]


@needs_generators
def test_a_disk_without_room_for_a_part_is_one_error(tmp_path: Path) -> None:
    full = run_with_small_disk(tmp_path / "jets.h5", 4096)
    assert full.returncode == OutputError.exit_code, full.stderr
    last_line = full.stderr.strip().splitlines()[-1]
    assert last_line.startswith("error: cannot write")
    assert "the same command goes on from the finished parts" in last_line
    assert not list((tmp_path / "jets.h5.parts").iterdir())


@needs_generators
def test_fewer_jets_are_the_first_of_more(made: Path, tmp_path: Path) -> None:
    few = make_chunk_alone(ChunkSpec(2, 0, 3, seed=3, constituents=16), tmp_path / "few.h5")
    more = load_jets(made)
    same = more.select(np.flatnonzero(more.label == 2)[: len(few)])
    assert np.array_equal(few.constituents, same.constituents[:, :16])
    assert np.array_equal(few.event_id, same.event_id)


@needs_generators
def test_jets_that_are_not_clean_are_kept_and_flagged_or_left_out(tmp_path: Path) -> None:
    """Both samples have the same clean jets; a top jet is clean with probability 0.845."""
    spec = ChunkSpec(4, 0, 40, seed=5)
    every = make_chunk_alone(spec, tmp_path / "all.h5")
    clean = make_chunk_alone(replace(spec, matched_only=True), tmp_path / "clean.h5")
    assert len(clean) == np.count_nonzero(every.is_clean) == 40
    assert clean.is_clean.all()
    assert np.array_equal(clean.constituents, every.select(every.is_clean).constituents)
    # Before 40 clean jets come 40 * 0.155 / 0.845 = 7.3 others, with a standard error of 2.9.
    assert 0 < len(every) - 40 < 7.3 + 4 * 2.9
    (tally,) = card_of(every).classes
    assert tally.jets_kept == len(every)
    assert tally.jets_in_cuts >= len(every) >= tally.jets_clean >= 40
    assert card_of(clean).recipe.matched_only


@needs_generators
def test_a_generator_that_fails_is_one_error_and_leaves_no_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHIA8DATA", str(tmp_path / "no-such-folder"))
    with pytest.raises(ToolError, match="the jet generator failed on class") as caught:
        generate_jets(tmp_path / "jets.h5", jets=5, jobs=1)
    assert caught.value.log
    assert not (tmp_path / "jets.h5").exists()


def test_a_missing_package_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jet_generation, "find_spec", lambda name: None)
    with pytest.raises(ExtraMissing, match=r"pip install 'inferon\[physics\]'"):
        generate_jets(tmp_path / "jets.h5", jets=5)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"jets": 4}, "jets must be 5 to"),
        ({"jets": 10**9}, "jets must be 5 to"),
        ({"seed": -1}, "the seed must be 0 or positive"),
        ({"jobs": 0}, "jobs must be 1 or more"),
        ({"constituents": 0}, "constituents must be 1 to"),
        ({"pileup": -1.0}, "pileup must be 0 to"),
        ({"pileup": float("nan")}, "pileup must be 0 to"),
        ({"setting": "C"}, "the setting must be A or B, not 'C'"),
    ],
)
def test_arguments_out_of_range(tmp_path: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        generate_jets(tmp_path / "jets.h5", **arguments)
    assert not list(tmp_path.iterdir())


@needs_generators
def test_places_that_cannot_be_written_are_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is a folder"):
        generate_jets(tmp_path)
    with pytest.raises(OutputError, match="cannot write beside"):
        generate_jets(tmp_path / "absent" / "jets.h5")
